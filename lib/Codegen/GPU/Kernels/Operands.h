//===- Operands.h - What builders know of memrefs -------------------------===//

#ifndef WINNOW_LIB_CODEGEN_GPU_KERNELS_OPERANDS_H
#define WINNOW_LIB_CODEGEN_GPU_KERNELS_OPERANDS_H

#include "KernelBuilder.h"

namespace winnow::gpu {

/// Matrices whose rows' elements lie side by side.
struct Operand {
  mlir::Value memref;
  mlir::MemRefType type;
  llvm::SmallVector<int64_t> strides;
  int64_t offset;

  /// None if it is no such memref of the rank, or of other elements.
  static std::optional<Operand> get(mlir::Value memref, int64_t rank, mlir::Type element);
  static std::optional<Operand> get(mlir::Value memref, int64_t rank) {
    return get(memref, rank, mlir::Float32Type::get(memref.getContext()));
  }
  int64_t extent(int64_t dim) const { return type.getDimSize(dim); }
  /// What all rows begin at multiples of, in elements, up to 16 bytes: buffers begin at
  /// multiples of those.
  int64_t multiple() const { return multiple(/*trustsUnknown=*/false); }
  /// The same, if the strides that are unknown are such multiples too.
  int64_t likelyMultiple() const { return multiple(/*trustsUnknown=*/true); }
  /// Whether they are multiples of a number: a condition of the host, null if none is unknown.
  mlir::Value areMultiples(mlir::ImplicitLocOpBuilder &host, int64_t number) const;

private:
  int64_t multiple(bool trustsUnknown) const;
};

/// An index or i64 of the host as i32.
mlir::Value toI32(mlir::ImplicitLocOpBuilder &host, mlir::Value value);

/// The greatest power of two up to `most` that divides a number; 1 of one that is unknown.
int64_t divisor(int64_t number, int64_t most);

} // namespace winnow::gpu

#endif // WINNOW_LIB_CODEGEN_GPU_KERNELS_OPERANDS_H
