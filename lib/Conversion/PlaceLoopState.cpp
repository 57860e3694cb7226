#include "winnow/Conversion/Passes.h"

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace winnow {
#define GEN_PASS_DEF_PLACELOOPSTATE
#include "winnow/Conversion/Passes.h.inc"
} // namespace winnow

using namespace mlir;

/// A copy in a buffer of its own.
static Value copyAside(OpBuilder &b, Location loc, Value value) {
  return bufferization::AllocTensorOp::create(b, loc, cast<RankedTensorType>(value.getType()),
                                              ValueRange(), value);
}

/// What the value is a part of.
static Value getViewed(Value value) {
  while (Operation *op = value.getDefiningOp()) {
    if (!isa<tensor::ExtractSliceOp, tensor::ExpandShapeOp, tensor::CollapseShapeOp, tensor::CastOp>(op))
      break;
    value = op->getOperand(0);
  }
  return value;
}

/// A tensor that some op has made for this use.
static bool isFresh(Value value) {
  return value.hasOneUse() && value.getDefiningOp<linalg::LinalgOp>();
}

/// Loops do not write to values that others read.
static void placeInits(OpBuilder &b, Operation *loop, MutableArrayRef<OpOperand> inits) {
  b.setInsertionPoint(loop);
  for (OpOperand &init : inits)
    if (isa<RankedTensorType>(init.get().getType()) && !isFresh(init.get()))
      init.set(copyAside(b, loop->getLoc(), init.get()));
}

/// The slices that an iteration inserts work in place as they are.
static bool isInsertedInto(Value value, Value destination) {
  while (auto insert = value.getDefiningOp<tensor::InsertSliceOp>())
    value = insert.getDest();
  return value == destination;
}

/// `state` is what the iteration found for each operand of its terminator.
static void placeResults(OpBuilder &b, Operation *terminator, ArrayRef<Value> state) {
  Location loc = terminator->getLoc();
  b.setInsertionPoint(terminator);
  auto needsCopy = [&](OpOperand &operand, Value place) {
    return isa<RankedTensorType>(place.getType()) && !isInsertedInto(operand.get(), place);
  };
  for (auto [operand, place] : llvm::zip_equal(terminator->getOpOperands(), state))
    if (needsCopy(operand, place) && llvm::is_contained(state, getViewed(operand.get())))
      operand.set(copyAside(b, loc, operand.get()));
  for (auto [operand, place] : llvm::zip_equal(terminator->getOpOperands(), state))
    if (needsCopy(operand, place))
      operand.set(bufferization::MaterializeInDestinationOp::create(b, loc, place.getType(),
                                                                    operand.get(), place)
                      .getResult());
}

/// The loop with a condition that passes on all values in the order in which
/// they come, as bufferisation expects, and after them what it passed besides.
static scf::WhileOp alignState(OpBuilder &b, scf::WhileOp loop) {
  SmallVector<Value> passed(loop.getConditionOp().getArgs());
  SmallVector<Value> aligned(loop.getBeforeArguments().begin(), loop.getBeforeArguments().end());
  SmallVector<size_t> positions;
  for (Value value : passed) {
    auto found = llvm::find(aligned, value);
    positions.push_back(found - aligned.begin());
    if (found == aligned.end())
      aligned.push_back(value);
  }
  SmallVector<Type> types(ValueRange(aligned).getTypes());
  b.setInsertionPoint(loop);
  auto result = scf::WhileOp::create(b, loop.getLoc(), types, loop.getInits());
  result.getBefore().takeBody(loop.getBefore());
  result.getConditionOp().getArgsMutable().assign(aligned);
  Block *after = loop.getAfterBody();
  unsigned numOld = after->getNumArguments();
  for (Type type : types)
    after->addArgument(type, loop.getLoc());
  for (auto [i, position] : llvm::enumerate(positions)) {
    after->getArgument(i).replaceAllUsesWith(after->getArgument(numOld + position));
    loop.getResult(i).replaceAllUsesWith(result.getResult(position));
  }
  after->eraseArguments(0, numOld);
  result.getAfter().takeBody(loop.getAfter());
  loop.erase();
  return result;
}

static void placeBranches(OpBuilder &b, scf::IfOp branch) {
  if (branch.getNumResults() == 0)
    return;
  for (scf::YieldOp yield : {branch.thenYield(), branch.elseYield()}) {
    b.setInsertionPoint(yield);
    for (OpOperand &operand : yield->getOpOperands()) {
      bool isLocal = operand.get().getParentBlock() == yield->getBlock();
      if (isa<RankedTensorType>(operand.get().getType()) && !(isLocal && isFresh(operand.get())))
        operand.set(copyAside(b, yield.getLoc(), operand.get()));
    }
  }
}

namespace {
struct PlaceLoopState : winnow::impl::PlaceLoopStateBase<PlaceLoopState> {
  void runOnOperation() override {
    OpBuilder b(&getContext());
    SmallVector<scf::WhileOp> whiles;
    getOperation().walk([&](scf::WhileOp loop) { whiles.push_back(loop); });
    for (scf::WhileOp loop : whiles)
      alignState(b, loop);
    getOperation().walk([&](Operation *op) {
      if (auto loop = dyn_cast<scf::ForOp>(op)) {
        placeInits(b, op, loop.getInitArgsMutable());
        placeResults(b, loop.getBody()->getTerminator(),
                     llvm::to_vector_of<Value>(loop.getRegionIterArgs()));
      } else if (auto loop = dyn_cast<scf::WhileOp>(op)) {
        placeInits(b, op, loop.getInitsMutable());
        auto state = llvm::to_vector_of<Value>(loop.getAfterArguments());
        placeResults(b, loop.getYieldOp(), ArrayRef(state).take_front(loop.getInits().size()));
      } else if (auto branch = dyn_cast<scf::IfOp>(op)) {
        placeBranches(b, branch);
      }
    });
  }
};
} // namespace
