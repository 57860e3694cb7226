//===- Target.cpp - From the device's module to PTX -----------------------===//

#include "winnow/Codegen/GPU/Target.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/GPU/GPUToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/NVVM/NVVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/IR/InlineAsm.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"

using namespace llvm;

namespace winnow::gpu {

static Expected<std::unique_ptr<TargetMachine>> createTargetMachine(const Chip &chip) {
  InitializeAllTargetInfos();
  InitializeAllTargets();
  InitializeAllTargetMCs();
  InitializeAllAsmPrinters();
  Triple triple("nvptx64-nvidia-cuda");
  std::string error;
  const llvm::Target *target = TargetRegistry::lookupTarget(triple, error);
  if (!target)
    return createStringError(error);
  TargetOptions options;
  std::unique_ptr<TargetMachine> machine(target->createTargetMachine(
      triple, chip.name, "+ptx" + std::to_string(chip.ptxVersion), options, std::nullopt,
      std::nullopt, CodeGenOptLevel::Aggressive));
  if (!machine)
    return createStringError("cannot generate code for " + chip.name);
  return machine;
}

static void optimize(llvm::Module &module, TargetMachine &machine) {
  PassBuilder builder(&machine);
  LoopAnalysisManager loops;
  FunctionAnalysisManager functions;
  CGSCCAnalysisManager sccs;
  ModuleAnalysisManager modules;
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(sccs);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, sccs, modules);
  builder.buildPerModuleDefaultPipeline(OptimizationLevel::O3).run(module, modules);
}

Expected<std::string> translateToPTX(mlir::ModuleOp module, const Chip &chip) {
  mlir::MLIRContext *context = module.getContext();
  mlir::registerBuiltinDialectTranslation(*context);
  mlir::registerGPUDialectTranslation(*context);
  mlir::registerLLVMDialectTranslation(*context);
  mlir::registerNVVMDialectTranslation(*context);
  auto device = module.lookupSymbol<mlir::gpu::GPUModuleOp>(kDeviceModule);
  if (!device)
    return createStringError("expected a module of the device's code, got none");
  // Which functions the host launches, and by how many threads at most.
  SmallVector<std::pair<std::string, int64_t>> kernels;
  for (auto function : device.getOps<mlir::LLVM::LLVMFuncOp>())
    if (auto threads = function->getAttrOfType<mlir::IntegerAttr>("winnow.device_kernel"))
      kernels.emplace_back(function.getName().str(), threads.getInt());
  LLVMContext own;
  std::unique_ptr<llvm::Module> code = mlir::translateModuleToLLVMIR(device, own, "winnow");
  if (!code)
    return createStringError("cannot translate the device's module to LLVM IR");
  Expected<std::unique_ptr<TargetMachine>> machine = createTargetMachine(chip);
  if (!machine)
    return machine.takeError();
  code->setTargetTriple((*machine)->getTargetTriple());
  code->setDataLayout((*machine)->createDataLayout());
  for (const auto &[name, threads] : kernels) {
    Function *function = code->getFunction(name);
    function->setCallingConv(CallingConv::PTX_Kernel);
    function->addFnAttr("nvvm.maxntid", std::to_string(threads));
    function->addFnAttr("target-cpu", chip.name);
  }
  for (Function &function : *code) {
    if (function.isDeclaration() && !function.isIntrinsic() && !function.use_empty())
      return createStringError("expected device code that calls no function of the host, got a call of '" +
                               function.getName() + "'");
    // What an asm does together with other threads must not move into a branch.
    for (Instruction &instruction : instructions(function))
      if (auto *call = dyn_cast<CallInst>(&instruction); call && call->isInlineAsm())
        call->setConvergent();
  }
  optimize(*code, **machine);
  SmallString<0> text;
  raw_svector_ostream stream(text);
  legacy::PassManager passes;
  if ((*machine)->addPassesToEmitFile(passes, stream, nullptr, CodeGenFileType::AssemblyFile))
    return createStringError("cannot write PTX for " + chip.name);
  passes.run(*code);
  return std::string(text);
}

} // namespace winnow::gpu
