#include "Accuracy.h"

#include "ArrayNumbers.h"
#include "winnow/Driver/Run.h"
#include "winnow/abi.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"
#include <cmath>

using namespace llvm;
using namespace winnow;

//===----------------------------------------------------------------------===//
// Budgets
//===----------------------------------------------------------------------===//

namespace {
struct MetricInfo {
  Metric metric;
  StringLiteral name, label;
  bool isUpperBound;
};
constexpr MetricInfo kMetrics[] = {{Metric::RelativeL2, "rel-l2", "relative L2", true},
                                   {Metric::MaxAbs, "max-abs", "max abs", true},
                                   {Metric::Cosine, "cosine", "cosine", false},
                                   {Metric::Top1, "top1", "top-1 agreement", false},
                                   {Metric::MSEGrowth, "mse-growth", "MSE growth", true},
                                   {Metric::MAEGrowth, "mae-growth", "MAE growth", true}};

/// Whether it compares with targets and not with the exact model only.
bool needsTargets(Metric metric) {
  return metric == Metric::MSEGrowth || metric == Metric::MAEGrowth;
}
} // namespace

Expected<BudgetEntry> winnow::parseBudgetEntry(StringRef text) {
  auto [what, number] = text.rsplit('=');
  auto [output, name] = what.contains(':') ? what.rsplit(':') : std::pair(StringRef(), what);
  BudgetEntry entry;
  entry.output = output.str();
  const auto *info = find_if(
      kMetrics, [&, &name = name](const MetricInfo &metric) { return metric.name == name; });
  if (info == std::end(kMetrics) || number.getAsDouble(entry.value) || !(entry.value >= 0) ||
      (!info->isUpperBound && entry.value > 1))
    return createStringError("expected --accuracy-budget [OUTPUT:]METRIC=VALUE, where METRIC is "
                             "rel-l2, max-abs, cosine, top1, mse-growth or mae-growth, such as "
                             "rel-l2=0.01, got '" +
                             text + "'");
  entry.metric = info->metric;
  return entry;
}

//===----------------------------------------------------------------------===//
// Metrics
//===----------------------------------------------------------------------===//

namespace {
/// What the metrics of an output are made from.
struct Difference {
  double squares = 0, exactSquares = 0, gotSquares = 0, product = 0, largest = 0;
  uint64_t rows = 0, sameRows = 0;
  bool isFloat = true;
  /// Sums over the elements that have targets, of squares and of absolute values.
  struct Loss {
    double squares = 0, sizes = 0;
    void add(double value, double target);
  } loss, exactLoss;
  uint64_t targets = 0;

  void add(const Array &got, const Array &exact);
  void addTarget(const Array &got, const Array &exact, const Array &target);
  /// Of an output whose shape is another than the exact one's.
  void addOther() { squares = largest = loss.squares = loss.sizes = INFINITY, ++rows; }
  std::optional<double> get(Metric metric) const;
  void print(raw_ostream &os, const MetricInfo &info, double value) const;
};

double readNumber(const Array &array, size_t index) {
  if (const fltSemantics *semantics = getSemantics(array.dtype))
    return getFloat(array, index, *semantics);
  return static_cast<double>(
      static_cast<int64_t>(getBits(array, index, winnow_dtype_size(array.dtype))));
}
} // namespace

void Difference::Loss::add(double value, double target) {
  double difference = value - target;
  if (!std::isfinite(difference))
    difference = INFINITY;
  squares += difference * difference;
  sizes += std::fabs(difference);
}

void Difference::addTarget(const Array &got, const Array &exact, const Array &target) {
  size_t count = countElements(target.shape);
  for (size_t i = 0; i < count; ++i) {
    double truth = readNumber(target, i);
    loss.add(readNumber(got, i), truth);
    exactLoss.add(readNumber(exact, i), truth);
  }
  targets += count;
}

void Difference::add(const Array &got, const Array &exact) {
  isFloat = getSemantics(exact.dtype) != nullptr;
  size_t count = countElements(exact.shape);
  size_t columns = exact.shape.empty() ? 1 : std::max<int64_t>(exact.shape.back(), 1);
  for (size_t row = 0; row < count; row += columns) {
    size_t topGot = 0, topExact = 0;
    bool isSame = true;
    for (size_t column = 0; column < columns; ++column) {
      double x = readNumber(got, row + column), y = readNumber(exact, row + column);
      isSame &= x == y;
      if (x > readNumber(got, row + topGot))
        topGot = column;
      if (y > readNumber(exact, row + topExact))
        topExact = column;
      // What is not finite is as far away as anything, unless both are the same.
      double difference = x == y || (std::isnan(x) && std::isnan(y)) ? 0 : x - y;
      if (!std::isfinite(difference))
        difference = INFINITY;
      squares += difference * difference;
      largest = std::max(largest, std::fabs(difference));
      if (std::isfinite(x) && std::isfinite(y)) {
        exactSquares += y * y;
        gotSquares += x * x;
        product += x * y;
      }
    }
    ++rows;
    sameRows += isFloat ? topGot == topExact : isSame;
  }
}

static double getGrowth(double got, double exact) {
  return got == exact ? 0 : got / exact - 1;
}

/// Absent for what the output has none of.
std::optional<double> Difference::get(Metric metric) const {
  if (needsTargets(metric)) {
    if (targets == 0)
      return std::nullopt;
    return metric == Metric::MSEGrowth ? getGrowth(loss.squares, exactLoss.squares)
                                       : getGrowth(loss.sizes, exactLoss.sizes);
  }
  if (rows == 0 || (!isFloat && metric != Metric::Top1))
    return std::nullopt;
  switch (metric) {
  case Metric::RelativeL2:
    return squares == 0 ? 0 : std::sqrt(squares / exactSquares);
  case Metric::MaxAbs:
    return largest;
  case Metric::Cosine:
    return squares == 0 ? 1 : std::isfinite(squares) ? product / std::sqrt(exactSquares * gotSquares) : 0;
  case Metric::Top1:
    return static_cast<double>(sameRows) / rows;
  case Metric::MSEGrowth:
  case Metric::MAEGrowth:
    break;
  }
  return std::nullopt;
}

void Difference::print(raw_ostream &os, const MetricInfo &info, double value) const {
  os << info.label << " " << format("%.4g", value);
  if (!needsTargets(info.metric))
    return;
  auto get = [&](const Loss &loss) {
    return (info.metric == Metric::MSEGrowth ? loss.squares : loss.sizes) / targets;
  };
  os << ", from " << format("%.6g", get(exactLoss)) << " to " << format("%.6g", get(loss));
}

/// The share of a budget that is spent.
static double getSpent(const MetricInfo &info, double value, double budget) {
  double spent = info.isUpperBound ? value : 1 - value;
  double all = info.isUpperBound ? budget : 1 - budget;
  return spent <= 0 ? 0 : spent / all;
}

//===----------------------------------------------------------------------===//
// Data
//===----------------------------------------------------------------------===//

Expected<CalibratedJudge> CalibratedJudge::load(StringRef path, std::vector<BudgetEntry> budget) {
  CalibratedJudge judge;
  judge.budget = std::move(budget);
  std::vector<std::string> files;
  if (sys::fs::is_directory(path)) {
    std::error_code code;
    for (sys::fs::directory_iterator it(path, code), end; !code && it != end; it.increment(code))
      if (StringRef(it->path()).ends_with(".npz"))
        files.push_back(it->path());
    if (code)
      return createStringError("--calibration: cannot read '" + path + "': " + code.message());
    sort(files);
    if (files.empty())
      return createStringError("--calibration: expected .npz files in '" + path + "', got none");
  } else {
    files.push_back(path.str());
  }
  for (const std::string &file : files) {
    auto arrays = readNpz(file);
    if (!arrays)
      return createStringError("--calibration: " + toString(arrays.takeError()));
    judge.cases.push_back({file, std::move(*arrays), {}, {}});
  }
  return judge;
}

/// Runs a compiled model on all data that `isUsed` says, and calls back with the outputs of each run.
LogicalResult CalibratedJudge::forEachRun(
    StringRef directory, StringRef what, function_ref<bool(size_t run)> isUsed,
    function_ref<void(size_t run, std::vector<NamedArray> outputs)> use) const {
  auto runner = ArrayRunner::open(directory, /*threads=*/2);
  if (!runner) {
    errs() << "winnow: error: " << what << ": " << toString(runner.takeError()) << "\n";
    return failure();
  }
  for (auto [run, test] : enumerate(cases)) {
    if (!isUsed(run))
      continue;
    auto outputs = runner->run(test.inputs);
    if (!outputs) {
      errs() << "winnow: error: " << what << ": '" << test.file
             << "': " << toString(outputs.takeError()) << "\n";
      return failure();
    }
    use(run, std::move(*outputs));
  }
  return success();
}

/// Null where there is none.
static const Array *findArray(ArrayRef<NamedArray> arrays, StringRef name) {
  const auto *found = find_if(arrays, [&](auto &array) { return array.first == name; });
  return found == arrays.end() ? nullptr : &found->second;
}

/// Of arrays that no input takes, those with an output's name.
void CalibratedJudge::takeTargets(const ArrayRunner &runner) {
  std::vector<std::string> inputs = runner.inputNames(), outputs = runner.outputNames();
  for (Case &test : cases) {
    auto isTarget = [&](const NamedArray &array) {
      return is_contained(outputs, array.first) && !is_contained(inputs, array.first);
    };
    copy_if(test.inputs, std::back_inserter(test.targets), isTarget);
    erase_if(test.inputs, isTarget);
  }
}

static std::string spellShape(ArrayRef<int64_t> shape) {
  return "[" + join(map_range(shape, [](int64_t dim) { return std::to_string(dim); }), ", ") + "]";
}

/// An output has targets of its shape in every file, or in none.
Error CalibratedJudge::checkTargets() const {
  const Case &first = cases.front();
  for (const Case &test : cases)
    for (const auto &[name, output] : test.outputs) {
      const Array *target = findArray(test.targets, name);
      if (bool(target) != bool(findArray(first.targets, name)))
        return createStringError("'" + (target ? first : test).file + "': expected a target '" +
                                 name + "' as in '" + (target ? test : first).file +
                                 "', got none");
      if (target && target->shape != output.shape)
        return createStringError("'" + test.file + "': expected a target '" + name +
                                 "' of the output's shape " + spellShape(output.shape) + ", got " +
                                 spellShape(target->shape));
    }
  return Error::success();
}

Error CalibratedJudge::checkBudget() const {
  const Case &first = cases.front();
  for (const BudgetEntry &entry : budget) {
    if (!entry.output.empty() && !findArray(first.outputs, entry.output)) {
      std::string names;
      raw_string_ostream os(names);
      interleaveComma(first.outputs, os,
                      [&](const NamedArray &output) { os << "'" << output.first << "'"; });
      return createStringError("--accuracy-budget: the model has no output '" + entry.output +
                               "'; its outputs are " + names);
    }
    bool hasTargets = entry.output.empty() ? !first.targets.empty()
                                           : findArray(first.targets, entry.output) != nullptr;
    if (needsTargets(entry.metric) && !hasTargets)
      return createStringError("--accuracy-budget: expected targets in the calibration data, arrays "
                               "with the name of the output, got none");
  }
  return Error::success();
}

LogicalResult CalibratedJudge::setReference(StringRef directory) {
  auto report = [](Error error) {
    errs() << "winnow: error: " << toString(std::move(error)) << "\n";
    return failure();
  };
  {
    auto runner = ArrayRunner::open(directory, /*threads=*/2);
    if (!runner)
      return report(runner.takeError());
    takeTargets(*runner);
  }
  if (failed(forEachRun(directory, "--calibration", [](size_t) { return true; },
                        [&](size_t run, std::vector<NamedArray> outputs) {
                          cases[run].outputs = std::move(outputs);
                        })))
    return failure();
  if (Error error = checkTargets())
    return report(createStringError("--calibration: " + toString(std::move(error))));
  if (Error error = checkBudget())
    return report(std::move(error));
  return success();
}

LogicalResult
CalibratedJudge::observe(StringRef directory,
                         function_ref<void(size_t, size_t, ArrayRef<float>)> use) {
  return forEachRun(
      directory, "--calibration", [](size_t) { return true; },
      [&](size_t run, const std::vector<NamedArray> &outputs) {
        for (auto [number, output] : enumerate(outputs)) {
          const std::vector<char> &data = output.second.data;
          use(run, number, ArrayRef(reinterpret_cast<const float *>(data.data()), data.size() / 4));
        }
      });
}

FailureOr<AccuracyJudge::Verdict> CalibratedJudge::judge(StringRef directory, Part part) {
  std::vector<Difference> differences(cases.front().outputs.size());
  size_t used = 0;
  if (failed(forEachRun(
          directory, "with an approximation the model fails",
          [&](size_t run) { return cases.size() == 1 || getPart(run) == part; },
          [&](size_t run, const std::vector<NamedArray> &outputs) {
            ++used;
            for (auto [difference, got, exact] :
                 zip_equal(differences, outputs, cases[run].outputs)) {
              // Sizes that data gives may change with it.
              if (got.second.shape != exact.second.shape) {
                difference.addOther();
                continue;
              }
              difference.add(got.second, exact.second);
              if (const Array *target = findArray(cases[run].targets, got.first))
                difference.addTarget(got.second, exact.second, *target);
            }
          })))
    return failure();
  Verdict verdict;
  raw_string_ostream os(verdict.error);
  for (auto [output, difference] : zip_equal(cases.front().outputs, differences)) {
    SmallVector<std::string> parts;
    for (const MetricInfo &info : kMetrics) {
      std::optional<double> value = difference.get(info.metric);
      if (!value)
        continue;
      std::string text;
      raw_string_ostream stream(text);
      difference.print(stream, info, *value);
      for (const BudgetEntry &entry : budget) {
        if (entry.metric != info.metric || (!entry.output.empty() && entry.output != output.first))
          continue;
        bool isWithin = info.isUpperBound ? *value <= entry.value : *value >= entry.value;
        stream << (isWithin ? " (budget " : " (over the budget of ")
               << format("%.4g", entry.value) << ")";
        verdict.isWithinBudget &= isWithin;
        verdict.spent = std::max(verdict.spent, getSpent(info, *value, entry.value));
      }
      parts.push_back(std::move(text));
    }
    if (!parts.empty())
      os << "output '" << output.first << "': " << join(parts, ", ") << "; ";
  }
  os << "on " << used << (used == 1 ? " input" : " inputs");
  if (part == Part::Measure)
    os << (cases.size() == 1 ? ", which chose as well" : " that did not choose");
  return verdict;
}
