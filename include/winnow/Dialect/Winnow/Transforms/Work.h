//===- Work.h - How much a raised model computes --------------------------===//

#ifndef WINNOW_DIALECT_WINNOW_TRANSFORMS_WORK_H
#define WINNOW_DIALECT_WINNOW_TRANSFORMS_WORK_H

#include "winnow/Dialect/Winnow/IR/Winnow.h"

#include "mlir/IR/BuiltinOps.h"

namespace winnow {

/// The share of the elements of a value that are not zero, where an op says so (a float).
inline constexpr llvm::StringLiteral kDensity = "winnow.density";

/// How long a product with a weight [inputs, outputs] takes at so many bits, in the time that a
/// processor takes for a multiplication and addition of floats: arithmetic, of which bytes are
/// done at twice the rate, or reading the weight, whichever is longer.
double getProductTime(double rows, double inputs, double outputs, double weightBytes,
                      int64_t bits);

/// The same for all of the model: a model of what can be told from its operations, the same on
/// every machine. A size that is a symbol counts as 128, within its bounds.
double estimateWork(mlir::ModuleOp module);

} // namespace winnow

#endif // WINNOW_DIALECT_WINNOW_TRANSFORMS_WORK_H
