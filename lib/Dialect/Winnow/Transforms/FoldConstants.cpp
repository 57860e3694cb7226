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
    // A resource changes its shape without a copy, whatever its size.
    if (auto resource = operands.empty() ? nullptr
                                         : dyn_cast<DenseResourceElementsAttr>(operands[0]);
        resource && isa<ReshapeOp>(op)) {
      reporter.counted(op->getLoc(), "fold-constants.folded", "evaluated on constants");
      return ConstantOp::create(builder, op->getLoc(), type,
                                DenseResourceElementsAttr::get(type, resource.getRawHandle()));
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
