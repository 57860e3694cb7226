//===- KernelTypes.h - What kernels compute in ----------------------------===//

#ifndef WINNOW_LIB_CONVERSION_WINNOWTOLINALG_KERNELTYPES_H
#define WINNOW_LIB_CONVERSION_WINNOWTOLINALG_KERNELTYPES_H

#include "Lowering.h"

namespace winnow {

/// The kernels compute in f32.
inline bool isF32(mlir::Value value) { return mlir::getElementTypeOrSelf(value).isF32(); }

/// A mask of rank 4 and dims `from` with a value of its own for each key: the attention
/// kernel reads whole rows.
mlir::Value repeatAlongKeys(mlir::OpBuilder &b, mlir::Location loc, mlir::Value mask,
                            llvm::ArrayRef<mlir::AffineExpr> from, mlir::AffineExpr keys);

/// The constants whose columns (output channels) make up the weight: one, or
/// the parts of a concatenation that merged projections left.
template <typename OpTy>
std::optional<llvm::SmallVector<mlir::Attribute>> getConstantParts(OpTy op) {
  llvm::SmallVector<mlir::Attribute> parts;
  mlir::Value weight = op.getWeight();
  // A narrow weight is widened when it is packed.
  if (auto cast = weight.template getDefiningOp<CastOp>())
    if (mlir::Type type = mlir::getElementTypeOrSelf(cast.getInput()); type.isF16() || type.isBF16())
      weight = cast.getInput();
  if (mlir::Attribute part = getConstantPart(weight)) {
    parts.push_back(part);
    return parts;
  }
  auto concat = weight.template getDefiningOp<ConcatOp>();
  if (!concat || concat.getAxis() != (op.getTransposeWeight() ? 0 : 1))
    return std::nullopt;
  for (mlir::Value input : concat.getInputs()) {
    parts.push_back(getConstantPart(input));
    if (!parts.back())
      return std::nullopt;
  }
  return parts;
}

/// [.., N] seen as [rows, N].
inline Dims getRowDims(llvm::ArrayRef<mlir::AffineExpr> dims, mlir::MLIRContext *context) {
  return {productDim(dims.drop_back(), context), dims.back()};
}

/// Appends the numbers of rows that a kernel reads, and says so in its configuration.
void addNumbers(mlir::OpBuilder &b, llvm::StringRef name, const RowsOperand &rows,
                llvm::SmallVectorImpl<mlir::Value> &inputs,
                llvm::SmallVectorImpl<mlir::NamedAttribute> &config);

/// The parameters of a kernel that ends in the rational functions of channels; none for null.
void addRational(mlir::OpBuilder &b, mlir::Location loc, RationalAttr rational,
                 mlir::AffineExpr channels, llvm::SmallVectorImpl<mlir::Value> &inputs,
                 llvm::SmallVectorImpl<mlir::NamedAttribute> &config);

/// The kernels compute in f32: narrower floats are widened before and rounded
/// after, which is what the exporters' reference does with its accumulators.
/// The op's f32 twin is lowered in turn.
template <typename Op>
mlir::LogicalResult widen(Op op, mlir::ConversionPatternRewriter &rewriter) {
  mlir::Location loc = op.getLoc();
  auto type = llvm::cast<mlir::RankedTensorType>(op->getResult(0).getType());
  if (!type.getElementType().isF16() && !type.getElementType().isBF16())
    return rewriter.notifyMatchFailure(op, "the kernel computes in f32");
  auto getWide = [&](mlir::Type t) {
    auto tensor = llvm::cast<mlir::RankedTensorType>(t);
    return mlir::RankedTensorType::get(tensor.getShape(), rewriter.getF32Type(),
                                       tensor.getEncoding());
  };
  mlir::IRMapping mapping;
  for (mlir::Value operand : op->getOperands())
    if (mlir::getElementTypeOrSelf(operand) == type.getElementType() && !mapping.contains(operand))
      mapping.map(operand, CastOp::create(rewriter, loc, getWide(operand.getType()), operand));
  mlir::Operation *wide = rewriter.clone(*op, mapping);
  wide->getResult(0).setType(getWide(type));
  rewriter.replaceOpWithNewOp<CastOp>(op, type, wide->getResult(0));
  return mlir::success();
}

} // namespace winnow

#endif // WINNOW_LIB_CONVERSION_WINNOWTOLINALG_KERNELTYPES_H
