#include "InferType.h"

#include "winnow/Dialect/Winnow/IR/DimAlgebra.h"

#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace winnow;

/// A number of mask entries that the batch is a multiple of.
static bool isCyclic(AffineExpr entries, AffineExpr batch) {
  return getConstantDim(entries).value_or(0) > 0 && divideDim(batch, entries);
}

/// The number of sequences, and whether what is packed is so in the right form.
static LogicalResult checkPacking(std::optional<Location> loc, AttentionOp::Adaptor adaptor,
                                  ArrayRef<AffineExpr> query, ArrayRef<AffineExpr> key,
                                  unsigned numSymbols) {
  Value queryOffsets = adaptor.getQueryOffsets(), keyOffsets = adaptor.getKeyOffsets();
  Value keyLengths = adaptor.getKeyLengths();
  if (!keyOffsets != !keyLengths)
    return emitOptionalError(loc, "expected key_offsets and key_lengths together, got ",
                             keyOffsets ? "key_offsets" : "key_lengths", " alone");
  for (auto [positions, offsets, operand, what] :
       {std::tuple(adaptor.getQueryPositions(), queryOffsets, query, "query_positions"),
        std::tuple(adaptor.getKeyPositions(), keyOffsets, key, "key_positions")}) {
    bool isWanted = adaptor.getMask() && offsets;
    if (bool(positions) != isWanted)
      return emitOptionalError(loc, "expected ", what, isWanted ? " with" : " only with",
                               " a mask and packed tokens, got ", isWanted ? "none" : "them");
    if (!positions)
      continue;
    Dims dims = getDims(positions);
    if (dims.size() != 1 || !isSameDim(dims[0], operand[1], numSymbols))
      return emitOptionalError(loc, "expected ", what, " of one number for each token, [",
                               toString(operand[1]), "], got ", toString(dims));
  }
  auto checkOne = [&](AffineExpr dim, const char *what) -> LogicalResult {
    if (isConstantDim(dim, 1))
      return success();
    return emitOptionalError(loc, "expected packed ", what, " to have a first dimension of 1, got ",
                             toString(dim));
  };
  if ((queryOffsets && failed(checkOne(query[0], "queries"))) ||
      (keyOffsets && failed(checkOne(key[0], "keys"))))
    return failure();
  // The batch in which all that says it must agree.
  AffineExpr batch = keyLengths      ? getDims(keyLengths)[0]
                     : !keyOffsets   ? key[0]
                                     : AffineExpr();
  if (!queryOffsets && batch && !isSameDim(query[0], batch, numSymbols))
    return emitOptionalError(loc, "expected query and key batch sizes to match, got ",
                             toString(query[0]), " and ", toString(batch));
  for (Value offsets : {queryOffsets, keyOffsets}) {
    if (!offsets)
      continue;
    Dims dims = getDims(offsets);
    if (dims.size() != 1 || !isSameDim(dims[0], batch + 1, numSymbols))
      return emitOptionalError(loc, "expected offsets of one number more than sequences, [",
                               toString(batch + 1), "], got ", toString(dims));
  }
  return success();
}

FailureOr<RankedTensorType> AttentionOp::inferType(std::optional<Location> loc, Adaptor adaptor) {
  Dims query = getDims(adaptor.getQuery()), key = getDims(adaptor.getKey());
  Dims value = getDims(adaptor.getValue());
  unsigned numSymbols = getNumSymbols(adaptor.getOperands().getTypes());
  if (query.size() != 4 || key.size() != 4 || value.size() != 4)
    return emitOptionalError(loc, "expected query, key and value of rank 4, got ranks ",
                             query.size(), ", ", key.size(), " and ", value.size());
  auto expect = [&](AffineExpr a, AffineExpr b, const char *what) -> LogicalResult {
    if (isSameDim(a, b, numSymbols))
      return success();
    return emitOptionalError(loc, "expected ", what, " to match, got ", toString(a), " and ",
                             toString(b));
  };
  if (Value lengths = adaptor.getKeyLengths(); lengths && getDims(lengths).size() != 1)
    return emitOptionalError(loc, "expected key_lengths of rank 1, got rank ",
                             getDims(lengths).size());
  if (failed(checkPacking(loc, adaptor, query, key, numSymbols)) ||
      failed(expect(key[0], value[0], "key and value batch sizes")) ||
      failed(expect(key[1], value[1], "key and value lengths")) ||
      failed(expect(key[2], value[2], "key and value heads")) ||
      failed(expect(query[3], key[3], "query and key head sizes")))
    return failure();
  std::optional<int64_t> heads = getConstantDim(query[2]), kvHeads = getConstantDim(key[2]);
  if (!heads || !kvHeads || !getConstantDim(query[3]) || !getConstantDim(value[3]))
    return emitOptionalError(loc, "expected static heads and head sizes, got ",
                             toString(query), " and ", toString(value));
  if (*kvHeads == 0 || *heads % *kvHeads != 0)
    return emitOptionalError(loc, "expected key heads to divide query heads, got ", *kvHeads,
                             " and ", *heads);
  const char *lowest = adaptor.getCausalLowest()       ? "causal_lowest"
                       : adaptor.getCausalAddsLowest() ? "causal_adds_lowest"
                                                       : nullptr;
  if (Value mask = adaptor.getMask()) {
    Dims dims = getDims(mask);
    Dims scores = {query[0], query[2], query[1], key[1]};
    bool fits = dims.size() == 4;
    if (Value lengths = adaptor.getKeyLengths(); lengths || adaptor.getQueryOffsets())
      scores[0] = lengths ? getDims(lengths)[0] : key[0];
    // Of packed tokens any position may be the last.
    if (fits && adaptor.getQueryOffsets())
      scores[2] = dims[2];
    if (fits && adaptor.getKeyOffsets())
      scores[3] = dims[3];
    for (size_t i = 0; fits && i < 4; ++i)
      fits = isConstantDim(dims[i], 1) || isSameDim(dims[i], scores[i], numSymbols) ||
             (i == 0 && isCyclic(dims[i], scores[i]));
    if (!fits)
      return emitOptionalError(loc, "expected the mask to broadcast to ", toString(scores),
                               ", got ", toString(dims));
    Type element = getElementTypeOrSelf(mask);
    if (!element.isInteger(1) && element != getElementTypeOrSelf(adaptor.getQuery()))
      return emitOptionalError(loc, "expected a mask of i1 or the query's element type, got ",
                               element);
    if (element.isInteger(1) && lowest)
      return emitOptionalError(loc, "expected a mask of floats under ", lowest, ", got ", element);
  }
  if (!adaptor.getCausal() && (adaptor.getCausalAtEnd() || lowest))
    return emitOptionalError(loc, "expected causal where there is ",
                             adaptor.getCausalAtEnd() ? "causal_at_end" : lowest, ", got none");
  if (adaptor.getCausalLowest() && adaptor.getCausalAddsLowest())
    return emitOptionalError(loc, "expected causal_lowest or causal_adds_lowest, got both");
  if (std::optional<APFloat> softcap = adaptor.getSoftcap())
    if (!softcap->isFiniteNonZero() || softcap->isNegative())
      return emitOptionalError(loc, "expected a positive softcap, got ", softcap->convertToFloat());
  return getTensorType({query[0], query[1], query[2], value[3]},
                       getElementTypeOrSelf(adaptor.getQuery()), numSymbols);
}
WINNOW_DEFINE_INFER_RETURN_TYPES(AttentionOp)

FailureOr<RankedTensorType> RotaryOp::inferType(std::optional<Location> loc, Adaptor adaptor) {
  if (failed(checkSameElementType(loc, adaptor.getOperands())))
    return failure();
  auto type = cast<RankedTensorType>(adaptor.getInput().getType());
  if (adaptor.getCos().getType() != adaptor.getSin().getType())
    return emitOptionalError(loc, "expected cos and sin to have one type, got ",
                             adaptor.getCos().getType(), " and ", adaptor.getSin().getType());
  Dims dims = getDims(type), angles = getDims(adaptor.getCos());
  if (angles.empty() || angles.size() > dims.size())
    return emitOptionalError(loc, "expected cos and sin of rank 1 to ", dims.size(), ", got rank ",
                             angles.size());
  std::optional<int64_t> size = getConstantDim(dims.back()), pairs = getConstantDim(angles.back());
  if (!size || !pairs || *pairs < 1 || 2 * *pairs > *size)
    return emitOptionalError(loc, "expected cos and sin of at most half of ",
                             toString(dims.back()), " elements, got ", toString(angles.back()));
  unsigned numSymbols = getNumSymbols(adaptor.getOperands().getTypes());
  ArrayRef<AffineExpr> outer = ArrayRef(dims).take_back(angles.size());
  for (size_t i = 0; i + 1 < angles.size(); ++i)
    if (!isConstantDim(angles[i], 1) && !isSameDim(angles[i], outer[i], numSymbols))
      return emitOptionalError(loc, "expected cos and sin to broadcast to ", toString(dims),
                               " but for the last dimension, got ", toString(angles));
  return type;
}
WINNOW_DEFINE_INFER_RETURN_TYPES(RotaryOp)

FailureOr<RankedTensorType> ProbSparseAttentionOp::inferType(std::optional<Location> loc,
                                                             Adaptor adaptor) {
  Dims query = getDims(adaptor.getQuery()), key = getDims(adaptor.getKey());
  Dims value = getDims(adaptor.getValue()), table = getDims(adaptor.getTable());
  unsigned numSymbols = getNumSymbols(adaptor.getOperands().getTypes());
  if (query.size() != 4 || key.size() != 4 || value.size() != 4)
    return emitOptionalError(loc, "expected query, key and value of rank 4, got ranks ",
                             query.size(), ", ", key.size(), " and ", value.size());
  auto expect = [&](AffineExpr a, AffineExpr b, const char *what) -> LogicalResult {
    if (isSameDim(a, b, numSymbols))
      return success();
    return emitOptionalError(loc, "expected ", what, " to match, got ", toString(a), " and ",
                             toString(b));
  };
  // C1, C2, C3, C4
  if (failed(expect(query[0], key[0], "query and key batch sizes")) ||
      failed(expect(key[0], value[0], "key and value batch sizes")) ||
      failed(expect(key[1], value[1], "key and value lengths")) ||
      failed(expect(query[3], key[3], "query and key head sizes")) ||
      failed(expect(query[2], key[2], "query and key heads")) ||
      failed(expect(key[2], value[2], "key and value heads")))
    return failure();
  if (!getConstantDim(query[2]) || !getConstantDim(query[3]) || !getConstantDim(value[3]))
    return emitOptionalError(loc, "expected static heads and head sizes, got ", toString(query),
                             " and ", toString(value));
  // C5
  if (table.empty() || table.size() > 2 || isConstantDim(table.back(), 0) ||
      (table.size() == 2 && !isSameDim(table[0], query[1], numSymbols)))
    return emitOptionalError(loc, "expected a table of [samples] or [", toString(query[1]),
                             ", samples], got ", toString(table));
  // C6
  int64_t kept = adaptor.getKept();
  std::optional<int64_t> queries = getConstantDim(query[1]);
  if (kept < 1 || (queries && kept > *queries))
    return emitOptionalError(loc, "expected to keep 1 to ", toString(query[1]), " queries, got ",
                             kept);
  // C7
  if (adaptor.getCumsum() && !isSameDim(query[1], key[1], numSymbols))
    return emitOptionalError(loc, "expected as many queries as keys under cumsum, got ",
                             toString(query[1]), " and ", toString(key[1]));
  // C8
  if (Value mask = adaptor.getMask()) {
    Dims dims = getDims(mask), scores = {query[0], query[2], query[1], key[1]};
    bool fits = dims.size() == 4;
    for (size_t i = 0; fits && i < 4; ++i)
      fits = isConstantDim(dims[i], 1) || isSameDim(dims[i], scores[i], numSymbols);
    if (!fits)
      return emitOptionalError(loc, "expected the mask to broadcast to ", toString(scores),
                               ", got ", toString(dims));
    Type element = getElementTypeOrSelf(mask);
    if (!element.isInteger(1) && element != getElementTypeOrSelf(adaptor.getQuery()))
      return emitOptionalError(loc, "expected a mask of i1 or the query's element type, got ",
                               element);
  }
  // C9
  if (std::optional<APFloat> divisor = adaptor.getDivisor())
    if (!divisor->isFiniteNonZero())
      return emitOptionalError(loc, "expected a finite divisor other than 0, got ",
                               divisor->convertToFloat());
  APFloat scale = adaptor.getScale();
  if (adaptor.getScaleFirst() && (!scale.isFiniteNonZero() || scale.isNegative()))
    return emitOptionalError(loc, "expected a positive scale before the measure, got ",
                             scale.convertToFloat());
  return getTensorType({query[0], query[1], query[2], value[3]},
                       getElementTypeOrSelf(adaptor.getQuery()), numSymbols);
}
WINNOW_DEFINE_INFER_RETURN_TYPES(ProbSparseAttentionOp)

/// Where all queries are kept, nothing is left that the table could decide.
static LogicalResult attendToAll(ProbSparseAttentionOp op, PatternRewriter &rewriter) {
  if (!isConstantDim(getDims(op.getQuery())[1], op.getKept()))
    return rewriter.notifyMatchFailure(op, "some queries may not be kept");
  auto attention =
      AttentionOp::create(rewriter, op.getLoc(), op.getType(), op.getQuery(), op.getKey(),
                          op.getValue(), op.getMask(), Value(), Value(), Value(), Value(), Value(),
                          op.getScaleAttr(), op.getCausalAttr(), UnitAttr(), UnitAttr(),
                          UnitAttr(), UnitAttr(), FloatAttr());
  rewriter.replaceOp(op, attention);
  return success();
}

void ProbSparseAttentionOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                                        MLIRContext *) {
  patterns.add(attendToAll);
}
