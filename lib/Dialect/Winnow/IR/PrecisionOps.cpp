#include "InferType.h"
#include "winnow/Dialect/Winnow/IR/DimAlgebra.h"

using namespace mlir;
using namespace winnow;

//===----------------------------------------------------------------------===//
// QuantizeRowsOp
//===----------------------------------------------------------------------===//

/// The type of one value for each row of `type`.
static RankedTensorType getRowType(RankedTensorType type, Type element) {
  Dims dims = getDims(type);
  dims.back() = getAffineConstantExpr(1, type.getContext());
  return getTensorType(dims, element, getNumSymbols(type));
}

void QuantizeRowsOp::build(OpBuilder &b, OperationState &state, Value input, Value factors) {
  RankedTensorType type = winnow::getTensorType(input);
  Type u8 = b.getIntegerType(8, /*isSigned=*/false);
  build(b, state, getTensorType(getDims(type), u8, getNumSymbols(type)),
        getRowType(type, b.getF32Type()), getRowType(type, u8), input, factors);
}

LogicalResult QuantizeRowsOp::verify() {
  RankedTensorType type = getInput().getType();
  // C1
  if (type.getRank() == 0)
    return emitOpError("expected an input of rank 1 or more, got rank 0");
  Type u8 = IntegerType::get(getContext(), 8, IntegerType::Unsigned);
  auto check = [&](StringRef name, Value value, RankedTensorType expected) -> LogicalResult {
    if (value.getType() == expected)
      return success();
    return emitOpError("expected ") << name << " of type " << expected << ", got " << value.getType();
  };
  // C4
  if (Value factors = getFactors())
    if (Dims dims = getDims(factors); dims.size() != 1 || dims[0] != getDims(type).back())
      return emitOpError("expected a factor for each of ")
             << toString(getDims(type).back()) << " channels, got " << factors.getType();
  // C2, C3
  return success(
      succeeded(check("values", getValues(),
                      getTensorType(getDims(type), u8, getNumSymbols(type)))) &&
      succeeded(check("a scale", getScale(), getRowType(type, Float32Type::get(getContext())))) &&
      succeeded(check("a zero", getZero(), getRowType(type, u8))));
}

//===----------------------------------------------------------------------===//
// QuantizedLinearOp
//===----------------------------------------------------------------------===//

FailureOr<RankedTensorType> QuantizedLinearOp::inferType(std::optional<Location> loc,
                                                         Adaptor adaptor) {
  Value input = adaptor.getInput();
  unsigned numSymbols = getNumSymbols(adaptor.getOperands().getTypes());
  Dims dims = getDims(input), weight = getDims(adaptor.getWeight());
  if (dims.empty() || weight.size() != 2)
    return emitOptionalError(loc, "expected an input of rank 1 or more and a weight of rank 2, got ranks ",
                             dims.size(), " and ", weight.size());
  if (adaptor.getTransposeWeight())
    std::swap(weight[0], weight[1]);
  if (!isSameDim(dims.back(), weight[0], numSymbols))
    return emitOptionalError(loc, "expected the input's last dimension to be the weight's K, got ",
                             toString(dims.back()), " and ", toString(weight[0]));
  Dims rows = dims;
  rows.back() = getAffineConstantExpr(1, input.getContext());
  dims.back() = weight[1];
  RankedTensorType type =
      getTensorType(dims, Float32Type::get(input.getContext()), numSymbols);
  bool isFloat = getElementTypeOrSelf(input).isF32();
  std::optional<uint64_t> block = adaptor.getBlockSize();
  if (isFloat && (adaptor.getZero() || adaptor.getRowScale()))
    return emitOptionalError(loc, "expected no zero and no row_scale of an input of floats");
  if (adaptor.getRoundInput() && !block)
    return emitOptionalError(loc, "expected a block_size beside round_input");
  if (!isFloat && (block || getElementTypeOrSelf(adaptor.getWeight()).getIntOrFloatBitWidth() != 8))
    return emitOptionalError(loc, "expected a weight of 8 bits without blocks for an input of "
                                  "integers");
  auto checkColumns = [&](StringRef name, Value value, bool isWhole) -> LogicalResult {
    Dims own = value ? getDims(value) : Dims();
    if (value && block && !isWhole) {
      Dims blocks = {normalizeDim(weight[0].ceilDiv(*block)), weight[1]};
      if (own.size() == 2 && isSameDim(own[0], blocks[0], numSymbols) &&
          isSameDim(own[1], blocks[1], numSymbols))
        return success();
      return emitOptionalError(loc, "expected a ", name, " of shape ", toString(blocks), ", got ",
                               toString(own));
    }
    if (!value || (own.empty() && !isWhole) ||
        (own.size() == 1 && isSameDim(own[0], weight[1], numSymbols)))
      return success();
    return emitOptionalError(loc, "expected a ", name, " of shape ", toString(Dims{weight[1]}),
                             ", got ", toString(own));
  };
  auto checkRows = [&](StringRef name, Value value, bool isWhole) -> LogicalResult {
    Dims own = value ? getDims(value) : Dims();
    bool isOfRows = own.size() == rows.size() && llvm::all_of(llvm::zip(own, rows), [&](auto pair) {
                      return isSameDim(std::get<0>(pair), std::get<1>(pair), numSymbols);
                    });
    if (!value || (own.empty() && !isWhole) || isOfRows)
      return success();
    return emitOptionalError(loc, "expected a ", name, " of shape ", toString(rows), ", got ",
                             toString(own));
  };
  auto checkType = [&](StringRef name, Value value, Value of) -> LogicalResult {
    if (!value || getElementTypeOrSelf(value) == getElementTypeOrSelf(of))
      return success();
    return emitOptionalError(loc, "expected a ", name, " of ", getElementTypeOrSelf(of), ", got ",
                             getElementTypeOrSelf(value));
  };
  if (failed(checkColumns("scale", adaptor.getScale(), false)) ||
      failed(checkColumns("weight_zero", adaptor.getWeightZero(), false)) ||
      failed(checkColumns("bias", adaptor.getBias(), true)) ||
      failed(checkRows("zero", adaptor.getZero(), false)) ||
      failed(checkRows("row_scale", adaptor.getRowScale(), true)) ||
      failed(checkType("zero", adaptor.getZero(), input)) ||
      failed(checkType("weight_zero", adaptor.getWeightZero(), adaptor.getWeight())))
    return failure();
  if (Value residual = adaptor.getResidual(); residual && residual.getType() != type)
    return emitOptionalError(loc, "expected the residual to have the result's type ", type,
                             ", got ", residual.getType());
  if (adaptor.getActivation() == Activation::GroupRational)
    return emitOptionalError(loc, "expected an activation without coefficients, got "
                                  "group_rational");
  return type;
}
WINNOW_DEFINE_INFER_RETURN_TYPES(QuantizedLinearOp)

//===----------------------------------------------------------------------===//
// QuantizedMatMulOp
//===----------------------------------------------------------------------===//

FailureOr<RankedTensorType> QuantizedMatMulOp::inferType(std::optional<Location> loc, Adaptor adaptor) {
  Value lhs = adaptor.getLhs(), rhs = adaptor.getRhs();
  MLIRContext *context = lhs.getContext();
  unsigned numSymbols = getNumSymbols(adaptor.getOperands().getTypes());
  Dims rows = getDims(lhs), columns = getDims(rhs);
  // C1
  if (rows.size() < 2 || columns.size() < 2)
    return emitOptionalError(loc, "expected operands of rank 2 or more, got ranks ", rows.size(), " and ",
                             columns.size());
  if (adaptor.getTransposeRhs())
    std::swap(columns.back(), columns[columns.size() - 2]);
  // C2
  FailureOr<Dims> dims = inferMatMulDims(loc, rows, columns, numSymbols, context);
  if (failed(dims))
    return failure();
  // C3
  Type f32 = Float32Type::get(context);
  for (auto [name, value, element] :
       {std::tuple("scale", adaptor.getScale(), f32), {"zero", adaptor.getZero(), getElementTypeOrSelf(lhs)},
        {"rhs_zero", adaptor.getRhsZero(), getElementTypeOrSelf(rhs)}})
    if (value && value.getType() != RankedTensorType::get({}, element))
      return emitOptionalError(loc, "expected a ", name, " of type ", RankedTensorType::get({}, element), ", got ",
                               value.getType());
  return getTensorType(*dims, f32, numSymbols);
}
WINNOW_DEFINE_INFER_RETURN_TYPES(QuantizedMatMulOp)
