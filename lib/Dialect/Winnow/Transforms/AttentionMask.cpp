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

Value winnow::combineMasks(OpBuilder &builder, Location loc, ArrayRef<MaskTerm> terms,
                           const ScoreShape &scores, Type elementType) {
  Value added, visible;
  auto add = [&](Value value) {
    added = added ? AddOp::create(builder, loc,
                                  getJointType(added, value, elementType, scores.numSymbols),
                                  added, value)
                  : value;
  };
  for (const MaskTerm &term : terms) {
    Value value = getRank4(builder, loc, term.value, scores);
    if (!value)
      return nullptr;
    bool isHidden = term.kind == MaskTerm::HiddenWhere;
    if (term.kind == MaskTerm::Add) {
      add(value);
    } else if (term.kind == MaskTerm::Subtract) {
      add(NegOp::create(builder, loc, value.getType(), value));
    } else if (std::isinf(term.fill)) {
      if (isHidden)
        value = NotOp::create(builder, loc, value.getType(), value);
      visible = visible ? AndOp::create(builder, loc,
                                        getJointType(visible, value, builder.getI1Type(),
                                                     scores.numSymbols),
                                        visible, value)
                        : value;
    } else {
      // The lowest float absorbs any score, as a fill replaces it.
      double lowest = -APFloat::getLargest(cast<FloatType>(elementType).getFloatSemantics())
                           .convertToDouble();
      Value zero = createScalar(builder, loc, elementType, 0);
      Value fill = createScalar(builder, loc, elementType, lowest);
      auto type = getTensorType(getDims(value), elementType, getNumSymbols(value.getType()));
      add(SelectOp::create(builder, loc, type, value, isHidden ? fill : zero,
                           isHidden ? zero : fill));
    }
  }
  if (!added || !visible)
    return added ? added : visible;
  Value hidden =
      createScalar(builder, loc, elementType, -std::numeric_limits<double>::infinity());
  return SelectOp::create(builder, loc,
                          getJointType(visible, added, elementType, scores.numSymbols), visible,
                          added, hidden);
}
