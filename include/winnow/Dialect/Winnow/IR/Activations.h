//===- Activations.h - What the attribute `activation` stands for ---------===//

#ifndef WINNOW_DIALECT_WINNOW_IR_ACTIVATIONS_H
#define WINNOW_DIALECT_WINNOW_IR_ACTIVATIONS_H

#include "winnow/Dialect/Winnow/IR/Winnow.h"

#include "mlir/IR/Builders.h"

namespace winnow {

/// `activation(x)` as ops of their own; `rational` is that of the activation group_rational.
mlir::Value createActivation(mlir::OpBuilder &b, mlir::Location loc, mlir::Value x,
                             Activation activation, RationalAttr rational = {});

} // namespace winnow

#endif // WINNOW_DIALECT_WINNOW_IR_ACTIVATIONS_H
