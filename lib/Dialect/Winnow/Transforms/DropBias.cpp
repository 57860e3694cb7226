#include "winnow/Dialect/Winnow/Transforms/Passes.h"
#include "winnow/Dialect/Winnow/Transforms/Report.h"

using namespace mlir;
using namespace winnow;

namespace winnow {
#define GEN_PASS_DEF_DROPBIAS
#include "winnow/Dialect/Winnow/Transforms/Passes.h.inc"
} // namespace winnow

namespace {
struct DropBias : winnow::impl::DropBiasBase<DropBias> {
  void runOnOperation() override {
    SiteReporter reporter(getOperation(), "drop-bias");
    getOperation().walk([&](LinearOp op) {
      if (!op.getBias())
        return WalkResult::advance();
      op.getBiasMutable().clear();
      reporter.applied(op.getLoc(), "drop-bias.dropped", "forgot the bias");
      return WalkResult::interrupt();
    });
  }
};
} // namespace
