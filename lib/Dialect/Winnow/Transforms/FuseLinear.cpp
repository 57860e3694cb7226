#include "ActivationMatch.h"
#include "winnow/Dialect/Winnow/Transforms/Passes.h"
#include "winnow/Dialect/Winnow/Transforms/Report.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace winnow;

namespace winnow {
#define GEN_PASS_DEF_FUSELINEAR
#include "winnow/Dialect/Winnow/Transforms/Passes.h.inc"
} // namespace winnow

static bool isTransposeOfMatrix(TransposeOp op) {
  return op && op.getPermutation() == ArrayRef<int64_t>{1, 0};
}

static Activation getActivation(Operation *op) {
  return TypeSwitch<Operation *, Activation>(op)
      .Case([](GeluOp gelu) {
        return gelu.getTanhApproximation() ? Activation::GeluTanh : Activation::Gelu;
      })
      .Case([](ReluOp) { return Activation::Relu; })
      .Case([](TanhOp) { return Activation::Tanh; })
      .Case([](SigmoidOp) { return Activation::Sigmoid; })
      .Case([](GroupRationalOp) { return Activation::GroupRational; })
      .Default([](Operation *) { return Activation::None; });
}

namespace {
/// A linear while it grows: what has been absorbed, and where it ends.
struct Growing {
  Value input, weight, bias, residual;
  bool transposeWeight = false;
  Activation activation = Activation::None;
  RationalAttr rational; ///< of that activation
  /// The op whose result the linear will replace.
  Operation *end;
  bool isQuantized = isa<QuantizedLinearOp>(end);

  Value result() const { return end->getResult(0); }
  std::string describe() const {
    std::string text = "linear";
    if (bias)
      text += " with bias";
    if (activation != Activation::None)
      text += (bias ? ", " : " with ") + stringifyActivation(activation).str();
    if (residual)
      text += bias || activation != Activation::None ? ", residual" : " with residual";
    return text;
  }
};

struct FuseLinear : winnow::impl::FuseLinearBase<FuseLinear> {
  using FuseLinearBase::FuseLinearBase;

  void runOnOperation() override {
    SiteReporter reporter(getOperation(), "fuse-linear");
    SmallVector<Operation *> roots;
    getOperation().walk([&](Operation *op) {
      if (isa<MatMulOp, LinearOp, QuantizedLinearOp>(op))
        roots.push_back(op);
    });
    for (Operation *root : roots)
      if (std::optional<Growing> linear = start(root, reporter))
        grow(*linear, reporter);
    // Only sums that no linear took are left for the norms.
    if (norms)
      getOperation().walk([&](Operation *op) {
        if (auto norm = dyn_cast<LayerNormOp>(op))
          absorbIntoNorm(norm, reporter);
        else if (auto norm = dyn_cast<RMSNormOp>(op))
          absorbIntoNorm(norm, reporter);
      });
    eraseDeadOps(getOperation());
  }

  std::optional<Growing> start(Operation *op, SiteReporter &reporter) {
    if (auto linear = dyn_cast<LinearOp>(op))
      return Growing{linear.getInput(),          linear.getWeight(),     linear.getBias(),
                     linear.getResidual(),       linear.getTransposeWeight(),
                     linear.getActivation(),     linear.getRationalAttr(),    op};
    if (auto linear = dyn_cast<QuantizedLinearOp>(op))
      return Growing{linear.getInput(),    linear.getWeight(),     linear.getBias(),
                     linear.getResidual(), linear.getTransposeWeight(),
                     linear.getActivation(), {}, op};
    auto matmul = cast<MatMulOp>(op);
    Value weight = matmul.getRhs();
    if (!isConstantExpression(weight)) {
      if (getTensorType(weight).getRank() == 2)
        reporter.refused(op->getLoc(), "linear.weight-not-constant",
                         "the right operand is a matrix, but not a constant");
      return std::nullopt;
    }
    if (getTensorType(weight).getRank() != 2) {
      reporter.refused(op->getLoc(), "linear.weight-rank",
                       "expected a constant of rank 2 on the right, got rank " +
                           Twine(getTensorType(weight).getRank()));
      return std::nullopt;
    }
    if (!isa<FloatType>(getElementTypeOrSelf(weight)))
      return std::nullopt;
    Growing linear{matmul.getLhs(), weight, {}, {}, false, Activation::None, {}, op};
    if (auto transpose = weight.getDefiningOp<TransposeOp>(); isTransposeOfMatrix(transpose)) {
      linear.weight = transpose.getInput();
      linear.transposeWeight = true;
    }
    return linear;
  }

  void grow(Growing linear, SiteReporter &reporter) {
    Operation *first = linear.end;
    while (!linear.residual && absorbUser(linear, reporter)) {
    }
    if (linear.end == first && !isa<MatMulOp>(first))
      return;
    OpBuilder builder(linear.end);
    Location loc = linear.end->getLoc();
    Value bias = linear.bias ? asVector(builder, loc, linear.bias) : Value();
    Operation *fused;
    if (auto quantized = dyn_cast<QuantizedLinearOp>(first))
      fused = QuantizedLinearOp::create(
          builder, first->getLoc(), linear.result().getType(), linear.input, linear.weight,
          quantized.getScale(), quantized.getZero(), quantized.getRowScale(),
          quantized.getWeightZero(), bias, linear.residual, linear.activation,
          linear.transposeWeight, quantized.getBlockSizeAttr(), quantized.getRoundInput());
    else
      fused = LinearOp::create(
          builder, first->getLoc(), linear.result().getType(), linear.input, linear.weight, bias,
          linear.residual, ActivationAttr::get(builder.getContext(), linear.activation),
          linear.transposeWeight ? builder.getUnitAttr() : UnitAttr(), linear.rational);
    fused->setDiscardableAttrs(first->getDiscardableAttrDictionary());
    reporter.applied(first->getLoc(), "linear.fused", "fused to " + linear.describe());
    linear.result().replaceAllUsesWith(fused->getResult(0));
  }

  /// Takes the only user into the linear, if it fits.
  bool absorbUser(Growing &linear, SiteReporter &reporter) {
    Value value = linear.result();
    if (linear.activation == Activation::None) {
      std::optional<ActivationEnd> found = matchSwish(value);
      if (!found)
        found = matchSquaredRelu(value);
      if (found) {
        linear.activation = found->activation;
        linear.end = found->end;
        return true;
      }
    }
    if (!value.hasOneUse()) {
      for (Operation *user : value.getUsers())
        if (linear.activation == Activation::None && getActivation(user) != Activation::None) {
          reporter.refused(user->getLoc(), "linear.activation-input-used",
                           "the activation's input has another use");
          break;
        }
      return false;
    }
    Operation *user = *value.getUsers().begin();
    if (user->getNumResults() != 1 || user->getResult(0).getType() != value.getType() ||
        user->getBlock() != linear.end->getBlock())
      return false;
    if (Activation activation = getActivation(user); activation != Activation::None) {
      if (linear.activation != Activation::None ||
          (activation == Activation::GroupRational && linear.isQuantized))
        return false;
      linear.activation = activation;
      if (auto function = dyn_cast<GroupRationalOp>(user))
        linear.rational = function.getRational();
      linear.end = user;
      return true;
    }
    auto add = dyn_cast<AddOp>(user);
    if (!add || add.getLhs() == add.getRhs())
      return false;
    Value other = add.getLhs() == value ? add.getRhs() : add.getLhs();
    Type type = value.getType();
    if (!linear.bias && linear.activation == Activation::None &&
        isVectorOf(other, getDims(value).back(), getNumSymbols(type)) &&
        (getTensorType(other).getRank() == 1 || other.getType() != type)) {
      linear.bias = other;
      linear.end = add;
      return true;
    }
    if (other.getType() != type)
      return false;
    // Of two linears that meet in a sum, the later one takes the other. The
    // walk comes to the earlier one first.
    if (auto rival = getLastRoot(other); rival && linear.end->isBeforeInBlock(rival))
      return false;
    linear.residual = other;
    linear.end = add;
    return true;
  }

  /// The matmul or linear in the same block that `value` comes from through a
  /// bias or an activation, if it could take a residual itself.
  static Operation *getLastRoot(Value value) {
    for (unsigned depth = 0; depth < 4; ++depth) {
      Operation *op = value.getDefiningOp();
      if (!op || !value.hasOneUse())
        return nullptr;
      if (auto linear = dyn_cast<LinearOp>(op))
        return linear.getResidual() ? nullptr : op;
      if (auto linear = dyn_cast<QuantizedLinearOp>(op))
        return linear.getResidual() ? nullptr : op;
      if (auto matmul = dyn_cast<MatMulOp>(op))
        return isConstantExpression(matmul.getRhs()) ? op : nullptr;
      if (auto add = dyn_cast<AddOp>(op))
        value = getTensorType(add.getLhs()) == getTensorType(add) ? add.getLhs() : add.getRhs();
      else if (getActivation(op) != Activation::None)
        value = op->getOperand(0);
      else
        return nullptr;
    }
    return nullptr;
  }

  template <typename OpTy> void absorbIntoNorm(OpTy norm, SiteReporter &reporter) {
    absorbResidual(norm, reporter);
    absorbRational(norm, reporter);
  }

  /// The function of a norm is computed before the norm is written.
  template <typename OpTy> void absorbRational(OpTy norm, SiteReporter &reporter) {
    if (norm.getRationalAttr() || !norm->hasOneUse())
      return;
    auto function = dyn_cast<GroupRationalOp>(*norm->getUsers().begin());
    if (!function || function->getBlock() != norm->getBlock())
      return;
    norm.setRationalAttr(function.getRational());
    StringRef name = norm->getName().stripDialect();
    reporter.applied(function.getLoc(), "linear.norm-rational", "took group_rational into " + name);
    function.getResult().replaceAllUsesWith(norm.getResult());
  }

  /// A norm of x + y reads both, instead of a sum that is written first.
  template <typename OpTy> void absorbResidual(OpTy norm, SiteReporter &reporter) {
    auto sum = norm.getInput().template getDefiningOp<AddOp>();
    if (!sum || norm.getResidual() || sum.getLhs().getType() != norm.getType() ||
        sum.getRhs().getType() != norm.getType())
      return;
    if (!sum->hasOneUse())
      return reporter.refused(norm.getLoc(), "linear.sum-used",
                              "the sum that is normalised has another use");
    Value lhs = sum.getLhs(), rhs = sum.getRhs();
    norm.getInputMutable().assign(lhs);
    norm.getResidualMutable().assign(rhs);
    StringRef name = norm->getName().stripDialect();
    reporter.applied(norm.getLoc(), "linear.norm-residual", "took a sum into " + name);
  }
};
} // namespace
