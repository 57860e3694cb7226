//===- Softmax.cpp - Softmax over the last dimension ----------------------===//

#include "KernelBuilder.h"
#include "winnow/Codegen/CPU/Kernels/Math.h"

using namespace mlir;

namespace winnow::cpu {

/// Three walks over a row that stays in the cache: its greatest element, the
/// exponentials and their sum, the division. A row of -inf gives NaN, as
/// -inf - -inf does.
static void emitRow(Emitter &e, Value x, Value out, Value row, int64_t lanes) {
  Value count = e.dim(x, 1);
  Type vector = VectorType::get(lanes, e.getF32Type());
  Value lowest = e.real(-std::numeric_limits<double>::infinity(), vector);
  auto maximum = [&](Value a, Value b) { return e.maxF(a, b); };
  Value top = e.foldVectors(
      count, lanes, lowest,
      [&](Value at, Value mask, Value acc) {
        Value value = e.load(x, {row, at}, lanes, mask);
        return e.maxF(e.blend(mask, value, lowest), acc);
      },
      maximum);
  top = e.splat(e.reduce(top, maximum), lanes);

  Value zero = e.real(0.0, vector), log2E = e.real(1.4426950408889634, vector);
  auto plus = [&](Value a, Value b) { return e.addF(a, b); };
  Value sum = e.foldVectors(
      count, lanes, zero,
      [&](Value at, Value mask, Value acc) {
        Value value = e.load(x, {row, at}, lanes, mask);
        Value power = emitExp2NonPositive(
            e, e.getLoc(), e.mulF(e.subF(value, top), log2E));
        e.store(power, out, {row, at}, mask);
        return e.addF(acc, e.blend(mask, power, zero));
      },
      plus);
  Value factor = e.divF(e.real(1.0, e.getF32Type()), e.reduce(sum, plus));
  factor = e.splat(factor, lanes);
  e.forEachVector(count, lanes, [&](Value at, Value mask) {
    Value power = e.load(out, {row, at}, lanes, mask);
    e.store(e.mulF(power, factor), out, {row, at}, mask);
  });
}

LogicalResult buildSoftmax(Emitter &e, const KernelContext &context) {
  auto arguments = context.arguments(2);
  if (failed(arguments))
    return failure();
  Value x = (*arguments)[0], out = (*arguments)[1];
  if (failed(context.memref(x, "x", 2, context.f32())) ||
      failed(context.memref(out, "out", 2, context.f32())) ||
      failed(context.sameExtent(x, 0, "x", out, 0, "out")) ||
      failed(context.sameExtent(x, 1, "x", out, 1, "out")))
    return failure();
  e.parallel(e.dim(x, 0), rowGrain(x), [&](Value row) {
    emitRow(e, x, out, row, context.lanes());
  });
  return success();
}

} // namespace winnow::cpu
