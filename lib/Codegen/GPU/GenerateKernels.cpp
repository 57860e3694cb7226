//===- GenerateKernels.cpp - Kernels that chips have builders for ---------===//

#include "Launch.h"

using namespace mlir;

namespace winnow::gpu {

#define GEN_PASS_DEF_GENERATEKERNELS
#include "winnow/Codegen/GPU/Passes.h.inc"

namespace {

LogicalResult generate(func::FuncOp kernel, const Chip &chip, Precision precision) {
  auto config = kernel->getAttrOfType<DictionaryAttr>("winnow.kernel");
  auto kind = config ? config.getAs<StringAttr>("kind") : StringAttr();
  if (!kind)
    return kernel.emitError("expected 'winnow.kernel' to be a dictionary with a string 'kind'");
  KernelBuilder build = lookupKernelBuilder(kind.getValue());
  if (!build || kernel.getNumResults() != 0)
    return success();
  auto module = kernel->getParentOfType<ModuleOp>();
  mlir::gpu::GPUModuleOp device = getDeviceModule(module);
  Block *entry = kernel.addEntryBlock();
  ImplicitLocOpBuilder b(kernel.getLoc(), OpBuilder::atBlockEnd(entry));
  auto uniqueName = [device](StringRef base) mutable {
    std::string name = base.str();
    for (unsigned i = 1; device.lookupSymbol(name); ++i)
      name = (base + "_" + Twine(i)).str();
    return name;
  };
  KernelContext context{kernel.getLoc(), config,    entry->getArguments(), chip,
                        precision,       device, uniqueName};
  auto launches = build(b, context);
  if (failed(launches))
    return failure();
  if (!*launches) {
    kernel.getBody().getBlocks().clear();
    return success();
  }
  for (const KernelLaunch &launch : **launches)
    emitLaunch(b, launch);
  func::ReturnOp::create(b);
  return success();
}

struct GenerateKernels : impl::GenerateKernelsBase<GenerateKernels> {
  using GenerateKernelsBase::GenerateKernelsBase;

  void runOnOperation() override {
    std::optional<Chip> known = getChip(chip);
    std::optional<Precision> wanted = parsePrecision(precision);
    if (!known || !wanted) {
      getOperation().emitError() << "unknown chip '" << chip << "' or precision '" << precision
                                 << "'";
      return signalPassFailure();
    }
    SmallVector<func::FuncOp> kernels;
    for (auto func : getOperation().getOps<func::FuncOp>())
      if (func.isDeclaration() && func->hasAttr("winnow.kernel"))
        kernels.push_back(func);
    for (func::FuncOp kernel : kernels)
      if (failed(generate(kernel, *known, *wanted)))
        return signalPassFailure();
  }
};

} // namespace
} // namespace winnow::gpu
