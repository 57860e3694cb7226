#include "CropPad.h"
#include "OpTable.h"

using namespace mlir;

namespace winnow::import {

static Value zeros(OpImporter &n, Value like, int64_t axis, AffineExpr count) {
  if (n.failed())
    return nullptr;
  Dims dims = n.dims(like);
  dims[axis] = count;
  return n.broadcastTo(n.scalarLike(like, 0), dims);
}

Value appendZeros(OpImporter &n, Value x, int64_t axis) {
  return n.concat({x, zeros(n, x, axis, n.constant(1))}, axis);
}

/// Either may be larger, which the run shows: elements are picked by position,
/// those outside from a slice of zeros.
static Value pickOrZero(OpImporter &n, Value x, int64_t axis, AffineExpr size, bool isCentred) {
  Type i64 = n.b.getI64Type();
  auto number = [&](AffineExpr value) { return n.makeKnown(KnownTensor{i64, {}, {value}}); };
  AffineExpr dim = n.dims(x)[axis];
  Value position = n.iota(size, i64);
  // Rounded towards zero: the odd element comes off, or is added, at the end.
  if (isCentred)
    position = n.make<AddOp>(position, n.make<DivOp>(number(normalizeDim(dim - size)),
                                                     n.scalar(i64, 2)));
  Value isInside = n.make<AndOp>(n.compare(ComparePredicate::GE, position, n.scalar(i64, 0)),
                                 n.compare(ComparePredicate::LT, position, number(dim)));
  Value index = n.make<SelectOp>(isInside, position, number(dim));
  return n.make<GatherOp>(appendZeros(n, x, axis), index, axis);
}

Value cropOrPad(OpImporter &n, Value x, int64_t axis, AffineExpr size, bool isCentred) {
  if (n.failed())
    return nullptr;
  if (std::optional<int64_t> value = getConstantDim(size); value && *value < 0) {
    n.invalid("expected sizes of 0 or more, got " + Twine(*value));
    return nullptr;
  }
  AffineExpr excess = normalizeDim(n.dims(x)[axis] - size), zero = n.constant(0);
  if (isConstantDim(excess, 0))
    return x;
  if (n.symbols.isNonNegative(excess) == true)
    return n.sliceDim(x, axis, isCentred ? excess.floorDiv(2) : zero, size);
  AffineExpr missing = normalizeDim(-excess);
  if (n.symbols.isNonNegative(missing) != true)
    return pickOrZero(n, x, axis, size, isCentred);
  AffineExpr before = isCentred ? normalizeDim(missing.floorDiv(2)) : zero;
  SmallVector<Value> parts = {x, zeros(n, x, axis, normalizeDim(missing - before))};
  if (!isConstantDim(before, 0))
    parts.insert(parts.begin(), zeros(n, x, axis, before));
  return n.concat(parts, axis);
}

static void importCenterCropPad(OpImporter &n) {
  int64_t rank = n.rank(0);
  SmallVector<int64_t> axes = n.normalizeAxes(
      n.intsAttr("axes").value_or(llvm::to_vector(llvm::seq<int64_t>(0, rank))), rank);
  if (n.failed())
    return;
  SmallVector<AffineExpr> shape = n.sizes(1, "shape", axes.size());
  if (n.failed())
    return;
  if (shape.size() != axes.size())
    return n.invalid("expected " + Twine(axes.size()) + " sizes, one for each axis, got " +
                     Twine(shape.size()));
  Value x = n.in(0);
  for (auto [axis, size] : llvm::zip_equal(axes, shape))
    x = cropOrPad(n, x, axis, size, /*isCentred=*/true);
  n.set(x);
}

ArrayRef<OpEntry> getCropPadOps() {
  static const OpEntry ops[] = {{"CenterCropPad", 18, kMaxOpset, 2, 2, importCenterCropPad}};
  return ops;
}

} // namespace winnow::import
