//===- GenerateKernels.cpp - Writes the bodies of declared kernels --------===//

#include "winnow/Codegen/CPU/Kernels/Passes.h"

#include "KernelBuilder.h"

using namespace mlir;

namespace winnow::cpu {

#define GEN_PASS_DEF_GENERATEKERNELS
#include "winnow/Codegen/CPU/Kernels/Passes.h.inc"

namespace {

/// Generic x86-64 levels tune for 256-bit vectors: without these attributes
/// LLVM would split the 512-bit ones.
void setVectorWidth(func::FuncOp kernel, const CPULevel &level) {
  Builder b(kernel.getContext());
  std::string bits = std::to_string(level.vectorBytes * 8);
  SmallVector<Attribute> entries;
  for (StringRef key : {"prefer-vector-width", "min-legal-vector-width"})
    entries.push_back(
        b.getArrayAttr({b.getStringAttr(key), b.getStringAttr(bits)}));
  kernel->setAttr("passthrough", b.getArrayAttr(entries));
}

LogicalResult generate(func::FuncOp kernel, const CPULevel &level) {
  Attribute attr = kernel->getAttr("winnow.kernel");
  auto config = dyn_cast<DictionaryAttr>(attr);
  if (!config || !config.getAs<StringAttr>("kind"))
    return kernel.emitError(
        "expected 'winnow.kernel' to be a dictionary with a string 'kind'");
  StringRef kind = config.getAs<StringAttr>("kind").getValue();
  KernelBuilder build = lookupKernelBuilder(kind);
  if (!build)
    return kernel.emitError() << "unknown kernel kind '" << kind << "'";
  // The value that it is given: a size that the data says.
  bool givesSize = kind == "define_size";
  if (kernel.getNumResults() != givesSize)
    return kernel.emitError() << "kernel '" << kind
                              << "': expected " << int(givesSize) << " results, got "
                              << kernel.getNumResults();

  Block *entry = kernel.addEntryBlock();
  KernelContext context{kernel.getLoc(), *entry, config, level};
  Emitter emitter(kernel.getLoc(), OpBuilder::atBlockEnd(entry));
  if (failed(build(emitter, context)))
    return failure();
  func::ReturnOp::create(emitter, entry->getArguments().take_front(givesSize));
  setVectorWidth(kernel, level);
  return success();
}

struct GenerateKernels : impl::GenerateKernelsBase<GenerateKernels> {
  using GenerateKernelsBase::GenerateKernelsBase;

  void runOnOperation() override {
    std::optional<CPULevel> level = getCPULevel(cpu);
    if (!level) {
      getOperation().emitError() << "unknown CPU level '" << cpu << "'";
      return signalPassFailure();
    }
    // Builders may add declarations, so the list is made first.
    SmallVector<func::FuncOp> kernels;
    for (auto func : getOperation().getOps<func::FuncOp>())
      if (func.isDeclaration() && func->hasAttr("winnow.kernel"))
        kernels.push_back(func);
    for (func::FuncOp kernel : kernels)
      if (failed(generate(kernel, *level)))
        return signalPassFailure();
  }
};

} // namespace
} // namespace winnow::cpu
