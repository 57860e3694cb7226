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

/// linear(reshape(transpose(x))), where the last dimension joins dimensions of x in
/// another order, is linear(reshape(x)) of a weight whose rows are permuted.
struct PermuteWeight : SimplifyPattern<LinearOp> {
  using SimplifyPattern::SimplifyPattern;
  LogicalResult matchAndRewrite(LinearOp op, PatternRewriter &rewriter) const override {
    auto reshape = op.getInput().getDefiningOp<ReshapeOp>();
    auto transpose = reshape ? reshape.getInput().getDefiningOp<TransposeOp>() : TransposeOp();
    // The packer moves a constant by one transpose.
    Value weight = op.getWeight();
    while (auto moved = weight.getDefiningOp<ReshapeOp>())
      weight = moved.getInput();
    if (!transpose || !weight.getDefiningOp<ConstantOp>())
      return rewriter.notifyMatchFailure(op, "no transpose above, or no constant");
    Value source = transpose.getInput();
    Dims from = getDims(source), moved = getDims(transpose.getResult()), to = getDims(reshape.getResult());
    unsigned numSymbols = getNumSymbols({source.getType(), reshape.getType()});
    auto groups = getReshapeGroups(moved, to, numSymbols);
    if (!groups || groups->back().outEnd - groups->back().outBegin != 1)
      return rewriter.notifyMatchFailure(op, "the last dimension is not of whole ones");
    ArrayRef<int64_t> permutation = transpose.getPermutation();
    int64_t first = groups->back().inBegin, rank = permutation.size();
    SmallVector<int64_t> sizes, order(rank - first), weightDims;
    for (int64_t dim = 0; dim < rank; ++dim) {
      std::optional<int64_t> size = getConstantDim(moved[dim]);
      if (dim < first ? permutation[dim] != dim : !size)
        return rewriter.notifyMatchFailure(op, "dimensions before the last one move");
      if (dim < first)
        continue;
      sizes.push_back(*size);
      order[permutation[dim] - first] = dim - first;
    }
    // [sizes, N] or [N, sizes], and back with the sizes in the source's order.
    bool isLast = op.getTransposeWeight();
    Type element = op.getType().getElementType();
    int64_t k = getTensorType(op.getWeight()).getDimSize(isLast ? 1 : 0);
    int64_t n = getTensorType(op.getWeight()).getDimSize(isLast ? 0 : 1);
    SmallVector<int64_t> apart(sizes), weightOrder;
    apart.insert(isLast ? apart.begin() : apart.end(), n);
    for (int64_t dim : order)
      weightOrder.push_back(dim + (isLast ? 1 : 0));
    weightOrder.insert(isLast ? weightOrder.begin() : weightOrder.end(),
                       isLast ? 0 : static_cast<int64_t>(sizes.size()));
    Location loc = op.getLoc();
    Value permuted = reshapeTo(rewriter, loc, weight, RankedTensorType::get(apart, element));
    permuted = createTranspose(rewriter, loc, permuted, weightOrder);
    permuted = reshapeTo(rewriter, loc, permuted,
                         RankedTensorType::get(isLast ? ArrayRef{n, k} : ArrayRef{k, n}, element));
    Value input = reshapeTo(rewriter, loc, source, to, numSymbols);
    Operation *linear = rewriter.clone(*op);
    linear->setOperand(0, input);
    linear->setOperand(1, permuted);
    return replace(rewriter, op, linear->getResult(0), "simplify.linear",
                   "moved a permutation into a linear's weight");
  }
};

} // namespace

void winnow::populateLinearPatterns(RewritePatternSet &patterns, SiteReporter &reporter) {
  patterns.add<ReshapeAboveLinear, TransposeBelowLinear, PermuteWeight>(patterns.getContext(), reporter);
}
