//===- EmitLoops.cpp - Writes the loops of a structured op ----------------===//

#include "EmitLoops.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"

using namespace mlir;

namespace winnow::cpu {
namespace {

/// One factor of the flattened parallel loop.
struct Factor {
  unsigned dim;
  int64_t block; ///< 0: the factor is the dimension itself.
  Value count;
};

class LoopEmitter {
public:
  LoopEmitter(OpBuilder &builder, linalg::LinalgOp op, const LoopPlan &plan)
      : b(builder), loc(op.getLoc()), op(op), plan(plan) {}

  void emit();

private:
  using Body = llvm::function_ref<void()>;
  using SumBody = llvm::function_ref<SmallVector<Value>(ArrayRef<Value> sums)>;

  Value constant(int64_t value) {
    return arith::ConstantIndexOp::create(b, loc, value);
  }
  void emitOuter(Body body);
  void enterFactors(ArrayRef<Factor> factors, Value index);
  void emitFor(unsigned dim, Body body);
  void emitNest(ArrayRef<unsigned> dims, Body body);
  SmallVector<Value> emitSums(ArrayRef<unsigned> dims, ArrayRef<Value> sums,
                              SumBody body);
  void emitPointwise();
  void emitCarriedSums();

  SmallVector<Value> indices(OpOperand &operand);
  Value load(OpOperand &operand);
  void store(OpOperand &operand, Value value);
  void hoistInputs();
  SmallVector<Value> emitBody(ArrayRef<Value> inits);

  OpBuilder &b;
  Location loc;
  linalg::LinalgOp op;
  const LoopPlan &plan;
  /// Per dimension: its extent, the range to walk within the current block,
  /// and the current index.
  SmallVector<Value> extents, begins, ends, ivs;
  /// Inputs that the innermost loop does not move along.
  DenseMap<OpOperand *, Value> hoisted;
};

void LoopEmitter::emit() {
  for (Range range : op.createLoopRanges(b, loc))
    extents.push_back(getValueOrCreateConstantIndexOp(b, loc, range.size));
  Value zero = constant(0);
  ivs.assign(extents.size(), zero);
  begins = ivs;
  ends = extents;
  emitOuter([&] {
    if (plan.carriesSums)
      return emitCarriedSums();
    emitNest(plan.middle, [&] {
      if (plan.cross)
        emitFor(*plan.cross, [&] { emitPointwise(); });
      else
        emitPointwise();
    });
  });
}

/// The flattened parallel loop, or plain loops where that is not worth it.
void LoopEmitter::emitOuter(Body body) {
  SmallVector<Factor> factors;
  auto addBlocks = [&](unsigned dim, int64_t block) {
    Value size = constant(block);
    factors.push_back(
        {dim, block, arith::CeilDivUIOp::create(b, loc, extents[dim], size)});
  };
  for (unsigned dim : plan.outer)
    factors.push_back({dim, 0, extents[dim]});
  if (plan.crossBlock)
    addBlocks(*plan.cross, plan.crossBlock);
  if (plan.innerBlock)
    addBlocks(*plan.inner, plan.innerBlock);

  if (factors.empty() && (plan.isSerial || plan.carriesSums || !plan.inner))
    return body();
  Value count = factors.empty() ? extents[*plan.inner] : factors.front().count;
  for (const Factor &factor : ArrayRef(factors).drop_front(!factors.empty()))
    count = arith::MulIOp::create(b, loc, count, factor.count);

  Value zero = constant(0), one = constant(1);
  OpBuilder::InsertionGuard guard(b);
  Value index;
  if (plan.isSerial) {
    auto loop = scf::ForOp::create(b, loc, zero, count, one);
    b.setInsertionPointToStart(loop.getBody());
    index = loop.getInductionVar();
  } else {
    auto loop = scf::ParallelOp::create(b, loc, ValueRange{zero},
                                        ValueRange{count}, ValueRange{one});
    loop->setAttr("winnow.grain", b.getI64IntegerAttr(plan.grain));
    b.setInsertionPointToStart(loop.getBody());
    index = loop.getInductionVars().front();
  }
  if (factors.empty()) {
    // The innermost loop itself is shared out: the block is one element.
    ivs[*plan.inner] = index;
    ends[*plan.inner] = Value();
  }
  enterFactors(factors, index);
  body();
}

/// Sets indices and blocks from the index of the flattened loop.
void LoopEmitter::enterFactors(ArrayRef<Factor> factors, Value index) {
  for (auto [i, factor] : llvm::enumerate(llvm::reverse(factors))) {
    Value part = index;
    if (i + 1 != factors.size()) {
      part = arith::RemUIOp::create(b, loc, index, factor.count);
      index = arith::DivUIOp::create(b, loc, index, factor.count);
    }
    if (!factor.block) {
      ivs[factor.dim] = part;
      continue;
    }
    Value size = constant(factor.block);
    begins[factor.dim] = arith::MulIOp::create(b, loc, part, size);
    Value end = arith::AddIOp::create(b, loc, begins[factor.dim], size);
    ends[factor.dim] = arith::MinUIOp::create(b, loc, end, extents[factor.dim]);
  }
}

void LoopEmitter::emitFor(unsigned dim, Body body) {
  OpBuilder::InsertionGuard guard(b);
  Value step = constant(1);
  auto loop = scf::ForOp::create(b, loc, begins[dim], ends[dim], step);
  b.setInsertionPointToStart(loop.getBody());
  ivs[dim] = loop.getInductionVar();
  body();
}

void LoopEmitter::emitNest(ArrayRef<unsigned> dims, Body body) {
  if (dims.empty())
    return body();
  emitFor(dims.front(), [&] { emitNest(dims.drop_front(), body); });
}

SmallVector<Value> LoopEmitter::emitSums(ArrayRef<unsigned> dims,
                                         ArrayRef<Value> sums, SumBody body) {
  if (dims.empty())
    return body(sums);
  unsigned dim = dims.front();
  OpBuilder::InsertionGuard guard(b);
  Value step = constant(1);
  auto loop = scf::ForOp::create(b, loc, begins[dim], ends[dim], step, sums);
  b.setInsertionPointToStart(loop.getBody());
  ivs[dim] = loop.getInductionVar();
  if (dims.size() == 1)
    hoistInputs();
  SmallVector<Value> inner(loop.getRegionIterArgs());
  SmallVector<Value> results = emitSums(dims.drop_front(), inner, body);
  // The builder makes the terminator itself where there is nothing to carry.
  if (!sums.empty())
    scf::YieldOp::create(b, loc, results);
  return SmallVector<Value>(loop.getResults());
}

/// The innermost loop, or a single point, reading and writing buffers.
void LoopEmitter::emitPointwise() {
  auto point = [&] {
    SmallVector<Value> inits;
    for (OpOperand &init : op.getDpsInitsMutable())
      inits.push_back(load(init));
    SmallVector<Value> results = emitBody(inits);
    for (auto [init, result] : llvm::zip(op.getDpsInitsMutable(), results))
      store(init, result);
  };
  // Within a shared-out innermost loop there is no range left to walk.
  if (!plan.inner || !ends[*plan.inner])
    return point();
  hoistInputs();
  emitFor(*plan.inner, point);
}

void LoopEmitter::emitCarriedSums() {
  SmallVector<Value> sums;
  for (OpOperand &init : op.getDpsInitsMutable())
    sums.push_back(memref::LoadOp::create(b, loc, init.get(), indices(init)));
  SmallVector<unsigned> dims = plan.middle;
  dims.push_back(*plan.inner);
  sums = emitSums(dims, sums,
                  [&](ArrayRef<Value> carried) { return emitBody(carried); });
  for (auto [init, sum] : llvm::zip(op.getDpsInitsMutable(), sums))
    store(init, sum);
}

SmallVector<Value> LoopEmitter::indices(OpOperand &operand) {
  AffineMap map = op.getMatchingIndexingMap(&operand);
  SmallVector<Value> result;
  for (AffineExpr expr : map.getResults()) {
    if (auto dim = dyn_cast<AffineDimExpr>(expr)) {
      result.push_back(ivs[dim.getPosition()]);
      continue;
    }
    AffineMap single = AffineMap::get(map.getNumDims(), 0, expr);
    result.push_back(affine::makeComposedAffineApply(
        b, loc, single, getAsOpFoldResult(ValueRange(ivs))));
  }
  return result;
}

/// The operand's element at the current indices, or null if the body does not
/// look at it.
Value LoopEmitter::load(OpOperand &operand) {
  if (op.getMatchingBlockArgument(&operand).use_empty())
    return Value();
  if (!isa<MemRefType>(operand.get().getType()))
    return operand.get();
  if (Value value = hoisted.lookup(&operand))
    return value;
  return memref::LoadOp::create(b, loc, operand.get(), indices(operand));
}

void LoopEmitter::store(OpOperand &operand, Value value) {
  memref::StoreOp::create(b, loc, value, operand.get(), indices(operand));
}

/// LLVM cannot move these loads by itself where the output may alias.
void LoopEmitter::hoistInputs() {
  hoisted.clear();
  for (OpOperand *input : op.getDpsInputOperands()) {
    AffineMap map = op.getMatchingIndexingMap(input);
    if (plan.carriesSums || map.isFunctionOfDim(*plan.inner))
      continue;
    if (Value value = load(*input))
      hoisted[input] = value;
  }
}

SmallVector<Value> LoopEmitter::emitBody(ArrayRef<Value> inits) {
  IRMapping mapping;
  for (OpOperand *input : op.getDpsInputOperands())
    if (Value value = load(*input))
      mapping.map(op.getMatchingBlockArgument(input), value);
  for (auto [init, value] : llvm::zip(op.getDpsInitsMutable(), inits))
    if (value)
      mapping.map(op.getMatchingBlockArgument(&init), value);
  for (Operation &inner : op.getBlock()->without_terminator()) {
    if (auto index = dyn_cast<linalg::IndexOp>(inner))
      mapping.map(index.getResult(), ivs[index.getDim()]);
    else
      b.clone(inner, mapping);
  }
  SmallVector<Value> results;
  for (Value result : op.getBlock()->getTerminator()->getOperands())
    results.push_back(mapping.lookupOrDefault(result));
  return results;
}

} // namespace

void emitLoops(OpBuilder &builder, linalg::LinalgOp op, const LoopPlan &plan) {
  OpBuilder::InsertionGuard guard(builder);
  builder.setInsertionPoint(op);
  LoopEmitter(builder, op, plan).emit();
}

} // namespace winnow::cpu
