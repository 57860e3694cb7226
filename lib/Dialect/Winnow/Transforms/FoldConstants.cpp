#include "Evaluate.h"
#include "Utils.h"
#include "winnow/Dialect/Winnow/Transforms/Passes.h"
#include "winnow/Dialect/Winnow/Transforms/Report.h"

#include "mlir/IR/DialectResourceBlobManager.h"

using namespace mlir;
using namespace winnow;

namespace winnow {
#define GEN_PASS_DEF_FOLDCONSTANTS
#include "winnow/Dialect/Winnow/Transforms/Passes.h.inc"
} // namespace winnow

static int64_t getSizeInBytes(ShapedType type) {
  return type.getNumElements() * ((type.getElementTypeBitWidth() + 7) / 8);
}

/// Operations that grow or move weights only: they stay for the weight packer
/// when they are large, and that is no refusal worth a report.
static bool isWeightMovement(Operation *op) {
  return isa<TransposeOp, ReshapeOp, ConcatOp, SliceOp, BroadcastToOp>(op);
}

/// The first of the slice's elements in its input's row-major order, if they
/// follow each other there.
static std::optional<int64_t> getContiguousOffset(SliceOp slice) {
  ArrayRef<int64_t> from = slice.getInput().getType().getShape(), to = slice.getType().getShape();
  int64_t offset = 0, size = 1;
  bool isWhole = true;
  for (size_t i = from.size(); i-- > 0; size *= from[i]) {
    std::optional<int64_t> start = getConstantDim(slice.getStarts().getResult(i));
    // What is outside a partial dimension may have one index only.
    if (!start || (!isWhole && to[i] != 1) || (to[i] != 1 && slice.getSteps()[i] != 1))
      return std::nullopt;
    isWhole &= to[i] == from[i];
    offset += *start * size;
  }
  return offset;
}

/// Smaller constants are no resources, as in the importer.
static constexpr size_t kMinResourceBytes = 1024;

/// A resource keeps its bytes where it changes its shape or loses its ends.
static Attribute shareResource(Operation *op, RankedTensorType type,
                               DenseResourceElementsAttr resource) {
  if (isa<ReshapeOp>(op))
    return DenseResourceElementsAttr::get(type, resource.getRawHandle());
  auto slice = dyn_cast<SliceOp>(op);
  AsmResourceBlob *blob = resource.getRawHandle().getBlob();
  Type element = type.getElementType();
  size_t width = element.isInteger(1) ? 0 : llvm::divideCeil(element.getIntOrFloatBitWidth(), 8);
  std::optional<int64_t> offset = slice ? getContiguousOffset(slice) : std::nullopt;
  if (!blob || !offset || width == 0 || type.getNumElements() == 0)
    return nullptr;
  ArrayRef<char> part = blob->getData().slice(*offset * width, type.getNumElements() * width);
  if (part.size() <= kMinResourceBytes)
    return DenseElementsAttr::getFromRawBuffer(type, part);
  // The whole lives as long as the context, as does its part.
  return DenseResourceElementsAttr::get(type, resource.getRawHandle().getKey(),
                                        UnmanagedAsmResourceBlob::allocateWithAlign(part, width));
}

namespace {
struct FoldConstants : winnow::impl::FoldConstantsBase<FoldConstants> {
  using FoldConstantsBase::FoldConstantsBase;

  // Operands come before their users, so that one walk folds whole chains.
  void runOnOperation() override {
    SiteReporter reporter(getOperation(), "fold-constants");
    SmallVector<Operation *> dead;
    getOperation().walk([&](Operation *op) {
      if (Operation *folded = fold(op, reporter)) {
        op->getResult(0).replaceAllUsesWith(folded->getResult(0));
        dead.push_back(op);
      }
    });
    for (Operation *op : llvm::reverse(dead))
      op->erase();
  }

  Operation *fold(Operation *op, SiteReporter &reporter) {
    if (op->getNumResults() != 1 || isa<ConstantOp>(op) ||
        op->getDialect() != op->getContext()->getLoadedDialect<WinnowDialect>())
      return nullptr;
    auto type = dyn_cast<RankedTensorType>(op->getResult(0).getType());
    if (!type || !type.hasStaticShape())
      return nullptr;
    if (op->getNumOperands() == 0 && !isa<IotaOp, DimValuesOp>(op))
      return nullptr;
    SmallVector<ElementsAttr> operands;
    for (Value operand : op->getOperands()) {
      operands.push_back(getConstantElements(operand));
      if (!operands.back())
        return nullptr;
    }
    OpBuilder builder(op);
    // Without a copy, whatever the size.
    auto resource = operands.empty() ? nullptr : dyn_cast<DenseResourceElementsAttr>(operands[0]);
    if (Attribute shared = resource ? shareResource(op, type, resource) : nullptr) {
      reporter.counted(op->getLoc(), "fold-constants.folded", "evaluated on constants");
      return ConstantOp::create(builder, op->getLoc(), type, cast<TypedAttr>(shared));
    }
    int64_t bytes = getSizeInBytes(type);
    for (ElementsAttr operand : operands)
      bytes = std::max(bytes, getSizeInBytes(cast<ShapedType>(operand.getType())));
    if (bytes > maxBytes) {
      if (!isWeightMovement(op) && !isa<GatherOp, LinearOp>(op))
        reporter.refused(op->getLoc(), "fold-constants.too-large",
                         "the operands are constants but " + Twine(bytes) +
                             " bytes exceed the limit of " + Twine(maxBytes.getValue()));
      return nullptr;
    }
    DenseElementsAttr value = evaluate(op, operands);
    if (!value)
      return nullptr;
    reporter.counted(op->getLoc(), "fold-constants.folded", "evaluated on constants");
    return ConstantOp::create(builder, op->getLoc(), type, value);
  }
};
} // namespace
