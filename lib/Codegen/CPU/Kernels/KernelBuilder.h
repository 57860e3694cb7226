//===- KernelBuilder.h - The registry of kernel kinds ---------------------===//

#ifndef WINNOW_LIB_CODEGEN_CPU_KERNELS_KERNELBUILDER_H
#define WINNOW_LIB_CODEGEN_CPU_KERNELS_KERNELBUILDER_H

#include "Emitter.h"
#include "winnow/Support/CPULevel.h"

namespace winnow::cpu {

/// What a builder knows of the kernel that it writes. The accessors report a
/// located error and fail where the declaration is malformed.
struct KernelContext {
  mlir::Location loc;
  mlir::Block &entry;
  mlir::DictionaryAttr config;
  const CPULevel &level;

  llvm::StringRef kind() const;
  mlir::InFlightDiagnostic error() const;

  /// An integer parameter of at least `least`.
  mlir::FailureOr<int64_t> integer(llvm::StringRef name,
                                   int64_t least = 1) const;
  mlir::FailureOr<double> real(llvm::StringRef name) const;
  mlir::FailureOr<llvm::StringRef> string(llvm::StringRef name,
                                          llvm::StringRef fallback) const;
  /// A unit or bool parameter; absent means false.
  bool flag(llvm::StringRef name) const;

  /// Checks the number of arguments and returns them.
  mlir::FailureOr<llvm::SmallVector<mlir::BlockArgument>>
  arguments(unsigned count) const;
  /// Checks that `value` is a memref of `rank`, of type `element` where that
  /// is given, and of innermost stride 1.
  mlir::LogicalResult memref(Value value, llvm::StringRef name, int64_t rank,
                             Type element) const;
  /// Checks that two extents can be equal.
  mlir::LogicalResult sameExtent(Value a, int64_t aDim, llvm::StringRef aName,
                                 Value b, int64_t bDim,
                                 llvm::StringRef bName) const;

  Type f32() const { return mlir::Float32Type::get(config.getContext()); }
  int64_t lanes() const { return level.lanes(4); }
};

/// Writes the body of a kernel at the emitter's insertion point.
using KernelBuilder = mlir::LogicalResult (*)(Emitter &,
                                              const KernelContext &);

/// The builder of `kind`, or null.
KernelBuilder lookupKernelBuilder(llvm::StringRef kind);

/// Rows of a rank-2 memref that are worth a thread for a few walks over them.
int64_t rowGrain(Value memref);

mlir::LogicalResult buildLinear(Emitter &, const KernelContext &);
mlir::LogicalResult buildSparseLinear(Emitter &, const KernelContext &);
mlir::LogicalResult buildQuantizeRows(Emitter &, const KernelContext &);
mlir::LogicalResult buildUnpackedLinear(Emitter &, const KernelContext &);
mlir::LogicalResult buildRoundedLinear(Emitter &, const KernelContext &);
mlir::LogicalResult buildQuantizedLinear(Emitter &, const KernelContext &);
mlir::LogicalResult buildQuantizedMatMul(Emitter &, const KernelContext &);
mlir::LogicalResult buildMatMul(Emitter &, const KernelContext &);
mlir::LogicalResult buildAttention(Emitter &, const KernelContext &);
mlir::LogicalResult buildMeanRows(Emitter &, const KernelContext &);
mlir::LogicalResult buildProbSparseBounds(Emitter &, const KernelContext &);
mlir::LogicalResult buildProbSparseMeasure(Emitter &, const KernelContext &);
mlir::LogicalResult buildLayerNorm(Emitter &, const KernelContext &);
mlir::LogicalResult buildRMSNorm(Emitter &, const KernelContext &);
mlir::LogicalResult buildSoftmax(Emitter &, const KernelContext &);
mlir::LogicalResult buildBasis(Emitter &, const KernelContext &);
mlir::LogicalResult buildBasisLinear(Emitter &, const KernelContext &);
mlir::LogicalResult buildGather(Emitter &, const KernelContext &);
mlir::LogicalResult buildScatter(Emitter &, const KernelContext &);
mlir::LogicalResult buildCumSum(Emitter &, const KernelContext &);
mlir::LogicalResult buildDet(Emitter &, const KernelContext &);
mlir::LogicalResult buildTopKActivation(Emitter &, const KernelContext &);
mlir::LogicalResult buildTopK(Emitter &, const KernelContext &);
mlir::LogicalResult buildDefineSize(Emitter &, const KernelContext &);
mlir::LogicalResult buildCheckSize(Emitter &, const KernelContext &);

} // namespace winnow::cpu

#endif // WINNOW_LIB_CODEGEN_CPU_KERNELS_KERNELBUILDER_H
