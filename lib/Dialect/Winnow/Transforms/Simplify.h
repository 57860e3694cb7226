//===- Simplify.h - The pattern groups of simplify-idioms -----------------===//

#ifndef WINNOW_LIB_DIALECT_TRANSFORMS_SIMPLIFY_H
#define WINNOW_LIB_DIALECT_TRANSFORMS_SIMPLIFY_H

#include "Utils.h"
#include "winnow/Dialect/Winnow/Transforms/Report.h"

#include "mlir/IR/PatternMatch.h"

namespace winnow {

/// A pattern that counts itself in the report.
template <typename OpTy> struct SimplifyPattern : mlir::OpRewritePattern<OpTy> {
  SimplifyPattern(mlir::MLIRContext *context, SiteReporter &reporter)
      : mlir::OpRewritePattern<OpTy>(context), reporter(reporter) {}
  SiteReporter &reporter;

  /// Replaces `op` by `value`, whose shape is equal but perhaps written
  /// otherwise, and counts the site.
  mlir::LogicalResult replace(mlir::PatternRewriter &rewriter, mlir::Operation *op,
                              mlir::Value value, llvm::StringRef code,
                              llvm::StringRef what) const {
    reporter.counted(op->getLoc(), code, what);
    auto type = llvm::cast<mlir::RankedTensorType>(op->getResult(0).getType());
    rewriter.replaceOp(op, reshapeTo(rewriter, op->getLoc(), value, type));
    return mlir::success();
  }
};

/// One of two numbers, by a condition: a select of constants, or a boolean that
/// was made a number.
struct Choice {
  mlir::Value condition;
  double onTrue, onFalse;
};

std::optional<Choice> getChoice(mlir::Value value);

void populateAttentionPatterns(mlir::RewritePatternSet &patterns, SiteReporter &reporter);
void populateElementwisePatterns(mlir::RewritePatternSet &patterns, SiteReporter &reporter);
void populateMovementPatterns(mlir::RewritePatternSet &patterns, SiteReporter &reporter);
void populateLinearPatterns(mlir::RewritePatternSet &patterns, SiteReporter &reporter);
void populateIndexingPatterns(mlir::RewritePatternSet &patterns, SiteReporter &reporter);
void populateMaskPatterns(mlir::RewritePatternSet &patterns, SiteReporter &reporter);
void populateSelectPatterns(mlir::RewritePatternSet &patterns, SiteReporter &reporter);
void populateShufflePatterns(mlir::RewritePatternSet &patterns, SiteReporter &reporter);

} // namespace winnow

#endif // WINNOW_LIB_DIALECT_TRANSFORMS_SIMPLIFY_H
