//===- UnpackedLinear.h - Linear layers of weights in words of integers ---===//

#ifndef WINNOW_LIB_CODEGEN_CPU_KERNELS_UNPACKEDLINEAR_H
#define WINNOW_LIB_CODEGEN_CPU_KERNELS_UNPACKEDLINEAR_H

#include "Linear.h"

namespace winnow::cpu {

/// A layer whose weight's numbers are scaled by blocks in depth, see UnpackedLinear.cpp.
struct UnpackedLinear {
  Linear layer; ///< its loops and epilogue; k counts words
  int64_t depth, block, bits;
  Value scale; ///< [blocks, N]
  std::optional<int64_t> zero; ///< of all blocks, if there is one
  Value shift; ///< else [blocks, N], what is added to a number times scale
  llvm::SmallVector<Value> spaces;
  GemmSchedule floats; ///< of the product with what was unpacked

  int64_t perWord() const { return 32 / bits; }
  /// `numSpaces` arguments before the last one are memory that the kernel writes.
  static mlir::FailureOr<UnpackedLinear> parse(const KernelContext &context, unsigned numSpaces = 0);
  void emit(Emitter &e) const;
  /// Of a vector of columns of a tile, those that there are; null for all.
  Value maskColumns(Emitter &e, int64_t vector, int64_t columns) const {
    int64_t lanes = layer.lanes, first = vector * lanes;
    return first + lanes > columns ? e.maskBelow(e.index(columns - first), lanes) : Value();
  }

private:
  void emitBlock(Emitter &e, const Linear &form, const LinearBlock &block) const;
  void emitDirect(Emitter &e, const Linear &form, const LinearBlock &block) const;
  void emitUnpacked(Emitter &e, const Linear &form, const LinearBlock &block) const;
  Value takeNumber(Emitter &e, Value word, Value high, int64_t i, double zero) const;
  llvm::SmallVector<Value> emitWords(Emitter &e, const GemmTile &tile, const TileTarget &target,
                               const Strip &strip, int64_t columns, Value begin, Value end,
                               int64_t lastCount, Value blockIndex, ValueRange acc) const;
};

} // namespace winnow::cpu

#endif // WINNOW_LIB_CODEGEN_CPU_KERNELS_UNPACKEDLINEAR_H
