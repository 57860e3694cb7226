//===- TopKActivations.cpp - Keeps the greatest hidden units only ---------===//

#include "Utils.h"

#include "winnow/Dialect/Winnow/IR/Activations.h"
#include "winnow/Dialect/Winnow/Transforms/Passes.h"
#include "winnow/Dialect/Winnow/Transforms/Report.h"
#include "winnow/Dialect/Winnow/Transforms/Work.h"

#include <cmath>

using namespace mlir;
using namespace winnow;

namespace winnow {
#define GEN_PASS_DEF_TOPKACTIVATIONS
#include "winnow/Dialect/Winnow/Transforms/Passes.h.inc"
} // namespace winnow

/// The x below which a standard normal variable is with probability `p`, by bisection.
static double getNormalQuantile(double p) {
  double low = -40, high = 40;
  for (int step = 0; step < 200; ++step) {
    double middle = (low + high) / 2;
    (std::erfc(-middle / std::sqrt(2.0)) / 2 < p ? low : high) = middle;
  }
  return low;
}

namespace {
struct TopKActivations : winnow::impl::TopKActivationsBase<TopKActivations> {
  using TopKActivationsBase::TopKActivationsBase;

  void runOnOperation() override {
    SiteReporter reporter(getOperation(), statistical ? "statistical-topk" : "topk-activation");
    SmallVector<LinearOp> sites;
    getOperation().walk([&](LinearOp op) {
      if (feedsLinear(op))
        sites.push_back(op);
    });
    unsigned number = 0;
    for (LinearOp site : sites) {
      std::optional<int64_t> units = getConstantDim(getDims(site.getType()).back());
      std::optional<int64_t> kept =
          units ? std::optional(k ? k : std::max<int64_t>(std::llround(share * *units), 1))
                : std::nullopt;
      if (!kept || *kept >= *units) {
        reporter.refused(site.getLoc(), "topk-activation.few-units",
                         "expected more than " + Twine(kept.value_or(k)) + " hidden units, got " +
                             toString(getDims(site.getType()).back()));
        continue;
      }
      if (llvm::is_contained(skip, number++))
        continue;
      reporter.applied(site.getLoc(), "topk-activation.kept",
                       "keeps " + Twine(statistical ? "about " : "") + Twine(*kept) + " of " +
                           Twine(*units) + " hidden units: " +
                           Twine(std::llround(100.0 - 100.0 * *kept / *units)) +
                           " % of what the next layer computes is left out");
      OpBuilder b(&getContext());
      b.setInsertionPointAfter(site);
      if (statistical)
        keepAbove(b, site, double(*kept) / *units);
      else
        keepGreatest(b, site, *kept);
    }
    eraseDeadOps(getOperation());
  }

private:
  static void keepGreatest(OpBuilder &b, LinearOp site, int64_t kept) {
    auto greatest = TopKActivationOp::create(b, site.getLoc(), site.getResult(), kept, /*keepTies=*/false);
    site.getResult().replaceAllUsesExcept(greatest.getResult(), greatest);
  }

  /// The units that lie so many standard deviations above the mean of their row, before the
  /// activation.
  static void keepAbove(OpBuilder &b, LinearOp site, double share) {
    double deviations = getNormalQuantile(1 - share);
    Location loc = site.getLoc();
    auto copy = cast<LinearOp>(b.clone(*site));
    copy.setActivation(Activation::None);
    copy.removeRationalAttr();
    Value x = copy.getResult();
    SmallVector<int64_t> last = {static_cast<int64_t>(getDims(x).size()) - 1};
    auto mean = [&](Value value) -> Value {
      return ReduceOp::create(b, loc, ReduceKind::Mean, value, last, /*keepdims=*/true);
    };
    Value centered = SubOp::create(b, loc, x, mean(x));
    Value deviation = SqrtOp::create(b, loc, mean(MulOp::create(b, loc, centered, centered)));
    Value bound = MulOp::create(b, loc, deviation,
                                createScalar(b, loc, getElementTypeOrSelf(x), deviations));
    Value keeps = CompareOp::create(b, loc, ComparePredicate::GT, centered, bound);
    Value hidden = createActivation(b, loc, x, site.getActivation(), site.getRationalAttr());
    Value zero = createScalar(b, loc, getElementTypeOrSelf(x), 0);
    auto kept = SelectOp::create(b, loc, site.getType(), keeps, hidden, zero);
    kept->setAttr(kDensity, b.getF64FloatAttr(share));
    site.getResult().replaceAllUsesWith(kept.getResult());
  }
};
} // namespace
