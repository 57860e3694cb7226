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
                                   {Metric::Top1, "top1", "top-1 agreement", false}};
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
                             "rel-l2, max-abs, cosine or top1, such as rel-l2=0.01, got '" +
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

  void add(const Array &got, const Array &exact);
  std::optional<double> get(Metric metric) const;
};
} // namespace

void Difference::add(const Array &got, const Array &exact) {
  const fltSemantics *semantics = getSemantics(exact.dtype);
  isFloat = semantics != nullptr;
  size_t size = winnow_dtype_size(exact.dtype), count = countElements(exact.shape);
  size_t columns = exact.shape.empty() ? 1 : std::max<int64_t>(exact.shape.back(), 1);
  auto read = [&](const Array &array, size_t index) {
    return semantics ? getFloat(array, index, *semantics)
                     : static_cast<double>(static_cast<int64_t>(getBits(array, index, size)));
  };
  for (size_t row = 0; row < count; row += columns) {
    size_t topGot = 0, topExact = 0;
    bool isSame = true;
    for (size_t column = 0; column < columns; ++column) {
      double x = read(got, row + column), y = read(exact, row + column);
      isSame &= x == y;
      if (x > read(got, row + topGot))
        topGot = column;
      if (y > read(exact, row + topExact))
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
    sameRows += semantics ? topGot == topExact : isSame;
  }
}

/// Absent for what the output has none of.
std::optional<double> Difference::get(Metric metric) const {
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
  }
  return std::nullopt;
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
    judge.cases.push_back({file, std::move(*arrays), {}});
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

LogicalResult CalibratedJudge::setReference(StringRef directory) {
  if (failed(forEachRun(directory, "--calibration", [](size_t) { return true; },
                        [&](size_t run, std::vector<NamedArray> outputs) {
                          cases[run].outputs = std::move(outputs);
                        })))
    return failure();
  for (const BudgetEntry &entry : budget) {
    auto isNamed = [&](const NamedArray &output) { return output.first == entry.output; };
    if (entry.output.empty() || any_of(cases.front().outputs, isNamed))
      continue;
    errs() << "winnow: error: --accuracy-budget: the model has no output '" << entry.output
           << "'; its outputs are ";
    interleaveComma(cases.front().outputs, errs(),
                    [](const NamedArray &output) { errs() << "'" << output.first << "'"; });
    errs() << "\n";
    return failure();
  }
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
              if (got.second.shape != exact.second.shape)
                difference.squares = difference.largest = INFINITY, ++difference.rows;
              else
                difference.add(got.second, exact.second);
            }
          })))
    return failure();
  Verdict verdict{true, ""};
  raw_string_ostream os(verdict.error);
  for (auto [output, difference] : zip_equal(cases.front().outputs, differences)) {
    SmallVector<std::string> parts;
    for (const MetricInfo &info : kMetrics) {
      std::optional<double> value = difference.get(info.metric);
      if (!value)
        continue;
      std::string text;
      raw_string_ostream(text) << info.label << " " << format("%.4g", *value);
      for (const BudgetEntry &entry : budget) {
        if (entry.metric != info.metric || (!entry.output.empty() && entry.output != output.first))
          continue;
        bool isWithin = info.isUpperBound ? *value <= entry.value : *value >= entry.value;
        raw_string_ostream(text) << (isWithin ? " (budget " : " (over the budget of ")
                                 << format("%.4g", entry.value) << ")";
        verdict.isWithinBudget &= isWithin;
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
