#include "Simplify.h"
#include "winnow/Dialect/Winnow/Transforms/Passes.h"

#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;
using namespace winnow;

namespace winnow {
#define GEN_PASS_DEF_SIMPLIFYIDIOMS
#include "winnow/Dialect/Winnow/Transforms/Passes.h.inc"
} // namespace winnow

namespace {
/// Counts rewrites, and those of the second half of what is allowed by pattern.
class RewriteCounter : public RewriterBase::Listener {
public:
  explicit RewriteCounter(int64_t limit) : limit(limit) {}
  bool isOver() const { return count >= limit; }
  int64_t getLimit() const { return limit; }
  int64_t getCount() const { return count; }
  /// The patterns that went on, the busiest first.
  std::string getPatterns() const {
    SmallVector<std::pair<StringRef, int64_t>> sorted(late.begin(), late.end());
    llvm::stable_sort(sorted, [](auto &a, auto &b) { return a.second > b.second; });
    auto names = llvm::map_range(ArrayRef(sorted).take_front(kNamed), [](auto &entry) {
      StringRef name = entry.first;
      return ("'" + name.substr(name.rfind(':') + 1) + "'").str();
    });
    return llvm::join(names, ", ");
  }

private:
  static constexpr size_t kNamed = 6;

  void notifyPatternEnd(const Pattern &pattern, LogicalResult status) override {
    if (failed(status) || count++ < limit / 2)
      return;
    ++late[pattern.getDebugName()];
  }

  int64_t limit, count = 0;
  llvm::MapVector<StringRef, int64_t> late;
};

struct SimplifyIdioms : winnow::impl::SimplifyIdiomsBase<SimplifyIdioms> {
  using SimplifyIdiomsBase::SimplifyIdiomsBase;

  /// Far more than models need.
  static constexpr int64_t kRewrites = 10000, kRewritesPerOp = 200;

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
    // Chains of movement are long in deep models, but every pattern moves reshapes and slices up
    // or broadcasts down, so the rewriting ends. Patterns that undo each other would not end.
    int64_t ops = 0;
    getOperation().walk([&](Operation *) { ++ops; });
    RewriteCounter counter(maxRewrites ? maxRewrites : kRewrites + kRewritesPerOp * ops);
    GreedyRewriteConfig config;
    config.setMaxIterations(1).setMaxNumRewrites(counter.getLimit()).setListener(&counter);
    FrozenRewritePatternSet frozen(std::move(patterns));
    while (failed(applyPatternsGreedily(getOperation(), frozen, config)))
      if (counter.isOver()) {
        emitError(getOperation().getLoc())
            << "simplify-idioms did not end after " << counter.getCount() << " rewrites of " << ops
            << " operations; it went on with " << counter.getPatterns();
        return signalPassFailure();
      }
  }
};
} // namespace
