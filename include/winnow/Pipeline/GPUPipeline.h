//===- GPUPipeline.h - The steps from the codegen contract to launches ----===//

#ifndef WINNOW_PIPELINE_GPUPIPELINE_H
#define WINNOW_PIPELINE_GPUPIPELINE_H

#include "winnow/Codegen/GPU/Target.h"

#include "mlir/Pass/PassManager.h"

namespace winnow {

/// Appends the passes that take a module from the codegen contract to the LLVM
/// dialect: the host's functions, which launch kernels, and the device's in a
/// `gpu.module`. What chips have no builder for is built by those of the CPU for
/// kGPUThread, an element a thread; that is why this stands here. Where `isTuned` is
/// false that is all of it: kernels whose threads do not work together.
void buildGPUPipeline(mlir::OpPassManager &pm, const gpu::Chip &chip, gpu::Precision precision,
                      bool isTuned = true);

/// Makes the same known to `winnow-opt`, as `--winnow-gpu-pipeline=chip=CHIP`.
void registerGPUPipeline();

} // namespace winnow

#endif // WINNOW_PIPELINE_GPUPIPELINE_H
