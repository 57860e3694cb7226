//===- BatchedProduct.h - The loops of products of two variable matrices --===//

#ifndef WINNOW_LIB_CODEGEN_CPU_KERNELS_BATCHEDPRODUCT_H
#define WINNOW_LIB_CODEGEN_CPU_KERNELS_BATCHEDPRODUCT_H

#include "GemmTile.h"
#include "KernelBuilder.h"
#include "winnow/Analysis/GemmSchedule.h"

namespace winnow::cpu {

/// out[batch, M, N] = a[batch, M, K] b[batch or 1, K, N].
struct BatchedProduct {
  Value a, b, out;
  bool transposed; ///< b is [.., N, K]
  GemmSchedule schedule;
  int64_t lanes;

  /// One index of the parallel loop: rows `begin` to `end`, and `valid` columns from `col` on.
  struct Block {
    Value a, b, out; ///< matrices of this batch
    Value begin, end, col, valid;
  };

  /// Whether a and b hold `element`, out f32, and all extents match.
  mlir::LogicalResult check(const KernelContext &context, Type element) const;
  /// Calls `body` directly inside of a parallel loop over (batch, block of rows, panel of columns),
  /// panel fastest.
  void forEachBlock(Emitter &e, llvm::function_ref<void(const Block &)> body) const;
  TileTarget getTarget(const Block &block, Value staging, Value row) const;

  /// An extent, or what is assumed where it is not known: many.
  static int64_t getExtent(Value memref, int64_t dimension);
};

} // namespace winnow::cpu

#endif // WINNOW_LIB_CODEGEN_CPU_KERNELS_BATCHEDPRODUCT_H
