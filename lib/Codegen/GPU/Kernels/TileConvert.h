//===- TileConvert.h - Tiles to shared memory, as factors of wgmma --------===//

#ifndef WINNOW_LIB_CODEGEN_GPU_KERNELS_TILECONVERT_H
#define WINNOW_LIB_CODEGEN_GPU_KERNELS_TILECONVERT_H

#include "Emitter.h"

namespace winnow::gpu {

/// Copies tiles of a matrix through registers, where elements are rounded to factors of
/// `wgmma`, and turned to rows of depth where they do not lie so. A row of a tile is 128
/// bytes of depth, whose chunks of 16 bytes are xored with the row's number: the swizzle of
/// 128 bytes of matrix descriptors. Elements beyond the matrix become zeros.
struct TileConvert {
  Type element; ///< in global memory
  Precision precision;
  bool isDepthInner; ///< whether elements of a row lie side by side there, or of a depth
  int64_t rows;      ///< of the tile: rows of the left factor, columns of the right one
  int64_t vector;    ///< elements that are loaded at a time
  int64_t threads;
  int64_t registers; ///< of a thread for what is on its way; the assembler has some more
  Value rowLimit, depthLimit; ///< i32, greater than 0
  /// The offset of an element (row, depth) of the matrix, i64, in elements.
  std::function<Value(Emitter &, Value, Value)> offset;

  static constexpr int64_t kRowBytes = 128;
  /// The factors that a chunk of 16 bytes holds.
  static int64_t chunkOf(Precision precision) { return precision == Precision::TF32 ? 4 : 8; }
  static int64_t depthOf(Precision precision) { return 8 * chunkOf(precision); }

  /// Copies the tile at (row, depth) of the matrix at `from`; `thread` is one of `threads`.
  void run(Emitter &e, Value thread, Value from, Value row, Value depth, Value to) const;

private:
  /// Where in the tile the chunks are that a thread copies at a time: rows from `row` on.
  struct Place {
    Value row, chunk;
  };
  int64_t rowsAtOnce() const { return isDepthInner ? 1 : vector; }
  Place getPlace(Emitter &e, Value number) const;
  /// The elements of `rowsAtOnce` chunks, row by row.
  llvm::SmallVector<Value> load(Emitter &e, Value from, Value row, Value depth) const;
  void store(Emitter &e, ValueRange chunk, Value row, Value number, Value to) const;
};

} // namespace winnow::gpu

#endif // WINNOW_LIB_CODEGEN_GPU_KERNELS_TILECONVERT_H
