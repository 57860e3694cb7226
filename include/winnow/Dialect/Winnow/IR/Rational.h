//===- Rational.h - Rational functions, as numbers and as code ------------===//

#ifndef WINNOW_DIALECT_WINNOW_IR_RATIONAL_H
#define WINNOW_DIALECT_WINNOW_IR_RATIONAL_H

#include "winnow/Dialect/Winnow/IR/Winnow.h"

#include "mlir/IR/Builders.h"

namespace winnow {

/// P(x) / Q(x) of coefficients as `RationalAttr` gives them for a group.
double evaluateRational(DenominatorKind kind, llvm::ArrayRef<double> numerator,
                        llvm::ArrayRef<double> denominator, double x);

/// The same by Horner's rule, on a scalar or a vector of floats and on coefficients
/// of its type; the denominator's do without their 1.
mlir::Value emitRational(mlir::OpBuilder &builder, mlir::Location loc, DenominatorKind kind,
                         mlir::Value x, llvm::ArrayRef<mlir::Value> numerator,
                         llvm::ArrayRef<mlir::Value> denominator);

/// Checks that the last dimension of `type` falls into the function's groups.
mlir::LogicalResult checkGroups(std::optional<mlir::Location> loc, RationalAttr rational,
                                mlir::Type type);

} // namespace winnow

#endif // WINNOW_DIALECT_WINNOW_IR_RATIONAL_H
