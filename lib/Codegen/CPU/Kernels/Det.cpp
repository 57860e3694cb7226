//===- Det.cpp - Determinants by elimination ------------------------------===//
//
// A copy of each matrix becomes upper triangular, row after row, with the
// largest element of the column as the pivot. The determinant is the product of
// the pivots, with the sign of the exchanges.
//
//===----------------------------------------------------------------------===//

#include "KernelBuilder.h"

#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace winnow::cpu {
namespace {

/// The square matrix at [batch] of a memref of rank 3.
struct Matrix {
  Emitter &e;
  Value memref, batch;

  Value size() { return e.dim(memref, 1); }
  Value at(Value row, Value column) {
    return e.loadScalar(memref, {batch, row, column});
  }
  void set(Value value, Value row, Value column) {
    e.storeScalar(value, memref, {batch, row, column});
  }
};

/// The row at or below the diagonal whose element of `column` is largest.
Value findPivot(Matrix &m, Value column) {
  Emitter &e = m.e;
  auto absolute = [&](Value row) -> Value {
    return math::AbsFOp::create(e, m.at(row, column));
  };
  return e.forRange(
      e.add(column, 1), m.size(), 1, {column, absolute(column)},
      [&](Value row, ValueRange best) {
        Value candidate = absolute(row);
        Value isLarger = arith::CmpFOp::create(e, arith::CmpFPredicate::OGT,
                                               candidate, best[1]);
        return SmallVector<Value>{
            arith::SelectOp::create(e, isLarger, row, best[0]),
            arith::SelectOp::create(e, isLarger, candidate, best[1])};
      })[0];
}

void swapRows(Matrix &m, Value a, Value b, Value from) {
  Emitter &e = m.e;
  e.forRange(from, m.size(), 1, [&](Value column) {
    Value x = m.at(a, column), y = m.at(b, column);
    m.set(y, a, column);
    m.set(x, b, column);
  });
}

/// Makes the column zero below the pivot; the zeros themselves are not stored.
void eliminate(Matrix &m, Value column, Value pivot) {
  Emitter &e = m.e;
  Value zero = e.real(0, pivot.getType());
  Value isSingular =
      arith::CmpFOp::create(e, arith::CmpFPredicate::OEQ, pivot, zero);
  Value next = e.add(column, 1);
  e.forRange(next, m.size(), 1, [&](Value row) {
    // Without a pivot the column is zero already, and so is the result.
    Value quotient = e.divF(m.at(row, column), pivot);
    Value factor = arith::SelectOp::create(e, isSingular, zero, quotient);
    e.forRange(next, m.size(), 1, [&](Value other) {
      Value product = e.mulF(factor, m.at(column, other));
      m.set(e.subF(m.at(row, other), product), row, other);
    });
  });
}

} // namespace

LogicalResult buildDet(Emitter &e, const KernelContext &context) {
  auto arguments = context.arguments(3);
  if (failed(arguments))
    return failure();
  Value x = (*arguments)[0], work = (*arguments)[1], out = (*arguments)[2];
  if (failed(context.memref(x, "x", 3, Type())))
    return failure();
  Type element = cast<MemRefType>(x.getType()).getElementType();
  if (!isa<Float32Type, Float64Type>(element))
    return context.error() << "expected 'x' to hold f32 or f64, got "
                           << element;
  if (failed(context.memref(work, "work", 3, element)) ||
      failed(context.memref(out, "out", 1, element)) ||
      failed(context.sameExtent(x, 1, "x", x, 2, "x")) ||
      failed(context.sameExtent(x, 0, "x", out, 0, "out")))
    return failure();
  for (int64_t dim = 0; dim < 3; ++dim)
    if (failed(context.sameExtent(x, dim, "x", work, dim, "work")))
      return failure();

  e.parallel(e.dim(x, 0), /*grain=*/1, [&](Value batch) {
    Matrix source{e, x, batch}, m{e, work, batch};
    e.forRange(e.index(0), m.size(), 1, [&](Value row) {
      e.forRange(e.index(0), m.size(), 1, [&](Value column) {
        m.set(source.at(row, column), row, column);
      });
    });
    Value det = e.forRange(
        e.index(0), m.size(), 1, e.real(1, element),
        [&](Value column, ValueRange product) {
          Value row = findPivot(m, column);
          swapRows(m, column, row, column);
          Value pivot = m.at(column, column);
          eliminate(m, column, pivot);
          Value sign = arith::SelectOp::create(e, e.equal(row, column),
                                               e.real(1, element),
                                               e.real(-1, element));
          return SmallVector<Value>{
              e.mulF(e.mulF(product[0], sign), pivot)};
        })[0];
    e.storeScalar(det, out, {batch});
  });
  return success();
}

} // namespace winnow::cpu
