#include "Softmax.h"
#include "OpTable.h"

using namespace mlir;

namespace winnow::import {

Value logSoftmax(OpImporter &n, Value x, int64_t axis) {
  if (n.failed())
    return nullptr;
  Value wide = n.widen(x);
  Value shifted = n.make<SubOp>(wide, n.reduce(ReduceKind::Max, wide, {axis}, true));
  Value sum = n.reduce(ReduceKind::Sum, n.make<ExpOp>(shifted), {axis}, true);
  return n.convert(n.make<SubOp>(shifted, n.make<LogOp>(sum)), getElementTypeOrSelf(x));
}

static Value softmax(OpImporter &n, Value x, int64_t axis) { return n.make<SoftmaxOp>(x, axis); }

/// 1 at the first of the greatest elements, 0 elsewhere.
static Value hardmax(OpImporter &n, Value x, int64_t axis) {
  if (n.failed())
    return nullptr;
  Dims dims = n.dims(x), along(dims.size(), n.constant(1));
  Type i64 = n.b.getI64Type();
  AffineExpr size = along[axis] = dims[axis];
  Value positions = n.reshape(n.iota(size, i64), along);
  Value isMax = n.compare(ComparePredicate::EQ, x, n.reduce(ReduceKind::Max, x, {axis}, true));
  Value candidates = n.make<SelectOp>(isMax, positions, n.makeKnown(KnownTensor{i64, {}, {size}}));
  Value first = n.reduce(ReduceKind::Min, candidates, {axis}, true);
  Value isFirst = n.compare(ComparePredicate::EQ, first, positions);
  return n.failed() ? Value() : n.convert(isFirst, getElementTypeOrSelf(x));
}

/// Until opset 12 the input counts as the matrix [dims before axis, the rest].
template <Value (*function)(OpImporter &, Value, int64_t)>
static void importOverAxis(OpImporter &n) {
  int64_t rank = n.rank(0), axis = n.intAttr("axis", n.opset < 13 ? 1 : -1);
  axis = n.normalizeAxis(axis, rank);
  if (n.failed())
    return;
  if (n.opset >= 13 || axis == rank - 1)
    return n.set(function(n, n.in(0), axis));
  Dims dims = n.dims(0);
  MLIRContext *context = n.b.getContext();
  Value matrix = n.reshape(n.in(0), {getNumElements(ArrayRef(dims).take_front(axis), context),
                                     getNumElements(ArrayRef(dims).drop_front(axis), context)});
  n.set(n.reshape(function(n, matrix, 1), dims));
}

ArrayRef<OpEntry> getSoftmaxOps() {
  static const OpEntry ops[] = {
      {"Hardmax", 1, kMaxOpset, 1, 1, importOverAxis<hardmax>},
      {"LogSoftmax", 1, kMaxOpset, 1, 1, importOverAxis<logSoftmax>},
      {"Softmax", 1, kMaxOpset, 1, 1, importOverAxis<softmax>},
  };
  return ops;
}

} // namespace winnow::import
