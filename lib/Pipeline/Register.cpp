#include "winnow/Codegen/CPU/Kernels/Passes.h"
#include "winnow/Codegen/CPU/Passes.h"
#include "winnow/Codegen/GPU/Passes.h"
#include "winnow/Conversion/Passes.h"
#include "winnow/Dialect/Winnow/Transforms/Passes.h"
#include "winnow/Pipeline/GPUPipeline.h"
#include "winnow/Pipeline/Pipeline.h"

#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/Target/LLVMIR/Dialect/All.h"

using namespace winnow;

void winnow::registerDialects(mlir::DialectRegistry &registry) {
  mlir::registerAllDialects(registry);
  mlir::registerAllExtensions(registry);
  mlir::registerAllToLLVMIRTranslations(registry);
  registry.insert<WinnowDialect>();
  registerKernelBufferization(registry);
}

void winnow::registerPasses() {
  registerTransforms();
  registerWinnowConversionPasses();
  cpu::registerCPUKernelPasses();
  cpu::registerCPUPasses();
  gpu::registerGPUPasses();
  registerGPUPipeline();
}
