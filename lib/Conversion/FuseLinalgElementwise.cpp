#include "winnow/Conversion/Passes.h"

#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace winnow {
#define GEN_PASS_DEF_FUSELINALGELEMENTWISE
#include "winnow/Conversion/Passes.h.inc"
} // namespace winnow

using namespace mlir;

/// Recomputing the producer costs no more than reading its result back: it
/// reads at most one tensor and only moves, converts or compares.
static bool isCheap(linalg::GenericOp producer) {
  if (producer.getNumDpsInputs() > 1 || producer.getNumReductionLoops() != 0)
    return false;
  return llvm::all_of(producer.getBody()->without_terminator(), [](Operation &op) {
    return isa<arith::ConstantOp, arith::ExtSIOp, arith::ExtUIOp, arith::TruncIOp,
               arith::SIToFPOp, arith::UIToFPOp, arith::CmpIOp, arith::CmpFOp, arith::SubFOp,
               arith::MulFOp, arith::AddFOp, arith::AddIOp, arith::MulIOp, arith::IndexCastOp,
               linalg::IndexOp>(op);
  });
}

/// A gather reads runs of the dimensions that it does not index: in another order
/// of the loops it would read single elements.
static bool keepsOrderOfGather(linalg::GenericOp producer, OpOperand *operand) {
  if (producer.getBody()->getOps<tensor::ExtractOp>().empty())
    return true;
  auto consumer = cast<linalg::GenericOp>(operand->getOwner());
  SmallVector<unsigned> dims;
  for (AffineExpr expr : consumer.getMatchingIndexingMap(operand).getResults())
    if (auto dim = dyn_cast<AffineDimExpr>(expr))
      dims.push_back(dim.getPosition());
  return llvm::is_sorted(dims);
}

namespace {
struct FuseLinalgElementwise
    : winnow::impl::FuseLinalgElementwiseBase<FuseLinalgElementwise> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    linalg::populateElementwiseOpsFusionPatterns(patterns, [](OpOperand *operand) {
      auto producer = operand->get().getDefiningOp<linalg::GenericOp>();
      // Into a loop it would be computed once an iteration.
      if (!producer || producer->getBlock() != operand->getOwner()->getBlock())
        return false;
      if (!keepsOrderOfGather(producer, operand))
        return false;
      // A reduction re-reads broadcast operands once per element: fuse only
      // what it would read once anyway.
      return producer->hasOneUse() || isCheap(producer);
    });
    linalg::GenericOp::getCanonicalizationPatterns(patterns, &getContext());
    tensor::EmptyOp::getCanonicalizationPatterns(patterns, &getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns)))) {
      getOperation()->emitError("expected elementwise fusion to converge, it did not");
      signalPassFailure();
    }
  }
};
} // namespace
