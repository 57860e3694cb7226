//===- Attention.h - softmax(scale q k^T + mask) v ------------------------===//

#ifndef WINNOW_LIB_CODEGEN_GPU_KERNELS_ATTENTION_H
#define WINNOW_LIB_CODEGEN_GPU_KERNELS_ATTENTION_H

#include "Gemm.h"

namespace winnow::gpu {

enum class MaskKind { None, Boolean, Additive };

/// What is known of an attention when its kernel is built.
struct AttentionConfig {
  Precision precision;
  int64_t headSize, valueSize;
  int64_t rows = 64, keys = 64; ///< queries and keys of a tile
  int64_t queryBytes = 4, keyBytes = 4, valueBytes = 4; ///< that can be copied at a time
  int64_t storeWidth = 1; ///< elements of the result that can be stored at a time
  MaskKind mask = MaskKind::None;
  bool maskHasRows = false; ///< it differs between queries
  bool queryPacked = false, keyPacked = false;
  bool causal = false, causalAtEnd = false, causalLowest = false, causalAddsLowest = false;
  bool nanToZero = false, softcap = false;

  int64_t threads() const { return 2 * rows; }
  /// Elements of a row in shared memory: whole lines of 128 bytes.
  int64_t keyPitch() const { return llvm::alignTo(headSize, 32); }
  int64_t valuePitch() const { return llvm::alignTo(valueSize, 32); }
  int64_t sharedBytes() const {
    return 4 * (rows * keyPitch() + 2 * keys * (keyPitch() + valuePitch()));
  }
  /// With numbers that are added, scores are in natural units until the greatest one has
  /// been subtracted: the least float times log2(e) would be -inf, and a row of such
  /// must stay uniform.
  bool foldsLog2E() const { return mask != MaskKind::Additive; }
  bool splits() const { return precision == Precision::FP32; }
  std::string describe() const;
};

/// What the kernel takes. Strides are in elements.
struct AttentionOperands {
  Value query, key, value, mask, queryPositions, keyPositions, queryOffsets, keyOffsets,
      keyLengths, out;                       ///< addresses
  Value queries, keyCount;                   ///< i32: of a sequence, where it is not packed
  Value heads, headsPerKey, blocks, sequences; ///< i32; blocks of queries of a head
  Value maskBatches, maskHeads;              ///< i32
  Value queryStrides[3], keyStrides[3], valueStrides[3], outStrides[3]; ///< i64: batch, row, head
  Value maskStrides[3];                      ///< i64: batch, head, row
  Value factor, cap; ///< f32: scores are factor q k, or cap tanh(factor q k)

  /// The fields that a configuration has, with their types, in the order of parameters.
  llvm::SmallVector<std::pair<Value *, Type>> fields(mlir::MLIRContext *context,
                                                     const AttentionConfig &config);
};

/// Chooses tiles that fit the chip's shared memory; false if none does.
bool chooseAttentionTile(AttentionConfig &config, const Chip &chip);

void emitAttention(mlir::gpu::GPUModuleOp device, mlir::Location loc,
                   const AttentionConfig &config, llvm::StringRef name);

} // namespace winnow::gpu

#endif // WINNOW_LIB_CODEGEN_GPU_KERNELS_ATTENTION_H
