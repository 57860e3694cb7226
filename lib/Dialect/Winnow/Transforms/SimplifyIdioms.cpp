#include "Simplify.h"
#include "winnow/Dialect/Winnow/Transforms/Passes.h"

#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;
using namespace winnow;

namespace winnow {
#define GEN_PASS_DEF_SIMPLIFYIDIOMS
#include "winnow/Dialect/Winnow/Transforms/Passes.h.inc"
} // namespace winnow

namespace {
struct SimplifyIdioms : winnow::impl::SimplifyIdiomsBase<SimplifyIdioms> {
  void runOnOperation() override {
    SiteReporter reporter(getOperation(), "simplify-idioms");
    RewritePatternSet patterns(&getContext());
    populateAttentionPatterns(patterns, reporter);
    populateElementwisePatterns(patterns, reporter);
    populateMovementPatterns(patterns, reporter);
    populateLinearPatterns(patterns, reporter);
    populateIndexingPatterns(patterns, reporter);
    populateMaskPatterns(patterns, reporter);
    populateSelectPatterns(patterns, reporter);
    populateShufflePatterns(patterns, reporter);
    // Chains of movement are long in deep models, but every pattern moves
    // reshapes and slices up or broadcasts down, so the rewriting ends.
    GreedyRewriteConfig config;
    config.setMaxIterations(GreedyRewriteConfig::kNoLimit);
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns), config)))
      signalPassFailure();
  }
};
} // namespace
