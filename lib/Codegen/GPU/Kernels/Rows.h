//===- Rows.h - Walks over the rows of a matrix ---------------------------===//

#ifndef WINNOW_LIB_CODEGEN_GPU_KERNELS_ROWS_H
#define WINNOW_LIB_CODEGEN_GPU_KERNELS_ROWS_H

#include "Emitter.h"

namespace winnow::gpu {

/// How threads share rows: a warp has a row that is short, or a block one that is long.
struct RowShape {
  int64_t width;  ///< kDynamic where it is unknown
  int64_t vector; ///< elements that can be read at a time

  static constexpr int64_t kThreads = 256;
  bool isShort() const { return !mlir::ShapedType::isDynamic(width) && width <= 1024; }
  int64_t threadsPerRow() const { return isShort() ? 32 : kThreads; }
  int64_t rowsPerBlock() const { return kThreads / threadsPerRow(); }
  /// Whether a thread keeps its elements in registers.
  bool staysInRegisters() const {
    return !mlir::ShapedType::isDynamic(width) && width <= 32 * threadsPerRow();
  }
  /// Partial results of the warps of a row, of two reductions.
  int64_t sharedBytes() const { return isShort() ? 0 : 2 * 4 * kThreads / 32; }
};

/// One row, as the threads that share it walk over it. Elements come by `load`.
class RowWalk {
public:
  using Load = std::function<llvm::SmallVector<Value>(Value column, int64_t count)>;

  RowWalk(Emitter &e, const RowShape &shape, Value width, Value shared, Load load);

  /// The thread's place among those of the row, and its row of the block's.
  Value place, rowOfBlock;

  /// Combines `map` of all elements, in each thread.
  Value reduce(Value neutral, llvm::function_ref<Value(Value)> map,
               llvm::function_ref<Value(Value, Value)> combine);
  /// Calls `body` with elements and the column of the first.
  void forEach(llvm::function_ref<void(Value, ValueRange)> body);

private:
  /// Calls `body` with chunks of the thread, and whether they are the row's.
  llvm::SmallVector<Value>
  walk(ValueRange inits,
       llvm::function_ref<llvm::SmallVector<Value>(Value, Value, ValueRange, ValueRange)> body);
  llvm::SmallVector<Value> loadChunk(int64_t number, Value column, Value isInside);

  Emitter &e;
  RowShape shape;
  Value width, shared;
  Load load;
  llvm::SmallVector<llvm::SmallVector<Value>> kept;
  int64_t reductions = 0;
};

} // namespace winnow::gpu

#endif // WINNOW_LIB_CODEGEN_GPU_KERNELS_ROWS_H
