#include "InferType.h"
#include "winnow/Dialect/Winnow/IR/Rational.h"

using namespace mlir;
using namespace winnow;

FailureOr<Dims> winnow::inferMatMulDims(std::optional<Location> loc, Dims lhs, Dims rhs, unsigned numSymbols,
                                        MLIRContext *context) {
  if (lhs.empty() || rhs.empty())
    return emitOptionalError(loc, "expected operands of rank 1 or more, got ranks ",
                             lhs.size(), " and ", rhs.size());
  bool isRow = lhs.size() == 1, isColumn = rhs.size() == 1;
  AffineExpr one = getAffineConstantExpr(1, context);
  if (isRow)
    lhs.insert(lhs.begin(), one);
  if (isColumn)
    rhs.push_back(one);
  AffineExpr inner = lhs.pop_back_val(), rows = lhs.pop_back_val();
  AffineExpr columns = rhs.pop_back_val(), otherInner = rhs.pop_back_val();
  if (!isSameDim(inner, otherInner, numSymbols))
    return emitOptionalError(loc, "expected inner dimensions to match, got ",
                             toString(inner), " and ", toString(otherInner));
  std::string error;
  FailureOr<Dims> dims = broadcastDims({lhs, rhs}, numSymbols, &error);
  if (failed(dims))
    return emitOptionalError(loc, "expected batch dimensions to broadcast, got ", error);
  if (!isRow)
    dims->push_back(rows);
  if (!isColumn)
    dims->push_back(columns);
  return dims;
}

FailureOr<RankedTensorType> MatMulOp::inferType(std::optional<Location> loc, Adaptor adaptor) {
  if (failed(checkSameElementType(loc, adaptor.getOperands())))
    return failure();
  unsigned numSymbols = getNumSymbols(adaptor.getOperands().getTypes());
  FailureOr<Dims> dims = inferMatMulDims(loc, getDims(adaptor.getLhs()), getDims(adaptor.getRhs()), numSymbols,
                                         adaptor.getLhs().getContext());
  if (failed(dims))
    return failure();
  return getTensorType(*dims, getElementTypeOrSelf(adaptor.getLhs()), numSymbols);
}
WINNOW_DEFINE_INFER_RETURN_TYPES(MatMulOp)

FailureOr<RankedTensorType> winnow::inferLinearType(std::optional<Location> loc,
                                                    const LinearOperands &operands) {
  if (failed(checkSameElementType(loc, operands.all)))
    return failure();
  Dims dims = getDims(operands.input), weight = getDims(operands.weight);
  unsigned numSymbols = getNumSymbols(operands.all.getTypes());
  if (dims.empty() || weight.size() != 2)
    return emitOptionalError(loc, "expected an input of rank 1 or more and a weight of rank 2, got ranks ",
                             dims.size(), " and ", weight.size());
  if (operands.transposeWeight)
    std::swap(weight[0], weight[1]);
  if (!isSameDim(dims.back(), weight[0], numSymbols))
    return emitOptionalError(loc, "expected the input's last dimension to be the weight's K, got ",
                             toString(dims.back()), " and ", toString(weight[0]));
  dims.back() = weight[1];
  RankedTensorType type = getTensorType(dims, getElementTypeOrSelf(operands.input), numSymbols);
  if (operands.bias) {
    Dims biasDims = getDims(operands.bias);
    if (biasDims.size() != 1 || !isSameDim(biasDims[0], weight[1], numSymbols))
      return emitOptionalError(loc, "expected a bias of shape ", toString(weight[1]), ", got ",
                               toString(biasDims));
  }
  if (operands.residual && operands.residual.getType() != type)
    return emitOptionalError(loc, "expected the residual to have the result's type ", type,
                             ", got ", operands.residual.getType());
  return type;
}

FailureOr<RankedTensorType> LinearOp::inferType(std::optional<Location> loc, Adaptor adaptor) {
  FailureOr<RankedTensorType> type =
      inferLinearType(loc, {adaptor.getOperands(), adaptor.getInput(), adaptor.getWeight(),
                            adaptor.getBias(), adaptor.getResidual(), adaptor.getTransposeWeight()});
  if (failed(type))
    return failure();
  RationalAttr rational = adaptor.getRationalAttr();
  if (bool(rational) != (adaptor.getActivation() == Activation::GroupRational))
    return emitOptionalError(loc, "expected a rational function with the activation "
                                  "group_rational, and only there");
  if (rational && failed(checkGroups(loc, rational, *type)))
    return failure();
  return type;
}
WINNOW_DEFINE_INFER_RETURN_TYPES(LinearOp)

FailureOr<RankedTensorType> DetOp::inferType(std::optional<Location> loc, Adaptor adaptor) {
  Type type = adaptor.getInput().getType();
  Dims dims = getDims(type);
  unsigned numSymbols = getNumSymbols(type);
  if (dims.size() < 2)
    return emitOptionalError(loc, "expected an input of rank 2 or more, got rank ", dims.size());
  AffineExpr columns = dims.pop_back_val(), rows = dims.pop_back_val();
  if (!isSameDim(rows, columns, numSymbols))
    return emitOptionalError(loc, "expected square matrices, got ", toString(rows), " by ",
                             toString(columns));
  return getTensorType(dims, getElementTypeOrSelf(type), numSymbols);
}
WINNOW_DEFINE_INFER_RETURN_TYPES(DetOp)
