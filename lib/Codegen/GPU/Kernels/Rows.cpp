//===- Rows.cpp - Walks over the rows of a matrix -------------------------===//

#include "Rows.h"

using namespace mlir;

namespace winnow::gpu {

RowWalk::RowWalk(Emitter &e, const RowShape &shape, Value width, Value shared, Load load)
    : e(e), shape(shape), width(width), shared(shared), load(std::move(load)) {
  place = e.rem(e.thread(), shape.threadsPerRow());
  rowOfBlock = e.div(e.thread(), shape.threadsPerRow());
}

/// The elements of a chunk, zeros where it is not the row's.
SmallVector<Value> RowWalk::loadChunk(int64_t number, Value column, Value isInside) {
  if (number < static_cast<int64_t>(kept.size()))
    return kept[number];
  SmallVector<Type> types(shape.vector, e.getF32Type());
  SmallVector<Value> zeros(shape.vector, e.f32(0));
  auto branch = scf::IfOp::create(e, types, isInside, /*withElseRegion=*/true);
  {
    OpBuilder::InsertionGuard guard(e);
    e.setInsertionPointToStart(branch.thenBlock());
    scf::YieldOp::create(e, load(column, shape.vector));
    e.setInsertionPointToStart(branch.elseBlock());
    scf::YieldOp::create(e, zeros);
  }
  return llvm::to_vector_of<Value>(branch.getResults());
}

SmallVector<Value>
RowWalk::walk(ValueRange inits,
              llvm::function_ref<SmallVector<Value>(Value, Value, ValueRange, ValueRange)> body) {
  Value begin = e.mul(place, shape.vector);
  int64_t step = shape.threadsPerRow() * shape.vector;
  if (!shape.staysInRegisters())
    return e.forRange(begin, width, step, inits, [&](Value column, ValueRange carried) {
      Value inside = arith::ConstantOp::create(e, e.getBoolAttr(true));
      return body(column, inside, loadChunk(INT64_MAX, column, inside), carried);
    });
  SmallVector<Value> carried(inits);
  for (int64_t number = 0; number * step < shape.width; ++number) {
    Value column = e.add(begin, number * step);
    Value inside = (number + 1) * step <= shape.width
                       ? arith::ConstantOp::create(e, e.getBoolAttr(true)).getResult()
                       : e.less(column, shape.width);
    SmallVector<Value> chunk = loadChunk(number, column, inside);
    if (number == static_cast<int64_t>(kept.size()))
      kept.push_back(chunk);
    carried = body(column, inside, chunk, carried);
  }
  return carried;
}

Value RowWalk::reduce(Value neutral, llvm::function_ref<Value(Value)> map,
                      llvm::function_ref<Value(Value, Value)> combine) {
  Value result = walk(neutral, [&](Value, Value inside, ValueRange chunk, ValueRange carried) {
    Value sum = carried.front();
    for (Value element : chunk)
      sum = combine(sum, e.select(inside, map(element), neutral));
    return SmallVector<Value>{sum};
  })[0];
  result = e.reduceLanes(result, 32, combine);
  if (shape.isShort())
    return result;
  // Each warp leaves its part; all threads combine them in the same order.
  int64_t warps = RowShape::kThreads / 32;
  Value parts = e.at(shared, reductions++ * 4 * warps);
  e.ifThen(e.equal(e.bitAnd(e.thread(), 31), e.i32(0)), [&] {
    e.store(result, e.at(parts, e.shiftLeft(e.shiftRight(e.thread(), 5), 2)));
  });
  e.barrier();
  for (int64_t warp = 0; warp < warps; ++warp) {
    Value part = e.load(e.getF32Type(), e.at(parts, 4 * warp));
    result = warp ? combine(result, part) : part;
  }
  return result;
}

void RowWalk::forEach(llvm::function_ref<void(Value, ValueRange)> body) {
  walk({}, [&](Value column, Value inside, ValueRange chunk, ValueRange) {
    e.ifThen(inside, [&] { body(column, chunk); });
    return SmallVector<Value>();
  });
}

} // namespace winnow::gpu
