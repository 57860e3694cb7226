#include "Window.h"

#include "Numbers.h"

using namespace mlir;

namespace winnow::import {

/// Kernels with more positions would become too many ops.
static constexpr int64_t kMaxTaps = 256;

bool Window::isPadded() const {
  return llvm::any_of(llvm::seq(rank()), [&](size_t i) { return isPadded(i); });
}

bool Window::isPartition() const {
  return !isPadded() && strides == kernel &&
         llvm::all_of(dilations, [](int64_t x) { return x == 1; });
}

Window Window::only(size_t i) const {
  return {{kernel[i]}, {strides[i]},    {dilations[i]}, {before[i]},
          {after[i]},  {completion[i]}, {starts[i]},    {counts[i]}};
}

//===----------------------------------------------------------------------===//
// Attributes
//===----------------------------------------------------------------------===//

/// Padding such that there are ceil(size / stride) windows, in equal parts before
/// and after. Of a dynamic dimension they follow from its remainder: the most
/// that may be needed is padded, and the windows start where they should.
static void padToSame(OpImporter &n, Window &w, size_t i, bool isUpper) {
  AffineExpr dim = n.dims(0)[i + 2];
  int64_t stride = w.strides[i], reach = w.reach(i);
  auto split = [&](int64_t total) {
    w.before[i] = isUpper ? total / 2 : total - total / 2;
    w.after[i] = total - w.before[i];
  };
  if (std::optional<int64_t> size = getConstantDim(dim)) {
    int64_t count = (*size + stride - 1) / stride;
    return split(std::max<int64_t>((count - 1) * stride + reach - *size, 0));
  }
  if (stride == 1 || reach == 1)
    return split(reach - 1);
  if (reach < stride)
    return n.unsupported("auto_pad of a dynamic dimension with windows that do not touch",
                         "fix it with --dim NAME=SIZE");
  split(reach - 1);
  AffineExpr total = (-dim) % stride + (reach - stride), half = total.floorDiv(2);
  w.starts[i] = normalizeDim(w.before[i] - (isUpper ? half : total - half));
  w.counts[i] = normalizeDim(dim.ceilDiv(stride));
}

/// Adds what completes the last window, which must start within the input or
/// the padding before it.
static void roundUp(OpImporter &n, Window &w, size_t i) {
  AffineExpr dim = n.dims(0)[i + 2];
  int64_t stride = w.strides[i], reach = w.reach(i), before = w.before[i];
  if (w.after[i] < reach && divideDim(dim + before + w.after[i] - reach, n.constant(stride)))
    return;
  int64_t after = std::min(w.after[i] + stride - 1, reach - 1);
  if (std::optional<int64_t> size = getConstantDim(dim)) {
    int64_t room = *size + before + after - reach;
    after = std::max<int64_t>(after - (room < 0 ? 0 : room % stride), 0);
  }
  w.completion[i] = std::max<int64_t>(after - w.after[i], 0);
  w.after[i] = after;
}

SmallVector<int64_t> getKernel(OpImporter &n, ArrayRef<AffineExpr> dims, bool canBeDynamic) {
  std::optional<SmallVector<int64_t>> given = n.intsAttr("kernel_shape");
  if (given && given->size() != dims.size())
    n.invalid("expected " + Twine(dims.size()) + " kernel_shape, got " + Twine(given->size()));
  SmallVector<int64_t> kernel;
  for (auto [i, dim] : llvm::enumerate(dims)) {
    std::optional<int64_t> size = getConstantDim(dim);
    if (!size && given && !n.failed()) {
      size = (*given)[i];
      n.unify(dim, n.constant(*size), "the weights' dimension " + Twine(i + 2) +
                                          " and kernel_shape");
    }
    if (size && *size < 1 && !n.failed())
      n.unsupported("an empty kernel");
    kernel.push_back(size.value_or(0));
  }
  if (!llvm::is_contained(kernel, 0) || n.failed())
    return kernel;
  if (!canBeDynamic)
    n.unsupported("a dynamic kernel", "give the weights a static shape");
  return SmallVector<int64_t>(kernel.size(), 0);
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
        n.invalid("expected " + name + " in [" + Twine(least) + ", " + Twine(INT32_MAX) +
                  "], got " + Twine(value));
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
  bool isCeil = n.intAttr("ceil_mode", 0), isSame = StringRef(autoPad).starts_with("SAME");
  if (n.failed())
    return w;
  if (autoPad != "NOTSET" && autoPad != "VALID" && autoPad != "SAME_UPPER" &&
      autoPad != "SAME_LOWER")
    n.invalid("expected auto_pad NOTSET, VALID, SAME_UPPER or SAME_LOWER, got '" + autoPad + "'");
  if (autoPad != "NOTSET")
    pads.assign(2 * rank, 0);
  w.before.assign(pads.begin(), pads.begin() + rank);
  w.after.assign(pads.begin() + rank, pads.end());
  w.completion.assign(rank, 0);
  w.starts.assign(rank, n.constant(0));
  w.counts.assign(rank, nullptr);
  if (w.isDynamic() && isSame)
    n.unsupported("auto_pad with a dynamic kernel", "give the weights a static shape");
  for (size_t i = 0; i < rank && !n.failed(); ++i) {
    if (isSame)
      padToSame(n, w, i, autoPad == "SAME_UPPER");
    else if (isCeil)
      roundUp(n, w, i);
  }
  return w;
}

//===----------------------------------------------------------------------===//
// Taps
//===----------------------------------------------------------------------===//

Value pad(OpImporter &n, Value input, const Window &window, size_t i, double fill) {
  if (n.failed())
    return nullptr;
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
  return parts.size() > 1 ? n.concat(parts, i + 2) : input;
}

Value pad(OpImporter &n, Value input, const Window &window, double fill) {
  for (size_t i = 0; i < window.rank(); ++i)
    input = pad(n, input, window, i, fill);
  return input;
}

AffineExpr countWindows(OpImporter &n, AffineExpr padded, const Window &w, size_t i) {
  if (w.counts[i])
    return w.counts[i];
  AffineExpr room = normalizeDim(padded - w.reach(i));
  bool isPossible = n.symbols.isNonNegative(room) != false;
  if (isPossible && n.dependsOnData(room)) {
    // What data gives is checked when it is there.
    Numbers m(n);
    m.require(m.less(m.constant(-1), m.size(room)));
  } else if (!n.symbols.requireNonNegative(room, "node " + n.name + " (" + n.node.op_type() +
                                                     ") has a window of " + Twine(w.reach(i)))) {
    n.invalid("expected dimension " + Twine(i + 2) + " of at least " + Twine(w.reach(i)) +
              " elements with padding, got " + n.text(padded));
    return nullptr;
  }
  return normalizeDim(room.floorDiv(w.strides[i]) + 1);
}

static bool checkTaps(OpImporter &n, int64_t numTaps) {
  if (numTaps > kMaxTaps)
    n.unsupported("an overlapping window of more than " + Twine(kMaxTaps) + " elements");
  return !n.failed();
}

static Value getTap(OpImporter &n, Value padded, const Window &w, size_t i, AffineExpr count,
                    int64_t position) {
  return n.sliceDim(padded, i + 2, w.starts[i] + position * w.dilations[i], count, w.strides[i]);
}

SmallVector<Value> getTaps(OpImporter &n, Value padded, const Window &w, size_t i) {
  if (n.failed() || !checkTaps(n, w.kernel[i]))
    return {};
  AffineExpr count = countWindows(n, n.dims(padded)[i + 2], w, i);
  SmallVector<Value> taps;
  for (int64_t tap = 0; tap < w.kernel[i] && !n.failed(); ++tap)
    taps.push_back(getTap(n, padded, w, i, count, tap));
  return taps;
}

SmallVector<Value> getTaps(OpImporter &n, Value padded, const Window &w) {
  if (n.failed())
    return {};
  int64_t numTaps = 1;
  for (int64_t size : w.kernel) {
    numTaps = size > kMaxTaps ? kMaxTaps + 1 : numTaps * size;
    if (!checkTaps(n, numTaps))
      return {};
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
    for (size_t i = w.rank(); i-- > 0; rest /= w.kernel[i])
      part = getTap(n, part, w, i, counts[i], rest % w.kernel[i]);
    taps.push_back(part);
  }
  return taps;
}

} // namespace winnow::import
