#include "NormMatch.h"
#include "winnow/Dialect/Winnow/Transforms/Passes.h"
#include "winnow/Dialect/Winnow/Transforms/Report.h"

using namespace mlir;
using namespace winnow;

namespace winnow {
#define GEN_PASS_DEF_RAISERMSNORM
#include "winnow/Dialect/Winnow/Transforms/Passes.h.inc"
} // namespace winnow

namespace {
struct RaiseRMSNorm : winnow::impl::RaiseRMSNormBase<RaiseRMSNorm> {
  void runOnOperation() override {
    SiteReporter reporter(getOperation(), "raise-rms-norm");
    for (const NormRoot &root : getNormRoots(getOperation()))
      raise(root, reporter);
    eraseDeadOps(getOperation());
  }

  void raise(const NormRoot &root, SiteReporter &reporter) {
    Location loc = root.op->getLoc();
    ReduceOp mean = getMean(root.squares);
    Value x = mean ? getSquareRoot(mean.getInput()) : Value();
    if (!x)
      return;
    SmallVector<Operation *> quotients =
        getQuotients(root.op, [&](Value value) { return value == x; });
    // A root mean square that divides nothing is a statistic.
    if (quotients.empty())
      return;
    if (!isOverLastDimension(mean) || !isColumnOf(root.op->getResult(0), x))
      return reporter.refused(loc, "rms-norm.axis",
                              "the mean of squares is not over the last dimension only, or lost it");
    for (Operation *quotient : quotients)
      for (Operation *own : splitByScale(quotient))
        build(own, x, root.epsilon, reporter);
  }

  void build(Operation *quotient, Value x, double epsilon, SiteReporter &reporter) {
    Value last = quotient->getResult(0);
    if (!narrowNorm(x, last))
      return reporter.refused(quotient->getLoc(), "rms-norm.axis",
                              "the quotient has another shape than its input");
    Value scale = absorbVector<MulOp>(last);
    Operation *end = last.getDefiningOp();
    OpBuilder builder(end);
    Location loc = end->getLoc();
    scale = scale ? asVector(builder, loc, scale) : Value();
    Value norm = RMSNormOp::create(builder, loc, x.getType(), x, /*residual=*/Value(), scale,
                                   builder.getF32FloatAttr(epsilon), RationalAttr());
    reporter.applied(loc, "rms-norm.raised", "raised to rms_norm");
    last.replaceAllUsesWith(norm);
  }
};
} // namespace
