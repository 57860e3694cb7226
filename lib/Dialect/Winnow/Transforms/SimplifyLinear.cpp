#include "Simplify.h"

using namespace mlir;
using namespace winnow;

static bool isActivation(Operation *op) {
  return isa_and_nonnull<GeluOp, ReluOp, TanhOp, SigmoidOp, GroupRationalOp>(op);
}

namespace {

/// reshape(linear(x)) is linear(reshape(x)) where the last dimension stays:
/// exporters of Gemm flatten tokens first and unflatten them afterwards.
struct ReshapeAboveLinear : SimplifyPattern<ReshapeOp> {
  using SimplifyPattern::SimplifyPattern;
  LogicalResult matchAndRewrite(ReshapeOp op, PatternRewriter &rewriter) const override {
    Operation *above = op.getInput().getDefiningOp();
    auto linear = dyn_cast_or_null<LinearOp>(above);
    unsigned numSymbols = getNumSymbols({op.getType(), op.getInput().getType()});
    Dims out = getDims(op.getResult()), in = getDims(op.getInput());
    // Only towards higher ranks, so that linears of one input keep one form.
    if (!above || !above->hasOneUse() || out.size() <= in.size() || in.empty() ||
        !isSameDim(out.back(), in.back(), numSymbols))
      return rewriter.notifyMatchFailure(op, "splits the last dimension, or is of no use");
    if (!(linear && !linear.getResidual()) && !(isActivation(above) && comesFromLinear(above)))
      return rewriter.notifyMatchFailure(op, "no linear above");
    Value source = above->getOperand(0);
    Dims dims = out;
    dims.back() = getDims(source).back();
    source = reshapeTo(rewriter, op.getLoc(), source, dims, numSymbols);
    Operation *moved = rewriter.clone(*above);
    moved->setOperand(0, source);
    moved->getResult(0).setType(op.getType());
    return replace(rewriter, op, moved->getResult(0), "simplify.linear",
                   "moved a reshape above a linear");
  }

  static bool comesFromLinear(Operation *op) {
    Operation *linear = op->getOperand(0).getDefiningOp();
    return isa_and_nonnull<LinearOp>(linear) && linear->hasOneUse();
  }
};

/// linear(transpose(x)) is transpose(linear(x)) where the last dimension stays:
/// sequence-first attention transposes before its first linear, and back after
/// its last.
struct TransposeBelowLinear : SimplifyPattern<LinearOp> {
  using SimplifyPattern::SimplifyPattern;
  LogicalResult matchAndRewrite(LinearOp op, PatternRewriter &rewriter) const override {
    auto transpose = op.getInput().getDefiningOp<TransposeOp>();
    if (!transpose || op.getResidual() ||
        transpose.getPermutation().back() + 1 != getTensorType(transpose).getRank())
      return rewriter.notifyMatchFailure(op, "no transpose of leading dimensions above");
    if (!isMovedOn(op.getResult()))
      return rewriter.notifyMatchFailure(op, "no movement below, which might undo it");
    Dims dims = getDims(transpose.getInput());
    dims.back() = getDims(op.getResult()).back();
    auto type = getTensorType(dims, op.getType().getElementType(), getNumSymbols(op.getType()));
    Value value = LinearOp::create(rewriter, op.getLoc(), type, transpose.getInput(),
                                   op.getWeight(), op.getBias(), /*residual=*/Value(),
                                   op.getActivationAttr(), op.getTransposeWeightAttr(),
                                   op.getRationalAttr());
    value = createTranspose(rewriter, op.getLoc(), value, transpose.getPermutation());
    return replace(rewriter, op, value, "simplify.linear", "moved a transpose below a linear");
  }

  static bool isMovedOn(Value value) {
    return llvm::all_of(value.getUsers(), llvm::IsaPred<ReshapeOp, TransposeOp, SliceOp>);
  }
};

} // namespace

void winnow::populateLinearPatterns(RewritePatternSet &patterns, SiteReporter &reporter) {
  patterns.add<ReshapeAboveLinear, TransposeBelowLinear>(patterns.getContext(), reporter);
}
