//===- Target.cpp - From the LLVM dialect to an object file ---------------===//

#include "winnow/Codegen/CPU/Target.h"

#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/Linker/Linker.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/Transforms/Utils/Cloning.h"

using namespace llvm;

namespace winnow::cpu {

StringRef getTargetTriple() { return "x86_64-unknown-linux-gnu"; }

Expected<std::unique_ptr<TargetMachine>>
createTargetMachine(const CPULevel &level) {
  InitializeAllTargetInfos();
  InitializeAllTargets();
  InitializeAllTargetMCs();
  InitializeAllAsmPrinters();
  Triple triple(getTargetTriple());
  std::string error;
  const llvm::Target *target = TargetRegistry::lookupTarget(triple, error);
  if (!target)
    return createStringError(error);
  std::unique_ptr<TargetMachine> machine(target->createTargetMachine(
      triple, level.targetCPU, level.features, TargetOptions(), Reloc::PIC_,
      CodeModel::Small, CodeGenOptLevel::Default));
  if (!machine)
    return createStringError("cannot generate code for " + getTargetTriple());
  return machine;
}

Expected<std::unique_ptr<llvm::Module>>
translateToLLVMIR(mlir::ModuleOp source, LLVMContext &context,
                  const CPULevel &level, StringRef suffix) {
  mlir::registerBuiltinDialectTranslation(*source.getContext());
  mlir::registerLLVMDialectTranslation(*source.getContext());
  Expected<std::unique_ptr<TargetMachine>> machine = createTargetMachine(level);
  if (!machine)
    return machine.takeError();
  std::unique_ptr<llvm::Module> module =
      mlir::translateModuleToLLVMIR(source, context, "winnow");
  if (!module)
    return createStringError("cannot translate the module to LLVM IR");
  module->setTargetTriple((*machine)->getTargetTriple());
  module->setDataLayout((*machine)->createDataLayout());
  module->setPICLevel(PICLevel::BigPIC);
  std::string vectorBits = std::to_string(level.vectorBytes * 8);
  for (Function &function : *module) {
    if (function.isDeclaration())
      continue;
    function.addFnAttr("target-cpu", level.targetCPU);
    if (!level.features.empty())
      function.addFnAttr("target-features", level.features);
    if (!function.hasFnAttribute("prefer-vector-width"))
      function.addFnAttr("prefer-vector-width", vectorBits);
  }
  for (GlobalValue &value : module->global_values())
    if (!value.isDeclaration() && !suffix.empty())
      value.setName(value.getName() + suffix);
  return module;
}

Error merge(llvm::Module &into, std::unique_ptr<llvm::Module> from) {
  // What was wrong is in the context's diagnostics.
  if (Linker::linkModules(into, std::move(from)))
    return createStringError("cannot merge the code of two CPU levels");
  return Error::success();
}

Error emitObject(llvm::Module &module, const CPULevel &level,
                 raw_pwrite_stream &out, OutputKind kind) {
  Expected<std::unique_ptr<TargetMachine>> machine = createTargetMachine(level);
  if (!machine)
    return machine.takeError();
  // Code generation rewrites the module: what it leaves must not depend on
  // whether assembly was asked for as well.
  std::unique_ptr<llvm::Module> copy = CloneModule(module);
  legacy::PassManager passes;
  CodeGenFileType type = kind == OutputKind::Assembly
                             ? CodeGenFileType::AssemblyFile
                             : CodeGenFileType::ObjectFile;
  if ((*machine)->addPassesToEmitFile(passes, out, nullptr, type))
    return createStringError("cannot write objects for " + getTargetTriple());
  passes.run(*copy);
  return Error::success();
}

} // namespace winnow::cpu
