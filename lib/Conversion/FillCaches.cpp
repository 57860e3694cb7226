#include "winnow/Conversion/Passes.h"
#include "winnow/Dialect/Winnow/IR/Winnow.h"
#include "winnow/Dialect/Winnow/Transforms/Report.h"

#include "mlir/Dialect/Utils/StaticValueUtils.h"

namespace winnow {
#define GEN_PASS_DEF_FILLCACHES
#include "winnow/Conversion/Passes.h.inc"
} // namespace winnow

using namespace mlir;
using namespace winnow;

/// Follows views to the buffer that they show.
static Value getBuffer(Value view) {
  while (auto op = view.getDefiningOp<ViewLikeOpInterface>())
    view = op.getViewSource();
  return view;
}

/// A size where the buffer or view states it.
static OpFoldResult getStatedSize(Value buffer, int64_t dim) {
  auto type = cast<MemRefType>(buffer.getType());
  if (!type.isDynamicDim(dim))
    return IntegerAttr::get(IndexType::get(buffer.getContext()), type.getDimSize(dim));
  if (auto expand = buffer.getDefiningOp<memref::ExpandShapeOp>())
    return expand.getMixedOutputShape()[dim];
  if (auto alloc = buffer.getDefiningOp<memref::AllocOp>())
    return alloc.getDynamicSizes()[type.getDynamicDimIndex(dim)];
  return OpFoldResult();
}

static bool isSame(OpFoldResult a, OpFoldResult b) {
  return a && b && isEqualConstantIntOrValue(a, b);
}

namespace {
/// A copy of past keys or values to the first rows of `present`.
struct Fill {
  memref::CopyOp copy;
  Value present;
  OpFoldResult length;
  unsigned lengthDim;

  Value past() { return copy.getSource(); }
  bool isIn(Value buffer) const { return getBuffer(buffer) == getBuffer(present); }
  /// A view of the rows behind the past ones.
  bool isBehind(Value view) const {
    auto part = view.getDefiningOp<memref::SubViewOp>();
    return part && part.getSource() == present && part.hasUnitStride() &&
           isSame(part.getMixedOffsets()[lengthDim], length);
  }
};
} // namespace

/// The part is `present` as far as a shorter length: `batch` is the attention's.
static bool isBegin(memref::SubViewOp part, unsigned lengthDim, OpFoldResult batch) {
  MemRefType type = part.getSourceType();
  if (part.getType().getRank() != type.getRank() || !part.hasUnitStride() ||
      !part.hasZeroOffset())
    return false;
  for (auto [i, size] : llvm::enumerate(part.getMixedSizes())) {
    OpFoldResult whole = i == 0 ? batch : getStatedSize(part.getSource(), i);
    if (i != lengthDim && !isSame(size, whole))
      return false;
  }
  return true;
}

/// The only copy to the begin of what the kernel reads, before it in its block.
static std::optional<Fill> findFill(KernelOp kernel, Value present, unsigned lengthDim) {
  OpFoldResult batch = getStatedSize(kernel.getInputs()[0], 0);
  std::optional<Fill> found;
  for (Operation *user : present.getUsers()) {
    auto part = dyn_cast<memref::SubViewOp>(user);
    if (!part || !isBegin(part, lengthDim, batch))
      continue;
    for (Operation *writer : part->getUsers()) {
      auto copy = dyn_cast<memref::CopyOp>(writer);
      if (!copy || copy.getTarget() != part || found)
        return std::nullopt;
      found = Fill{copy, present, part.getMixedSizes()[lengthDim], lengthDim};
    }
  }
  bool isBefore = found && found->copy->getBlock() == kernel->getBlock() &&
                  found->copy->isBeforeInBlock(kernel);
  return isBefore && !found->isIn(found->past()) ? found : std::nullopt;
}

/// Whether nothing sees the difference if the copy happens at the kernel.
static bool canWait(Fill fill, KernelOp kernel) {
  for (Operation *op = fill.copy->getNextNode(); op != kernel; op = op->getNextNode()) {
    std::optional<SmallVector<MemoryEffects::EffectInstance>> effects = getEffectsRecursively(op);
    if (!effects)
      return false;
    for (const MemoryEffects::EffectInstance &effect : *effects) {
      if (isa<MemoryEffects::Allocate>(effect.getEffect()))
        continue;
      Value value = effect.getValue();
      if (!value || (fill.isIn(value) && !fill.isBehind(value)))
        return false;
      if (getBuffer(value) == getBuffer(fill.past()) && !isa<MemoryEffects::Read>(effect.getEffect()))
        return false;
    }
  }
  // What else the kernel reads is not what it would write.
  return llvm::none_of(kernel->getOperands(), [&](Value operand) {
    return operand != fill.present && fill.isIn(operand);
  });
}

/// Has the kernel copy the past as it reads it.
static bool fillInKernel(KernelOp kernel) {
  auto flag = [&](StringRef name) {
    auto attr = kernel.getConfig().getAs<BoolAttr>(name);
    return attr && attr.getValue();
  };
  if (kernel.getKind() != "attention" || kernel.getNumResults() || flag("key_packed") ||
      flag("query_rows") || flag("past"))
    return false;
  Value query = kernel.getInputs()[0], key = kernel.getInputs()[1], value = kernel.getInputs()[2];
  auto lengthDim = [&](StringRef headsFirst) { return flag(headsFirst) ? 2u : 1u; };
  auto heads = [](Value memref, int64_t dim) {
    return cast<MemRefType>(memref.getType()).getDimSize(dim);
  };
  // Unlike inputs, outputs are not made dense for a kernel.
  auto hasDenseRows = [](Value memref) {
    SmallVector<int64_t> strides;
    int64_t offset;
    return succeeded(cast<MemRefType>(memref.getType()).getStridesAndOffset(strides, offset)) &&
           strides.back() == 1;
  };
  if (key == value || !hasDenseRows(key) || !hasDenseRows(value))
    return false;
  // Several heads that share keys read them often, and copy them once.
  if (heads(query, 2) != heads(key, 3 - lengthDim("key_heads_first")))
    return false;
  std::optional<Fill> keys = findFill(kernel, key, lengthDim("key_heads_first"));
  std::optional<Fill> values = findFill(kernel, value, lengthDim("value_heads_first"));
  if (!keys || !values || !isSame(keys->length, values->length) || !canWait(*keys, kernel) ||
      !canWait(*values, kernel))
    return false;

  OpBuilder b(kernel);
  NamedAttrList config(kernel.getConfig());
  config.set("in_place", b.getBoolAttr(true));
  config.set("past", b.getBoolAttr(true));
  SmallVector<Value> inputs(kernel.getInputs()), outputs = {key, value};
  inputs.erase(inputs.begin() + 1, inputs.begin() + 3);
  inputs.append({keys->past(), values->past()});
  llvm::append_range(outputs, kernel.getOutputs());
  KernelOp::create(b, kernel.getLoc(), TypeRange(), kernel.getKindAttr(),
                   config.getDictionary(b.getContext()), inputs, outputs, kernel.getSiteAttr());
  keys->copy.erase();
  values->copy.erase();
  kernel.erase();
  return true;
}

namespace {
struct FillCaches : winnow::impl::FillCachesBase<FillCaches> {
  void runOnOperation() override {
    SiteReporter reporter(getOperation(), "fill-caches");
    SmallVector<KernelOp> kernels;
    getOperation().walk([&](KernelOp op) { kernels.push_back(op); });
    for (KernelOp kernel : kernels) {
      Location loc = kernel.getLoc();
      if (fillInKernel(kernel))
        reporter.counted(loc, "fill-caches.filled", "copied past keys and values in an attention");
    }
  }
};
} // namespace
