//===- Integers.h - The numbers of constants of integers ------------------===//

#ifndef WINNOW_DIALECT_WINNOW_IR_INTEGERS_H
#define WINNOW_DIALECT_WINNOW_IR_INTEGERS_H

#include "mlir/IR/BuiltinAttributes.h"
#include <optional>

namespace winnow {

/// The numbers of a constant of integers of up to 64 bits, however it is kept (those of 4 bits
/// in a byte each); none for another attribute, or one whose resource is not there.
std::optional<llvm::SmallVector<int64_t>> getIntegers(mlir::Attribute elements);

} // namespace winnow

#endif // WINNOW_DIALECT_WINNOW_IR_INTEGERS_H
