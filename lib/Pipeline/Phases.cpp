#include "winnow/Pipeline/Pipeline.h"

#include "llvm/ADT/StringSwitch.h"

using namespace winnow;

llvm::StringRef winnow::stringifyPhase(Phase phase) {
  switch (phase) {
  case Phase::Import:
    return "import";
  case Phase::Raise:
    return "raise";
  case Phase::Optimize:
    return "optimize";
  case Phase::Convert:
    return "convert";
  case Phase::Codegen:
    return "codegen";
  case Phase::Link:
    return "link";
  }
  return "";
}

std::optional<Phase> winnow::parsePhase(llvm::StringRef name) {
  for (Phase phase : {Phase::Import, Phase::Raise, Phase::Optimize, Phase::Convert, Phase::Codegen,
                      Phase::Link})
    if (name == stringifyPhase(phase))
      return phase;
  return std::nullopt;
}

std::optional<Emit> winnow::parseEmit(llvm::StringRef name) {
  return llvm::StringSwitch<std::optional<Emit>>(name)
      .Case("obj", Emit::Object)
      .Case("static", Emit::Static)
      .Case("shared", Emit::Shared)
      .Case("exe", Emit::Executable)
      .Case("llvm-ir", Emit::LLVMIR)
      .Case("asm", Emit::Assembly)
      .Case("mlir", Emit::MLIR)
      .Case("ptx", Emit::PTX)
      .Case("emulation", Emit::Emulation)
      .Default(std::nullopt);
}
