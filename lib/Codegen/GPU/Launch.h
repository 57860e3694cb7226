//===- Launch.h - Launches as calls of the runtime ------------------------===//

#ifndef WINNOW_LIB_CODEGEN_GPU_LAUNCH_H
#define WINNOW_LIB_CODEGEN_GPU_LAUNCH_H

#include "Kernels/KernelBuilder.h"

namespace winnow::gpu {

/// The device's module of `module`, made if there is none.
mlir::gpu::GPUModuleOp getDeviceModule(mlir::ModuleOp module);

/// The number of a kernel, which it gets if it has none.
int32_t getKernelNumber(mlir::ModuleOp module, llvm::StringRef kernel);

/// Declares a function of the runtime, once.
mlir::func::FuncOp declareRuntime(mlir::ModuleOp module, llvm::StringRef name,
                                  mlir::TypeRange arguments, mlir::TypeRange results = {});

/// Room on the host's stack for the whole function.
mlir::Value makeRoom(mlir::OpBuilder &b, mlir::Location loc, mlir::Type type);

/// Writes the call of winnow_rt_launch.
void emitLaunch(mlir::ImplicitLocOpBuilder &b, const KernelLaunch &launch);

} // namespace winnow::gpu

#endif // WINNOW_LIB_CODEGEN_GPU_LAUNCH_H
