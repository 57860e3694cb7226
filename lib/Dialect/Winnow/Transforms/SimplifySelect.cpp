#include "Evaluate.h"
#include "Simplify.h"

using namespace mlir;
using namespace winnow;

namespace {

struct FoldSelect : SimplifyPattern<SelectOp> {
  using SimplifyPattern::SimplifyPattern;
  LogicalResult matchAndRewrite(SelectOp op, PatternRewriter &rewriter) const override {
    Value kept, condition = op.getCondition();
    bool isBoolean = getElementTypeOrSelf(op.getType()).isInteger(1);
    if (std::optional<double> known = getScalarConstant(condition))
      kept = *known != 0 ? op.getOnTrue() : op.getOnFalse();
    else if (op.getOnTrue() == op.getOnFalse())
      kept = op.getOnTrue();
    else if (isBoolean && isScalarConstant(op.getOnTrue(), 1) &&
             isScalarConstant(op.getOnFalse(), 0))
      kept = condition;
    else if (isBoolean && isScalarConstant(op.getOnTrue(), 0) &&
             isScalarConstant(op.getOnFalse(), 1))
      kept = NotOp::create(rewriter, op.getLoc(), condition.getType(), condition);
    else
      return rewriter.notifyMatchFailure(op, "the condition is not known");
    if (kept.getType() != op.getType())
      kept = BroadcastToOp::create(rewriter, op.getLoc(), op.getType(), kept);
    return replace(rewriter, op, kept, "simplify.select", "resolved a select");
  }
};

struct FoldDoubleNot : SimplifyPattern<NotOp> {
  using SimplifyPattern::SimplifyPattern;
  LogicalResult matchAndRewrite(NotOp op, PatternRewriter &rewriter) const override {
    auto inner = op.getInput().getDefiningOp<NotOp>();
    if (!inner)
      return rewriter.notifyMatchFailure(op, "no not below");
    return replace(rewriter, op, inner.getInput(), "simplify.not", "dropped a double negation");
  }
};

/// `select(not c, a, b)` is `select(c, b, a)`.
struct SelectOfNot : SimplifyPattern<SelectOp> {
  using SimplifyPattern::SimplifyPattern;
  LogicalResult matchAndRewrite(SelectOp op, PatternRewriter &rewriter) const override {
    auto inverted = op.getCondition().getDefiningOp<NotOp>();
    if (!inverted)
      return rewriter.notifyMatchFailure(op, "the condition is not negated");
    Value select = SelectOp::create(rewriter, op.getLoc(), op.getType(), inverted.getInput(),
                                    op.getOnFalse(), op.getOnTrue());
    return replace(rewriter, op, select, "simplify.not", "dropped a negation");
  }
};

/// Arithmetic of a choice and constants is another choice: how masks are turned
/// from booleans into numbers and back.
struct ChoiceOfConstants : OpInterfaceRewritePattern<ElementwiseOpInterface> {
  ChoiceOfConstants(MLIRContext *context, SiteReporter &reporter)
      : OpInterfaceRewritePattern(context), reporter(reporter) {}
  SiteReporter &reporter;

  LogicalResult matchAndRewrite(ElementwiseOpInterface op,
                                PatternRewriter &rewriter) const override {
    if (isa<SelectOp, NotOp, AndOp, OrOp, XorOp>(op.getOperation()))
      return rewriter.notifyMatchFailure(op, "boolean already");
    std::optional<Choice> choice;
    size_t at = 0;
    for (auto [i, operand] : llvm::enumerate(op->getOperands())) {
      if (getScalarConstant(operand))
        continue;
      if (choice || !(choice = getChoice(operand)))
        return rewriter.notifyMatchFailure(op, "another operand than a choice and constants");
      at = i;
    }
    auto type = cast<RankedTensorType>(op->getResult(0).getType());
    if (!choice || getDims(op->getOperand(at)) != getDims(type))
      return rewriter.notifyMatchFailure(op, "no choice of this shape");
    // Two casts of a boolean are one.
    if (isa<CastOp>(op.getOperation()) && isa<CastOp>(op->getOperand(at).getDefiningOp()))
      return rewriter.notifyMatchFailure(op, "casts are joined elsewhere");
    Value onTrue = evaluateWith(op, at, choice->onTrue, rewriter);
    Value onFalse = onTrue ? evaluateWith(op, at, choice->onFalse, rewriter) : Value();
    if (!onFalse)
      return rewriter.notifyMatchFailure(op, "not known at compile time");
    reporter.counted(op->getLoc(), "simplify.choice", "wrote arithmetic on a mask as a select");
    rewriter.replaceOpWithNewOp<SelectOp>(op, type, choice->condition, onTrue, onFalse);
    return success();
  }

  /// The op's result, a scalar, for one value of the operand `at`.
  static Value evaluateWith(ElementwiseOpInterface op, size_t at, double number,
                            PatternRewriter &rewriter) {
    SmallVector<ElementsAttr> operands;
    for (auto [i, operand] : llvm::enumerate(op->getOperands())) {
      Type element = getElementTypeOrSelf(operand);
      double value = i == at ? number : *getScalarConstant(operand);
      operands.push_back(getScalarElements(element, value));
    }
    auto type = RankedTensorType::get({}, getElementTypeOrSelf(op->getResult(0)));
    OperationState state(op->getLoc(), op->getName(), op->getOperands(), TypeRange{Type(type)},
                         op->getAttrs());
    Operation *small = Operation::create(state);
    DenseElementsAttr result = evaluate(small, operands);
    small->destroy();
    if (!result)
      return nullptr;
    return ConstantOp::create(rewriter, op->getLoc(), type, result);
  }
};

} // namespace

void winnow::populateSelectPatterns(RewritePatternSet &patterns, SiteReporter &reporter) {
  patterns.add<FoldSelect, FoldDoubleNot, SelectOfNot, ChoiceOfConstants>(patterns.getContext(),
                                                                          reporter);
}
