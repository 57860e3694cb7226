//===- ExpandMath.cpp - Math functions into straight-line arithmetic ------===//

#include "winnow/Codegen/CPU/Kernels/Passes.h"

#include "winnow/Codegen/CPU/Kernels/Math.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/IRMapping.h"
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

/// A function of narrow floats is that of f32, rounded: LLVM has none, and
/// would call compiler-rt to round the results of its own.
struct Widen : RewritePattern {
  explicit Widen(MLIRContext *context)
      : RewritePattern(MatchAnyOpTypeTag(), /*benefit=*/1, context) {}

  LogicalResult matchAndRewrite(Operation *op,
                                PatternRewriter &rewriter) const override {
    if (!isa_and_nonnull<math::MathDialect>(op->getDialect()) ||
        isa<math::AbsFOp>(op) || op->getNumResults() != 1)
      return rewriter.notifyMatchFailure(op, "rounds nothing");
    Type type = op->getResult(0).getType();
    Type element = getElementTypeOrSelf(type), f32 = rewriter.getF32Type();
    if (!element.isF16() && !element.isBF16())
      return rewriter.notifyMatchFailure(op, "not narrow");
    auto vector = dyn_cast<VectorType>(type);
    Type wide = vector ? Type(vector.clone(f32)) : f32;
    IRMapping mapping;
    for (Value operand : op->getOperands())
      if (operand.getType() == type)
        mapping.map(operand, arith::ExtFOp::create(rewriter, op->getLoc(), wide,
                                                   operand));
    Operation *widened = rewriter.clone(*op, mapping);
    widened->getResult(0).setType(wide);
    rewriter.replaceOpWithNewOp<arith::TruncFOp>(op, type,
                                                 widened->getResult(0));
    return success();
  }
};

struct ExpandMath : impl::ExpandMathBase<ExpandMath> {
  void runOnOperation() override {
    RewritePatternSet widening(&getContext());
    widening.add<Widen>(&getContext());
    walkAndApplyPatterns(getOperation(), std::move(widening));
    RewritePatternSet patterns(&getContext());
    patterns.add<Expand<math::ExpOp, emitExp>, Expand<math::Exp2Op, emitExp2>,
                 Expand<math::ErfOp, emitErf>, Expand<math::TanhOp, emitTanh>,
                 Expand<math::LogOp, emitLog>>(&getContext());
    walkAndApplyPatterns(getOperation(), std::move(patterns));
  }
};

} // namespace
} // namespace winnow::cpu
