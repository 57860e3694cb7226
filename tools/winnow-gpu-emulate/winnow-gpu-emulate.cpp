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
  return failed(assembles ? winnow::gpu::assembleCases(*module, *chip) : winnow::gpu::runCases(*module, *precision));
}
