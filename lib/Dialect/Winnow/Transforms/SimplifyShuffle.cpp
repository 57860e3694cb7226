//===- SimplifyShuffle.cpp - Orders of tokens, where they cost least ------===//
//
// Token-Shuffle (arXiv 2504.17789) gathers the tokens of a window of an image:
// Reshape [batch, h, s, w, s, features], Transpose [0, 1, 3, 2, 4, 5], Reshape. What is computed
// token by token before it may as well be computed in that order, and tokens that are looked up
// are looked up in it.
//
//===----------------------------------------------------------------------===//

#include "Evaluate.h"
#include "Simplify.h"

using namespace mlir;
using namespace winnow;

namespace {
/// transpose(f(gather(table, indices))) is f(gather(table, transpose(indices))), where f works token
/// by token and the transpose leaves each token's features as they are.
struct ShuffleAboveGather : SimplifyPattern<TransposeOp> {
  using SimplifyPattern::SimplifyPattern;

  LogicalResult matchAndRewrite(TransposeOp op, PatternRewriter &rewriter) const override {
    ArrayRef<int64_t> order = op.getPermutation();
    if (order.size() < 3 || order.back() != int64_t(order.size()) - 1)
      return rewriter.notifyMatchFailure(op, "no order of tokens");
    SmallVector<Operation *> above;
    auto gather = findGather(op.getInput(), above);
    if (!gather)
      return rewriter.notifyMatchFailure(op, "tokens are not looked up, or something else reads them");
    unsigned numSymbols = std::max(getNumSymbols(op->getResultTypes()),
                                   getNumSymbols(gather->getOperandTypes()));
    Location loc = op.getLoc();
    Dims tokens = getDims(op.getInput());
    tokens.pop_back();
    ArrayRef<int64_t> tokenOrder = order.drop_back();
    SmallVector<SmallVector<Value>> operands;
    for (Operation *part : above) {
      SmallVector<Value> &own = operands.emplace_back();
      for (Value operand : part->getOperands()) {
        FailureOr<Value> moved = moveOperand(rewriter, loc, part, operand, tokens, tokenOrder,
                                             numSymbols);
        if (failed(moved))
          return rewriter.notifyMatchFailure(op, "an operand varies over tokens");
        own.push_back(*moved);
      }
    }
    Dims moved = llvm::map_to_vector(tokenOrder, [&](int64_t from) { return tokens[from]; });
    Value indices = reshapeTo(rewriter, loc, gather.getIndices(), tokens, numSymbols);
    indices = createTranspose(rewriter, loc, indices, tokenOrder);
    Value value = GatherOp::create(rewriter, gather.getLoc(), gather.getData(), indices, 0,
                                   gather.getInBounds());
    for (auto [part, own] : llvm::reverse(llvm::zip_equal(above, operands))) {
      if (isa<ReshapeOp>(part))
        continue;
      Dims dims = moved;
      dims.push_back(getDims(part->getResult(0)).back());
      Operation *copy = rewriter.clone(*part);
      for (auto [number, operand] : llvm::enumerate(own))
        copy->setOperand(number, operand ? operand : value);
      copy->getResult(0).setType(
          getTensorType(dims, getElementTypeOrSelf(part->getResult(0)), numSymbols));
      value = copy->getResult(0);
    }
    return replace(rewriter, op, value, "simplify.shuffle", "looked tokens up in another order");
  }

  /// The lookup of tokens, and what is computed of each from there to the value, the last first.
  static GatherOp findGather(Value value, SmallVectorImpl<Operation *> &above) {
    while (Operation *op = value.getDefiningOp()) {
      if (!value.hasOneUse() || !isa<FloatType>(getElementTypeOrSelf(value)))
        return nullptr;
      if (auto gather = dyn_cast<GatherOp>(op))
        return gather.getAxis() == 0 && getDims(gather.getData()).size() == 2 ? gather : nullptr;
      if (isa<ReshapeOp>(op)) {
        // Of tokens, not of features.
        Dims from = getDims(op->getOperand(0)), to = getDims(value);
        if (from.empty() || to.empty() || from.back() != to.back())
          return nullptr;
      } else if (auto linear = dyn_cast<LinearOp>(op)) {
        if (linear.getResidual() || !getConstantElements(linear.getWeight()))
          return nullptr;
      } else if (!isa<ElementwiseOpInterface, RMSNormOp>(op) && !isPlainNorm(op)) {
        return nullptr;
      }
      above.push_back(op);
      std::optional<unsigned> path;
      for (OpOperand &operand : op->getOpOperands())
        if (!getConstantElements(operand.get())) {
          if (path)
            return nullptr;
          path = operand.getOperandNumber();
        }
      if (!path)
        return nullptr;
      value = op->getOperand(*path);
    }
    return nullptr;
  }

  static bool isPlainNorm(Operation *op) {
    auto norm = dyn_cast<LayerNormOp>(op);
    return norm && !norm.getResidual();
  }

  /// The operand for the other order; null for the one that tokens come by.
  static FailureOr<Value> moveOperand(PatternRewriter &rewriter, Location loc, Operation *op,
                                      Value operand, ArrayRef<AffineExpr> tokens,
                                      ArrayRef<int64_t> order, unsigned numSymbols) {
    ElementsAttr elements = getConstantElements(operand);
    if (!elements)
      return Value();
    Dims dims = getDims(operand);
    bool isOfFeatures = !isa<ElementwiseOpInterface>(op) ||
                        llvm::all_of(ArrayRef(dims).drop_back(std::min<size_t>(dims.size(), 1)),
                                     [](AffineExpr dim) { return isConstantDim(dim, 1); });
    if (isOfFeatures)
      return operand;
    // A number for each token, such as where it is: its dimensions are those of the op.
    Dims whole = getDims(op->getResult(0));
    if (whole.size() != tokens.size() + 1 || dims.size() != whole.size() ||
        !llvm::equal(ArrayRef(whole).drop_back(), tokens))
      return failure();
    auto axes = llvm::to_vector(order);
    axes.push_back(order.size());
    return foldConstants(rewriter, createTranspose(rewriter, loc, operand, axes));
  }
};
} // namespace

void winnow::populateShufflePatterns(RewritePatternSet &patterns, SiteReporter &reporter) {
  patterns.add<ShuffleAboveGather>(patterns.getContext(), reporter);
}
