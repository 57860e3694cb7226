#include "winnow/Conversion/Passes.h"

#include "mlir/Dialect/Bufferization/Transforms/Passes.h"
#include "mlir/Dialect/Linalg/Passes.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;

void winnow::buildConversionPipeline(OpPassManager &pm, StringRef cpu) {
  WinnowToLinalgOptions toLinalg;
  toLinalg.cpu = cpu.str();
  pm.addPass(createCSEPass());
  pm.addPass(createWinnowToLinalg(toLinalg));
  // No CSE before bufferisation: it would merge the empty tensors of all layers
  // into one buffer that lives as long as the model.
  pm.addNestedPass<func::FuncOp>(createFuseLinalgElementwise());
  pm.addPass(createCanonicalizerPass());

  // Results are computed straight into the caller's buffers.
  pm.addNestedPass<func::FuncOp>(createPlaceResults());
  pm.addPass(bufferization::createEmptyTensorEliminationPass());
  pm.addNestedPass<func::FuncOp>(createPlaceLoopState());
  bufferization::OneShotBufferizePassOptions bufferize;
  bufferize.bufferizeFunctionBoundaries = false;
  pm.addPass(bufferization::createOneShotBufferizePass(bufferize));
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());

  pm.addPass(createFillCaches());
  pm.addPass(createKernelsToCalls());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createReportCopies());
  pm.addPass(createVerifyCodegenContract());
}
