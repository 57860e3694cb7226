//===- LayerNorm.cpp - Layer normalisation over the last dimension --------===//

#include "KernelBuilder.h"

#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace winnow::cpu {
namespace {

struct LayerNorm {
  Value x, residual, scale, bias, out;
  double epsilon;
  int64_t lanes;

  static FailureOr<LayerNorm> parse(const KernelContext &context);
  void emitRow(Emitter &e, Value row) const;
};

FailureOr<LayerNorm> LayerNorm::parse(const KernelContext &context) {
  LayerNorm result;
  bool residual = context.flag("residual"), scale = context.flag("scale"),
       bias = context.flag("bias");
  auto epsilon = context.real("epsilon");
  auto arguments = context.arguments(2 + residual + scale + bias);
  if (failed(epsilon) || failed(arguments))
    return failure();
  result.epsilon = *epsilon;
  result.lanes = context.lanes();
  unsigned next = 0;
  auto take = [&](Value &slot, StringRef name, int64_t rank) {
    slot = (*arguments)[next++];
    return context.memref(slot, name, rank, context.f32());
  };
  if (failed(take(result.x, "x", 2)) ||
      (residual && failed(take(result.residual, "residual", 2))) ||
      (scale && failed(take(result.scale, "scale", 1))) ||
      (bias && failed(take(result.bias, "bias", 1))) ||
      failed(take(result.out, "out", 2)) ||
      failed(context.sameExtent(result.x, 0, "x", result.out, 0, "out")) ||
      failed(context.sameExtent(result.x, 1, "x", result.out, 1, "out")))
    return failure();
  return result;
}

/// The mean is subtracted before squaring: a sum of squares would cancel. With
/// a residual, the sum of both waits in `out`.
void LayerNorm::emitRow(Emitter &e, Value row) const {
  Value count = e.dim(x, 1);
  Type f32 = e.getF32Type();
  Value zero = e.real(0.0, VectorType::get(lanes, f32));
  auto plus = [&](Value a, Value b) { return e.addF(a, b); };
  Value length = arith::SIToFPOp::create(
      e, f32, e.createOrFold<arith::IndexCastOp>(e.getI64Type(), count));
  auto average = [&](Value vector) {
    return e.divF(e.reduce(vector, plus), length);
  };

  Value sum = e.foldVectors(
      count, lanes, zero,
      [&](Value at, Value mask, Value acc) {
        Value value = e.load(x, {row, at}, lanes, mask);
        if (residual) {
          value = e.addF(value, e.load(residual, {row, at}, lanes, mask));
          e.store(value, out, {row, at}, mask);
        }
        return e.addF(acc, value);
      },
      plus);
  Value mean = e.splat(average(sum), lanes);

  Value source = residual ? out : x;
  Value squares = e.foldVectors(
      count, lanes, zero,
      [&](Value at, Value mask, Value acc) {
        Value value = e.load(source, {row, at}, lanes, mask);
        Value centred = e.blend(mask, e.subF(value, mean), zero);
        return e.fma(centred, centred, acc);
      },
      plus);
  Value variance = e.addF(average(squares), e.real(epsilon, f32));
  Value deviation = math::SqrtOp::create(e, variance);
  Value inverse = e.splat(e.divF(e.real(1.0, f32), deviation), lanes);

  e.forEachVector(count, lanes, [&](Value at, Value mask) {
    Value value = e.load(source, {row, at}, lanes, mask);
    value = e.mulF(e.subF(value, mean), inverse);
    if (scale)
      value = e.mulF(value, e.load(scale, {at}, lanes, mask));
    if (bias)
      value = e.addF(value, e.load(bias, {at}, lanes, mask));
    e.store(value, out, {row, at}, mask);
  });
}

} // namespace

LogicalResult buildLayerNorm(Emitter &e, const KernelContext &context) {
  FailureOr<LayerNorm> norm = LayerNorm::parse(context);
  if (failed(norm))
    return failure();
  e.parallel(e.dim(norm->x, 0), rowGrain(norm->x),
             [&](Value row) { norm->emitRow(e, row); });
  return success();
}

} // namespace winnow::cpu
