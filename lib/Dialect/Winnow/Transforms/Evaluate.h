//===- Evaluate.h - Runs one op on constants ------------------------------===//

#ifndef WINNOW_LIB_DIALECT_TRANSFORMS_EVALUATE_H
#define WINNOW_LIB_DIALECT_TRANSFORMS_EVALUATE_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/Operation.h"

namespace winnow {

/// The result of a pure op whose operands have these elements, or null if the
/// evaluator does not know the op or an index is out of range. Floats are
/// computed in double and rounded once, which for +, -, *, / and sqrt is the
/// correctly rounded result.
mlir::DenseElementsAttr evaluate(mlir::Operation *op,
                                 mlir::ArrayRef<mlir::ElementsAttr> operands);

/// A constant in place of what an op makes of constants, where the evaluator knows
/// the op; or else the value itself.
mlir::Value foldConstants(mlir::OpBuilder &builder, mlir::Value value);

} // namespace winnow

#endif // WINNOW_LIB_DIALECT_TRANSFORMS_EVALUATE_H
