#include "InferType.h"
#include "winnow/Dialect/Winnow/IR/Rational.h"

using namespace mlir;
using namespace winnow;

template <typename Adaptor>
static FailureOr<RankedTensorType> inferAxisOp(std::optional<Location> loc, Adaptor adaptor) {
  auto type = cast<RankedTensorType>(adaptor.getInput().getType());
  int64_t axis = adaptor.getAxis();
  if (axis < 0 || axis >= type.getRank())
    return emitOptionalError(loc, "expected axis in [0, ", type.getRank(), "), got ", axis);
  return type;
}

FailureOr<RankedTensorType> SoftmaxOp::inferType(std::optional<Location> loc, Adaptor adaptor) {
  return inferAxisOp(loc, adaptor);
}
WINNOW_DEFINE_INFER_RETURN_TYPES(SoftmaxOp)

FailureOr<RankedTensorType> CumSumOp::inferType(std::optional<Location> loc, Adaptor adaptor) {
  return inferAxisOp(loc, adaptor);
}
WINNOW_DEFINE_INFER_RETURN_TYPES(CumSumOp)

FailureOr<RankedTensorType> CumProdOp::inferType(std::optional<Location> loc, Adaptor adaptor) {
  return inferAxisOp(loc, adaptor);
}
WINNOW_DEFINE_INFER_RETURN_TYPES(CumProdOp)

FailureOr<RankedTensorType> ReduceOp::inferType(std::optional<Location> loc, Adaptor adaptor) {
  Type type = adaptor.getInput().getType();
  Dims dims = getDims(type), result;
  int64_t rank = dims.size(), previous = -1;
  for (int64_t axis : adaptor.getAxes()) {
    if (axis <= previous || axis >= rank)
      return emitOptionalError(loc, "expected sorted, distinct axes in [0, ", rank, "), got ",
                               axis, " after ", previous);
    previous = axis;
  }
  for (int64_t i = 0; i < rank; ++i) {
    if (!llvm::is_contained(adaptor.getAxes(), i))
      result.push_back(dims[i]);
    else if (adaptor.getKeepdims())
      result.push_back(getAffineConstantExpr(1, type.getContext()));
  }
  return getTensorType(result, getElementTypeOrSelf(type), getNumSymbols(type));
}
WINNOW_DEFINE_INFER_RETURN_TYPES(ReduceOp)

/// The type of a norm over the last dimension, with its vectors checked.
template <typename Adaptor>
static FailureOr<RankedTensorType>
inferNorm(std::optional<Location> loc, Adaptor adaptor,
          ArrayRef<std::pair<const char *, Value>> vectors) {
  if (failed(checkSameElementType(loc, adaptor.getOperands())))
    return failure();
  auto type = cast<RankedTensorType>(adaptor.getInput().getType());
  if (type.getRank() < 1)
    return emitOptionalError(loc, "expected an input of rank 1 or more, got rank 0");
  Dims dims = getDims(type);
  for (auto [name, value] : vectors) {
    if (!value)
      continue;
    Dims other = getDims(value);
    if (other.size() != 1 || !isSameDim(other[0], dims.back(), getNumSymbols(type)))
      return emitOptionalError(loc, "expected ", name, " of shape ", toString(dims.back()),
                               ", got ", toString(other));
  }
  if (Value residual = adaptor.getResidual())
    if (residual.getType() != type)
      return emitOptionalError(loc, "expected the residual to have the input's type ", type,
                               ", got ", residual.getType());
  if (RationalAttr rational = adaptor.getRationalAttr())
    if (failed(checkGroups(loc, rational, type)))
      return failure();
  return type;
}

FailureOr<RankedTensorType> LayerNormOp::inferType(std::optional<Location> loc, Adaptor adaptor) {
  return inferNorm(loc, adaptor, {{"scale", adaptor.getScale()}, {"bias", adaptor.getBias()}});
}
WINNOW_DEFINE_INFER_RETURN_TYPES(LayerNormOp)

FailureOr<RankedTensorType> RMSNormOp::inferType(std::optional<Location> loc, Adaptor adaptor) {
  return inferNorm(loc, adaptor, {{"scale", adaptor.getScale()}});
}
WINNOW_DEFINE_INFER_RETURN_TYPES(RMSNormOp)
