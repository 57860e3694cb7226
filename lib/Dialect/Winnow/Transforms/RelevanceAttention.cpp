//===- RelevanceAttention.cpp - What attention makes of relevance ---------===//
//
// Both products of an attention halve the relevance; the softmax, its scale and its mask pass it
// on. Where no product of queries and keys was, the values get all.
//
//===----------------------------------------------------------------------===//

#include "Relevance.h"

#include "winnow/Dialect/Winnow/IR/DimAlgebra.h"

#include <cfloat>
#include <cmath>

using namespace mlir;
using namespace winnow;

static constexpr int64_t kHeadsFirst[] = {0, 2, 1, 3};

//===----------------------------------------------------------------------===//
// Probabilities
//===----------------------------------------------------------------------===//

Value RelevanceWalk::addMask(Value scores, Value mask) {
  Dims dims = getDims(scores), maskDims = getDims(mask), apart = dims;
  // Batch b reads entry b modulo the mask's batch.
  bool isModulo = !isConstantDim(maskDims[0], 1) && maskDims[0] != dims[0];
  if (isModulo) {
    apart.insert(apart.begin(), divideDim(dims[0], maskDims[0]));
    apart[1] = maskDims[0];
    scores = reshape(scores, apart);
  }
  if (isa<FloatType>(getElementTypeOrSelf(mask)))
    scores = add(scores, toF32(mask));
  else
    scores = select(mask, scores, createScalarF32(-INFINITY));
  return isModulo ? reshape(scores, dims) : scores;
}

/// Whether query [queries, 1] may see key [1, keys].
Value RelevanceWalk::getVisible(const Dims &scores, bool isAtEnd) {
  Type i64 = b_.getI64Type();
  auto positions = [&](AffineExpr count, Dims shape) -> Value {
    return reshape(IotaOp::create(b_, loc, getTensorType({count}, i64, numSymbols), 0, 1), shape);
  };
  AffineExpr one = b_.getAffineConstantExpr(1);
  Value rows = positions(scores[2], {scores[2], one});
  Value columns = positions(scores[3], {one, scores[3]});
  if (isAtEnd) {
    AffineMap offset = AffineMap::get(0, numSymbols, normalizeDim(scores[3] - scores[2]));
    rows = add(rows, DimValuesOp::create(b_, loc, RankedTensorType::get({}, i64),
                                         AffineMapAttr::get(offset)));
  }
  return compare(ComparePredicate::LE, columns, rows);
}

/// softmax(scale * scores + mask) of scores [batch, heads, queries, keys].
Value RelevanceWalk::getProbabilities(AttentionOp op, Value scores) {
  Value x = scale(scores, op.getScale().convertToDouble());
  if (op.getSoftcap()) {
    double cap = op.getSoftcap()->convertToDouble();
    x = scale(TanhOp::create(b_, loc, scale(x, 1 / cap)), cap);
  }
  if (Value mask = op.getMask())
    x = addMask(x, mask);
  if (op.getCausal()) {
    Value visible = getVisible(getDims(scores), op.getCausalAtEnd());
    Value lowest = createScalarF32(-FLT_MAX);
    if (op.getCausalAddsLowest())
      x = add(x, select(visible, createScalarF32(0), lowest));
    else
      x = select(visible, x, op.getCausalLowest() ? lowest : createScalarF32(-INFINITY));
  }
  Value probabilities = SoftmaxOp::create(b_, loc, x, 3);
  if (op.getNanToZero())
    probabilities =
        select(IsNaNOp::create(b_, loc, probabilities), createScalarF32(0), probabilities);
  return probabilities;
}

/// [batch, heads, queries, 1]: the queries whose attention is computed.
Value RelevanceWalk::getKept(ProbSparseAttentionOp op, Value scores) {
  Dims dims = getDims(scores), tableDims = getDims(op.getTable());
  Value s = op.getScaleFirst() ? scale(scores, op.getScale().convertToDouble()) : scores;
  AffineExpr one = b_.getAffineConstantExpr(1);
  if (tableDims.size() == 1) {
    s = GatherOp::create(b_, loc, s, op.getTable(), /*axis=*/3);
  } else {
    // Each query reads keys of its own.
    Dims tuples = tableDims;
    tuples.push_back(one);
    s = GatherNDOp::create(b_, loc, permute(s, {2, 3, 0, 1}), reshape(op.getTable(), tuples),
                           /*batchDims=*/1);
    s = permute(s, {2, 3, 0, 1});
  }
  Value sum = reduce(ReduceKind::Sum, s, {3}, false), divisor;
  if (op.getDivisor()) {
    divisor = createScalarF32(op.getDivisor()->convertToDouble());
  } else {
    AffineMap keys = AffineMap::get(0, numSymbols, dims[3]);
    divisor = toF32(DimValuesOp::create(b_, loc, RankedTensorType::get({}, b_.getI64Type()),
                                        AffineMapAttr::get(keys)));
  }
  Value measure = SubOp::create(b_, loc, reduce(ReduceKind::Max, s, {3}, false),
                                DivOp::create(b_, loc, sum, divisor));
  Dims keptDims = {dims[0], dims[1], b_.getAffineConstantExpr(op.getKept())};
  auto best = TopKOp::create(b_, loc, getTensorType(keptDims, b_.getF32Type(), numSymbols),
                             getTensorType(keptDims, b_.getI64Type(), numSymbols), measure,
                             /*axis=*/2, /*largest=*/true);
  Value kept = ScatterElementsOp::create(
      b_, loc, createZeros({dims[0], dims[1], dims[2]}), best.getIndices(),
      broadcast(createScalarF32(1), keptDims), /*axis=*/2, ScatterReduction::None);
  kept = reshape(kept, {dims[0], dims[1], dims[2], one});
  return compare(ComparePredicate::NE, kept, createScalarF32(0));
}

/// The rows of softmax where they are computed, and what the other rows weigh values by.
Value RelevanceWalk::getProbabilities(ProbSparseAttentionOp op, Value scores, Value kept) {
  Dims dims = getDims(scores);
  Value x = scale(scores, op.getScale().convertToDouble());
  if (Value mask = op.getMask())
    x = addMask(x, mask);
  Value visible;
  if (op.getCausal() || op.getCumsum())
    visible = getVisible(dims, /*isAtEnd=*/false);
  if (op.getCausal())
    x = select(visible, x, createScalarF32(-INFINITY));
  Value ones = broadcast(createScalarF32(1), dims), others;
  if (op.getCumsum())
    others = selectOrZero(visible, ones);
  else
    others = DivOp::create(b_, loc, ones, reduce(ReduceKind::Sum, ones, {3}, true));
  return select(kept, SoftmaxOp::create(b_, loc, x, 3), others);
}

//===----------------------------------------------------------------------===//
// Both products
//===----------------------------------------------------------------------===//

/// Of operands with the heads first. `kept` are the rows that came from queries and keys, all where
/// it is null.
RelevanceWalk::AttentionShares RelevanceWalk::passProducts(Value q, Value k, Value v, Value scores,
                                                           Value p, Value s, Value kept) {
  auto product = [&](Value a, Value b) -> Value { return MatMulOp::create(b_, loc, a, b); };
  Value half = scale(s, 0.5);
  Value ofP = mul(p, product(half, swapLast(v)));
  if (kept)
    ofP = selectOrZero(kept, ofP);
  Value ofV = mul(v, product(swapLast(p), kept ? select(kept, half, s) : half));
  Value ofScores = scale(divide(ofP, scores), 0.5);
  return {mul(q, product(ofScores, k)), mul(k, product(swapLast(ofScores), q)), ofV};
}

LogicalResult RelevanceWalk::passAttention(AttentionOp op) {
  if (op.getQueryOffsets() || op.getKeyOffsets())
    return failure();
  Value r = getRelevance(op.getResult());
  outputSums[op] = getAbsTotal(r);
  Value q = permute(toF32(op.getQuery()), kHeadsFirst);
  Dims queryDims = getDims(q);
  // Heads that share keys and values get copies of them.
  auto expand = [&](Value shared) {
    Value value = permute(toF32(shared), kHeadsFirst);
    Dims dims = getDims(value), apart = dims, repeated;
    if (dims[1] == queryDims[1])
      return value;
    AffineExpr group = divideDim(queryDims[1], dims[1]);
    apart.insert(apart.begin() + 2, b_.getAffineConstantExpr(1));
    repeated = apart;
    repeated[2] = group;
    dims[1] = queryDims[1];
    return reshape(broadcast(reshape(value, apart), repeated), dims);
  };
  auto giveBack = [&](Value shared, Value given) {
    Dims dims = getDims(shared), apart = getDims(given);
    if (dims[2] != apart[1]) {
      AffineExpr group = divideDim(apart[1], dims[2]);
      apart.insert(apart.begin() + 2, group);
      apart[1] = dims[2];
      given = reduce(ReduceKind::Sum, reshape(given, apart), {2}, false);
    }
    give(shared, permute(given, kHeadsFirst));
    return getAbsTotal(given);
  };
  Value k = expand(op.getKey()), v = expand(op.getValue());
  Value scores = MatMulOp::create(b_, loc, q, swapLast(k));
  Value s = divide(permute(r, kHeadsFirst), permute(toF32(op.getResult()), kHeadsFirst));
  AttentionShares shares = passProducts(q, k, v, scores, getProbabilities(op, scores), s, Value());
  Value ofQuery = giveBack(op.getQuery(), shares.query), ofKey = giveBack(op.getKey(), shares.key);
  inputSums[op] = add(add(ofQuery, ofKey), giveBack(op.getValue(), shares.value));
  return success();
}

/// Which queries are kept passes nothing on, as masks do not.
void RelevanceWalk::passProbSparse(ProbSparseAttentionOp op) {
  Value r = getRelevance(op.getResult());
  outputSums[op] = getAbsTotal(r);
  Value q = permute(toF32(op.getQuery()), kHeadsFirst), k = permute(toF32(op.getKey()), kHeadsFirst);
  Value v = permute(toF32(op.getValue()), kHeadsFirst);
  Value scores = MatMulOp::create(b_, loc, q, swapLast(k)), kept = getKept(op, scores);
  Value s = divide(permute(r, kHeadsFirst), permute(toF32(op.getResult()), kHeadsFirst));
  AttentionShares shares =
      passProducts(q, k, v, scores, getProbabilities(op, scores, kept), s, kept);
  inputSums[op] = add(add(getAbsTotal(shares.query), getAbsTotal(shares.key)),
                      getAbsTotal(shares.value));
  give(op.getQuery(), permute(shares.query, kHeadsFirst));
  give(op.getKey(), permute(shares.key, kHeadsFirst));
  give(op.getValue(), permute(shares.value, kHeadsFirst));
}
