#include "winnow/Pipeline/Pipeline.h"

#include "ModuleFacts.h"
#include "Observe.h"

#include "winnow/Codegen/CPU/Pipeline.h"
#include "winnow/Codegen/CPU/Target.h"
#include "winnow/Conversion/Passes.h"
#include "winnow/Dialect/Winnow/Transforms/Passes.h"
#include "winnow/Dialect/Winnow/Transforms/Precision.h"
#include "winnow/Dialect/Winnow/Transforms/Predictors.h"
#include "winnow/Dialect/Winnow/Transforms/Report.h"
#include "winnow/Dialect/Winnow/Transforms/Work.h"
#include "winnow/Link/Artifact.h"
#include "winnow/Link/CNames.h"
#include "winnow/Link/Descriptor.h"
#include "winnow/Link/Header.h"
#include "winnow/Link/Report.h"
#include "winnow/Link/Weights.h"
#include "winnow/Pipeline/GPUPipeline.h"
#include "winnow/Support/CPULevel.h"
#include "winnow/Support/OutputFile.h"

#include "mlir/IR/Verifier.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassInstrumentation.h"
#include "mlir/Pass/PassManager.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/IR/Module.h"
#include "llvm/Support/CrashRecoveryContext.h"
#include "llvm/Support/ErrorHandling.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/SmallVectorMemoryBuffer.h"
#include "llvm/Target/TargetMachine.h"

using namespace mlir;
using namespace winnow;

static constexpr llvm::StringLiteral kPhase = "winnow.phase";

namespace {
/// One compile: what every step reads and the module that it works on.
class Compiler {
public:
  Compiler(const CompileOptions &options, MLIRContext &context, const ProgressFn &progress)
      : options(options), context(context), progress(progress) {}

  LogicalResult run(CompileResult &result);
  /// Writes the module as it was before the phase that crashed, and says so.
  void reportCrash();

private:
  LogicalResult load();
  LogicalResult runPasses(Phase phase, llvm::function_ref<void(OpPassManager &)> build);
  /// The same, with a snapshot after each pass.
  LogicalResult runWatched(PassManager &pm);
  LogicalResult takeSnapshot(StringRef pass, bool isExact = true);
  /// Compiles a copy of the module, which has been through `done`, on its own, and calls back
  /// with the folder of its artefacts, which are gone afterwards.
  LogicalResult compileAside(Phase done, llvm::function_ref<LogicalResult(StringRef)> use) {
    return compileAside(*module, options.optimize, done, use);
  }
  LogicalResult compileAside(ModuleOp other, const OptimizeOptions &optimize, Phase done,
                             llvm::function_ref<LogicalResult(StringRef)> use);
  /// The same of a module with outputs of its own, which are not what its forms are made for.
  LogicalResult compileMeasuring(ModuleOp other, llvm::function_ref<LogicalResult(StringRef)> use);
  LogicalResult analyse();
  LogicalResult fitApproximations();
  LogicalResult approximate();
  FailureOr<SmallVector<unsigned>> orderApproximations();
  LogicalResult approximateBy(const Approximation &technique, StringRef argument);
  LogicalResult convertAndLink(CompileResult &result);
  LogicalResult codegenAndLink(CompileResult &result);
  /// The code for every level, of which there is none if Codegen is the last phase.
  LogicalResult generateCode(llvm::LLVMContext &context,
                             llvm::MutableArrayRef<ModelInterface> interfaces,
                             std::unique_ptr<llvm::Module> &code);
  LogicalResult generateGPUCode(llvm::LLVMContext &context,
                                llvm::MutableArrayRef<ModelInterface> interfaces,
                                std::unique_ptr<llvm::Module> &code);
  /// Translates the module, and merges it into the code of others if there is some.
  LogicalResult addToCode(llvm::LLVMContext &context, const CPULevel &level, StringRef suffix,
                          std::unique_ptr<llvm::Module> &code);
  LogicalResult emitEmulation(const winnow::gpu::Chip &chip);
  LogicalResult emitText(Emit kind, StringRef extension, llvm::Module &code);
  LogicalResult printModule(ModuleOp module, StringRef path);
  void beginPhase(Phase phase) {
    current = phase;
    // Operations are copied, weights are shared.
    if (module)
      before = OwningOpRef<ModuleOp>(module->clone());
    if (options.crashIn == phase)
      llvm::report_fatal_error("a crash was asked for");
  }
  InFlightDiagnostic error() { return emitError(UnknownLoc::get(&context)); }
  LogicalResult check(llvm::Error failure) {
    if (!failure)
      return success();
    return error() << llvm::toString(std::move(failure));
  }
  /// That all functions of the object can rely on.
  CPULevel getLowestLevel() const {
    return options.gpu ? *getCPULevel("x86-64") : options.levels.back();
  }
  std::string getPath(StringRef extension) const {
    SmallString<128> path(options.outputDir);
    llvm::sys::path::append(path, name + extension.str());
    return std::string(path);
  }

  const CompileOptions &options;
  MLIRContext &context;
  const ProgressFn &progress;
  std::string name;
  OwningOpRef<ModuleOp> module;
  /// The last phase that the module has been through.
  Phase done = Phase::Import;
  /// The phase that is running, and the module as it was before it.
  Phase current = Phase::Import;
  OwningOpRef<ModuleOp> before;
};
} // namespace

//===----------------------------------------------------------------------===//
// The table of contents
//===----------------------------------------------------------------------===//

LogicalResult Compiler::run(CompileResult &result) {
  result.name = name = options.name.empty()
                           ? makeIdentifier(llvm::sys::path::stem(options.input), "model")
                           : options.name;
  if (!options.stopAfter)
    if (std::error_code code = llvm::sys::fs::create_directories(
            options.outputDir, /*IgnoreExisting=*/true, llvm::sys::fs::all_all))
      return error() << "cannot make the output directory '" << options.outputDir
                     << "': " << code.message();

  if (failed(load()))
    return failure();
  if (failed(runPasses(Phase::Raise, [](OpPassManager &pm) { buildRaisingPipeline(pm); })))
    return failure();
  if (options.onRaised)
    return analyse();
  if (failed(approximate()))
    return failure();
  llvm::raw_string_ostream precision(result.precision);
  printPrecisionTable(*module, precision);
  if (failed(runPasses(Phase::Optimize, [&](OpPassManager &pm) {
        buildOptimizingPipeline(pm, options.optimize);
      })))
    return failure();
  return convertAndLink(result);
}

LogicalResult Compiler::convertAndLink(CompileResult &result) {
  if (failed(runPasses(Phase::Convert,
                       [&](OpPassManager &pm) { buildConversionPipeline(pm, options.gpu ? StringRef(kGPUThread) : options.levels.front().name);
                       })))
    return failure();
  return codegenAndLink(result);
}

/// Imports an ONNX model, or takes up a module where an earlier run left it.
LogicalResult Compiler::load() {
  progress(Phase::Import);
  beginPhase(Phase::Import);
  if (StringRef(options.input).ends_with(".mlir")) {
    module = parseSourceFile<ModuleOp>(options.input, &context);
    if (!module)
      return failure();
    if (auto attr = (*module)->getAttrOfType<StringAttr>(kPhase)) {
      std::optional<Phase> phase = parsePhase(attr.getValue());
      if (!phase)
        return error() << "expected winnow.phase to name a phase, got '" << attr.getValue() << "'";
      done = *phase;
    }
  } else {
    module = importONNX(options.input, context, options.import);
    if (!module)
      return failure();
    (*module)->setAttr(kPhase, StringAttr::get(&context, stringifyPhase(Phase::Import)));
  }
  if (options.stopAfter == Phase::Import)
    return printModule(*module, options.stopOutput);
  return options.onSnapshot ? takeSnapshot(stringifyPhase(Phase::Import)) : success();
}

/// Runs a phase unless the module has been through it, and stops the compile
/// after it if the options say so.
LogicalResult Compiler::runPasses(Phase phase, llvm::function_ref<void(OpPassManager &)> build) {
  if (options.stopAfter && phase > *options.stopAfter)
    return success();
  if (phase > done) {
    progress(phase);
    beginPhase(phase);
    PassManager pm(&context);
    build(pm);
    bool isWatched = options.onSnapshot && phase < Phase::Convert;
    if (failed(isWatched ? runWatched(pm) : pm.run(*module)))
      return failure();
    (*module)->setAttr(kPhase, StringAttr::get(&context, stringifyPhase(phase)));
  }
  if (options.stopAfter == phase)
    return printModule(*module, options.stopOutput);
  return success();
}

namespace {
/// Calls back after each pass that changed the module, until a call fails.
struct AfterChange : PassInstrumentation {
  using Callback = std::function<LogicalResult(StringRef)>;
  AfterChange(Callback callback, LogicalResult &status)
      : callback(std::move(callback)), status(status) {}

  void runBeforePass(Pass *, Operation *op) override { before.emplace(op); }
  void runAfterPass(Pass *pass, Operation *op) override {
    if (succeeded(status) && isa<ModuleOp>(op) && *before != OperationFingerPrint(op))
      status = callback(pass->getArgument());
  }

  Callback callback;
  LogicalResult &status;
  std::optional<OperationFingerPrint> before;
};
} // namespace

LogicalResult Compiler::runWatched(PassManager &pm) {
  // A snapshot's own passes may be the first to need a dialect, which then may not be
  // loaded any more.
  context.loadAllAvailableDialects();
  LogicalResult status = success();
  pm.addInstrumentation(std::make_unique<AfterChange>(
      [&](StringRef pass) { return takeSnapshot(pass); }, status));
  return failure(failed(pm.run(*module)) || failed(status));
}

LogicalResult Compiler::takeSnapshot(StringRef pass, bool isExact) {
  return compileAside(Phase::Optimize, [&](StringRef directory) {
    return options.onSnapshot({directory.str(), pass.str(), *module, isExact});
  });
}

LogicalResult Compiler::compileMeasuring(ModuleOp other,
                                         llvm::function_ref<LogicalResult(StringRef)> use) {
  OptimizeOptions optimize = options.optimize;
  optimize.removePadding = optimize.exploitSparsity = false;
  return compileAside(other, optimize, Phase::Raise, use);
}

LogicalResult Compiler::analyse() {
  context.loadAllAvailableDialects();
  return options.onRaised(
      *module, [&](ModuleOp raised, llvm::function_ref<LogicalResult(StringRef)> use) {
        return compileMeasuring(raised, use);
      });
}

LogicalResult Compiler::compileAside(ModuleOp other, const OptimizeOptions &optimize, Phase done,
                                     llvm::function_ref<LogicalResult(StringRef)> use) {
  SmallString<128> directory;
  if (std::error_code code = llvm::sys::fs::createUniqueDirectory("winnow-aside", directory))
    return error() << "cannot make a temporary folder: " << code.message();
  CompileOptions own = options;
  own.onSnapshot = nullptr;
  own.onRaised = nullptr;
  own.optimize = optimize;
  own.approximations.clear();
  own.crashIn.reset();
  own.stopAfter.reset();
  own.outputDir = std::string(directory);
  own.emit = {Emit::Shared};
  own.embedWeights = false;
  ProgressFn quiet = [](Phase) {};
  Compiler compiler(own, context, quiet);
  compiler.name = name;
  compiler.module = OwningOpRef<ModuleOp>(other.clone());
  compiler.done = done;
  CompileResult result;
  LogicalResult status = compiler.runPasses(Phase::Optimize, [&](OpPassManager &pm) {
    buildOptimizingPipeline(pm, own.optimize);
  });
  if (succeeded(status))
    status = compiler.convertAndLink(result);
  if (succeeded(status))
    status = use(own.outputDir);
  llvm::sys::fs::remove_directories(directory);
  return status;
}

//===----------------------------------------------------------------------===//
// Approximations
//===----------------------------------------------------------------------===//

/// The exact model is the measure of all of them.
LogicalResult Compiler::approximate() {
  if (done >= Phase::Optimize || options.approximations.empty() ||
      (options.stopAfter && *options.stopAfter < Phase::Optimize))
    return success();
  // Snapshots and asides may be the first to need a dialect.
  context.loadAllAvailableDialects();
  if (options.judge && failed(compileAside(Phase::Raise, [&](StringRef directory) {
        return options.judge->setReference(directory);
      })))
    return failure();
  if (failed(fitApproximations()))
    return failure();
  FailureOr<SmallVector<unsigned>> order = orderApproximations();
  if (failed(order))
    return failure();
  for (unsigned number : *order) {
    const auto &[technique, argument] = options.approximations[number];
    if (failed(approximateBy(*technique, argument)))
      return failure();
  }
  dropPredictors(*module);
  return options.onSnapshot ? takeSnapshot("approximations", /*isExact=*/false) : success();
}

/// What is fitted to data is fitted to what the exact model computes on it.
LogicalResult Compiler::fitApproximations() {
  bool isObserved = false;
  for (const auto &[technique, argument] : options.approximations) {
    if (!technique->fit || !options.judge)
      continue;
    auto compile = [&](ModuleOp other, llvm::function_ref<LogicalResult(StringRef)> use) {
      return compileMeasuring(other, use);
    };
    if (!isObserved && failed(observeHiddenLayers(*module, *options.judge, compile)))
      return failure();
    isObserved = true;
    PassManager pm(&context);
    pm.addPass(technique->fit(argument));
    if (failed(pm.run(*module)))
      return failure();
  }
  return success();
}

/// Under a budget those that save most come first: what one spends of it, others cannot. Else
/// the order is that in which they were asked for.
FailureOr<SmallVector<unsigned>> Compiler::orderApproximations() {
  auto order = llvm::to_vector(llvm::seq<unsigned>(options.approximations.size()));
  if (!options.judge || !options.judge->hasBudget())
    return order;
  SmallVector<double> work;
  OwningOpRef<ModuleOp> exact = std::move(module);
  for (const auto &[technique, argument] : options.approximations) {
    module = OwningOpRef<ModuleOp>(exact->clone());
    PassManager pm(&context);
    pm.addPass(technique->create(argument, {}));
    if (failed(pm.run(*module)))
      return failure();
    work.push_back(estimateWork(*module));
  }
  module = std::move(exact);
  llvm::stable_sort(order, [&](unsigned a, unsigned b) { return work[a] < work[b]; });
  return order;
}

/// What a technique saves, for people.
static std::string describeWork(double before, double after) {
  if (!(after < before))
    return "no work is saved by the cost model";
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format("%.2g", 100 * (before - after) / before)
                                 << " % of the work is saved by the cost model";
  return text;
}

namespace {
/// An approximation at some sites.
struct Trial {
  double work;
  AccuracyJudge::Verdict verdict;
};
} // namespace

/// The sites that a budget leaves out. Each is tried alone; then, as long as the budget lasts,
/// those are taken first that save most for their share of it.
static FailureOr<SmallVector<unsigned>>
chooseOthers(unsigned count, double work,
             llvm::function_ref<FailureOr<Trial>(ArrayRef<unsigned> skip)> attempt,
             llvm::function_ref<void(unsigned site, bool isApplied, const Twine &)> report) {
  auto others = llvm::to_vector(llvm::seq<unsigned>(count));
  auto without = [&](ArrayRef<unsigned> some) {
    return llvm::filter_to_vector(
        others, [&](unsigned site) { return !llvm::is_contained(some, site); });
  };
  SmallVector<std::pair<double, unsigned>> candidates; // what they are worth
  for (unsigned site : llvm::seq<unsigned>(count)) {
    FailureOr<Trial> trial = attempt(without(site));
    if (failed(trial))
      return failure();
    std::string said = "with it alone " + describeWork(work, trial->work) + "; " + trial->verdict.error;
    report(site, trial->verdict.isWithinBudget,
           trial->verdict.isWithinBudget ? said : "over the accuracy budget, and undone: " + said);
    if (trial->verdict.isWithinBudget)
      candidates.emplace_back(
          std::max(work - trial->work, 0.0) / std::max(trial->verdict.spent, 1e-12), site);
  }
  llvm::stable_sort(candidates, [](auto &a, auto &b) { return a.first > b.first; });
  auto order = llvm::map_to_vector(candidates, [](auto &candidate) { return candidate.second; });
  // Many at a time, and fewer where that is over the budget.
  for (size_t next = 0, step = order.size(); next < order.size();) {
    auto some = ArrayRef<unsigned>(order).drop_front(next).take_front(step);
    bool isWithin = next == 0 && some.size() == 1;
    std::string error;
    if (!isWithin) {
      FailureOr<Trial> trial = attempt(without(some));
      if (failed(trial))
        return failure();
      isWithin = trial->verdict.isWithinBudget;
      error = std::move(trial->verdict.error);
    }
    if (!isWithin && some.size() > 1) {
      step = some.size() / 2;
      continue;
    }
    if (isWithin)
      others = without(some);
    else
      report(some[0], false,
             "over the accuracy budget, and undone: with it and what saves more " + error);
    next += some.size();
  }
  return others;
}

LogicalResult Compiler::approximateBy(const Approximation &technique, StringRef argument) {
  OwningOpRef<ModuleOp> exact(module->clone());
  // Applies the technique to all sites but some, and tells what it did.
  auto apply = [&](ArrayRef<unsigned> skip) -> FailureOr<SmallVector<SiteReport>> {
    module = OwningOpRef<ModuleOp>(exact->clone());
    PassManager pm(&context);
    pm.addPass(technique.create(argument, skip));
    if (failed(pm.run(*module)))
      return failure();
    SmallVector<SiteReport> applied, reports = getReports(*module);
    for (SiteReport &site : llvm::drop_begin(reports, getReports(*exact).size()))
      if (site.applied)
        applied.push_back(std::move(site));
    return applied;
  };
  auto judge = [&](AccuracyJudge::Part part) -> FailureOr<AccuracyJudge::Verdict> {
    FailureOr<AccuracyJudge::Verdict> verdict = failure();
    if (failed(compileAside(Phase::Raise, [&](StringRef directory) {
          verdict = options.judge->judge(directory, part);
          return success(succeeded(verdict));
        })))
      return failure();
    return verdict;
  };

  FailureOr<SmallVector<SiteReport>> sites = apply({});
  if (failed(sites))
    return failure();
  if (sites->empty())
    return success();
  SmallVector<SiteReport> said;
  auto say = [&](bool isApplied, const Twine &location, StringRef code, const Twine &sentence) {
    said.push_back({technique.name.str(), location.str(), isApplied, code.str(), sentence.str()});
  };
  if (!options.judge) {
    say(true, sites->front().location, "accuracy.not-measured",
        "the error of this is not measured: there is no calibration data");
    appendReports(*module, said);
    return success();
  }
  FailureOr<AccuracyJudge::Verdict> verdict = judge(AccuracyJudge::Part::Choose);
  if (failed(verdict))
    return failure();
  SmallVector<unsigned> skip;
  unsigned count = sites->size();
  if (!verdict->isWithinBudget) {
    auto attempt = [&](ArrayRef<unsigned> skip) -> FailureOr<Trial> {
      if (failed(apply(skip)))
        return failure();
      FailureOr<AccuracyJudge::Verdict> verdict = judge(AccuracyJudge::Part::Choose);
      if (failed(verdict))
        return failure();
      return Trial{estimateWork(*module), std::move(*verdict)};
    };
    auto report = [&](unsigned site, bool isApplied, const Twine &sentence) {
      say(isApplied, (*sites)[site].location, isApplied ? "accuracy.alone" : "accuracy.undone",
          sentence);
    };
    FailureOr<SmallVector<unsigned>> chosen =
        chooseOthers(count, estimateWork(*exact), attempt, report);
    if (failed(chosen))
      return failure();
    skip = std::move(*chosen);
    if (failed(apply(skip)))
      return failure();
  }
  if (skip.size() < count) {
    verdict = judge(AccuracyJudge::Part::Measure);
    if (failed(verdict))
      return failure();
    if (verdict->isWithinBudget) {
      say(true, (*sites)[0].location, "accuracy.measured",
          Twine(count - skip.size()) + " of " + Twine(count) + " sites are kept: " +
              describeWork(estimateWork(*exact), estimateWork(*module)) + "; " + verdict->error);
    } else {
      say(false, (*sites)[0].location, "accuracy.undone",
          "within the accuracy budget on the data that chose the sites, but not on other data, and "
          "undone: " + verdict->error);
      module = std::move(exact);
    }
  }
  appendReports(*module, said);
  return success();
}

LogicalResult Compiler::printModule(ModuleOp module, StringRef path) {
  auto print = [&](raw_ostream &os) -> llvm::Error {
    OpPrintingFlags flags;
    module.print(os, flags.enableDebugInfo(true, /*prettyForm=*/false));
    os << "\n";
    return llvm::Error::success();
  };
  return check(path == "-" ? print(llvm::outs()) : writeOutputFile(path, print));
}

//===----------------------------------------------------------------------===//
// From buffers to files
//===----------------------------------------------------------------------===//

/// The passes' reports, as they stand in the module.
static llvm::json::Value toJSON(Attribute attr) {
  if (auto array = dyn_cast<ArrayAttr>(attr)) {
    llvm::json::Array values;
    for (Attribute element : array)
      values.push_back(toJSON(element));
    return values;
  }
  if (auto dict = dyn_cast<DictionaryAttr>(attr)) {
    llvm::json::Object object;
    for (NamedAttribute entry : dict)
      object[entry.getName().getValue()] = toJSON(entry.getValue());
    return object;
  }
  if (auto boolean = dyn_cast<BoolAttr>(attr))
    return boolean.getValue();
  if (auto integer = dyn_cast<IntegerAttr>(attr))
    return integer.getInt();
  if (auto number = dyn_cast<FloatAttr>(attr))
    return number.getValueAsDouble();
  if (auto string = dyn_cast<StringAttr>(attr))
    return llvm::json::fixUTF8(string.getValue());
  return nullptr;
}

LogicalResult Compiler::codegenAndLink(CompileResult &result) {
  if (options.stopAfter && *options.stopAfter < Phase::Codegen)
    return success();
  if (done > Phase::Convert)
    return error() << "expected a module of phase convert or earlier, got one of phase "
                   << stringifyPhase(done) << ": give mlir-translate what Codegen left";

  // What the artefact tells about itself is read before Codegen lowers it away.
  FailureOr<std::vector<ModelInterface>> interfaces = getModelInterfaces(*module);
  FailureOr<std::vector<WeightEntry>> weights = getWeightEntries(*module);
  if (failed(interfaces) || failed(weights))
    return failure();
  for (ModelInterface &interface : *interfaces)
    interface.name = name;
  Attribute passes = (*module)->getAttr("winnow.report");
  Attribute precision = (*module)->getAttr(kPrecisionTable);
  if (options.emit.count(Emit::MLIR) && !options.stopAfter && failed(printModule(*module, getPath(".mlir"))))
    return failure();

  llvm::LLVMContext llvmContext;
  std::unique_ptr<llvm::Module> code;
  if (failed(generateCode(llvmContext, *interfaces, code)))
    return failure();
  if (options.stopAfter == Phase::Codegen)
    return success();

  progress(Phase::Link);
  beginPhase(Phase::Link);
  std::string weightsPath = getPath(".weights");
  llvm::Expected<WeightsSummary> summary = writeWeights(weightsPath, *weights);
  if (!summary)
    return check(summary.takeError());
  summary->embedded = options.embedWeights;
  if (failed(check(addDescriptors(*code, *interfaces, *summary))))
    return failure();
  if (failed(check(cpu::optimize(*code, getLowestLevel()))))
    return failure();

  if (options.emit.count(Emit::LLVMIR) && failed(emitText(Emit::LLVMIR, ".ll", *code)))
    return failure();
  if (options.emit.count(Emit::Assembly) && failed(emitText(Emit::Assembly, ".s", *code)))
    return failure();
  SmallVector<char, 0> object;
  llvm::raw_svector_ostream objectStream(object);
  if (failed(check(
          cpu::emitObject(*code, getLowestLevel(), objectStream, cpu::OutputKind::Object))))
    return failure();
  result.libraryBytes = object.size();
  result.weightsBytes = summary->bytes;

  ArtifactOptions artifacts;
  artifacts.directory = options.outputDir;
  artifacts.name = name;
  artifacts.triple = interfaces->front().triple;
  artifacts.runtimeDirectory = options.runtimeDirectory;
  if (options.embedWeights)
    artifacts.embeddedWeightsPath = weightsPath;
  for (auto [emit, kind] : {std::pair(Emit::Object, ArtifactKind::Object),
                            std::pair(Emit::Static, ArtifactKind::StaticLibrary),
                            std::pair(Emit::Shared, ArtifactKind::SharedLibrary),
                            std::pair(Emit::Executable, ArtifactKind::Executable)})
    if (options.emit.count(emit))
      artifacts.kinds.push_back(kind);
  llvm::SmallVectorMemoryBuffer buffer(std::move(object), name, /*RequiresNullTerminator=*/false);
  llvm::Expected<std::vector<ArtifactFile>> files =
      writeArtifacts(buffer.getMemBufferRef(), artifacts);
  if (!files)
    return check(files.takeError());
  if (options.embedWeights)
    llvm::sys::fs::remove(weightsPath);

  if (failed(check(writeHeader(getPath(".h"), *interfaces))))
    return failure();
  ReportData report;
  report.models = *interfaces;
  report.weights = *summary;
  report.files = *files;
  if (passes)
    report.sections.emplace_back("passes", toJSON(passes));
  if (precision)
    report.sections.emplace_back("precision", toJSON(precision));
  return check(writeReport(getPath(".json"), report));
}

/// The host's code, which is that of every CPU, and the device's as data of it.
LogicalResult Compiler::generateGPUCode(llvm::LLVMContext &context,
                                        llvm::MutableArrayRef<ModelInterface> interfaces,
                                        std::unique_ptr<llvm::Module> &code) {
  OwningOpRef<ModuleOp> converted = std::move(module);
  CPULevel level = *getCPULevel("x86-64");
  std::string assembler = winnow::gpu::findAssembler();
  for (const winnow::gpu::Chip &chip : options.gpu->chips) {
    module = OwningOpRef<ModuleOp>(converted->clone());
    if (failed(runPasses(Phase::Codegen, [&](OpPassManager &pm) {
          buildGPUPipeline(pm, chip, options.gpu->precision,
                           /*isTuned=*/!options.emit.count(Emit::Emulation));
        })))
      return failure();
    if (options.stopAfter == Phase::Codegen)
      return success();
    ModelInterface::Code::GPU own;
    own.chip = chip.name.str();
    own.precision = winnow::gpu::stringifyPrecision(options.gpu->precision).str();
    own.compute = chip.compute;
    own.isSpecific = chip.isSpecific;
    for (auto name : (*module)->getAttrOfType<ArrayAttr>(winnow::gpu::kDeviceKernels).getAsRange<StringAttr>())
      own.kernels.push_back(name.getValue().str());
    if (auto reads = (*module)->getAttrOfType<ArrayAttr>(winnow::gpu::kDeviceReads))
      for (auto place : reads.getAsRange<StringAttr>())
        own.reads.push_back(place.getValue().str());
    llvm::Expected<std::string> ptx = winnow::gpu::translateToPTX(*module, chip);
    if (!ptx)
      return check(ptx.takeError());
    own.ptx = std::move(*ptx);
    if (!assembler.empty()) {
      llvm::Expected<winnow::gpu::Assembled> assembled = winnow::gpu::assemble(assembler, own.ptx, chip);
      if (!assembled)
        return check(assembled.takeError());
      own.cubin = std::move(assembled->cubin);
    }
    if (options.emit.count(Emit::PTX) &&
        failed(check(writeOutputFile(getPath("." + own.chip + ".ptx"), [&](raw_ostream &os) {
          os << own.ptx;
          return llvm::Error::success();
        }))))
      return failure();
    if (options.emit.count(Emit::Emulation) && failed(emitEmulation(chip)))
      return failure();
    if (Operation *device = module->lookupSymbol(winnow::gpu::kDeviceModule))
      device->erase();
    std::string suffix = options.gpu->chips.size() > 1 ? "." + own.chip : "";
    for (ModelInterface &interface : interfaces)
      addGPUCode(*module, own, suffix, interface);
    if (failed(addToCode(context, level, suffix, code)))
      return failure();
  }
  return success();
}

LogicalResult Compiler::addToCode(llvm::LLVMContext &context, const CPULevel &level,
                                  StringRef suffix, std::unique_ptr<llvm::Module> &code) {
  llvm::Expected<std::unique_ptr<llvm::Module>> its =
      cpu::translateToLLVMIR(*module, context, level, suffix);
  if (!its)
    return check(its.takeError());
  if (code)
    return check(cpu::merge(*code, std::move(*its)));
  code = std::move(*its);
  return success();
}

/// An object of the kernels as functions of this machine.
LogicalResult Compiler::emitEmulation(const winnow::gpu::Chip &chip) {
  llvm::LLVMContext own;
  llvm::Expected<std::unique_ptr<llvm::Module>> code = winnow::gpu::translateForEmulation(*module, own);
  if (!code)
    return check(code.takeError());
  CPULevel level = *getCPULevel("x86-64");
  llvm::Expected<std::unique_ptr<llvm::TargetMachine>> machine = cpu::createTargetMachine(level);
  if (!machine)
    return check(machine.takeError());
  (*code)->setTargetTriple((*machine)->getTargetTriple());
  (*code)->setDataLayout((*machine)->createDataLayout());
  (*code)->setPICLevel(llvm::PICLevel::BigPIC);
  if (failed(check(cpu::optimize(**code, level))))
    return failure();
  SmallVector<char, 0> object;
  llvm::raw_svector_ostream stream(object);
  if (failed(check(cpu::emitObject(**code, level, stream, cpu::OutputKind::Object))))
    return failure();
  return check(writeOutputFile(getPath("." + chip.name.str() + ".emulated.o"),
                               [&](raw_ostream &os) {
                                 os << stream.str();
                                 return llvm::Error::success();
                               }));
}

LogicalResult Compiler::generateCode(llvm::LLVMContext &context,
                                     llvm::MutableArrayRef<ModelInterface> interfaces,
                                     std::unique_ptr<llvm::Module> &code) {
  if (options.gpu)
    return generateGPUCode(context, interfaces, code);
  OwningOpRef<ModuleOp> converted = std::move(module);
  for (const CPULevel &level : options.levels) {
    module = OwningOpRef<ModuleOp>(converted->clone());
    if (failed(runPasses(Phase::Codegen,
                         [&](OpPassManager &pm) { cpu::buildCPUPipeline(pm, {level}); })))
      return failure();
    if (options.stopAfter == Phase::Codegen)
      return success();
    std::string suffix = options.levels.size() > 1 ? "." + level.name.str() : "";
    for (ModelInterface &interface : interfaces)
      addCode(*module, level, suffix, interface);
    if (failed(addToCode(context, level, suffix, code)))
      return failure();
  }
  return success();
}

LogicalResult Compiler::emitText(Emit kind, StringRef extension, llvm::Module &code) {
  return check(writeOutputFile(getPath(extension), [&](raw_ostream &os) -> llvm::Error {
    if (kind == Emit::LLVMIR) {
      code.print(os, nullptr);
      return llvm::Error::success();
    }
    // The emitter wants a stream that knows its position.
    SmallVector<char, 0> text;
    llvm::raw_svector_ostream stream(text);
    llvm::Error error =
        cpu::emitObject(code, getLowestLevel(), stream, cpu::OutputKind::Assembly);
    os << stream.str();
    return error;
  }));
}

//===----------------------------------------------------------------------===//
// Crashes
//===----------------------------------------------------------------------===//

void Compiler::reportCrash() {
  std::string reproducer = options.input;
  if (before) {
    SmallString<128> path(options.outputDir.empty() ? "." : options.outputDir);
    llvm::sys::path::append(path, name + "-" + stringifyPhase(current) + "-reproducer.mlir");
    reproducer = std::string(path);
    if (failed(printModule(*before, path)))
      return;
  }
  // Codegen for this machine is what a compile does unasked.
  std::string cpu;
  if (options.levels.size() > 1 || options.levels.front().name != getCPULevel("native")->name)
    for (const CPULevel &level : options.levels)
      cpu += (cpu.empty() ? " --cpu=" : ",") + level.name.str();
  error() << "internal error in phase " << stringifyPhase(current)
          << ": this is a defect of winnow; 'winnow compile " << reproducer << cpu
          << "' reproduces it";
}

CompileResult winnow::compile(const CompileOptions &options, MLIRContext &context,
                              const ProgressFn &progress) {
  CompileResult result;
  Compiler compiler(options, context, progress);
  llvm::CrashRecoveryContext::Enable();
  llvm::CrashRecoveryContext recovery;
  bool survived = recovery.RunSafely([&] {
    if (succeeded(compiler.run(result)))
      result.status = CompileResult::Success;
  });
  if (!survived) {
    result.status = CompileResult::Crash;
    compiler.reportCrash();
  }
  return result;
}
