#include "InferType.h"

using namespace mlir;
using namespace winnow;

//===----------------------------------------------------------------------===//
// TopKActivationOp
//===----------------------------------------------------------------------===//

FailureOr<RankedTensorType> TopKActivationOp::inferType(std::optional<Location> loc,
                                                        Adaptor adaptor) {
  auto type = cast<RankedTensorType>(adaptor.getInput().getType());
  Dims dims = getDims(type);
  if (dims.empty())
    return emitOptionalError(loc, "expected an input of rank 1 or more, got rank 0");
  std::optional<int64_t> size = getConstantDim(dims.back());
  if (size && adaptor.getK() > static_cast<uint64_t>(*size))
    return emitOptionalError(loc, "expected k to be at most the last dimension, got ",
                             adaptor.getK(), " and ", *size);
  return type;
}
WINNOW_DEFINE_INFER_RETURN_TYPES(TopKActivationOp)

OpFoldResult TopKActivationOp::fold(FoldAdaptor) {
  std::optional<int64_t> size = getConstantDim(getDims(getInput()).back());
  return size && *size == static_cast<int64_t>(getK()) ? OpFoldResult(getInput()) : nullptr;
}

//===----------------------------------------------------------------------===//
// SparseLinearOp
//===----------------------------------------------------------------------===//

FailureOr<RankedTensorType> SparseLinearOp::inferType(std::optional<Location> loc,
                                                      Adaptor adaptor) {
  FailureOr<RankedTensorType> type =
      inferLinearType(loc, {adaptor.getOperands(), adaptor.getInput(), adaptor.getWeight(),
                            adaptor.getBias(), adaptor.getResidual(), adaptor.getTransposeWeight()});
  if (failed(type))
    return failure();
  if (Value gate = adaptor.getGate()) {
    if (gate.getType() != *type)
      return emitOptionalError(loc, "expected the gate to have the result's type ", *type,
                               ", got ", gate.getType());
    if (adaptor.getResidual())
      return emitOptionalError(loc, "expected a gate or a residual, got both");
  }
  if (adaptor.getActivation() == Activation::GroupRational)
    return emitOptionalError(loc, "expected an activation without coefficients, got "
                                  "group_rational");
  return type;
}
WINNOW_DEFINE_INFER_RETURN_TYPES(SparseLinearOp)
