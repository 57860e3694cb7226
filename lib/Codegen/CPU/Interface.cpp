//===- Interface.cpp - What callers must know of the code -----------------===//

#include "winnow/Codegen/CPU/Pipeline.h"
#include "winnow/Codegen/CPU/Target.h"
#include "winnow/Link/ModelInterface.h"

using namespace mlir;

namespace winnow::cpu {

void fillInterface(ModuleOp module, const CPULevel &level,
                   ModelInterface &interface) {
  interface.triple = getTargetTriple().str();
  interface.cpuLevel = level.name.str();
  interface.cpuFeatures = level.features;
  auto scratch = module->getAttrOfType<IntegerAttr>("winnow.scratch_bytes");
  interface.scratchBytes = scratch ? scratch.getInt() : 0;
}

} // namespace winnow::cpu
