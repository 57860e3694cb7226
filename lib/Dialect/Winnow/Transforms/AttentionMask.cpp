#include "AttentionMask.h"

#include <cmath>
#include <limits>

using namespace mlir;
using namespace winnow;

/// Where a rank 4 mask's dimensions may be dropped to 1, because it is the
/// reshape of something broadcast: looks for the smallest producer.
static Value shrink(Value value) {
  while (auto broadcast = value.getDefiningOp<BroadcastToOp>()) {
    if (getTensorType(broadcast.getInput()).getRank() != getTensorType(value).getRank())
      break;
    value = broadcast.getInput();
  }
  return value;
}

/// One group of the leading dimensions of a mask as batch and heads: what the
/// group's result dimensions are. Writes the dimensions that the mask must be
/// broadcast to before that to `widened`.
static void joinGroup(const ReshapeGroup &group, ArrayRef<AffineExpr> level,
                      const ScoreShape &scores, Dims &widened, Dims &result) {
  auto isUnit = [](AffineExpr dim) { return isConstantDim(dim, 1); };
  ArrayRef<AffineExpr> own = ArrayRef(widened).slice(group.inBegin, group.inEnd - group.inBegin);
  if (llvm::all_of(own, isUnit))
    return;
  // Leading dimensions that it does not have repeat it as a whole.
  unsigned first = group.inBegin;
  while (isUnit(widened[first]) && !isUnit(level[first]))
    ++first;
  bool isSuffix = true, isStatic = true;
  AffineExpr entries = getAffineConstantExpr(1, level.front().getContext());
  for (unsigned i = first; i < group.inEnd; ++i) {
    isSuffix &= isSameDim(widened[i], level[i], scores.numSymbols);
    isStatic &= getConstantDim(widened[i]).has_value();
    entries = entries * widened[i];
  }
  bool isWhole = isSuffix && first == group.inBegin;
  if (!isWhole && isSuffix && isStatic && group.outBegin == 0 && group.outEnd == 1) {
    result[0] = entries;
    return;
  }
  for (unsigned i = group.inBegin; i < group.inEnd; ++i)
    widened[i] = level[i];
  for (unsigned i = group.outBegin; i < group.outEnd; ++i)
    result[i] = scores.dims[i];
}

Value winnow::getRank4(OpBuilder &builder, Location loc, Value value,
                       ArrayRef<AffineExpr> level, const ScoreShape &scores) {
  AffineExpr one = builder.getAffineConstantExpr(1);
  value = stripBroadcasts(value);
  Dims dims = getDims(value);
  if (dims.size() > level.size())
    return nullptr;
  dims.insert(dims.begin(), level.size() - dims.size(), one);
  for (auto [dim, score] : llvm::zip_equal(dims, level))
    if (!isConstantDim(dim, 1) && !isSameDim(dim, score, scores.numSymbols))
      return nullptr;
  auto groups = getReshapeGroups(level.drop_back(2), ArrayRef(scores.dims).take_front(2),
                                 scores.numSymbols);
  if (!groups)
    return nullptr;
  Dims widened = dims, result = {one, one, dims[dims.size() - 2], dims.back()};
  for (const ReshapeGroup &group : *groups)
    joinGroup(group, level, scores, widened, result);
  // A joint dimension that comes from a reshape of separate ones is that
  // reshape's input again, and its broadcasts are gone with it.
  if (auto reshape = value.getDefiningOp<ReshapeOp>()) {
    Value inner = reshape.getInput();
    Dims innerDims = getDims(inner);
    if (innerDims.size() == 4 && llvm::all_of(llvm::zip_equal(innerDims, result), [&](auto pair) {
          return isSameDim(std::get<0>(pair), std::get<1>(pair), scores.numSymbols);
        }))
      return shrink(inner);
  }
  if (widened != ArrayRef(dims)) {
    value = reshapeTo(builder, loc, value, dims, scores.numSymbols);
    value = BroadcastToOp::create(
        builder, loc, getTensorType(widened, getElementTypeOrSelf(value), scores.numSymbols),
        value);
  }
  return shrink(reshapeTo(builder, loc, value, result, scores.numSymbols));
}

/// The type of both operands broadcast together.
static RankedTensorType getJointType(Value a, Value b, Type elementType, unsigned numSymbols) {
  FailureOr<Dims> dims = broadcastDims({getDims(a), getDims(b)}, numSymbols);
  return getTensorType(*dims, elementType, numSymbols);
}

namespace {
/// The masks so far, from the scores down: `added` first, then minus infinity
/// where `visible` is false.
struct MaskBuilder {
  OpBuilder &builder;
  Location loc;
  unsigned numSymbols;
  Type elementType;
  Value added, visible;
  /// Some scores were replaced by a number that is not the lowest float.
  bool isFilled = false;

  Value scalar(double value) { return createScalar(builder, loc, elementType, value); }

  void add(Value value) {
    if (added)
      value = AddOp::create(builder, loc, getJointType(added, value, elementType, numSymbols),
                            added, value);
    added = value;
  }

  /// Replaces hidden scores' masks by a number.
  void fill(Value condition, bool isHidden, double number) {
    Value kept = added ? added : scalar(0), filled = scalar(number);
    added = SelectOp::create(builder, loc, getJointType(condition, kept, elementType, numSymbols),
                             condition, isHidden ? filled : kept, isHidden ? kept : filled);
  }

  void hide(Value condition, bool isHidden) {
    if (isHidden)
      condition = NotOp::create(builder, loc, condition.getType(), condition);
    if (visible)
      condition = AndOp::create(
          builder, loc, getJointType(visible, condition, builder.getI1Type(), numSymbols),
          visible, condition);
    visible = condition;
  }

  /// Writes minus infinity into the added mask.
  void settle() {
    if (visible)
      fill(visible, /*isHidden=*/false, -std::numeric_limits<double>::infinity());
    visible = nullptr;
  }
};
} // namespace

Value winnow::combineMasks(OpBuilder &builder, Location loc, ArrayRef<MaskTerm> terms,
                           const ScoreShape &scores, Type elementType) {
  MaskBuilder mask{builder, loc, scores.numSymbols, elementType, {}, {}};
  double lowest =
      -APFloat::getLargest(cast<FloatType>(elementType).getFloatSemantics()).convertToDouble();
  // The terms were met from the softmax up, and apply from the scores down.
  for (const MaskTerm &term : llvm::reverse(terms)) {
    if (term.kind == MaskTerm::Bound) {
      mask.settle();
      // The scores themselves are far above it.
      if (mask.added)
        mask.added = MaximumOp::create(builder, loc, mask.added.getType(), mask.added,
                                       mask.scalar(lowest));
      continue;
    }
    Value value = getRank4(builder, loc, term.value, term.level, scores);
    if (!value)
      return nullptr;
    bool isHidden = term.kind == MaskTerm::HiddenWhere;
    if (term.kind == MaskTerm::Add) {
      // The fill's stand-in, the lowest float, would overflow where it does not.
      if (mask.isFilled)
        return nullptr;
      if (term.factor == -1)
        value = NegOp::create(builder, loc, value.getType(), value);
      else if (term.factor != 1)
        value = MulOp::create(builder, loc, value.getType(), value, mask.scalar(term.factor));
      mask.add(value);
    } else if (std::isinf(term.fill)) {
      mask.hide(value, isHidden);
    } else {
      // The lowest float absorbs any score, as a fill replaces it, and replaces
      // minus infinity too.
      mask.settle();
      mask.fill(value, isHidden, lowest);
      mask.isFilled |= term.fill != lowest;
    }
  }
  if (mask.added)
    mask.settle();
  return mask.added ? mask.added : mask.visible;
}
