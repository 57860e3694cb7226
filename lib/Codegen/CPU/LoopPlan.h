//===- LoopPlan.h - The loops of a structured op, before they are written -===//

#ifndef WINNOW_LIB_CODEGEN_CPU_LOOPPLAN_H
#define WINNOW_LIB_CODEGEN_CPU_LOOPPLAN_H

#include "mlir/Dialect/Linalg/IR/Linalg.h"

namespace winnow::cpu {

/// Work that is worth a thread, in elements.
constexpr int64_t kChunkWork = 16384;

/// Loops from the outside in: `outer` (flattened into one parallel loop,
/// together with the blocks of `cross` and `inner`), `middle`, `cross`,
/// `inner`. Dimensions of static size 1 are in none of them.
struct LoopPlan {
  llvm::SmallVector<unsigned> outer;
  /// Reductions outside of the innermost loop.
  llvm::SmallVector<unsigned> middle;
  /// In a transpose, the dimension along which the other side is contiguous.
  std::optional<unsigned> cross;
  std::optional<unsigned> inner;
  /// Sizes of blocks, or 0 to walk the dimension whole.
  int64_t crossBlock = 0, innerBlock = 0;
  /// The innermost loop is a reduction; sums are carried in registers.
  bool carriesSums = false;
  /// Least number of outer indices that are worth a thread.
  int64_t grain = 1;
  /// Too little work, or not known to be free of races: no parallel loop.
  bool isSerial = false;

  static LoopPlan make(mlir::linalg::LinalgOp op);
};

} // namespace winnow::cpu

#endif // WINNOW_LIB_CODEGEN_CPU_LOOPPLAN_H
