//===- Passes.cpp - Registration ------------------------------------------===//

#include "winnow/Codegen/CPU/Passes.h"

namespace winnow::cpu {

#define GEN_PASS_REGISTRATION
#include "winnow/Codegen/CPU/Passes.h.inc"

void registerCPUPasses() { registerWinnowCPUPasses(); }

} // namespace winnow::cpu
