//===- Passes.cpp - Registration ------------------------------------------===//

#include "winnow/Codegen/CPU/Passes.h"

#include "winnow/Codegen/CPU/Pipeline.h"

namespace winnow::cpu {

#define GEN_PASS_REGISTRATION
#include "winnow/Codegen/CPU/Passes.h.inc"

void registerCPUPasses() {
  registerWinnowCPUPasses();
  registerCPUPipeline();
}

} // namespace winnow::cpu
