//===- DimAlgebra.h - Arithmetic on dimension expressions -----------------===//
//
// Dimensions are polynomials over symbols, with floor divisions and remainders
// as further unknowns. Upstream's affine simplifier treats products of symbols
// as opaque; here they have one normal form, so that equal dimensions are equal
// pointers.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_DIALECT_WINNOW_IR_DIMALGEBRA_H
#define WINNOW_DIALECT_WINNOW_IR_DIMALGEBRA_H

#include "winnow/Dialect/Winnow/IR/Dims.h"

namespace winnow {

/// The normal form. An expression whose coefficients overflow int64, or that
/// has too many terms, comes back unchanged.
mlir::AffineExpr normalizeDim(mlir::AffineExpr dim);

/// The product of some dimensions.
mlir::AffineExpr productDim(llvm::ArrayRef<mlir::AffineExpr> dims, mlir::MLIRContext *context);

/// Few enough terms to compute with. What is built from a few such dimensions
/// may be given to all functions here.
bool isSimpleDim(mlir::AffineExpr dim);

/// `dividend / divisor` where the division leaves no remainder whatever the
/// symbols are; null otherwise.
mlir::AffineExpr divideDim(mlir::AffineExpr dividend, mlir::AffineExpr divisor);

/// Takes the factors that both share out of both; symbols among them are taken to
/// be nonzero: 6 s0 s1 and 4 s0 become 3 s1 and 2.
void cancelFactors(mlir::AffineExpr &a, mlir::AffineExpr &b);

/// Dimensions that no nonzero values of the symbols make equal: they differ by a
/// constant, up to factors that they share.
bool areDifferent(mlir::AffineExpr a, mlir::AffineExpr b, llvm::ArrayRef<SymbolInfo> symbols);

/// `dim` without the factors that all its terms share, which are taken to be
/// nonzero: 64 s0 - 64 s1 becomes s0 - s1.
mlir::AffineExpr getPrimitivePart(mlir::AffineExpr dim);

/// Inclusive bounds; an absent one is unknown.
struct DimRange {
  std::optional<int64_t> min, max;
};

/// The range of a normalised or any other expression, by interval arithmetic.
/// A symbol's maximum of INT64_MAX counts as unknown.
DimRange getDimRange(mlir::AffineExpr dim, llvm::ArrayRef<SymbolInfo> symbols);

/// The most, or the least, that a size is when each data symbol is between its
/// minimum and the number that stands for it here, its capacity.
mlir::AffineExpr getDataBound(mlir::AffineExpr dim, llvm::ArrayRef<SymbolInfo> symbols,
                              bool isUpper);

/// `factor * symbol + offset`, with a positive factor.
struct LinearDim {
  unsigned symbol;
  int64_t factor, offset;
};

/// The form of a normalised dimension that is linear in one symbol and has no other.
std::optional<LinearDim> getLinearDim(mlir::AffineExpr dim);

/// The term `coefficient * symbol` of a dimension in which the symbol occurs
/// nowhere else; absent if there is no such term.
std::optional<int64_t> getLinearCoefficient(mlir::AffineExpr dim, unsigned symbol);

} // namespace winnow

#endif // WINNOW_DIALECT_WINNOW_IR_DIMALGEBRA_H
