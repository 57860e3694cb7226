//===- FitPredictors.cpp - Which hidden units fire, by few numbers --------===//

#include "ReducedRank.h"
#include "Utils.h"

#include "winnow/Analysis/GemmSchedule.h"
#include "winnow/Dialect/Winnow/IR/Entries.h"
#include "winnow/Dialect/Winnow/Transforms/Passes.h"
#include "winnow/Dialect/Winnow/Transforms/Predictors.h"
#include "winnow/Dialect/Winnow/Transforms/Report.h"
#include "winnow/Dialect/Winnow/Transforms/Sites.h"

#include "llvm/Support/Format.h"
#include <cmath>

using namespace mlir;
using namespace winnow;

namespace winnow {
#define GEN_PASS_DEF_FITPREDICTORS
#include "winnow/Dialect/Winnow/Transforms/Passes.h.inc"
} // namespace winnow

namespace {
/// Rows of sums, and what a predictor of a rank that grows makes of them.
struct Part {
  ArrayRef<float> sums;
  std::vector<float> projected; ///< [rows, greatest rank]
  std::vector<float> scores;    ///< [rows, units]

  Part(ArrayRef<float> sums, const Directions &directions)
      : sums(sums), projected(directions.project(sums)) {
    for (size_t i = 0; i < sums.size(); ++i)
      scores.push_back(directions.mean[i % directions.columns]);
  }

  /// Takes the directions from `begin` to `end` in.
  void extend(const Directions &directions, int64_t begin, int64_t end) {
    int64_t rows = sums.size() / directions.columns;
    for (int64_t row = 0; row < rows; ++row)
      addScaledRows(MutableArrayRef(scores).slice(row * directions.columns, directions.columns),
                    &projected[row * directions.rank + begin], 1,
                    &directions.vectors[begin * directions.columns], end - begin);
  }
};

/// What a predictor finds of rows.
struct Found {
  int64_t elements = 0, active = 0, computed = 0, found = 0;

  Found(const Part &part, ArrayRef<float> margin) {
    elements = part.sums.size();
    for (size_t i = 0; i < part.sums.size(); ++i) {
      bool fires = part.sums[i] > 0, isComputed = part.scores[i] + margin[i % margin.size()] > 0;
      active += fires;
      computed += isComputed;
      found += fires && isComputed;
    }
  }
  double getRecall() const { return active ? double(found) / active : 1; }
  double getDensity() const { return double(active) / elements; }
  double getComputed() const { return double(computed) / elements; }
};

/// A predictor of a rank, and what the layer takes with it beside what it takes without.
struct Candidate {
  int64_t rank;
  std::vector<float> margin; ///< what is added to scores: t times the unit's deviation
  double time;
};

struct FitPredictors : winnow::impl::FitPredictorsBase<FitPredictors> {
  using FitPredictorsBase::FitPredictorsBase;

  void runOnOperation() override {
    func::FuncOp entry = getMainEntry(getOperation());
    if (!entry) {
      getOperation().emitError("expected an entry function");
      return signalPassFailure();
    }
    SiteReporter reporter(getOperation(), "predict-activation");
    llvm::DenseMap<Operation *, PrecisionSite> sites;
    for (PrecisionSite &site : getPrecisionSites(entry))
      sites.try_emplace(site.op, site);
    for (LinearOp layer : getPredictableLayers(entry))
      if (failed(fit(layer, sites.find(layer)->second, reporter)))
        return signalPassFailure();
  }

private:
  /// Fewer rows say nothing about directions.
  static constexpr int64_t kLeastRows = 32;
  static constexpr int64_t kLeastRank = 4, kMostRank = 256;
  /// A predictor pays if the layer takes at most so much of its time.
  static constexpr double kMostTime = 0.9;

  LogicalResult fit(LinearOp layer, const PrecisionSite &site, SiteReporter &reporter) {
    auto refuse = [&](StringRef code, const Twine &sentence) {
      reporter.refused(layer.getLoc(), code, sentence);
      return success();
    };
    auto observed = layer->getAttrOfType<DictionaryAttr>(kObserved);
    if (!observed)
      return refuse("predict-activation.not-observed",
                    "what the layer computes on calibration data is not known");
    auto elements = observed.getAs<ElementsAttr>("sums");
    auto numMeasured = observed.getAs<IntegerAttr>("measured");
    auto rowsOfRun = observed.getAs<FloatAttr>("rows");
    SmallVector<float> storage;
    std::optional<ArrayRef<float>> sums = elements ? getFloats(elements, storage) : std::nullopt;
    int64_t units = site.outputs;
    if (!sums || !numMeasured || !rowsOfRun || elements.getShapedType().getRank() != 2 ||
        elements.getShapedType().getDimSize(1) != units || elements.isSplat() ||
        numMeasured.getInt() < 0 || numMeasured.getInt() > elements.getShapedType().getDimSize(0))
      return layer.emitError("expected ")
             << kObserved << " to have sums of " << units << " units, measured and rows";
    int64_t rows = sums->size() / units, measuredRows = numMeasured.getInt();
    int64_t shiftRows = (rows - measuredRows) / 3, fitRows = rows - measuredRows - shiftRows;
    if (fitRows < kLeastRows || shiftRows == 0 || measuredRows == 0)
      return refuse(
          "predict-activation.few-rows",
          "expected " + Twine(kLeastRows) +
              " rows of calibration data or more to fit a "
              "predictor, a half of them to choose its threshold, and others to measure it; got " +
              Twine(fitRows) + ", " + Twine(shiftRows) + " and " + Twine(measuredRows));

    int64_t most = kLeastRank;
    while (most * 2 <= std::min({kMostRank, site.inputs / 8, units / 8, fitRows / 4}))
      most *= 2;
    Directions directions =
        findDirections(sums->take_front(fitRows * units), units, std::min(most, units));
    Part fitted(sums->take_front(fitRows * units), directions);
    Part shifting(sums->slice(fitRows * units, shiftRows * units), directions);
    std::optional<Candidate> best;
    int64_t begin = 0;
    for (int64_t rank = std::min(kLeastRank, units); rank <= directions.rank; rank *= 2) {
      fitted.extend(directions, begin, rank);
      shifting.extend(directions, begin, rank);
      begin = rank;
      std::optional<std::vector<float>> margin = getMargin(fitted, shifting, units);
      if (!margin)
        return refuse("predict-activation.silent",
                      "none of " + Twine(units) + " units fires on the calibration data");
      double time =
          getTime(site, rank, rowsOfRun.getValueAsDouble(), Found(shifting, *margin).getComputed());
      if (!best || time < best->time)
        best = {rank, std::move(*margin), time};
    }

    Part measured(sums->take_back(measuredRows * units), directions);
    measured.extend(directions, 0, best->rank);
    Found found(measured, best->margin);
    std::string sentence;
    llvm::raw_string_ostream os(sentence);
    auto percent = [](double share) { return llvm::format("%.2f %%", 100 * share); };
    os << "a predictor of rank " << best->rank << " finds " << percent(found.getRecall())
       << " of what fires: " << percent(found.getComputed()) << " of " << units
       << " units are computed where " << percent(found.getDensity()) << " fire, on "
       << measuredRows << " rows that the fit did not see; by the cost model the layer takes "
       << llvm::format("%.2f", best->time) << " of its time with "
       << llvm::format("%.4g", rowsOfRun.getValueAsDouble()) << " rows";
    if (best->time > kMostTime)
      return refuse("predict-activation.no-gain", sentence);
    return attach(layer, site, directions, *best, found.getComputed(), sentence);
  }

  /// What has to be added to scores so that they are above zero where units fire; none if no
  /// unit does.
  std::optional<std::vector<float>> getMargin(const Part &fitted, const Part &shifting,
                                              int64_t units) {
    std::vector<double> squares(units);
    for (size_t i = 0; i < fitted.sums.size(); ++i) {
      double difference = fitted.sums[i] - fitted.scores[i];
      squares[i % units] += difference * difference;
    }
    int64_t rows = fitted.sums.size() / units;
    double all = 0;
    for (double square : squares)
      all += square;
    // A unit that is foreseen without an error on these rows is not so on others.
    double least = std::max(1e-3 * std::sqrt(all / fitted.sums.size()), 1e-12);
    std::vector<float> margin;
    for (double square : squares)
      margin.push_back(std::max(std::sqrt(square / rows), least));
    std::vector<float> needed;
    for (size_t i = 0; i < shifting.sums.size(); ++i)
      if (shifting.sums[i] > 0)
        needed.push_back(-shifting.scores[i] / margin[i % units]);
    if (needed.empty())
      return std::nullopt;
    size_t last = std::ceil(recall * needed.size());
    auto place = needed.begin() + std::clamp<size_t>(last, 1, needed.size()) - 1;
    std::nth_element(needed.begin(), place, needed.end());
    float t = *place + 1e-6f + 1e-6f * std::fabs(*place);
    for (float &value : margin)
      value *= t;
    return margin;
  }

  /// The time of the predictor and of what is computed, in times of the dense layer.
  static double getTime(const PrecisionSite &site, int64_t rank, double rows, double computed) {
    SparseLimits limits = chooseSparseLimits(site.outputs, site.inputs, /*hasGate=*/true);
    // Scores are compared, counted and listed, some passes over all units, which take as long
    // as so many inputs do: few where a dense layer would wait for its weights.
    bool waits = rows <= 1 && limits.offset > 0;
    double perUnit = waits ? 8 : 48;
    double inputs = site.inputs, units = site.outputs;
    double predictor = rank * (inputs + units) / (inputs * units) + perUnit / inputs;
    return predictor + std::min(computed / limits.getBreakEven(rows), 1.0);
  }

  static LogicalResult attach(LinearOp layer, const PrecisionSite &site,
                              const Directions &directions, const Candidate &chosen, double density,
                              StringRef sentence) {
    int64_t units = site.outputs, rank = chosen.rank;
    FailureOr<std::vector<float>> weight = getWeights(site);
    if (failed(weight))
      return failure();
    std::vector<float> bias(units);
    if (Value operand = layer.getBias()) {
      ElementsAttr elements = getConstantElements(operand);
      SmallVector<float> storage;
      std::optional<ArrayRef<float>> floats =
          elements ? getFloats(elements, storage) : std::nullopt;
      if (!floats)
        return layer.emitError("expected a bias of floats that is known");
      for (int64_t j = 0; j < units; ++j)
        bias[j] = (*floats)[floats->size() == 1 ? 0 : j];
    }
    // W V, whichever way W lies.
    ArrayRef<float> up = ArrayRef(directions.vectors).take_front(rank * units);
    std::vector<float> columns(units * rank), down(site.inputs * rank);
    for (int64_t c = 0; c < rank; ++c)
      for (int64_t j = 0; j < units; ++j)
        columns[j * rank + c] = up[c * units + j];
    int64_t rowStride = site.isTransposed ? 1 : units,
            columnStride = site.isTransposed ? site.inputs : 1;
    for (int64_t k = 0; k < site.inputs; ++k)
      addScaledRows(MutableArrayRef(down).slice(k * rank, rank), &(*weight)[k * rowStride],
                    columnStride, columns.data(), units);
    std::vector<float> shift(units), offset(rank);
    for (int64_t c = 0; c < rank; ++c)
      for (int64_t j = 0; j < units; ++j)
        offset[c] += up[c * units + j] * (bias[j] - directions.mean[j]);
    for (int64_t j = 0; j < units; ++j)
      shift[j] = directions.mean[j] + chosen.margin[j];
    addScaledRows(shift, offset.data(), 1, up.data(), rank);

    Builder b(layer.getContext());
    auto elements = [&](ArrayRef<int64_t> shape, ArrayRef<float> values) -> Attribute {
      return DenseElementsAttr::get(RankedTensorType::get(shape, b.getF32Type()), values);
    };
    layer->setAttr(kPredictor,
                   b.getDictionaryAttr({b.getNamedAttr("down", elements({site.inputs, rank}, down)),
                                        b.getNamedAttr("up", elements({rank, units}, up)),
                                        b.getNamedAttr("bias", elements({units}, shift)),
                                        b.getNamedAttr("density", b.getF64FloatAttr(density)),
                                        b.getNamedAttr("sentence", b.getStringAttr(sentence))}));
    layer->removeAttr(kObserved);
    return success();
  }
};
} // namespace
