//===- StorageTypes.h - Elements too small to compute with ----------------===//
//
// Floats of 8 and 4 bits and integers of 4 and 2 are stored, moved and cast.
// Inside the compiler tensors of them have MLIR's types for them; from
// Conversion on, and in memory, an element is the low bits of a byte of its own,
// as numpy with ml_dtypes keeps it. Who reads the byte ignores the other bits,
// who writes it clears them.
//
//===----------------------------------------------------------------------===//

#ifndef WINNOW_DIALECT_WINNOW_IR_STORAGETYPES_H
#define WINNOW_DIALECT_WINNOW_IR_STORAGETYPES_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"

namespace winnow {

/// f8E4M3FN, f8E4M3FNUZ, f8E5M2, f8E5M2FNUZ, f8E8M0FNU, f4E2M1FN, i4, ui4, i2, ui2.
bool isStorageType(mlir::Type element);
/// Of these the floats.
bool isStorageFloat(mlir::Type element);

/// What arithmetic on such elements is done in, which has all their values: f32,
/// or integers of 8 bits. Any other type is its own.
mlir::Type getArithmeticType(mlir::Type element);

/// Emits the number, signless, that the low bits of an i8 stand for.
mlir::Value emitDecode(mlir::OpBuilder &b, mlir::Location loc, mlir::Value byte,
                       mlir::Type element);
/// Emits the i8 that stands for a number: an f32 or f64, rounded as `winnow.cast`
/// says, or an i8, of which the low bits are kept.
mlir::Value emitEncode(mlir::OpBuilder &b, mlir::Location loc, mlir::Value number,
                       mlir::Type element);

/// The same at compile time, for floats.
double decodeFloat(uint8_t byte, mlir::FloatType element);
uint8_t encodeFloat(double number, mlir::FloatType element);

} // namespace winnow

#endif // WINNOW_DIALECT_WINNOW_IR_STORAGETYPES_H
