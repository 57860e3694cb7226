//===- TileCopy.h - Tiles of matrices to shared memory --------------------===//

#ifndef WINNOW_LIB_CODEGEN_GPU_KERNELS_TILECOPY_H
#define WINNOW_LIB_CODEGEN_GPU_KERNELS_TILECOPY_H

#include "Emitter.h"

namespace winnow::gpu {

/// Copies tiles of a matrix of `rowLimit` x `columnLimit` elements to shared memory,
/// chunk by chunk of 4, 8 or 16 bytes; elements beyond the matrix become zeros. A chunk of
/// 2 bytes is one element, and goes through a register.
struct TileCopy {
  Type element;
  int64_t rows, columns; ///< of the tile
  int64_t copyBytes;
  int64_t threads;
  Value rowLimit, columnLimit; ///< i32
  /// The offset of an element (row, column) of the matrix, i64, in elements.
  std::function<Value(Emitter &, Value, Value)> offset;
  /// What the number of a chunk of 16 bytes of a row is xored with.
  std::function<Value(Emitter &, Value)> swizzle;

  int64_t rowBytes() const { return columns * bytesOf(element); }
  /// Starts copies of the tile at (row, column) of the matrix at `from`.
  void start(Emitter &e, Value from, Value row, Value column, Value to) const;
};

} // namespace winnow::gpu

#endif // WINNOW_LIB_CODEGEN_GPU_KERNELS_TILECOPY_H
