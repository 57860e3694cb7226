#include "Verify.h"

#include "ArrayNumbers.h"
#include "CompiledModel.h"
#include "winnow/Dialect/Winnow/IR/Dims.h"
#include "winnow/Dialect/Winnow/IR/Entries.h"
#include "winnow/Dialect/Winnow/Transforms/Report.h"
#include "winnow/Driver/Run.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/raw_ostream.h"
#include <cmath>
#include <random>

using namespace llvm;
using namespace winnow;
using mlir::func::FuncOp;

//===----------------------------------------------------------------------===//
// Elements
//===----------------------------------------------------------------------===//

/// `[2, 0, 5]`
static std::string describeIndex(size_t index, ArrayRef<int64_t> shape) {
  SmallVector<std::string> parts;
  for (int64_t dim : reverse(shape)) {
    parts.push_back(std::to_string(index % dim));
    index /= dim;
  }
  return "[" + join(reverse(parts), ", ") + "]";
}

//===----------------------------------------------------------------------===//
// Inputs
//===----------------------------------------------------------------------===//

namespace {
/// How the inputs of one case are made.
enum class Pattern { Random, Zeros, Largest, Right, Left, Scattered, Empty };

struct InputMaker {
  std::mt19937_64 random;
  Pattern pattern;

  double uniform() { return static_cast<double>(random() >> 11) * 0x1.0p-53; }
  double normal() {
    return std::sqrt(-2 * std::log(uniform() + 0x1.0p-60)) *
           std::cos(6.283185307179586 * uniform());
  }
  int64_t below(int64_t end) { return end > 0 ? static_cast<int64_t>(random() % end) : 0; }

  void fill(Array &array, int64_t end);
  void fillMask(Array &array);
};
} // namespace

/// A mask [rows, columns], or several, of padding.
void InputMaker::fillMask(Array &array) {
  int64_t columns = array.shape.back();
  size_t rows = countElements(array.shape) / std::max<int64_t>(columns, 1);
  for (size_t row = 0; row < rows; ++row) {
    int64_t length = pattern == Pattern::Empty && row == 0 ? 0 : below(columns + 1);
    for (int64_t column = 0; column < columns; ++column) {
      bool isSet = pattern == Pattern::Left        ? column >= columns - length
                   : pattern == Pattern::Scattered ? below(2) != 0
                                                   : column < length;
      setNumber(array, row * columns + column, isSet);
    }
  }
}

/// Integers are in [0, end).
void InputMaker::fill(Array &array, int64_t end) {
  size_t count = countElements(array.shape);
  bool isFloat = getSemantics(array.dtype);
  bool isMask = pattern >= Pattern::Right && !isFloat && end == 2 && array.shape.size() > 1;
  if (isMask)
    return fillMask(array);
  for (size_t i = 0; i < count; ++i) {
    double number = pattern == Pattern::Zeros     ? 0
                    : pattern == Pattern::Largest ? (isFloat ? 3.0 : double(end - 1))
                    : isFloat                     ? normal()
                                                  : double(below(end));
    setNumber(array, i, number);
  }
}

/// The size of the smallest table that the value picks from, or `otherwise`.
static int64_t getIndexEnd(mlir::Value value, int64_t otherwise, unsigned depth = 0) {
  int64_t end = otherwise;
  if (depth > 8)
    return end;
  for (mlir::OpOperand &use : value.getUses()) {
    mlir::Operation *user = use.getOwner();
    int64_t own = otherwise;
    if (auto gather = dyn_cast<GatherOp>(user); gather && use.getOperandNumber() == 1) {
      int64_t size = gather.getData().getType().getDimSize(gather.getAxis());
      if (!mlir::ShapedType::isDynamic(size))
        own = size;
    } else if (isa<ReshapeOp, CastOp, TransposeOp, BroadcastToOp>(user)) {
      own = getIndexEnd(user->getResult(0), otherwise, depth + 1);
    }
    if (own != otherwise)
      end = end == otherwise ? own : std::min(end, own);
  }
  return end;
}

/// The dims that the values of symbols give, or nothing where one is negative or huge.
static std::optional<std::vector<int64_t>> evaluateDims(mlir::Value input,
                                                        ArrayRef<int64_t> symbols) {
  SmallVector<mlir::AffineExpr> values;
  for (int64_t symbol : symbols)
    values.push_back(mlir::getAffineConstantExpr(symbol, input.getContext()));
  std::vector<int64_t> dims;
  for (mlir::AffineExpr dim : getDims(input)) {
    std::optional<int64_t> size = getConstantDim(dim.replaceSymbols(values));
    if (!size || *size < 0 || *size > 4096)
      return std::nullopt;
    dims.push_back(*size);
  }
  return dims;
}

mlir::LogicalResult Verifier::start(const Snapshot &snapshot) {
  auto fail = [](const Twine &message) {
    errs() << "winnow: error: " << message << "\n";
    return failure();
  };
  if (!inputsFile.empty()) {
    auto arrays = readNpz(inputsFile);
    if (!arrays)
      return fail("--verify: " + toString(arrays.takeError()));
    cases.push_back({"the inputs of '" + inputsFile + "'", std::move(*arrays), {}, ""});
    return mlir::success();
  }
  auto model = openCompiledModel(snapshot.directory);
  if (!model)
    return fail("--verify: " + toString(model.takeError()));
  const winnow_model_desc *desc = winnow_model_descriptor(model->get());
  FuncOp entry = getMainEntry(snapshot.module);
  SmallVector<SymbolInfo> infos = getSymbols(entry);
  static constexpr std::pair<Pattern, StringLiteral> patterns[] = {
      {Pattern::Random, "random inputs"},
      {Pattern::Random, "inputs of the least size"},
      {Pattern::Zeros, "zeros"},
      {Pattern::Largest, "the largest numbers"},
      {Pattern::Right, "padding on the right"},
      {Pattern::Left, "padding on the left"},
      {Pattern::Scattered, "scattered padding"},
      {Pattern::Empty, "an empty sequence"}};
  for (auto [number, entryOf] : enumerate(patterns)) {
    InputMaker maker{std::mt19937_64(number + 1), entryOf.first};
    SmallVector<int64_t> symbols;
    SmallVector<std::string> sizes;
    for (const SymbolInfo &info : infos) {
      int64_t least = std::max<int64_t>(info.min, 1),
              most = std::max(least, std::min<int64_t>(info.max, least + 6));
      symbols.push_back(number == 1 ? least : least + maker.below(most - least + 1));
      if (!info.isData)
        sizes.push_back(info.name + "=" + std::to_string(symbols.back()));
    }
    Case made;
    made.what = entryOf.second.str() + (sizes.empty() ? "" : " of " + join(sizes, ", "));
    bool isMade = true;
    for (auto [tensor, argument] :
         zip_equal(ArrayRef(desc->inputs, desc->num_inputs), entry.getArguments())) {
      std::optional<std::vector<int64_t>> shape = evaluateDims(argument, symbols);
      if (!shape) {
        isMade = false;
        break;
      }
      Array array;
      array.dtype = tensor.dtype;
      array.shape = *shape;
      array.data.resize(countElements(*shape) * winnow_dtype_size(tensor.dtype));
      maker.fill(array, getIndexEnd(argument, 2));
      made.inputs.emplace_back(tensor.name, std::move(array));
    }
    if (isMade)
      cases.push_back(std::move(made));
  }
  if (cases.empty())
    return fail("--verify: no inputs of moderate size fit the model; give some with "
                "--verify=FILE.npz");
  return mlir::success();
}

//===----------------------------------------------------------------------===//
// Outputs
//===----------------------------------------------------------------------===//

namespace {
/// What a pass that leaves out padding says of an output.
struct Padding {
  /// Where a token is valid, [batch, sequence]; empty if no input tells.
  std::vector<bool> valid;
  int64_t sequence = 1;
  /// Of each token, and 0 where it is not valid; else of each sequence, and
  /// something else where it has no valid one.
  bool ofTokens = false;
};
} // namespace

static std::optional<Padding> getPadding(FuncOp entry, unsigned output,
                                         ArrayRef<NamedArray> inputs) {
  auto attr = entry.getResultAttrOfType<mlir::DictionaryAttr>(output, "winnow.padding");
  if (!attr)
    return std::nullopt;
  Padding padding;
  padding.ofTokens = attr.getAs<mlir::BoolAttr>("tokens").getValue();
  bool isValidNonZero = attr.getAs<mlir::BoolAttr>("valid_nonzero").getValue();
  auto mask = attr.getAs<mlir::StringAttr>("mask");
  for (const auto &[name, array] : inputs) {
    if (!mask || name != mask.getValue() || array.shape.empty())
      continue;
    padding.sequence = array.shape.back();
    size_t size = winnow_dtype_size(array.dtype);
    for (size_t i = 0, e = countElements(array.shape); i < e; ++i)
      padding.valid.push_back((getBits(array, i, size) != 0) == isValidNonZero);
  }
  return padding;
}

/// Whether a row of an output has no meaning after the pass.
static bool isLeftOut(const Padding &padding, size_t element, ArrayRef<int64_t> shape) {
  size_t outer = padding.ofTokens ? 2 : 1;
  if (padding.valid.empty() || shape.size() < outer)
    return false;
  size_t inner = countElements(shape.drop_front(outer)), row = element / std::max<size_t>(inner, 1);
  if (padding.ofTokens)
    return row < padding.valid.size() && !padding.valid[row];
  size_t first = row * padding.sequence;
  for (int64_t i = 0; i < padding.sequence; ++i)
    if (first + i < padding.valid.size() && padding.valid[first + i])
      return false;
  return true;
}

/// How far another order of the same operations may lead, relative to the largest
/// element: some hundred roundings.
static double getTolerance(const fltSemantics &semantics) {
  return std::ldexp(256.0, -static_cast<int>(APFloat::semanticsPrecision(semantics)));
}

std::string Verifier::compare(const Case &before, const std::vector<NamedArray> &after,
                              mlir::ModuleOp module) const {
  FuncOp entry = getMainEntry(module);
  for (auto [number, pair] : enumerate(zip_equal(before.outputs, after))) {
    const auto &[name, was] = std::get<0>(pair);
    const Array &is = std::get<1>(pair).second;
    auto describe = [&, &name = name](size_t index, const Twine &got, const Twine &wanted) {
      return ("output '" + name + "' at " + describeIndex(index, is.shape) + " is " + got +
              " and was " + wanted)
          .str();
    };
    if (was.shape != is.shape || was.dtype != is.dtype)
      return "output '" + name + "' has another shape or type";
    size_t size = winnow_dtype_size(is.dtype), count = countElements(is.shape);
    const fltSemantics *semantics = getSemantics(is.dtype);
    std::optional<Padding> padding = getPadding(entry, number, before.inputs);
    double largest = 0;
    if (semantics)
      for (size_t i = 0; i < count; ++i)
        if (double x = std::fabs(getFloat(was, i, *semantics)); std::isfinite(x))
          largest = std::max(largest, x);
    for (size_t i = 0; i < count; ++i) {
      if (padding && isLeftOut(*padding, i, is.shape)) {
        if (padding->ofTokens && getBits(is, i, size) != 0)
          return describe(i, "not 0", "at a padded token");
        continue;
      }
      if (!semantics) {
        if (getBits(was, i, size) != getBits(is, i, size))
          return describe(i, std::to_string(int64_t(getBits(is, i, size))),
                          std::to_string(int64_t(getBits(was, i, size))));
        continue;
      }
      double x = getFloat(is, i, *semantics), y = getFloat(was, i, *semantics);
      bool isSame = x == y || (std::isnan(x) && std::isnan(y)) ||
                    std::fabs(x - y) <= getTolerance(*semantics) * std::max(largest, 1e-30);
      if (!isSame)
        return describe(i, std::to_string(x), std::to_string(y));
    }
  }
  return "";
}

//===----------------------------------------------------------------------===//
// Passes
//===----------------------------------------------------------------------===//

/// The sites that the pass says it changed.
static std::string listSites(ArrayRef<SiteReport> reports) {
  constexpr size_t most = 5;
  SmallVector<std::string> sites;
  for (const SiteReport &report : reports)
    if (report.applied && sites.size() < most)
      sites.push_back("'" + report.location + "' (" + report.sentence + ")");
  if (sites.empty())
    return "; it reports no site";
  return "; its sites: " + join(sites, ", ") + (reports.size() > most ? " and others" : "");
}

mlir::LogicalResult Verifier::check(const Snapshot &snapshot) {
  bool isFirst = cases.empty(), isCompared = !isFirst && snapshot.isExact;
  if (isFirst && failed(start(snapshot)))
    return failure();
  SmallVector<SiteReport> reports = getReports(snapshot.module);
  auto report = [&](const Twine &what) {
    defect = true;
    errs() << "winnow: error: pass '" << snapshot.pass
           << "' changes what the model computes: " << what
           << listSites(ArrayRef(reports).drop_front(std::min(numReports, reports.size()))) << "\n";
    return failure();
  };
  // Passes are compared one by one, but what padding leaves out stays out.
  FuncOp entry = getMainEntry(snapshot.module);
  bool leavesOut = any_of(seq(entry.getNumResults()), [&](unsigned i) {
    return bool(entry.getResultAttr(i, "winnow.padding"));
  });
  bool someRan = false;
  for (Case &test : cases) {
    auto outputs = runArrays(snapshot.directory, test.inputs, /*threads=*/2);
    std::string why = outputs ? "" : toString(outputs.takeError());
    someRan |= outputs.operator bool();
    if (isCompared) {
      if (why.empty() != test.failure.empty())
        return report(why.empty()
                          ? "on " + test.what + " it succeeds, and failed before: " + test.failure
                          : "on " + test.what + " it fails: " + why);
      if (why.empty())
        if (std::string difference = compare(test, *outputs, snapshot.module); !difference.empty())
          return report(difference + ", on " + test.what);
    }
    if (why.empty() && (!isCompared || !leavesOut))
      test.outputs = std::move(*outputs);
    test.failure = why;
  }
  if (isFirst && !someRan) {
    errs() << "winnow: error: --verify: the model runs on none of the inputs: "
           << cases.front().failure << "; give some with --verify=FILE.npz\n";
    return failure();
  }
  numReports = reports.size();
  numPasses += isCompared;
  return mlir::success();
}

std::string Verifier::summarize() const {
  return std::to_string(numPasses) + (numPasses == 1 ? " pass" : " passes") + " on " +
         std::to_string(cases.size()) + (cases.size() == 1 ? " input" : " inputs");
}
