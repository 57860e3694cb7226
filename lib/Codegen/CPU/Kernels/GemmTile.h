//===- GemmTile.h - Register tiles of matrix products ---------------------===//

#ifndef WINNOW_LIB_CODEGEN_CPU_KERNELS_GEMMTILE_H
#define WINNOW_LIB_CODEGEN_CPU_KERNELS_GEMMTILE_H

#include "Epilogue.h"

namespace winnow::cpu {

/// A tile of rows x (vectors * lanes) accumulators, row major.
struct GemmTile {
  int64_t rows;
  int64_t vectors;
  int64_t lanes;

  int64_t columns() const { return vectors * lanes; }

  llvm::SmallVector<Value> zeros(Emitter &e, Type element) const;

  /// init + sum over k in [0, depth) of lhs(row, k) rhs(k, vector), where
  /// `lhs` gives a scalar and `rhs` a vector. A loop over k in steps of
  /// `depthStep`: real loops keep LLVM from spilling. `atStep`, if given, is
  /// called for each step.
  llvm::SmallVector<Value>
  multiply(Emitter &e, Value depth, ValueRange init,
           llvm::function_ref<Value(int64_t, Value)> lhs,
           llvm::function_ref<Value(Value, int64_t)> rhs,
           llvm::function_ref<void(Value)> atStep = nullptr) const;

  static constexpr int64_t depthStep = 4;
};

/// Where a tile goes.
struct TileTarget {
  RowsByNumber out;
  Value staging; ///< scratch of at least a tile
  Value row, col;
  /// Columns of the tile that exist; null if all do.
  Value validColumns;

  /// The tile's former contents, zero beyond the valid columns.
  llvm::SmallVector<Value> load(Emitter &e, const GemmTile &tile) const;
  void store(Emitter &e, const GemmTile &tile, ValueRange acc,
             const Epilogue &epilogue) const;

private:
  void storeDirect(Emitter &e, const GemmTile &tile, ValueRange acc,
                   const Epilogue &epilogue) const;
  void storeStaged(Emitter &e, const GemmTile &tile, ValueRange acc,
                   const Epilogue &epilogue, bool masked) const;
};

} // namespace winnow::cpu

#endif // WINNOW_LIB_CODEGEN_CPU_KERNELS_GEMMTILE_H
