//===- Emitter.cpp - Short names for the operations kernels are made of ---===//

#include "Emitter.h"

#include "llvm/ADT/Sequence.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace winnow::cpu {

//===----------------------------------------------------------------------===//
// Indices
//===----------------------------------------------------------------------===//

Value Emitter::index(int64_t value) {
  return arith::ConstantIndexOp::create(*this, value);
}
Value Emitter::add(Value lhs, Value rhs) {
  return createOrFold<arith::AddIOp>(lhs, rhs);
}
Value Emitter::sub(Value lhs, Value rhs) {
  return createOrFold<arith::SubIOp>(lhs, rhs);
}
Value Emitter::mul(Value lhs, Value rhs) {
  return createOrFold<arith::MulIOp>(lhs, rhs);
}
Value Emitter::div(Value lhs, Value rhs) {
  return createOrFold<arith::DivUIOp>(lhs, rhs);
}
Value Emitter::rem(Value lhs, Value rhs) {
  return createOrFold<arith::RemUIOp>(lhs, rhs);
}
Value Emitter::ceilDiv(Value lhs, Value rhs) {
  return div(add(lhs, sub(rhs, index(1))), rhs);
}
Value Emitter::min(Value lhs, Value rhs) {
  return createOrFold<arith::MinSIOp>(lhs, rhs);
}
Value Emitter::max(Value lhs, Value rhs) {
  return createOrFold<arith::MaxSIOp>(lhs, rhs);
}
Value Emitter::lessThan(Value lhs, Value rhs) {
  return createOrFold<arith::CmpIOp>(arith::CmpIPredicate::slt, lhs, rhs);
}
Value Emitter::equal(Value lhs, Value rhs) {
  return createOrFold<arith::CmpIOp>(arith::CmpIPredicate::eq, lhs, rhs);
}
Value Emitter::dim(Value memref, int64_t dimension) {
  auto type = cast<MemRefType>(memref.getType());
  if (!type.isDynamicDim(dimension))
    return index(type.getDimSize(dimension));
  return memref::DimOp::create(*this, memref, dimension);
}

//===----------------------------------------------------------------------===//
// Control flow
//===----------------------------------------------------------------------===//

void Emitter::forRange(Value begin, Value end, int64_t step, LoopBody body) {
  auto loop = scf::ForOp::create(*this, begin, end, index(step));
  InsertionGuard guard(*this);
  setInsertionPointToStart(loop.getBody());
  body(loop.getInductionVar());
}

SmallVector<Value> Emitter::forRange(Value begin, Value end, int64_t step,
                                     ValueRange inits, CarriedBody body) {
  auto loop = scf::ForOp::create(*this, begin, end, index(step), inits);
  InsertionGuard guard(*this);
  setInsertionPointToStart(loop.getBody());
  SmallVector<Value> next =
      body(loop.getInductionVar(), loop.getRegionIterArgs());
  scf::YieldOp::create(*this, next);
  return llvm::to_vector_of<Value>(loop.getResults());
}

void Emitter::parallel(Value count, int64_t grain, LoopBody body) {
  auto loop = scf::ParallelOp::create(*this, ValueRange{index(0)},
                                      ValueRange{count}, ValueRange{index(1)});
  loop->setAttr("winnow.grain", getI64IntegerAttr(grain));
  InsertionGuard guard(*this);
  setInsertionPointToStart(loop.getBody());
  body(loop.getInductionVars().front());
}

void Emitter::ifElse(Value condition, function_ref<void()> thenBody,
                     function_ref<void()> elseBody) {
  auto branch = scf::IfOp::create(*this, condition,
                                  /*withElseRegion=*/bool(elseBody));
  InsertionGuard guard(*this);
  setInsertionPointToStart(branch.thenBlock());
  thenBody();
  if (!elseBody)
    return;
  setInsertionPointToStart(branch.elseBlock());
  elseBody();
}

SmallVector<Value> Emitter::select(Value condition,
                                   function_ref<SmallVector<Value>()> yes,
                                   function_ref<SmallVector<Value>()> no) {
  // The result types are known once one side has been emitted.
  Block side;
  SmallVector<Value> yesValues;
  {
    InsertionGuard guard(*this);
    setInsertionPointToStart(&side);
    yesValues = yes();
    scf::YieldOp::create(*this, yesValues);
  }
  auto branch =
      scf::IfOp::create(*this, ValueRange(yesValues).getTypes(), condition,
                        /*addThenBlock=*/true, /*addElseBlock=*/true);
  Block *thenBlock = branch.thenBlock();
  thenBlock->getOperations().splice(thenBlock->end(), side.getOperations());
  InsertionGuard guard(*this);
  setInsertionPointToStart(branch.elseBlock());
  scf::YieldOp::create(*this, no());
  return llvm::to_vector_of<Value>(branch.getResults());
}

void Emitter::forEachTile(Value begin, Value end, int64_t size,
                          function_ref<void(Value, int64_t)> body) {
  for (int64_t tile = size; tile > 0;
       tile = static_cast<int64_t>(llvm::bit_floor(uint64_t(tile - 1)))) {
    Value rest = max(sub(end, begin), index(0));
    Value stop = add(begin, mul(div(rest, index(tile)), tile));
    forRange(begin, stop, tile, [&](Value at) { body(at, tile); });
    begin = stop;
    if (tile == 1)
      break;
  }
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

Value Emitter::scratch(ArrayRef<int64_t> shape, Type element) {
  return memref::AllocaOp::create(*this, MemRefType::get(shape, element),
                                  getI64IntegerAttr(64));
}

Value Emitter::load(Value memref, ValueRange indices, int64_t lanes,
                    Value mask) {
  auto type = VectorType::get(
      lanes, cast<MemRefType>(memref.getType()).getElementType());
  if (!mask)
    return vector::LoadOp::create(*this, type, memref, indices);
  Value zero = arith::ConstantOp::create(*this, getZeroAttr(type));
  return vector::MaskedLoadOp::create(*this, type, memref, indices, mask, zero);
}

void Emitter::store(Value vector, Value memref, ValueRange indices,
                    Value mask) {
  if (mask)
    vector::MaskedStoreOp::create(*this, memref, indices, mask, vector);
  else
    vector::StoreOp::create(*this, vector, memref, indices);
}

Value Emitter::loadScalar(Value memref, ValueRange indices) {
  return memref::LoadOp::create(*this, memref, indices);
}
void Emitter::storeScalar(Value value, Value memref, ValueRange indices) {
  memref::StoreOp::create(*this, value, memref, indices);
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

Value Emitter::real(double value, Type type) {
  TypedAttr attr = getFloatAttr(getElementTypeOrSelf(type), value);
  if (auto vectorType = dyn_cast<VectorType>(type))
    attr = DenseElementsAttr::get(vectorType, Attribute(attr));
  return arith::ConstantOp::create(*this, attr);
}

Value Emitter::splat(Value scalar, int64_t lanes) {
  return vector::BroadcastOp::create(
      *this, VectorType::get(lanes, scalar.getType()), scalar);
}

Value Emitter::lanes(int64_t count) {
  auto values = llvm::to_vector(
      llvm::map_range(llvm::seq<int64_t>(0, count),
                      [](int64_t lane) { return int32_t(lane); }));
  return arith::ConstantOp::create(
      *this, DenseElementsAttr::get(VectorType::get(count, getI32Type()),
                                    ArrayRef<int32_t>(values)));
}

Value Emitter::splatIndex(Value index, int64_t lanes) {
  return splat(createOrFold<arith::IndexCastOp>(getI32Type(), index), lanes);
}

Value Emitter::maskBelow(Value count, int64_t lanes) {
  // Clamped first, so that the count fits i32 whatever the index was.
  Value clamped = min(max(count, index(0)), index(lanes));
  return arith::CmpIOp::create(*this, arith::CmpIPredicate::slt,
                               this->lanes(lanes), splatIndex(clamped, lanes));
}

Value Emitter::fma(Value a, Value b, Value c) {
  if (isa<VectorType>(a.getType()))
    return vector::FMAOp::create(*this, a, b, c);
  auto contract = arith::FastMathFlags::contract;
  Value product = arith::MulFOp::create(*this, a, b, contract);
  return arith::AddFOp::create(*this, product, c, contract);
}
Value Emitter::addF(Value a, Value b) {
  return arith::AddFOp::create(*this, a, b);
}
Value Emitter::subF(Value a, Value b) {
  return arith::SubFOp::create(*this, a, b);
}
Value Emitter::mulF(Value a, Value b) {
  return arith::MulFOp::create(*this, a, b);
}
Value Emitter::divF(Value a, Value b) {
  return arith::DivFOp::create(*this, a, b);
}
Value Emitter::maxF(Value a, Value b) {
  Value greater =
      arith::CmpFOp::create(*this, arith::CmpFPredicate::OGT, a, b);
  return arith::SelectOp::create(*this, greater, a, b);
}

} // namespace winnow::cpu
