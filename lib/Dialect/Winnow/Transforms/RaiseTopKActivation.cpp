#include "Utils.h"

#include "winnow/Dialect/Winnow/Transforms/Passes.h"
#include "winnow/Dialect/Winnow/Transforms/Report.h"

using namespace mlir;
using namespace winnow;

namespace winnow {
#define GEN_PASS_DEF_RAISETOPKACTIVATION
#include "winnow/Dialect/Winnow/Transforms/Passes.h.inc"
} // namespace winnow

/// The k of a top-k that an activation could be, the greatest along the last dimension.
static std::optional<int64_t> getK(TopKOp op) {
  Dims dims = getDims(op.getValues());
  if (!op.getLargest() || op.getAxis() + 1 != dims.size() ||
      !isa<FloatType>(getElementTypeOrSelf(op.getInput())))
    return std::nullopt;
  std::optional<int64_t> k = getConstantDim(dims.back());
  return k && *k > 0 ? k : std::nullopt;
}

/// The least of the k values, of which there is one a row.
static bool isLeast(Value value, TopKOp topk, int64_t k) {
  Operation *op = value.getDefiningOp();
  if (isa_and_nonnull<ReshapeOp>(op))
    return isLeast(op->getOperand(0), topk, k);
  if (k == 1 && value == topk.getValues())
    return true;
  if (!op || op->getOperand(0) != topk.getValues())
    return false;
  int64_t axis = topk.getAxis();
  if (auto reduce = dyn_cast<ReduceOp>(op))
    return reduce.getKind() == ReduceKind::Min && reduce.getAxes() == ArrayRef<int64_t>{axis};
  if (auto slice = dyn_cast<SliceOp>(op)) {
    for (auto [dim, start] : llvm::enumerate(slice.getStarts().getResults()))
      if (!isConstantDim(start, int64_t(dim) == axis ? k - 1 : 0))
        return false;
    return isConstantDim(getDims(value)[axis], 1);
  }
  auto gather = dyn_cast<GatherOp>(op);
  if (!gather || int64_t(gather.getAxis()) != axis)
    return false;
  std::optional<double> index = getScalarConstant(gather.getIndices());
  return index && (*index == k - 1 || *index == -1);
}

/// TorchScript stores what zeros_like gives, element by element.
static bool isZeros(Value value) {
  if (isScalarConstant(value, 0.0))
    return true;
  ElementsAttr elements = getConstantElements(value);
  SmallVector<float> storage;
  std::optional<ArrayRef<float>> floats = elements ? getFloats(elements, storage) : std::nullopt;
  return floats && llvm::all_of(*floats, [](float element) { return element == 0; });
}

namespace {
struct RaiseTopKActivation : winnow::impl::RaiseTopKActivationBase<RaiseTopKActivation> {
  void runOnOperation() override {
    SiteReporter reporter(getOperation(), "raise-topk-activation");
    SmallVector<TopKOp> anchors;
    getOperation().walk([&](TopKOp op) { anchors.push_back(op); });
    for (TopKOp op : anchors)
      if (std::optional<int64_t> k = getK(op)) {
        raiseScatter(op, *k, reporter);
        raiseThreshold(op, *k, reporter);
      }
    eraseDeadOps(getOperation());
  }

private:
  static void replace(Operation *end, TopKOp topk, int64_t k, bool keepTies,
                      SiteReporter &reporter) {
    OpBuilder b(end);
    Value result = TopKActivationOp::create(b, end->getLoc(), topk.getInput(), k, keepTies);
    reporter.applied(end->getLoc(), "topk-activation.raised",
                     "raised to the " + Twine(k) + " greatest elements of each row" +
                         (keepTies ? ", and what is equal to the last of them" : ""));
    end->getResult(0).replaceAllUsesWith(result);
  }

  /// The values, put back where they were among zeros.
  static void raiseScatter(TopKOp topk, int64_t k, SiteReporter &reporter) {
    for (Operation *user : llvm::make_early_inc_range(topk.getIndices().getUsers())) {
      auto scatter = dyn_cast<ScatterElementsOp>(user);
      if (!scatter || scatter.getIndices() != topk.getIndices() ||
          scatter.getType() != topk.getInput().getType() || scatter.getAxis() != topk.getAxis() ||
          scatter.getReduction() != ScatterReduction::None)
        continue;
      auto refuse = [&](StringRef code, const Twine &sentence) {
        reporter.refused(scatter.getLoc(), code, sentence);
      };
      std::optional<double> mark = getScalarConstant(scatter.getUpdates());
      if (!isZeros(scatter.getData()))
        refuse("topk-activation.base", "the values of a top-k are put back, but not among zeros");
      else if (scatter.getUpdates() == topk.getValues())
        replace(scatter, topk, k, /*keepTies=*/false, reporter);
      else if (mark && *mark == 1)
        raiseMask(scatter, topk, k, reporter);
      else
        refuse("topk-activation.values", "other values than those of the top-k are put back");
    }
  }

  /// Ones at the places of the k greatest, times the input.
  static void raiseMask(ScatterElementsOp mask, TopKOp topk, int64_t k, SiteReporter &reporter) {
    for (Operation *user : llvm::make_early_inc_range(mask->getUsers()))
      if (isa<MulOp>(user) && user->getResult(0).getType() == mask.getType() &&
          llvm::is_contained(user->getOperands(), topk.getInput()))
        replace(user, topk, k, /*keepTies=*/false, reporter);
  }

  /// What is at least the last of the k.
  static void raiseThreshold(TopKOp topk, int64_t k, SiteReporter &reporter) {
    SmallVector<CompareOp> comparisons;
    for (Operation *user : topk.getInput().getUsers())
      if (auto compare = dyn_cast<CompareOp>(user))
        comparisons.push_back(compare);
    for (CompareOp compare : comparisons) {
      bool isLeft = compare.getLhs() == topk.getInput();
      Value other = isLeft ? compare.getRhs() : compare.getLhs();
      Dims expected = getDims(topk.getInput());
      expected.back() = getAffineConstantExpr(1, topk.getContext());
      if (getDims(other) != expected || !isLeast(other, topk, k))
        continue;
      ComparePredicate predicate = compare.getPredicate();
      bool keeps = predicate == (isLeft ? ComparePredicate::GE : ComparePredicate::LE);
      bool drops = predicate == (isLeft ? ComparePredicate::LT : ComparePredicate::GT);
      if (!keeps && !drops) {
        reporter.refused(compare.getLoc(), "topk-activation.comparison",
                         "the last value of a top-k is compared by '" +
                             stringifyComparePredicate(predicate) + "', which does not keep it");
        continue;
      }
      for (Operation *user : llvm::make_early_inc_range(compare->getUsers()))
        raiseKept(user, topk, k, keeps, reporter);
    }
  }

  /// The input times whether it is kept, or a choice between the input and zero.
  static void raiseKept(Operation *user, TopKOp topk, int64_t k, bool keeps,
                        SiteReporter &reporter) {
    Value x = topk.getInput();
    if (auto select = dyn_cast<SelectOp>(user)) {
      Value kept = keeps ? select.getOnTrue() : select.getOnFalse();
      Value dropped = keeps ? select.getOnFalse() : select.getOnTrue();
      if (kept == x && isScalarConstant(dropped, 0.0) && select.getType() == x.getType())
        replace(select, topk, k, /*keepTies=*/true, reporter);
      return;
    }
    if (!keeps || !isa<CastOp>(user))
      return;
    for (Operation *product : llvm::make_early_inc_range(user->getUsers()))
      if (isa<MulOp>(product) && product->getResult(0).getType() == x.getType() &&
          llvm::is_contained(product->getOperands(), x))
        replace(product, topk, k, /*keepTies=*/true, reporter);
  }
};
} // namespace
