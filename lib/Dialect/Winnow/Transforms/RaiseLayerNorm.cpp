#include "Utils.h"
#include "winnow/Dialect/Winnow/Transforms/Passes.h"
#include "winnow/Dialect/Winnow/Transforms/Report.h"

using namespace mlir;
using namespace winnow;

namespace winnow {
#define GEN_PASS_DEF_RAISELAYERNORM
#include "winnow/Dialect/Winnow/Transforms/Passes.h.inc"
} // namespace winnow

/// The mean that `value` is, behind reshapes that restore a dropped dimension.
static ReduceOp getMean(Value value) {
  value = stripBroadcasts(value);
  while (auto reshape = value.getDefiningOp<ReshapeOp>())
    value = reshape.getInput();
  auto reduce = value.getDefiningOp<ReduceOp>();
  return reduce && reduce.getKind() == ReduceKind::Mean ? reduce : nullptr;
}

static bool isOverLastDimension(ReduceOp op) {
  int64_t rank = getTensorType(op.getInput()).getRank();
  return op.getAxes().size() == 1 && op.getAxes()[0] == rank - 1;
}

/// What `value` is the square of, or null.
static Value getSquareRoot(Value value) {
  if (auto mul = value.getDefiningOp<MulOp>())
    return mul.getLhs() == mul.getRhs() ? mul.getLhs() : Value();
  if (auto pow = value.getDefiningOp<PowOp>())
    return isScalarConstant(pow.getRhs(), 2) ? pow.getLhs() : Value();
  return nullptr;
}

/// Whether `mean` is [..., 1] as keepdims gives, so that `x - mean` lines up.
static bool isColumnOf(Value mean, Value x) {
  Dims dims = getDims(mean), full = getDims(x);
  unsigned numSymbols = getNumSymbols({mean.getType(), x.getType()});
  if (dims.size() != full.size() || !isConstantDim(dims.back(), 1))
    return false;
  for (size_t i = 0; i + 1 < dims.size(); ++i)
    if (!isSameDim(dims[i], full[i], numSymbols))
      return false;
  return true;
}

namespace {
struct RaiseLayerNorm : winnow::impl::RaiseLayerNormBase<RaiseLayerNorm> {
  void runOnOperation() override {
    SiteReporter reporter(getOperation(), "raise-layer-norm");
    SmallVector<Operation *> anchors;
    getOperation().walk([&](Operation *op) {
      auto pow = dyn_cast<PowOp>(op);
      if (isa<SqrtOp>(op) || (pow && isScalarConstant(pow.getRhs(), -0.5)))
        anchors.push_back(op);
    });
    for (Operation *anchor : anchors)
      raise(anchor, reporter);
    eraseDeadOps(getOperation());
  }

  void raise(Operation *root, SiteReporter &reporter) {
    Location loc = root->getLoc();
    // The root is of variance + epsilon.
    auto sum = root->getOperand(0).getDefiningOp<AddOp>();
    if (!sum)
      return;
    std::optional<double> epsilon = getScalarConstant(sum.getRhs());
    Value variance = sum.getLhs();
    if (!epsilon) {
      epsilon = getScalarConstant(sum.getLhs());
      variance = sum.getRhs();
    }
    if (!epsilon)
      return;
    if (auto difference = variance.getDefiningOp<SubOp>();
        difference && getMean(difference.getLhs()) && getSquareRoot(difference.getRhs()))
      return reporter.refused(
          loc, "layer-norm.variance-form",
          "the variance is mean(x^2) - mean(x)^2, which rounds differently from mean((x - mean)^2)");

    // The variance is the mean of the square of x - mean(x).
    ReduceOp meanOfSquare = getMean(variance);
    Value deviation = meanOfSquare ? getSquareRoot(meanOfSquare.getInput()) : Value();
    if (!deviation)
      return;
    auto centred = deviation.getDefiningOp<SubOp>();
    ReduceOp mean = centred ? getMean(centred.getRhs()) : nullptr;
    if (!mean)
      return reporter.refused(loc, "layer-norm.no-mean",
                              "no mean is subtracted before the square, as in RMS normalisation");
    Value x = centred.getLhs();
    if (!isOverLastDimension(meanOfSquare) || !isOverLastDimension(mean))
      return reporter.refused(loc, "layer-norm.axis",
                              "the mean or the variance is not over the last dimension only");
    if (mean.getInput() != x || !isColumnOf(centred.getRhs(), x))
      return reporter.refused(loc, "layer-norm.mean-of-other",
                              "the mean that is subtracted is not the mean of what it is subtracted from");
    if (!isColumnOf(root->getResult(0), x))
      return reporter.refused(loc, "layer-norm.axis", "the variance lost a dimension");

    SmallVector<Operation *> quotients = getQuotients(root, x);
    if (quotients.empty())
      return reporter.refused(loc, "layer-norm.no-quotient",
                              "nothing divides x - mean(x) by the root of the variance");
    for (Operation *quotient : quotients)
      build(quotient, x, *epsilon, reporter);
  }

  /// The ops that are (x - mean(x)) / root.
  SmallVector<Operation *> getQuotients(Operation *root, Value x) {
    SmallVector<Operation *> quotients;
    auto isDeviation = [&](Value value) {
      auto sub = value.getDefiningOp<SubOp>();
      ReduceOp mean = sub && sub.getLhs() == x ? getMean(sub.getRhs()) : nullptr;
      return mean && mean.getInput() == x && isOverLastDimension(mean) &&
             isColumnOf(sub.getRhs(), x);
    };
    auto collectProducts = [&](Value reciprocal) {
      for (Operation *user : reciprocal.getUsers())
        if (auto mul = dyn_cast<MulOp>(user))
          if (isDeviation(mul.getLhs() == reciprocal ? mul.getRhs() : mul.getLhs()))
            quotients.push_back(mul);
    };
    if (isa<PowOp>(root)) {
      collectProducts(root->getResult(0));
      return quotients;
    }
    for (Operation *user : root->getUsers()) {
      auto div = dyn_cast<DivOp>(user);
      if (isa<ReciprocalOp>(user) || (div && isScalarConstant(div.getLhs(), 1)))
        collectProducts(user->getResult(0));
      else if (div && div.getRhs() == root->getResult(0) && isDeviation(div.getLhs()))
        quotients.push_back(div);
    }
    return quotients;
  }

  /// If `value`'s only user is an OpTy with a vector of the last dimension's
  /// size, moves `value` to its result and returns the vector.
  template <typename OpTy> Value absorbVector(Value &value) {
    if (!value.hasOneUse())
      return nullptr;
    auto user = dyn_cast<OpTy>(*value.getUsers().begin());
    if (!user || user.getType() != value.getType() || user.getLhs() == user.getRhs())
      return nullptr;
    Value vector = user.getLhs() == value ? user.getRhs() : user.getLhs();
    if (!isVectorOf(vector, getDims(value).back(), getNumSymbols(value.getType())))
      return nullptr;
    value = user.getResult();
    return vector;
  }

  void build(Operation *quotient, Value x, double epsilon, SiteReporter &reporter) {
    Value last = quotient->getResult(0);
    if (last.getType() != x.getType())
      return reporter.refused(quotient->getLoc(), "layer-norm.axis",
                              "the quotient has another shape than its input");
    Value scale = absorbVector<MulOp>(last);
    Value bias = absorbVector<AddOp>(last);
    Operation *end = last.getDefiningOp();
    OpBuilder builder(end);
    Location loc = end->getLoc();
    scale = scale ? asVector(builder, loc, scale) : Value();
    bias = bias ? asVector(builder, loc, bias) : Value();
    Value norm = LayerNormOp::create(builder, loc, x.getType(), x, /*residual=*/Value(), scale,
                                     bias, builder.getF32FloatAttr(epsilon));
    reporter.applied(loc, "layer-norm.raised", "raised to layer_norm");
    last.replaceAllUsesWith(norm);
  }
};
} // namespace
