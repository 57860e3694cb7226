//===- Linear.h - activation(x W + bias) + residual, W packed -------------===//

#ifndef WINNOW_LIB_CODEGEN_CPU_KERNELS_LINEAR_H
#define WINNOW_LIB_CODEGEN_CPU_KERNELS_LINEAR_H

#include "GemmTile.h"
#include "KernelBuilder.h"
#include "winnow/Analysis/GemmSchedule.h"

namespace winnow::cpu {

/// Part of a panel that a pass walks.
struct Strip {
  Value panel, first; ///< and its first column
  Value depthBegin;
  Value row; ///< of W, where that depth lies
};

/// The tiles of a pass fetch the strip of the next one into the L2 cache, see Linear.cpp.
struct FetchAhead {
  Strip strip;
  Value begin; ///< the pass's first row of x
  Value rate;  ///< rows to fetch for each that a tile reads, in parts of 1 << 16
};

/// Rows `begin` to `end` of some columns.
struct LinearBlock {
  Value strip;     ///< its number
  int64_t columns; ///< of the strip that there are
  Value begin, end;
  Value staging; ///< scratch of a tile
};

/// The loops of a linear layer, see Linear.cpp.
struct Linear {
  /// Arguments of a kernel; those that it does not have are null.
  struct Operands {
    Value x, w, basis, bias, table, gate, residual, rows, residualRows, outRows, out;
    static mlir::FailureOr<Operands> parse(const KernelContext &context, bool isBasis = false);
  };
  /// Computes a block by a form of the layer.
  using BlockBody = llvm::function_ref<void(const Linear &, const LinearBlock &)>;

  static mlir::FailureOr<Linear> parse(const KernelContext &context, const Operands &operands);
  void emit(Emitter &e) const;
  /// Calls `body` for all blocks, in parallel.
  void emit(Emitter &e, BlockBody body) const;
  /// How many rows a block has, but the last one.
  Value emitBlockRows(Emitter &e) const;
  void emitBlock(Emitter &e, const LinearBlock &block) const;
  /// The passes of a block, each over the strip that `source` gives for where its depth
  /// begins. With `fetches` each fetches what the next one reads.
  using StripSource = llvm::function_ref<Strip(Value depthBegin)>;
  void emitPasses(Emitter &e, const LinearBlock &block, bool fetches, StripSource source) const;
  /// One pass over a strip. With `next`, it fetches that one.
  void emitPass(Emitter &e, const LinearBlock &block, const Strip &strip, const Strip *next) const;
  Strip emitStrip(Emitter &e, Value index, Value depthBegin) const;
  /// The part of a strip that a thread is to walk after one of a block, in passes of `depth`.
  Strip emitNextStrip(Emitter &e, const LinearBlock &block, Value depthBegin, int64_t depth) const;
  /// Where the tile of some rows from `row` on goes.
  TileTarget getTarget(Emitter &e, const LinearBlock &block, Value row) const;

  RowsByNumber x;
  Value firstRow; ///< where `x` holds only what a pass of a block reads: the block's; else null
  Value w, out;
  RowsByNumber placed; ///< `out`, where each row goes
  Epilogue epilogue;
  GemmSchedule schedule;
  int64_t n, k, panelWidth, lanes, numRegs;

  Value countRows(Emitter &e) const;

private:
  int64_t countRows() const; ///< or dynamic
  void emitBlocks(Emitter &e, BlockBody body) const;
  int64_t grain() const;
  int64_t fetchedRows() const;
  bool fetchesInput() const;
  FetchAhead emitFetchAhead(Emitter &e, const LinearBlock &block, const Strip &next) const;
  void emitTile(Emitter &e, const GemmTile &tile, const TileTarget &target, const Strip &strip,
                const FetchAhead *ahead) const;
  void emitPrefetch(Emitter &e, const Strip &strip, Value row, int64_t column,
                    unsigned locality) const;
};

} // namespace winnow::cpu

#endif // WINNOW_LIB_CODEGEN_CPU_KERNELS_LINEAR_H
