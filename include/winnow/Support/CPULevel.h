//===- CPULevel.h - The instruction sets that kernels are built for -------===//

#ifndef WINNOW_SUPPORT_CPULEVEL_H
#define WINNOW_SUPPORT_CPULEVEL_H

#include "llvm/ADT/StringRef.h"
#include "llvm/Support/Error.h"
#include <cstdint>
#include <optional>
#include <vector>

namespace winnow {

/// An instruction-set level (x86-64 psABI) and the machine facts that kernel
/// builders shape their tiles by. Levels that end in `-vnni` have sums of products of
/// four bytes beside what the level without has.
struct CPULevel {
  llvm::StringRef name;     ///< as `--cpu` takes it, or kGPUThread
  int64_t vectorBytes;      ///< width of one vector register
  int64_t numVectorRegs;
  bool hasFMA;
  bool hasVNNI = false;     ///< vpdpbusd on its vectors
  /// What the code generator is told: a psABI level, and what it adds.
  llvm::StringRef targetCPU = name, features = "";

  int64_t lanes(int64_t elementBytes) const {
    return vectorBytes / elementBytes;
  }
};

/// What `--cpu` takes a list of, for messages; the aliases are not advertised.
inline constexpr llvm::StringLiteral kCPULevels =
    "native, x86-64, x86-64-v3, x86-64-v3-vnni, x86-64-v4 or x86-64-v4-vnni";

/// What one thread of a GPU is to kernel builders: it computes an element at a time.
/// A level that `--cpu` does not take.
inline constexpr llvm::StringLiteral kGPUThread = "gpu-thread";

/// A level as `--cpu` names it: a psABI name, with `-vnni` or without, an alias (`baseline`,
/// `avx2`, `avx512`) or `native`, the best level of this machine.
std::optional<CPULevel> getCPULevel(llvm::StringRef name);

/// The levels of a list such as `x86-64,x86-64-v3`, each once, the highest first:
/// each has all that those behind it have.
llvm::Expected<std::vector<CPULevel>> parseCPULevels(llvm::StringRef list);

} // namespace winnow

#endif // WINNOW_SUPPORT_CPULEVEL_H
