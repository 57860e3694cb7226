//===- ExpandMath.cpp - Math functions into straight-line arithmetic ------===//

#include "winnow/Codegen/CPU/Kernels/Passes.h"

#include "winnow/Codegen/CPU/Kernels/Math.h"

#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/WalkPatternRewriteDriver.h"

using namespace mlir;

namespace winnow::cpu {

#define GEN_PASS_DEF_EXPANDMATH
#include "winnow/Codegen/CPU/Kernels/Passes.h.inc"

namespace {

template <typename OpTy, Value (*emit)(OpBuilder &, Location, Value)>
struct Expand : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;

  LogicalResult matchAndRewrite(OpTy op,
                                PatternRewriter &rewriter) const override {
    Type type = op.getType();
    auto vector = dyn_cast<VectorType>(type);
    if (!getElementTypeOrSelf(type).isF32() || (!vector && !type.isF32()))
      return rewriter.notifyMatchFailure(op, "not f32");
    if (vector && (vector.isScalable() || vector.getRank() == 0))
      return rewriter.notifyMatchFailure(op, "not a fixed-size vector");
    rewriter.replaceOp(op, emit(rewriter, op.getLoc(), op.getOperand()));
    return success();
  }
};

struct ExpandMath : impl::ExpandMathBase<ExpandMath> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<Expand<math::ExpOp, emitExp>, Expand<math::Exp2Op, emitExp2>,
                 Expand<math::ErfOp, emitErf>, Expand<math::TanhOp, emitTanh>,
                 Expand<math::LogOp, emitLog>>(&getContext());
    walkAndApplyPatterns(getOperation(), std::move(patterns));
  }
};

} // namespace
} // namespace winnow::cpu
