#include "CropPad.h"
#include "OpTable.h"
#include "Window.h"

#include <cmath>
#include <limits>

using namespace mlir;

namespace winnow::import {

// What pools compute over a window (a maximum, a sum) can be taken along one
// dimension after the other: k + k ops for a window of k x k, not k^2.

//===----------------------------------------------------------------------===//
// Windows
//===----------------------------------------------------------------------===//

/// Windows that do not overlap are reduced if they are longer than this.
static constexpr int64_t kFewTaps = 8;

/// Combines the elements of each window along one dimension.
template <typename OpTy, ReduceKind kind>
static Value combineDim(OpImporter &n, Value x, const Window &w, size_t i) {
  if (n.failed())
    return nullptr;
  Dims dims = n.dims(x);
  int64_t size = w.kernel[i], axis = i + 2;
  if (size == w.strides[i] && w.dilations[i] == 1 && size > kFewTaps) {
    AffineExpr count = countWindows(n, dims[axis], w, i);
    if (n.failed())
      return nullptr;
    x = n.sliceDim(x, axis, w.starts[i], normalizeDim(count * size));
    dims[axis] = count;
    dims.insert(dims.begin() + axis + 1, n.constant(size));
    return n.reduce(kind, n.reshape(x, dims), {axis + 1}, /*keepdims=*/false);
  }
  Value result;
  for (Value tap : getTaps(n, x, w, i))
    result = result ? n.make<OpTy>(result, tap) : tap;
  return result;
}

/// Combines the elements of each window; `fill` is what the padding holds.
template <typename OpTy, ReduceKind kind>
static Value combine(OpImporter &n, Value x, const Window &w, double fill) {
  for (size_t i = w.rank(); i-- > 0;)
    x = combineDim<OpTy, kind>(n, pad(n, x, w, i, fill), w, i);
  return x;
}

static Value sumWindows(OpImporter &n, Value x, const Window &w) {
  return combine<AddOp, ReduceKind::Sum>(n, x, w, 0);
}

/// Sums of narrow floats are kept in f32.
static Type getSumType(OpImporter &n) {
  Type element = n.elementType(0);
  if (!isa<FloatType>(element))
    n.unsupported("a mean or norm of integers");
  return element.isF16() || element.isBF16() ? n.b.getF32Type() : element;
}

//===----------------------------------------------------------------------===//
// Maximum
//===----------------------------------------------------------------------===//

/// Less than or equal to every value of the type.
static double getLowest(Type element) {
  auto integer = dyn_cast<IntegerType>(element);
  if (!integer)
    return -std::numeric_limits<double>::infinity();
  return integer.isUnsigned() ? 0 : -std::ldexp(1.0, integer.getWidth() - 1);
}

/// i * step along one dimension.
static Value makeSteps(OpImporter &n, size_t axis, AffineExpr size, AffineExpr step) {
  Type i64 = n.b.getI64Type();
  Dims along(n.rank(0), n.constant(1));
  along[axis] = size;
  Value steps = n.makeKnown(KnownTensor{i64, {}, {step}});
  return n.make<MulOp>(n.reshape(n.iota(size, i64), along), steps);
}

namespace {
struct Best {
  Value value;
  /// Where it is, as one number; negative in the padding.
  Value position;
};
} // namespace

/// The first of the greatest elements of each window along one dimension.
static Best findBest(OpImporter &n, Best from, const Window &w, size_t i) {
  double lowest = getLowest(n.elementType(0));
  SmallVector<Value> values = getTaps(n, pad(n, from.value, w, i, lowest), w, i);
  SmallVector<Value> positions = getTaps(n, pad(n, from.position, w, i, -1), w, i);
  if (n.failed())
    return {};
  Best best{values.front(), positions.front()};
  for (auto [value, position] : llvm::drop_begin(llvm::zip_equal(values, positions))) {
    Value isGreater = n.compare(ComparePredicate::GT, value, best.value);
    Value isFirst = n.compare(ComparePredicate::LT, best.position, n.scalarLike(position, 0));
    best.position = n.make<SelectOp>(n.make<OrOp>(isGreater, isFirst), position, best.position);
    best.value = n.make<MaximumOp>(best.value, value);
  }
  return best;
}

/// With the positions of the maxima in the flattened input; `storage_order` is
/// that of the spatial dimensions.
static void importMaxPoolWithIndices(OpImporter &n, const Window &w) {
  bool isColumnMajor = n.intAttr("storage_order", 0);
  Dims dims = n.dims(0);
  AffineExpr planeSize = n.constant(1);
  Value positions;
  for (size_t i = 0; i < w.rank() && !n.failed(); ++i) {
    size_t axis = 2 + (isColumnMajor ? i : w.rank() - 1 - i);
    Value steps = makeSteps(n, axis, dims[axis], planeSize);
    positions = positions ? n.make<AddOp>(positions, steps) : steps;
    planeSize = normalizeDim(planeSize * dims[axis]);
  }
  Best best{n.in(0), positions};
  for (size_t i = w.rank(); i-- > 0;)
    best = findBest(n, best, w, i);
  Value planes = n.make<AddOp>(makeSteps(n, 0, dims[0], normalizeDim(dims[1] * planeSize)),
                               makeSteps(n, 1, dims[1], planeSize));
  n.set(0, best.value);
  n.set(1, n.make<AddOp>(best.position, planes));
}

static void importMaxPool(OpImporter &n) {
  Window w = getWindow(n, {});
  if (n.failed())
    return;
  if (n.getOutputs().size() > 1)
    return importMaxPoolWithIndices(n, w);
  double lowest = getLowest(n.elementType(0));
  n.set(combine<MaximumOp, ReduceKind::Max>(n, n.in(0), w, lowest));
}

/// Every element goes where it was before MaxPool, the rest is 0. The positions
/// count in the tensor that the attributes imply, whose front the given shape
/// may extend.
static void importMaxUnpool(OpImporter &n) {
  Window w = getWindow(n, {});
  Dims dims = n.dims(0), from = dims;
  if (n.rank(1) != n.rank(0))
    return n.invalid("expected as many dimensions of the indices as of the input, got " +
                     Twine(n.rank(1)) + " and " + Twine(n.rank(0)));
  for (auto [i, dim] : llvm::enumerate(dims))
    n.unify(dim, n.dims(1)[i], "dimension " + Twine(i) + " of input and indices");
  if (n.failed())
    return;
  for (size_t i = 0; i < w.rank(); ++i)
    dims[i + 2] = normalizeDim((dims[i + 2] - 1) * w.strides[i] - w.before[i] - w.after[i] +
                               w.kernel[i]);
  Dims flat = {getNumElements(dims, n.b.getContext())};
  Dims count = {getNumElements(from, n.b.getContext())};
  Value zeros = n.broadcastTo(n.scalar(n.elementType(0), 0), flat);
  Value result = n.reshape(n.make<ScatterElementsOp>(zeros, n.reshape(n.in(1), count),
                                                     n.reshape(n.in(0), count), /*axis=*/0),
                           dims);
  if (!n.has(2))
    return n.set(result);
  SmallVector<AffineExpr> shape = n.sizes(2, "shape", n.rank(0));
  if (n.failed())
    return;
  if (shape.size() != dims.size())
    return n.invalid("expected an output shape of " + Twine(dims.size()) + " sizes, got " +
                     Twine(shape.size()));
  for (auto [i, size] : llvm::enumerate(shape))
    result = cropOrPad(n, result, i, size, /*isCentred=*/false);
  n.set(result);
}

//===----------------------------------------------------------------------===//
// Means and norms
//===----------------------------------------------------------------------===//

/// How many elements each window meets along one dimension: a number, or a
/// tensor that broadcasts against the result.
static Value countElements(OpImporter &n, const Window &w, size_t i, bool countsPadding,
                           Type element) {
  int64_t completion = w.completion[i];
  if (n.failed() || !(countsPadding ? completion != 0 : w.isPadded(i)))
    return n.scalar(element, w.kernel[i]);
  Window one = w.only(i);
  AffineExpr counted = n.dims(0)[i + 2];
  if (countsPadding) {
    counted = normalizeDim(counted + w.before[i] + w.after[i] - completion);
    one.before[0] = 0;
    one.after[0] = completion;
  }
  Value ones = n.broadcastTo(n.scalar(element, 1), {n.constant(1), n.constant(1), counted});
  Value counts = sumWindows(n, ones, one);
  if (n.failed())
    return nullptr;
  Dims along(w.rank() - i, n.constant(1));
  along[0] = n.dims(counts)[2];
  return n.reshape(counts, along);
}

static void importAveragePool(OpImporter &n) {
  Window w = getWindow(n, {});
  bool countsPadding = n.intAttr("count_include_pad", 0);
  if (n.failed())
    return;
  Type element = getSumType(n);
  Value sum = sumWindows(n, n.convert(n.in(0), element), w);
  Value count;
  for (size_t i = 0; i < w.rank(); ++i) {
    Value elements = countElements(n, w, i, countsPadding, element);
    count = count ? n.make<MulOp>(count, elements) : elements;
  }
  n.set(n.convert(n.make<DivOp>(sum, count), n.elementType(0)));
}

/// sum(|x|^p)^(1/p)
template <typename Sum> static void importNorm(OpImporter &n, Sum sum) {
  int64_t p = n.intAttr("p", 2);
  if (p < 1)
    return n.invalid("expected a p of 1 or more, got " + Twine(p));
  Value x = n.convert(n.in(0), getSumType(n)), magnitude = n.make<AbsOp>(x);
  if (p == 1)
    return n.set(n.convert(sum(magnitude), n.elementType(0)));
  Value power = p == 2 ? n.make<MulOp>(x, x) : n.make<PowOp>(magnitude, n.scalarLike(x, p));
  Value total = sum(power);
  Value root = p == 2 ? n.make<SqrtOp>(total) : n.make<PowOp>(total, n.scalarLike(x, 1.0 / p));
  n.set(n.convert(root, n.elementType(0)));
}

static void importLpPool(OpImporter &n) {
  Window w = getWindow(n, {});
  importNorm(n, [&](Value x) { return sumWindows(n, x, w); });
}

static SmallVector<int64_t> getSpatialAxes(OpImporter &n) {
  if (n.rank(0) < 3)
    n.invalid("expected an input of rank 3 or more, got rank " + Twine(n.rank(0)));
  return llvm::to_vector(llvm::seq<int64_t>(2, std::max<int64_t>(n.rank(0), 2)));
}

template <ReduceKind kind> static void importGlobalPool(OpImporter &n) {
  n.set(n.reduce(kind, n.in(0), getSpatialAxes(n), /*keepdims=*/true));
}

static void importGlobalLpPool(OpImporter &n) {
  SmallVector<int64_t> axes = getSpatialAxes(n);
  importNorm(n, [&](Value x) { return n.reduce(ReduceKind::Sum, x, axes, /*keepdims=*/true); });
}

ArrayRef<OpEntry> getPoolOps() {
  static const OpEntry ops[] = {
      {"AveragePool", 1, kMaxOpset, 1, 1, importAveragePool},
      {"GlobalAveragePool", 1, kMaxOpset, 1, 1, importGlobalPool<ReduceKind::Mean>},
      {"GlobalLpPool", 2, kMaxOpset, 1, 1, importGlobalLpPool},
      {"GlobalMaxPool", 1, kMaxOpset, 1, 1, importGlobalPool<ReduceKind::Max>},
      {"LpPool", 2, kMaxOpset, 1, 1, importLpPool},
      {"MaxPool", 1, kMaxOpset, 1, 1, importMaxPool, 2},
      {"MaxUnpool", 9, kMaxOpset, 2, 3, importMaxUnpool},
  };
  return ops;
}

} // namespace winnow::import
