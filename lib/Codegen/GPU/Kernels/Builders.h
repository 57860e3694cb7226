//===- Builders.h - The builders that the registry knows ------------------===//

#ifndef WINNOW_LIB_CODEGEN_GPU_KERNELS_BUILDERS_H
#define WINNOW_LIB_CODEGEN_GPU_KERNELS_BUILDERS_H

#include "KernelBuilder.h"

namespace winnow::gpu {

using BuiltLaunches = mlir::FailureOr<std::optional<llvm::SmallVector<KernelLaunch>>>;

BuiltLaunches buildAttention(mlir::ImplicitLocOpBuilder &host, const KernelContext &context);
BuiltLaunches buildLayerNorm(mlir::ImplicitLocOpBuilder &host, const KernelContext &context);
BuiltLaunches buildLinear(mlir::ImplicitLocOpBuilder &host, const KernelContext &context);
BuiltLaunches buildMatMul(mlir::ImplicitLocOpBuilder &host, const KernelContext &context);
BuiltLaunches buildRMSNorm(mlir::ImplicitLocOpBuilder &host, const KernelContext &context);
BuiltLaunches buildSoftmax(mlir::ImplicitLocOpBuilder &host, const KernelContext &context);

} // namespace winnow::gpu

#endif // WINNOW_LIB_CODEGEN_GPU_KERNELS_BUILDERS_H
