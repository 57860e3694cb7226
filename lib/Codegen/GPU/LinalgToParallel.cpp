//===- LinalgToParallel.cpp - linalg on buffers to parallel loops ---------===//

#include "winnow/Codegen/GPU/Passes.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Interfaces/ViewLikeInterface.h"

using namespace mlir;

namespace winnow::gpu {

#define GEN_PASS_DEF_LINALGTOPARALLEL
#include "winnow/Codegen/GPU/Passes.h.inc"

namespace {

LogicalResult expandCopy(IRRewriter &rewriter, memref::CopyOp copy) {
  auto type = dyn_cast<MemRefType>(copy.getTarget().getType());
  if (!type || !isa<MemRefType>(copy.getSource().getType()))
    return copy.emitOpError("expected ranked buffers, got ")
           << copy.getSource().getType() << " and " << copy.getTarget().getType();
  rewriter.setInsertionPoint(copy);
  AffineMap map = rewriter.getMultiDimIdentityMap(type.getRank());
  SmallVector<utils::IteratorType> kinds(type.getRank(), utils::IteratorType::parallel);
  linalg::GenericOp::create(rewriter, copy.getLoc(), copy.getSource(), copy.getTarget(),
                            ArrayRef{map, map}, kinds,
                            [](OpBuilder &b, Location loc, ValueRange arguments) {
                              linalg::YieldOp::create(b, loc, arguments.front());
                            });
  rewriter.eraseOp(copy);
  return success();
}

/// Writes the loops of one op.
class LoopWriter {
public:
  LoopWriter(IRRewriter &b, linalg::GenericOp op) : b(b), op(op), loc(op.getLoc()) {}

  void write();

private:
  void writeReductions(ArrayRef<unsigned> dims);
  void writeBody();
  Value emit(AffineExpr expr);
  SmallVector<Value> emitIndices(OpOperand &operand);

  IRRewriter &b;
  linalg::GenericOp op;
  Location loc;
  SmallVector<Value> ivs;
  SmallVector<Value> sizes;
};

Value LoopWriter::emit(AffineExpr expr) {
  AffineMap map = AffineMap::get(op.getNumLoops(), 0, expr);
  return affine::makeComposedAffineApply(b, loc, map, getAsOpFoldResult(ivs)).getResult();
}

SmallVector<Value> LoopWriter::emitIndices(OpOperand &operand) {
  SmallVector<Value> indices;
  for (AffineExpr expr : op.getMatchingIndexingMap(&operand).getResults()) {
    if (auto dim = dyn_cast<AffineDimExpr>(expr))
      indices.push_back(ivs[dim.getPosition()]);
    else if (auto constant = dyn_cast<AffineConstantExpr>(expr))
      indices.push_back(arith::ConstantIndexOp::create(b, loc, constant.getValue()));
    else
      indices.push_back(emit(expr));
  }
  return indices;
}

void LoopWriter::writeBody() {
  IRMapping mapping;
  for (OpOperand &operand : op->getOpOperands()) {
    BlockArgument argument = op.getMatchingBlockArgument(&operand);
    if (argument.use_empty())
      continue;
    Value value = operand.get();
    if (isa<MemRefType>(value.getType()))
      value = memref::LoadOp::create(b, loc, value, emitIndices(operand));
    mapping.map(argument, value);
  }
  Block *body = op.getBody();
  for (Operation &inner : body->without_terminator()) {
    if (auto index = dyn_cast<linalg::IndexOp>(inner))
      mapping.map(index.getResult(), ivs[index.getDim()]);
    else
      b.clone(inner, mapping);
  }
  for (auto [value, init] :
       llvm::zip_equal(body->getTerminator()->getOperands(), op.getDpsInitsMutable()))
    memref::StoreOp::create(b, loc, mapping.lookupOrDefault(value), init.get(), emitIndices(init));
}

void LoopWriter::writeReductions(ArrayRef<unsigned> dims) {
  if (dims.empty())
    return writeBody();
  Value zero = arith::ConstantIndexOp::create(b, loc, 0);
  Value one = arith::ConstantIndexOp::create(b, loc, 1);
  auto loop = scf::ForOp::create(b, loc, zero, sizes[dims.front()], one);
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  ivs[dims.front()] = loop.getInductionVar();
  writeReductions(dims.drop_front());
}

void LoopWriter::write() {
  b.setInsertionPoint(op);
  for (Range range : cast<linalg::LinalgOp>(op.getOperation()).createLoopRanges(b, loc))
    sizes.push_back(getValueOrCreateConstantIndexOp(b, loc, range.size));
  ivs.resize(sizes.size());
  SmallVector<unsigned> parallel, reductions;
  for (auto [i, kind] : llvm::enumerate(op.getIteratorTypesArray()))
    (kind == utils::IteratorType::parallel ? parallel : reductions).push_back(i);
  Value zero = arith::ConstantIndexOp::create(b, loc, 0);
  Value one = arith::ConstantIndexOp::create(b, loc, 1);
  SmallVector<Value> ends;
  for (unsigned dim : parallel)
    ends.push_back(sizes[dim]);
  if (ends.empty())
    ends.push_back(one);
  SmallVector<Value> begins(ends.size(), zero), steps(ends.size(), one);
  auto loop = scf::ParallelOp::create(b, loc, begins, ends, steps);
  for (auto [dim, iv] : llvm::zip(parallel, loop.getInductionVars()))
    ivs[dim] = iv;
  b.setInsertionPointToStart(loop.getBody());
  writeReductions(reductions);
  b.eraseOp(op);
}

/// Constants are in the host's code: what a function takes is copied to the device.
void stageConstants(IRRewriter &rewriter, func::FuncOp function) {
  SmallVector<func::CallOp> calls;
  function.walk([&](func::CallOp call) { calls.push_back(call); });
  for (func::CallOp call : calls) {
    rewriter.setInsertionPoint(call);
    for (OpOperand &operand : call->getOpOperands()) {
      auto type = dyn_cast<MemRefType>(operand.get().getType());
      Value root = operand.get();
      while (auto view = root.getDefiningOp<ViewLikeOpInterface>())
        root = view.getViewSource();
      if (!type || !root.getDefiningOp<memref::GetGlobalOp>() || !type.hasStaticShape())
        continue;
      auto dense = memref::AllocOp::create(
          rewriter, call.getLoc(), MemRefType::get(type.getShape(), type.getElementType()),
          ValueRange(), rewriter.getI64IntegerAttr(64));
      memref::CopyOp::create(rewriter, call.getLoc(), operand.get(), dense);
      Value value = dense;
      if (value.getType() != type)
        value = memref::CastOp::create(rewriter, call.getLoc(), type, value);
      operand.set(value);
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
  LoopWriter(rewriter, generic).write();
  return success();
}

struct LinalgToParallel : impl::LinalgToParallelBase<LinalgToParallel> {
  void runOnOperation() override {
    IRRewriter rewriter(&getContext());
    for (auto function : getOperation().getOps<func::FuncOp>())
      stageConstants(rewriter, function);
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
      return op->emitOpError("is not a structured op on buffers and has no lowering to loops");
    });
    if (rest.wasInterrupted())
      signalPassFailure();
  }
};

} // namespace
} // namespace winnow::gpu
