#include "Window.h"
#include "OpTable.h"

#include <limits>

using namespace mlir;

namespace winnow::import {

/// Kernels with more positions would become too many ops.
static constexpr int64_t kMaxTaps = 256;

bool Window::isPadded() const {
  return llvm::any_of(before, [](int64_t x) { return x != 0; }) ||
         llvm::any_of(after, [](int64_t x) { return x != 0; });
}

bool Window::isPartition() const {
  return !isPadded() && strides == kernel &&
         llvm::all_of(dilations, [](int64_t x) { return x == 1; });
}

Window getWindow(OpImporter &n, ArrayRef<int64_t> kernel) {
  Window w;
  size_t rank = n.rank(0) < 3 ? 0 : n.rank(0) - 2;
  if (rank == 0)
    n.invalid("expected an input of rank 3 or more, got rank " + Twine(n.rank(0)));
  auto get = [&](StringRef name, size_t size, int64_t otherwise, int64_t least) {
    SmallVector<int64_t> values = n.intsAttr(name).value_or(SmallVector<int64_t>(size, otherwise));
    if (values.size() != size)
      n.invalid("expected " + Twine(size) + " " + name + ", got " + Twine(values.size()));
    for (int64_t value : values)
      if (value < least || value > INT32_MAX)
        n.invalid("expected " + name + " of " + Twine(least) + " or more, got " + Twine(value));
    return values;
  };
  w.kernel = get("kernel_shape", rank, 0, kernel.empty() ? 1 : 0);
  if (!kernel.empty()) {
    if (n.hasAttr("kernel_shape") && ArrayRef(w.kernel) != kernel)
      n.invalid("expected kernel_shape to be that of the weights");
    w.kernel.assign(kernel.begin(), kernel.end());
  }
  w.strides = get("strides", rank, 1, 1);
  w.dilations = get("dilations", rank, 1, 1);
  SmallVector<int64_t> pads = get("pads", 2 * rank, 0, 0);
  std::string autoPad = n.stringAttr("auto_pad", "NOTSET");
  bool isCeil = n.intAttr("ceil_mode", 0);
  if (n.failed())
    return w;
  w.before.assign(pads.begin(), pads.begin() + rank);
  w.after.assign(pads.begin() + rank, pads.end());
  if (autoPad == "SAME_UPPER" || autoPad == "SAME_LOWER") {
    for (size_t i = 0; i < rank; ++i) {
      std::optional<int64_t> size = getConstantDim(n.dims(0)[i + 2]);
      if (!size) {
        n.unsupported("auto_pad of a dynamic dimension", "fix it with --dim NAME=SIZE");
        return w;
      }
      int64_t outputs = (*size + w.strides[i] - 1) / w.strides[i];
      int64_t reach = (w.kernel[i] - 1) * w.dilations[i] + 1;
      int64_t total = std::max<int64_t>((outputs - 1) * w.strides[i] + reach - *size, 0);
      w.before[i] = autoPad == "SAME_UPPER" ? total / 2 : total - total / 2;
      w.after[i] = total - w.before[i];
    }
  } else if (autoPad == "VALID") {
    w.before.assign(rank, 0);
    w.after.assign(rank, 0);
  } else if (autoPad != "NOTSET") {
    n.invalid("expected auto_pad NOTSET, VALID, SAME_UPPER or SAME_LOWER, got '" + autoPad + "'");
  }
  // Rounding up matters only where windows do not come out even.
  for (size_t i = 0; isCeil && i < rank; ++i) {
    AffineExpr room = n.dims(0)[i + 2] + w.before[i] + w.after[i] -
                      ((w.kernel[i] - 1) * w.dilations[i] + 1);
    if (!divideDim(room, n.constant(w.strides[i])))
      n.unsupported("ceil_mode with a partial window in dimension " + Twine(i + 2));
  }
  return w;
}

Value pad(OpImporter &n, Value input, const Window &window, double fill) {
  if (n.failed())
    return nullptr;
  for (size_t i = 0; i < window.rank(); ++i) {
    SmallVector<Value> parts;
    auto add = [&](int64_t count) {
      if (count == 0 || n.failed())
        return;
      Dims dims = n.dims(input);
      dims[i + 2] = n.constant(count);
      parts.push_back(n.broadcastTo(n.scalarLike(input, fill), dims));
    };
    add(window.before[i]);
    parts.push_back(input);
    add(window.after[i]);
    if (parts.size() > 1)
      input = n.concat(parts, i + 2);
  }
  return input;
}

/// How many windows fit; null with an error if that may be none.
static AffineExpr countWindows(OpImporter &n, AffineExpr size, const Window &w, size_t i) {
  int64_t reach = (w.kernel[i] - 1) * w.dilations[i] + 1;
  AffineExpr room = normalizeDim(size - reach);
  if (!n.symbols.requireNonNegative(room, "node " + n.name + " (" + n.node.op_type() +
                                              ") has a window of " + Twine(reach))) {
    n.invalid("expected dimension " + Twine(i + 2) + " of at least " + Twine(reach) +
              " elements with padding, got " + n.text(size));
    return nullptr;
  }
  return normalizeDim(room.floorDiv(w.strides[i]) + 1);
}

SmallVector<Value> getTaps(OpImporter &n, Value padded, const Window &w) {
  if (n.failed())
    return {};
  int64_t numTaps = 1;
  for (int64_t size : w.kernel) {
    numTaps = size > kMaxTaps ? kMaxTaps + 1 : numTaps * size;
    if (numTaps > kMaxTaps) {
      n.unsupported("an overlapping window of more than " + Twine(kMaxTaps) + " elements");
      return {};
    }
  }
  Dims dims = n.dims(padded);
  SmallVector<AffineExpr> counts;
  for (size_t i = 0; i < w.rank(); ++i)
    counts.push_back(countWindows(n, dims[i + 2], w, i));
  if (n.failed())
    return {};
  SmallVector<Value> taps;
  for (int64_t tap = 0; tap < numTaps; ++tap) {
    Value part = padded;
    int64_t rest = tap;
    for (size_t i = w.rank(); i-- > 0;) {
      int64_t position = rest % w.kernel[i];
      rest /= w.kernel[i];
      part = n.sliceDim(part, i + 2, n.constant(position * w.dilations[i]), counts[i],
                        w.strides[i]);
    }
    taps.push_back(part);
  }
  return taps;
}

//===----------------------------------------------------------------------===//
// Pools
//===----------------------------------------------------------------------===//

template <typename OpTy> static Value combine(OpImporter &n, ArrayRef<Value> taps) {
  if (taps.empty())
    return nullptr;
  Value result = taps.front();
  for (Value tap : taps.drop_front())
    result = n.make<OpTy>(result, tap);
  return result;
}

static void importMaxPool(OpImporter &n) {
  Window w = getWindow(n, {});
  if (!n.failed() && !isa<FloatType>(n.elementType(0)))
    return n.unsupported("a pool of integers");
  double lowest = -std::numeric_limits<double>::infinity();
  n.set(combine<MaximumOp>(n, getTaps(n, pad(n, n.in(0), w, lowest), w)));
}

/// The mean counts the padding under `count_include_pad`; otherwise a pool of
/// ones counts the elements.
static void importAveragePool(OpImporter &n) {
  Window w = getWindow(n, {});
  bool countsPadding = n.intAttr("count_include_pad", 0);
  Value x = n.in(0);
  SmallVector<Value> taps = getTaps(n, pad(n, x, w, 0), w);
  Value sum = combine<AddOp>(n, taps);
  if (n.failed())
    return;
  if (countsPadding || !w.isPadded())
    return n.set(n.make<DivOp>(sum, n.scalarLike(x, taps.size())));
  Value ones = n.broadcastTo(n.scalarLike(x, 1), n.dims(0));
  n.set(n.make<DivOp>(sum, combine<AddOp>(n, getTaps(n, pad(n, ones, w, 0), w))));
}

template <ReduceKind kind> static void importGlobalPool(OpImporter &n) {
  if (n.rank(0) < 3)
    return n.invalid("expected an input of rank 3 or more, got rank " + Twine(n.rank(0)));
  SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(2, n.rank(0)));
  n.set(n.reduce(kind, n.in(0), axes, /*keepdims=*/true));
}

ArrayRef<OpEntry> getPoolOps() {
  static const OpEntry ops[] = {
      {"AveragePool", 7, kMaxOpset, 1, 1, importAveragePool},
      {"GlobalAveragePool", 1, kMaxOpset, 1, 1, importGlobalPool<ReduceKind::Mean>},
      {"GlobalMaxPool", 1, kMaxOpset, 1, 1, importGlobalPool<ReduceKind::Max>},
      {"MaxPool", 1, kMaxOpset, 1, 1, importMaxPool},
  };
  return ops;
}

} // namespace winnow::import
