#include "PaddingCost.h"

using namespace mlir;
using namespace winnow;

/// A core multiplies and adds several numbers while it moves a byte to or from a cache.
static constexpr double kOperationsPerByte = 4;
/// What an unknown size is taken for.
static constexpr double kNominalSize = 128;

static double getProduct(ArrayRef<AffineExpr> dims) {
  double product = 1;
  for (AffineExpr dim : dims)
    product *= getConstantDim(dim).value_or(kNominalSize);
  return product;
}

/// Bytes of a value for each token.
static double getBytes(Value value, const TokenLayout &layout) {
  Dims dims = getDims(value);
  double bytes = std::max(getElementTypeOrSelf(value).getIntOrFloatBitWidth() / 8, 1u);
  return bytes * getProduct(ArrayRef(dims).drop_front(layout.numLeading()));
}

/// What an op costs for each token.
static double getWork(Operation *op, const TokenLayout &layout) {
  double bytes = getBytes(op->getResult(0), layout);
  if (isa<LinearOp, MatMulOp>(op)) {
    double columns = getProduct(ArrayRef(getDims(op->getResult(0))).take_back(1));
    double depth = getProduct(ArrayRef(getDims(op->getOperand(0))).take_back(1));
    return bytes + 2 * columns * depth / kOperationsPerByte;
  }
  // It reads about as much as it writes, and is mostly fused with what is around it.
  return isa<ReshapeOp>(op) ? 0 : bytes;
}

/// Of a query and all keys, or of a key and all queries: what is in `others`.
static double getAttentionWork(AttentionOp op, Value others) {
  double count = getProduct(ArrayRef(getDims(others)).slice(1, 1));
  double heads = getProduct(ArrayRef(getDims(op.getQuery())).drop_front(2));
  return 4 * count * heads / kOperationsPerByte;
}

PaddingCost winnow::estimateCost(func::FuncOp entry, const PaddingAnalysis &analysis,
                                 const PackPlan &plan, unsigned space) {
  PaddingCost cost;
  const TokenGrid &grid = analysis.spaces[space].grid;
  auto isPacked = [&](Operation *op) {
    auto attention = dyn_cast_or_null<AttentionOp>(op);
    return op && (attention ? plan.isPacked(attention) : plan.find(op) != nullptr);
  };
  llvm::DenseSet<Value> moved;
  auto move = [&](Value value, const TokenLayout &layout) {
    if (moved.insert(value).second)
      cost.moved += 2 * getBytes(value, layout);
  };
  const TokenLayout rows{0, {1}};
  auto isOurs = [&](std::optional<unsigned> number) { return number == space; };
  for (Operation &op : entry.getBody().front()) {
    if (auto attention = dyn_cast<AttentionOp>(op); attention && plan.isPacked(attention)) {
      const AttentionSite &site = analysis.getSite(attention);
      if (isOurs(site.queries))
        cost.work += getAttentionWork(attention, attention.getKey());
      else if (isOurs(site.keys))
        cost.work += getAttentionWork(attention, attention.getQuery());
      for (OpOperand &operand : op.getOpOperands().take_front(3)) {
        bool isKey = operand.getOperandNumber() > 0;
        bool isTokens = isKey ? isOurs(site.keys) : isOurs(site.queries);
        if (isTokens && !isPacked(operand.get().getDefiningOp()))
          move(operand.get(), rows);
      }
      continue;
    }
    const TokenValue *result = plan.find(&op);
    if (result && result->space == space) {
      cost.work += getWork(&op, result->layout);
      for (OpOperand &operand : op.getOpOperands())
        if (std::optional<TokenLayout> layout = inferOperandLayout(operand, result->layout, grid))
          if (!isPacked(operand.get().getDefiningOp()) && layout->isLeading())
            move(operand.get(), *layout);
    }
    if (!result)
      for (Value operand : op.getOperands())
        if (std::optional<TokenValue> tokens = analysis.getTokens(operand))
          if (isOurs(tokens->space) && isPacked(operand.getDefiningOp()) &&
              tokens->layout.isLeading() && !analysis.firstReaders.contains(&op))
            move(operand, tokens->layout);
  }
  return cost;
}
