#include "Accuracy.h"
#include "Arguments.h"
#include "Verify.h"
#include "Diagnostics.h"

#include "winnow/Driver/Driver.h"
#include "winnow/Pipeline/Pipeline.h"
#include "winnow/Support/CPULevel.h"

#include "mlir/IR/MLIRContext.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/Timer.h"
#include "llvm/Support/raw_ostream.h"
#include <chrono>

using namespace llvm;
using namespace winnow;

//===----------------------------------------------------------------------===//
// Options
//===----------------------------------------------------------------------===//

bool winnow::parseDim(StringRef text, ImportOptions::DimOverride &dim) {
  auto [name, range] = text.rsplit('=');
  auto [low, high] = range.split("..");
  if (name.empty() || low.getAsInteger(10, dim.min) || dim.min < 0)
    return false;
  dim.name = name.str();
  dim.max = dim.min;
  if (range.contains(".."))
    return !high.getAsInteger(10, dim.max) && dim.max >= dim.min;
  return true;
}

/// The techniques that were asked for by name, or all of them if there is a budget.
static int parseApproximations(const opt::InputArgList &args, CompileOptions &options) {
  for (const std::string &text : args.getAllArgValues(OPT_approximate)) {
    auto [name, argument] = StringRef(text).split('=');
    const auto *known = find_if(getApproximations(), [&, &name = name](const Approximation &technique) {
      return technique.name == name;
    });
    if (known == getApproximations().end()) {
      SmallVector<StringRef> names;
      for (const Approximation &technique : getApproximations())
        names.push_back(technique.name);
      return reportUsage("expected --approximate " + join(names, " or ") + ", got '" + name + "'");
    }
    if (argument.empty())
      argument = known->argument;
    if (!known->create(argument, {}))
      return reportUsage("expected --approximate=" + name + "=" + known->expected + ", got '" +
                         argument + "'");
    if (known->fit && !args.hasArg(OPT_calibration))
      return reportUsage("expected --calibration with --approximate=" + name +
                         ": data that it is fitted to");
    options.approximations.emplace_back(known, argument.str());
  }
  bool hasBudget = args.hasArg(OPT_accuracy_budget);
  if (hasBudget && !args.hasArg(OPT_calibration))
    return reportUsage("expected --calibration with --accuracy-budget: data to measure on");
  if (hasBudget && options.approximations.empty())
    for (const Approximation &technique : getApproximations())
      if (!technique.argument.empty())
        options.approximations.emplace_back(&technique, technique.argument.str());
  if (args.hasArg(OPT_calibration) && options.approximations.empty())
    return reportUsage("expected --approximate or --accuracy-budget with --calibration");
  return kExitSuccess;
}

/// What computes: the CPU, or chips in a precision.
static int parseTarget(const opt::InputArgList &args, CompileOptions &options) {
  StringRef target = args.getLastArgValue(OPT_target, "cpu");
  if (target != "cpu" && target != "cuda")
    return reportUsage("expected --target cpu or cuda, got '" + target + "'");
  if (target == "cpu") {
    for (auto [option, name] : {std::pair(OPT_chip, "chip"), {OPT_precision, "precision"}})
      if (args.hasArg(option))
        return reportUsage("expected --target=cuda with --" + Twine(name));
    return kExitSuccess;
  }
  if (args.hasArg(OPT_cpu))
    return reportUsage("expected no --cpu with --target=cuda, whose host code suits every CPU");
  Expected<std::vector<gpu::Chip>> chips =
      gpu::parseChips(args.getLastArgValue(OPT_chip, "sm_80,sm_90a"));
  if (!chips)
    return reportUsage(toString(chips.takeError()));
  StringRef name = args.getLastArgValue(OPT_precision, "fp32");
  std::optional<gpu::Precision> precision = gpu::parsePrecision(name);
  if (!precision)
    return reportUsage("expected --precision fp32, tf32, bf16 or fp16, got '" + name + "'");
  options.gpu = CompileOptions::GPU{std::move(*chips), *precision};
  return kExitSuccess;
}

/// Fills the options, or says what is wrong with them and returns the code.
static int parseOptions(const opt::InputArgList &args, ArrayRef<std::string> positional,
                        CompileOptions &options) {
  if (positional.size() != 1)
    return reportUsage("expected one model, got " + Twine(positional.size()));
  options.input = positional.front();
  options.name = args.getLastArgValue(OPT_name).str();
  if (!options.name.empty() &&
      (isDigit(options.name[0]) ||
       !all_of(options.name, [](char c) { return isAlnum(c) || c == '_'; })))
    return reportUsage("expected --name to be a C identifier, got '" + options.name + "'");
  Expected<std::vector<CPULevel>> levels = parseCPULevels(args.getLastArgValue(OPT_cpu, "native"));
  if (!levels)
    return reportUsage(toString(levels.takeError()));
  options.levels = std::move(*levels);
  if (int code = parseTarget(args, options))
    return code;
  if (args.hasArg(OPT_emit)) {
    options.emit.clear();
    SmallVector<StringRef> kinds;
    args.getLastArgValue(OPT_emit).split(kinds, ',');
    for (StringRef kind : kinds) {
      std::optional<Emit> emit = parseEmit(kind);
      if (!emit)
        return reportUsage("expected --emit obj, static, shared, exe, llvm-ir, asm, mlir or ptx, got '" +
                           kind + "'");
      options.emit.insert(*emit);
    }
    // Emulation is for tests.
    if ((options.emit.count(Emit::PTX) || options.emit.count(Emit::Emulation)) && !options.gpu)
      return reportUsage("expected --target=cuda with --emit ptx");
  }
  if (int code = parseImportOptions(args, options.import))
    return code;
  if (const opt::Arg *arg = args.getLastArg(OPT_seed);
      arg && StringRef(arg->getValue()).getAsInteger(10, options.import.seed))
    return reportUsage("expected --seed to be a number from 0 to 4294967295, got '" +
                       Twine(arg->getValue()) + "'");
  for (auto [option, name, isUsed] :
       {std::tuple(OPT_remove_padding, "remove-padding", &options.optimize.removePadding),
        std::tuple(OPT_exploit_sparsity, "exploit-sparsity", &options.optimize.exploitSparsity)}) {
    StringRef value = args.getLastArgValue(option, "auto");
    if (value != "auto" && value != "off")
      return reportUsage("expected --" + Twine(name) + " auto or off, got '" + value + "'");
    *isUsed = value == "auto";
  }
  // Its kernels list what is not zero, on one thread of the CPU.
  if (options.gpu) {
    if (args.hasArg(OPT_exploit_sparsity) && options.optimize.exploitSparsity)
      return reportUsage("expected no --exploit-sparsity=auto with --target=cuda, which computes zeros too; "
                         "leave it out");
    options.optimize.exploitSparsity = false;
  }
  if (int code = parseApproximations(args, options))
    return code;
  options.optimize.dropBias = args.hasArg(OPT_drop_bias);
  options.outputDir = args.getLastArgValue(OPT_output_dir).str();
  if (const opt::Arg *arg = args.getLastArg(OPT_stop_after)) {
    options.stopAfter = parsePhase(arg->getValue());
    if (!options.stopAfter || *options.stopAfter == Phase::Link)
      return reportUsage("expected --stop-after import, raise, optimize, convert or codegen, got '" +
                         Twine(arg->getValue()) + "'");
    if (options.stopAfter == Phase::Codegen && options.gpu && options.gpu->chips.size() > 1)
      return reportUsage("expected one chip of --chip with --stop-after codegen, got '" +
                         args.getLastArgValue(OPT_chip, "sm_80,sm_90a") + "'");
    if (options.stopAfter == Phase::Codegen && options.levels.size() > 1)
      return reportUsage("expected one level of --cpu with --stop-after codegen, got '" +
                         args.getLastArgValue(OPT_cpu) + "'");
    options.stopOutput = options.outputDir.empty() ? "-" : options.outputDir;
    options.outputDir.clear();
  } else if (options.outputDir.empty()) {
    return reportUsage("expected -o DIR, the folder for the results");
  }
  if (const opt::Arg *arg = args.getLastArg(OPT_crash_in))
    options.crashIn = parsePhase(arg->getValue());
  options.embedWeights = args.hasArg(OPT_embed_weights);
  options.runtimeDirectory = args.getLastArgValue(OPT_runtime_dir).str();
  return kExitSuccess;
}

//===----------------------------------------------------------------------===//
// winnow compile
//===----------------------------------------------------------------------===//

int winnow::runCompile(const opt::InputArgList &args, ArrayRef<std::string> positional) {
  CompileOptions options;
  if (int code = parseOptions(args, positional, options))
    return code;
  bool quiet = args.hasArg(OPT_quiet);
  if (!sys::fs::exists(options.input)) {
    errs() << "winnow: error: cannot open '" << options.input << "': no such file\n";
    return kExitFailure;
  }

  std::optional<CalibratedJudge> judge;
  if (const opt::Arg *arg = args.getLastArg(OPT_calibration)) {
    std::vector<BudgetEntry> budget;
    for (const std::string &text : args.getAllArgValues(OPT_accuracy_budget)) {
      Expected<BudgetEntry> entry = parseBudgetEntry(text);
      if (!entry)
        return reportUsage(toString(entry.takeError()));
      budget.push_back(std::move(*entry));
    }
    Expected<CalibratedJudge> loaded = CalibratedJudge::load(arg->getValue(), std::move(budget));
    if (!loaded) {
      errs() << "winnow: error: " << toString(loaded.takeError()) << "\n";
      return kExitFailure;
    }
    options.judge = &judge.emplace(std::move(*loaded));
  }

  mlir::DialectRegistry registry;
  registerDialects(registry);
  // One thread: the passes work on one function, and the order of what they
  // report must not depend on timing.
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  context.getDiagEngine().registerHandler([&](mlir::Diagnostic &diagnostic) {
    printDiagnostic(diagnostic, quiet);
    return mlir::success();
  });

  Verifier verifier(args.getLastArgValue(OPT_verify_eq));
  bool isVerified = args.hasArg(OPT_verify, OPT_verify_eq);
  if (isVerified)
    options.onSnapshot = [&](const Snapshot &snapshot) { return verifier.check(snapshot); };

  using Clock = std::chrono::steady_clock;
  auto seconds = [](Clock::time_point since) {
    return std::chrono::duration<double>(Clock::now() - since).count();
  };
  bool progress = !quiet && sys::Process::StandardErrIsDisplayed();
  Clock::time_point start = Clock::now(), phaseStart = start;
  std::optional<Phase> current;
  auto finishPhase = [&] {
    if (progress && current)
      errs() << format("  %-8s %6.2f s\n", stringifyPhase(*current).str().c_str(),
                       seconds(phaseStart));
  };
  CompileResult result = compile(options, context, [&](Phase phase) {
    finishPhase();
    current = phase;
    phaseStart = Clock::now();
  });
  finishPhase();
  if (result.status != CompileResult::Success)
    return result.status == CompileResult::Crash || verifier.foundDefect() ? kExitInternal
                                                                           : kExitFailure;
  if (isVerified && !quiet)
    errs() << "verified " << verifier.summarize() << "\n";
  if (!quiet)
    errs() << result.precision;
  if (!options.stopAfter && !quiet)
    errs() << format("compiled %s in %.2f s: %.1f KB of code and constants, %.1f MB of weights, in %s\n",
                     result.name.c_str(), seconds(start), result.libraryBytes / 1e3,
                     result.weightsBytes / 1e6, options.outputDir.c_str());
  return kExitSuccess;
}
