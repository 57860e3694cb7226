#include "MaskBand.h"
#include "winnow/Dialect/Winnow/IR/DimAlgebra.h"
#include "winnow/Dialect/Winnow/Transforms/Passes.h"
#include "winnow/Dialect/Winnow/Transforms/Report.h"

#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace winnow;

namespace winnow {
#define GEN_PASS_DEF_RAISECAUSALMASK
#include "winnow/Dialect/Winnow/Transforms/Passes.h.inc"
} // namespace winnow

/// A finite fill this low absorbs every score: rows that it hides as a whole
/// are uniform, whatever the fill.
static constexpr double kAbsorbingFill = -1e30;
/// A finite fill this low leaves no weight, next to a visible score.
static constexpr double kLowFill = -1e4;
/// Sums of so few such numbers as a mask has stay far from any fill.
static constexpr double kModerate = 1e3;

/// Whether every element is provably small: biases that are looked up in a
/// table, say.
static bool isModerate(Value value, unsigned depth = 0) {
  Operation *op = value.getDefiningOp();
  if (!op || depth > 16)
    return false;
  if (ElementsAttr elements = getConstantElements(value)) {
    auto type = getTensorType(value);
    auto dense = dyn_cast<DenseElementsAttr>(elements);
    if (auto resource = dyn_cast<DenseResourceElementsAttr>(elements))
      dense = DenseElementsAttr::getFromRawBuffer(type, resource.getData());
    return dense && type.getElementType().isF32() &&
           llvm::all_of(dense.getValues<float>(),
                        [](float x) { return std::fabs(x) <= kModerate; });
  }
  if (isa<AddOp, SubOp, ConcatOp>(op))
    return llvm::all_of(op->getOperands(), [&](Value v) { return isModerate(v, depth + 1); });
  return isa<GatherOp, GatherNDOp, ReshapeOp, TransposeOp, BroadcastToOp, SliceOp, NegOp>(op) &&
         isModerate(op->getOperand(0), depth + 1);
}

namespace {
/// A part of a mask that is no band: booleans over some of its dimensions.
struct Condition {
  Value value;
  Places places;
  bool isHidden;
};

/// Takes one mask apart.
struct Reader {
  AttentionOp op;
  SmallVector<SymbolInfo> symbols;
  unsigned numSymbols;
  AffineExpr queries, keys;

  /// What was found.
  bool isCausal = false, isAtEnd = false;
  std::optional<double> fill;
  unsigned numFills = 0;
  /// Fills are added to each other, which makes some lower than others.
  bool addsFills = false;
  SmallVector<Condition> conditions;
  SmallVector<std::pair<Value, Places>> added;

  explicit Reader(AttentionOp op) : op(op) {
    symbols = getSymbols(op->getParentOfType<FunctionOpInterface>());
    numSymbols = symbols.size();
    queries = getDims(op.getQuery())[1];
    keys = getDims(op.getKey())[1];
  }

  bool isBooleanMask() { return getElementTypeOrSelf(op.getMask()).isInteger(1); }
  void readCondition(Value value, ArrayRef<int> places, bool isHidden);
  bool readSum(Value value, ArrayRef<int> places);
  bool take(const Band &band);
  /// Causality leaves a key to every query.
  bool seesSomeKey() {
    return !isAtEnd || getDimRange(keys - queries, symbols).min.value_or(-1) >= 0;
  }
  bool setFill(double number) {
    if (fill && *fill != number)
      return false;
    fill = number;
    ++numFills;
    return true;
  }
};
} // namespace

/// Makes the band the op's, if it is one that the op can say.
bool Reader::take(const Band &band) {
  if (band.isAlways)
    return true;
  bool isAtStart = isSameDim(band.offset, getAffineConstantExpr(0, op.getContext()), numSymbols);
  bool endsLast = isSameDim(band.offset, keys - queries, numSymbols);
  if (!isAtStart && !endsLast)
    return false;
  if (isCausal && isAtEnd != !isAtStart)
    return false;
  isCausal = true;
  isAtEnd = !isAtStart;
  return true;
}

void Reader::readCondition(Value value, ArrayRef<int> places, bool isHidden) {
  Operation *definition = value.getDefiningOp();
  if (auto negation = dyn_cast_or_null<NotOp>(definition))
    return readCondition(negation.getInput(), places, !isHidden);
  if (isHidden ? isa_and_nonnull<OrOp>(definition) : isa_and_nonnull<AndOp>(definition)) {
    for (Value operand : definition->getOperands())
      readCondition(operand, alignPlaces(places, operand), isHidden);
    return;
  }
  if (isa_and_nonnull<ReshapeOp, BroadcastToOp, TransposeOp>(definition))
    if (std::optional<Places> input = getInputPlaces(definition, places))
      return readCondition(definition->getOperand(0), *input, isHidden);
  std::optional<Band> band;
  if (auto compare = dyn_cast_or_null<CompareOp>(definition))
    band = getComparedBand(compare, places, isHidden);
  else
    band = getConstantBand(value, places, isHidden);
  if (!band || !take(*band))
    conditions.push_back({value, Places(places), isHidden});
}

/// Reads masks that are added up; false where they do not go together.
bool Reader::readSum(Value value, ArrayRef<int> places) {
  Operation *definition = value.getDefiningOp();
  if (isa_and_nonnull<ReshapeOp, BroadcastToOp, TransposeOp>(definition))
    if (std::optional<Places> input = getInputPlaces(definition, places))
      return readSum(definition->getOperand(0), *input);
  if (auto add = dyn_cast_or_null<AddOp>(definition)) {
    unsigned before = numFills;
    if (!readSum(add.getLhs(), alignPlaces(places, add.getLhs())))
      return false;
    unsigned between = numFills;
    if (!readSum(add.getRhs(), alignPlaces(places, add.getRhs())))
      return false;
    addsFills |= before != between && between != numFills;
    return true;
  }
  if (auto select = dyn_cast_or_null<SelectOp>(definition)) {
    std::optional<double> yes = getScalarConstant(select.getOnTrue());
    std::optional<double> no = getScalarConstant(select.getOnFalse());
    bool isHidden = yes && *yes <= kLowFill;
    std::optional<double> number = isHidden ? yes : no;
    Value kept = isHidden ? select.getOnFalse() : select.getOnTrue();
    if (number && *number <= kLowFill) {
      if (!setFill(*number))
        return false;
      Value condition = select.getCondition();
      readCondition(condition, alignPlaces(places, condition), isHidden);
      return readSum(kept, alignPlaces(places, kept));
    }
  }
  if (isScalarConstant(value, 0))
    return true;
  if (std::optional<Band> band = getConstantBand(value, places, false);
      band && (band->isAlways || setFill(band->fill)) && take(*band))
    return true;
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
    bool isBoolean = reader.isBooleanMask();
    bool isRead = true;
    if (isBoolean)
      reader.readCondition(op.getMask(), places, /*isHidden=*/false);
    else
      isRead = reader.readSum(op.getMask(), places);
    if (!isRead)
      return reporter.refused(op.getLoc(), "causal-mask.fill",
                              "parts of the mask hide keys by different numbers");
    if (!reader.isCausal)
      return;

    // Rows of which every key is hidden are where a finite fill shows.
    bool isFinite = !isBoolean && reader.fill && !std::isinf(*reader.fill);
    bool isLowest = isFinite && (!reader.conditions.empty() || !reader.seesSomeKey());
    if (isLowest && (*reader.fill > kAbsorbingFill || reader.addsFills ||
                     !getElementTypeOrSelf(op.getMask()).isF32()))
      return reporter.refused(
          op.getLoc(), "causal-mask.fill",
          "rows of hidden keys only depend on their fill, " + std::to_string(*reader.fill));
    if (isFinite && !llvm::all_of(reader.added, [](auto &term) { return isModerate(term.first); }))
      return reporter.refused(op.getLoc(), "causal-mask.added",
                              "another mask is added, whose numbers are not known to be small");

    OpBuilder builder(op);
    Value mask = isBoolean ? joinConditions(builder, reader) : joinSum(builder, reader);
    if (mask)
      op.getMaskMutable().assign(mask);
    else
      op.getMaskMutable().clear();
    op.setCausal(true);
    op.setCausalAtEnd(reader.isAtEnd);
    op.setCausalLowest(isLowest);
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

  static Value joinConditions(OpBuilder &builder, Reader &reader) {
    Location loc = reader.op.getLoc();
    Value joined;
    for (const Condition &condition : reader.conditions) {
      Value value = toRank4(builder, loc, condition.value, condition.places, reader.numSymbols);
      if (condition.isHidden)
        value = NotOp::create(builder, loc, value.getType(), value);
      joined = joined ? broadcastBinary<AndOp>(builder, loc, joined, value, reader.numSymbols) : value;
    }
    return joined;
  }

  static Value joinSum(OpBuilder &builder, Reader &reader) {
    Location loc = reader.op.getLoc();
    Type element = getElementTypeOrSelf(reader.op.getMask());
    Value sum;
    for (const auto &[value, places] : reader.added) {
      Value term = toRank4(builder, loc, value, places, reader.numSymbols);
      sum = sum ? broadcastBinary<AddOp>(builder, loc, sum, term, reader.numSymbols) : term;
    }
    Value visible = joinConditions(builder, reader);
    if (!visible)
      return sum;
    double fill = std::isinf(*reader.fill)
                      ? *reader.fill
                      : -APFloat::getLargest(cast<FloatType>(element).getFloatSemantics())
                             .convertToDouble();
    Value kept = sum ? sum : createScalar(builder, loc, element, 0);
    FailureOr<Dims> dims = broadcastDims({getDims(visible), getDims(kept)}, reader.numSymbols);
    return SelectOp::create(builder, loc, getTensorType(*dims, element, reader.numSymbols), visible,
                            kept, createScalar(builder, loc, element, fill));
  }

  template <typename OpTy>
  static Value broadcastBinary(OpBuilder &builder, Location loc, Value a, Value b,
                               unsigned numSymbols) {
    FailureOr<Dims> dims = broadcastDims({getDims(a), getDims(b)}, numSymbols);
    return OpTy::create(builder, loc,
                        getTensorType(*dims, getElementTypeOrSelf(a), numSymbols), a, b);
  }
};
} // namespace
