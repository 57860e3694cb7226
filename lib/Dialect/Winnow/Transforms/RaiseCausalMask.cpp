#include "MaskBand.h"
#include "winnow/Dialect/Winnow/IR/DimAlgebra.h"
#include "winnow/Dialect/Winnow/Transforms/Passes.h"
#include "winnow/Dialect/Winnow/Transforms/Report.h"

#include <cmath>

using namespace mlir;
using namespace winnow;

namespace winnow {
#define GEN_PASS_DEF_RAISECAUSALMASK
#include "winnow/Dialect/Winnow/Transforms/Passes.h.inc"
} // namespace winnow

/// Whether a finite fill absorbs every score: rows that it hides as a whole are
/// uniform, whatever the fill. The lowest f16 does not in f32, in which the
/// kernels and ONNX Runtime compute.
static bool isAbsorbing(double fill) { return fill <= -1e30; }

/// A finite fill this low leaves no weight, next to a visible score.
static constexpr double kLowFill = -1e4;
/// The constants of a bias are no larger.
static constexpr double kModerate = 1e3;

static bool isModerateConstant(ElementsAttr elements) {
  SmallVector<float> storage;
  std::optional<ArrayRef<float>> floats = getFloats(elements, storage);
  return floats && llvm::all_of(*floats, [](float x) { return std::fabs(x) <= kModerate; });
}

/// Whether a mask is a bias and hides nothing: numbers that are looked up in
/// small tables, or computed from integers with small factors.
static bool isBias(Value value, unsigned depth = 0) {
  Operation *op = value.getDefiningOp();
  if (!isa<FloatType>(getElementTypeOrSelf(value)))
    return true;
  if (!op || depth > 16)
    return false;
  if (ElementsAttr elements = getConstantElements(value))
    return isModerateConstant(elements);
  return isa<AddOp, SubOp, MulOp, NegOp, AbsOp, SelectOp, CastOp, ConcatOp, GatherOp, GatherNDOp,
             ReshapeOp, TransposeOp, BroadcastToOp, SliceOp>(op) &&
         llvm::all_of(op->getOperands(),
                      [&](Value operand) { return isBias(operand, depth + 1); });
}

namespace {
/// A part of a mask that is no band: booleans over some of its dimensions.
struct Condition {
  Value value;
  Places places;
  bool isHidden;
};

/// Parts that one fill hides keys by.
struct Fill {
  double number;
  bool isCausal = false;
  /// It replaces other masks instead of being added to them.
  bool isOutside = false;
  SmallVector<Condition> conditions{};
};

/// Takes one mask apart.
struct Reader {
  AttentionOp op;
  SmallVector<SymbolInfo> symbols;
  unsigned numSymbols;
  AffineExpr queries, keys;

  /// What was found.
  bool isCausal = false, isAtEnd = false;
  SmallVector<Fill> fills;
  SmallVector<std::pair<Value, Places>> added;

  explicit Reader(AttentionOp op) : op(op) {
    symbols = getSymbols(op->getParentOfType<FunctionOpInterface>());
    numSymbols = symbols.size();
    queries = getDims(op.getQuery())[1];
    keys = getDims(op.getKey())[1];
  }

  void readCondition(Value value, ArrayRef<int> places, bool isHidden, Fill &into);
  bool readSum(Value value, ArrayRef<int> places, Fill *outer = nullptr);
  bool take(const Band &band, Fill &into);
  /// The only causal part is the lowest float, which is added to other masks
  /// that may hide keys.
  bool addsLowest(double lowest) const;
  /// Causality leaves a key to every query.
  bool seesSomeKey() {
    return !isAtEnd || getDimRange(keys - queries, symbols).min.value_or(-1) >= 0;
  }
};
} // namespace

bool Reader::addsLowest(double lowest) const {
  const Fill *causal = nullptr;
  for (const Fill &fill : fills) {
    if (causal && fill.isCausal)
      return false;
    if (fill.isCausal)
      causal = &fill;
  }
  bool isAlone = causal && causal->conditions.empty() && !causal->isOutside;
  bool isAmongOthers =
      fills.size() > 1 || !llvm::all_of(added, [](auto &term) { return isBias(term.first); });
  return isAlone && isAmongOthers && causal->number == lowest;
}

/// Makes the band the op's, if it is one that the op can say.
bool Reader::take(const Band &band, Fill &into) {
  if (band.isAlways)
    return true;
  bool isAtStart = isSameDim(band.offset, getAffineConstantExpr(0, op.getContext()), numSymbols);
  bool endsLast = isSameDim(band.offset, keys - queries, numSymbols);
  if ((!isAtStart && !endsLast) || (isCausal && isAtEnd == isAtStart))
    return false;
  isCausal = true;
  isAtEnd = !isAtStart;
  into.isCausal = true;
  return true;
}

void Reader::readCondition(Value value, ArrayRef<int> places, bool isHidden, Fill &into) {
  Operation *definition = value.getDefiningOp();
  if (auto negation = dyn_cast_or_null<NotOp>(definition))
    return readCondition(negation.getInput(), places, !isHidden, into);
  if (isHidden ? isa_and_nonnull<OrOp>(definition) : isa_and_nonnull<AndOp>(definition)) {
    for (Value operand : definition->getOperands())
      readCondition(operand, alignPlaces(places, operand), isHidden, into);
    return;
  }
  if (isa_and_nonnull<ReshapeOp, BroadcastToOp, TransposeOp>(definition))
    if (std::optional<Places> input = getInputPlaces(definition, places))
      return readCondition(definition->getOperand(0), *input, isHidden, into);
  std::optional<Band> band;
  if (auto compare = dyn_cast_or_null<CompareOp>(definition))
    band = getComparedBand(compare, places, isHidden);
  else
    band = getConstantBand(value, places, isHidden);
  if (!band || !take(*band, into))
    into.conditions.push_back({value, Places(places), isHidden});
}

/// Reads masks that are added up, within the fill of an outer select if there
/// is one; false where they do not go together.
bool Reader::readSum(Value value, ArrayRef<int> places, Fill *outer) {
  Operation *definition = value.getDefiningOp();
  if (isa_and_nonnull<ReshapeOp, BroadcastToOp, TransposeOp>(definition))
    if (std::optional<Places> input = getInputPlaces(definition, places))
      return readSum(definition->getOperand(0), *input, outer);
  auto isHiding = [](Operation *op) {
    return isa_and_nonnull<SelectOp, AddOp>(op) && !isBias(op->getResult(0));
  };
  if (auto add = dyn_cast_or_null<AddOp>(definition)) {
    // Two fills within an outer one would be one, but their sum is lower.
    if (outer && isHiding(add.getLhs().getDefiningOp()) && isHiding(add.getRhs().getDefiningOp()))
      return false;
    return readSum(add.getLhs(), alignPlaces(places, add.getLhs()), outer) &&
           readSum(add.getRhs(), alignPlaces(places, add.getRhs()), outer);
  }
  auto start = [&](double number) -> Fill * {
    if (outer)
      return outer->number == number ? outer : nullptr;
    fills.push_back({number});
    return &fills.back();
  };
  if (auto select = dyn_cast_or_null<SelectOp>(definition)) {
    std::optional<double> yes = getScalarConstant(select.getOnTrue());
    std::optional<double> no = getScalarConstant(select.getOnFalse());
    bool isHidden = yes && *yes <= kLowFill;
    std::optional<double> number = isHidden ? yes : no;
    Value kept = isHidden ? select.getOnFalse() : select.getOnTrue();
    if (number && *number <= kLowFill) {
      Fill *fill = start(*number);
      if (!fill)
        return false;
      Value condition = select.getCondition();
      readCondition(condition, alignPlaces(places, condition), isHidden, *fill);
      fill->isOutside |= !isScalarConstant(kept, 0);
      // What is kept may hide more, and starts no fill of its own.
      return readSum(kept, alignPlaces(places, kept), fill);
    }
  }
  if (isScalarConstant(value, 0))
    return true;
  if (std::optional<Band> band = getConstantBand(value, places, false)) {
    if (band->isAlways)
      return true;
    Fill probe{band->fill};
    if (take(*band, probe)) {
      Fill *fill = start(band->fill);
      if (fill)
        fill->isCausal = true;
      return fill;
    }
  }
  added.push_back({value, Places(places)});
  return true;
}

namespace {
struct RaiseCausalMask : winnow::impl::RaiseCausalMaskBase<RaiseCausalMask> {
  void runOnOperation() override {
    SiteReporter reporter(getOperation(), "raise-causal-mask");
    SmallVector<AttentionOp> ops;
    getOperation().walk([&](AttentionOp op) {
      if (op.getMask() && !op.getCausal())
        ops.push_back(op);
    });
    for (AttentionOp op : ops)
      raise(op, reporter);
    eraseDeadOps(getOperation());
  }

  void raise(AttentionOp op, SiteReporter &reporter) {
    Reader reader(op);
    Places places = alignPlaces({0, 1, 2, 3}, op.getMask());
    constexpr double infinity = std::numeric_limits<double>::infinity();
    bool isBoolean = getElementTypeOrSelf(op.getMask()).isInteger(1);
    bool isRead = true;
    if (isBoolean) {
      reader.fills.push_back({-infinity});
      reader.readCondition(op.getMask(), places, /*isHidden=*/false, reader.fills.back());
    } else {
      isRead = reader.readSum(op.getMask(), places);
    }
    if (!isRead)
      return reporter.refused(op.getLoc(), "causal-mask.fill",
                              "parts of the mask hide keys by different numbers");
    if (!reader.isCausal)
      return;

    Type element = getElementTypeOrSelf(op.getMask());
    bool isF32 = isBoolean || element.isF32();
    if (element.isF32() && reader.addsLowest(getLowest(element)))
      return apply(op, reader, Hidden::AddsLowest, reporter);
    double fill = reader.fills.front().number;
    if (!llvm::all_of(reader.fills, [&](const Fill &part) { return part.number == fill; }))
      return reporter.refused(op.getLoc(), "causal-mask.fill",
                              "parts of the mask hide keys by different numbers");

    // Rows of which every key is hidden are where a finite fill shows: keys that
    // causality hides are as low as others there, or lower if it does so twice.
    bool mayHideRows = !reader.seesSomeKey();
    unsigned numCausal = 0;
    for (const Fill &part : reader.fills) {
      mayHideRows |= !part.conditions.empty();
      numCausal += part.isCausal;
    }
    bool isFinite = !std::isinf(fill), isLowest = isFinite && mayHideRows && numCausal == 1;
    if ((isFinite && mayHideRows && !isAbsorbing(fill)) ||
        (isLowest && (reader.fills.size() > 1 || !isF32)))
      return reporter.refused(
          op.getLoc(), "causal-mask.fill",
          "rows of hidden keys only depend on their fill, " + std::to_string(fill));
    if (isFinite &&
        !llvm::all_of(reader.added, [](auto &term) { return isBias(term.first); }))
      return reporter.refused(op.getLoc(), "causal-mask.added",
                              "another mask is added, which may hide keys as well");
    apply(op, reader, isLowest ? Hidden::Lowest : Hidden::Infinite, reporter);
  }

  /// What keys that causality hides score.
  enum class Hidden { Infinite, Lowest, AddsLowest };

  static double getLowest(Type element) {
    return -APFloat::getLargest(cast<FloatType>(element).getFloatSemantics()).convertToDouble();
  }

  static void apply(AttentionOp op, Reader &reader, Hidden hidden, SiteReporter &reporter) {
    OpBuilder builder(op);
    bool isBoolean = getElementTypeOrSelf(op.getMask()).isInteger(1);
    Value mask = isBoolean
                     ? joinConditions(builder, reader, reader.fills.front().conditions)
                     : joinSum(builder, reader, /*isExact=*/hidden == Hidden::AddsLowest);
    if (mask)
      op.getMaskMutable().assign(mask);
    else
      op.getMaskMutable().clear();
    op.setCausal(true);
    op.setCausalAtEnd(reader.isAtEnd);
    op.setCausalLowest(hidden == Hidden::Lowest);
    op.setCausalAddsLowest(hidden == Hidden::AddsLowest);
    reporter.applied(op.getLoc(), "causal-mask.raised",
                     mask ? "raised a part of the mask to causal" : "raised the mask to causal");
  }

  /// `value` with its dimensions in the mask's order, rank 4.
  static Value toRank4(OpBuilder &builder, Location loc, Value value, Places places,
                       unsigned numSymbols) {
    auto isVarying = [](int place) { return place >= 0; };
    // Dimensions of size 1 are anywhere.
    if (!llvm::is_sorted(SmallVector<int>(llvm::make_filter_range(places, isVarying)))) {
      auto order = llvm::to_vector(llvm::seq<int64_t>(0, places.size()));
      llvm::stable_sort(order, [&](int64_t a, int64_t b) { return places[a] < places[b]; });
      value = createTranspose(builder, loc, value, order);
      llvm::stable_sort(places);
    }
    Dims dims(4, builder.getAffineConstantExpr(1));
    for (auto [dim, place] : llvm::zip_equal(getDims(value), places))
      if (isVarying(place))
        dims[place] = dim;
    return reshapeTo(builder, loc, value, dims, numSymbols);
  }

  static Value joinConditions(OpBuilder &builder, Reader &reader, ArrayRef<Condition> conditions) {
    Location loc = reader.op.getLoc();
    Value joined;
    for (const Condition &condition : conditions) {
      Value value = toRank4(builder, loc, condition.value, condition.places, reader.numSymbols);
      if (condition.isHidden)
        value = NotOp::create(builder, loc, value.getType(), value);
      joined = joined ? createBroadcasting<AndOp>(builder, loc, joined, value, reader.numSymbols) : value;
    }
    return joined;
  }

  /// What is left of the mask: what is added, and one select for each fill.
  /// Fills that absorb scores are the lowest float but where `isExact`.
  static Value joinSum(OpBuilder &builder, Reader &reader, bool isExact) {
    Location loc = reader.op.getLoc();
    Type element = getElementTypeOrSelf(reader.op.getMask());
    Value sum;
    auto add = [&](Value term) {
      sum = sum ? createBroadcasting<AddOp>(builder, loc, sum, term, reader.numSymbols) : term;
    };
    for (const auto &[value, places] : reader.added)
      add(toRank4(builder, loc, value, places, reader.numSymbols));
    for (const Fill &fill : reader.fills) {
      Value visible = joinConditions(builder, reader, fill.conditions);
      if (!visible)
        continue;
      auto type = getTensorType(getDims(visible), element, reader.numSymbols);
      bool isKept = isExact || !isAbsorbing(fill.number) || std::isinf(fill.number);
      double number = isKept ? fill.number : getLowest(element);
      add(SelectOp::create(builder, loc, type, visible, createScalar(builder, loc, element, 0),
                           createScalar(builder, loc, element, number)));
    }
    return sum;
  }
};
} // namespace
