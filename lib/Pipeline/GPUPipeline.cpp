#include "winnow/Pipeline/GPUPipeline.h"

#include "winnow/Codegen/CPU/Kernels/Passes.h"
#include "winnow/Codegen/CPU/Passes.h"
#include "winnow/Codegen/GPU/Passes.h"
#include "winnow/Support/CPULevel.h"

#include "mlir/Conversion/AffineToStandard/AffineToStandard.h"
#include "mlir/Conversion/NVVMToLLVM/NVVMToLLVM.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Conversion/VectorToSCF/VectorToSCF.h"
#include "mlir/Dialect/Affine/Transforms/Passes.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/MemRef/Transforms/Passes.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace winnow;

void winnow::buildGPUPipeline(OpPassManager &pm, const gpu::Chip &chip,
                              gpu::Precision precision, bool isTuned) {
  pm.addPass(cpu::createMarkOps());
  // 1. Kernels that the chip has builders for, then the rest.
  gpu::GenerateKernelsOptions tuned;
  tuned.chip = chip.name.str();
  tuned.precision = gpu::stringifyPrecision(precision).str();
  if (isTuned)
    pm.addPass(gpu::createGenerateKernels(tuned));
  cpu::ScheduleKernelsOptions schedules;
  schedules.cpu = kGPUThread.str();
  pm.addPass(cpu::createScheduleKernels(schedules));
  cpu::GenerateKernelsOptions kernels;
  kernels.cpu = kGPUThread.str();
  pm.addPass(cpu::createGenerateKernels(kernels));
  pm.addPass(gpu::createLinalgToParallel());
  // 2. Arithmetic that the device has, in parallel loops.
  pm.addPass(cpu::createExpandMath());
  arith::ArithEmulateUnsupportedFloatsOptions floats;
  floats.sourceTypeStrs.push_back("bf16");
  floats.targetTypeStr = "f32";
  pm.addPass(arith::createArithEmulateUnsupportedFloats(floats));
  // 3. Buffers at offsets of the arena, loops in kernels, launches on the host.
  pm.addPass(cpu::createPlanArena());
  pm.addPass(gpu::createOutlineKernels());
  pm.addPass(gpu::createExpandDeviceMath());
  pm.addPass(cpu::createEmitEntry());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  // 4. Both sides to the LLVM dialect.
  pm.addPass(createConvertVectorToSCFPass());
  pm.addPass(cpu::createLowerExpandShape());
  pm.addPass(memref::createExpandStridedMetadataPass());
  pm.addPass(affine::createAffineExpandIndexOpsPass());
  pm.addPass(createLowerAffinePass());
  pm.addPass(createSCFToControlFlowPass());
  pm.addPass(createConvertNVVMToLLVMPass());
  pm.addPass(cpu::createLowerToLLVM());
}

namespace {
struct PipelineOptions : PassPipelineOptions<PipelineOptions> {
  Option<std::string> chip{*this, "chip", llvm::cl::desc("such as sm_80 or sm_90a"),
                           llvm::cl::init("sm_80")};
  Option<std::string> precision{*this, "precision", llvm::cl::desc("fp32, tf32, bf16 or fp16"),
                                llvm::cl::init("fp32")};
};
} // namespace

void winnow::registerGPUPipeline() {
  PassPipelineRegistration<PipelineOptions>(
      "winnow-gpu-pipeline", "from the codegen contract to kernels and launches",
      [](OpPassManager &pm, const PipelineOptions &options) {
        // GenerateKernels reports what does not exist.
        gpu::Chip unknown{StringRef(options.chip), 0, 0, 0, false};
        buildGPUPipeline(pm, gpu::getChip(options.chip).value_or(unknown),
                         gpu::parsePrecision(options.precision).value_or(gpu::Precision::FP32));
      });
}
