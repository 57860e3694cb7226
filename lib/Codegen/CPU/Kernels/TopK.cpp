//===- TopK.cpp - The first elements of a sorted column -------------------===//

#include "KernelBuilder.h"

using namespace mlir;

namespace winnow::cpu {
namespace {

/// One column of the input and of both results.
struct Column {
  Value x, values, indices;
  Value outer, inner;
  bool largest, isUnsigned;
};

struct Item {
  Value value, index;
};

Item loadItem(Emitter &e, const Column &c, Value at) {
  return {e.loadScalar(c.values, {c.outer, at, c.inner}),
          e.loadScalar(c.indices, {c.outer, at, c.inner})};
}

void storeItem(Emitter &e, const Column &c, Value at, Item item) {
  e.storeScalar(item.value, c.values, {c.outer, at, c.inner});
  e.storeScalar(item.index, c.indices, {c.outer, at, c.inner});
}

Item loadInput(Emitter &e, const Column &c, Value at) {
  return {e.loadScalar(c.x, {c.outer, at, c.inner}),
          e.createOrFold<arith::IndexCastOp>(e.getI64Type(), at)};
}

/// A total order: NaN is above every number and equal to NaN.
Value isAbove(Emitter &e, const Column &c, Value a, Value b) {
  if (!isa<FloatType>(a.getType()))
    return arith::CmpIOp::create(e,
                                 c.isUnsigned ? arith::CmpIPredicate::ugt
                                              : arith::CmpIPredicate::sgt,
                                 a, b);
  using P = arith::CmpFPredicate;
  Value greater = arith::CmpFOp::create(e, P::OGT, a, b);
  Value aIsNaN = arith::CmpFOp::create(e, P::UNO, a, a);
  Value bIsNumber = arith::CmpFOp::create(e, P::ORD, b, b);
  return arith::OrIOp::create(e, greater,
                              arith::AndIOp::create(e, aIsNaN, bIsNumber));
}

Value isBetterValue(Emitter &e, const Column &c, Value a, Value b) {
  return c.largest ? isAbove(e, c, a, b) : isAbove(e, c, b, a);
}

/// Of equal values the one with the lower index is better.
Value isBetter(Emitter &e, const Column &c, Item a, Item b) {
  Value better = isBetterValue(e, c, a.value, b.value);
  Value worse = isBetterValue(e, c, b.value, a.value);
  Value isFirst = arith::CmpIOp::create(e, arith::CmpIPredicate::slt, a.index,
                                        b.index);
  return arith::SelectOp::create(
      e, better, better,
      arith::SelectOp::create(e, worse, e.createOrFold<arith::ConstantIntOp>(0, 1),
                              isFirst));
}

/// Puts `item` into the heap of `size` elements whose place `hole` is free:
/// what is worse moves up, as the worst is on top.
void siftDown(Emitter &e, const Column &c, Value hole, Value size, Item item) {
  Type index = e.getIndexType();
  auto loop = scf::WhileOp::create(
      e, TypeRange{index, index}, ValueRange{hole},
      [&](OpBuilder &, Location, ValueRange at) {
        Value left = e.add(e.mul(at[0], 2), 1);
        SmallVector<Value> next = e.select(
            e.lessThan(left, size),
            [&] {
              Value right = e.min(e.add(left, 1), e.sub(size, e.index(1)));
              Item leftItem = loadItem(e, c, left);
              Item rightItem = loadItem(e, c, right);
              Value isLeftBetter = isBetter(e, c, leftItem, rightItem);
              auto pick = [&](Value l, Value r) -> Value {
                return arith::SelectOp::create(e, isLeftBetter, r, l);
              };
              Item worst = {pick(leftItem.value, rightItem.value),
                            pick(leftItem.index, rightItem.index)};
              return SmallVector<Value>{isBetter(e, c, item, worst),
                                        pick(left, right)};
            },
            [&] {
              return SmallVector<Value>{
                  e.createOrFold<arith::ConstantIntOp>(0, 1), left};
            });
        scf::ConditionOp::create(e, next[0], ValueRange{at[0], next[1]});
      },
      [&](OpBuilder &, Location, ValueRange at) {
        storeItem(e, c, at[0], loadItem(e, c, at[1]));
        scf::YieldOp::create(e, ValueRange{at[1]});
      });
  e.setInsertionPointAfter(loop);
  storeItem(e, c, loop.getResult(0), item);
}

/// A heap of the best so far lives in the results: n log k steps at most,
/// whatever the order of the input, and no memory. Taking the worst off the
/// heap again and again leaves the results sorted.
void emitColumn(Emitter &e, const Column &c) {
  Value zero = e.index(0), one = e.index(1);
  Value count = e.dim(c.x, 1);
  // Never more than there is, so that nothing outside is read.
  Value kept = e.min(e.dim(c.values, 1), count);
  e.forRange(zero, kept, 1, [&](Value at) {
    storeItem(e, c, at, loadInput(e, c, at));
  });
  Value half = e.div(kept, e.index(2));
  e.forRange(zero, half, 1, [&](Value step) {
    Value at = e.sub(e.sub(half, one), step);
    siftDown(e, c, at, kept, loadItem(e, c, at));
  });
  e.ifElse(e.lessThan(zero, kept), [&] {
    e.forRange(kept, count, 1, [&](Value at) {
      Item item = loadInput(e, c, at);
      // Indices rise, so that an equal value is not better.
      Value worst = e.loadScalar(c.values, {c.outer, zero, c.inner});
      e.ifElse(isBetterValue(e, c, item.value, worst),
               [&] { siftDown(e, c, zero, kept, item); });
    });
    e.forRange(one, kept, 1, [&](Value step) {
      Value last = e.sub(kept, step);
      Item moved = loadItem(e, c, last);
      storeItem(e, c, last, loadItem(e, c, zero));
      siftDown(e, c, zero, last, moved);
    });
  });
}

} // namespace

LogicalResult buildTopK(Emitter &e, const KernelContext &context) {
  auto arguments = context.arguments(3);
  if (failed(arguments))
    return failure();
  Value x = (*arguments)[0], values = (*arguments)[1],
        indices = (*arguments)[2];
  if (failed(context.memref(x, "x", 3, Type())))
    return failure();
  Type element = cast<MemRefType>(x.getType()).getElementType();
  if (failed(context.memref(values, "values", 3, element)) ||
      failed(context.memref(indices, "indices", 3, e.getI64Type())) ||
      failed(context.sameExtent(values, 1, "values", indices, 1, "indices")))
    return failure();
  for (int64_t dim : {0, 2})
    if (failed(context.sameExtent(x, dim, "x", values, dim, "values")) ||
        failed(context.sameExtent(x, dim, "x", indices, dim, "indices")))
      return failure();
  if (!element.isIntOrFloat())
    return context.error() << "expected 'x' to hold numbers, got " << element;

  bool largest = context.flag("largest"), isUnsigned = context.flag("unsigned");
  Value inner = e.dim(x, 2);
  e.parallel(e.mul(e.dim(x, 0), inner), 4, [&](Value at) {
    emitColumn(e, {x, values, indices, e.div(at, inner), e.rem(at, inner),
                   largest, isUnsigned});
  });
  return success();
}

} // namespace winnow::cpu
