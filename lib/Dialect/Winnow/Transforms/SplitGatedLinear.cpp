//===- SplitGatedLinear.cpp - Gate and up out of one projection -----------===//

#include "Evaluate.h"
#include "Utils.h"

#include "winnow/Dialect/Winnow/Transforms/Passes.h"
#include "winnow/Dialect/Winnow/Transforms/Report.h"

using namespace mlir;
using namespace winnow;

namespace winnow {
#define GEN_PASS_DEF_SPLITGATEDLINEAR
#include "winnow/Dialect/Winnow/Transforms/Passes.h.inc"
} // namespace winnow

/// Whether a slice takes every row, and known columns.
static bool takesColumns(SliceOp slice) {
  Dims in = getDims(slice.getInput()), out = getDims(slice.getType());
  ArrayRef<AffineExpr> starts = slice.getStarts().getResults();
  for (size_t i = 0; i + 1 < in.size(); ++i)
    if (in[i] != out[i] || !isConstantDim(starts[i], 0) || slice.getSteps()[i] != 1)
      return false;
  return !in.empty() && getConstantDim(starts.back()) && getConstantDim(out.back());
}

/// The slice of `joint` that a value is, but for what is done with each element.
static SliceOp getSlice(Value value, LinearOp joint) {
  for (unsigned depth = 0; depth < 4; ++depth) {
    Operation *op = value.getDefiningOp();
    if (auto slice = dyn_cast_or_null<SliceOp>(op))
      return slice.getInput() == joint.getResult() ? slice : SliceOp();
    if (!op || op->getNumOperands() != 1 || op->getNumResults() != 1 ||
        op->getResult(0).getType() != value.getType() ||
        op->getOperand(0).getType() != value.getType())
      return nullptr;
    value = op->getOperand(0);
  }
  return nullptr;
}

/// Whether ReLU, its square or a top-k of a slice is a factor beside another slice.
static bool isGate(SliceOp gate, LinearOp joint) {
  for (Operation *user : gate->getUsers()) {
    if (!isa<ReluOp, TopKActivationOp>(user))
      continue;
    SmallVector<Operation *> readers = llvm::to_vector(user->getUsers());
    for (size_t i = 0; i < readers.size(); ++i) {
      auto product = dyn_cast<MulOp>(readers[i]);
      if (!product)
        continue;
      if (product.getLhs() == product.getRhs() && readers.size() < 16) {
        llvm::append_range(readers, product->getUsers());
        continue;
      }
      for (Value factor : product->getOperands())
        if (SliceOp other = getSlice(factor, joint); other && other != gate)
          return true;
    }
  }
  return false;
}

namespace {
struct SplitGatedLinear : winnow::impl::SplitGatedLinearBase<SplitGatedLinear> {
  void runOnOperation() override {
    SiteReporter reporter(getOperation(), "split-gated-linear");
    SmallVector<LinearOp> linears;
    getOperation().walk([&](LinearOp op) { linears.push_back(op); });
    for (LinearOp linear : linears)
      visit(linear, reporter);
    eraseDeadOps(getOperation());
  }

private:
  static void visit(LinearOp joint, SiteReporter &reporter) {
    SmallVector<SliceOp> slices;
    for (Operation *user : joint->getUsers())
      if (auto slice = dyn_cast<SliceOp>(user); slice && takesColumns(slice))
        slices.push_back(slice);
    if (joint.getResidual() || joint.getActivation() != Activation::None ||
        llvm::none_of(slices, [&](SliceOp slice) { return isGate(slice, joint); }))
      return;
    auto refuse = [&](StringRef code, const Twine &sentence) {
      reporter.refused(joint.getLoc(), code, sentence);
    };
    if (!llvm::all_of(joint->getUsers(),
                      [&](Operation *user) { return llvm::is_contained(slices, user); }))
      return refuse("split-gated-linear.whole-used",
                    "a part of the layer is the gate of another, but its whole is used as well");
    if (!getConstantElements(joint.getWeight()) ||
        (joint.getBias() && !getConstantElements(joint.getBias())))
      return refuse("split-gated-linear.weight-not-constant",
                    "a part of the layer is the gate of another, but the weight or bias is not a "
                    "constant");
    for (SliceOp slice : slices)
      split(joint, slice);
    reporter.applied(joint.getLoc(), "split-gated-linear.split",
                     "computes " + Twine(slices.size()) +
                         " parts of the layer by themselves, of which "
                         "one is the gate of another");
  }

  /// A layer that gives a part of the joint one, made where that stands.
  static void split(LinearOp joint, SliceOp slice) {
    OpBuilder b(joint);
    bool isTransposed = joint.getTransposeWeight();
    Value weight = cut(b, joint.getWeight(), isTransposed ? 0 : 1, slice);
    Value bias = joint.getBias() ? cut(b, joint.getBias(), 0, slice) : Value();
    Value part =
        LinearOp::create(b, slice.getLoc(), slice.getType(), joint.getInput(), weight, bias,
                         /*residual=*/Value(), joint.getActivationAttr(),
                         joint.getTransposeWeightAttr(), RationalAttr());
    slice.getResult().replaceAllUsesWith(part);
  }

  /// What the slice takes of its last dimension, of a dimension of a constant.
  static Value cut(OpBuilder &b, Value constant, int64_t axis, SliceOp slice) {
    Dims dims = getDims(constant), starts(dims.size(), b.getAffineConstantExpr(0));
    SmallVector<int64_t> steps(dims.size(), 1);
    dims[axis] = getDims(slice.getType()).back();
    starts[axis] = slice.getStarts().getResults().back();
    steps[axis] = slice.getSteps().back();
    Value part = SliceOp::create(b, constant.getLoc(),
                                 getTensorType(dims, getElementTypeOrSelf(constant), 0), constant,
                                 AffineMapAttr::get(AffineMap::get(0, 0, starts, b.getContext())),
                                 b.getDenseI64ArrayAttr(steps));
    return foldConstants(b, part);
  }
};
} // namespace
