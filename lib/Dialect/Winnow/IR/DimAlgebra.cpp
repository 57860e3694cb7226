#include "winnow/Dialect/Winnow/IR/DimAlgebra.h"

#include "llvm/Support/MathExtras.h"
#include <map>
#include <numeric>

using namespace mlir;

namespace winnow {
namespace {

/// Symbols come in order of their positions, before divisions and remainders.
bool precedes(AffineExpr a, AffineExpr b) {
  auto x = dyn_cast<AffineSymbolExpr>(a), y = dyn_cast<AffineSymbolExpr>(b);
  if (x && y)
    return x.getPosition() < y.getPosition();
  if (x || y)
    return bool(x);
  return a != b && toString(a) < toString(b);
}

/// What no dimension of a real model comes near to: beyond it, expressions are
/// left as they are, and the importer refuses them (isSimpleDim). Products of
/// sums would grow exponentially.
constexpr size_t kMaxTerms = 256, kMaxDegree = 32, kMaxDepth = 512, kMaxNodes = 1024;

/// A sorted product of unknowns.
using Monomial = SmallVector<AffineExpr, 2>;

/// Graded lexicographic, larger monomials first: an order that is compatible
/// with multiplication, as polynomial division needs.
struct MonomialOrder {
  bool operator()(const Monomial &a, const Monomial &b) const {
    if (a.size() != b.size())
      return a.size() > b.size();
    for (auto [x, y] : llvm::zip_equal(a, b)) {
      if (x != y)
        return precedes(x, y);
    }
    return false;
  }
};

struct Polynomial {
  std::map<Monomial, int64_t, MonomialOrder> terms;
  /// A coefficient exceeded 64 bits, or the polynomial a limit: it has no use.
  bool overflow = false;

  void addTerm(const Monomial &monomial, int64_t coefficient) {
    if (terms.size() >= kMaxTerms || monomial.size() > kMaxDegree)
      overflow = true;
    if (overflow)
      return;
    auto [it, inserted] = terms.try_emplace(monomial, 0);
    overflow |= llvm::AddOverflow(it->second, coefficient, it->second);
    if (it->second == 0)
      terms.erase(it);
  }
  void addProduct(const Polynomial &a, const Polynomial &b, int64_t sign = 1) {
    overflow |= a.overflow || b.overflow;
    for (const auto &[x, c] : a.terms) {
      for (const auto &[y, d] : b.terms) {
        if (overflow)
          return;
        Monomial product;
        std::merge(x.begin(), x.end(), y.begin(), y.end(), std::back_inserter(product), precedes);
        int64_t coefficient;
        overflow |= llvm::MulOverflow(c, d, coefficient);
        overflow |= llvm::MulOverflow(coefficient, sign, coefficient);
        addTerm(product, coefficient);
      }
    }
  }
  std::optional<int64_t> getConstant() const {
    if (terms.empty())
      return 0;
    if (terms.size() == 1 && terms.begin()->first.empty())
      return terms.begin()->second;
    return std::nullopt;
  }
};

AffineExpr build(const Polynomial &polynomial, MLIRContext *context) {
  AffineExpr sum;
  for (const auto &[monomial, coefficient] : polynomial.terms) {
    AffineExpr product;
    for (AffineExpr unknown : monomial)
      product = product ? product * unknown : unknown;
    product = product ? product * coefficient : getAffineConstantExpr(coefficient, context);
    sum = sum ? sum + product : product;
  }
  return sum ? sum : getAffineConstantExpr(0, context);
}

Polynomial expand(AffineExpr expr, unsigned depth = 0);

/// One term divided by another, if that is exact.
std::optional<std::pair<Monomial, int64_t>>
divideTerm(const std::pair<const Monomial, int64_t> &a,
           const std::pair<const Monomial, int64_t> &b) {
  if (b.second == 0 || (a.second == INT64_MIN && b.second == -1) || a.second % b.second != 0)
    return std::nullopt;
  if (!std::includes(a.first.begin(), a.first.end(), b.first.begin(), b.first.end(), precedes))
    return std::nullopt;
  Monomial rest;
  std::set_difference(a.first.begin(), a.first.end(), b.first.begin(), b.first.end(),
                      std::back_inserter(rest), precedes);
  return std::pair(rest, a.second / b.second);
}

/// Polynomial long division; absent if there is a remainder.
std::optional<Polynomial> divideExactly(Polynomial dividend, const Polynomial &divisor) {
  Polynomial quotient;
  if (divisor.terms.empty() || divisor.overflow || dividend.overflow)
    return std::nullopt;
  while (!dividend.terms.empty()) {
    auto term = divideTerm(*dividend.terms.begin(), *divisor.terms.begin());
    if (!term || dividend.overflow)
      return std::nullopt;
    Polynomial factor;
    factor.addTerm(term->first, term->second);
    quotient.addTerm(term->first, term->second);
    dividend.addProduct(factor, divisor, -1);
  }
  return quotient;
}

/// A division or remainder as an unknown of its own.
Polynomial makeAtom(AffineExprKind kind, const Polynomial &lhs, const Polynomial &rhs,
                    MLIRContext *context, unsigned depth) {
  AffineExpr atom = getAffineBinaryOpExpr(kind, build(lhs, context), build(rhs, context));
  // Upstream may see more than we do; what it returns is normalised in turn.
  if (atom.getKind() != kind)
    return expand(atom, depth + 1);
  Polynomial result;
  result.addTerm({atom}, 1);
  return result;
}

/// floor((floor(x / a) + c) / b) is floor((x + a c) / (a b)): makes that of `sum`
/// and the divisor `b`, if the sum is such a one.
void joinDivisions(Polynomial &sum, int64_t &b, unsigned depth) {
  const auto &[monomial, coefficient] = *sum.terms.begin();
  auto inner = monomial.size() == 1 ? dyn_cast<AffineBinaryOpExpr>(monomial[0]) : nullptr;
  auto a = inner ? dyn_cast<AffineConstantExpr>(inner.getRHS()) : nullptr;
  bool isOnly = sum.terms.size() == 1 || (sum.terms.size() == 2 && sum.terms.count({}));
  if (!a || inner.getKind() != AffineExprKind::FloorDiv || coefficient != 1 || !isOnly)
    return;
  int64_t c = sum.terms.size() == 2 ? sum.terms[{}] : 0, joint;
  Polynomial dividend = expand(inner.getLHS(), depth + 1);
  if (a.getValue() <= 0 || llvm::MulOverflow(a.getValue(), b, joint) ||
      llvm::MulOverflow(a.getValue(), c, c))
    return;
  dividend.addTerm({}, c);
  if (dividend.overflow)
    return;
  sum = std::move(dividend);
  b = joint;
}

Polynomial expandDivision(AffineBinaryOpExpr expr, unsigned depth) {
  AffineExprKind kind = expr.getKind();
  MLIRContext *context = expr.getContext();
  Polynomial lhs = expand(expr.getLHS(), depth + 1), rhs = expand(expr.getRHS(), depth + 1);
  std::optional<int64_t> divisor = rhs.getConstant();
  Polynomial whole, rest;
  whole.overflow = lhs.overflow || rhs.overflow;
  if (whole.overflow)
    return whole;
  if (!divisor || *divisor <= 0) {
    if (kind != AffineExprKind::Mod)
      if (std::optional<Polynomial> quotient = divideExactly(lhs, rhs))
        return *quotient;
    return makeAtom(kind, lhs, rhs, context, depth);
  }
  if (kind == AffineExprKind::CeilDiv) {
    // ceil(a / b) = floor((a + b - 1) / b), so that one of the two is enough.
    lhs.addTerm({}, *divisor - 1);
    kind = AffineExprKind::FloorDiv;
  }
  // Whole multiples of the divisor leave a floor division and a remainder.
  for (const auto &[monomial, coefficient] : lhs.terms) {
    int64_t quotient = llvm::divideFloorSigned(coefficient, *divisor);
    int64_t remainder = llvm::mod(coefficient, *divisor);
    bool isSplit = remainder == 0 || monomial.empty() || kind == AffineExprKind::Mod;
    if (isSplit && quotient != 0)
      whole.addTerm(monomial, quotient);
    if (!isSplit || remainder != 0)
      rest.addTerm(monomial, isSplit ? remainder : coefficient);
  }
  whole.overflow |= lhs.overflow;
  if (whole.overflow)
    return whole;
  if (kind == AffineExprKind::Mod)
    return rest.getConstant() ? rest : makeAtom(kind, rest, rhs, context, depth);
  if (rest.getConstant())
    return whole;
  joinDivisions(rest, *divisor, depth);
  rhs = Polynomial();
  rhs.addTerm({}, *divisor);
  Polynomial atom = makeAtom(kind, rest, rhs, context, depth);
  for (const auto &[monomial, coefficient] : atom.terms)
    whole.addTerm(monomial, coefficient);
  whole.overflow |= atom.overflow;
  return whole;
}

Polynomial expand(AffineExpr expr, unsigned depth) {
  Polynomial result;
  result.overflow = depth > kMaxDepth;
  if (result.overflow)
    return result;
  switch (expr.getKind()) {
  case AffineExprKind::Constant:
    if (int64_t value = cast<AffineConstantExpr>(expr).getValue())
      result.addTerm({}, value);
    return result;
  case AffineExprKind::SymbolId:
  case AffineExprKind::DimId:
    result.addTerm({expr}, 1);
    return result;
  case AffineExprKind::Add: {
    auto binary = cast<AffineBinaryOpExpr>(expr);
    result = expand(binary.getLHS(), depth + 1);
    Polynomial rhs = expand(binary.getRHS(), depth + 1);
    for (const auto &[monomial, coefficient] : rhs.terms)
      result.addTerm(monomial, coefficient);
    result.overflow |= rhs.overflow;
    return result;
  }
  case AffineExprKind::Mul: {
    auto binary = cast<AffineBinaryOpExpr>(expr);
    result.addProduct(expand(binary.getLHS(), depth + 1), expand(binary.getRHS(), depth + 1));
    return result;
  }
  default:
    return expandDivision(cast<AffineBinaryOpExpr>(expr), depth);
  }
}

/// Takes the nodes of the tree from `budget`; false once there are too many.
bool countNodes(AffineExpr expr, size_t &budget) {
  if (budget-- == 0)
    return false;
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  return !binary || (countNodes(binary.getLHS(), budget) && countNodes(binary.getRHS(), budget));
}

} // namespace

AffineExpr productDim(ArrayRef<AffineExpr> dims, MLIRContext *context) {
  return normalizeDim(getNumElements(dims, context));
}

bool isSimpleDim(AffineExpr dim) {
  size_t budget = kMaxNodes;
  return !dim || countNodes(dim, budget);
}

AffineExpr normalizeDim(AffineExpr dim) {
  if (!dim || isa<AffineConstantExpr, AffineSymbolExpr>(dim))
    return dim;
  Polynomial polynomial = expand(dim);
  return polynomial.overflow ? dim : build(polynomial, dim.getContext());
}

AffineExpr divideDim(AffineExpr dividend, AffineExpr divisor) {
  std::optional<Polynomial> quotient = divideExactly(expand(dividend), expand(divisor));
  if (!quotient || quotient->overflow)
    return nullptr;
  return build(*quotient, dividend.getContext());
}

/// The factors that all terms share, the constant among them positive.
static std::pair<Monomial, int64_t> getContent(const Polynomial &polynomial) {
  std::pair<Monomial, int64_t> content(polynomial.terms.begin()->first, 0);
  for (const auto &[monomial, coefficient] : polynomial.terms) {
    content.second = std::gcd(content.second, coefficient);
    Monomial both;
    std::set_intersection(content.first.begin(), content.first.end(), monomial.begin(),
                          monomial.end(), std::back_inserter(both), precedes);
    content.first = both;
  }
  return content;
}

AffineExpr getPrimitivePart(AffineExpr dim) {
  Polynomial polynomial = expand(dim);
  if (polynomial.terms.empty() || polynomial.overflow)
    return dim;
  Polynomial content;
  auto [monomial, factor] = getContent(polynomial);
  content.addTerm(monomial, factor);
  std::optional<Polynomial> quotient = divideExactly(polynomial, content);
  return quotient ? build(*quotient, dim.getContext()) : dim;
}

void cancelFactors(AffineExpr &a, AffineExpr &b) {
  Polynomial x = expand(a), y = expand(b);
  if (x.terms.empty() || y.terms.empty() || x.overflow || y.overflow)
    return;
  auto [left, leftFactor] = getContent(x);
  auto [right, rightFactor] = getContent(y);
  Monomial both;
  std::set_intersection(left.begin(), left.end(), right.begin(), right.end(),
                        std::back_inserter(both), precedes);
  Polynomial shared;
  shared.addTerm(both, std::gcd(leftFactor, rightFactor));
  std::optional<Polynomial> p = divideExactly(x, shared), q = divideExactly(y, shared);
  if (!p || !q)
    return;
  a = build(*p, a.getContext());
  b = build(*q, b.getContext());
}

//===----------------------------------------------------------------------===//
// Ranges
//===----------------------------------------------------------------------===//

static std::optional<int64_t> mulBound(std::optional<int64_t> a, std::optional<int64_t> b) {
  int64_t result;
  if (!a || !b || llvm::MulOverflow(*a, *b, result))
    return std::nullopt;
  return result;
}

static std::optional<int64_t> addBound(std::optional<int64_t> a, std::optional<int64_t> b) {
  int64_t result;
  if (!a || !b || llvm::AddOverflow(*a, *b, result))
    return std::nullopt;
  return result;
}

static DimRange getAtomRange(AffineExpr atom, ArrayRef<SymbolInfo> symbols) {
  if (auto symbol = dyn_cast<AffineSymbolExpr>(atom)) {
    if (symbol.getPosition() >= symbols.size())
      return {0, std::nullopt};
    const SymbolInfo &info = symbols[symbol.getPosition()];
    return {info.min, info.max == INT64_MAX ? std::nullopt : std::optional(info.max)};
  }
  auto binary = dyn_cast<AffineBinaryOpExpr>(atom);
  std::optional<int64_t> divisor = binary ? getConstantDim(binary.getRHS()) : std::nullopt;
  if (!divisor || *divisor <= 0)
    return {};
  if (atom.getKind() == AffineExprKind::Mod)
    return {0, *divisor - 1};
  DimRange range = getDimRange(binary.getLHS(), symbols);
  if (range.min)
    range.min = llvm::divideFloorSigned(*range.min, *divisor);
  if (range.max)
    range.max = llvm::divideFloorSigned(*range.max, *divisor);
  return range;
}

DimRange getDimRange(AffineExpr dim, ArrayRef<SymbolInfo> symbols) {
  Polynomial polynomial = expand(dim);
  if (polynomial.overflow)
    return {};
  DimRange sum{0, 0};
  for (const auto &[monomial, coefficient] : polynomial.terms) {
    DimRange product{1, 1};
    for (AffineExpr atom : monomial) {
      DimRange range = getAtomRange(atom, symbols);
      // Products of unknowns that may be negative are not worth the cases.
      bool isNonNegative = range.min && *range.min >= 0;
      product.min = isNonNegative ? mulBound(product.min, range.min) : std::nullopt;
      product.max = isNonNegative ? mulBound(product.max, range.max) : std::nullopt;
      if (monomial.size() == 1)
        product = range;
    }
    if (coefficient < 0)
      std::swap(product.min, product.max);
    sum.min = addBound(sum.min, mulBound(product.min, coefficient));
    sum.max = addBound(sum.max, mulBound(product.max, coefficient));
  }
  return sum;
}

bool areDifferent(AffineExpr a, AffineExpr b, ArrayRef<SymbolInfo> symbols) {
  cancelFactors(a, b);
  DimRange range = getDimRange(a - b, symbols);
  return (range.min && *range.min > 0) || (range.max && *range.max < 0);
}

std::optional<LinearDim> getLinearDim(AffineExpr dim) {
  std::optional<int64_t> factor = 1, offset = 0;
  auto sum = dyn_cast<AffineBinaryOpExpr>(dim);
  if (sum && sum.getKind() == AffineExprKind::Add) {
    dim = sum.getLHS();
    offset = getConstantDim(sum.getRHS());
  }
  auto product = dyn_cast<AffineBinaryOpExpr>(dim);
  if (product && product.getKind() == AffineExprKind::Mul) {
    dim = product.getLHS();
    factor = getConstantDim(product.getRHS());
  }
  auto symbol = dyn_cast<AffineSymbolExpr>(dim);
  if (!symbol || !offset || !factor || *factor < 1)
    return std::nullopt;
  return LinearDim{symbol.getPosition(), *factor, *offset};
}

std::optional<int64_t> getLinearCoefficient(AffineExpr dim, unsigned symbol) {
  Polynomial polynomial = expand(dim);
  std::optional<int64_t> result;
  if (polynomial.overflow)
    return std::nullopt;
  AffineExpr wanted = getAffineSymbolExpr(symbol, dim.getContext());
  for (const auto &[monomial, coefficient] : polynomial.terms) {
    if (monomial.size() == 1 && monomial[0] == wanted)
      result = coefficient;
    else if (llvm::any_of(monomial, [&](AffineExpr atom) { return atom.isFunctionOfSymbol(symbol); }))
      return std::nullopt;
  }
  return result;
}

AffineExpr getDataBound(AffineExpr dim, ArrayRef<SymbolInfo> symbols, bool isUpper) {
  if (!dependsOnData(dim, symbols))
    return dim;
  MLIRContext *context = dim.getContext();
  if (auto symbol = dyn_cast<AffineSymbolExpr>(dim))
    return isUpper ? dim
                   : getAffineConstantExpr(symbols[symbol.getPosition()].min, context);
  auto binary = cast<AffineBinaryOpExpr>(dim);
  AffineExpr lhs = binary.getLHS(), rhs = binary.getRHS();
  auto bound = [&](AffineExpr part, bool isUpperOfPart) {
    return getDataBound(part, symbols, isUpperOfPart);
  };
  // By the least divisor, and one is the least that divides.
  auto divisor = [&] {
    AffineExpr least = bound(rhs, !isUpper);
    auto constant = dyn_cast<AffineConstantExpr>(least);
    return constant && constant.getValue() < 1 ? getAffineConstantExpr(1, context) : least;
  };
  switch (dim.getKind()) {
  case AffineExprKind::Add:
    return bound(lhs, isUpper) + bound(rhs, isUpper);
  case AffineExprKind::Mul:
    // Sizes are not negative, but a constant factor may be.
    if (auto factor = dyn_cast<AffineConstantExpr>(rhs))
      return bound(lhs, isUpper == (factor.getValue() >= 0)) * rhs;
    return bound(lhs, isUpper) * bound(rhs, isUpper);
  case AffineExprKind::FloorDiv:
    return bound(lhs, isUpper).floorDiv(divisor());
  case AffineExprKind::CeilDiv:
    return bound(lhs, isUpper).ceilDiv(divisor());
  default:
    // A remainder is below its divisor.
    return isUpper ? bound(rhs, true) - 1 : getAffineConstantExpr(0, context);
  }
}

} // namespace winnow
