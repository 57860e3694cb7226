//===- winnow-gpu-emulate.cpp - Proves kernels with no chip ---------------===//

#include "Cases.h"

#include "winnow/Codegen/GPU/Passes.h"
#include "winnow/Pipeline/Pipeline.h"

#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/CommandLine.h"

using namespace mlir;
using namespace winnow;
namespace cl = llvm::cl;

static cl::opt<std::string> input(cl::Positional, cl::Required, cl::desc("cases, as MLIR"));
static cl::opt<std::string> chipName("chip", cl::init("sm_80"), cl::desc("such as sm_90a"));
static cl::opt<std::string> precisionName("precision", cl::init("fp32"),
                                          cl::desc("fp32, tf32, bf16 or fp16"));
static cl::opt<bool> assembles("assemble", cl::desc("assembles the kernels instead of running them"));

static cl::opt<std::string> without(
    "without", cl::desc("leaves out an operation of kernels, as NAME or NAME#N for the N-th of each "
                        "one: tests that the emulated chip misses it"));

/// Erases operations of a name, or only the one of a number, from each kernel.
static LogicalResult erase(ModuleOp module, StringRef which) {
  auto [name, digits] = which.split('#');
  unsigned number = 0;
  if (!digits.empty() && digits.getAsInteger(10, number))
    return module.emitError() << "expected a number in '" << which << "'";
  SmallVector<Operation *> found;
  module.walk([&](LLVM::LLVMFuncOp kernel) {
    unsigned at = 0;
    kernel.walk([&, name = name, digits = digits](Operation *op) {
      if (op->getName().getStringRef() == name && (at++ == number || digits.empty()))
        found.push_back(op);
    });
  });
  if (found.empty())
    return module.emitError() << "there is no '" << which << "'";
  for (Operation *op : found)
    op->erase();
  return success();
}

int main(int argc, char **argv) {
  cl::ParseCommandLineOptions(argc, argv, "emulates kernels for chips, and checks what they compute\n");
  DialectRegistry registry;
  registerDialects(registry);
  MLIRContext context(registry);
  std::optional<winnow::gpu::Chip> chip = winnow::gpu::getChip(chipName);
  std::optional<winnow::gpu::Precision> precision = winnow::gpu::parsePrecision(precisionName);
  OwningOpRef<ModuleOp> module = parseSourceFile<ModuleOp>(input, &context);
  if (!chip || !precision || !module)
    return 1;
  PassManager pm(&context);
  winnow::gpu::GenerateKernelsOptions options;
  options.chip = chipName;
  options.precision = precisionName;
  pm.addPass(winnow::gpu::createGenerateKernels(options));
  if (failed(pm.run(*module)))
    return 1;
  if (!without.empty() && failed(erase(*module, without)))
    return 1;
  return failed(assembles ? winnow::gpu::assembleCases(*module, *chip) : winnow::gpu::runCases(*module, *precision));
}
