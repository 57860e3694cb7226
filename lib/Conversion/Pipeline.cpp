#include "winnow/Conversion/Passes.h"

#include "mlir/Dialect/Bufferization/Transforms/Passes.h"
#include "mlir/Dialect/Linalg/Passes.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

void winnow::buildConversionPipeline(OpPassManager &pm, StringRef cpu) {
  WinnowToLinalgOptions toLinalg;
  toLinalg.cpu = cpu.str();
  pm.addPass(createWinnowToLinalg(toLinalg));
  pm.addPass(createCSEPass());
  pm.addNestedPass<func::FuncOp>(createFuseLinalgElementwise());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());

  // Results are computed straight into the caller's buffers.
  pm.addPass(bufferization::createEmptyTensorEliminationPass());
  bufferization::OneShotBufferizePassOptions bufferize;
  bufferize.bufferizeFunctionBoundaries = false;
  pm.addPass(bufferization::createOneShotBufferizePass(bufferize));
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());

  pm.addPass(createKernelsToCalls());
  pm.addPass(createVerifyCodegenContract());
}
