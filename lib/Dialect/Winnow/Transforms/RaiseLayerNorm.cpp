#include "NormMatch.h"
#include "winnow/Dialect/Winnow/Transforms/Passes.h"
#include "winnow/Dialect/Winnow/Transforms/Report.h"

using namespace mlir;
using namespace winnow;

namespace winnow {
#define GEN_PASS_DEF_RAISELAYERNORM
#include "winnow/Dialect/Winnow/Transforms/Passes.h.inc"
} // namespace winnow

namespace {
struct RaiseLayerNorm : winnow::impl::RaiseLayerNormBase<RaiseLayerNorm> {
  void runOnOperation() override {
    SiteReporter reporter(getOperation(), "raise-layer-norm");
    for (const NormRoot &root : getNormRoots(getOperation()))
      raise(root.op, root.squares, root.epsilon, reporter);
    SmallVector<RMSNormOp> norms;
    getOperation().walk([&](RMSNormOp op) { norms.push_back(op); });
    for (RMSNormOp norm : norms)
      raiseCentred(norm, reporter);
    eraseDeadOps(getOperation());
  }

  void raise(Operation *root, Value variance, double epsilon, SiteReporter &reporter) {
    Location loc = root->getLoc();
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
    auto centred = stripWidening(deviation).getDefiningOp<SubOp>();
    ReduceOp mean = centred ? getMean(centred.getRhs()) : nullptr;
    // With no mean subtracted it is raise-rms-norm's.
    if (!mean)
      return;
    Value x = centred.getLhs();
    if (!isOverLastDimension(meanOfSquare) || !isOverLastDimension(mean))
      return reporter.refused(loc, "layer-norm.axis",
                              "the mean or the variance is not over the last dimension only");
    if (mean.getInput() != x || !isColumnOf(centred.getRhs(), x))
      return reporter.refused(loc, "layer-norm.mean-of-other",
                              "the mean that is subtracted is not the mean of what it is subtracted from");
    if (!isColumnOf(root->getResult(0), x))
      return reporter.refused(loc, "layer-norm.axis", "the variance lost a dimension");

    SmallVector<Operation *> quotients = getQuotients(root, [&](Value value) {
      auto sub = stripWidening(value).getDefiningOp<SubOp>();
      ReduceOp own = sub && sub.getLhs() == x ? getMean(sub.getRhs()) : nullptr;
      return own && own.getInput() == x && isOverLastDimension(own) && isColumnOf(sub.getRhs(), x);
    });
    if (quotients.empty())
      return reporter.refused(loc, "layer-norm.no-quotient",
                              "nothing divides x - mean(x) by the root of the variance");
    for (Operation *quotient : quotients)
      for (Operation *own : splitByScale(quotient))
        build(own, x, epsilon, reporter);
  }

  /// rms_norm(x - mean(x)) is layer_norm(x).
  void raiseCentred(RMSNormOp norm, SiteReporter &reporter) {
    auto centred = norm.getInput().getDefiningOp<SubOp>();
    ReduceOp mean = centred ? getMean(centred.getRhs()) : nullptr;
    if (!mean || norm.getResidual())
      return;
    Value x = centred.getLhs();
    if (mean.getInput() != x || !isColumnOf(centred.getRhs(), x))
      return reporter.refused(norm.getLoc(), "layer-norm.mean-of-other",
                              "the mean that is subtracted is not the mean of what it is subtracted from");
    if (!isOverLastDimension(mean))
      return reporter.refused(norm.getLoc(), "layer-norm.axis",
                              "the mean is not over the last dimension only");
    Value last = norm.getResult(), scale = norm.getScale();
    if (!scale)
      scale = absorbVector<MulOp>(last);
    buildAt(last, x, scale, norm.getEpsilonAttr(), reporter);
  }

  void build(Operation *quotient, Value x, double epsilon, SiteReporter &reporter) {
    Value last = quotient->getResult(0);
    if (!narrowNorm(x, last))
      return reporter.refused(quotient->getLoc(), "layer-norm.axis",
                              "the quotient has another shape than its input");
    Value scale = absorbVector<MulOp>(last);
    Builder builder(quotient->getContext());
    buildAt(last, x, scale, builder.getF32FloatAttr(epsilon), reporter);
  }

  void buildAt(Value last, Value x, Value scale, FloatAttr epsilon, SiteReporter &reporter) {
    Value bias = absorbVector<AddOp>(last);
    Operation *end = last.getDefiningOp();
    OpBuilder builder(end);
    Location loc = end->getLoc();
    scale = scale ? asVector(builder, loc, scale) : Value();
    bias = bias ? asVector(builder, loc, bias) : Value();
    Value norm = LayerNormOp::create(builder, loc, x.getType(), x, /*residual=*/Value(), scale,
                                     bias, epsilon, RationalAttr());
    reporter.applied(loc, "layer-norm.raised", "raised to layer_norm");
    last.replaceAllUsesWith(norm);
  }
};
} // namespace
