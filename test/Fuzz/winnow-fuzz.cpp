//===- winnow-fuzz.cpp - Random models through the compiler ---------------===//
//
// Every model, however odd, is refused with a message or goes through Import,
// Raise and Convert. tools/fuzz.sh builds and runs this.
//
//===----------------------------------------------------------------------===//

#include "ModelMutator.h"

#include "winnow/Conversion/Passes.h"
#include "winnow/Dialect/Winnow/Transforms/Passes.h"
#include "winnow/Import/ONNX/Import.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/Verifier.h"
#include "mlir/InitAllDialects.h"
#include "mlir/InitAllExtensions.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/raw_ostream.h"
#include <google/protobuf/stubs/logging.h>

using namespace mlir;
using namespace winnow;

extern "C" size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t maxSize);

/// Poisoning by LLVM's headers here is unknown to LLVM's libraries.
extern "C" const char *__asan_default_options() {
  return "allow_user_poisoning=0:detect_leaks=0:allocator_may_return_null=1";
}

/// What the compiler promises did not hold: stops like a crash.
[[noreturn]] static void reportDefect(llvm::StringRef what) {
  llvm::errs() << "winnow-fuzz: defect: " << what << "\n";
  abort();
}

/// The model's folder, in which there is data to refer to.
static const std::string &getFolder() {
  static const std::string folder = [] {
    llvm::SmallString<128> path;
    if (llvm::sys::fs::createUniqueDirectory("winnow-fuzz", path))
      reportDefect("cannot make a temporary folder");
    std::error_code code;
    llvm::raw_fd_ostream(std::string(path) + "/data.bin", code) << std::string(4096, '\1');
    static std::string made(path);
    atexit([] { llvm::sys::fs::remove_directories(made); });
    return made;
  }();
  return folder;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const bool isVerbose = getenv("WINNOW_FUZZ_VERBOSE");
  std::string path = getFolder() + "/model.onnx";
  {
    std::error_code code;
    llvm::raw_fd_ostream file(path, code);
    file.write(reinterpret_cast<const char *>(data), size);
  }
  static const DialectRegistry registry = [] {
    DialectRegistry all;
    registerAllDialects(all);
    registerAllExtensions(all);
    registerKernelBufferization(all);
    return all;
  }();
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  int numErrors = 0;
  context.getDiagEngine().registerHandler([&](Diagnostic &diagnostic) {
    if (diagnostic.getSeverity() == DiagnosticSeverity::Error)
      ++numErrors;
    std::string text = diagnostic.str();
    if (isVerbose)
      llvm::errs() << diagnostic.getLocation() << ": " << text << "\n";
    return success();
  });

  // Less than by default, so that a run is short.
  ImportOptions options;
  options.maxNodes = 1 << 12;
  options.maxConstantFoldBytes = 1 << 24;
  OwningOpRef<ModuleOp> module = importONNX(path, context, options);
  if (!module && numErrors == 0)
    reportDefect("an import failed without an error");
  if (!module)
    return -1; // no seed for what comes after Import
  if (numErrors)
    reportDefect("an import succeeded with an error");
  if (failed(verify(*module)))
    reportDefect("an import made an invalid module");

  auto run = [&](llvm::function_ref<void(OpPassManager &)> build, llvm::StringRef phase) {
    PassManager pm(&context);
    build(pm);
    bool hasFailed = failed(pm.run(*module));
    if (hasFailed && numErrors == 0)
      reportDefect(phase.str() + " failed without an error");
    return !hasFailed;
  };
  if (!run([](OpPassManager &pm) { buildRaisingPipeline(pm); }, "raise"))
    return 0;
  if (!run([](OpPassManager &pm) { buildOptimizingPipeline(pm, OptimizeOptions()); }, "optimize"))
    return 0;
  run([](OpPassManager &pm) { buildConversionPipeline(pm, "x86-64-v3"); }, "convert");
  return 0;
}

//===----------------------------------------------------------------------===//
// Mutations
//===----------------------------------------------------------------------===//

static bool parse(const uint8_t *data, size_t size, onnx::ModelProto &model) {
  google::protobuf::LogSilencer silencer;
  return model.ParseFromArray(data, static_cast<int>(size)) && model.has_graph();
}

/// The model in place of the data, if it is small enough.
static size_t write(const onnx::ModelProto &model, uint8_t *data, size_t size, size_t maxSize) {
  size_t needed = model.ByteSizeLong();
  if (needed > maxSize || !model.SerializeToArray(data, static_cast<int>(needed)))
    return size;
  return needed;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t maxSize,
                                          unsigned seed) {
  onnx::ModelProto model;
  // Some files are broken below the level of messages.
  if (seed % 32 == 0 || !parse(data, size, model))
    return LLVMFuzzerMutate(data, size, maxSize);
  fuzz::ModelMutator mutator(model, seed);
  for (unsigned i = 0; i <= seed / 32 % 4; ++i)
    mutator.mutate();
  return write(model, data, size, maxSize);
}

extern "C" size_t LLVMFuzzerCustomCrossOver(const uint8_t *data1, size_t size1,
                                            const uint8_t *data2, size_t size2, uint8_t *out,
                                            size_t maxSize, unsigned seed) {
  onnx::ModelProto model, other;
  if (!parse(data1, size1, model) || !parse(data2, size2, other))
    return 0;
  fuzz::ModelMutator(model, seed).graft(other);
  return write(model, out, 0, maxSize);
}
