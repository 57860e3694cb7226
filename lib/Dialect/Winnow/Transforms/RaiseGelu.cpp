#include "Utils.h"
#include "winnow/Dialect/Winnow/Transforms/Passes.h"
#include "winnow/Dialect/Winnow/Transforms/Report.h"

#include "llvm/ADT/SetVector.h"
#include "llvm/Support/FormatVariadic.h"
#include <cmath>

using namespace mlir;
using namespace winnow;

namespace winnow {
#define GEN_PASS_DEF_RAISEGELU
#include "winnow/Dialect/Winnow/Transforms/Passes.h.inc"
} // namespace winnow

/// Coefficients from the constant up; GELU needs degree 3.
using Polynomial = SmallVector<double, 4>;
static constexpr unsigned kMaxDegree = 3;
/// Argument chains are five ops deep at most.
static constexpr unsigned kMaxDepth = 6;

static std::optional<Polynomial> multiply(const Polynomial &a, const Polynomial &b) {
  Polynomial product(a.size() + b.size() - 1, 0.0);
  for (size_t i = 0; i < a.size(); ++i)
    for (size_t j = 0; j < b.size(); ++j)
      product[i + j] += a[i] * b[j];
  if (product.size() > kMaxDegree + 1)
    return std::nullopt;
  return product;
}

/// a * p + b * q
static Polynomial addScaled(const Polynomial &p, double a, const Polynomial &q, double b) {
  Polynomial sum(std::max(p.size(), q.size()), 0.0);
  for (size_t i = 0; i < sum.size(); ++i)
    sum[i] = (i < p.size() ? a * p[i] : 0) + (i < q.size() ? b * q[i] : 0);
  return sum;
}

/// `value` as a polynomial in `x`, null if it is none.
static std::optional<Polynomial> getPolynomial(Value value, Value x, unsigned depth = 0) {
  if (value == x)
    return Polynomial{0, 1};
  if (std::optional<double> constant = getScalarConstant(value))
    return Polynomial{*constant};
  Operation *op = value.getDefiningOp();
  if (!isa_and_nonnull<AddOp, SubOp, MulOp, DivOp, PowOp>(op) || depth > kMaxDepth ||
      op->getResult(0).getType() != x.getType())
    return std::nullopt;
  auto lhs = getPolynomial(op->getOperand(0), x, depth + 1);
  if (!lhs)
    return std::nullopt;
  if (isa<DivOp, PowOp>(op)) {
    std::optional<double> constant = getScalarConstant(op->getOperand(1));
    if (!constant)
      return std::nullopt;
    if (isa<DivOp>(op))
      return multiply(*lhs, {1 / *constant});
    if (*constant != 2 && *constant != 3)
      return std::nullopt;
    auto power = multiply(*lhs, *lhs);
    return power && *constant == 3 ? multiply(*power, *lhs) : power;
  }
  auto rhs = getPolynomial(op->getOperand(1), x, depth + 1);
  if (!rhs)
    return std::nullopt;
  if (isa<MulOp>(op))
    return multiply(*lhs, *rhs);
  return addScaled(*lhs, 1, *rhs, isa<SubOp>(op) ? -1 : 1);
}

/// Exporters round constants to the tensor's type, and people to four digits.
static double getTolerance(Type type) {
  Type elementType = getElementTypeOrSelf(type);
  return elementType.isBF16() ? 8e-3 : elementType.isF16() ? 2e-3 : 1e-4;
}

static bool isNear(double value, double expected, double tolerance) {
  return std::fabs(value - expected) <= tolerance * std::fabs(expected);
}

static bool isNear(const Polynomial &polynomial, ArrayRef<double> expected, double tolerance) {
  for (size_t i = 0; i < std::max<size_t>(polynomial.size(), expected.size()); ++i)
    if (!isNear(i < polynomial.size() ? polynomial[i] : 0, i < expected.size() ? expected[i] : 0,
                tolerance))
      return false;
  return true;
}

static std::string toString(const Polynomial &polynomial) {
  std::string text;
  for (auto [i, coefficient] : llvm::enumerate(polynomial))
    if (coefficient != 0)
      text += llvm::formatv("{0}{1} x^{2}", text.empty() ? "" : " + ", coefficient, i);
  return text;
}

/// What `x` may be: everything that the argument is computed from, nearest first.
static llvm::SetVector<Value> getCandidates(Value argument) {
  llvm::SetVector<Value> candidates;
  SmallVector<Value> level = {argument};
  for (unsigned depth = 0; depth < kMaxDepth; ++depth) {
    SmallVector<Value> next;
    for (Value value : level)
      if (candidates.insert(value) && isa_and_nonnull<AddOp, SubOp, MulOp, DivOp, PowOp>(value.getDefiningOp()))
        for (Value operand : value.getDefiningOp()->getOperands())
          if (operand.getType() == argument.getType())
            next.push_back(operand);
    level = std::move(next);
  }
  return candidates;
}

namespace {
struct RaiseGelu : winnow::impl::RaiseGeluBase<RaiseGelu> {
  void runOnOperation() override {
    SiteReporter reporter(getOperation(), "raise-gelu");
    SmallVector<Operation *> anchors;
    getOperation().walk([&](Operation *op) {
      if (isa<ErfOp, TanhOp>(op))
        anchors.push_back(op);
    });
    for (Operation *anchor : anchors)
      raise(anchor, reporter);
    eraseDeadOps(getOperation());
  }

  void raise(Operation *anchor, SiteReporter &reporter) {
    bool isTanh = isa<TanhOp>(anchor);
    Location loc = anchor->getLoc();
    Value argument = anchor->getOperand(0);
    double scale = std::sqrt(2 / M_PI);
    Polynomial expected = isTanh ? Polynomial{0, scale, 0, scale * 0.044715}
                                 : Polynomial{0, 1 / std::sqrt(2.0)};
    double tolerance = getTolerance(argument.getType());
    Value x;
    std::optional<Polynomial> closest;
    for (Value candidate : getCandidates(argument)) {
      std::optional<Polynomial> polynomial = getPolynomial(argument, candidate);
      if (!polynomial)
        continue;
      if (isNear(*polynomial, expected, tolerance)) {
        x = candidate;
        break;
      }
      if (polynomial->size() == expected.size())
        closest = polynomial;
    }
    // Most tanh are poolers and gates: only one plus a tanh is a near miss.
    bool isNearMiss = hasSumWithOne(anchor);
    if (!x) {
      if (isNearMiss)
        reporter.refused(loc, "gelu.argument",
                         "expected the argument " + toString(expected) + ", got " +
                             (closest ? toString(*closest) : std::string("another form")));
      return;
    }
    Operation *root = getRoot(anchor, x, tolerance);
    if (!root) {
      if (isNearMiss)
        reporter.refused(loc, "gelu.form",
                         "1 + " + Twine(isTanh ? "tanh" : "erf") +
                             " is not multiplied by x and 0.5 alone");
      return;
    }
    OpBuilder builder(root);
    Value gelu = GeluOp::create(builder, root->getLoc(), x.getType(), x, isTanh);
    reporter.applied(root->getLoc(), "gelu.raised",
                     isTanh ? "raised the tanh form to gelu" : "raised the erf form to gelu");
    root->getResult(0).replaceAllUsesWith(gelu);
  }

  static bool hasSumWithOne(Operation *anchor) {
    return llvm::any_of(anchor->getUsers(), [](Operation *user) {
      return isa<AddOp>(user) && (isScalarConstant(user->getOperand(0), 1) ||
                                  isScalarConstant(user->getOperand(1), 1));
    });
  }

  /// Follows sums and products with polynomials in x from the anchor t, until
  /// they amount to x / 2 + x / 2 t.
  static Operation *getRoot(Operation *anchor, Value x, double tolerance) {
    const Polynomial half = {0, 0.5};
    Polynomial constant = {0}, factor = {1};
    Value current = anchor->getResult(0);
    while (current.hasOneUse()) {
      Operation *user = *current.getUsers().begin();
      if (!isa<AddOp, SubOp, MulOp, DivOp>(user) || user->getResult(0).getType() != x.getType())
        return nullptr;
      bool isLhs = user->getOperand(0) == current;
      auto other = getPolynomial(user->getOperand(isLhs ? 1 : 0), x);
      if (!other)
        return nullptr;
      if (isa<AddOp, SubOp>(user)) {
        double sign = isa<SubOp>(user) ? -1 : 1;
        constant = addScaled(constant, isLhs ? 1 : sign, *other, isLhs ? sign : 1);
        factor = addScaled(factor, isLhs ? 1 : sign, {0}, 0);
      } else {
        if (isa<DivOp>(user)) {
          if (!isLhs || other->size() != 1)
            return nullptr;
          other = Polynomial{1 / other->front()};
        }
        auto a = multiply(constant, *other), b = multiply(factor, *other);
        if (!a || !b || b->size() > 2)
          return nullptr;
        constant = *a;
        factor = *b;
      }
      if (isNear(constant, half, tolerance) && isNear(factor, half, tolerance))
        return user;
      current = user->getResult(0);
    }
    return nullptr;
  }
};
} // namespace
