//===- CumSum.cpp - Running sums and products along the middle dimension --===//

#include "KernelBuilder.h"

using namespace mlir;

namespace winnow::cpu {
namespace {

enum class Running { Sum, Product };

Value combine(Emitter &e, Running kind, Value x, Value y) {
  if (isa<FloatType>(getElementTypeOrSelf(x.getType())))
    return kind == Running::Sum ? e.addF(x, y) : e.mulF(x, y);
  return kind == Running::Sum ? e.createOrFold<arith::AddIOp>(x, y)
                              : e.createOrFold<arith::MulIOp>(x, y);
}

/// Walks the sums of `lanes` columns next to each other, or of one column where
/// `lanes` is 0. Narrow floats add up in f32, so that a long sum does not stop
/// growing.
void emitColumns(Emitter &e, Running kind, Value x, Value out, Value outer,
                 Value column, int64_t lanes, bool exclusive, bool reverse) {
  Type element = cast<MemRefType>(x.getType()).getElementType();
  bool isNarrow =
      isa<FloatType>(element) && element.getIntOrFloatBitWidth() < 32;
  auto shaped = [&](Type type) -> Type {
    return lanes ? VectorType::get(lanes, type) : type;
  };
  Type stored = shaped(element);
  Type summed = isNarrow ? shaped(e.getF32Type()) : stored;
  Value neutral = arith::ConstantOp::create(
      e, kind == Running::Sum ? e.getZeroAttr(summed) : e.getOneAttr(summed));
  Value count = e.dim(x, 1);
  auto walk = [&](Value step, ValueRange carried) {
    Value row = reverse ? e.sub(e.sub(count, e.index(1)), step) : step;
    SmallVector<Value> at = {outer, row, column};
    Value value = lanes ? e.load(x, at, lanes) : e.loadScalar(x, at);
    if (isNarrow)
      value = arith::ExtFOp::create(e, summed, value);
    Value sum = combine(e, kind, carried[0], value);
    Value result = exclusive ? carried[0] : sum;
    if (isNarrow)
      result = arith::TruncFOp::create(e, stored, result);
    if (lanes)
      e.store(result, out, at);
    else
      e.storeScalar(result, out, at);
    return SmallVector<Value>{sum};
  };
  e.forRange(e.index(0), count, 1, neutral, walk);
}

} // namespace

LogicalResult buildCumSum(Emitter &e, const KernelContext &context) {
  auto arguments = context.arguments(2);
  if (failed(arguments))
    return failure();
  Value x = (*arguments)[0], out = (*arguments)[1];
  if (failed(context.memref(x, "x", 3, Type())))
    return failure();
  auto type = cast<MemRefType>(x.getType());
  Type element = type.getElementType();
  if (failed(context.memref(out, "out", 3, element)) ||
      failed(context.sameExtent(x, 0, "x", out, 0, "out")) ||
      failed(context.sameExtent(x, 1, "x", out, 1, "out")) ||
      failed(context.sameExtent(x, 2, "x", out, 2, "out")))
    return failure();
  if (!element.isIntOrFloat())
    return context.error() << "expected 'x' to hold numbers, got " << element;

  bool exclusive = context.flag("exclusive"), reverse = context.flag("reverse");
  Running kind = context.kind() == "cumsum" ? Running::Sum : Running::Product;
  auto emit = [&](Value outer, Value column, int64_t lanes) {
    emitColumns(e, kind, x, out, outer, column, lanes, exclusive, reverse);
  };
  Value outerCount = e.dim(x, 0), inner = e.dim(x, 2);
  // A sum is serial, so that its order never depends on the threads: these
  // share the rows and blocks of columns.
  constexpr int64_t grain = 4;
  unsigned bits = element.getIntOrFloatBitWidth();
  // Vectors of i1 would be packed bits.
  if (type.getDimSize(2) == 1 || bits < 8 || !llvm::isPowerOf2_32(bits)) {
    e.parallel(e.mul(outerCount, inner), grain, [&](Value at) {
      emit(e.div(at, inner), e.rem(at, inner), 0);
    });
    return success();
  }
  int64_t lanes = context.level.vectorBytes * 8 / bits;
  Value blocks = e.ceilDiv(inner, e.index(lanes));
  e.parallel(e.mul(outerCount, blocks), grain, [&](Value at) {
    Value outer = e.div(at, blocks), begin = e.mul(e.rem(at, blocks), lanes);
    Value end = e.min(e.add(begin, lanes), inner);
    e.ifElse(
        e.equal(e.sub(end, begin), e.index(lanes)),
        [&] { emit(outer, begin, lanes); },
        [&] {
          e.forRange(begin, end, 1,
                     [&](Value column) { emit(outer, column, 0); });
        });
  });
  return success();
}

} // namespace winnow::cpu
