//===- InferType.h - Plumbing between inferType and MLIR ------------------===//

#ifndef WINNOW_LIB_DIALECT_IR_INFERTYPE_H
#define WINNOW_LIB_DIALECT_IR_INFERTYPE_H

#include "winnow/Dialect/Winnow/IR/Dims.h"
#include "winnow/Dialect/Winnow/IR/Winnow.h"

/// Defines OP::inferReturnTypes by OP::inferType.
#define WINNOW_DEFINE_INFER_RETURN_TYPES(OP)                                   \
  llvm::LogicalResult OP::inferReturnTypes(                                    \
      mlir::MLIRContext *, std::optional<mlir::Location> loc,                  \
      mlir::ValueRange operands, mlir::DictionaryAttr attributes,              \
      mlir::OpaqueProperties properties, mlir::RegionRange regions,            \
      llvm::SmallVectorImpl<mlir::Type> &types) {                              \
    OP::Adaptor adaptor(operands, attributes, properties, regions);            \
    mlir::FailureOr<mlir::RankedTensorType> type = inferType(loc, adaptor);    \
    if (mlir::failed(type))                                                    \
      return mlir::failure();                                                  \
    types.push_back(*type);                                                    \
    return mlir::success();                                                    \
  }

namespace winnow {

inline mlir::RankedTensorType getTensorType(mlir::Value value) {
  return llvm::cast<mlir::RankedTensorType>(value.getType());
}

/// The type of numpy broadcasting over all operands, with `elementType`.
mlir::FailureOr<mlir::RankedTensorType>
inferBroadcast(std::optional<mlir::Location> loc, mlir::ValueRange operands,
               mlir::Type elementType);

/// Checks that all operands have one element type.
mlir::LogicalResult checkSameElementType(std::optional<mlir::Location> loc,
                                         mlir::ValueRange operands);

/// The dimensions of numpy's matmul.
mlir::FailureOr<Dims> inferMatMulDims(std::optional<mlir::Location> loc, Dims lhs, Dims rhs,
                                      unsigned numSymbols, mlir::MLIRContext *context);

/// What linear layers of all kinds have; values that are not there are null.
struct LinearOperands {
  mlir::ValueRange all;
  mlir::Value input, weight, bias, residual;
  bool transposeWeight;
};
/// The result's type, after the operands have been checked against each other.
mlir::FailureOr<mlir::RankedTensorType> inferLinearType(std::optional<mlir::Location> loc,
                                                        const LinearOperands &operands);

} // namespace winnow

#endif // WINNOW_LIB_DIALECT_IR_INFERTYPE_H
