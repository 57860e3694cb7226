#include "winnow/Dialect/Winnow/Transforms/Passes.h"

#include "mlir/Pass/PassManager.h"
#include "mlir/Pass/PassRegistry.h"
#include "mlir/Transforms/Passes.h"

using namespace mlir;
using namespace winnow;

void winnow::buildRaisingPipeline(OpPassManager &pm) {
  auto cleanUp = [&] {
    pm.addPass(createCanonicalizerPass());
    pm.addPass(createCSEPass());
  };
  pm.addPass(createVerifyModelContract());
  cleanUp();
  pm.addPass(createRaiseQuantizedLinear());
  pm.addPass(createFoldConstants());
  // Slices of what is turned are still next to it.
  pm.addPass(createRaiseRotary());
  pm.addPass(createSimplifyIdioms());
  cleanUp();
  // Comparisons and selects that simplify resolved are constants now.
  pm.addPass(createFoldConstants());
  pm.addPass(createSimplifyIdioms());
  cleanUp();
  // Every idiom has one form from here on.
  pm.addPass(createRaiseLayerNorm());
  pm.addPass(createRaiseRMSNorm());
  pm.addPass(createRaiseGelu());
  pm.addPass(createRaiseGroupRational());
  pm.addPass(createRaiseBases());
  pm.addPass(createRaiseTopKActivation());
  pm.addPass(createRaiseAttention());
  // A mask that was scaled with the scores is a select of numbers again.
  pm.addPass(createSimplifyIdioms());
  pm.addPass(createRaiseProbSparse());
  pm.addPass(createRaiseCausalMask());
  // The transposes around attention meet the exporter's and cancel.
  pm.addPass(createSimplifyIdioms());
  cleanUp();
  // Movement between a linear and the next sum hides a residual; once linears
  // have their biases, it moves below them and cancels.
  FuseLinearOptions withoutNorms;
  withoutNorms.norms = false;
  pm.addPass(createFuseLinear(withoutNorms));
  pm.addPass(createSimplifyIdioms());
  cleanUp();
  pm.addPass(createSplitGatedLinear());
  pm.addPass(createFuseLinear());
  pm.addPass(createMergeQKV());
  // No constant is evaluated after this: a joint weight stays a concat, which
  // the weight packer reads part by part.
  pm.addPass(createSimplifyIdioms());
  cleanUp();
  pm.addPass(createCountSites());
  pm.addPass(createVerifyModelContract());
}

void winnow::buildOptimizingPipeline(OpPassManager &pm, const OptimizeOptions &options) {
  if (options.dropBias)
    pm.addPass(createDropBias());
  pm.addPass(createGroupFunctions());
  auto cleanUp = [&] {
    pm.addPass(createCanonicalizerPass());
    pm.addPass(createCSEPass());
  };
  if (options.removePadding) {
    RemovePaddingOptions padding;
    padding.packedEntry = true;
    pm.addPass(createRemovePadding(padding));
    cleanUp();
  }
  pm.addPass(createReadRows());
  // Nothing is between a linear and what was added to its moved rows.
  FuseLinearOptions withoutNorms;
  withoutNorms.norms = false;
  pm.addPass(createFuseLinear(withoutNorms));
  cleanUp();
  pm.addPass(createQuantizeLinears());
  if (options.exploitSparsity)
    pm.addPass(createExploitSparsity());
  pm.addPass(createVerifyModelContract());
}

void winnow::registerTransforms() {
  registerWinnowTransformsPasses();
  PassPipelineRegistration<>("winnow-raise",
                             "the importer's output to attention, rotary, norms, gelu and linear",
                             buildRaisingPipeline);
}
