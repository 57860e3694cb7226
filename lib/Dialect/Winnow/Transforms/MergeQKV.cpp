#include "Utils.h"
#include "winnow/Dialect/Winnow/Transforms/Passes.h"
#include "winnow/Dialect/Winnow/Transforms/Report.h"

#include "llvm/ADT/MapVector.h"

using namespace mlir;
using namespace winnow;

namespace winnow {
#define GEN_PASS_DEF_MERGEQKV
#include "winnow/Dialect/Winnow/Transforms/Passes.h.inc"
} // namespace winnow

/// The attention that `value` feeds through movement only, or null. A cache is
/// joined with it on the way, and may be a result of the model too.
static Operation *getFedAttention(Value value, unsigned depth = 0) {
  for (Operation *user : value.getUsers()) {
    if (isa<AttentionOp, ProbSparseAttentionOp>(user))
      return user;
    // A factor of the key's positions is multiplied in on the way.
    if (depth == 8 || user->getBlock() != value.getParentBlock() ||
        !isa<ReshapeOp, TransposeOp, SliceOp, MulOp, RotaryOp, ConcatOp>(user))
      continue;
    if (Operation *attention = getFedAttention(user->getResult(0), depth + 1))
      return attention;
  }
  return nullptr;
}

namespace {
struct MergeQKV : winnow::impl::MergeQKVBase<MergeQKV> {
  void runOnOperation() override {
    SiteReporter reporter(getOperation(), "merge-qkv");
    // Linears that feed one attention from one input, in program order.
    llvm::MapVector<std::pair<Operation *, Value>, SmallVector<LinearOp>> groups;
    getOperation().walk([&](LinearOp linear) {
      if (Operation *attention = getFedAttention(linear.getResult());
          attention && attention->getBlock() == linear->getBlock())
        groups[{attention, linear.getInput()}].push_back(linear);
    });
    for (auto &[key, group] : groups)
      if (group.size() > 1 && canMerge(group, reporter))
        merge(group, reporter);
    eraseDeadOps(getOperation());
  }

  bool canMerge(ArrayRef<LinearOp> group, SiteReporter &reporter) {
    LinearOp first = group.front();
    auto refuse = [&](LinearOp linear, StringRef code, const Twine &sentence) {
      reporter.refused(linear.getLoc(), code, sentence);
      return false;
    };
    for (LinearOp linear : group) {
      if (!isConstantExpression(linear.getWeight()) ||
          (linear.getBias() && !isConstantExpression(linear.getBias())))
        return refuse(linear, "merge-qkv.weight", "the weight or bias is not a constant");
      if (linear.getResidual())
        return refuse(linear, "merge-qkv.residual", "the linear adds a residual");
      // Functions by groups of the width would have to be joined as well.
      if (linear.getActivation() != first.getActivation() || linear.getRationalAttr() ||
          linear.getTransposeWeight() != first.getTransposeWeight())
        return refuse(linear, "merge-qkv.attributes",
                      "the linears differ in activation or orientation of the weight");
    }
    return true;
  }

  Value concat(OpBuilder &builder, Location loc, ValueRange values, int64_t axis) {
    Dims dims = getDims(values.front());
    for (Value value : values.drop_front())
      dims[axis] = dims[axis] + getDims(value)[axis];
    return ConcatOp::create(builder, loc,
                            getTensorType(dims, getElementTypeOrSelf(values.front()), 0), values,
                            builder.getI64IntegerAttr(axis));
  }

  /// The bias that a linear without one has: Whisper's keys.
  static Value createZeros(OpBuilder &builder, Location loc, LinearOp linear) {
    Type elementType = linear.getType().getElementType();
    auto type = RankedTensorType::get(linear.getType().getShape().take_back(), elementType);
    Attribute zero = builder.getFloatAttr(elementType, 0);
    return ConstantOp::create(builder, loc, type,
                              cast<TypedAttr>(Attribute(DenseElementsAttr::get(type, zero))));
  }

  /// Makes a constant expression available to `before`.
  static void hoistConstants(Value value, Operation *before) {
    Operation *op = value.getDefiningOp();
    if (op->getBlock() != before->getBlock() || op->isBeforeInBlock(before))
      return;
    for (Value operand : op->getOperands())
      hoistConstants(operand, before);
    op->moveBefore(before);
  }

  void merge(ArrayRef<LinearOp> group, SiteReporter &reporter) {
    LinearOp first = group.front();
    Location loc = first.getLoc();
    SmallVector<Value> weights, biases;
    OpBuilder builder(first);
    bool hasBias = llvm::any_of(group, [](LinearOp linear) { return bool(linear.getBias()); });
    for (LinearOp linear : group) {
      hoistConstants(linear.getWeight(), first);
      weights.push_back(linear.getWeight());
      if (!hasBias)
        continue;
      Value bias = linear.getBias();
      if (bias)
        hoistConstants(bias, first);
      else
        bias = createZeros(builder, loc, linear);
      biases.push_back(bias);
    }
    Value weight = concat(builder, loc, weights, first.getTransposeWeight() ? 0 : 1);
    Value bias = biases.empty() ? Value() : concat(builder, loc, biases, 0);
    unsigned numSymbols = getNumSymbols(first.getType());
    Dims dims = getDims(first.getResult());
    dims.back() = getDims(weight)[first.getTransposeWeight() ? 0 : 1];
    auto type = getTensorType(dims, first.getType().getElementType(), numSymbols);
    auto merged = LinearOp::create(builder, loc, type, first.getInput(), weight, bias,
                                   /*residual=*/Value(), first.getActivationAttr(),
                                   first.getTransposeWeightAttr(), RationalAttr());

    SmallVector<int64_t> steps(dims.size(), 1);
    Dims starts(dims.size(), builder.getAffineConstantExpr(0));
    for (LinearOp linear : group) {
      Value slice = SliceOp::create(
          builder, linear.getLoc(), linear.getType(), merged,
          AffineMapAttr::get(AffineMap::get(0, 0, starts, builder.getContext())),
          builder.getDenseI64ArrayAttr(steps));
      starts.back() = starts.back() + getDims(linear.getResult()).back();
      linear.getResult().replaceAllUsesWith(slice);
    }
    reporter.applied(loc, "merge-qkv.merged",
                     "merged " + Twine(group.size()) + " linears of one input to one of width " +
                         toString(dims.back()));
  }
};
} // namespace
