//===- Emitter.cpp - Short names for the operations kernels are made of ---===//

#include "Emitter.h"

using namespace mlir;

namespace winnow::gpu {

//===----------------------------------------------------------------------===//
// Integers
//===----------------------------------------------------------------------===//

Value Emitter::i32(int64_t value) {
  return arith::ConstantOp::create(*this, getI32IntegerAttr(value));
}
Value Emitter::i64(int64_t value) {
  return arith::ConstantOp::create(*this, getI64IntegerAttr(value));
}
Value Emitter::like(Value value, int64_t number) {
  return arith::ConstantOp::create(*this, getIntegerAttr(value.getType(), number));
}
Value Emitter::add(Value lhs, Value rhs) { return createOrFold<arith::AddIOp>(lhs, rhs); }
Value Emitter::sub(Value lhs, Value rhs) { return createOrFold<arith::SubIOp>(lhs, rhs); }
Value Emitter::mul(Value lhs, Value rhs) { return createOrFold<arith::MulIOp>(lhs, rhs); }
Value Emitter::div(Value lhs, Value rhs) { return createOrFold<arith::DivUIOp>(lhs, rhs); }
Value Emitter::rem(Value lhs, Value rhs) { return createOrFold<arith::RemUIOp>(lhs, rhs); }
Value Emitter::bitAnd(Value lhs, int64_t rhs) {
  return createOrFold<arith::AndIOp>(lhs, like(lhs, rhs));
}
Value Emitter::bitXor(Value lhs, Value rhs) { return createOrFold<arith::XOrIOp>(lhs, rhs); }
Value Emitter::shiftRight(Value lhs, int64_t bits) {
  return createOrFold<arith::ShRUIOp>(lhs, like(lhs, bits));
}
Value Emitter::shiftLeft(Value lhs, int64_t bits) {
  return createOrFold<arith::ShLIOp>(lhs, like(lhs, bits));
}
Value Emitter::min(Value lhs, Value rhs) { return createOrFold<arith::MinSIOp>(lhs, rhs); }
Value Emitter::max(Value lhs, Value rhs) { return createOrFold<arith::MaxSIOp>(lhs, rhs); }
Value Emitter::less(Value lhs, Value rhs) {
  return createOrFold<arith::CmpIOp>(arith::CmpIPredicate::slt, lhs, rhs);
}
Value Emitter::lessEqual(Value lhs, Value rhs) {
  return createOrFold<arith::CmpIOp>(arith::CmpIPredicate::sle, lhs, rhs);
}
Value Emitter::equal(Value lhs, Value rhs) {
  return createOrFold<arith::CmpIOp>(arith::CmpIPredicate::eq, lhs, rhs);
}
Value Emitter::both(Value lhs, Value rhs) { return createOrFold<arith::AndIOp>(lhs, rhs); }
Value Emitter::either(Value lhs, Value rhs) { return createOrFold<arith::OrIOp>(lhs, rhs); }
Value Emitter::select(Value condition, Value yes, Value no) {
  return createOrFold<arith::SelectOp>(condition, yes, no);
}
Value Emitter::widen(Value value) { return createOrFold<arith::ExtSIOp>(getI64Type(), value); }
Value Emitter::wideMul(Value lhs, Value rhs) { return mul(widen(lhs), widen(rhs)); }

//===----------------------------------------------------------------------===//
// Floats
//===----------------------------------------------------------------------===//

Value Emitter::f32(double value) {
  return arith::ConstantOp::create(*this, getF32FloatAttr(value));
}
Value Emitter::addF(Value lhs, Value rhs) { return createOrFold<arith::AddFOp>(lhs, rhs); }
Value Emitter::subF(Value lhs, Value rhs) { return createOrFold<arith::SubFOp>(lhs, rhs); }
Value Emitter::mulF(Value lhs, Value rhs) { return createOrFold<arith::MulFOp>(lhs, rhs); }
Value Emitter::divF(Value lhs, Value rhs) { return createOrFold<arith::DivFOp>(lhs, rhs); }
Value Emitter::fma(Value a, Value b, Value c) { return math::FmaOp::create(*this, a, b, c); }
Value Emitter::maxF(Value lhs, Value rhs) { return createOrFold<arith::MaxNumFOp>(lhs, rhs); }

Value Emitter::exp2(Value x) {
  // Not llvm.intr.exp2: other passes would take it for a call of a library.
  auto assembly = LLVM::InlineAsmOp::create(
      *this, TypeRange(getF32Type()), ValueRange(x), "ex2.approx.ftz.f32 $0, $1;", "=f,f",
      /*has_side_effects=*/false, /*is_align_stack=*/false, LLVM::TailCallKind::None,
      LLVM::AsmDialectAttr::get(getContext(), LLVM::AsmDialect::AD_ATT), ArrayAttr());
  return assembly.getResult(0);
}

Value Emitter::roundToTF32(Value x) {
  return NVVM::ConvertFloatToTF32Op::create(
      *this, getI32Type(), x,
      NVVM::FPRoundingModeAttr::get(getContext(), NVVM::FPRoundingMode::RNA));
}

Value Emitter::packNarrow(Value low, Value high, Type narrow) {
  auto wide = VectorType::get(2, getF32Type());
  Value pair = LLVM::UndefOp::create(*this, wide);
  pair = LLVM::InsertElementOp::create(*this, pair, low, i32(0));
  pair = LLVM::InsertElementOp::create(*this, pair, high, i32(1));
  Value rounded = LLVM::FPTruncOp::create(*this, VectorType::get(2, narrow), pair);
  return LLVM::BitcastOp::create(*this, getI32Type(), rounded);
}

Value Emitter::toFloat(Value x) {
  return x.getType().isF32() ? x : LLVM::FPExtOp::create(*this, getF32Type(), x).getResult();
}
Value Emitter::fromFloat(Value x, Type element) {
  return element.isF32() ? x : LLVM::FPTruncOp::create(*this, element, x).getResult();
}

//===----------------------------------------------------------------------===//
// Control flow
//===----------------------------------------------------------------------===//

SmallVector<Value> Emitter::forRange(Value begin, Value end, int64_t step, ValueRange inits,
                                     LoopBody body) {
  return forRange(begin, end, like(begin, step), inits, body);
}

SmallVector<Value> Emitter::forRange(Value begin, Value end, Value step, ValueRange inits,
                                     LoopBody body) {
  auto loop = scf::ForOp::create(*this, begin, end, step, inits);
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(loop.getBody());
  SmallVector<Value> results = body(loop.getInductionVar(), loop.getRegionIterArgs());
  if (inits.empty())
    return {}; // The loop came with its yield.
  scf::YieldOp::create(*this, results);
  return llvm::to_vector_of<Value>(loop.getResults());
}

void Emitter::ifThen(Value condition, llvm::function_ref<void()> body) {
  if (matchPattern(condition, m_One()))
    return body();
  if (matchPattern(condition, m_Zero()))
    return;
  auto branch = scf::IfOp::create(*this, condition, /*withElseRegion=*/false);
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(branch.thenBlock());
  body();
}

SmallVector<Value> Emitter::select(Value condition, ValueRange no,
                                   llvm::function_ref<SmallVector<Value>()> yes) {
  auto branch = scf::IfOp::create(*this, no.getTypes(), condition, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(&branch.getElseRegion().front());
  scf::YieldOp::create(*this, no);
  setInsertionPointToStart(&branch.getThenRegion().front());
  SmallVector<Value> values = yes();
  scf::YieldOp::create(*this, values);
  return llvm::to_vector_of<Value>(branch.getResults());
}

void Emitter::ifThenElse(Value condition, llvm::function_ref<void()> yes,
                         llvm::function_ref<void()> no) {
  auto branch = scf::IfOp::create(*this, condition, /*withElseRegion=*/true);
  OpBuilder::InsertionGuard guard(*this);
  setInsertionPointToStart(branch.thenBlock());
  yes();
  setInsertionPointToStart(branch.elseBlock());
  no();
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

static constexpr unsigned kShared = 3;

Type Emitter::global() { return LLVM::LLVMPointerType::get(getContext()); }
Type Emitter::shared() { return LLVM::LLVMPointerType::get(getContext(), kShared); }

Value Emitter::at(Value pointer, Value bytes) {
  return LLVM::GEPOp::create(*this, pointer.getType(), getI8Type(), pointer,
                             ArrayRef<LLVM::GEPArg>{bytes});
}
Value Emitter::at(Value pointer, int64_t bytes) {
  if (bytes == 0)
    return pointer;
  return LLVM::GEPOp::create(*this, pointer.getType(), getI8Type(), pointer,
                             ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(bytes)});
}
Value Emitter::load(Type type, Value pointer, int64_t alignment) {
  return LLVM::LoadOp::create(*this, type, pointer, alignment);
}
void Emitter::store(Value value, Value pointer, int64_t alignment) {
  LLVM::StoreOp::create(*this, value, pointer, alignment);
}

SmallVector<Value> Emitter::loadVector(Type element, int64_t count, Value pointer) {
  if (count == 1)
    return {load(element, pointer)};
  Value vector = load(VectorType::get(count, element), pointer, count * bytesOf(element));
  SmallVector<Value> values;
  for (int64_t i = 0; i < count; ++i)
    values.push_back(LLVM::ExtractElementOp::create(*this, vector, i32(i)));
  return values;
}

void Emitter::storeVector(ValueRange values, Value pointer) {
  if (values.size() == 1)
    return store(values.front(), pointer);
  int64_t count = values.size();
  Type element = values.front().getType();
  Value vector = LLVM::UndefOp::create(*this, VectorType::get(count, element));
  for (auto [i, value] : llvm::enumerate(values))
    vector = LLVM::InsertElementOp::create(*this, vector, value, i32(i));
  store(vector, pointer, count * bytesOf(element));
}

void Emitter::copyAsync(Value sharedTo, Value globalFrom, int64_t bytes, Value valid) {
  auto global = LLVM::LLVMPointerType::get(getContext(), 1);
  Value from = LLVM::AddrSpaceCastOp::create(*this, global, globalFrom);
  // Only whole lines may leave out the L1 cache.
  auto cache = bytes == 16 ? NVVM::LoadCacheModifierKind::CG : NVVM::LoadCacheModifierKind::CA;
  NVVM::CpAsyncOp::create(*this, sharedTo, from, bytes, cache, valid);
}
void Emitter::commitCopies() { NVVM::CpAsyncCommitGroupOp::create(*this); }
void Emitter::waitForCopies(int64_t left) {
  NVVM::CpAsyncWaitGroupOp::create(*this, static_cast<uint32_t>(left));
}

//===----------------------------------------------------------------------===//
// Threads
//===----------------------------------------------------------------------===//

Value Emitter::thread() { return NVVM::ThreadIdXOp::create(*this, getI32Type()); }
Value Emitter::block() { return NVVM::BlockIdXOp::create(*this, getI32Type()); }
Value Emitter::numBlocks() { return NVVM::GridDimXOp::create(*this, getI32Type()); }
void Emitter::barrier() { NVVM::Barrier0Op::create(*this); }

Value Emitter::shuffleFrom(Value value, int64_t lane) {
  return NVVM::ShflOp::create(*this, value.getType(), i32(-1), value, i32(lane), i32(31),
                              NVVM::ShflKind::idx, UnitAttr());
}

Value Emitter::shuffleXor(Value value, int64_t mask) {
  return NVVM::ShflOp::create(*this, value.getType(), i32(-1), value, i32(mask), i32(31),
                              NVVM::ShflKind::bfly, UnitAttr());
}

Value Emitter::reduceLanes(Value value, int64_t width,
                           llvm::function_ref<Value(Value, Value)> combine) {
  for (int64_t mask = width / 2; mask > 0; mask /= 2)
    value = combine(value, shuffleXor(value, mask));
  return value;
}

//===----------------------------------------------------------------------===//
// Barriers in shared memory
//===----------------------------------------------------------------------===//

void Emitter::initBarrier(Value barrier, int64_t arrivals) {
  NVVM::MBarrierInitOp::create(*this, barrier, i32(arrivals), Value());
}
void Emitter::arriveAt(Value barrier) {
  NVVM::MBarrierArriveOp::create(*this, Type(), barrier, Value());
}
void Emitter::arriveFor(Value barrier, int64_t bytes) {
  NVVM::MBarrierArriveExpectTxOp::create(*this, Type(), barrier, i32(bytes),
                                         NVVM::MemScopeKind::CTA, /*relaxed=*/false, Value());
}
void Emitter::copyTensor(Value sharedTo, Value map, ValueRange coordinates, Value barrier) {
  // Of the own block, but PTX before 8.6 knows the memory of clusters only.
  Value to = LLVM::AddrSpaceCastOp::create(*this, LLVM::LLVMPointerType::get(getContext(), 7),
                                           sharedTo);
  NVVM::CpAsyncBulkTensorGlobalToSharedClusterOp::create(
      *this, to, map, coordinates, barrier, ValueRange(), Value(), Value(),
      NVVM::TMALoadMode::TILE, /*isCTAOnly=*/false, NVVM::CTAGroupKindAttr(), Value());
}
void Emitter::waitAt(Value barrier, Value parity) {
  // Nanoseconds that a try may take, as CUDA's libraries give it.
  constexpr int64_t kPatience = 10'000'000;
  NVVM::MBarrierTryWaitParityOp::create(*this, barrier, parity, i32(kPatience));
}
void Emitter::fenceForProducts() {
  NVVM::FenceProxyOp::create(*this, NVVM::ProxyKind::async_shared,
                             NVVM::SharedSpaceAttr::get(getContext(), NVVM::SharedSpace::shared_cta));
}

//===----------------------------------------------------------------------===//
// Matrices
//===----------------------------------------------------------------------===//

SmallVector<Value> Emitter::loadMatrices(Value pointer, int64_t count, bool transposed) {
  Type word = getI32Type();
  Type type = count == 1 ? word
                         : LLVM::LLVMStructType::getLiteral(getContext(),
                                                            SmallVector<Type>(count, word));
  Value loaded = NVVM::LdMatrixOp::create(
      *this, type, pointer, static_cast<uint32_t>(count),
      transposed ? NVVM::MMALayout::col : NVVM::MMALayout::row,
      NVVM::LdStMatrixShapeAttr::get(getContext(), 8, 8), NVVM::LdStMatrixEltType::B16);
  if (count == 1)
    return {loaded};
  SmallVector<Value> values;
  for (int64_t i = 0; i < count; ++i)
    values.push_back(LLVM::ExtractValueOp::create(*this, loaded, i));
  return values;
}

SmallVector<Value> Emitter::mma(Precision precision, ValueRange a, ValueRange b, ValueRange acc) {
  auto type = LLVM::LLVMStructType::getLiteral(getContext(), SmallVector<Type>(4, getF32Type()));
  bool isTF32 = precision == Precision::TF32;
  NVVM::MMATypes element = isTF32                            ? NVVM::MMATypes::tf32
                           : precision == Precision::BF16 ? NVVM::MMATypes::bf16
                                                          : NVVM::MMATypes::f16;
  SmallVector<Value> factorsA(a), factorsB(b);
  // The op takes pairs of f16 as vectors, of bf16 as words.
  if (precision == Precision::FP16)
    for (SmallVector<Value> *factors : {&factorsA, &factorsB})
      for (Value &factor : *factors)
        factor = LLVM::BitcastOp::create(*this, VectorType::get(2, getF16Type()), factor);
  Value sums = NVVM::MmaOp::create(
      *this, type, factorsA, factorsB, acc, ArrayRef<int64_t>{16, 8, isTF32 ? 8 : 16},
      std::nullopt, std::nullopt, std::array<NVVM::MMATypes, 2>{element, element},
      std::array<NVVM::MMALayout, 2>{NVVM::MMALayout::row, NVVM::MMALayout::col});
  SmallVector<Value> values;
  for (int64_t i = 0; i < 4; ++i)
    values.push_back(LLVM::ExtractValueOp::create(*this, sums, i));
  return values;
}

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

int64_t bytesOf(Type type) { return llvm::divideCeil(type.getIntOrFloatBitWidth(), 8); }

/// Dynamic shared memory is an external symbol: an internal one would lie over the static.
static LLVM::GlobalOp getSharedMemory(mlir::gpu::GPUModuleOp device, Location loc) {
  constexpr StringLiteral name = "winnow_shared_memory";
  if (auto existing = device.lookupSymbol<LLVM::GlobalOp>(name))
    return existing;
  OpBuilder b = OpBuilder::atBlockBegin(device.getBody());
  auto type = LLVM::LLVMArrayType::get(b.getI8Type(), 0);
  return LLVM::GlobalOp::create(b, loc, type, /*isConstant=*/false, LLVM::Linkage::External, name,
                                Attribute(), /*alignment=*/1024, kShared, /*dsoLocal=*/true);
}

/// Blocks that a multiprocessor is to hold: as many as its shared memory does, if that leaves
/// 224 registers a thread. Left alone, the assembler spills to hold more than there is
/// memory for, which it does not know of.
static int64_t getBlocks(const KernelFunction &kernel) {
  constexpr int64_t kMemory = 160 * 1024, kRegisters = 65536 / 224;
  int64_t blocks = std::min(kMemory / std::max<int64_t>(kernel.sharedBytes, 1),
                            kRegisters / kernel.threads);
  return std::max<int64_t>(blocks, 1);
}

void emitKernel(mlir::gpu::GPUModuleOp device, Location loc, const KernelFunction &kernel,
                llvm::function_ref<void(Emitter &, ValueRange, Value)> body) {
  LLVM::GlobalOp memory;
  if (kernel.sharedBytes)
    memory = getSharedMemory(device, loc);
  OpBuilder b = OpBuilder::atBlockEnd(device.getBody());
  SmallVector<Type> arguments = kernel.arguments;
  for (Type &argument : arguments)
    if (isa<LLVM::LLVMArrayType>(argument))
      argument = LLVM::LLVMPointerType::get(b.getContext());
  auto type = LLVM::LLVMFunctionType::get(LLVM::LLVMVoidType::get(b.getContext()), arguments);
  auto function = LLVM::LLVMFuncOp::create(b, loc, kernel.name, type);
  function->setAttr("nvvm.kernel", b.getUnitAttr());
  function->setAttr("gpu.kernel", b.getUnitAttr());
  function->setAttr("winnow.device_kernel", b.getI32IntegerAttr(kernel.threads));
  function->setAttr("nvvm.minctasm", b.getI32IntegerAttr(getBlocks(kernel)));
  for (auto [i, argument] : llvm::enumerate(kernel.arguments))
    if (isa<LLVM::LLVMArrayType>(argument)) {
      function.setArgAttr(i, "llvm.byval", TypeAttr::get(argument));
      function.setArgAttr(i, "llvm.align", b.getI64IntegerAttr(64));
      function.setArgAttr(i, "nvvm.grid_constant", b.getUnitAttr());
    }
  Block *entry = function.addEntryBlock(b);
  Emitter e(loc, OpBuilder::atBlockEnd(entry));
  Value shared;
  if (memory)
    shared = LLVM::AddressOfOp::create(e, memory);
  body(e, entry->getArguments(), shared);
  LLVM::ReturnOp::create(e, ValueRange());
}

} // namespace winnow::gpu
