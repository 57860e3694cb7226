#include "Activation.h"
#include "OpTable.h"

#include <cmath>

using namespace mlir;

namespace winnow::import {

template <typename OpTy> static void importUnary(OpImporter &n) {
  n.set(n.make<OpTy>(n.in(0)));
}

/// x > 0 ? x : `otherwise`
static Value selectPositive(OpImporter &n, Value x, Value otherwise) {
  Value positive = n.compare(ComparePredicate::GT, x, n.scalarLike(x, 0));
  return n.make<SelectOp>(positive, x, otherwise);
}

/// alpha x
static Value scale(OpImporter &n, Value x, double alpha) {
  return alpha == 1 ? x : n.make<MulOp>(x, n.scalarLike(x, alpha));
}

/// a * (e^x - 1)
static Value expMinusOne(OpImporter &n, Value x, double a) {
  return scale(n, n.make<SubOp>(n.make<ExpOp>(x), n.scalarLike(x, 1)), a);
}

static void importGelu(OpImporter &n) {
  std::string approximate = n.stringAttr("approximate", "none");
  if (!n.failed() && approximate != "none" && approximate != "tanh")
    return n.invalid("expected approximate to be none or tanh, got '" + approximate + "'");
  n.set(n.make<GeluOp>(n.in(0), approximate == "tanh"));
}

static Value elu(OpImporter &n, Value x, double alpha) {
  return selectPositive(n, x, expMinusOne(n, x, alpha));
}

static void importElu(OpImporter &n) { n.set(elu(n, n.in(0), n.floatAttr("alpha", 1))); }

static void importCelu(OpImporter &n) {
  Value x = n.in(0);
  double alpha = n.floatAttr("alpha", 1);
  Value scaled = n.make<DivOp>(x, n.scalarLike(x, alpha));
  n.set(selectPositive(n, x, expMinusOne(n, scaled, alpha)));
}

static void importSelu(OpImporter &n) {
  Value x = n.in(0);
  double alpha = n.floatAttr("alpha", n.opset < 6 ? 1.6732 : 1.67326319217681884765625);
  double gamma = n.floatAttr("gamma", n.opset < 6 ? 1.0507 : 1.05070102214813232421875);
  Value elu = selectPositive(n, x, expMinusOne(n, x, alpha));
  n.set(n.make<MulOp>(elu, n.scalarLike(x, gamma)));
}

static Value leakyRelu(OpImporter &n, Value x, double alpha) {
  Value isPositive = n.compare(ComparePredicate::GE, x, n.scalarLike(x, 0));
  return n.make<SelectOp>(isPositive, x, scale(n, x, alpha));
}

static void importLeakyRelu(OpImporter &n) {
  n.set(leakyRelu(n, n.in(0), n.floatAttr("alpha", 0.01)));
}

/// Until opset 6 the slopes are one, or one per channel.
static void importPRelu(OpImporter &n) {
  Value x = n.in(0), slope = n.in(1);
  if (n.opset < 7 && n.rank(1) == 1 && n.rank(0) > 1) {
    Dims dims(n.rank(0), n.constant(1));
    dims[1] = n.dims(1)[0];
    slope = n.reshape(slope, dims);
  }
  Value negative = n.make<MulOp>(x, slope);
  n.set(n.make<SelectOp>(n.compare(ComparePredicate::LT, x, n.scalarLike(x, 0)), negative, x));
}

static Value thresholdedRelu(OpImporter &n, Value x, double alpha) {
  Value isAbove = n.compare(ComparePredicate::GT, x, n.scalarLike(x, alpha));
  return n.make<SelectOp>(isAbove, x, n.scalarLike(x, 0));
}

static void importThresholdedRelu(OpImporter &n) {
  n.set(thresholdedRelu(n, n.in(0), n.floatAttr("alpha", 1)));
}

/// x + bias below -lambd, x - bias above lambd, 0 between. Integers are compared
/// and added as such where the parameters allow it.
static void importShrink(OpImporter &n) {
  double bias = n.floatAttr("bias", 0), lambd = n.floatAttr("lambd", 0.5);
  Type stored = n.elementType(0);
  bool isUnsigned = stored.isUnsignedInteger();
  bool isExact = isa<FloatType>(stored) || (bias == std::floor(bias) && !(isUnsigned && lambd < 0));
  Value x = n.convert(n.in(0), isExact ? stored : n.b.getF64Type());
  if (n.failed())
    return;
  if (!isa<FloatType>(getElementTypeOrSelf(x)))
    lambd = std::floor(lambd);
  Value amount = n.scalarLike(x, bias);
  Value isAbove = n.compare(ComparePredicate::GT, x, n.scalarLike(x, lambd));
  Value result = n.make<SelectOp>(isAbove, n.make<SubOp>(x, amount), n.scalarLike(x, 0));
  if (!isUnsigned || !isExact) {
    Value isBelow = n.compare(ComparePredicate::LT, x, n.scalarLike(x, -lambd));
    result = n.make<SelectOp>(isBelow, n.make<AddOp>(x, amount), result);
  }
  n.set(n.convert(result, stored));
}

/// max(0, min(1, alpha x + beta))
static Value hardSigmoid(OpImporter &n, Value x, double alpha, double beta) {
  Value line = n.make<AddOp>(n.make<MulOp>(x, n.scalarLike(x, alpha)), n.scalarLike(x, beta));
  return n.make<MaximumOp>(n.make<MinimumOp>(line, n.scalarLike(x, 1)), n.scalarLike(x, 0));
}

static void importHardSigmoid(OpImporter &n) {
  double alpha = n.floatAttr("alpha", 0.2), beta = n.floatAttr("beta", 0.5);
  n.set(hardSigmoid(n, n.in(0), alpha, beta));
}

static void importHardSwish(OpImporter &n) {
  Value x = n.in(0);
  n.set(n.make<MulOp>(x, hardSigmoid(n, x, 1.0 / 6, 0.5)));
}

static void importSwish(OpImporter &n) {
  Value x = n.in(0);
  n.set(n.make<MulOp>(x, n.make<SigmoidOp>(scale(n, x, n.floatAttr("alpha", 1)))));
}

/// log(1 + e^x) as max(x, 0) + log(1 + e^-|x|), which does not overflow.
static Value softplus(OpImporter &n, Value x) {
  Value exp = n.make<ExpOp>(n.make<NegOp>(n.make<AbsOp>(x)));
  Value log = n.make<LogOp>(n.make<AddOp>(exp, n.scalarLike(x, 1)));
  return n.make<AddOp>(n.make<ReluOp>(x), log);
}

static void importSoftplus(OpImporter &n) { n.set(softplus(n, n.in(0))); }

static void importMish(OpImporter &n) {
  Value x = n.in(0);
  n.set(n.make<MulOp>(x, n.make<TanhOp>(softplus(n, x))));
}

static Value softsign(OpImporter &n, Value x) {
  return n.make<DivOp>(x, n.make<AddOp>(n.make<AbsOp>(x), n.scalarLike(x, 1)));
}

static void importSoftsign(OpImporter &n) { n.set(softsign(n, n.in(0))); }

template <typename OpTy> static Value applyUnary(OpImporter &n, Value x, double, double) {
  return n.make<OpTy>(x);
}

const NamedActivation *findActivation(StringRef name) {
  static const NamedActivation activations[] = {
      {"Affine",
       [](OpImporter &n, Value x, double alpha, double beta) {
         return n.make<AddOp>(scale(n, x, alpha), n.scalarLike(x, beta));
       },
       1, 0},
      {"Elu", [](OpImporter &n, Value x, double alpha, double) { return elu(n, x, alpha); }, 1, {}},
      {"HardSigmoid", hardSigmoid, 0.2, 0.5},
      {"LeakyRelu",
       [](OpImporter &n, Value x, double alpha, double) { return leakyRelu(n, x, alpha); },
       0.01,
       {}},
      {"Relu", applyUnary<ReluOp>, {}, {}},
      {"ScaledTanh",
       [](OpImporter &n, Value x, double alpha, double beta) {
         return scale(n, n.make<TanhOp>(scale(n, x, beta)), alpha);
       },
       1, 1},
      {"Sigmoid", applyUnary<SigmoidOp>, {}, {}},
      {"Softplus", [](OpImporter &n, Value x, double, double) { return softplus(n, x); }, {}, {}},
      {"Softsign", [](OpImporter &n, Value x, double, double) { return softsign(n, x); }, {}, {}},
      {"Tanh", applyUnary<TanhOp>, {}, {}},
      {"ThresholdedRelu",
       [](OpImporter &n, Value x, double alpha, double) { return thresholdedRelu(n, x, alpha); },
       1,
       {}},
  };
  const auto *it = llvm::find_if(activations, [&](const NamedActivation &activation) {
    return name.equals_insensitive(activation.name);
  });
  return it == std::end(activations) ? nullptr : it;
}

ArrayRef<OpEntry> getActivationOps() {
  static const OpEntry ops[] = {
      {"Celu", 12, kMaxOpset, 1, 1, importCelu},
      {"Elu", 1, kMaxOpset, 1, 1, importElu},
      {"Gelu", 20, kMaxOpset, 1, 1, importGelu},
      {"HardSigmoid", 1, kMaxOpset, 1, 1, importHardSigmoid},
      {"HardSwish", 14, kMaxOpset, 1, 1, importHardSwish},
      {"LeakyRelu", 1, kMaxOpset, 1, 1, importLeakyRelu},
      {"Mish", 18, kMaxOpset, 1, 1, importMish},
      {"PRelu", 1, kMaxOpset, 2, 2, importPRelu},
      {"Relu", 1, kMaxOpset, 1, 1, importUnary<ReluOp>},
      {"Selu", 1, kMaxOpset, 1, 1, importSelu},
      {"Shrink", 9, kMaxOpset, 1, 1, importShrink},
      {"Sigmoid", 1, kMaxOpset, 1, 1, importUnary<SigmoidOp>},
      {"Softplus", 1, kMaxOpset, 1, 1, importSoftplus},
      {"Softsign", 1, kMaxOpset, 1, 1, importSoftsign},
      {"Swish", 24, kMaxOpset, 1, 1, importSwish},
      {"Tanh", 1, kMaxOpset, 1, 1, importUnary<TanhOp>},
      {"ThresholdedRelu", 10, kMaxOpset, 1, 1, importThresholdedRelu},
  };
  return ops;
}

} // namespace winnow::import
