//===- RelevanceMovement.cpp - Relevance moves with what it belongs to ----===//

#include "Relevance.h"

#include "winnow/Dialect/Winnow/IR/DimAlgebra.h"

#include "mlir/Dialect/Utils/IndexingUtils.h"

using namespace mlir;
using namespace winnow;

/// Zeros where the slice read nothing.
void RelevanceWalk::passSlice(SliceOp op) {
  Value r = getRelevance(op.getResult());
  Dims dims = getDims(op.getInput());
  for (size_t axis = 0; axis < dims.size(); ++axis) {
    AffineExpr start = op.getStarts().getResult(axis);
    int64_t step = op.getSteps()[axis];
    Dims now = getDims(r);
    AffineExpr count = now[axis], before = start;
    if (step < 0) {
      // In the order of the input.
      Dims starts(now.size(), b_.getAffineConstantExpr(0));
      SmallVector<int64_t> steps(now.size(), 1);
      starts[axis] = normalizeDim(count - 1);
      steps[axis] = -1;
      r = SliceOp::create(
          b_, loc, r.getType(), r,
          AffineMapAttr::get(AffineMap::get(0, numSymbols, starts, b_.getContext())),
          b_.getDenseI64ArrayAttr(steps));
      before = start + (count - 1) * step;
    }
    auto join = [&](Value a, Value b) -> Value {
      Dims joined = getDims(a);
      joined[axis] = normalizeDim(joined[axis] + getDims(b)[axis]);
      return ConcatOp::create(b_, loc, getTensorType(joined, b_.getF32Type(), numSymbols),
                              ValueRange{a, b}, static_cast<int64_t>(axis));
    };
    auto zerosOf = [&](AffineExpr size) {
      Dims shape = getDims(r);
      shape[axis] = size;
      return createZeros(shape);
    };
    int64_t apart = std::abs(step);
    AffineExpr covered = count;
    if (apart > 1) {
      // Each element, then the zeros up to the next; the last ones may lie outside.
      Dims wide = now, gap = now;
      wide.insert(wide.begin() + axis + 1, b_.getAffineConstantExpr(1));
      gap = wide;
      gap[axis + 1] = b_.getAffineConstantExpr(apart - 1);
      Dims both = wide;
      both[axis + 1] = b_.getAffineConstantExpr(apart);
      Value spread = ConcatOp::create(b_, loc, getTensorType(both, b_.getF32Type(), numSymbols),
                                      ValueRange{reshape(r, wide), createZeros(gap)},
                                      static_cast<int64_t>(axis + 1));
      now[axis] = normalizeDim(count * apart);
      r = reshape(spread, now);
      covered = normalizeDim((count - 1) * apart + 1);
      Dims starts(now.size(), b_.getAffineConstantExpr(0)), cut = now;
      cut[axis] = covered;
      r = SliceOp::create(
          b_, loc, getTensorType(cut, b_.getF32Type(), numSymbols), r,
          AffineMapAttr::get(AffineMap::get(0, numSymbols, starts, b_.getContext())),
          b_.getDenseI64ArrayAttr(SmallVector<int64_t>(now.size(), 1)));
    }
    before = normalizeDim(before);
    AffineExpr after = normalizeDim(dims[axis] - before - covered);
    if (!isConstantDim(before, 0))
      r = join(zerosOf(before), r);
    if (!isConstantDim(after, 0))
      r = join(r, zerosOf(after));
  }
  give(op.getInput(), r);
}

void RelevanceWalk::passConcat(ConcatOp op) {
  Value r = getRelevance(op.getResult());
  size_t rank = getDims(r).size();
  Dims starts(rank, b_.getAffineConstantExpr(0));
  for (Value input : op.getInputs()) {
    auto type = getTensorType(getDims(input), b_.getF32Type(), numSymbols);
    Value part =
        SliceOp::create(b_, loc, type, r,
                        AffineMapAttr::get(AffineMap::get(0, numSymbols, starts, b_.getContext())),
                        b_.getDenseI64ArrayAttr(SmallVector<int64_t>(rank, 1)));
    starts[op.getAxis()] = normalizeDim(starts[op.getAxis()] + getDims(input)[op.getAxis()]);
    give(input, part);
  }
}

/// Slices that were read several times get all of it.
void RelevanceWalk::passGather(GatherOp op) {
  Value r = getRelevance(op.getResult());
  // A table's rows need not be told apart.
  if (!isCarrier(op.getData()))
    return give(op.getData(), r);
  int64_t axis = op.getAxis();
  Dims dataDims = getDims(op.getData()), indexDims = getDims(op.getIndices());
  int64_t dataRank = dataDims.size(), indexRank = indexDims.size();
  // The gathered dimensions come first.
  SmallVector<int64_t> forward, back;
  for (int64_t i = 0; i < indexRank; ++i)
    forward.push_back(axis + i);
  for (int64_t i = 0; i < dataRank - 1 + indexRank; ++i)
    if (i < axis || i >= axis + indexRank)
      forward.push_back(i);
  Dims target{dataDims[axis]}, tuples = indexDims;
  for (int64_t i = 0; i < dataRank; ++i) {
    back.push_back(i < axis ? i + 1 : i == axis ? 0 : i);
    if (i != axis)
      target.push_back(dataDims[i]);
  }
  tuples.push_back(b_.getAffineConstantExpr(1));
  Value moved = ScatterNDOp::create(b_, loc, createZeros(target), reshape(op.getIndices(), tuples),
                                    permute(r, forward), ScatterReduction::Add);
  give(op.getData(), permute(moved, back));
}

/// The position along an axis, of each element of that shape and with a dimension of 1 behind it.
Value RelevanceWalk::getPositions(const Dims &dims, int64_t axis) {
  AffineExpr one = b_.getAffineConstantExpr(1);
  Type i64 = b_.getI64Type();
  Dims flat(dims.size() + 1, one), full = dims;
  flat[axis] = dims[axis];
  full.push_back(one);
  Value numbers = IotaOp::create(b_, loc, getTensorType({dims[axis]}, i64, numSymbols), 0, 1);
  return broadcast(reshape(numbers, flat), full);
}

static Value toI64(OpBuilder &b, Location loc, Value value, unsigned numSymbols) {
  Type i64 = b.getI64Type();
  if (getElementTypeOrSelf(value) == i64)
    return value;
  return CastOp::create(b, loc, getTensorType(getDims(value), i64, numSymbols), value);
}

Value RelevanceWalk::addBatches(Value indices, int64_t batches) {
  if (batches == 0)
    return indices;
  Dims dims = getDims(indices), places = dims;
  places.pop_back();
  SmallVector<Value> parts;
  for (int64_t axis = 0; axis < batches; ++axis)
    parts.push_back(getPositions(places, axis));
  parts.push_back(toI64(b_, loc, indices, numSymbols));
  dims.back() = normalizeDim(dims.back() + batches);
  return ConcatOp::create(b_, loc, getTensorType(dims, b_.getI64Type(), numSymbols), parts,
                          static_cast<int64_t>(places.size()));
}

Value RelevanceWalk::getPlaces(Value indices, int64_t axis) {
  Dims dims = getDims(indices), single = dims, tuples = dims;
  int64_t rank = dims.size();
  single.push_back(b_.getAffineConstantExpr(1));
  tuples.push_back(b_.getAffineConstantExpr(rank));
  SmallVector<Value> parts;
  for (int64_t i = 0; i < rank; ++i)
    parts.push_back(i == axis ? reshape(toI64(b_, loc, indices, numSymbols), single)
                              : getPositions(dims, i));
  return ConcatOp::create(b_, loc, getTensorType(tuples, b_.getI64Type(), numSymbols), parts, rank);
}

/// As gather: slices that were read several times get all of it.
void RelevanceWalk::passGatherND(GatherNDOp op) {
  Value r = getRelevance(op.getResult());
  if (!isCarrier(op.getData()))
    return give(op.getData(), r);
  give(op.getData(), ScatterNDOp::create(b_, loc, createZeros(getDims(op.getData())),
                                         addBatches(op.getIndices(), op.getBatchDims()), r,
                                         ScatterReduction::Add));
}

/// The values take it back to where they were; their positions carry nothing.
void RelevanceWalk::passTopK(TopKOp op) {
  give(op.getInput(),
       ScatterElementsOp::create(b_, loc, createZeros(getDims(op.getInput())), op.getIndices(),
                                 getRelevance(op.getValues()), op.getAxis(), ScatterReduction::Add));
}

/// What was replaced gets nothing; of sums each part gets its share.
FailureOr<bool> RelevanceWalk::passScatter(Operation *op) {
  Value data = op->getOperand(0), indices = op->getOperand(1), updates = op->getOperand(2);
  ScatterReduction reduction;
  if (auto elements = dyn_cast<ScatterElementsOp>(op)) {
    indices = getPlaces(indices, elements.getAxis());
    reduction = elements.getReduction();
  } else {
    reduction = cast<ScatterNDOp>(op).getReduction();
  }
  Value r = getRelevance(op->getResult(0));
  auto read = [&](Value value) -> Value { return GatherNDOp::create(b_, loc, value, indices, 0); };
  if (reduction == ScatterReduction::None) {
    Value none = createZeros(getDims(updates));
    give(data, ScatterNDOp::create(b_, loc, r, indices, none, ScatterReduction::None));
    give(updates, read(r));
    return true;
  }
  if (reduction != ScatterReduction::Add)
    return op->emitError("no relevance rule for ")
           << op->getName() << " with the reduction " << stringifyScatterReduction(reduction);
  Value s = divide(r, toF32(op->getResult(0)));
  give(data, mul(toF32(data), s));
  give(updates, mul(toF32(updates), read(s)));
  return true;
}

FailureOr<bool> RelevanceWalk::passMovement(Operation *op) {
  Value r = getRelevance(op->getResult(0));
  if (auto reshaped = dyn_cast<ReshapeOp>(op))
    give(reshaped.getInput(), reshape(r, getDims(reshaped.getInput())));
  else if (auto transposed = dyn_cast<TransposeOp>(op))
    give(transposed.getInput(), permute(r, invertPermutationVector(transposed.getPermutation())));
  else if (auto repeated = dyn_cast<BroadcastToOp>(op))
    give(repeated.getInput(), reduceTo(r, repeated.getInput()));
  else if (auto concat = dyn_cast<ConcatOp>(op))
    passConcat(concat);
  else if (auto gather = dyn_cast<GatherOp>(op))
    passGather(gather);
  else if (auto gathered = dyn_cast<GatherNDOp>(op))
    passGatherND(gathered);
  else if (auto best = dyn_cast<TopKOp>(op))
    passTopK(best);
  else if (auto slice = dyn_cast<SliceOp>(op))
    passSlice(slice);
  else if (isa<ScatterElementsOp, ScatterNDOp>(op))
    return passScatter(op);
  else
    return false;
  return true;
}
