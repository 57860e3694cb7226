#include "AttentionScores.h"

#include <cmath>

using namespace mlir;
using namespace winnow;

/// A select whose fill is at least this low hides a score for good.
static constexpr double kLowestScore = -1e4;

bool winnow::keepsMatrices(ReshapeOp reshape) {
  Dims in = getDims(reshape.getInput()), out = getDims(reshape.getResult());
  unsigned numSymbols = getNumSymbols({reshape.getType(), reshape.getInput().getType()});
  return in.size() >= 2 && out.size() >= 2 &&
         isSameDim(in.back(), out.back(), numSymbols) &&
         isSameDim(in[in.size() - 2], out[out.size() - 2], numSymbols);
}

bool winnow::isSharedByQueries(Value factor) {
  Dims dims = getDims(factor);
  return dims.size() < 2 || isConstantDim(dims[dims.size() - 2], 1);
}

/// Whether the scores come from here: a matmul of this very shape, behind
/// elementwise ops and reshapes of the batch.
static bool leadsToScores(Value value, Type type, unsigned depth = 0) {
  Operation *op = value.getDefiningOp();
  if (!op || value.getType() != type || depth > 8)
    return false;
  if (isa<MatMulOp>(op))
    return true;
  if (auto reshape = dyn_cast<ReshapeOp>(op))
    return keepsMatrices(reshape) &&
           leadsToScores(reshape.getInput(), reshape.getInput().getType(), depth + 1);
  return isa<AddOp, SubOp, MulOp, DivOp, SelectOp, TanhOp, MaximumOp>(op) &&
         llvm::any_of(op->getOperands(),
                      [&](Value operand) { return leadsToScores(operand, type, depth + 1); });
}

std::optional<Refusal> winnow::matchScores(SoftmaxOp softmax, Scores &scores) {
  Value value = softmax.getInput();
  Type type = value.getType();
  double scaleBelow = 1;
  while (true) {
    Operation *op = value.getDefiningOp();
    if (!value.hasOneUse())
      return Refusal{"attention.scores-used", "the scores have a use other than the softmax"};
    if (auto matmul = dyn_cast_or_null<MatMulOp>(op)) {
      scores.matmul = matmul;
      // A bound of scores without a mask.
      while (!scores.masks.empty() && scores.masks.back().kind == MaskTerm::Bound)
        scores.masks.pop_back();
      return std::nullopt;
    }
    if (auto reshape = dyn_cast_or_null<ReshapeOp>(op); reshape && keepsMatrices(reshape)) {
      value = reshape.getInput();
      type = value.getType();
      continue;
    }
    Dims level = getDims(type);
    if (!isa_and_nonnull<AddOp, SubOp, MulOp, DivOp, SelectOp, TanhOp, MaximumOp>(op))
      return Refusal{"attention.scores",
                     op ? ("expected the scores to come from a matmul, got " +
                           op->getName().getStringRef())
                              .str()
                        : "expected the scores to come from a matmul, got an argument"};

    if (isa<TanhOp>(op)) {
      // f tanh(x) = |f| tanh(sign(f) x).
      double cap = static_cast<float>(std::fabs(scaleBelow));
      if (scores.softcap || !scores.keyFactors.empty() || !(cap > 0) || std::isinf(cap))
        return Refusal{"attention.softcap", "the scores' tanh is scaled by no constant of its own"};
      scores.softcap = cap;
      value = op->getOperand(0);
      continue;
    }
    if (scores.softcap && isa<AddOp, SubOp, SelectOp, MaximumOp>(op))
      return Refusal{"attention.softcap", "the scores are masked before their tanh"};

    if (auto select = dyn_cast<SelectOp>(op)) {
      bool isVisible = leadsToScores(select.getOnTrue(), type);
      Value fill = isVisible ? select.getOnFalse() : select.getOnTrue();
      Value next = isVisible ? select.getOnTrue() : select.getOnFalse();
      std::optional<double> number = getScalarConstant(fill);
      if (!leadsToScores(next, type) || !number)
        return Refusal{"attention.mask-fill", "expected a select of the scores or a constant"};
      // Scaled below, the filled scores end up at the scaled number, which may
      // overflow to minus infinity.
      double filled = static_cast<float>(*number * scaleBelow);
      bool isLow = filled <= kLowestScore;
      if (!isLow || (getElementTypeOrSelf(type).isF16() && !std::isinf(filled)))
        return Refusal{"attention.mask-fill",
                       "hidden scores are filled with " + std::to_string(filled) +
                           ", which an added mask cannot stand for"};
      scores.masks.push_back({isVisible ? MaskTerm::VisibleWhere : MaskTerm::HiddenWhere,
                              select.getCondition(), level, filled});
      if (!scores.keyFactors.empty())
        return Refusal{"attention.scale-after-mask", "the scores are scaled after they are masked"};
      value = next;
      continue;
    }

    Value lhs = op->getOperand(0), rhs = op->getOperand(1);
    bool isLeft = leadsToScores(lhs, type), isRight = leadsToScores(rhs, type);
    if (isLeft == isRight || (isRight && isa<SubOp, DivOp>(op)))
      return Refusal{"attention.scores",
                     isLeft ? "two products contribute to the scores"
                            : ("expected the scores to come from a matmul through " +
                               op->getName().getStringRef())
                                  .str()};
    Value other = isLeft ? rhs : lhs;
    if (isa<MaximumOp>(op)) {
      std::optional<double> bound = getScalarConstant(other);
      bool isLowest = bound && *bound <= std::numeric_limits<float>::lowest();
      if (!isLowest || !getElementTypeOrSelf(type).isF32() || scaleBelow != 1 ||
          !scores.keyFactors.empty())
        return Refusal{"attention.bound", "the scores are bounded by more than the lowest float"};
      if (!std::isinf(*bound))
        scores.masks.push_back({MaskTerm::Bound, Value(), level});
      value = isLeft ? lhs : rhs;
      continue;
    }
    value = isLeft ? lhs : rhs;
    if (isa<AddOp, SubOp>(op)) {
      if (!scores.keyFactors.empty())
        return Refusal{"attention.scale-after-mask", "the scores are scaled after they are masked"};
      // What is scaled below is scaled on its own: (s + m) c = s c + m c.
      double factor = isa<AddOp>(op) ? scaleBelow : -scaleBelow;
      scores.masks.push_back({MaskTerm::Add, other, level, /*fill=*/0, factor});
      continue;
    }
    if (std::optional<double> factor = getScalarConstant(other)) {
      scaleBelow *= isa<DivOp>(op) ? 1 / *factor : *factor;
      scores.scale *= isa<DivOp>(op) ? 1 / *factor : *factor;
      continue;
    }
    if (isa<DivOp>(op))
      return Refusal{"attention.scale", "the scores are divided by something that is no constant"};
    // sum_d q k * f = sum_d q (k f) for a factor of the key's position.
    if (!isSharedByQueries(other))
      return Refusal{"attention.scale",
                     "the scores are multiplied by something that varies over queries"};
    scores.keyFactors.push_back({other, level});
  }
}

Value winnow::stripScale(Value value, double &scale) {
  while (true) {
    Operation *op = value.getDefiningOp();
    if (!isa_and_nonnull<MulOp, DivOp>(op))
      return value;
    Value next = op->getOperand(0);
    std::optional<double> factor = getScalarConstant(op->getOperand(1));
    if (!factor && isa<MulOp>(op)) {
      factor = getScalarConstant(op->getOperand(0));
      next = op->getOperand(1);
    }
    if (!factor || next.getType() != value.getType())
      return value;
    scale *= isa<DivOp>(op) ? 1 / *factor : *factor;
    value = next;
  }
}
