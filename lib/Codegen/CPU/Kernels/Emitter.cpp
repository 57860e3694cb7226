//===- Emitter.cpp - Short names for the operations kernels are made of ---===//

#include "Emitter.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
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
Value Emitter::toIndex(Value integer) {
  return createOrFold<arith::IndexCastUIOp>(getIndexType(), integer);
}
Value Emitter::fromIndex(Value index, unsigned bits) {
  return createOrFold<arith::IndexCastOp>(getIntegerType(bits), index);
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

void Emitter::declareRuntime(StringRef name, TypeRange arguments) {
  auto module = getInsertionBlock()->getParentOp()->getParentOfType<ModuleOp>();
  if (module.lookupSymbol(name))
    return;
  InsertionGuard guard(*this);
  setInsertionPointToStart(module.getBody());
  func::FuncOp::create(*this, name, getFunctionType(arguments, {})).setPrivate();
}

void Emitter::callRuntime(StringRef name, ValueRange arguments) {
  declareRuntime(name, arguments.getTypes());
  func::CallOp::create(*this, name, TypeRange(), arguments);
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

Value Emitter::loadBytes(Value memref, ValueRange indices, int64_t lanes,
                         Value mask) {
  auto metadata = memref::ExtractStridedMetadataOp::create(*this, memref);
  Value address =
      memref::ExtractAlignedPointerAsIndexOp::create(*this, memref);
  address = add(address, metadata.getOffset());
  for (auto [index, stride] : llvm::zip(indices, metadata.getStrides()))
    address = add(address, mul(index, stride));
  address = arith::IndexCastOp::create(*this, getI64Type(), address);
  Value pointer = LLVM::IntToPtrOp::create(
      *this, LLVM::LLVMPointerType::get(getContext()), address);
  auto type = VectorType::get(lanes, getI8Type());
  if (!mask)
    return LLVM::LoadOp::create(*this, type, pointer, /*alignment=*/1);
  Value zero = arith::ConstantOp::create(*this, getZeroAttr(type));
  return LLVM::MaskedLoadOp::create(*this, type, pointer, mask, zero,
                                    getI32IntegerAttr(1));
}

Value Emitter::slice(Value memref, ArrayRef<Value> indices) {
  auto type = cast<MemRefType>(memref.getType());
  SmallVector<OpFoldResult> offsets, sizes;
  SmallVector<OpFoldResult> strides(indices.size(), getIndexAttr(1));
  SmallVector<int64_t> shape;
  for (auto [i, index] : llvm::enumerate(indices)) {
    offsets.push_back(index ? getAsOpFoldResult(index)
                            : OpFoldResult(getIndexAttr(0)));
    sizes.push_back(index ? OpFoldResult(getIndexAttr(1))
                          : getAsOpFoldResult(dim(memref, i)));
    if (!index)
      shape.push_back(type.getDimSize(i));
  }
  auto view = memref::SubViewOp::inferRankReducedResultType(
      shape, type, offsets, sizes, strides);
  return memref::SubViewOp::create(*this, cast<MemRefType>(view), memref,
                                   offsets, sizes, strides);
}

Value Emitter::rows(Value matrix, Value begin, Value count) {
  SmallVector<OpFoldResult> offsets = {getAsOpFoldResult(begin), getIndexAttr(0)};
  SmallVector<OpFoldResult> sizes = {getAsOpFoldResult(count),
                                     getAsOpFoldResult(dim(matrix, 1))};
  SmallVector<OpFoldResult> strides(2, getIndexAttr(1));
  return memref::SubViewOp::create(*this, matrix, offsets, sizes, strides);
}

Value Emitter::forgetShape(Value memref) {
  auto type = cast<MemRefType>(memref.getType());
  SmallVector<int64_t> shape(type.getRank(), ShapedType::kDynamic);
  SmallVector<int64_t> strides = shape;
  strides.back() = 1;
  auto layout =
      StridedLayoutAttr::get(getContext(), ShapedType::kDynamic, strides);
  return createOrFold<memref::CastOp>(
      MemRefType::get(shape, type.getElementType(), layout), memref);
}

Value Emitter::loadScalar(Value memref, ValueRange indices) {
  return memref::LoadOp::create(*this, memref, indices);
}
void Emitter::storeScalar(Value value, Value memref, ValueRange indices) {
  memref::StoreOp::create(*this, value, memref, indices);
}

void Emitter::prefetch(Value memref, ValueRange indices, unsigned locality) {
  memref::PrefetchOp::create(*this, memref, indices, /*isWrite=*/false, locality,
                             /*isDataCache=*/true);
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

Value Emitter::blend(Value mask, Value yes, Value no) {
  return mask ? arith::SelectOp::create(*this, mask, yes, no).getResult()
              : yes;
}

Value Emitter::reduce(Value vector,
                      function_ref<Value(Value, Value)> combine) {
  int64_t width = cast<VectorType>(vector.getType()).getNumElements();
  for (; width > 1; width /= 2) {
    auto half = [&](int64_t first) {
      auto lanes = llvm::to_vector(llvm::seq(first, first + width / 2));
      return vector::ShuffleOp::create(*this, vector, vector, lanes);
    };
    vector = combine(half(0), half(width / 2));
  }
  return vector::ExtractOp::create(*this, vector, int64_t(0));
}

Value Emitter::reduceRows(SmallVector<Value> rows, function_ref<Value(Value, Value)> combine) {
  int64_t lanes = cast<VectorType>(rows.front().getType()).getNumElements();
  if (lanes == 1)
    return rows.front();
  auto join = [&](Value a, Value b, ArrayRef<int64_t> first, ArrayRef<int64_t> second) {
    return combine(vector::ShuffleOp::create(*this, a, b, first),
                   vector::ShuffleOp::create(*this, a, b, second));
  };
  SmallVector<int64_t> evens, odds, lows, highs;
  for (int64_t block = 0; block < lanes; block += 4) {
    for (int64_t i : {0, 1}) {
      evens.append({block + i, lanes + block + i});
      odds.append({block + 2 + i, lanes + block + 2 + i});
    }
    lows.append({block, block + 1, lanes + block, lanes + block + 1});
    highs.append({block + 2, block + 3, lanes + block + 2, lanes + block + 3});
  }
  auto joinAll = [&](ArrayRef<int64_t> first, ArrayRef<int64_t> second) {
    SmallVector<Value> joined;
    for (size_t i = 0; i < rows.size(); i += 2)
      joined.push_back(join(rows[i], rows[i + 1], first, second));
    rows = joined;
  };
  joinAll(evens, odds);
  joinAll(lows, highs);
  // Each block of four lanes holds what was combined of the same four rows.
  int64_t width = lanes;
  Value sums = rows[0];
  if (rows.size() == 2) {
    SmallVector<int64_t> first, second;
    for (int64_t offset : {int64_t(0), lanes})
      for (int64_t i = 0; i < lanes / 2; ++i) {
        first.push_back(offset + i);
        second.push_back(offset + lanes / 2 + i);
      }
    sums = join(rows[0], rows[1], first, second);
    // The rows' halves are apart, each of lanes / 8 blocks.
    while (width > 8) {
      SmallVector<int64_t> even, odd;
      for (int64_t block = 0; block < width; block += 8)
        for (int64_t i = 0; i < 4; ++i) {
          even.push_back(block + i);
          odd.push_back(block + 4 + i);
        }
      sums = join(sums, sums, even, odd);
      width /= 2;
    }
  }
  return sums;
}

SmallVector<Value> Emitter::transpose(SmallVector<Value> rows) {
  // Swap the off-diagonal blocks of ever smaller blocks.
  int64_t count = rows.size();
  for (int64_t block = count / 2; block > 0; block /= 2)
    for (int64_t i = 0; i < count; ++i) {
      if (i & block)
        continue;
      SmallVector<int64_t> upper, lower;
      for (int64_t lane = 0; lane < count; ++lane) {
        bool second = lane & block;
        upper.push_back(second ? count + lane - block : lane);
        lower.push_back(second ? count + lane : lane + block);
      }
      Value a = rows[i], b = rows[i + block];
      rows[i] = vector::ShuffleOp::create(*this, a, b, upper);
      rows[i + block] = vector::ShuffleOp::create(*this, a, b, lower);
    }
  return rows;
}

//===----------------------------------------------------------------------===//
// Rows
//===----------------------------------------------------------------------===//

void Emitter::forEachVector(Value count, int64_t lanes,
                            function_ref<void(Value, Value)> body) {
  Value whole = mul(div(count, index(lanes)), lanes);
  forRange(index(0), whole, lanes, [&](Value at) { body(at, Value()); });
  Value rest = sub(count, whole);
  auto tail = [&] { body(whole, maskBelow(rest, lanes)); };
  if (auto known = getConstantIntValue(rest))
    return *known ? tail() : void();
  ifElse(lessThan(index(0), rest), tail);
}

Value Emitter::foldVectors(Value count, int64_t lanes, Value init,
                           function_ref<Value(Value, Value, Value)> body,
                           function_ref<Value(Value, Value)> combine) {
  constexpr int64_t unroll = 4;
  int64_t step = unroll * lanes;
  Value whole = mul(div(count, index(step)), step);
  SmallVector<Value> sums = forRange(
      index(0), whole, step, SmallVector<Value>(unroll, init),
      [&](Value at, ValueRange carried) {
        SmallVector<Value> next;
        for (int64_t u = 0; u < unroll; ++u)
          next.push_back(body(add(at, u * lanes), Value(), carried[u]));
        return next;
      });
  Value sum = combine(combine(sums[0], sums[1]), combine(sums[2], sums[3]));
  Value vectors = mul(div(count, index(lanes)), lanes);
  sum = forRange(whole, vectors, lanes, sum,
                 [&](Value at, ValueRange carried) {
                   return SmallVector<Value>{body(at, Value(), carried[0])};
                 })[0];
  Value rest = sub(count, vectors);
  auto tail = [&] { return body(vectors, maskBelow(rest, lanes), sum); };
  if (auto known = getConstantIntValue(rest))
    return *known ? tail() : sum;
  return select(
      lessThan(index(0), rest), [&] { return SmallVector<Value>{tail()}; },
      [&] { return SmallVector<Value>{sum}; })[0];
}

} // namespace winnow::cpu
