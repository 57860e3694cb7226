//===- LayerNorm.cpp - Layer and RMS norms over the last dimension --------===//

#include "Epilogue.h"

#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace winnow::cpu {
namespace {

struct LayerNorm {
  RowsByNumber x, residual;
  Value scale, bias, out;
  std::optional<RationalFunctions> rational; ///< of the norm
  double epsilon;
  bool centres; ///< subtracts the mean, which RMS norm does not
  int64_t lanes;

  static FailureOr<LayerNorm> parse(const KernelContext &context);
  void emitRow(Emitter &e, Value row) const;

private:
  Value emitMean(Emitter &e, Value row) const;
  Value emitSquares(Emitter &e, Value row, Value mean) const;
  Value loadSum(Emitter &e, Value row, Value at, Value mask) const;
  /// An element of the row once it has been summed.
  Value loadSource(Emitter &e, Value row, Value at, Value mask) const;
  Value zero(Emitter &e) const {
    return e.real(0.0, VectorType::get(lanes, e.getF32Type()));
  }
};

FailureOr<LayerNorm> LayerNorm::parse(const KernelContext &context) {
  LayerNorm result;
  bool residual = context.flag("residual"), scale = context.flag("scale"),
       bias = context.flag("bias");
  bool rational = context.config.contains("denominator_kind");
  auto epsilon = context.real("epsilon");
  bool rows = context.flag("rows"), residualRows = context.flag("residual_rows");
  auto arguments =
      context.arguments(2 + residual + scale + bias + rational + rows + residualRows);
  if (failed(epsilon) || failed(arguments))
    return failure();
  result.epsilon = *epsilon;
  result.lanes = context.lanes();
  unsigned next = 0;
  auto take = [&](Value &slot, StringRef name, int64_t rank) {
    slot = (*arguments)[next++];
    return context.memref(slot, name, rank, context.f32());
  };
  if (failed(take(result.x.buffer, "x", 2)) ||
      (residual && failed(take(result.residual.buffer, "residual", 2))) ||
      (scale && failed(take(result.scale, "scale", 1))) ||
      (bias && failed(take(result.bias, "bias", 1))))
    return failure();
  Value table = rational ? (*arguments)[next++] : Value();
  Value numbers = rows ? (*arguments)[next++] : Value();
  Value residualNumbers = residualRows ? (*arguments)[next++] : Value();
  if (failed(take(result.out, "out", 2)))
    return failure();
  int64_t width = cast<MemRefType>(result.out.getType()).getDimSize(1);
  if ((rows && failed(result.x.setNumbers(context, numbers, width))) ||
      (residualRows && failed(result.residual.setNumbers(context, residualNumbers, width))) ||
      (!rows && (failed(context.sameExtent(result.x.buffer, 0, "x", result.out, 0, "out")) ||
                 failed(context.sameExtent(result.x.buffer, 1, "x", result.out, 1, "out")))))
    return failure();
  if (rational) {
    auto functions = RationalFunctions::parse(context, table, result.out);
    if (failed(functions))
      return failure();
    result.rational = *functions;
  }
  return result;
}

/// An element of the row on its first visit. With a residual, the sum of both
/// waits in `out`.
Value LayerNorm::loadSum(Emitter &e, Value row, Value at, Value mask) const {
  Value value = e.load(x.buffer, x.locate(e, row, at), lanes, mask);
  if (!residual.buffer)
    return value;
  value = e.addF(value, e.load(residual.buffer, residual.locate(e, row, at), lanes, mask));
  e.store(value, out, {row, at}, mask);
  return value;
}

Value LayerNorm::loadSource(Emitter &e, Value row, Value at, Value mask) const {
  return residual.buffer ? e.load(out, {row, at}, lanes, mask) : loadSum(e, row, at, mask);
}

/// The mean of a row's length whose partial sums these are.
static Value average(Emitter &e, Value sums, Value count) {
  Type f32 = e.getF32Type();
  Value length = arith::SIToFPOp::create(
      e, f32, e.createOrFold<arith::IndexCastOp>(e.getI64Type(), count));
  auto plus = [&](Value a, Value b) { return e.addF(a, b); };
  return e.divF(e.reduce(sums, plus), length);
}

Value LayerNorm::emitMean(Emitter &e, Value row) const {
  Value count = e.dim(out, 1);
  Value sums = e.foldVectors(
      count, lanes, zero(e),
      [&](Value at, Value mask, Value acc) {
        return e.addF(acc, loadSum(e, row, at, mask));
      },
      [&](Value a, Value b) { return e.addF(a, b); });
  return e.splat(average(e, sums, count), lanes);
}

/// The mean is subtracted before squaring: a sum of squares would cancel.
Value LayerNorm::emitSquares(Emitter &e, Value row, Value mean) const {
  Value count = e.dim(out, 1);
  Value sums = e.foldVectors(
      count, lanes, zero(e),
      [&](Value at, Value mask, Value acc) {
        Value value = mean ? loadSource(e, row, at, mask) : loadSum(e, row, at, mask);
        if (mean)
          value = e.blend(mask, e.subF(value, mean), zero(e));
        return e.fma(value, value, acc);
      },
      [&](Value a, Value b) { return e.addF(a, b); });
  return average(e, sums, count);
}

void LayerNorm::emitRow(Emitter &e, Value row) const {
  Type f32 = e.getF32Type();
  Value mean = centres ? emitMean(e, row) : Value();
  Value squares = emitSquares(e, row, mean);
  Value root = math::SqrtOp::create(e, e.addF(squares, e.real(epsilon, f32)));
  Value inverse = e.splat(e.divF(e.real(1.0, f32), root), lanes);

  e.forEachVector(e.dim(out, 1), lanes, [&](Value at, Value mask) {
    Value value = loadSource(e, row, at, mask);
    if (mean)
      value = e.subF(value, mean);
    value = e.mulF(value, inverse);
    if (scale)
      value = e.mulF(value, e.load(scale, {at}, lanes, mask));
    if (bias)
      value = e.addF(value, e.load(bias, {at}, lanes, mask));
    if (rational)
      value = rational->apply(e, value, at, mask);
    e.store(value, out, {row, at}, mask);
  });
}

} // namespace

static LogicalResult buildNorm(Emitter &e, const KernelContext &context,
                               bool centres) {
  FailureOr<LayerNorm> norm = LayerNorm::parse(context);
  if (failed(norm))
    return failure();
  norm->centres = centres;
  e.parallel(e.dim(norm->out, 0), rowGrain(norm->out),
             [&](Value row) { norm->emitRow(e, row); });
  return success();
}

LogicalResult buildLayerNorm(Emitter &e, const KernelContext &context) {
  return buildNorm(e, context, /*centres=*/true);
}

LogicalResult buildRMSNorm(Emitter &e, const KernelContext &context) {
  return buildNorm(e, context, /*centres=*/false);
}

} // namespace winnow::cpu
