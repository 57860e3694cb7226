//===- Assemble.cpp - Kernels through the assembler, and what it says -----===//

#include "Cases.h"

#include "winnow/Codegen/CPU/Passes.h"
#include "winnow/Codegen/GPU/Passes.h"

#include "mlir/Conversion/NVVMToLLVM/NVVMToLLVM.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "llvm/Support/Regex.h"

using namespace mlir;

namespace winnow::gpu {

/// The dynamic shared memory of every launch must be there.
static LogicalResult checkShared(ModuleOp module, const Chip &chip) {
  bool ok = true;
  module.walk([&](func::CallOp call) {
    IntegerAttr bytes;
    if (call.getCallee() != "winnow_rt_launch" ||
        !matchPattern(call.getOperand(7), m_Constant(&bytes)) || bytes.getInt() <= chip.sharedBytes)
      return;
    call.emitError() << "a block asks for " << bytes.getInt() << " bytes of shared memory, and "
                     << chip.name << " has " << chip.sharedBytes;
    ok = false;
  });
  return success(ok);
}

/// What `ptxas -v` says of every kernel: no spills, and no product that waits for another.
static LogicalResult checkLog(ModuleOp module, StringRef log) {
  bool ok = true;
  SmallVector<StringRef> lines;
  log.split(lines, '\n');
  llvm::Regex entry("Compiling entry function '([^']*)'"),
      spills("([0-9]+) bytes spill stores, ([0-9]+) bytes spill loads"),
      registers("Used ([0-9]+) registers");
  std::string kernel;
  for (StringRef line : lines) {
    SmallVector<StringRef> found;
    if (entry.match(line, &found))
      kernel = found[1].str();
    if (line.contains("C75") || (spills.match(line, &found) && (found[1] != "0" || found[2] != "0"))) {
      module.emitError() << kernel << ": " << line.trim();
      ok = false;
    }
    if (registers.match(line, &found))
      llvm::outs() << "assembled " << kernel << ": " << found[1] << " registers\n";
  }
  return success(ok);
}

LogicalResult assembleCases(ModuleOp module, const Chip &chip) {
  if (failed(checkShared(module, chip)))
    return failure();
  PassManager pm(module.getContext());
  pm.addPass(createExpandDeviceMath());
  pm.addPass(createCanonicalizerPass());
  pm.addPass(createCSEPass());
  pm.addPass(createSCFToControlFlowPass());
  pm.addPass(createConvertNVVMToLLVMPass());
  pm.addPass(cpu::createLowerToLLVM());
  if (failed(pm.run(module)))
    return failure();
  llvm::Expected<std::string> ptx = translateToPTX(module, chip);
  if (!ptx)
    return module.emitError(llvm::toString(ptx.takeError()));
  std::string assembler = findAssembler();
  if (assembler.empty())
    return module.emitError("there is no ptxas here");
  llvm::Expected<Assembled> assembled = assemble(assembler, *ptx, chip);
  if (!assembled)
    return module.emitError(llvm::toString(assembled.takeError()));
  return checkLog(module, assembled->log);
}

} // namespace winnow::gpu
