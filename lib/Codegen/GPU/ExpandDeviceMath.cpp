//===- ExpandDeviceMath.cpp - Functions without an instruction ------------===//

#include "winnow/Codegen/GPU/Passes.h"

#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

using namespace mlir;

namespace winnow::gpu {

#define GEN_PASS_DEF_EXPANDDEVICEMATH
#include "winnow/Codegen/GPU/Passes.h.inc"

namespace {

/// What NVPTX selects an exactly rounded instruction for, in f32 and f64.
bool hasInstruction(Operation *op) {
  return isa<math::SqrtOp, math::FloorOp, math::CeilOp, math::TruncOp, math::RoundEvenOp,
             math::AbsFOp, math::FmaOp, math::CopySignOp, math::AbsIOp, math::CtPopOp,
             math::CountLeadingZerosOp, math::CountTrailingZerosOp, math::IsNaNOp, math::IsInfOp,
             math::IsFiniteOp, math::IsNormalOp>(op);
}

struct ExpandDeviceMath : impl::ExpandDeviceMathBase<ExpandDeviceMath> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    // The sets overlap: what is expanded first is x^y, x^n, tan, round and such.
    math::populateExpansionPatterns(
        patterns, {"sinh", "cosh", "tan", "asinh", "acosh", "atanh", "powf", "fpowi", "round",
                   "rsqrt", "exp2", "clampf"});
    MathPolynomialApproximationOptions options;
    populateMathPolynomialApproximationPatterns(patterns, options);
    for (auto device : getOperation().getOps<mlir::gpu::GPUModuleOp>())
      if (failed(applyPatternsGreedily(device, FrozenRewritePatternSet(std::move(patterns)))))
        return signalPassFailure();
    WalkResult rest = getOperation().walk([](Operation *op) -> WalkResult {
      if (!isa_and_nonnull<math::MathDialect>(op->getDialect()) || hasInstruction(op) ||
          !op->getParentOfType<mlir::gpu::GPUModuleOp>())
        return WalkResult::advance();
      return op->emitError("has no form on a GPU yet: '")
             << op->getName() << "' of " << op->getResult(0).getType();
    });
    if (rest.wasInterrupted())
      signalPassFailure();
  }
};

} // namespace
} // namespace winnow::gpu
