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

/// reshape(transpose(x)) whose last dimension joins dimensions of x that are in another order
/// there. Sorted, they are that order, of the features of a value that moves less.
class MovedFeatures {
public:
  static std::optional<MovedFeatures> match(Value value);
  /// The value with its features in the order of x.
  Value createSorted(OpBuilder &b, Location loc) const;
  /// `sorted` with features in the order of the value.
  Value createMoved(OpBuilder &b, Location loc, Value sorted) const;
  /// A constant whose `axis` is features of the value, for features in the order of x.
  Value sortConstant(OpBuilder &b, Location loc, Value constant, unsigned axis) const;
  /// Nothing else is made of the value than what takes sorted features.
  bool isReadByRows() const {
    return transpose->hasOneUse() &&
           llvm::all_of(reshape->getUsers(), llvm::IsaPred<LinearOp, LayerNormOp, RMSNormOp>);
  }

private:
  ReshapeOp reshape;
  TransposeOp transpose;
  unsigned numSymbols = 0;
  SmallVector<int64_t> sortedAxes;  ///< of the transpose that moves less
  SmallVector<int64_t> sizes, order; ///< of the features' dimensions, sorted; and where each is moved from
};

std::optional<MovedFeatures> MovedFeatures::match(Value value) {
  MovedFeatures result;
  result.reshape = value.getDefiningOp<ReshapeOp>();
  if (!result.reshape)
    return std::nullopt;
  result.transpose = result.reshape.getInput().getDefiningOp<TransposeOp>();
  if (!result.transpose)
    return std::nullopt;
  Dims moved = getDims(result.transpose.getResult()), to = getDims(value);
  result.numSymbols = getNumSymbols({result.transpose.getType(), value.getType()});
  auto groups = getReshapeGroups(moved, to, result.numSymbols);
  if (!groups || groups->back().outEnd - groups->back().outBegin != 1)
    return std::nullopt;
  result.sortedAxes.assign(result.transpose.getPermutation().begin(),
                           result.transpose.getPermutation().end());
  MutableArrayRef<int64_t> last = MutableArrayRef(result.sortedAxes).drop_front(groups->back().inBegin);
  if (llvm::is_sorted(last))
    return std::nullopt;
  SmallVector<int64_t> before(last.begin(), last.end());
  llvm::sort(last);
  Dims source = getDims(result.transpose.getInput());
  for (int64_t axis : last) {
    std::optional<int64_t> size = getConstantDim(source[axis]);
    if (!size)
      return std::nullopt;
    result.sizes.push_back(*size);
  }
  for (int64_t axis : before)
    result.order.push_back(llvm::find(last, axis) - last.begin());
  return result;
}

Value MovedFeatures::createSorted(OpBuilder &b, Location loc) const {
  ReshapeOp shape = reshape;
  TransposeOp moved = transpose;
  Value value = createTranspose(b, loc, moved.getInput(), sortedAxes);
  return reshapeTo(b, loc, value, getTensorType(shape.getResult()));
}

Value MovedFeatures::createMoved(OpBuilder &b, Location loc, Value sorted) const {
  Dims dims = getDims(sorted), apart = dims;
  apart.pop_back();
  SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(0, apart.size()));
  for (int64_t from : order)
    axes.push_back(apart.size() + from);
  for (int64_t size : sizes)
    apart.push_back(b.getAffineConstantExpr(size));
  Value value = createTranspose(b, loc, reshapeTo(b, loc, sorted, apart, numSymbols), axes);
  return reshapeTo(b, loc, value, dims, numSymbols);
}

Value MovedFeatures::sortConstant(OpBuilder &b, Location loc, Value constant, unsigned axis) const {
  auto type = getTensorType(constant);
  int64_t rank = sizes.size();
  SmallVector<int64_t> apart, axes;
  for (int64_t dim = 0; dim < type.getRank(); ++dim) {
    if (dim != axis) {
      axes.push_back(apart.size());
      apart.push_back(type.getDimSize(dim));
      continue;
    }
    SmallVector<int64_t> back(rank);
    for (auto [to, from] : llvm::enumerate(order))
      back[from] = apart.size() + to;
    for (int64_t from : order)
      apart.push_back(sizes[from]);
    llvm::append_range(axes, back);
  }
  Value value = reshapeTo(b, loc, constant, RankedTensorType::get(apart, type.getElementType()));
  return reshapeTo(b, loc, createTranspose(b, loc, value, axes), type);
}

/// Moved when it is stored: the packer moves a constant by one transpose.
bool isStored(Value value) {
  while (auto reshape = value.getDefiningOp<ReshapeOp>())
    value = reshape.getInput();
  return value.getDefiningOp<ConstantOp>() != nullptr;
}

/// linear(f(x)), where f moves features, is linear(x) of a weight whose rows are moved.
struct PermuteWeight : SimplifyPattern<LinearOp> {
  using SimplifyPattern::SimplifyPattern;
  LogicalResult matchAndRewrite(LinearOp op, PatternRewriter &rewriter) const override {
    auto features = MovedFeatures::match(op.getInput());
    if (!features || !isStored(op.getWeight()))
      return rewriter.notifyMatchFailure(op, "no moved features, or no constant");
    Location loc = op.getLoc();
    Value input = features->createSorted(rewriter, loc);
    Value weight = features->sortConstant(rewriter, loc, op.getWeight(), op.getTransposeWeight() ? 1 : 0);
    auto linear = cast<LinearOp>(rewriter.clone(*op));
    linear.getInputMutable().assign(input);
    linear.getWeightMutable().assign(weight);
    return replace(rewriter, op, linear.getResult(), "simplify.linear",
                   "moved a permutation into a linear's weight");
  }
};

/// linear(x) + f(y) is f(linear(x) + y) of a weight whose columns are moved. So an order of
/// features moves down a residual stream, until something else undoes it.
struct PermuteResidual : SimplifyPattern<LinearOp> {
  using SimplifyPattern::SimplifyPattern;
  LogicalResult matchAndRewrite(LinearOp op, PatternRewriter &rewriter) const override {
    auto features = op.getResidual() ? MovedFeatures::match(op.getResidual()) : std::nullopt;
    if (!features || !features->isReadByRows() || !isStored(op.getWeight()) ||
        (op.getBias() && !isStored(op.getBias())) || op.getRational())
      return rewriter.notifyMatchFailure(op, "no moved features, or not for rows only");
    Location loc = op.getLoc();
    Value residual = features->createSorted(rewriter, loc);
    Value weight = features->sortConstant(rewriter, loc, op.getWeight(), op.getTransposeWeight() ? 0 : 1);
    Value bias = op.getBias() ? features->sortConstant(rewriter, loc, op.getBias(), 0) : Value();
    auto linear = cast<LinearOp>(rewriter.clone(*op));
    linear.getResidualMutable().assign(residual);
    linear.getWeightMutable().assign(weight);
    if (bias)
      linear.getBiasMutable().assign(bias);
    return replace(rewriter, op, features->createMoved(rewriter, loc, linear.getResult()),
                   "simplify.linear", "moved an order of features below a linear");
  }
};

/// norm(f(x)) is f(norm(x)) of a scale and bias that are moved.
template <typename OpTy> struct PermuteNorm : SimplifyPattern<OpTy> {
  using SimplifyPattern<OpTy>::SimplifyPattern;
  LogicalResult matchAndRewrite(OpTy op, PatternRewriter &rewriter) const override {
    auto features = MovedFeatures::match(op.getInput());
    if (!features || !features->isReadByRows() || op.getResidual() || op.getRational())
      return rewriter.notifyMatchFailure(op, "no moved features, or not for rows only");
    SmallVector<Value> operands = {features->createSorted(rewriter, op.getLoc())};
    for (Value vector : llvm::drop_begin(op->getOperands())) {
      if (!isStored(vector))
        return rewriter.notifyMatchFailure(op, "a scale that is no constant");
      operands.push_back(features->sortConstant(rewriter, op.getLoc(), vector, 0));
    }
    Operation *norm = rewriter.clone(*op);
    norm->setOperands(operands);
    return this->replace(rewriter, op, features->createMoved(rewriter, op.getLoc(), norm->getResult(0)),
                         "simplify.linear", "moved an order of features below a norm");
  }
};

} // namespace

void winnow::populateLinearPatterns(RewritePatternSet &patterns, SiteReporter &reporter) {
  patterns.add<ReshapeAboveLinear, TransposeBelowLinear, PermuteWeight, PermuteResidual,
               PermuteNorm<LayerNormOp>, PermuteNorm<RMSNormOp>>(patterns.getContext(), reporter);
}
