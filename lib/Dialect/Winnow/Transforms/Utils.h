//===- Utils.h - What several transforms match and build ------------------===//

#ifndef WINNOW_LIB_DIALECT_TRANSFORMS_UTILS_H
#define WINNOW_LIB_DIALECT_TRANSFORMS_UTILS_H

#include "winnow/Dialect/Winnow/IR/Dims.h"
#include "winnow/Dialect/Winnow/IR/Winnow.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include <optional>

namespace winnow {

//===----------------------------------------------------------------------===//
// Constants
//===----------------------------------------------------------------------===//

/// The elements of a `constant`, or null.
mlir::ElementsAttr getConstantElements(mlir::Value value);

/// The one number that every element of `value` is: constants that are splats
/// or have one element, also behind reshape, transpose and broadcast_to.
std::optional<double> getScalarConstant(mlir::Value value);
inline bool isScalarConstant(mlir::Value value, double expected) {
  std::optional<double> scalar = getScalarConstant(value);
  return scalar && *scalar == expected;
}

/// All elements of a constant of floats no wider than f32, in `storage` where
/// they do not lie in the constant so; absent for other types.
std::optional<mlir::ArrayRef<float>> getFloats(mlir::ElementsAttr elements,
                                               llvm::SmallVectorImpl<float> &storage);

/// The elements of a rank 0 constant.
mlir::DenseElementsAttr getScalarElements(mlir::Type elementType, double value);
/// A rank 0 constant.
mlir::Value createScalar(mlir::OpBuilder &builder, mlir::Location loc,
                         mlir::Type elementType, double value);

/// A constant, possibly moved or joined: something the weight packer can
/// evaluate at compile time.
bool isConstantExpression(mlir::Value value);

//===----------------------------------------------------------------------===//
// Shapes
//===----------------------------------------------------------------------===//

/// Whether two products of dimensions are equal for all symbols.
bool isSameProduct(mlir::ArrayRef<mlir::AffineExpr> a, mlir::ArrayRef<mlir::AffineExpr> b,
                   unsigned numSymbols);

/// A run of input dimensions that a reshape turns into a run of output
/// dimensions with as many elements.
struct ReshapeGroup {
  unsigned inBegin, inEnd, outBegin, outEnd;
};

/// Splits a reshape into its smallest groups; null if the products never meet.
std::optional<llvm::SmallVector<ReshapeGroup>>
getReshapeGroups(mlir::ArrayRef<mlir::AffineExpr> in, mlir::ArrayRef<mlir::AffineExpr> out,
                 unsigned numSymbols);

//===----------------------------------------------------------------------===//
// Building
//===----------------------------------------------------------------------===//

/// `value` as `type`: itself, or a reshape.
mlir::Value reshapeTo(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value value,
                      mlir::RankedTensorType type);
mlir::Value reshapeTo(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value value,
                      mlir::ArrayRef<mlir::AffineExpr> dims, unsigned numSymbols);

/// An elementwise op of two operands that broadcast.
template <typename OpTy>
OpTy createBroadcasting(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value a, mlir::Value b,
                        unsigned numSymbols) {
  mlir::FailureOr<Dims> dims = broadcastDims({getDims(a), getDims(b)}, numSymbols);
  return OpTy::create(builder, loc, getTensorType(*dims, getElementTypeOrSelf(a), numSymbols), a,
                      b);
}

/// `value` with permuted dimensions.
mlir::Value createTranspose(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value value,
                            mlir::ArrayRef<int64_t> permutation);

/// Erases winnow ops that nothing uses. Passes call it once at their end, so
/// that the anchors that they collected stay valid while they work.
void eraseDeadOps(mlir::Operation *root);

/// The input of a chain of broadcast_to ops.
mlir::Value stripBroadcasts(mlir::Value value);

inline mlir::RankedTensorType getTensorType(mlir::Value value) {
  return llvm::cast<mlir::RankedTensorType>(value.getType());
}

/// `value` as a vector [N] if all its dimensions but the last are 1, or null.
/// Only looks; `asVector` builds.
bool isVectorOf(mlir::Value value, mlir::AffineExpr size, unsigned numSymbols);
mlir::Value asVector(mlir::OpBuilder &builder, mlir::Location loc, mlir::Value value);

//===----------------------------------------------------------------------===//
// Feed-forward layers
//===----------------------------------------------------------------------===//

/// Whether a layer's hidden units go to a linear only, by themselves or as the gate of others.
bool feedsLinear(LinearOp hidden);

} // namespace winnow

#endif // WINNOW_LIB_DIALECT_TRANSFORMS_UTILS_H
