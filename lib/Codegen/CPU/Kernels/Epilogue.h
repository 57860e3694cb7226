//===- Epilogue.h - What happens to accumulators before their store -------===//

#ifndef WINNOW_LIB_CODEGEN_CPU_KERNELS_EPILOGUE_H
#define WINNOW_LIB_CODEGEN_CPU_KERNELS_EPILOGUE_H

#include "KernelBuilder.h"
#include "winnow/Dialect/Winnow/IR/Winnow.h"

#include <optional>

namespace winnow::cpu {

/// Emits an activation, see Math.h; null is the identity.
using Activation = Value (*)(mlir::OpBuilder &, mlir::Location, Value);

/// The activation of a name of the dialect's Activation enum.
std::optional<Activation> lookupActivation(llvm::StringRef name);

/// Rational functions of channels, the activation `group_rational`.
struct RationalFunctions {
  DenominatorKind kind;
  int64_t numeratorDegree;
  Value table; ///< [coefficient, channel], the denominator's without their 1

  /// The functions that a kernel's parameters and its argument `table` tell.
  static mlir::FailureOr<RationalFunctions> parse(const KernelContext &context,
                                                  Value table, Value out);
  Value apply(Emitter &e, Value x, Value col, Value mask = {}) const;
};

/// A matrix whose rows may lie elsewhere in pieces: piece p of row i is row
/// numbers[i * pieces + p] of `buffer`. Without numbers it is the buffer.
struct RowsByNumber {
  RowsByNumber(Value buffer = {}) : buffer(buffer) {}

  Value buffer, numbers;
  int64_t pieces = 1;

  /// Takes the numbers of rows of `width` elements.
  mlir::LogicalResult setNumbers(const KernelContext &context, Value value, int64_t width);
  int64_t pieceWidth() const { return llvm::cast<mlir::MemRefType>(buffer.getType()).getDimSize(1); }
  /// The buffer's row that piece `piece` of a row is.
  Value number(Emitter &e, Value row, Value piece) const;
  /// Where an element is. Vectors stay within a piece.
  llvm::SmallVector<Value, 2> locate(Emitter &e, Value row, Value col) const;
};

/// activation(acc + bias[col]) * gate[row, col] + residual[row, col]; absent parts are
/// null.
struct Epilogue {
  Activation activation = nullptr;
  std::optional<RationalFunctions> rational;
  Value bias;
  Value gate;
  RowsByNumber residual;

  Value apply(Emitter &e, Value acc, Value row, Value col,
              Value mask = {}) const;
  /// Worth a copy for each accumulator of a tile. Others go through a loop
  /// over the tile in scratch, which keeps the code small.
  bool isShort() const;
};

} // namespace winnow::cpu

#endif // WINNOW_LIB_CODEGEN_CPU_KERNELS_EPILOGUE_H
