//===- PlanArena.cpp - Places all buffers in one workspace ----------------===//
//
// 1. Live intervals: the first and last op in the buffer's block that uses it or
//    a view of it, itself or in a region.
// 2. Slots: greedy best fit, by nominal size, largest first.
// 3. Offsets: running sums of the slots' sizes, as code over the symbols,
//    once in the entry and once in @winnow.workspace_bytes, which is -1 for a
//    sum that no machine has.
//
//===----------------------------------------------------------------------===//

#include "BufferSizes.h"
#include "winnow/Codegen/CPU/Passes.h"
#include "winnow/Dialect/Winnow/IR/Entries.h"

#include "mlir/Dialect/Affine/Utils.h"
#include "mlir/Dialect/Bufferization/Transforms/BufferViewFlowAnalysis.h"
#include "mlir/Interfaces/LoopLikeInterface.h"
#include "mlir/Interfaces/ViewLikeInterface.h"

using namespace mlir;

namespace winnow::cpu {

#define GEN_PASS_DEF_PLANARENA
#include "winnow/Codegen/CPU/Passes.h.inc"

namespace {

constexpr int64_t kAlignment = 64;
constexpr StringLiteral kWorkspaceBytes = "winnow.workspace_bytes";

struct Buffer {
  memref::AllocOp alloc;
  AffineExpr bytes;
  int64_t nominal;
  int64_t begin, end; ///< First and last use, inclusive; empty if unused.
};

struct Slot {
  SmallVector<Buffer *> tenants;
  /// The sizes that it must hold, without repetition.
  SetVector<AffineExpr> sizes;
  int64_t nominal = 0;

  bool isFreeFor(const Buffer &buffer) const {
    return llvm::none_of(tenants, [&](Buffer *other) {
      return other->begin <= buffer.end && buffer.begin <= other->end;
    });
  }
  void add(Buffer &buffer) {
    tenants.push_back(&buffer);
    sizes.insert(buffer.bytes);
    nominal = std::max(nominal, buffer.nominal);
  }
};

class Liveness {
public:
  explicit Liveness(func::FuncOp entry) : views(entry) {
    // Regions follow the op that they belong to.
    entry.getBody().walk<WalkOrder::PreOrder>([&](Operation *op) {
      int64_t position = ranges.size();
      ranges[op] = {position, position};
      for (Operation *parent = op->getParentOp(); parent != entry;
           parent = parent->getParentOp())
        ranges[parent].second = position;
    });
  }

  /// Sets the interval of `buffer`; reports what cannot be placed. A buffer of
  /// an iteration lives within it; one from outside a loop through all of it.
  LogicalResult compute(Buffer &buffer) const {
    memref::AllocOp alloc = buffer.alloc;
    buffer.begin = ranges.size();
    buffer.end = -1;
    for (Value view : views.resolve(alloc)) {
      if (auto argument = dyn_cast<BlockArgument>(view)) {
        Operation *parent = argument.getOwner()->getParentOp();
        if (isa<LoopLikeOpInterface>(parent) && parent->isAncestor(alloc))
          return alloc.emitOpError("cannot place a buffer that a loop carries "
                                   "from one iteration to the next");
      }
      for (Operation *user : view.getUsers()) {
        if (isa<ViewLikeOpInterface, memref::DimOp, memref::DeallocOp>(user))
          continue;
        if (isa<func::ReturnOp>(user))
          return alloc.emitOpError("cannot place a buffer that is returned");
        auto [begin, end] = ranges.lookup(findScope(alloc, user));
        buffer.begin = std::min(buffer.begin, begin);
        buffer.end = std::max(buffer.end, end);
      }
    }
    return success();
  }

private:
  /// The op around `user` in the innermost block that holds the allocation too.
  static Operation *findScope(memref::AllocOp alloc, Operation *user) {
    for (Block *block = alloc->getBlock(); block;
         block = block->getParentOp()->getBlock())
      if (Operation *scope = block->findAncestorOpInBlock(*user))
        return scope;
    return user;
  }

  BufferViewFlowAnalysis views;
  /// The positions of each op and of the last one inside it.
  DenseMap<Operation *, std::pair<int64_t, int64_t>> ranges;
};

SmallVector<Slot> assignSlots(MutableArrayRef<Buffer> buffers) {
  SmallVector<Buffer *> order;
  for (Buffer &buffer : buffers)
    order.push_back(&buffer);
  // Equal sizes keep their order in the program.
  llvm::sort(order, [](Buffer *a, Buffer *b) {
    return a->nominal != b->nominal ? a->nominal > b->nominal : a < b;
  });
  SmallVector<Slot> slots;
  for (Buffer *buffer : order) {
    Slot *best = nullptr;
    bool bestEqual = false;
    for (Slot &slot : slots) {
      if (!slot.isFreeFor(*buffer))
        continue;
      bool equal = slot.sizes.contains(buffer->bytes);
      if (!best || (equal && !bestEqual) ||
          (equal == bestEqual && slot.nominal < best->nominal)) {
        best = &slot;
        bestEqual = equal;
      }
    }
    if (!best)
      best = &slots.emplace_back();
    best->add(*buffer);
  }
  return slots;
}

/// Computes where each slot begins, and the total as one more element.
SmallVector<Value> emitOffsets(OpBuilder &b, Location loc, ArrayRef<Slot> slots,
                               const BufferSizes &sizes, ValueRange symbols) {
  SmallVector<Value> operands = sizes.materializeOperands(b, symbols);
  SmallVector<Value> offsets = {arith::ConstantIndexOp::create(b, loc, 0)};
  for (const Slot &slot : slots) {
    Value size;
    for (AffineExpr bytes : slot.sizes) {
      Value one = affine::expandAffineExpr(b, loc, bytes, {}, operands);
      size = size ? arith::MaxSIOp::create(b, loc, size, one) : one;
    }
    if (!llvm::all_of(slot.sizes, [](AffineExpr bytes) {
          return bytes.isMultipleOf(kAlignment);
        })) {
      Value slack = arith::ConstantIndexOp::create(b, loc, kAlignment - 1);
      Value mask = arith::ConstantIndexOp::create(b, loc, -kAlignment);
      size = arith::AddIOp::create(b, loc, size, slack);
      size = arith::AndIOp::create(b, loc, size, mask);
    }
    offsets.push_back(arith::AddIOp::create(b, loc, offsets.back(), size));
  }
  return offsets;
}

/// More bytes than an address space has.
constexpr double kMaxBytes = 0x1p48;

/// At least the value of a size whose symbols are not negative, as an f64, which
/// does not wrap around.
Value emitUpperBound(OpBuilder &b, Location loc, AffineExpr size,
                     ValueRange symbols) {
  auto number = [&](double value) -> Value {
    return arith::ConstantOp::create(b, loc, b.getF64FloatAttr(value));
  };
  if (auto constant = dyn_cast<AffineConstantExpr>(size))
    return number(std::max<int64_t>(constant.getValue(), 0));
  if (auto symbol = dyn_cast<AffineSymbolExpr>(size)) {
    Value integer = arith::IndexCastOp::create(b, loc, b.getI64Type(),
                                               symbols[symbol.getPosition()]);
    return arith::SIToFPOp::create(b, loc, b.getF64Type(), integer);
  }
  auto binary = cast<AffineBinaryOpExpr>(size);
  auto divisor = dyn_cast<AffineConstantExpr>(binary.getRHS());
  Value lhs = emitUpperBound(b, loc, binary.getLHS(), symbols);
  Value rhs = emitUpperBound(b, loc, binary.getRHS(), symbols);
  switch (binary.getKind()) {
  case AffineExprKind::Add:
    return arith::AddFOp::create(b, loc, lhs, rhs);
  case AffineExprKind::Mul:
    return arith::MulFOp::create(b, loc, lhs, rhs);
  case AffineExprKind::Mod:
    return divisor ? rhs : lhs;
  default:
    // A quotient, rounded either way.
    if (divisor && divisor.getValue() > 1)
      lhs = arith::DivFOp::create(b, loc, lhs, rhs);
    return arith::AddFOp::create(b, loc, lhs, number(1));
  }
}

/// `total`, or -1 where the sizes are too large for it to be right.
Value emitCheckedTotal(OpBuilder &b, Location loc, Value total,
                       ArrayRef<Slot> slots, ValueRange operands) {
  Value bound;
  for (const Slot &slot : slots)
    for (AffineExpr bytes : slot.sizes) {
      if (isa<AffineConstantExpr>(bytes))
        continue;
      Value one = emitUpperBound(b, loc, bytes, operands);
      bound = bound ? arith::AddFOp::create(b, loc, bound, one) : one;
    }
  if (!bound)
    return total;
  Value most = arith::ConstantOp::create(b, loc, b.getF64FloatAttr(kMaxBytes));
  Value isTooLarge = arith::CmpFOp::create(b, loc, arith::CmpFPredicate::OGT,
                                           bound, most);
  Value none = arith::ConstantIndexOp::create(b, loc, -1);
  return arith::SelectOp::create(b, loc, isTooLarge, none, total);
}

void emitWorkspaceBytes(func::FuncOp entry, ArrayRef<Slot> slots,
                        const BufferSizes &sizes) {
  Location loc = entry.getLoc();
  OpBuilder b(entry->getContext());
  b.setInsertionPointAfter(entry);
  SmallVector<Type> arguments(sizes.getNumSymbols(), b.getIndexType());
  auto function = func::FuncOp::create(b, loc, getEntryName(kWorkspaceBytes, getEntryForm(entry)),
                                       b.getFunctionType(arguments, b.getIndexType()));
  Block *block = function.addEntryBlock();
  b.setInsertionPointToStart(block);
  SmallVector<Value> offsets =
      emitOffsets(b, loc, slots, sizes, block->getArguments());
  SmallVector<Value> operands =
      sizes.materializeOperands(b, block->getArguments());
  Value total = emitCheckedTotal(b, loc, offsets.back(), slots, operands);
  func::ReturnOp::create(b, loc, total);
}

void replaceAllocs(func::FuncOp entry, ArrayRef<Slot> slots,
                   const BufferSizes &sizes) {
  Location loc = entry.getLoc();
  OpBuilder b = OpBuilder::atBlockBegin(&entry.getBody().front());
  auto bytes = MemRefType::get({ShapedType::kDynamic}, b.getI8Type());
  (void)entry.insertArgument(entry.getNumArguments(), bytes, {}, loc);
  Value workspace = entry.getArguments().back();
  SmallVector<Value> offsets =
      emitOffsets(b, loc, slots, sizes,
                  entry.getArguments().slice(1, sizes.getNumSymbols()));
  for (auto [slot, offset] : llvm::zip(slots, offsets)) {
    for (Buffer *buffer : slot.tenants) {
      memref::AllocOp alloc = buffer->alloc;
      b.setInsertionPoint(alloc);
      Value view =
          memref::ViewOp::create(b, alloc.getLoc(), alloc.getType(), workspace,
                                 offset, alloc.getDynamicSizes());
      for (Operation *user : llvm::make_early_inc_range(alloc->getUsers()))
        if (isa<memref::DeallocOp>(user))
          user->erase();
      alloc.replaceAllUsesWith(view);
      alloc.erase();
    }
  }
}

struct PlanArena : impl::PlanArenaBase<PlanArena> {
  void runOnOperation() override {
    for (func::FuncOp entry : getEntries(getOperation()))
      if (failed(plan(entry)))
        return signalPassFailure();
    WalkResult result =
        getOperation().walk([&](memref::AllocOp alloc) -> WalkResult {
          return alloc.emitOpError("only the entry may allocate buffers");
        });
    if (result.wasInterrupted())
      signalPassFailure();
  }

  LogicalResult plan(func::FuncOp entry) {
    if (entry.isDeclaration() || entry.getNumArguments() == 0)
      return entry.emitOpError("expected the entry to have a body and the "
                               "weights as its first argument");
    if (getOperation().lookupSymbol(getEntryName(kWorkspaceBytes, getEntryForm(entry))))
      return entry.emitOpError(
          "the workspace of this entry is planned already");
    BufferSizes sizes(entry);
    Liveness liveness(entry);
    SmallVector<memref::AllocOp> allocs;
    entry.walk([&](memref::AllocOp alloc) { allocs.push_back(alloc); });
    SmallVector<Buffer> buffers;
    for (memref::AllocOp alloc : allocs) {
      if (!alloc.getType().getLayout().isIdentity())
        return alloc.emitOpError("expected a dense buffer, got ")
               << alloc.getType();
      FailureOr<AffineExpr> bytes = sizes.bytesOf(alloc);
      if (failed(bytes))
        return failure();
      Buffer buffer{alloc, *bytes, sizes.nominal(*bytes), 0, 0};
      if (failed(liveness.compute(buffer)))
        return failure();
      buffers.push_back(buffer);
    }
    SmallVector<Slot> slots = assignSlots(buffers);
    emitWorkspaceBytes(entry, slots, sizes);
    replaceAllocs(entry, slots, sizes);
    return success();
  }
};

} // namespace
} // namespace winnow::cpu
