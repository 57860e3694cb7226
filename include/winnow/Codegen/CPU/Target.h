//===- Target.h - From the LLVM dialect to an object file -----------------===//

#ifndef WINNOW_CODEGEN_CPU_TARGET_H
#define WINNOW_CODEGEN_CPU_TARGET_H

#include "winnow/Support/CPULevel.h"

#include "mlir/IR/BuiltinOps.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/raw_ostream.h"
#include <memory>

namespace llvm {
class LLVMContext;
class Module;
class TargetMachine;
} // namespace llvm

namespace winnow::cpu {

enum class OutputKind { Assembly, Object };

/// The triple of all CPU code.
llvm::StringRef getTargetTriple();

/// Position-independent code for a level.
llvm::Expected<std::unique_ptr<llvm::TargetMachine>>
createTargetMachine(const CPULevel &level);

/// Translates a module of the LLVM dialect and sets triple, data layout and
/// the CPU attributes of every function. The names of definitions get the suffix.
llvm::Expected<std::unique_ptr<llvm::Module>>
translateToLLVMIR(mlir::ModuleOp module, llvm::LLVMContext &context,
                  const CPULevel &level, llvm::StringRef suffix = "");

/// Moves what `from` defines to `into`, whose functions may be for another level.
llvm::Error merge(llvm::Module &into, std::unique_ptr<llvm::Module> from);

/// Runs LLVM's optimiser. `level` is the lowest one of the functions.
llvm::Error optimize(llvm::Module &module, const CPULevel &level);

/// Writes assembly or an object file. `level` is the lowest one of the functions.
llvm::Error emitObject(llvm::Module &module, const CPULevel &level,
                       llvm::raw_pwrite_stream &out, OutputKind kind);

} // namespace winnow::cpu

#endif // WINNOW_CODEGEN_CPU_TARGET_H
