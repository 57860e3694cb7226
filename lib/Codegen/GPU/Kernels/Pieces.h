//===- Pieces.h - Matrices whose rows lie elsewhere in pieces -------------===//

#ifndef WINNOW_LIB_CODEGEN_GPU_KERNELS_PIECES_H
#define WINNOW_LIB_CODEGEN_GPU_KERNELS_PIECES_H

#include "Emitter.h"
#include "Operands.h"

namespace winnow::gpu {

/// Whether piece p of row i of a matrix is row numbers[i * count + p] of its buffer. Without
/// numbers it is the buffer.
struct Pieces {
  bool areNumbered = false;
  int64_t count = 1, width = 0;

  /// None if the numbers are not what Conversion writes, or pieces not whole.
  static std::optional<Pieces> get(const Operand &buffer, mlir::Value numbers, int64_t columns);
  std::string describe() const {
    return areNumbered ? "n" + std::to_string(count) + "x" + std::to_string(width) : "";
  }
  /// Where an element lies, i64, in elements. Neighbours stay within a piece.
  Value offset(Emitter &e, Value numbers, Value stride, Value row, Value column) const;
};

} // namespace winnow::gpu

#endif // WINNOW_LIB_CODEGEN_GPU_KERNELS_PIECES_H
