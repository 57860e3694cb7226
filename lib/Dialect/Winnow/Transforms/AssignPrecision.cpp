//===- AssignPrecision.cpp - Bits where they are needed -------------------===//

#include "PrecisionPlan.h"
#include "Utils.h"

#include "winnow/Dialect/Winnow/IR/Entries.h"
#include "winnow/Dialect/Winnow/Transforms/CalibrationFile.h"
#include "winnow/Dialect/Winnow/Transforms/Passes.h"
#include "winnow/Dialect/Winnow/Transforms/Precision.h"
#include "winnow/Dialect/Winnow/Transforms/Report.h"
#include "winnow/Dialect/Winnow/Transforms/Sites.h"
#include "winnow/Dialect/Winnow/Transforms/Work.h"

#include "winnow/Support/InputMoments.h"

#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Format.h"
#include <cmath>

using namespace mlir;
using namespace winnow;

namespace winnow {
#define GEN_PASS_DEF_ASSIGNPRECISION
#include "winnow/Dialect/Winnow/Transforms/Passes.h.inc"
} // namespace winnow

static std::string toText(double value) {
  std::string text;
  llvm::raw_string_ostream(text) << llvm::format("%.3g", value);
  return text;
}

/// Rows of a product whose number the model does not say.
static constexpr int64_t kAssumedRows = 128;

namespace {
/// A site and what each width makes of it.
struct Candidate {
  PrecisionSite site;
  const CalibratedSite &known;
  SmallVector<int64_t> widths;
  SmallVector<PlanOption> options;
  int64_t chosen = 32;
};

struct AssignPrecision : winnow::impl::AssignPrecisionBase<AssignPrecision> {
  using AssignPrecisionBase::AssignPrecisionBase;

  void runOnOperation() override {
    func::FuncOp entry = getMainEntry(getOperation());
    if (!entry || failed(assign(entry)))
      signalPassFailure();
  }

private:
  LogicalResult addOptions(Candidate &candidate);
  LogicalResult choose(func::FuncOp entry, MutableArrayRef<Candidate> candidates);
  LogicalResult assign(func::FuncOp entry);
};
} // namespace

//===----------------------------------------------------------------------===//
// What a width costs
//===----------------------------------------------------------------------===//

/// The bytes of a weight in so many bits, with its scales.
static double getBytes(const PrecisionSite &site, int64_t bits) {
  double codes = static_cast<double>(site.getNumWeights()) * bits / 8;
  if (bits > 8)
    return codes;
  // Half a byte for the multiplier of each block.
  int64_t blocks = bits <= 4 ? llvm::divideCeil(site.inputs, kRoundingBlock) : 0;
  return codes + site.outputs * (4.0 + 0.5 * blocks);
}

/// Rows whose number the model does not say are so many at least.
static double getTime(const PrecisionSite &site, int64_t bits) {
  Dims dims = getDims(site.activations.front());
  double rows = 1;
  bool isKnown = true;
  for (AffineExpr dim : ArrayRef(dims).drop_back()) {
    std::optional<int64_t> size = getConstantDim(dim);
    isKnown &= size.has_value();
    rows *= size.value_or(1);
  }
  if (!isKnown)
    rows = std::max<double>(rows, kAssumedRows);
  return getProductTime(rows, site.inputs, site.outputs, getBytes(site, bits), bits);
}

LogicalResult AssignPrecision::addOptions(Candidate &candidate) {
  SmallVector<int64_t> allowed(widths.begin(), widths.end());
  if (allowed.empty())
    allowed = {4, 6, 8};
  if (candidate.known.pin)
    allowed = {*candidate.known.pin};
  llvm::sort(allowed);
  for (int64_t bits : allowed) {
    double loss = 0;
    if (bits <= 8) {
      // Rounding to b bits adds noise of a power that falls by 4 with each.
      double noise = std::pow(4.0, -static_cast<double>(bits));
      auto error = candidate.known.sensitivity.find(bits);
      if (by != "relevance" && error == candidate.known.sensitivity.end())
        return candidate.site.op->emitError("the calibration has no sensitivity of '")
               << candidate.site.name << "' at " << bits << " bits; calibrate with --widths="
               << bits;
      if (by == "relevance")
        loss = candidate.known.relevance * noise;
      else if (by == "sensitivity")
        loss = error->second * error->second;
      else
        loss = candidate.known.relevance * error->second * error->second;
    }
    double size = budgetKind == "latency" ? getTime(candidate.site, bits)
                  : budgetKind == "bits"  ? static_cast<double>(candidate.site.getNumWeights()) * bits
                                          : getBytes(candidate.site, bits);
    candidate.widths.push_back(bits);
    candidate.options.push_back({size, loss});
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Choosing
//===----------------------------------------------------------------------===//

LogicalResult AssignPrecision::choose(func::FuncOp entry, MutableArrayRef<Candidate> candidates) {
  double weights = 0, floatTime = 0;
  SmallVector<SmallVector<PlanOption>> options;
  for (Candidate &candidate : candidates) {
    if (failed(addOptions(candidate)))
      return failure();
    options.push_back(candidate.options);
    weights += candidate.site.getNumWeights();
    floatTime += getTime(candidate.site, 32);
  }
  double limit = std::numeric_limits<double>::max();
  std::optional<double> maxLoss;
  if (budgetKind == "bits")
    limit = budget * weights;
  else if (budgetKind == "bytes")
    limit = budget;
  else if (budgetKind == "latency")
    limit = budget * floatTime;
  else
    maxLoss = budget * budget;
  std::optional<SmallVector<unsigned>> plan = planPrecision(options, limit, maxLoss);
  if (!plan)
    return entry.emitError("no choice of widths keeps the budget of ")
           << toText(budget) << " " << budgetKind;
  for (auto [candidate, number] : llvm::zip_equal(candidates, *plan))
    candidate.chosen = candidate.widths[number];
  return success();
}

LogicalResult AssignPrecision::assign(func::FuncOp entry) {
  SiteReporter reporter(getOperation(), "assign-precision");
  auto file = CalibrationFile::read(calibration);
  if (!file)
    return entry.emitError(llvm::toString(file.takeError()));
  std::vector<Candidate> candidates;
  for (PrecisionSite &site : getPrecisionSites(entry)) {
    if (!site.weight)
      continue;
    const CalibratedSite *found = file->find(site.name);
    if (!found) {
      reporter.refused(site.op->getLoc(), "assign-precision.not-calibrated",
                       "the calibration has no site '" + site.name + "'");
      continue;
    }
    if (!isa<LinearOp>(site.op) || !getElementTypeOrSelf(site.weight->get()).isF32()) {
      reporter.refused(site.op->getLoc(), "assign-precision.not-linear",
                       "expected a linear layer of f32");
      continue;
    }
    candidates.push_back({std::move(site), *found, {}, {}});
  }
  if (failed(choose(entry, candidates)))
    return failure();

  Builder b(&getContext());
  SmallVector<Attribute> rows;
  unsigned number = 0;
  for (Candidate &candidate : candidates) {
    const PrecisionSite &site = candidate.site;
    if (candidate.chosen <= 8 && llvm::is_contained(skip, number++))
      candidate.chosen = 32;
    int64_t bits = candidate.chosen;
    auto error = candidate.known.sensitivity.find(bits);
    bool isMeasured = error != candidate.known.sensitivity.end();
    double bytes = getBytes(site, bits), time = getTime(site, bits);
    SmallVector<NamedAttribute> row = {
        b.getNamedAttr("bits", b.getI64IntegerAttr(bits)),
        b.getNamedAttr("bytes", b.getI64IntegerAttr(std::llround(bytes))),
        b.getNamedAttr("cost", b.getF64FloatAttr(time / getTime(site, 32))),
        b.getNamedAttr("name", b.getStringAttr(site.name)),
        b.getNamedAttr("pinned", b.getBoolAttr(candidate.known.pin.has_value())),
        b.getNamedAttr("relevance", b.getF64FloatAttr(candidate.known.relevance)),
        b.getNamedAttr("weights", b.getI64IntegerAttr(site.getNumWeights()))};
    if (isMeasured)
      row.push_back(b.getNamedAttr("sensitivity", b.getF64FloatAttr(error->second)));
    rows.push_back(b.getDictionaryAttr(row));
    for (StringRef name : {kBits, kInputMaxima, kInputMeans, kInputMoments})
      site.op->removeAttr(name);
    if (bits > 8)
      continue;
    site.op->setAttr(kBits, b.getI64IntegerAttr(bits));
    if (!candidate.known.maxima.empty() && !candidate.known.means.empty()) {
      site.op->setAttr(kInputMaxima, b.getDenseF32ArrayAttr(candidate.known.maxima));
      site.op->setAttr(kInputMeans, b.getDenseF32ArrayAttr(candidate.known.means));
    }
    if (!candidate.known.moments.empty() && hasMoments(site) &&
        int64_t(candidate.known.moments.size()) == InputMoments::countElements(site.inputs)) {
      auto type = RankedTensorType::get({int64_t(candidate.known.moments.size())}, b.getF32Type());
      site.op->setAttr(kInputMoments, DenseResourceElementsAttr::get(
          type, "moments", HeapAsmResourceBlob::allocateAndCopyInferAlign(candidate.known.moments)));
    }
    reporter.applied(site.op->getLoc(), "assign-precision.chosen",
                     Twine(bits) + " bits" + (candidate.known.pin ? ", as pinned" : "") +
                         ": relevance " + toText(candidate.known.relevance) + ", sensitivity " +
                         (isMeasured ? toText(error->second) : "unknown") + ", " +
                         Twine(std::llround(bytes)) + " bytes instead of " +
                         Twine(std::llround(getBytes(site, 32))) + ", cost " +
                         toText(time / getTime(site, 32)));
  }
  getOperation()->setAttr(kPrecisionTable, b.getArrayAttr(rows));
  return success();
}

//===----------------------------------------------------------------------===//
// Options and tables
//===----------------------------------------------------------------------===//

bool winnow::isPrecision(int64_t bits) {
  return llvm::is_contained(ArrayRef<int64_t>({4, 6, 8, 16, 32}), bits);
}

std::optional<AssignPrecisionOptions> winnow::parseAssignPrecision(StringRef text) {
  SmallVector<StringRef> words;
  text.split(words, ',');
  AssignPrecisionOptions options;
  options.calibration = words.front().str();
  if (options.calibration.empty())
    return std::nullopt;
  for (StringRef word : llvm::drop_begin(words)) {
    auto [key, value] = word.split('=');
    if (key == "by" && (value == "relevance" || value == "sensitivity" || value == "both")) {
      options.by = value.str();
    } else if (llvm::is_contained(ArrayRef<StringRef>({"bits", "bytes", "latency", "loss"}), key) &&
               !value.getAsDouble(options.budget) && options.budget > 0) {
      options.budgetKind = key.str();
    } else if (key == "widths") {
      options.widths.clear();
      SmallVector<StringRef> numbers;
      value.split(numbers, '/');
      for (StringRef number : numbers) {
        int64_t bits;
        if (number.getAsInteger(10, bits) || !isPrecision(bits) ||
            llvm::is_contained(options.widths, bits))
          return std::nullopt;
        options.widths.push_back(bits);
      }
    } else {
      return std::nullopt;
    }
  }
  // Relevance says what matters more, not how large an error is.
  if (options.budgetKind == "loss" && options.by != "sensitivity")
    return std::nullopt;
  return options;
}

void winnow::printPrecisionTable(ModuleOp module, raw_ostream &os) {
  auto rows = module->getAttrOfType<ArrayAttr>(kPrecisionTable);
  if (!rows || rows.empty())
    return;
  os << "relevance  sensitivity  bits       bytes  cost  site\n";
  double weights = 0, bits = 0, bytes = 0;
  for (auto row : rows.getAsRange<DictionaryAttr>()) {
    auto number = [&](StringRef key) { return row.getAs<FloatAttr>(key).getValueAsDouble(); };
    auto integer = [&](StringRef key) { return row.getAs<IntegerAttr>(key).getInt(); };
    os << llvm::format("%9.4f  ", number("relevance"));
    if (row.contains("sensitivity"))
      os << llvm::format("%11.3g", number("sensitivity"));
    else
      os << llvm::right_justify("-", 11);
    os << llvm::format("  %4lld  %10lld  %4.2f  ", static_cast<long long>(integer("bits")),
                       static_cast<long long>(integer("bytes")), number("cost"))
       << row.getAs<StringAttr>("name").getValue()
       << (row.getAs<BoolAttr>("pinned").getValue() ? " (pinned)" : "") << "\n";
    weights += integer("weights");
    bits += static_cast<double>(integer("weights")) * integer("bits");
    bytes += integer("bytes");
  }
  os << llvm::format("%.2f bits a weight, %.2f MB instead of %.2f MB\n", bits / weights, bytes / 1e6,
                     weights * 4 / 1e6);
}
