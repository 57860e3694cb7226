//===- Pipeline.cpp - The steps from the codegen contract to LLVM ---------===//

#include "winnow/Codegen/CPU/Pipeline.h"

#include "winnow/Codegen/CPU/Kernels/Passes.h"
#include "winnow/Codegen/CPU/Passes.h"

#include "mlir/Conversion/AffineToStandard/AffineToStandard.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Conversion/VectorToSCF/VectorToSCF.h"
#include "mlir/Dialect/Affine/Transforms/Passes.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

namespace winnow::cpu {

void buildCPUPipeline(OpPassManager &pm, const CPUOptions &options) {
  pm.addPass(createMarkOps());
  ScheduleKernelsOptions schedules;
  schedules.cpu = options.level.name.str();
  pm.addPass(createScheduleKernels(schedules));
  GenerateKernelsOptions kernels;
  kernels.cpu = options.level.name.str();
  pm.addPass(createGenerateKernels(kernels));
  pm.addPass(createLinalgToLoops());
  // Only scf, memref, vector, arith and math are left from here on.
  pm.addPass(createExpandMath());
  // LLVM would call a function of compiler-rt after each operation on bf16.
  arith::ArithEmulateUnsupportedFloatsOptions floats;
  floats.sourceTypeStrs.push_back("bf16");
  floats.targetTypeStr = "f32";
  pm.addPass(arith::createArithEmulateUnsupportedFloats(floats));
  pm.addPass(createPlanArena());
  // No buffer is allocated any more: every pointer comes from the caller.
  pm.addPass(createOutlineParallel());
  pm.addPass(createEmitEntry());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());

  pm.addPass(createConvertVectorToSCFPass());
  pm.addPass(createLowerExpandShape());
  pm.addPass(memref::createExpandStridedMetadataPass());
  pm.addPass(affine::createAffineExpandIndexOpsPass());
  pm.addPass(createLowerAffinePass());
  pm.addPass(createSCFToControlFlowPass());
  // LLVM cleans up after this faster than MLIR would.
  pm.addPass(createLowerToLLVM());
}

namespace {
struct PipelineOptions : PassPipelineOptions<PipelineOptions> {
  Option<std::string> cpu{*this, "cpu",
                          llvm::cl::desc("level: x86-64, x86-64-v3, "
                                         "x86-64-v4 or native"),
                          llvm::cl::init("native")};
};
} // namespace

void registerCPUPipeline() {
  PassPipelineRegistration<PipelineOptions>(
      "winnow-cpu-pipeline", "from the codegen contract to the LLVM dialect",
      [](OpPassManager &pm, const PipelineOptions &options) {
        // ScheduleKernels reports a level that does not exist.
        CPULevel unknown{StringRef(options.cpu), 16, 16, false};
        buildCPUPipeline(pm, {getCPULevel(options.cpu).value_or(unknown)});
      });
}

} // namespace winnow::cpu
