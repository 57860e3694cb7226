//===- OutlineParallel.cpp - Parallel loops into tasks of the runtime -----===//
//
// 1. A parallel loop within another becomes scf.for.
// 2. What the loop uses from outside is sorted: constants are cloned into the
//    task, everything else is stored in a context struct by the caller.
// 3. The task walks [begin, end) with a plain loop around the old body.
// 4. Static allocas of the body become pieces of the thread's scratch.
//
//===----------------------------------------------------------------------===//

#include "winnow/Codegen/Common/MemRefUtils.h"
#include "winnow/Codegen/CPU/Passes.h"

#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Transforms/RegionUtils.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace winnow::cpu {

#define GEN_PASS_DEF_OUTLINEPARALLEL
#include "winnow/Codegen/CPU/Passes.h.inc"

namespace {

constexpr StringLiteral kParallelName = "winnow_rt_parallel";
constexpr int64_t kScratchAlignment = 64;

void serialize(scf::ParallelOp loop) {
  OpBuilder b(loop);
  SmallVector<Value> ivs;
  for (auto [lb, ub, step] : llvm::zip_equal(
           loop.getLowerBound(), loop.getUpperBound(), loop.getStep())) {
    auto inner = scf::ForOp::create(b, loop.getLoc(), lb, ub, step);
    b.setInsertionPointToStart(inner.getBody());
    ivs.push_back(inner.getInductionVar());
  }
  Block *target = b.getInsertionBlock();
  loop.getBody()->getTerminator()->erase();
  for (auto [arg, iv] : llvm::zip_equal(loop.getBody()->getArguments(), ivs))
    arg.replaceAllUsesWith(iv);
  target->getOperations().splice(Block::iterator(target->getTerminator()),
                                 loop.getBody()->getOperations());
  loop.erase();
}

/// A value that the task receives, with its fields in the context.
struct Capture {
  Value value;
  unsigned firstField;
  unsigned numFields;
};

class Outliner {
public:
  Outliner(ModuleOp module, func::FuncOp runtime)
      : module(module), symbols(module), runtime(runtime) {}

  LogicalResult outline(scf::ParallelOp loop);
  int64_t getScratchBytes() const { return scratchBytes; }

private:
  LogicalResult check(scf::ParallelOp loop);
  LogicalResult collectCaptures(scf::ParallelOp loop);
  void emitCall(scf::ParallelOp loop, func::FuncOp task);
  func::FuncOp emitTask(scf::ParallelOp loop);
  void placeScratch(func::FuncOp task);

  ModuleOp module;
  SymbolTable symbols;
  func::FuncOp runtime;
  int64_t scratchBytes = 0;

  SmallVector<Operation *> constants;
  SmallVector<Capture> captures;
  SmallVector<Value> fields;
  LLVM::LLVMStructType contextType;
};

LogicalResult Outliner::check(scf::ParallelOp loop) {
  if (loop.getNumLoops() != 1)
    return loop.emitOpError("expected a parallel loop of 1 dimension, got ")
           << loop.getNumLoops();
  if (loop.getNumReductions() != 0)
    return loop.emitOpError("expected a parallel loop without reductions");
  WalkResult result = loop.walk([&](memref::AllocaOp alloca) -> WalkResult {
    if (alloca.getType().hasStaticShape() &&
        alloca.getType().getLayout().isIdentity())
      return WalkResult::advance();
    return alloca.emitOpError(
        "expected an allocation of static size and dense layout in a parallel "
        "loop");
  });
  return failure(result.wasInterrupted());
}

/// Fills `constants`, `captures`, and `fields` with the caller's values.
LogicalResult Outliner::collectCaptures(scf::ParallelOp loop) {
  constants.clear();
  captures.clear();
  fields.clear();
  SetVector<Value> used;
  getUsedValuesDefinedAbove(loop.getRegion(), used);
  used.insert(loop.getLowerBound().front());
  used.insert(loop.getStep().front());

  OpBuilder b(loop);
  for (Value value : used) {
    Operation *def = value.getDefiningOp();
    if (def && (def->hasTrait<OpTrait::ConstantLike>() ||
                isa<memref::GetGlobalOp>(def))) {
      constants.push_back(def);
      continue;
    }
    unsigned first = fields.size();
    Type type = value.getType();
    if (auto memref = dyn_cast<MemRefType>(type)) {
      if (!isPlainMemRef(memref))
        return loop.emitOpError("cannot pass a value of type ")
               << type << " to a task";
      llvm::append_range(fields, unpackMemRef(b, loop.getLoc(), value));
    } else if (type.isIndex()) {
      fields.push_back(
          arith::IndexCastOp::create(b, loop.getLoc(), b.getI64Type(), value));
    } else if (LLVM::isCompatibleType(type)) {
      fields.push_back(value);
    } else {
      return loop.emitOpError("cannot pass a value of type ")
             << type << " to a task";
    }
    captures.push_back({value, first, unsigned(fields.size()) - first});
  }
  contextType = LLVM::LLVMStructType::getLiteral(
      loop.getContext(), llvm::to_vector(ValueRange(fields).getTypes()));
  return success();
}

void Outliner::emitCall(scf::ParallelOp loop, func::FuncOp task) {
  Location loc = loop.getLoc();
  auto ptr = LLVM::LLVMPointerType::get(loop.getContext());
  auto caller = loop->getParentOfType<func::FuncOp>();
  OpBuilder entry = OpBuilder::atBlockBegin(&caller.getBody().front());
  Value one = LLVM::ConstantOp::create(entry, loc, entry.getI64Type(),
                                       entry.getI64IntegerAttr(1));
  Value context = LLVM::AllocaOp::create(entry, loc, ptr, contextType, one);

  OpBuilder b(loop);
  for (auto [i, field] : llvm::enumerate(fields)) {
    Value slot = LLVM::GEPOp::create(b, loc, ptr, contextType, context,
                                     ArrayRef<LLVM::GEPArg>{0, int32_t(i)});
    LLVM::StoreOp::create(b, loc, field, slot);
  }
  Value extent = arith::SubIOp::create(b, loc, loop.getUpperBound().front(),
                                       loop.getLowerBound().front());
  Value count =
      arith::CeilDivSIOp::create(b, loc, extent, loop.getStep().front());
  Value count64 = arith::IndexCastOp::create(b, loc, b.getI64Type(), count);
  int64_t grain = 1;
  if (auto attr = loop->getAttrOfType<IntegerAttr>("winnow.grain"))
    grain = std::max<int64_t>(attr.getInt(), 1);
  Value grainValue =
      arith::ConstantOp::create(b, loc, b.getI64IntegerAttr(grain));
  Value function = func::ConstantOp::create(b, loc, task.getFunctionType(),
                                            SymbolRefAttr::get(task));
  Value address =
      UnrealizedConversionCastOp::create(b, loc, ptr, function).getResult(0);
  func::CallOp::create(b, loc, runtime,
                       ValueRange{address, context, count64, grainValue});
}

func::FuncOp Outliner::emitTask(scf::ParallelOp loop) {
  Location loc = loop.getLoc();
  auto caller = loop->getParentOfType<func::FuncOp>();
  OpBuilder b = OpBuilder::atBlockEnd(module.getBody());
  auto ptr = LLVM::LLVMPointerType::get(b.getContext());
  auto type = b.getFunctionType({ptr, b.getI64Type(), b.getI64Type(), ptr}, {});
  auto task =
      func::FuncOp::create(b, loc, (caller.getName() + "_task").str(), type);
  task.setPrivate();
  symbols.insert(task, std::next(Block::iterator(caller)));
  if (Attribute passthrough = caller->getAttr("passthrough"))
    task->setAttr("passthrough", passthrough);

  Block *block = task.addEntryBlock();
  b.setInsertionPointToStart(block);
  IRMapping mapping;
  for (Operation *constant : constants)
    b.clone(*constant, mapping);
  for (const Capture &capture : captures) {
    SmallVector<Value> parts;
    for (unsigned i = 0; i < capture.numFields; ++i) {
      auto field = int32_t(capture.firstField + i);
      Value slot =
          LLVM::GEPOp::create(b, loc, ptr, contextType, block->getArgument(0),
                              ArrayRef<LLVM::GEPArg>{0, field});
      parts.push_back(
          LLVM::LoadOp::create(b, loc, contextType.getBody()[field], slot));
    }
    Type wanted = capture.value.getType();
    Value value = parts.front();
    if (auto memref = dyn_cast<MemRefType>(wanted))
      value = packMemRef(b, loc, memref, parts);
    else if (wanted.isIndex())
      value = arith::IndexCastOp::create(b, loc, wanted, value);
    mapping.map(capture.value, value);
  }

  Value begin = arith::IndexCastOp::create(b, loc, b.getIndexType(),
                                           block->getArgument(1));
  Value end = arith::IndexCastOp::create(b, loc, b.getIndexType(),
                                         block->getArgument(2));
  Value unit = arith::ConstantIndexOp::create(b, loc, 1);
  auto walk = scf::ForOp::create(b, loc, begin, end, unit);
  func::ReturnOp::create(b, loc);

  b.setInsertionPointToStart(walk.getBody());
  Value index = walk.getInductionVar();
  Value lower = loop.getLowerBound().front(), step = loop.getStep().front();
  if (!matchPattern(step, m_One()))
    index = arith::MulIOp::create(b, loc, index, mapping.lookup(step));
  if (!matchPattern(lower, m_Zero()))
    index = arith::AddIOp::create(b, loc, index, mapping.lookup(lower));
  mapping.map(loop.getInductionVars().front(), index);
  for (Operation &op : loop.getBody()->without_terminator())
    b.clone(op, mapping);
  return task;
}

void Outliner::placeScratch(func::FuncOp task) {
  auto ptr = LLVM::LLVMPointerType::get(task.getContext());
  OpBuilder b = OpBuilder::atBlockBegin(&task.getBody().front());
  int64_t offset = 0;
  SmallVector<memref::AllocaOp> allocas;
  task.walk([&](memref::AllocaOp alloca) { allocas.push_back(alloca); });
  for (memref::AllocaOp alloca : allocas) {
    MemRefType type = alloca.getType();
    Location loc = alloca.getLoc();
    Value pointer = task.getArgument(3);
    if (offset != 0)
      pointer = LLVM::GEPOp::create(b, loc, ptr, b.getI8Type(), pointer,
                                    ArrayRef<LLVM::GEPArg>{int32_t(offset)});
    alloca.replaceAllUsesWith(makeDenseMemRef(b, loc, type, pointer, {}));
    alloca.erase();
    offset += llvm::alignTo(type.getNumElements() *
                                elementBytes(type.getElementType()),
                            kScratchAlignment);
  }
  scratchBytes = std::max(scratchBytes, offset);
}

LogicalResult Outliner::outline(scf::ParallelOp loop) {
  if (failed(check(loop)) || failed(collectCaptures(loop)))
    return failure();
  func::FuncOp task = emitTask(loop);
  placeScratch(task);
  emitCall(loop, task);
  loop.erase();
  return success();
}

func::FuncOp declareRuntime(ModuleOp module) {
  if (auto existing = module.lookupSymbol<func::FuncOp>(kParallelName))
    return existing;
  OpBuilder b = OpBuilder::atBlockBegin(module.getBody());
  auto ptr = LLVM::LLVMPointerType::get(module.getContext());
  auto type = b.getFunctionType({ptr, ptr, b.getI64Type(), b.getI64Type()}, {});
  auto func = func::FuncOp::create(b, module.getLoc(), kParallelName, type);
  func.setPrivate();
  return func;
}

struct OutlineParallel : impl::OutlineParallelBase<OutlineParallel> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    SmallVector<scf::ParallelOp> outer, nested;
    module.walk([&](scf::ParallelOp loop) {
      bool isNested = loop->getParentOfType<scf::ParallelOp>() != nullptr;
      (isNested ? nested : outer).push_back(loop);
    });
    if (outer.empty())
      return;
    for (scf::ParallelOp loop : nested) {
      if (loop.getNumReductions() != 0) {
        loop.emitOpError("expected a parallel loop without reductions");
        return signalPassFailure();
      }
    }
    for (scf::ParallelOp loop : nested)
      serialize(loop);

    Outliner outliner(module, declareRuntime(module));
    for (scf::ParallelOp loop : outer)
      if (failed(outliner.outline(loop)))
        return signalPassFailure();

    int64_t bytes = outliner.getScratchBytes();
    if (auto old = module->getAttrOfType<IntegerAttr>("winnow.scratch_bytes"))
      bytes = std::max(bytes, old.getInt());
    module->setAttr("winnow.scratch_bytes",
                    Builder(&getContext()).getI64IntegerAttr(bytes));
  }
};

} // namespace
} // namespace winnow::cpu
