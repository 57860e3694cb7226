//===- Gemm.h - Products of matrices --------------------------------------===//

#ifndef WINNOW_LIB_CODEGEN_GPU_KERNELS_GEMM_H
#define WINNOW_LIB_CODEGEN_GPU_KERNELS_GEMM_H

#include "Epilogue.h"

namespace winnow::gpu {

/// How a factor lies in memory. The left one is [rows, depth], always DepthInner.
enum class FactorLayout {
  DepthInner,   ///< [columns, depth]
  ColumnsInner, ///< [depth, columns]
  Panels,       ///< [columns / width, depth, width], as linear layers pack weights
};

struct Factor {
  Type element; ///< f32, or the narrow type that is multiplied
  FactorLayout layout = FactorLayout::DepthInner;
  int64_t panelWidth = 0;
  /// Bytes that can be copied at a time: all rows begin at a multiple of them. 2 goes
  /// through registers.
  int64_t copyBytes = 4;
};

/// A kernel of a block of threads for each tile of the result:
///   out[batch] = epilogue(a[batch] b[batch])
struct GemmConfig {
  Precision precision;
  Factor a, b;
  Pieces piecesA;
  EpilogueConfig epilogue;
  int64_t tileRows = 128, tileColumns = 128;
  int64_t warpRows = 2, warpColumns = 4; ///< how warps lie over the tile
  int64_t stages = 3;                    ///< tiles of depth in shared memory
  int64_t depth = 0;                     ///< of a tile; as fits rows of 128 bytes where it is 0
  /// In fp32: each factor is the sum of two of tf32, and three of their four products are
  /// added. Off by 2^-21 of the product, which sums of some terms are too.
  bool splits = false;

  /// By `wgmma`, of warpgroups that multiply 64 rows each and one that fills the stages:
  /// of TF32, BF16 and FP16, on chips of compute capability 9.0 (WarpgroupGemm.cpp).
  bool usesWarpgroups = false;
  /// Whether both factors come by copies of tensors: narrow ones of rows of depth that begin
  /// at multiples of 16 bytes. The kernel takes maps of them in place of addresses.
  bool copiesTensors = false;

  int64_t threads() const {
    return usesWarpgroups ? 128 * (tileRows / 64 + 1) : 32 * warpRows * warpColumns;
  }
  int64_t tileDepth() const;
  int64_t rowBytesA() const { return usesWarpgroups ? 128 : tileDepth() * bytesOf(a.element); }
  int64_t rowBytesB() const;
  int64_t stageBytesA() const { return tileRows * rowBytesA(); }
  int64_t stageBytesB() const;
  /// With two barriers of 8 bytes a stage, where warpgroups are used.
  int64_t sharedBytes() const {
    return stages * (stageBytesA() + stageBytesB() + (usesWarpgroups ? 16 : 0));
  }
  std::string describe() const;
};

/// What a GEMM kernel takes. Strides are in elements.
struct GemmOperands {
  Value a, b, bias, table, residual, rowsA, residualRows, outRows, out; ///< addresses
  Value rows, columns, depth;                                            ///< i32
  Value strideA, strideB, residualStride, outStride;                     ///< i32, of rows
  Value tiles;                                                           ///< i32, in all batches
  Value batchStrideA, batchStrideB, batchStrideOut;                      ///< i64

  /// The fields that a configuration has, with their types, in the order of parameters.
  llvm::SmallVector<std::pair<Value *, Type>> fields(mlir::MLIRContext *context,
                                                     const GemmConfig &config);
};

/// The tile for results of so many rows and columns, kDynamic where they are unknown: one
/// that reuses much, among those that are enough to fill a chip. By warpgroups where the chip
/// has them, the precision does, and there are more rows than half of theirs.
GemmConfig chooseGemmTile(const Chip &chip, Precision precision, int64_t rows, int64_t columns,
                          int64_t batches);

/// Writes the kernel.
void emitGemm(mlir::gpu::GPUModuleOp device, mlir::Location loc, const GemmConfig &config,
              llvm::StringRef name);

/// The body of one whose configuration uses warpgroups.
void emitWarpgroupGemm(Emitter &e, const GemmConfig &config, const GemmOperands &operands,
                       Value shared);

/// The products of a tile, from shared memory (GemmTile.cpp).
class GemmTile {
public:
  GemmTile(Emitter &e, const GemmConfig &config);

  int64_t numSums() const;
  /// Adds the products of a stage, whose tiles are at the addresses.
  llvm::SmallVector<Value> multiply(Value tileA, Value tileB, ValueRange sums);
  /// Calls `body` with places in the tile and the sums of neighbours there.
  void forEach(ValueRange sums, llvm::function_ref<void(Value, Value, ValueRange)> body);

private:
  llvm::SmallVector<Value> multiplyWarp(Value tileA, Value tileB, ValueRange sums);
  llvm::SmallVector<Value> multiplyScalar(Value tileA, Value tileB, ValueRange sums);
  llvm::SmallVector<Value> loadA(Value tile, int64_t step, int64_t row);
  llvm::SmallVector<Value> loadB(Value tile, int64_t step, int64_t column);
  /// Two words of two f32 each, of depths where both factors have them.
  llvm::SmallVector<Value> loadPairs(Value tile, Value row, int64_t rowBytes, int64_t step);
  /// Where a chunk of 16 bytes of a row lies: number `chunk + further`.
  Value place(Value tile, Value row, Value chunk, int64_t further, int64_t rowBytes);
  bool isScalar() const { return config.precision == Precision::FP32 && !config.splits; }
  bool isTF32() const { return config.precision == Precision::TF32 || config.splits; }
  /// The words of mma of some f32: where each is split, the upper ones come first.
  llvm::SmallVector<Value> getWords(ValueRange numbers);
  /// Whether a thread takes four neighbours of depth from both factors.
  bool takesFour() const { return config.a.element.isF32() && config.b.element.isF32(); }
  int64_t rowsPerWarp() const { return config.tileRows / config.warpRows; }
  int64_t columnsPerWarp() const { return config.tileColumns / config.warpColumns; }
  Type narrow();

  Emitter &e;
  const GemmConfig &config;
  Value lane, warpRow, warpColumn; ///< of warps
  Value threadRow, threadColumn;   ///< of threads of the form without warps
};

/// f32 as words of tf32: rounded, and in `splits` what is left too, after all of the others.
llvm::SmallVector<Value> getTF32Words(Emitter &e, ValueRange numbers, bool splits);

/// sums += a b for words of `getTF32Words`, or of narrow floats.
void multiplyAdd(Emitter &e, Precision precision, bool splits, ValueRange a, ValueRange b,
                 llvm::MutableArrayRef<Value> sums);

/// Where a chunk of 16 bytes of a row lies: its number is xored with this, so that threads
/// that read a column of chunks, or rows of four, reach all banks of shared memory.
Value getSwizzle(Emitter &e, FactorLayout layout, Type element, int64_t rowBytes, Value row);

} // namespace winnow::gpu

#endif // WINNOW_LIB_CODEGEN_GPU_KERNELS_GEMM_H
