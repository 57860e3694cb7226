//===- Passes.cpp - Registration ------------------------------------------===//

#include "winnow/Codegen/CPU/Kernels/Passes.h"

namespace winnow::cpu {

namespace {
#define GEN_PASS_REGISTRATION
#include "winnow/Codegen/CPU/Kernels/Passes.h.inc"
} // namespace

void registerCPUKernelPasses() { registerWinnowCPUKernelsPasses(); }

} // namespace winnow::cpu
