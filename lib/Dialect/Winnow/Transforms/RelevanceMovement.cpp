//===- RelevanceMovement.cpp - Relevance moves with what it belongs to ----===//

#include "Relevance.h"

#include "winnow/Dialect/Winnow/IR/DimAlgebra.h"

#include "mlir/Dialect/Utils/IndexingUtils.h"

using namespace mlir;
using namespace winnow;

/// Zeros where the slice read nothing.
LogicalResult RelevanceWalk::passSlice(SliceOp op) {
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
  return success();
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
  else if (auto slice = dyn_cast<SliceOp>(op))
    return failed(passSlice(slice)) ? FailureOr<bool>(failure()) : FailureOr<bool>(true);
  else
    return false;
  return true;
}
