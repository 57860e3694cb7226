//===- QuantizeRows.cpp - Rows of floats in 8 bits ------------------------===//
//
// A row is read twice: for its range, and, from the cache, to be written. With factors, it is
// multiplied by them, each time.
//
//===----------------------------------------------------------------------===//

#include "Bytes.h"
#include "KernelBuilder.h"

#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace winnow::cpu {

namespace {
struct QuantizeRows {
  Value x, factors, values, scale, zero; ///< factors: or null
  int64_t lanes;

  void emitRow(Emitter &e, Value row) const;
};

void QuantizeRows::emitRow(Emitter &e, Value row) const {
  Type f32 = e.getF32Type();
  Value width = e.dim(x, 1), none = e.real(0, VectorType::get(lanes, f32));
  auto minF = [&](Value a, Value b) -> Value {
    Value isLess = arith::CmpFOp::create(e, arith::CmpFPredicate::OLT, a, b);
    return e.blend(isLess, a, b);
  };
  auto maxF = [&](Value a, Value b) { return e.maxF(a, b); };
  auto load = [&](Value at, Value mask) {
    Value numbers = e.load(x, {row, at}, lanes, mask);
    return factors ? e.mulF(numbers, e.load(factors, {at}, lanes, mask)) : numbers;
  };
  // Lanes that a mask leaves out are 0, which is in every range.
  Value highs = e.foldVectors(
      width, lanes, none, [&](Value at, Value mask, Value acc) { return maxF(load(at, mask), acc); },
      maxF);
  Value lows = e.foldVectors(
      width, lanes, none, [&](Value at, Value mask, Value acc) { return minF(load(at, mask), acc); },
      minF);
  Value low = e.reduce(lows, minF);
  Value range = e.subF(e.reduce(highs, maxF), low);
  Value isEmpty = arith::CmpFOp::create(e, arith::CmpFPredicate::OEQ, range, e.real(0, f32));
  Value step = e.blend(isEmpty, e.real(1, f32), e.divF(range, e.real(255, f32)));
  auto round = [&](Value value) -> Value { return math::RoundEvenOp::create(e, value); };
  Value shift = round(e.divF(e.subF(e.real(0, f32), low), step));
  e.storeScalar(step, scale, {row});
  e.storeScalar(toByte(e, shift), zero, {row});
  Value steps = e.splat(step, lanes), shifts = e.splat(shift, lanes);
  e.forEachVector(width, lanes, [&](Value at, Value mask) {
    Value number = e.addF(round(e.divF(load(at, mask), steps)), shifts);
    e.store(toByte(e, number), values, {row, at}, mask);
  });
}
} // namespace

LogicalResult buildQuantizeRows(Emitter &e, const KernelContext &context) {
  bool hasFactors = context.flag("factors");
  auto arguments = context.arguments(4 + hasFactors);
  if (failed(arguments))
    return failure();
  const BlockArgument *results = arguments->begin() + 1 + hasFactors;
  QuantizeRows rows{arguments->front(), hasFactors ? Value((*arguments)[1]) : Value(), results[0],
                    results[1], results[2], context.lanes()};
  Type i8 = e.getI8Type();
  if (failed(context.memref(rows.x, "x", 2, context.f32())) ||
      (hasFactors && (failed(context.memref(rows.factors, "factors", 1, context.f32())) ||
                      failed(context.sameExtent(rows.x, 1, "x", rows.factors, 0, "factors")))) ||
      failed(context.memref(rows.values, "values", 2, i8)) ||
      failed(context.memref(rows.scale, "scale", 1, context.f32())) ||
      failed(context.memref(rows.zero, "zero", 1, i8)) ||
      failed(context.sameExtent(rows.x, 0, "x", rows.values, 0, "values")) ||
      failed(context.sameExtent(rows.x, 1, "x", rows.values, 1, "values")))
    return failure();
  e.parallel(e.dim(rows.x, 0), rowGrain(rows.x), [&](Value row) { rows.emitRow(e, row); });
  return success();
}

} // namespace winnow::cpu
