#include "MaskReader.h"
#include "winnow/Dialect/Winnow/IR/DimAlgebra.h"

#include <cmath>

using namespace mlir;
using namespace winnow;

/// The constants of a bias are no larger.
static constexpr double kModerate = 1e3;

static bool isModerateConstant(ElementsAttr elements) {
  SmallVector<float> storage;
  std::optional<ArrayRef<float>> floats = getFloats(elements, storage);
  return floats && llvm::all_of(*floats, [](float x) { return std::fabs(x) <= kModerate; });
}

bool winnow::isBias(Value value, unsigned depth) {
  Operation *op = value.getDefiningOp();
  if (!isa<FloatType>(getElementTypeOrSelf(value)))
    return true;
  if (!op || depth > 16)
    return false;
  if (ElementsAttr elements = getConstantElements(value))
    return isModerateConstant(elements);
  return isa<AddOp, SubOp, MulOp, NegOp, AbsOp, SelectOp, CastOp, ConcatOp, GatherOp, GatherNDOp,
             ReshapeOp, TransposeOp, BroadcastToOp, SliceOp>(op) &&
         llvm::all_of(op->getOperands(), [&](Value operand) { return isBias(operand, depth + 1); });
}

double winnow::getLowest(Type element) {
  return -APFloat::getLargest(cast<FloatType>(element).getFloatSemantics()).convertToDouble();
}

MaskReader::MaskReader(AttentionOp op) : op(op) {
  symbols = getSymbols(op->getParentOfType<FunctionOpInterface>());
  numSymbols = symbols.size();
  queries = getDims(op.getQuery())[1];
  keys = getDims(op.getKey())[1];
}

bool MaskReader::read() {
  Places places = alignPlaces({0, 1, 2, 3}, op.getMask());
  if (!getElementTypeOrSelf(op.getMask()).isInteger(1))
    return readSum(op.getMask(), places);
  fills.push_back({-std::numeric_limits<double>::infinity()});
  readCondition(op.getMask(), places, /*isHidden=*/false, fills.back());
  return true;
}

bool MaskReader::seesSomeKey() {
  return !isAtEnd || getDimRange(keys - queries, symbols).min.value_or(-1) >= 0;
}

bool MaskReader::addsLowest(double lowest) const {
  const MaskFill *causal = nullptr;
  for (const MaskFill &fill : fills) {
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

bool MaskReader::take(const Band &band, MaskFill &into) {
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

void MaskReader::readCondition(Value value, ArrayRef<int> places, bool isHidden, MaskFill &into) {
  Operation *definition = isTooLarge() ? nullptr : value.getDefiningOp();
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

bool MaskReader::readSum(Value value, ArrayRef<int> places, MaskFill *outer) {
  Operation *definition = isTooLarge() ? nullptr : value.getDefiningOp();
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
  auto start = [&](double number) -> MaskFill * {
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
      MaskFill *fill = start(*number);
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
    MaskFill probe{band->fill};
    if (take(*band, probe)) {
      MaskFill *fill = start(band->fill);
      if (fill)
        fill->isCausal = true;
      return fill;
    }
  }
  added.push_back({value, Places(places)});
  return true;
}

//===----------------------------------------------------------------------===//
// What is left of a mask
//===----------------------------------------------------------------------===//

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

Value MaskReader::joinConditions(OpBuilder &builder, ArrayRef<MaskCondition> conditions) const {
  Location loc = op->getLoc();
  Value joined;
  for (const MaskCondition &condition : conditions) {
    Value value = toRank4(builder, loc, condition.value, condition.places, numSymbols);
    if (condition.isHidden)
      value = NotOp::create(builder, loc, value.getType(), value);
    joined = joined ? createBroadcasting<AndOp>(builder, loc, joined, value, numSymbols) : value;
  }
  return joined;
}

Value MaskReader::join(OpBuilder &builder, bool isExact) const {
  Location loc = op->getLoc();
  AttentionOp attention = op;
  Type element = getElementTypeOrSelf(attention.getMask());
  if (element.isInteger(1))
    return joinConditions(builder, fills.front().conditions);
  Value sum;
  auto add = [&](Value term) {
    sum = sum ? createBroadcasting<AddOp>(builder, loc, sum, term, numSymbols) : term;
  };
  for (const auto &[value, places] : added)
    add(toRank4(builder, loc, value, places, numSymbols));
  for (const MaskFill &fill : fills) {
    Value visible = joinConditions(builder, fill.conditions);
    if (!visible)
      continue;
    auto type = getTensorType(getDims(visible), element, numSymbols);
    bool isKept = isExact || !isAbsorbing(fill.number) || std::isinf(fill.number);
    double number = isKept ? fill.number : getLowest(element);
    add(SelectOp::create(builder, loc, type, visible, createScalar(builder, loc, element, 0),
                         createScalar(builder, loc, element, number)));
  }
  return sum;
}
