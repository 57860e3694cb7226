//===- Passes.cpp - Registration ------------------------------------------===//

#include "winnow/Codegen/GPU/Passes.h"

namespace winnow::gpu {

#define GEN_PASS_REGISTRATION
#include "winnow/Codegen/GPU/Passes.h.inc"

void registerGPUPasses() { registerWinnowGPUPasses(); }

} // namespace winnow::gpu
