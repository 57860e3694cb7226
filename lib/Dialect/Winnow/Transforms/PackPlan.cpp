#include "PackPlan.h"

using namespace mlir;
using namespace winnow;

/// Whether the op has a form on [tokens, ...]; its operands are packed or aligned.
bool PackPlan::canPack(Operation *op, const TokenValue &result) const {
  const TokenGrid &grid = analysis->spaces[result.space].grid;
  bool isElementwise = isa<ElementwiseOpInterface>(op);
  bool isKnown =
      isElementwise ||
      isa<LinearOp, LayerNormOp, RMSNormOp, GroupRationalOp, BSplineOp, GaussianBasisOp,
          TopKActivationOp, SoftmaxOp, ReduceOp, ConcatOp, SliceOp, GatherOp, ReshapeOp, TransposeOp, RotaryOp, MatMulOp>(op);
  if (!isKnown || !result.layout.isLeading() || op->getNumResults() != 1)
    return false;
  unsigned lead = result.layout.numLeading();
  SmallVector<bool> hasTokens;
  for (OpOperand &operand : op->getOpOperands()) {
    std::optional<TokenValue> tokens = analysis->getTokens(operand.get());
    std::optional<TokenLayout> layout =
        tokens ? std::optional(tokens->layout) : inferOperandLayout(operand, result.layout, grid);
    hasTokens.push_back(layout.has_value());
    if (!layout)
      continue;
    bool isSplit = isa<ReshapeOp>(op); // which may join batch and sequence
    if (!layout->isLeading() || (!isElementwise && !isSplit && layout->numLeading() != lead))
      return false;
  }
  if (isElementwise)
    return true;
  if (auto gather = dyn_cast<GatherOp>(op))
    return hasTokens[1] ? gather.getAxis() == 0 && !hasTokens[0] : hasTokens[0];
  if (auto matmul = dyn_cast<MatMulOp>(op))
    return hasTokens[0] && !hasTokens[1] && getDims(matmul.getRhs()).size() == 2;
  if (auto transpose = dyn_cast<TransposeOp>(op))
    return hasTokens[0] && llvm::all_of(transpose.getPermutation().take_front(lead),
                                        [&](int64_t from) { return from < int64_t(lead); });
  // The parts of a concat are all of tokens; the other operands of a linear, a norm or a rotary
  // are weights and angles.
  return isa<ConcatOp>(op) ? llvm::all_of(hasTokens, [](bool has) { return has; }) : hasTokens[0];
}

/// Why the attention cannot run by sequences; empty if it can.
StringRef PackPlan::getObstacle(AttentionOp op) const {
  const AttentionSite &site = analysis->getSite(op);
  bool isKeyed = analysis->isActive(site.keys);
  if (!isKeyed && !site.queries)
    return "nothing that it reads is padded";
  if (op.getMask() && !(isKeyed && site.rest && (site.isSelf || !site.hidesQueries)))
    return "its mask cannot be told apart";
  if (!op.getCausal())
    return "";
  // Positions among a sequence's tokens are compared.
  const TokenGrid &grid = analysis->spaces[isKeyed ? *site.keys : *site.queries].grid;
  bool isSquare = grid.isSame(getDims(op.getQuery())[1], getDims(op.getKey())[1]);
  if (!isKeyed || site.queries != site.keys || !site.isSelf || !isSquare)
    return "it is causal, and its queries and keys are not the same tokens";
  return "";
}

/// The layout in which all users of the op's result want it packed; absent if one does not.
std::optional<TokenValue> PackPlan::getWanted(Operation *op) const {
  std::optional<TokenValue> wanted;
  for (OpOperand &use : op->getResult(0).getUses()) {
    Operation *user = use.getOwner();
    std::optional<TokenValue> value;
    if (auto attention = dyn_cast<AttentionOp>(user)) {
      const AttentionSite &site = analysis->getSite(user);
      bool isQuery = use.getOperandNumber() == 0;
      std::optional<unsigned> space = isQuery ? site.queries : site.keys;
      if (!isPacked(attention) || use.getOperandNumber() > 2 || !space ||
          !analysis->isActive(space))
        return std::nullopt;
      value = TokenValue{*space, {0, {1}}};
    } else if (const TokenValue *result = find(user)) {
      std::optional<TokenLayout> layout =
          inferOperandLayout(use, result->layout, analysis->spaces[result->space].grid);
      if (layout && layout->isLeading())
        value = TokenValue{result->space, *layout};
    }
    if (!value || (wanted && (wanted->space != value->space || wanted->layout != value->layout)))
      return std::nullopt;
    wanted = value;
  }
  return wanted;
}

void PackPlan::choose(ArrayRef<Operation *> ops) {
  packed.clear();
  for (Operation *op : ops) {
    if (op->getNumResults() != 1 || isa<AttentionOp>(op))
      continue;
    std::optional<TokenValue> tokens = analysis->getTokens(op->getResult(0));
    if (tokens && canPack(op, *tokens))
      packed[op] = *tokens;
  }
  // The earliest point: what only packed ops read is packed as well.
  for (Operation *op : llvm::reverse(ops)) {
    if (op->getNumResults() != 1 || op->use_empty() || packed.contains(op) ||
        isa<ConstantOp, AttentionOp>(op) || analysis->getTokens(op->getResult(0)) ||
        !isa<FloatType>(getElementTypeOrSelf(op->getResult(0))))
      continue;
    std::optional<TokenValue> wanted = getWanted(op);
    bool hasTokens =
        wanted && llvm::any_of(op->getOpOperands(), [&](OpOperand &operand) {
          return inferOperandLayout(operand, wanted->layout, analysis->spaces[wanted->space].grid)
              .has_value();
        });
    if (hasTokens && canPack(op, *wanted))
      packed[op] = *wanted;
  }
}

PackPlan::PackPlan(func::FuncOp entry, const PaddingAnalysis &source) : analysis(&source) {
  SmallVector<Operation *> ops;
  for (Operation &op : entry.getBody().front().without_terminator())
    ops.push_back(&op);
  for (Operation *op : ops)
    if (auto attention = dyn_cast<AttentionOp>(op)) {
      StringRef obstacle = getObstacle(attention);
      if (obstacle.empty())
        packedAttentions.insert(op);
      else
        reasons[op] = obstacle;
    }
  choose(ops);
  // Keys that are there already, in a cache, are not worth a copy without their padding.
  bool isStable = false;
  while (!isStable) {
    isStable = true;
    for (Operation *op : ops) {
      auto attention = dyn_cast<AttentionOp>(op);
      if (!attention || !isPacked(attention))
        continue;
      const AttentionSite &site = analysis->getSite(op);
      if (!analysis->isActive(site.keys) || site.isSelf)
        continue;
      for (Value operand : {attention.getKey(), attention.getValue()})
        if (!operand.getDefiningOp() || !find(operand.getDefiningOp())) {
          packedAttentions.erase(op);
          reasons[op] = "its keys and values are not computed here";
          isStable = false;
          break;
        }
    }
    if (!isStable)
      choose(ops);
  }
}
