//===- LinalgToLoops.cpp - linalg on buffers to loops ---------------------===//
//
// 1. Copies become generic ops, and so do named ops.
// 2. Dimensions that are adjacent everywhere are collapsed.
// 3. Sums get the flags that let LLVM vectorise them.
// 4. LoopPlan decides on the loops; EmitLoops writes them.
//
//===----------------------------------------------------------------------===//

#include "EmitLoops.h"
#include "winnow/Codegen/CPU/Passes.h"

#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace winnow::cpu {

#define GEN_PASS_DEF_LINALGTOLOOPS
#include "winnow/Codegen/CPU/Passes.h.inc"

namespace {

/// Whether memcpy can do it: LLVM inlines small ones.
bool isSmallDenseCopy(memref::CopyOp copy) {
  auto source = dyn_cast<MemRefType>(copy.getSource().getType());
  auto target = dyn_cast<MemRefType>(copy.getTarget().getType());
  return source && target && source.getLayout().isIdentity() &&
         target.getLayout().isIdentity() && source.hasStaticShape() &&
         target.hasStaticShape() && source.getNumElements() <= kChunkWork;
}

LogicalResult expandCopy(IRRewriter &rewriter, memref::CopyOp copy) {
  if (isSmallDenseCopy(copy))
    return success();
  auto type = dyn_cast<MemRefType>(copy.getTarget().getType());
  if (!type || !isa<MemRefType>(copy.getSource().getType()))
    return copy.emitOpError("expected ranked buffers, got ")
           << copy.getSource().getType() << " and "
           << copy.getTarget().getType();
  rewriter.setInsertionPoint(copy);
  AffineMap map = rewriter.getMultiDimIdentityMap(type.getRank());
  SmallVector<utils::IteratorType> kinds(type.getRank(),
                                         utils::IteratorType::parallel);
  linalg::GenericOp::create(
      rewriter, copy.getLoc(), copy.getSource(), copy.getTarget(),
      ArrayRef{map, map}, kinds,
      [](OpBuilder &b, Location loc, ValueRange arguments) {
        linalg::YieldOp::create(b, loc, arguments.front());
      });
  rewriter.eraseOp(copy);
  return success();
}

/// Runs of dimensions that are next to each other in every operand.
SmallVector<ReassociationIndices> findRuns(linalg::GenericOp op) {
  SmallVector<AffineMap> maps = op.getIndexingMapsArray();
  SmallVector<utils::IteratorType> kinds = op.getIteratorTypesArray();
  DenseSet<int64_t> observed;
  op->walk([&](linalg::IndexOp index) { observed.insert(index.getDim()); });

  auto canJoin = [&](const ReassociationIndices &run) {
    if (llvm::any_of(run, [&](int64_t dim) {
          return observed.contains(dim) || kinds[dim] != kinds[run.front()];
        }))
      return false;
    if (!linalg::areDimSequencesPreserved(maps, run))
      return false;
    for (OpOperand &operand : op->getOpOperands()) {
      auto type = dyn_cast<MemRefType>(operand.get().getType());
      if (!type)
        continue;
      // The operand's dimensions that the run covers; the rest stay single.
      SmallVector<ReassociationIndices> groups;
      AffineMap map = op.getMatchingIndexingMap(&operand);
      bool isInside = false;
      for (auto [i, expr] : llvm::enumerate(map.getResults())) {
        bool isMember =
            llvm::is_contained(run, cast<AffineDimExpr>(expr).getPosition());
        if (isMember && isInside)
          groups.back().push_back(i);
        else
          groups.push_back({int64_t(i)});
        isInside = isMember;
      }
      if (!memref::CollapseShapeOp::isGuaranteedCollapsible(type, groups))
        return false;
    }
    return true;
  };

  SmallVector<ReassociationIndices> runs;
  for (int64_t dim = 0, e = kinds.size(); dim < e; ++dim) {
    if (!runs.empty()) {
      ReassociationIndices longer = runs.back();
      longer.push_back(dim);
      if (canJoin(longer)) {
        runs.back() = longer;
        continue;
      }
    }
    runs.push_back({dim});
  }
  return runs;
}

linalg::GenericOp collapse(IRRewriter &rewriter, linalg::GenericOp op) {
  for (AffineMap map : op.getIndexingMapsArray())
    if (!map.isProjectedPermutation())
      return op;
  SmallVector<ReassociationIndices> runs = findRuns(op);
  if (runs.size() == op.getNumLoops())
    return op;
  rewriter.setInsertionPoint(op);
  FailureOr<linalg::CollapseResult> result =
      linalg::collapseOpIterationDims(op, runs, rewriter);
  if (failed(result))
    return op;
  rewriter.eraseOp(op);
  return cast<linalg::GenericOp>(result->collapsedOp.getOperation());
}

/// Allows sums to be reordered and fused with the product that they add. What
/// they do to infinities and NaN stays as it is.
void relaxSums(linalg::GenericOp op) {
  if (op.getNumReductionLoops() == 0)
    return;
  auto contract = arith::FastMathFlags::contract;
  auto relaxed = arith::FastMathFlags::reassoc | contract;
  auto set = [&](Operation *inner, arith::FastMathFlags flags) {
    inner->setAttr("fastmath",
                   arith::FastMathFlagsAttr::get(op.getContext(), flags));
  };
  for (OpOperand &init : op.getDpsInitsMutable()) {
    for (Operation *user : op.getMatchingBlockArgument(&init).getUsers()) {
      if (!isa<arith::AddFOp, arith::MulFOp>(user))
        continue;
      set(user, relaxed);
      for (Value operand : user->getOperands())
        if (auto product = operand.getDefiningOp<arith::MulFOp>())
          set(product, contract);
    }
  }
}

LogicalResult lower(IRRewriter &rewriter, linalg::LinalgOp op) {
  if (!op.hasPureBufferSemantics())
    return op.emitOpError("expected buffers only; bufferise before codegen");
  rewriter.setInsertionPoint(op);
  auto generic = dyn_cast<linalg::GenericOp>(op.getOperation());
  if (!generic) {
    FailureOr<linalg::GenericOp> made = linalg::generalizeNamedOp(rewriter, op);
    if (failed(made))
      return op.emitOpError("has no form as a generic op");
    generic = *made;
  }
  generic = collapse(rewriter, generic);
  relaxSums(generic);
  emitLoops(rewriter, generic, LoopPlan::make(generic));
  rewriter.eraseOp(generic);
  return success();
}

struct LinalgToLoops : impl::LinalgToLoopsBase<LinalgToLoops> {
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    SmallVector<memref::CopyOp> copies;
    getOperation().walk([&](memref::CopyOp op) { copies.push_back(op); });
    for (memref::CopyOp copy : copies)
      if (failed(expandCopy(rewriter, copy)))
        return signalPassFailure();

    SmallVector<linalg::LinalgOp> ops;
    getOperation().walk([&](linalg::LinalgOp op) { ops.push_back(op); });
    for (linalg::LinalgOp op : ops)
      if (failed(lower(rewriter, op)))
        return signalPassFailure();

    WalkResult rest = getOperation().walk([](Operation *op) -> WalkResult {
      if (!isa_and_nonnull<linalg::LinalgDialect>(op->getDialect()))
        return WalkResult::advance();
      return op->emitOpError("is not a structured op on buffers and has no "
                             "lowering to loops");
    });
    if (rest.wasInterrupted())
      signalPassFailure();
  }
};

} // namespace
} // namespace winnow::cpu
