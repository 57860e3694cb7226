#include "InferType.h"

#include "winnow/Dialect/Winnow/IR/DimAlgebra.h"

using namespace mlir;
using namespace winnow;

/// A number of mask entries that the batch is a multiple of.
static bool isCyclic(AffineExpr entries, AffineExpr batch) {
  return getConstantDim(entries).value_or(0) > 0 && divideDim(batch, entries);
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
  if (failed(expect(query[0], key[0], "query and key batch sizes")) ||
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
