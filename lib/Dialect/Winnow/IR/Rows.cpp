#include "winnow/Dialect/Winnow/IR/Rows.h"

#include "winnow/Dialect/Winnow/IR/Dims.h"

using namespace mlir;
using namespace winnow;

bool winnow::isOfRows(GatherOp op) {
  return op.getAxis() == 0 && op.getInBounds() && getDims(op.getData()).size() == 2 &&
         getElementTypeOrSelf(op.getIndices()).isInteger(64);
}

GatherOp winnow::getGatherOfRows(Value value) {
  while (auto reshape = value.getDefiningOp<ReshapeOp>())
    value = reshape.getInput();
  auto gather = value.getDefiningOp<GatherOp>();
  return gather && isOfRows(gather) ? gather : nullptr;
}

bool winnow::isWholePieces(int64_t features, int64_t piece) {
  /// A vector of the widest level must not reach into the next piece.
  constexpr int64_t kVector = 16;
  return features == piece || (features % piece == 0 && piece % kVector == 0);
}

bool winnow::readsByNumber(OpOperand &operand, int64_t piece) {
  Dims dims = getDims(operand.get());
  std::optional<int64_t> features = dims.empty() ? std::nullopt : getConstantDim(dims.back());
  if (!features || *features % piece || !getElementTypeOrSelf(operand.get()).isF32())
    return false;
  bool isWhole = isWholePieces(*features, piece);
  Operation *op = operand.getOwner();
  if (auto linear = dyn_cast<LinearOp>(op)) {
    if (operand.get() == linear.getInput() && operand.get() == linear.getResidual())
      return isWhole;
    return operand.get() == linear.getInput() || (operand.get() == linear.getResidual() && isWhole);
  }
  if (auto norm = dyn_cast<LayerNormOp>(op))
    return isWhole && (operand.get() == norm.getInput() || operand.get() == norm.getResidual());
  if (auto norm = dyn_cast<RMSNormOp>(op))
    return isWhole && (operand.get() == norm.getInput() || operand.get() == norm.getResidual());
  return false;
}

SmallVector<OpOperand *> winnow::getReaders(Value value) {
  SmallVector<OpOperand *> readers;
  for (OpOperand &use : value.getUses())
    if (isa<ReshapeOp>(use.getOwner()))
      llvm::append_range(readers, getReaders(use.getOwner()->getResult(0)));
    else
      readers.push_back(&use);
  return readers;
}
