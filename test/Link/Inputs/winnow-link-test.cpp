//===- winnow-link-test.cpp - Link without the stages before it -----------===//
//
//   winnow-link-test names               identifiers for awkward names
//   winnow-link-test header              the header of an awkward model
//   winnow-link-test data-header         the header of one with data symbols
//   winnow-link-test artifact MODEL.ll DIR NAME [embed]
//                                        all artefacts of the small model
//   winnow-link-test weights FILE OFFSET BYTES
//                                        a weights file with such an entry
//
//===----------------------------------------------------------------------===//

#include "winnow/Link/Artifact.h"
#include "winnow/Link/CNames.h"
#include "winnow/Link/Descriptor.h"
#include "winnow/Link/Header.h"
#include "winnow/Link/Report.h"
#include "winnow/Link/Weights.h"
#include "winnow/abi.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/IRReader/IRReader.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/SmallVectorMemoryBuffer.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include "llvm/TargetParser/Host.h"

using namespace llvm;
using namespace winnow;

static ModelInterface makeAwkwardModel() {
  ModelInterface model;
  model.name = "awkward";
  model.codes = {{"x86-64"}};
  model.symbols = {{"batch", 1, 8}, {"int", 0, INT64_MAX}, {"batch!", 1, 2}};
  for (const char *name :
       {"463", "onnx::Shape_422", "/a/b.c", "a b c", "int", "class", "",
        "\xc3\xa9", "*/ evil /*", "context", "winnow_run", "_x_", "x", "x",
        "a_name_that_is_so_very_long_that_some_compilers_would_not_tell_1",
        "a_name_that_is_so_very_long_that_some_compilers_would_not_tell_2",
        "line\nbreak\\", "\?\?/"})
    model.inputs.push_back({name, WINNOW_DTYPE_F32, {}});
  model.inputs[0].dims = {{-1, 0, ""}, {4, -1, ""}};
  model.inputs[1].dims = {{-1, 1, ""}, {-1, 2, ""}};
  model.inputs[1].dtype = WINNOW_DTYPE_F16;
  model.outputs = {{"x", WINNOW_DTYPE_BOOL, {{-1, -1, "2*batch"}}},
                   {"463", WINNOW_DTYPE_I64, {}}};
  return model;
}

/// An output as large as the data says, between others; and a dimension that
/// the inputs do not tell of.
static ModelInterface makeDataModel() {
  ModelInterface model;
  model.name = "data";
  model.codes = {{"x86-64"}};
  model.symbols = {{"n", 0, 8}, {"/NonZero.count", 0, INT64_MAX, true}};
  model.inputs = {{"x", WINNOW_DTYPE_F32, {{-1, 0, ""}, {4, -1, ""}}}};
  model.outputs = {{"y", WINNOW_DTYPE_F32, {{-1, 0, ""}}},
                   {"indices", WINNOW_DTYPE_I64, {{2, -1, ""}, {-1, 1, "", true}}},
                   {"z", WINNOW_DTYPE_F32, {{-1, -1, "n - count", true}}}};
  return model;
}

/// A model and its form for packed sequences.
static std::vector<ModelInterface> makeForms() {
  std::vector<ModelInterface> forms(2);
  for (ModelInterface &form : forms) {
    form.name = "encoder";
    form.codes = {{"x86-64"}};
    form.symbols = {{"batch", 0, 8}, {"tokens", 1, 9}};
    form.inputs = {{"ids", WINNOW_DTYPE_I64, {{-1, 1, ""}}}};
    form.outputs = {{"y", WINNOW_DTYPE_F32, {{-1, 1, ""}}}};
  }
  forms[1].form = "packed";
  ModelInterface::Dim dim{-1, 0, "batch + 1"};
  dim.offset = 1;
  dim.formula = "($0 + 1)";
  forms[1].inputs.push_back({"cu_seqlens", WINNOW_DTYPE_I32, {dim}});
  return forms;
}

/// y = x * scale, where `scale` are 4 weights at offset 64.
static ModelInterface makeScaleModel(StringRef name) {
  ModelInterface model;
  model.name = name.str();
  model.triple = sys::getDefaultTargetTriple();
  model.codes = {{"x86-64"}};
  model.symbols = {{"batch", 0, 100}};
  model.inputs = {{"in/x", WINNOW_DTYPE_F32, {{-1, 0, ""}, {4, -1, ""}}}};
  model.outputs = {{"y", WINNOW_DTYPE_F32, {{-1, 0, ""}, {4, -1, ""}}}};
  model.sites = {{"/Mul", "the batch is 13"}};
  return model;
}

static WeightEntry makeEntry(int64_t offset, int64_t bytes) {
  return {offset, bytes, [](raw_ostream &os) {
            const float scale[] = {1, 2, 3, 4};
            os.write(reinterpret_cast<const char *>(scale), sizeof scale);
          }};
}

static Error writeArtifact(StringRef source, StringRef folder, StringRef name,
                           bool embed) {
  LLVMContext context;
  SMDiagnostic diagnostic;
  auto module = parseIRFile(source, diagnostic, context);
  if (!module)
    return createStringError(diagnostic.getMessage());
  ModelInterface model = makeScaleModel(name);
  InitializeNativeTarget();
  InitializeNativeTargetAsmPrinter();
  std::string message;
  Triple triple(model.triple);
  const Target *target = TargetRegistry::lookupTarget(triple, message);
  if (!target)
    return createStringError(message);
  std::unique_ptr<TargetMachine> machine(target->createTargetMachine(
      triple, "x86-64", "", TargetOptions(), Reloc::PIC_));
  module->setTargetTriple(triple);
  module->setDataLayout(machine->createDataLayout());

  if (std::error_code code = sys::fs::create_directories(folder))
    return createStringError(code.message());
  std::string base = (folder + "/" + name).str();
  std::vector<WeightEntry> entries = {makeEntry(0, 16), makeEntry(64, 16)};
  auto weights = writeWeights(base + ".weights", entries);
  if (!weights)
    return weights.takeError();
  weights->embedded = embed;
  if (Error error = addDescriptors(*module, model, *weights))
    return error;
  SmallVector<char, 0> object;
  raw_svector_ostream os(object);
  legacy::PassManager passes;
  if (machine->addPassesToEmitFile(passes, os, nullptr,
                                   CodeGenFileType::ObjectFile))
    return createStringError("no object emission");
  passes.run(*module);
  ArtifactOptions options;
  options.directory = folder.str();
  options.name = name.str();
  options.triple = model.triple;
  options.kinds = {ArtifactKind::Object, ArtifactKind::StaticLibrary,
                   ArtifactKind::SharedLibrary, ArtifactKind::Executable};
  if (embed)
    options.embeddedWeightsPath = base + ".weights";
  SmallVectorMemoryBuffer buffer(std::move(object), name,
                                 /*RequiresNullTerminator=*/false);
  auto files = writeArtifacts(buffer.getMemBufferRef(), options);
  if (!files)
    return files.takeError();
  if (embed)
    sys::fs::remove(base + ".weights");
  if (Error error = writeHeader(base + ".h", model))
    return error;
  ReportData report{model, *weights, *files, {}};
  report.sections.emplace_back("passes", json::Array{});
  return writeReport(base + ".json", report);
}

static Error run(ArrayRef<StringRef> args) {
  StringRef command = args.empty() ? "" : args.front();
  if (command == "names") {
    ModelInterface model = makeAwkwardModel();
    CNames names = makeCNames(model);
    for (auto [tensor, name] : zip(model.inputs, names.inputs))
      outs() << "'" << escapeForComment(tensor.name) << "': " << name << "\n";
    for (auto [tensor, name] : zip(model.outputs, names.outputs))
      outs() << "output '" << escapeForComment(tensor.name) << "': " << name
             << "\n";
    for (auto [symbol, name] : zip(model.symbols, names.symbols))
      outs() << "symbol '" << symbol.name << "': " << name << "\n";
    return Error::success();
  }
  if (command == "header") {
    outs() << makeHeader(makeAwkwardModel());
    return Error::success();
  }
  if (command == "data-header") {
    outs() << makeHeader(makeDataModel());
    return Error::success();
  }
  if (command == "forms-header") {
    outs() << makeHeader(makeForms());
    return Error::success();
  }
  if (command == "artifact" && args.size() >= 4)
    return writeArtifact(args[1], args[2], args[3], args.size() > 4);
  int64_t offset, bytes;
  if (command == "weights" && args.size() == 4 &&
      !args[2].getAsInteger(10, offset) && !args[3].getAsInteger(10, bytes))
    return writeWeights(args[1], makeEntry(offset, bytes)).takeError();
  return createStringError(
      "expected names, header, data-header, forms-header, artifact or weights");
}

int main(int argc, char **argv) {
  SmallVector<StringRef> args(argv + 1, argv + argc);
  if (Error error = run(args)) {
    errs() << "error: " << toString(std::move(error)) << "\n";
    return 1;
  }
  return 0;
}
