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

Value winnow::getRank4(OpBuilder &builder, Location loc, Value value,
                       const ScoreShape &scores) {
  AffineExpr one = builder.getAffineConstantExpr(1);
  value = stripBroadcasts(value);
  Dims dims = getDims(value);
  if (scores.isJoint && dims.size() <= 3) {
    while (dims.size() < 3)
      dims.insert(dims.begin(), one);
    // The joint dimension is split as the heads were.
    if (isConstantDim(dims[0], 1))
      dims.insert(dims.begin(), one);
    else if (isSameProduct({dims[0]}, {scores.dims[0], scores.dims[1]}, scores.numSymbols)) {
      dims[0] = scores.dims[1];
      dims.insert(dims.begin(), scores.dims[0]);
    } else {
      return nullptr;
    }
  }
  if (dims.size() > 4)
    return nullptr;
  while (dims.size() < 4)
    dims.insert(dims.begin(), one);
  for (auto [dim, score] : llvm::zip_equal(dims, scores.dims))
    if (!isConstantDim(dim, 1) && !isSameDim(dim, score, scores.numSymbols))
      return nullptr;
  // A joint dimension that comes from a reshape of separate ones is that
  // reshape's input again, and its broadcasts are gone with it.
  if (auto reshape = value.getDefiningOp<ReshapeOp>()) {
    Value inner = reshape.getInput();
    Dims innerDims = getDims(inner);
    if (innerDims.size() == 4 && llvm::all_of(llvm::zip_equal(innerDims, dims), [&](auto pair) {
          return isSameDim(std::get<0>(pair), std::get<1>(pair), scores.numSymbols);
        }))
      return shrink(inner);
  }
  return shrink(reshapeTo(builder, loc, value, dims, scores.numSymbols));
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
    Value value = getRank4(builder, loc, term.value, scores);
    if (!value)
      return nullptr;
    bool isHidden = term.kind == MaskTerm::HiddenWhere;
    if (term.kind == MaskTerm::Add || term.kind == MaskTerm::Subtract) {
      // The fill's stand-in, the lowest float, would overflow where it does not.
      if (mask.isFilled)
        return nullptr;
      if (term.kind == MaskTerm::Subtract)
        value = NegOp::create(builder, loc, value.getType(), value);
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
