//===- TopKActivation.cpp - The greatest elements of rows, and zeros ------===//
//
// 1. Floats are ordered as integers: the bits of a negative one are turned round. NaN is
//    the greatest.
// 2. The k-th greatest is found bit by bit from above, each by a count of what is at
//    least as great. The search ends when exactly k are: for most rows long before
//    the last bit.
// 3. Where more than k are at least as great as the k-th, as many of those that are equal to it
//    are kept as belong to the k, from the front.
//
//===----------------------------------------------------------------------===//

#include "KernelBuilder.h"

#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace winnow::cpu {
namespace {

struct TopKActivation {
  Value x, out;
  int64_t k, lanes;
  bool keepTies;

  void emitRow(Emitter &e, Value row) const;

private:
  Value constant(Emitter &e, int32_t value) const {
    return arith::ConstantIntOp::create(e, value, 32);
  }
  Value keyOf(Emitter &e, Value vector) const;
  Value countAtLeast(Emitter &e, Value row, Value key) const;
  void emitKept(Emitter &e, Value row, Value key) const;
  void emitFirst(Emitter &e, Value row, Value key, Value ties) const;
};

Value TopKActivation::keyOf(Emitter &e, Value vector) const {
  int64_t count = cast<VectorType>(vector.getType()).getNumElements();
  auto type = VectorType::get(count, e.getI32Type());
  auto splat = [&](int32_t value) { return e.splat(constant(e, value), count); };
  Value bits = arith::BitcastOp::create(e, type, vector);
  Value sign = arith::ShRSIOp::create(e, bits, splat(31));
  Value key = arith::XOrIOp::create(e, bits, arith::AndIOp::create(e, sign, splat(INT32_MAX)));
  Value isNaN = arith::CmpFOp::create(e, arith::CmpFPredicate::UNO, vector, vector);
  return arith::SelectOp::create(e, isNaN, splat(INT32_MAX), key);
}

Value TopKActivation::countAtLeast(Emitter &e, Value row, Value key) const {
  auto type = VectorType::get(lanes, e.getI32Type());
  Value none = arith::ConstantOp::create(e, e.getZeroAttr(type)), bound = e.splat(key, lanes);
  auto add = [&](Value a, Value b) -> Value { return arith::AddIOp::create(e, a, b); };
  Value sums = e.foldVectors(
      e.dim(x, 1), lanes, none,
      [&](Value at, Value mask, Value sum) {
        Value keys = keyOf(e, e.load(x, {row, at}, lanes, mask));
        Value is = arith::CmpIOp::create(e, arith::CmpIPredicate::sge, keys, bound);
        if (mask)
          is = arith::AndIOp::create(e, is, mask);
        return add(sum, arith::ExtUIOp::create(e, type, is));
      },
      add);
  return e.reduce(sums, add);
}

void TopKActivation::emitKept(Emitter &e, Value row, Value key) const {
  Value bound = e.splat(key, lanes), zero = e.real(0.0, VectorType::get(lanes, e.getF32Type()));
  e.forEachVector(e.dim(x, 1), lanes, [&](Value at, Value mask) {
    Value values = e.load(x, {row, at}, lanes, mask);
    Value is = arith::CmpIOp::create(e, arith::CmpIPredicate::sge, keyOf(e, values), bound);
    e.store(arith::SelectOp::create(e, is, values, zero), out, {row, at}, mask);
  });
}

/// What is greater, and the first `ties` of what is equal.
void TopKActivation::emitFirst(Emitter &e, Value row, Value key, Value ties) const {
  auto one = VectorType::get(1, e.getF32Type());
  Value zero = e.real(0.0, e.getF32Type());
  e.forRange(e.index(0), e.dim(x, 1), 1, ties, [&](Value at, ValueRange left) {
    Value value = e.loadScalar(x, {row, at});
    Value its = vector::ExtractOp::create(e, keyOf(e, vector::BroadcastOp::create(e, one, value)),
                                          int64_t(0));
    auto compare = [&](arith::CmpIPredicate predicate, Value a, Value b) -> Value {
      return arith::CmpIOp::create(e, predicate, a, b);
    };
    Value isTie = arith::AndIOp::create(
        e, compare(arith::CmpIPredicate::eq, its, key),
        compare(arith::CmpIPredicate::sgt, left[0], constant(e, 0)));
    Value is = arith::OrIOp::create(e, isTie, compare(arith::CmpIPredicate::sgt, its, key));
    e.storeScalar(arith::SelectOp::create(e, is, value, zero), out, {row, at});
    return SmallVector<Value>{
        arith::SubIOp::create(e, left[0], arith::ExtUIOp::create(e, e.getI32Type(), isTie))};
  });
}

void TopKActivation::emitRow(Emitter &e, Value row) const {
  Type i32 = e.getI32Type();
  Value wanted = constant(e, static_cast<int32_t>(k)), sign = constant(e, INT32_MIN);
  // The bound, as an unsigned number, how many are at least as great, and the next bit.
  auto loop = scf::WhileOp::create(
      e, TypeRange{i32, i32, i32},
      ValueRange{constant(e, 0), e.fromIndex(e.dim(x, 1), 32), sign},
      [&](OpBuilder &, Location, ValueRange state) {
        Value more = arith::CmpIOp::create(e, arith::CmpIPredicate::sgt, state[1], wanted);
        Value bits = arith::CmpIOp::create(e, arith::CmpIPredicate::ne, state[2], constant(e, 0));
        scf::ConditionOp::create(e, arith::AndIOp::create(e, more, bits), state);
      },
      [&](OpBuilder &, Location, ValueRange state) {
        Value candidate = arith::OrIOp::create(e, state[0], state[2]);
        Value count = countAtLeast(e, row, arith::XOrIOp::create(e, candidate, sign));
        Value enough = arith::CmpIOp::create(e, arith::CmpIPredicate::sge, count, wanted);
        scf::YieldOp::create(e, ValueRange{e.blend(enough, candidate, state[0]),
                                           e.blend(enough, count, state[1]),
                                           arith::ShRUIOp::create(e, state[2], constant(e, 1))});
      });
  e.setInsertionPointAfter(loop);
  Value key = arith::XOrIOp::create(e, loop.getResult(0), sign);
  if (keepTies)
    return emitKept(e, row, key);
  // Which zeros are kept makes no difference.
  Value isExact = arith::OrIOp::create(
      e, arith::CmpIOp::create(e, arith::CmpIPredicate::eq, loop.getResult(1), wanted),
      arith::CmpIOp::create(e, arith::CmpIPredicate::eq, key, constant(e, 0)));
  e.ifElse(isExact, [&] { emitKept(e, row, key); }, [&] {
    // The greatest key is that of NaN, which nothing exceeds.
    Value isLast = arith::CmpIOp::create(e, arith::CmpIPredicate::eq, key, constant(e, INT32_MAX));
    Value above = countAtLeast(e, row, arith::AddIOp::create(e, key, constant(e, 1)));
    above = e.blend(isLast, constant(e, 0), above);
    emitFirst(e, row, key, arith::SubIOp::create(e, wanted, above));
  });
}

} // namespace

LogicalResult buildTopKActivation(Emitter &e, const KernelContext &context) {
  auto k = context.integer("k");
  auto arguments = context.arguments(2);
  if (failed(k) || failed(arguments))
    return failure();
  Value x = (*arguments)[0], out = (*arguments)[1];
  if (failed(context.memref(x, "x", 2, context.f32())) ||
      failed(context.memref(out, "out", 2, context.f32())) ||
      failed(context.sameExtent(x, 0, "x", out, 0, "out")) ||
      failed(context.sameExtent(x, 1, "x", out, 1, "out")))
    return failure();
  TopKActivation activation{x, out, *k, context.lanes(), context.flag("keep_ties")};
  e.parallel(e.dim(x, 0), std::max<int64_t>(rowGrain(x) / 8, 1),
             [&](Value row) { activation.emitRow(e, row); });
  return success();
}

} // namespace winnow::cpu
