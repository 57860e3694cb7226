//===- OutlineKernels.cpp - What touches buffers becomes kernels ----------===//

#include "Launch.h"
#include "winnow/Codegen/Common/MemRefUtils.h"

#include "mlir/Conversion/LLVMCommon/MemRefBuilder.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "mlir/Interfaces/ViewLikeInterface.h"
#include "mlir/Transforms/RegionUtils.h"
#include "llvm/ADT/StringMap.h"

using namespace mlir;

namespace winnow::gpu {

#define GEN_PASS_DEF_OUTLINEKERNELS
#include "winnow/Codegen/GPU/Passes.h.inc"

namespace {

constexpr int32_t kThreads = 128;
constexpr StringLiteral kFail = "winnow_rt_fail", kStatus = "winnow_rt_device_status",
                        kRead = "winnow_rt_read";

void serialize(scf::ParallelOp loop) {
  OpBuilder b(loop);
  SmallVector<Value> ivs;
  for (auto [lb, ub, step] :
       llvm::zip_equal(loop.getLowerBound(), loop.getUpperBound(), loop.getStep())) {
    auto inner = scf::ForOp::create(b, loop.getLoc(), lb, ub, step);
    b.setInsertionPointToStart(inner.getBody());
    ivs.push_back(inner.getInductionVar());
  }
  Block *target = b.getInsertionBlock();
  loop.getBody()->getTerminator()->erase();
  for (auto [argument, iv] : llvm::zip_equal(loop.getBody()->getArguments(), ivs))
    argument.replaceAllUsesWith(iv);
  target->getOperations().splice(Block::iterator(target->getTerminator()),
                                 loop.getBody()->getOperations());
  loop.erase();
}

/// Whether the op itself neither reads nor writes a buffer.
bool isPureOrControl(Operation *op) {
  if (isa<scf::SCFDialect>(op->getDialect()) || isa<ViewLikeOpInterface>(op) ||
      isa<memref::DimOp, memref::GetGlobalOp, UnrealizedConversionCastOp>(op))
    return true;
  return op->getNumRegions() == 0 && isMemoryEffectFree(op);
}

/// Whether the host has the buffer.
bool isConstant(Value buffer) {
  while (auto view = buffer.getDefiningOp<ViewLikeOpInterface>())
    buffer = view.getViewSource();
  return buffer.getDefiningOp<memref::GetGlobalOp>() != nullptr;
}

bool hasLaunch(Operation *op) {
  return op->walk([](Operation *inner) {
             return isa<scf::ParallelOp, func::CallOp>(inner) ? WalkResult::interrupt()
                                                              : WalkResult::advance();
           })
      .wasInterrupted();
}

bool touchesMemory(Operation *op) {
  return op->walk([](Operation *inner) {
             bool isPure = isPureOrControl(inner);
             return isPure ? WalkResult::advance() : WalkResult::interrupt();
           })
      .wasInterrupted();
}

class Outliner {
public:
  explicit Outliner(ModuleOp module) : module(module), device(getDeviceModule(module)) {}

  LogicalResult runOnBlock(Block &block);
  ArrayRef<Attribute> getReads() const { return reads; }

private:
  /// Moves the loop, or the op as one thread, to a kernel.
  LogicalResult outline(Operation *op);
  LogicalResult read(memref::LoadOp load);
  LogicalResult capture(ImplicitLocOpBuilder &host, Operation *op, ArrayRef<Value> extra);
  StringAttr finish(func::FuncOp kernel);

  ModuleOp module;
  mlir::gpu::GPUModuleOp device;
  llvm::StringMap<StringAttr> known;
  SmallVector<Attribute> reads;

  struct Capture {
    Value value;
    unsigned first, count;
  };
  SmallVector<Operation *> constants;
  SmallVector<Capture> captures;
  SmallVector<Value> fields;
};

LogicalResult Outliner::runOnBlock(Block &block) {
  for (Operation &op : llvm::make_early_inc_range(block)) {
    if (isa<scf::ParallelOp>(op)) {
      if (failed(outline(&op)))
        return failure();
      continue;
    }
    if (isa<memref::PrefetchOp, memref::DeallocOp>(op)) {
      op.erase();
      continue;
    }
    if (auto load = dyn_cast<memref::LoadOp>(op)) {
      if (isConstant(load.getMemref()))
        continue;
      if (failed(read(load)))
        return failure();
      continue;
    }
    if (isa<func::CallOp, func::ReturnOp>(op))
      continue;
    if (op.getNumRegions() && hasLaunch(&op)) {
      for (Region &region : op.getRegions())
        for (Block &inner : region)
          if (failed(runOnBlock(inner)))
            return failure();
      continue;
    }
    if (isa<LLVM::LLVMDialect>(op.getDialect()) || !touchesMemory(&op))
      continue;
    if (op.getNumResults()) {
      // A value that the host goes on with: it walks the loop itself.
      bool onlyReads = !op.walk([](Operation *inner) {
                            return isa<memref::LoadOp>(inner) || isPureOrControl(inner)
                                       ? WalkResult::advance()
                                       : WalkResult::interrupt();
                          })
                            .wasInterrupted();
      if (!onlyReads || !op.getNumRegions())
        return op.emitError("has no form on a GPU yet: '")
               << op.getName() << "' of '" << op.getParentOfType<func::FuncOp>().getName()
               << "' gives the host a value";
      for (Region &region : op.getRegions())
        for (Block &inner : region)
          if (failed(runOnBlock(inner)))
            return failure();
      continue;
    }
    if (failed(outline(&op)))
      return failure();
  }
  return success();
}

LogicalResult Outliner::capture(ImplicitLocOpBuilder &host, Operation *op, ArrayRef<Value> extra) {
  constants.clear();
  captures.clear();
  fields.clear();
  SetVector<Value> used;
  for (Value operand : op->getOperands())
    if (!isa<scf::ParallelOp>(op))
      used.insert(operand);
  getUsedValuesDefinedAbove(op->getRegions(), used);
  used.insert(extra.begin(), extra.end());
  for (Value value : used) {
    Operation *def = value.getDefiningOp();
    if (def && (def->hasTrait<OpTrait::ConstantLike>() || isa<memref::GetGlobalOp>(def))) {
      constants.push_back(def);
      continue;
    }
    unsigned first = fields.size();
    Type type = value.getType();
    if (auto memref = dyn_cast<MemRefType>(type); memref && isPlainMemRef(memref))
      llvm::append_range(fields, unpackMemRef(host, host.getLoc(), value));
    else if (type.isIndex())
      fields.push_back(arith::IndexCastOp::create(host, host.getI64Type(), value));
    else if (type.isInteger(1))
      fields.push_back(arith::ExtUIOp::create(host, host.getI8Type(), value));
    else if (LLVM::isCompatibleType(type) && !isa<MemRefType>(type))
      fields.push_back(value);
    else
      return op->emitError("cannot pass a value of type ") << type << " to a kernel";
    captures.push_back({value, first, unsigned(fields.size()) - first});
  }
  return success();
}

/// The name of a kernel that is equal, if there is one, in whose place this one goes.
StringAttr Outliner::finish(func::FuncOp kernel) {
  std::string text;
  llvm::raw_string_ostream os(text);
  StringAttr name = kernel.getSymNameAttr();
  kernel.setSymName("kernel");
  kernel->print(os, OpPrintingFlags().useLocalScope().skipRegions(false));
  auto [entry, isNew] = known.try_emplace(text, name);
  if (!isNew) {
    kernel.erase();
    return entry->second;
  }
  kernel.setSymNameAttr(name);
  return name;
}

LogicalResult Outliner::outline(Operation *op) {
  auto loop = dyn_cast<scf::ParallelOp>(op);
  if (loop && loop.getNumReductions())
    return op->emitOpError("expected a parallel loop without reductions");
  SmallVector<scf::ParallelOp> nested;
  op->walk([&](scf::ParallelOp inner) {
    if (inner != op)
      nested.push_back(inner);
  });
  for (scf::ParallelOp inner : nested)
    serialize(inner);

  ImplicitLocOpBuilder host(op->getLoc(), op);
  SmallVector<Value> extra, counts;
  if (loop) {
    for (auto [lb, ub, step] :
         llvm::zip_equal(loop.getLowerBound(), loop.getUpperBound(), loop.getStep())) {
      Value extent = matchPattern(lb, m_Zero()) ? ub : host.createOrFold<arith::SubIOp>(ub, lb);
      Value count = matchPattern(step, m_One())
                        ? extent
                        : host.createOrFold<arith::CeilDivSIOp>(extent, step);
      // A loop from high to low has no indices.
      if (!getConstantIntValue(count))
        count = arith::MaxSIOp::create(host, count, arith::ConstantIndexOp::create(host, 0));
      counts.push_back(count);
      extra.append({lb, step, count});
    }
  }
  if (failed(capture(host, op, extra)))
    return failure();
  bool canFail = op->walk([](func::CallOp call) {
                     return call.getCallee() == kFail ? WalkResult::interrupt()
                                                      : WalkResult::advance();
                   })
                     .wasInterrupted();
  auto ptr = LLVM::LLVMPointerType::get(host.getContext());
  if (canFail) {
    auto status = declareRuntime(module, kStatus, {}, {ptr});
    fields.push_back(func::CallOp::create(host, status, ValueRange()).getResult(0));
  }

  // The kernel.
  auto caller = op->getParentOfType<func::FuncOp>();
  std::string base = caller->hasAttr("winnow.kernel") ? caller.getName().str()
                     : loop                           ? "elementwise"
                                                      : "single";
  std::string name = base;
  for (unsigned i = 1; device.lookupSymbol(name); ++i)
    name = base + "_" + std::to_string(i);
  ImplicitLocOpBuilder b(op->getLoc(), OpBuilder::atBlockEnd(device.getBody()));
  auto kernel = func::FuncOp::create(
      b, name, b.getFunctionType(ValueRange(fields).getTypes(), {}));
  kernel->setAttr("winnow.device_kernel", b.getI32IntegerAttr(loop ? kThreads : 1));
  Block *entry = kernel.addEntryBlock();
  b.setInsertionPointToStart(entry);
  IRMapping mapping;
  for (Operation *constant : constants) {
    if (auto global = dyn_cast<memref::GetGlobalOp>(constant))
      if (!device.lookupSymbol(global.getName())) {
        OpBuilder::InsertionGuard guard(b);
        b.setInsertionPointToStart(device.getBody());
        b.clone(*module.lookupSymbol(global.getName()));
      }
    b.clone(*constant, mapping);
  }
  for (const Capture &capture : captures) {
    auto parts = ValueRange(entry->getArguments()).slice(capture.first, capture.count);
    Type wanted = capture.value.getType();
    Value value = parts.front();
    if (auto memref = dyn_cast<MemRefType>(wanted))
      value = packMemRef(b, b.getLoc(), memref, parts);
    else if (wanted.isIndex())
      value = arith::IndexCastOp::create(b, wanted, value);
    else if (wanted.isInteger(1))
      value = arith::TruncIOp::create(b, wanted, value);
    mapping.map(capture.value, value);
  }
  Value total;
  if (loop) {
    auto special = [&](StringRef reg) -> Value {
      Value value = LLVM::CallIntrinsicOp::create(b, b.getI32Type(),
                                                  b.getStringAttr("llvm.nvvm.read.ptx.sreg." + reg),
                                                  ValueRange())
                        .getResult(0);
      return arith::IndexCastUIOp::create(b, b.getIndexType(), value);
    };
    Value block = special("ctaid.x"), thread = special("tid.x");
    Value threads = arith::ConstantIndexOp::create(b, kThreads);
    Value at = arith::AddIOp::create(b, arith::MulIOp::create(b, block, threads), thread);
    Value all;
    for (Value count : counts) {
      Value own = mapping.lookupOrDefault(count);
      all = all ? b.createOrFold<arith::MulIOp>(all, own) : own;
      total = total ? host.createOrFold<arith::MulIOp>(total, count) : count;
    }
    Value isInside = arith::CmpIOp::create(b, arith::CmpIPredicate::slt, at, all);
    auto guard = scf::IfOp::create(b, isInside, /*withElseRegion=*/false);
    func::ReturnOp::create(b);
    b.setInsertionPointToStart(guard.thenBlock());
    Value rest = at;
    SmallVector<Value> places(counts.size());
    for (size_t i = counts.size(); i-- > 0;) {
      Value own = mapping.lookupOrDefault(counts[i]);
      places[i] = i ? arith::RemUIOp::create(b, rest, own).getResult() : rest;
      if (i)
        rest = arith::DivUIOp::create(b, rest, own);
    }
    for (auto [i, iv] : llvm::enumerate(loop.getInductionVars())) {
      Value lower = loop.getLowerBound()[i], step = loop.getStep()[i], index = places[i];
      if (!matchPattern(step, m_One()))
        index = arith::MulIOp::create(b, index, mapping.lookup(step));
      if (!matchPattern(lower, m_Zero()))
        index = arith::AddIOp::create(b, index, mapping.lookup(lower));
      mapping.map(iv, index);
    }
    for (Operation &inner : loop.getBody()->without_terminator())
      b.clone(inner, mapping);
  } else {
    b.clone(*op, mapping);
    func::ReturnOp::create(b);
  }

  SmallVector<memref::PrefetchOp> prefetches;
  SmallVector<memref::AllocaOp> allocas;
  SmallVector<func::CallOp> calls;
  kernel.walk([&](Operation *inner) {
    if (auto prefetch = dyn_cast<memref::PrefetchOp>(inner))
      prefetches.push_back(prefetch);
    if (auto alloca = dyn_cast<memref::AllocaOp>(inner))
      allocas.push_back(alloca);
    if (auto call = dyn_cast<func::CallOp>(inner))
      calls.push_back(call);
  });
  for (memref::PrefetchOp prefetch : prefetches)
    prefetch.erase();
  for (memref::AllocaOp alloca : allocas) {
    if (!alloca.getType().hasStaticShape())
      return alloca.emitOpError("expected an allocation of static size in a kernel");
    // Elsewhere it would move the stack.
    alloca->moveBefore(entry, entry->begin());
  }
  for (func::CallOp call : calls) {
    if (call.getCallee() != kFail)
      return call.emitError("has no form on a GPU yet: a kernel calls '") << call.getCallee() << "'";
    OpBuilder at(call);
    LLVM::AtomicRMWOp::create(at, call.getLoc(), LLVM::AtomicBinOp::umin,
                              entry->getArguments().back(), call.getOperand(0),
                              LLVM::AtomicOrdering::monotonic);
    call.erase();
  }

  KernelLaunch launch;
  launch.kernel = finish(kernel).str();
  Value one = arith::ConstantIndexOp::create(host, 1);
  launch.grid = {one, one, one};
  launch.block = {loop ? kThreads : 1, 1, 1};
  if (loop)
    launch.grid[0] = host.createOrFold<arith::CeilDivUIOp>(
        total, arith::ConstantIndexOp::create(host, kThreads));
  launch.arguments = fields;
  emitLaunch(host, launch);
  op->erase();
  return success();
}

/// Waits for the device and fetches an element.
LogicalResult Outliner::read(memref::LoadOp load) {
  auto type = load.getMemRefType();
  if (!isPlainMemRef(type))
    return load.emitError("cannot read from a buffer of type ") << type;
  Location loc = load.getLoc();
  OpBuilder b(load);
  auto ptr = LLVM::LLVMPointerType::get(b.getContext());
  Type descriptorType = LLVMTypeConverter(b.getContext()).convertType(type);
  MemRefDescriptor descriptor(
      UnrealizedConversionCastOp::create(b, loc, descriptorType, load.getMemref()).getResult(0));
  Value place = descriptor.offset(b, loc);
  for (auto [i, index] : llvm::enumerate(load.getIndices())) {
    Value number = arith::IndexCastOp::create(b, loc, b.getI64Type(), index);
    number = arith::MulIOp::create(b, loc, number, descriptor.stride(b, loc, i));
    place = arith::AddIOp::create(b, loc, place, number);
  }
  Type element = type.getElementType();
  int64_t bytes = elementBytes(element);
  auto constant = [&](int64_t value) -> Value {
    return arith::ConstantOp::create(b, loc, b.getI64IntegerAttr(value));
  };
  Value offset = arith::MulIOp::create(b, loc, place, constant(bytes));
  Value source = LLVM::GEPOp::create(b, loc, ptr, b.getI8Type(), descriptor.alignedPtr(b, loc),
                                     ArrayRef<LLVM::GEPArg>{offset});
  Type stored = element.isIndex() ? b.getI64Type() : element.isInteger(1) ? b.getI8Type() : element;
  Value room = makeRoom(b, loc, stored);
  func::CallOp::create(b, loc, declareRuntime(module, kRead, {ptr, ptr, b.getI64Type()}),
                       ValueRange{room, source, constant(bytes)});
  Value value = LLVM::LoadOp::create(b, loc, stored, room);
  if (element.isIndex())
    value = arith::IndexCastOp::create(b, loc, element, value);
  else if (element.isInteger(1))
    value = arith::TruncIOp::create(b, loc, element, value);
  load.replaceAllUsesWith(value);
  std::string where;
  llvm::raw_string_ostream(where) << loc;
  reads.push_back(b.getStringAttr(where));
  load.erase();
  return success();
}

struct OutlineKernels : impl::OutlineKernelsBase<OutlineKernels> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    Outliner outliner(module);
    SmallVector<func::FuncOp> functions;
    for (auto function : module.getOps<func::FuncOp>())
      if (!function.isDeclaration())
        functions.push_back(function);
    for (func::FuncOp function : functions)
      for (Block &block : function.getBody())
        if (failed(outliner.runOnBlock(block)))
          return signalPassFailure();
    Builder b(&getContext());
    module->setAttr(kDeviceReads, b.getArrayAttr(outliner.getReads()));
    if (!module->hasAttr(kDeviceKernels))
      module->setAttr(kDeviceKernels, b.getArrayAttr({}));
  }
};

} // namespace
} // namespace winnow::gpu
