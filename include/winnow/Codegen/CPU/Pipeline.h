//===- Pipeline.h - The steps from the codegen contract to LLVM -----------===//

#ifndef WINNOW_CODEGEN_CPU_PIPELINE_H
#define WINNOW_CODEGEN_CPU_PIPELINE_H

#include "winnow/Support/CPULevel.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/PassManager.h"

namespace winnow::cpu {

struct CPUOptions {
  CPULevel level;
};

/// Appends the passes that take a module from the codegen contract to the
/// LLVM dialect.
void buildCPUPipeline(mlir::OpPassManager &pm, const CPUOptions &options);

/// Makes the same known to `winnow-opt`, as `--winnow-cpu-pipeline=cpu=LEVEL`.
void registerCPUPipeline();

} // namespace winnow::cpu

#endif // WINNOW_CODEGEN_CPU_PIPELINE_H
