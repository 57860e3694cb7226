//===- Calibrate.cpp - winnow calibrate -----------------------------------===//

#include "Arguments.h"
#include "Diagnostics.h"
#include "Perturbation.h"
#include "Ranges.h"
#include "Samples.h"

#include "winnow/Dialect/Winnow/IR/Entries.h"
#include "winnow/Dialect/Winnow/Transforms/CalibrationFile.h"
#include "winnow/Dialect/Winnow/Transforms/Sites.h"
#include "winnow/Driver/Driver.h"
#include "winnow/Driver/Run.h"
#include "winnow/Pipeline/Pipeline.h"
#include "winnow/Support/OutputFile.h"
#include "winnow/abi.h"

#include "mlir/Pass/PassManager.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"
#include "llvm/Support/raw_ostream.h"
#include <chrono>
#include <cmath>

using namespace llvm;
using namespace winnow;

namespace {
struct CalibrateOptions {
  std::string output, start = "auto";
  std::vector<int> widths = {4, 6, 8};
  int samples = 0, sensitivitySamples = 4, threads = 0;
  /// Widths of all sites, to be tried on the data, and where the outputs go.
  std::vector<std::vector<int>> assignments;
  std::string assignmentOutputs;
  /// What is known of channels, in place of what the data says.
  std::optional<CalibrationFile> known;
  std::string moments; ///< the file where they go; and how the result names it
  std::string momentsName;
  bool quiet = false;
};

/// What is found out about a site.
struct SiteResult {
  double relevanceIn = 0, relevanceOut = 0;
  std::vector<Ranges> activations;
  std::vector<double> errors; ///< at each width
  std::vector<float> moments; ///< the lower triangle of E[x x^T], or nothing
};

class Calibration {
public:
  Calibration(const CalibrateOptions &options, Samples samples)
      : options(options), samples(std::move(samples)) {}

  LogicalResult run(mlir::ModuleOp raised, CompileAside compile);
  void write(raw_ostream &os) const;

private:
  LogicalResult propagate(mlir::ModuleOp raised, CompileAside compile);
  LogicalResult collectMoments(mlir::ModuleOp raised, CompileAside compile);
  LogicalResult perturb(mlir::ModuleOp raised, CompileAside compile);
  Error measureSensitivity(mlir::func::FuncOp entry, Perturbation &perturbation,
                           ArrayRunner &runner);
  Error measureAssignments(mlir::func::FuncOp entry, Perturbation &perturbation,
                           ArrayRunner &runner);
  /// Runs a pass on a copy of the module and compiles it.
  LogicalResult compileWith(mlir::ModuleOp raised, std::unique_ptr<mlir::Pass> pass,
                            CompileAside compile,
                            function_ref<Error(mlir::ModuleOp, ArrayRunner &)> use);
  void say(StringRef what, size_t done, size_t all = 0);
  void finishSaying() {
    if (isSaying)
      errs() << "\n";
    isSaying = false;
  }

  const CalibrateOptions &options;
  Samples samples;
  std::vector<PrecisionSite> sites;
  std::vector<SiteResult> results;
  std::string output, start;
  size_t runs = 0, sensitivityRuns = 0;
  double entering = 0, leaving = 0, loss = 0;
  bool isSaying = false;
  std::chrono::steady_clock::time_point lastSaid;
};
} // namespace

void Calibration::say(StringRef what, size_t done, size_t all) {
  if (options.quiet)
    return;
  auto now = std::chrono::steady_clock::now();
  bool isDisplay = sys::Process::StandardErrIsDisplayed();
  // A log gets a line every ten seconds.
  if (isSaying && done != all &&
      now - lastSaid < std::chrono::milliseconds(isDisplay ? 100 : 10000))
    return;
  lastSaid = now;
  if (isSaying)
    errs() << (isDisplay ? "\r" : "\n");
  isSaying = true;
  errs() << "  " << what << ": " << done;
  if (all)
    errs() << " of " << all;
}

LogicalResult Calibration::compileWith(mlir::ModuleOp raised, std::unique_ptr<mlir::Pass> pass,
                                       CompileAside compile,
                                       function_ref<Error(mlir::ModuleOp, ArrayRunner &)> use) {
  mlir::OwningOpRef<mlir::ModuleOp> module(raised.clone());
  mlir::PassManager pm(raised.getContext());
  pm.addPass(std::move(pass));
  if (failed(pm.run(*module)))
    return failure();
  return compile(*module, [&](StringRef directory) -> LogicalResult {
    auto runner = ArrayRunner::open(directory, options.threads);
    Error error = runner ? use(*module, *runner) : runner.takeError();
    finishSaying();
    if (!error)
      return success();
    errs() << "winnow: error: --data: " << toString(std::move(error)) << "\n";
    return failure();
  });
}

static ArrayRef<float> getF32(const Array &array) {
  return ArrayRef(reinterpret_cast<const float *>(array.data.data()),
                  array.data.size() / sizeof(float));
}

//===----------------------------------------------------------------------===//
// Relevance and ranges
//===----------------------------------------------------------------------===//

LogicalResult Calibration::propagate(mlir::ModuleOp raised, CompileAside compile) {
  PropagateRelevanceOptions pass;
  pass.output = options.output;
  pass.start = options.start;
  mlir::func::FuncOp entry = getMainEntry(raised);
  return compileWith(
      raised, createPropagateRelevance(pass), compile,
      [&](mlir::ModuleOp module, ArrayRunner &runner) {
        auto from = module->getAttrOfType<mlir::DictionaryAttr>("winnow.relevance_start");
        output = from.getAs<mlir::StringAttr>("output").str();
        start = from.getAs<mlir::StringAttr>("start").str();
        return samples.forEach(
            entry, options.samples, [&](std::vector<NamedArray> inputs) -> Error {
              auto outputs = runner.run(inputs);
              if (!outputs)
                return outputs.takeError();
              ArrayRef<float> sums = getF32(outputs->front().second);
              if (!all_of(sums, [](float value) { return std::isfinite(value); }))
                return createStringError(
                    "expected finite relevance, got infinities or NaN in sample " + Twine(runs));
              entering += sums[0];
              leaving += sums[1];
              loss = std::max<double>(loss, std::fabs(sums[1] - sums[0]) /
                                                std::max(std::fabs(sums[0]), 1e-30f));
              for (size_t site = 0; site < sites.size(); ++site) {
                results[site].relevanceIn += sums[2 + 2 * site];
                results[site].relevanceOut += sums[3 + 2 * site];
              }
              for (const auto &[name, array] : *outputs) {
                StringRef rest = name;
                unsigned site, part;
                if (rest.consume_front("winnow.activation.") && !rest.consumeInteger(10, site) &&
                    rest.consume_front(".") && !rest.getAsInteger(10, part))
                  results[site].activations[part].add(array);
              }
              say("relevance and ranges, samples", ++runs);
              return Error::success();
            });
      });
}

//===----------------------------------------------------------------------===//
// Moments
//===----------------------------------------------------------------------===//

LogicalResult Calibration::collectMoments(mlir::ModuleOp raised, CompileAside compile) {
  mlir::func::FuncOp entry = getMainEntry(raised);
  size_t done = 0;
  auto collect = [&](mlir::ModuleOp, ArrayRunner &runner) {
    return samples.forEach(entry, options.samples, [&](std::vector<NamedArray> inputs) -> Error {
      auto outputs = runner.run(inputs);
      if (!outputs)
        return outputs.takeError();
      for (const auto &[name, array] : *outputs) {
        StringRef rest = name;
        size_t site;
        if (!rest.consume_front("winnow.moments.") || rest.getAsInteger(10, site))
          continue;
        ArrayRef<float> values = getF32(array);
        std::vector<float> &sums = results[site].moments;
        int64_t width = sites[site].inputs;
        sums.resize(InputMoments::countElements(width));
        for (int64_t i = 0; i < width; ++i)
          for (int64_t j = 0; j <= i; ++j)
            sums[InputMoments::countElements(i) + j] += values[i * width + j];
      }
      say("moments, samples", ++done, runs);
      return Error::success();
    });
  };
  if (any_of(sites, hasMoments)) {
    if (failed(compileWith(raised, createExposeMoments(), compile, collect)))
      return failure();
  } else if (!options.quiet) {
    errs() << "winnow: note: no moments: expected linear layers of f32 with at most " << kMostMomentInputs
           << " inputs\n";
  }
  for (SiteResult &result : results)
    for (float &sum : result.moments)
      sum /= std::max<uint64_t>(result.activations.front().getNumRows(), 1);
  Error error = writeOutputFile(options.moments, [&](raw_ostream &os) {
    for (const SiteResult &result : results)
      os.write(reinterpret_cast<const char *>(result.moments.data()), result.moments.size() * sizeof(float));
    return Error::success();
  });
  if (!error)
    return success();
  errs() << "winnow: error: cannot write '" << options.moments << "': " << toString(std::move(error)) << "\n";
  return failure();
}

//===----------------------------------------------------------------------===//
// Sensitivity
//===----------------------------------------------------------------------===//

LogicalResult Calibration::perturb(mlir::ModuleOp raised, CompileAside compile) {
  FailureOr<Perturbation> perturbation = Perturbation::create(sites);
  if (failed(perturbation))
    return failure();
  for (auto [number, result] : enumerate(results)) {
    if (!perturbation->hasWeight(number))
      continue;
    if (!options.known)
      perturbation->setChannels(number, result.activations.front().getAbsMaxima(),
                                result.activations.front().getMeans(), result.moments);
    else if (const CalibratedSite *known = options.known->find(sites[number].name))
      perturbation->setChannels(number, known->maxima, known->means, known->moments);
  }
  mlir::func::FuncOp entry = getMainEntry(raised);
  return compileWith(raised, createExposeWeights(), compile,
                     [&](mlir::ModuleOp, ArrayRunner &runner) -> Error {
                       if (Error error = measureAssignments(entry, *perturbation, runner))
                         return error;
                       return measureSensitivity(entry, *perturbation, runner);
                     });
}

Error Calibration::measureSensitivity(mlir::func::FuncOp entry, Perturbation &perturbation,
                                      ArrayRunner &runner) {
  if (options.sensitivitySamples == 0 || options.widths.empty())
    return Error::success();
  std::vector<std::vector<NamedArray>> inputs;
  std::vector<Array> exact;
  double squares = 0;
  if (Error error = samples.forEach(
          entry, options.sensitivitySamples, [&](std::vector<NamedArray> sample) -> Error {
            auto result = perturbation.run(runner, sample, output);
            if (!result)
              return result.takeError();
            for (float value : getF32(*result))
              squares += double(value) * value;
            inputs.push_back(std::move(sample));
            exact.push_back(std::move(*result));
            return Error::success();
          }))
    return error;
  sensitivityRuns = inputs.size();
  size_t all = options.widths.size() * count_if(seq<size_t>(sites.size()), [&](size_t site) {
                 return perturbation.hasWeight(site);
               });
  size_t done = 0;
  for (size_t site = 0; site < sites.size(); ++site) {
    if (!perturbation.hasWeight(site))
      continue;
    for (int width : options.widths) {
      perturbation.setWidth(site, width);
      double difference = 0;
      for (auto [sample, right] : zip_equal(inputs, exact)) {
        auto result = perturbation.run(runner, sample, output);
        if (!result)
          return result.takeError();
        for (auto [got, expected] : zip(getF32(*result), getF32(right)))
          difference += (double(got) - expected) * (double(got) - expected);
      }
      results[site].errors.push_back(squares > 0 ? std::sqrt(difference / squares) : 0);
      say("sensitivity, sites and widths", ++done, all);
    }
    perturbation.setWidth(site, 32);
  }
  return Error::success();
}

/// The output of all samples one after the other, for each assignment; the exact one first.
Error Calibration::measureAssignments(mlir::func::FuncOp entry, Perturbation &perturbation,
                                      ArrayRunner &runner) {
  if (options.assignments.empty())
    return Error::success();
  std::vector<NamedArray> all;
  for (size_t number = 0; number <= options.assignments.size(); ++number) {
    for (size_t site = 0; number > 0 && site < sites.size(); ++site)
      perturbation.setWidth(site, options.assignments[number - 1][site]);
    NamedArray joined{number == 0 ? "exact" : std::to_string(number - 1), {}};
    if (Error error = samples.forEach(
            entry, options.samples, [&](std::vector<NamedArray> sample) -> Error {
              auto result = perturbation.run(runner, sample, output);
              if (!result)
                return result.takeError();
              // Along a new first dimension.
              Array &array = joined.second;
              result->shape.insert(result->shape.begin(), 1);
              if (array.shape.empty()) {
                array = std::move(*result);
                return Error::success();
              }
              if (!std::equal(array.shape.begin() + 1, array.shape.end(),
                              result->shape.begin() + 1, result->shape.end()))
                return createStringError("expected outputs of one shape with --assignments");
              ++array.shape[0];
              array.data.insert(array.data.end(), result->data.begin(), result->data.end());
              return Error::success();
            }))
      return error;
    all.push_back(std::move(joined));
    say("assignments", number, options.assignments.size());
  }
  for (size_t site = 0; site < sites.size(); ++site)
    perturbation.setWidth(site, 32);
  return writeNpz(options.assignmentOutputs, all);
}

//===----------------------------------------------------------------------===//
// All of it
//===----------------------------------------------------------------------===//

LogicalResult Calibration::run(mlir::ModuleOp raised, CompileAside compile) {
  mlir::func::FuncOp entry = getMainEntry(raised);
  for (PrecisionSite &site : getPrecisionSites(entry))
    sites.push_back(std::move(site));
  results.resize(sites.size());
  for (auto [site, result] : zip_equal(sites, results))
    result.activations.resize(site.activations.size());
  if (failed(propagate(raised, compile)))
    return failure();
  for (const std::vector<int> &widths : options.assignments)
    if (widths.size() != sites.size()) {
      errs() << "winnow: error: --assignments: expected a width for each of " << sites.size()
             << " sites, got " << widths.size() << "\n";
      return failure();
    }
  if (!options.moments.empty() && failed(collectMoments(raised, compile)))
    return failure();
  if (options.assignments.empty() && (options.sensitivitySamples == 0 || options.widths.empty()))
    return success();
  // A model of other floats is measured by its relevance only.
  bool isF32 = all_of(sites, [](const PrecisionSite &site) {
    return !site.weight || mlir::getElementTypeOrSelf(site.weight->get()).isF32();
  });
  if (!isF32) {
    errs() << "winnow: note: sensitivity is not measured: expected weights of f32\n";
    return success();
  }
  return perturb(raised, compile);
}

void Calibration::write(raw_ostream &os) const {
  double sumIn = 0, sumOut = 0;
  for (const SiteResult &result : results)
    sumIn += result.relevanceIn, sumOut += result.relevanceOut;
  json::OStream json(os, /*IndentSize=*/1);
  auto share = [](double part, double all) { return all > 0 ? part / all : 0; };
  double n = std::max<size_t>(runs, 1);
  json.object([&] {
    json.attribute("format", "winnow.calibration");
    json.attribute("version", 1);
    json.attribute("samples", static_cast<int64_t>(runs));
    if (!options.moments.empty())
      json.attribute("moments", options.momentsName);
    json.attributeObject("relevance", [&] {
      json.attribute("output", output);
      json.attribute("start", start);
      json.attribute("entering", entering / n);
      json.attribute("leaving", leaving / n);
      json.attribute("largest_relative_loss", loss);
    });
    json.attribute("sensitivity_samples", static_cast<int64_t>(sensitivityRuns));
    int64_t place = 0;
    json.attributeArray("sites", [&] {
      for (auto [site, result] : zip_equal(sites, results))
        json.object([&, &site = site, &result = result] {
          json.attribute("name", site.name);
          json.attribute("kind", site.kind);
          json.attribute("inputs", site.inputs);
          json.attribute("outputs", site.outputs);
          if (!result.moments.empty())
            json.attribute("moments", place);
          place += result.moments.size();
          // For people to set: the width that the site gets whatever the budget.
          json.attribute("pin", nullptr);
          json.attributeObject("relevance", [&] {
            json.attribute("in", share(result.relevanceIn, sumIn));
            json.attribute("out", share(result.relevanceOut, sumOut));
            json.attribute("sum_in", result.relevanceIn / n);
            json.attribute("sum_out", result.relevanceOut / n);
          });
          json.attributeObject("sensitivity", [&] {
            for (auto [width, error] : zip(options.widths, result.errors))
              json.attribute(std::to_string(width), error);
          });
          json.attributeBegin("activations");
          json.arrayBegin();
          for (const Ranges &ranges : result.activations)
            json.rawValue([&](raw_ostream &stream) { stream << ranges.toJSON(); });
          json.arrayEnd();
          json.attributeEnd();
        });
    });
  });
  os << "\n";
}

//===----------------------------------------------------------------------===//
// winnow calibrate
//===----------------------------------------------------------------------===//

static int parseOptions(const opt::InputArgList &args, CalibrateOptions &options) {
  options.output = args.getLastArgValue(OPT_relevance_output).str();
  options.start = args.getLastArgValue(OPT_start, "auto").str();
  if (options.start != "auto" && options.start != "logit" && options.start != "value")
    return reportUsage("expected --start auto, logit or value, got '" + options.start + "'");
  for (auto [id, name, value] :
       {std::tuple(OPT_samples, "samples", &options.samples),
        std::tuple(OPT_sensitivity_samples, "sensitivity-samples", &options.sensitivitySamples),
        std::tuple(OPT_threads, "threads", &options.threads)})
    if (const opt::Arg *arg = args.getLastArg(id);
        arg && (StringRef(arg->getValue()).getAsInteger(10, *value) || *value < 0))
      return reportUsage("expected --" + Twine(name) + " to be a number, got '" +
                         Twine(arg->getValue()) + "'");
  if (const opt::Arg *arg = args.getLastArg(OPT_widths)) {
    options.widths.clear();
    SmallVector<StringRef> words;
    StringRef(arg->getValue()).split(words, ',');
    for (StringRef word : words) {
      int width;
      if (word.getAsInteger(10, width) || width < 2 || width > 8)
        return reportUsage("expected --widths to be numbers from 2 to 8, got '" +
                           Twine(arg->getValue()) + "'");
      options.widths.push_back(width);
    }
  }
  options.quiet = args.hasArg(OPT_quiet);
  auto readJSON = [&](unsigned id, StringRef name, const Twine &what, auto &result) -> int {
    const opt::Arg *arg = args.getLastArg(id);
    if (!arg)
      return kExitSuccess;
    auto buffer = MemoryBuffer::getFile(arg->getValue());
    auto parsed = buffer ? json::parse((*buffer)->getBuffer())
                         : Expected<json::Value>(errorCodeToError(buffer.getError()));
    json::Path::Root path;
    if (parsed && fromJSON(*parsed, result, path))
      return kExitSuccess;
    std::string reason = parsed ? "" : ": " + toString(parsed.takeError());
    return reportUsage("expected --" + name + " to name a JSON file of " + what + ", got '" +
                       Twine(arg->getValue()) + "'" + reason);
  };
  if (int code = readJSON(OPT_assignments, "assignments", "lists of widths", options.assignments))
    return code;
  if (const opt::Arg *arg = args.getLastArg(OPT_assignment_calibration)) {
    auto known = CalibrationFile::read(arg->getValue());
    if (!known)
      return reportUsage("--assignment-calibration: " + toString(known.takeError()));
    options.known = std::move(*known);
  }
  options.moments = args.getLastArgValue(OPT_moments).str();
  if (!options.moments.empty()) {
    SmallString<128> path(options.moments);
    StringRef beside = sys::path::parent_path(args.getLastArgValue(OPT_output_dir));
    // Beside the result, or wherever the result is put.
    if (args.hasArg(OPT_output_dir) && sys::path::parent_path(path) == beside)
      path = sys::path::filename(options.moments);
    else if (std::error_code error = sys::fs::make_absolute(path))
      return reportUsage("--moments: cannot find the working directory: " + error.message());
    options.momentsName = path.str().str();
  }
  if (!options.assignments.empty()) {
    options.assignmentOutputs = args.getLastArgValue(OPT_assignment_outputs).str();
    if (options.assignmentOutputs.empty())
      return reportUsage("expected --assignment-outputs=FILE.npz with --assignments");
  }
  return kExitSuccess;
}

int winnow::runCalibrate(const opt::InputArgList &args, ArrayRef<std::string> positional) {
  if (positional.size() != 1)
    return reportUsage("expected one model, got " + Twine(positional.size()));
  CalibrateOptions options;
  CompileOptions compileOptions;
  if (int code = parseOptions(args, options))
    return code;
  if (int code = parseImportOptions(args, compileOptions.import))
    return code;
  if (!args.hasArg(OPT_data))
    return reportUsage("expected --data FILE.npz or a folder of such");
  std::string path = args.getLastArgValue(OPT_output_dir, "-").str();
  compileOptions.input = positional.front();
  compileOptions.runtimeDirectory = args.getLastArgValue(OPT_runtime_dir).str();
  // Nothing is left behind but the file.
  compileOptions.outputDir = ".";
  compileOptions.name = "calibrated";
  if (!sys::fs::exists(compileOptions.input)) {
    errs() << "winnow: error: cannot open '" << compileOptions.input << "': no such file\n";
    return kExitFailure;
  }
  auto samples = Samples::open(args.getLastArgValue(OPT_data));
  if (!samples) {
    errs() << "winnow: error: --data: " << toString(samples.takeError()) << "\n";
    return kExitFailure;
  }
  Calibration calibration(options, std::move(*samples));
  Error written = Error::success();
  // The sites point into the module.
  compileOptions.onRaised = [&](mlir::ModuleOp raised, CompileAside compile) -> LogicalResult {
    if (failed(calibration.run(raised, compile)))
      return failure();
    auto print = [&](raw_ostream &os) {
      calibration.write(os);
      return Error::success();
    };
    written = path == "-" ? print(outs()) : writeOutputFile(path, print);
    return success();
  };

  mlir::DialectRegistry registry;
  registerDialects(registry);
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  context.getDiagEngine().registerHandler([&](mlir::Diagnostic &diagnostic) {
    printDiagnostic(diagnostic, options.quiet);
    return mlir::success();
  });
  CompileResult result = compile(compileOptions, context, [](Phase) {});
  if (written) {
    errs() << "winnow: error: cannot write '" << path << "': " << toString(std::move(written))
           << "\n";
    return kExitFailure;
  }
  if (result.status == CompileResult::Success)
    return kExitSuccess;
  return result.status == CompileResult::Crash ? kExitInternal : kExitFailure;
}
