#include "Simplify.h"

using namespace mlir;
using namespace winnow;

namespace {

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

/// attention broadcasts its mask itself.
struct AttentionMaskBroadcast : SimplifyPattern<AttentionOp> {
  using SimplifyPattern::SimplifyPattern;
  LogicalResult matchAndRewrite(AttentionOp op, PatternRewriter &rewriter) const override {
    auto broadcast = op.getMask() ? op.getMask().getDefiningOp<BroadcastToOp>() : nullptr;
    if (!broadcast)
      return rewriter.notifyMatchFailure(op, "no broadcast above");
    Dims dims = getDims(broadcast.getInput());
    dims.insert(dims.begin(), 4 - dims.size(), rewriter.getAffineConstantExpr(1));
    Value mask = reshapeTo(rewriter, op.getLoc(), broadcast.getInput(), dims,
                           getNumSymbols(broadcast.getType()));
    reporter.counted(op.getLoc(), "simplify.broadcast", "moved a broadcast below an operation");
    rewriter.modifyOpInPlace(op, [&] { op.getMaskMutable().assign(mask); });
    return success();
  }
};

/// A mask that hides nothing.
struct AttentionMaskOfNothing : SimplifyPattern<AttentionOp> {
  using SimplifyPattern::SimplifyPattern;
  LogicalResult matchAndRewrite(AttentionOp op, PatternRewriter &rewriter) const override {
    Value mask = op.getMask();
    if (!mask || !isScalarConstant(mask, getElementTypeOrSelf(mask).isInteger(1) ? 1 : 0))
      return rewriter.notifyMatchFailure(op, "no mask of one value that changes nothing");
    reporter.counted(op.getLoc(), "simplify.mask", "dropped a mask that hides nothing");
    rewriter.modifyOpInPlace(op, [&] { op.getMaskMutable().clear(); });
    return success();
  }
};

/// Heads that are repeated for groups of queries' heads, as they are before:
/// `base` has fewer at the same dimension.
struct Repeat {
  Value base;
  Dims dims;
  int64_t heads = 0;
  /// From the repeated heads down to the operand.
  SmallVector<Operation *> path;
};

/// Looks for the repeat of dimension `axis`; builds nothing.
std::optional<Repeat> matchRepeat(Value value, size_t axis) {
  Repeat repeat;
  while (Operation *op = value.getDefiningOp()) {
    if (auto transpose = dyn_cast<TransposeOp>(op)) {
      axis = transpose.getPermutation()[axis];
    } else if (!isa<MulOp, DivOp>(op) || op->getOperand(0).getType() != value.getType() ||
               !getScalarConstant(op->getOperand(1))) {
      break;
    }
    repeat.path.push_back(op);
    value = op->getOperand(0);
  }
  std::reverse(repeat.path.begin(), repeat.path.end());
  Value source = value;
  while (auto reshape = source.getDefiningOp<ReshapeOp>())
    source = reshape.getInput();
  auto broadcast = source.getDefiningOp<BroadcastToOp>();
  if (!broadcast)
    return std::nullopt;
  Dims in = getDims(broadcast.getInput()), middle = getDims(source), out = getDims(value);
  in.insert(in.begin(), middle.size() - in.size(), getAffineConstantExpr(1, value.getContext()));
  unsigned numSymbols = getNumSymbols({value.getType(), source.getType()});
  auto groups = getReshapeGroups(middle, out, numSymbols);
  if (!groups)
    return std::nullopt;
  repeat.base = broadcast.getInput();
  repeat.dims = out;
  for (const ReshapeGroup &group : *groups) {
    bool holdsHeads = group.outBegin <= axis && axis < group.outEnd;
    for (unsigned i = group.outBegin; holdsHeads && i < group.outEnd; ++i)
      if (i != axis && !isConstantDim(out[i], 1))
        return std::nullopt;
    // Copies of a head follow each other, so that they come last.
    AffineExpr heads = getAffineConstantExpr(1, value.getContext());
    bool isRepeated = false;
    for (unsigned i = group.inBegin; i < group.inEnd; ++i) {
      bool isSame = isSameDim(in[i], middle[i], numSymbols);
      if (!isSame && !holdsHeads)
        return std::nullopt;
      if (isSame && isRepeated && !isConstantDim(in[i], 1))
        return std::nullopt;
      isRepeated |= !isSame;
      heads = heads * in[i];
    }
    if (holdsHeads && !isRepeated)
      return std::nullopt;
    if (holdsHeads)
      repeat.dims[axis] = heads;
  }
  std::optional<int64_t> heads = getConstantDim(repeat.dims[axis]);
  if (!heads)
    return std::nullopt;
  repeat.heads = *heads;
  return repeat;
}

Value build(PatternRewriter &rewriter, const Repeat &repeat) {
  unsigned numSymbols = getNumSymbols(repeat.base.getType());
  for (Operation *op : repeat.path)
    numSymbols = std::max(numSymbols, getNumSymbols(op->getResult(0).getType()));
  Location loc = repeat.base.getLoc();
  Value value = reshapeTo(rewriter, loc, repeat.base, repeat.dims, numSymbols);
  for (Operation *op : repeat.path) {
    if (auto transpose = dyn_cast<TransposeOp>(op)) {
      value = createTranspose(rewriter, op->getLoc(), value, transpose.getPermutation());
      continue;
    }
    Operation *scaled = rewriter.clone(*op);
    scaled->setOperand(0, value);
    scaled->getResult(0).setType(value.getType());
    value = scaled->getResult(0);
  }
  return value;
}

/// attention shares the heads of keys and values between groups itself.
struct AttentionHeadRepeat : SimplifyPattern<AttentionOp> {
  using SimplifyPattern::SimplifyPattern;
  LogicalResult matchAndRewrite(AttentionOp op, PatternRewriter &rewriter) const override {
    constexpr size_t kHeads = 2;
    std::optional<Repeat> key = matchRepeat(op.getKey(), kHeads);
    std::optional<Repeat> value = key ? matchRepeat(op.getValue(), kHeads) : std::nullopt;
    if (!value || key->heads != value->heads)
      return rewriter.notifyMatchFailure(op, "no repeat of heads above");
    Value fewKeys = build(rewriter, *key), fewValues = build(rewriter, *value);
    reporter.counted(op.getLoc(), "simplify.head-repeat",
                     "left the repeat of keys and values to attention");
    rewriter.modifyOpInPlace(op, [&] {
      op.getKeyMutable().assign(fewKeys);
      op.getValueMutable().assign(fewValues);
    });
    return success();
  }
};

//===----------------------------------------------------------------------===//
// Rotary embedding
//===----------------------------------------------------------------------===//

/// rotary(transpose(x)) is transpose(rotary(x)): next to attention transposes
/// meet and cancel.
struct TransposeBelowRotary : SimplifyPattern<RotaryOp> {
  using SimplifyPattern::SimplifyPattern;
  LogicalResult matchAndRewrite(RotaryOp op, PatternRewriter &rewriter) const override {
    auto transpose = op.getInput().getDefiningOp<TransposeOp>();
    int64_t rank = op.getType().getRank();
    if (!transpose || !transpose->hasOneUse() || transpose.getPermutation().back() != rank - 1)
      return rewriter.notifyMatchFailure(op, "no transpose above that leaves pairs together");
    SmallVector<int64_t> inverse(rank);
    for (auto [i, from] : llvm::enumerate(transpose.getPermutation()))
      inverse[from] = i;
    auto move = [&](Value angles) {
      Dims dims = getDims(angles);
      dims.insert(dims.begin(), rank - dims.size(), rewriter.getAffineConstantExpr(1));
      Value full = reshapeTo(rewriter, op.getLoc(), angles, dims, getNumSymbols(angles.getType()));
      return createTranspose(rewriter, op.getLoc(), full, inverse);
    };
    Value cos = move(op.getCos()), sin = move(op.getSin());
    Value turned = RotaryOp::create(rewriter, op.getLoc(), transpose.getInput().getType(),
                                    transpose.getInput(), cos, sin, op.getInterleavedAttr());
    turned = createTranspose(rewriter, op.getLoc(), turned, transpose.getPermutation());
    return replace(rewriter, op, turned, "simplify.rotary", "moved a transpose below a rotary");
  }
};

} // namespace

void winnow::populateAttentionPatterns(RewritePatternSet &patterns, SiteReporter &reporter) {
  patterns.add<AttentionMaskBroadcast, AttentionMaskOfNothing, AttentionHeadRepeat, TransposeBelowRotary>(
      patterns.getContext(), reporter);
}
