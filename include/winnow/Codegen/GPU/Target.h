//===- Target.h - Chips, and from kernels to PTX --------------------------===//

#ifndef WINNOW_CODEGEN_GPU_TARGET_H
#define WINNOW_CODEGEN_GPU_TARGET_H

#include "mlir/IR/BuiltinOps.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <optional>
#include <string>
#include <vector>

namespace llvm {
class LLVMContext;
class Module;
} // namespace llvm

namespace winnow::gpu {

/// A chip as `--chip` names it, and what kernel builders shape their tiles by.
struct Chip {
  llvm::StringRef name; ///< sm_80, sm_90a ...
  int compute;          ///< 80, 90, 100
  int ptxVersion;       ///< 80 is 8.0
  int64_t sharedBytes;  ///< dynamic shared memory that a block may ask for
  /// Whether the code runs on this chip's family only (the `a` of sm_90a).
  bool isSpecific;

  /// Whether it has `wgmma` and barriers in memory.
  bool hasWarpgroups() const { return compute == 90 && isSpecific; }
};

/// What `--chip` takes a list of, for messages.
inline constexpr llvm::StringLiteral kChips = "sm_80, sm_86, sm_89, sm_90a or sm_100";

std::optional<Chip> getChip(llvm::StringRef name);
/// The chips of a list such as `sm_80,sm_90a`, each once, the newest first.
llvm::Expected<std::vector<Chip>> parseChips(llvm::StringRef list);

/// How matrices are multiplied: in the type of their elements, or rounded to another
/// one first. Sums are f32.
enum class Precision { FP32, TF32, BF16, FP16 };
std::optional<Precision> parsePrecision(llvm::StringRef name);
llvm::StringRef stringifyPrecision(Precision precision);

/// The name of the module of the device's code.
inline constexpr llvm::StringLiteral kDeviceModule = "device";
/// On the module: names of kernels, in the order of their numbers.
inline constexpr llvm::StringLiteral kDeviceKernels = "winnow.device_kernels";
/// On the module: where the host waits for data of the device.
inline constexpr llvm::StringLiteral kDeviceReads = "winnow.device_reads";

/// Translates the device's module, of the LLVM dialect, to PTX.
llvm::Expected<std::string> translateToPTX(mlir::ModuleOp module, const Chip &chip);

/// The same as functions of the host, a call a thread, which tests run. Refuses
/// kernels whose threads work together.
llvm::Expected<std::unique_ptr<llvm::Module>> translateForEmulation(mlir::ModuleOp module,
                                                                    llvm::LLVMContext &context);

/// A program that assembles PTX: on the PATH, in CUDA_HOME or where CUDA is by
/// default; empty where there is none.
std::string findAssembler();
struct Assembled {
  std::string cubin;
  std::string log; ///< what the assembler says about registers and spills
};
llvm::Expected<Assembled> assemble(llvm::StringRef assembler, llvm::StringRef ptx,
                                   const Chip &chip);

} // namespace winnow::gpu

#endif // WINNOW_CODEGEN_GPU_TARGET_H
