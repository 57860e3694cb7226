//===- Emulate.cpp - Kernels as functions of the host, for tests ----------===//
//
// A thread of a kernel is a call of a function: `emulated.KERNEL(params)` loads what
// the host's code passes and calls the kernel. Which thread it is, the caller writes to
// `winnow_emulated_ids` first: tid.x .y .z, ctaid.x .y .z, ntid and nctaid likewise.
//
//===----------------------------------------------------------------------===//

#include "winnow/Codegen/GPU/Target.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/GPU/GPUToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/NVVM/NVVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "llvm/IR/IRBuilder.h"
#include "llvm/IR/InstIterator.h"
#include "llvm/IR/Module.h"

using namespace llvm;

namespace winnow::gpu {

/// The place of a special register among the ids; nothing for other functions.
static std::optional<unsigned> getId(StringRef name) {
  if (!name.consume_front("llvm.nvvm.read.ptx.sreg."))
    return std::nullopt;
  auto [kind, axis] = name.rsplit('.');
  static constexpr StringRef kinds[] = {"tid", "ctaid", "ntid", "nctaid"};
  const auto *at = find(kinds, kind);
  if (at == std::end(kinds) || axis.size() != 1 || axis[0] < 'x' || axis[0] > 'z')
    return std::nullopt;
  return 3 * (at - std::begin(kinds)) + (axis[0] - 'x');
}

static void emitWrapper(Function &kernel) {
  Module &module = *kernel.getParent();
  LLVMContext &context = module.getContext();
  auto *pointer = PointerType::get(context, 0);
  auto *wrapper = Function::Create(FunctionType::get(Type::getVoidTy(context), {pointer}, false),
                                   GlobalValue::ExternalLinkage, "emulated." + kernel.getName(),
                                   module);
  IRBuilder<> b(BasicBlock::Create(context, "entry", wrapper));
  SmallVector<Value *> arguments;
  for (Argument &argument : kernel.args()) {
    Value *slot = b.CreateConstGEP1_64(pointer, wrapper->getArg(0), argument.getArgNo());
    arguments.push_back(b.CreateLoad(argument.getType(), b.CreateLoad(pointer, slot)));
  }
  b.CreateCall(&kernel, arguments);
  b.CreateRetVoid();
}

Expected<std::unique_ptr<Module>> translateForEmulation(mlir::ModuleOp source,
                                                        LLVMContext &context) {
  mlir::registerBuiltinDialectTranslation(*source.getContext());
  mlir::registerGPUDialectTranslation(*source.getContext());
  mlir::registerLLVMDialectTranslation(*source.getContext());
  mlir::registerNVVMDialectTranslation(*source.getContext());
  auto device = source.lookupSymbol<mlir::gpu::GPUModuleOp>(kDeviceModule);
  std::unique_ptr<Module> module =
      device ? mlir::translateModuleToLLVMIR(device, context, "winnow") : nullptr;
  if (!module)
    return createStringError("cannot translate the device's module to LLVM IR");
  Type *i32 = Type::getInt32Ty(context);
  auto *type = ArrayType::get(i32, 12);
  auto *ids = new GlobalVariable(*module, type, /*isConstant=*/false, GlobalValue::ExternalLinkage,
                                 ConstantAggregateZero::get(type), "winnow_emulated_ids");
  SmallVector<Function *> kernels;
  for (Function &function : make_early_inc_range(*module)) {
    if (std::optional<unsigned> id = getId(function.getName())) {
      for (User *user : make_early_inc_range(function.users())) {
        auto *call = cast<CallInst>(user);
        IRBuilder<> b(call);
        call->replaceAllUsesWith(b.CreateLoad(i32, b.CreateConstGEP2_32(type, ids, 0, *id)));
        call->eraseFromParent();
      }
      function.eraseFromParent();
      continue;
    }
    if (function.getName().starts_with("llvm.nvvm.") && !function.use_empty())
      return createStringError("cannot emulate a kernel that uses " + function.getName());
    if (function.isDeclaration())
      continue;
    for (Instruction &instruction : instructions(function))
      if (auto *call = dyn_cast<CallInst>(&instruction); call && call->isInlineAsm())
        return createStringError("cannot emulate kernel '" + function.getName() + "', which holds PTX");
    kernels.push_back(&function);
  }
  for (Function *kernel : kernels) {
    kernel->setCallingConv(CallingConv::C);
    emitWrapper(*kernel);
  }
  return module;
}

} // namespace winnow::gpu
