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
  lhs->resize(std::max(lhs->size(), rhs->size()), 0.0);
  for (size_t i = 0; i < rhs->size(); ++i)
    (*lhs)[i] += isa<SubOp>(op) ? -(*rhs)[i] : (*rhs)[i];
  return lhs;
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
    // Most tanh are poolers and gates: only one plus a tanh is a near miss.
    AddOp sum = getSumWithOne(anchor);
    if (!sum)
      return;
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
    if (!x)
      return reporter.refused(loc, "gelu.argument",
                              "expected the argument " + toString(expected) + ", got " +
                                  (closest ? toString(*closest) : std::string("another form")));

    Operation *root = getRoot(sum, x, tolerance);
    if (!root)
      return reporter.refused(loc, "gelu.form",
                              "1 + " + Twine(isTanh ? "tanh" : "erf") +
                                  " is not multiplied by x and 0.5 alone");
    OpBuilder builder(root);
    Value gelu = GeluOp::create(builder, root->getLoc(), x.getType(), x, isTanh);
    reporter.applied(root->getLoc(), "gelu.raised",
                     isTanh ? "raised the tanh form to gelu" : "raised the erf form to gelu");
    root->getResult(0).replaceAllUsesWith(gelu);
  }

  /// The sum 1 + anchor, if that is the anchor's only use.
  AddOp getSumWithOne(Operation *anchor) {
    if (!anchor->hasOneUse())
      return nullptr;
    auto sum = dyn_cast<AddOp>(*anchor->getUsers().begin());
    if (!sum || sum.getType() != anchor->getResult(0).getType() ||
        !(isScalarConstant(sum.getLhs(), 1) || isScalarConstant(sum.getRhs(), 1)))
      return nullptr;
    return sum;
  }

  /// Follows products from the sum until they amount to x / 2 times it.
  Operation *getRoot(AddOp sum, Value x, double tolerance) {
    Value current = sum.getResult();
    Polynomial factor = {1};
    while (current.hasOneUse()) {
      Operation *user = *current.getUsers().begin();
      if (!isa<MulOp, DivOp>(user) || user->getResult(0).getType() != x.getType())
        return nullptr;
      bool isLhs = user->getOperand(0) == current;
      Value other = user->getOperand(isLhs ? 1 : 0);
      std::optional<Polynomial> polynomial;
      if (isa<MulOp>(user))
        polynomial = getPolynomial(other, x);
      else if (std::optional<double> divisor = getScalarConstant(other); divisor && isLhs)
        polynomial = Polynomial{1 / *divisor};
      if (!polynomial)
        return nullptr;
      std::optional<Polynomial> product = multiply(factor, *polynomial);
      if (!product || product->size() > 2)
        return nullptr;
      factor = *product;
      if (isNear(factor, {0, 0.5}, tolerance))
        return user;
      current = user->getResult(0);
    }
    return nullptr;
  }
};
} // namespace
