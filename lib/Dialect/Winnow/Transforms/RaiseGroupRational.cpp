#include "Dominators.h"
#include "PolynomialForm.h"
#include "PolynomialRoots.h"
#include "winnow/Dialect/Winnow/Transforms/Passes.h"
#include "winnow/Dialect/Winnow/Transforms/Report.h"

#include "llvm/ADT/SetVector.h"
#include "llvm/Support/FormatVariadic.h"
#include <cmath>

using namespace mlir;
using namespace winnow;

namespace winnow {
#define GEN_PASS_DEF_RAISEGROUPRATIONAL
#include "winnow/Dialect/Winnow/Transforms/Passes.h.inc"
} // namespace winnow

namespace {

/// Channels that coefficients are laid out for.
constexpr int64_t kMaxChannels = 1 << 16;

/// A quotient of polynomials in `x`.
struct Rational {
  Value x;
  std::shared_ptr<PolynomialForms> forms;
  SmallVector<Parts> dims; ///< of the quotient
  DenominatorKind kind;
  /// From the constant up, the denominator's without its 1.
  SmallVector<Numbers> numerator, denominator;
};

/// Dimensions of x of which the last one falls into groups.
struct Placement {
  SmallVector<Parts> dims;
  /// The parts of the last dimension that tell the group.
  Parts groups;
};

struct RaiseGroupRational : winnow::impl::RaiseGroupRationalBase<RaiseGroupRational> {
  void runOnOperation() override {
    SiteReporter reporter(getOperation(), "raise-group-rational");
    SmallVector<Operation *> anchors;
    getOperation().walk([&](Operation *op) {
      if (isa<DivOp>(op) || (isa<MulOp>(op) && getInverted(op)))
        anchors.push_back(op);
    });
    for (Operation *anchor : anchors)
      raise(anchor, reporter);
    eraseDeadOps(getOperation());
  }

  /// The operand of a product that is a reciprocal.
  static ReciprocalOp getInverted(Operation *product) {
    for (Value operand : product->getOperands())
      if (auto reciprocal = operand.getDefiningOp<ReciprocalOp>())
        return reciprocal;
    return nullptr;
  }

  /// Numerator and denominator.
  static std::pair<Value, Value> getParts(Operation *anchor) {
    ReciprocalOp reciprocal = isa<DivOp>(anchor) ? nullptr : getInverted(anchor);
    if (!reciprocal)
      return {anchor->getOperand(0), anchor->getOperand(1)};
    bool isLhs = anchor->getOperand(0) == reciprocal.getResult();
    return {anchor->getOperand(isLhs ? 1 : 0), reciprocal.getInput()};
  }

  void raise(Operation *anchor, SiteReporter &reporter) {
    if (!isa<FloatType>(getElementTypeOrSelf(anchor->getResult(0))) ||
        PolynomialForms::isConstantTree(getParts(anchor).second))
      return;
    std::string code, reason;
    std::optional<Rational> found;
    Dominators dominators(anchor->getOperands(), anchor->getBlock(), PolynomialForms::isKnown);
    for (Value x = dominators.next(); x && !found; x = dominators.next()) {
      found = match(anchor, x, code, reason);
      if (!code.empty())
        return reporter.refused(anchor->getLoc(), code, reason);
    }
    if (!found)
      return;
    std::optional<Placement> placement = place(*found);
    // Above x may be movement, before which channels are still the last dimension.
    for (Value above = found->x; isa_and_nonnull<ReshapeOp, TransposeOp>(above.getDefiningOp());) {
      above = above.getDefiningOp()->getOperand(0);
      std::string ignored;
      std::optional<Rational> higher = match(anchor, above, ignored, ignored);
      std::optional<Placement> better = higher ? place(*higher) : std::nullopt;
      if (!better)
        continue;
      found = higher;
      placement = better;
    }
    if (!placement)
      placement = moveChannelsLast(*found);
    if (!placement)
      return reporter.refused(anchor->getLoc(), "group-rational.layout",
                              "the coefficients vary over dimensions that are no channels of x");
    build(anchor, *found, *placement, reporter);
  }

  //===--------------------------------------------------------------------===//
  // Matching
  //===--------------------------------------------------------------------===//

  /// The anchor as a function of `x`. A near miss has a code and a reason.
  std::optional<Rational> match(Operation *anchor, Value x, std::string &code,
                                std::string &reason) {
    unsigned numSymbols = getNumSymbols({x.getType(), anchor->getResult(0).getType()});
    auto forms = std::make_shared<PolynomialForms>(x, numSymbols);
    auto [top, bottom] = getParts(anchor);
    std::optional<PolynomialForm> p = forms->get(top), q = forms->get(bottom);
    if (!p || !q || getElementTypeOrSelf(x) != getElementTypeOrSelf(anchor->getResult(0)))
      return std::nullopt;
    auto refuse = [&](StringRef why, StringRef sentence) -> std::optional<Rational> {
      code = why;
      reason = sentence;
      return std::nullopt;
    };
    // Something over x, or over a number: no activation.
    unsigned degree = p->terms.empty() ? 0 : p->terms.rbegin()->first.power;
    unsigned below = q->terms.empty() ? 0 : q->terms.rbegin()->first.power;
    bool hasAbs = q->scale || llvm::any_of(q->terms, [](auto &term) { return term.first.isAbs; });
    if (p->scale || q->terms.count(Power()) == 0 || degree == 0 ||
        (!hasAbs && degree + below < 3 && below > 0))
      return std::nullopt;
    p = forms->get(top); // whose parts q may have split
    Rational result{x, forms, {}, DenominatorKind::AbsSum, {}, {}};
    if (!joinDims(*forms, *p, *q, result.dims))
      return std::nullopt;
    p->dims = q->dims = result.dims;
    Numbers constant = q->terms.at(Power());
    forms->resolve(constant);
    if (llvm::is_contained(constant.values, 0.0))
      return refuse("group-rational.denominator", "the denominator's constant is 0");
    for (auto &[power, numbers] : p->terms)
      if (power.isAbs)
        return refuse("group-rational.numerator",
                      "the numerator is no polynomial in x: it has |x|");
    const PolynomialTerms *terms = &q->terms;
    if (q->scale) {
      if (below > 0)
        return refuse("group-rational.denominator",
                      "the denominator has terms in x beside its absolute value");
      if (q->inner.count(Power()))
        return refuse("group-rational.denominator",
                      "the denominator's absolute value is of a sum with a constant");
      terms = &q->inner;
    } else {
      bool hasPlainOdd = false, hasAbsEven = false;
      for (auto &[power, numbers] : q->terms) {
        hasPlainOdd |= power.power % 2 && !power.isAbs;
        hasAbsEven |= power.power % 2 == 0 && power.isAbs;
      }
      if (hasAbsEven || (hasPlainOdd && hasAbs))
        return refuse("group-rational.denominator",
                      "the denominator mixes powers of x and powers of |x|");
      result.kind = hasAbs ? DenominatorKind::SumAbsAbsX : DenominatorKind::SumAbsSigned;
    }
    // All coefficients are for a denominator that begins with 1.
    auto scaleDown = [&](Numbers numbers) {
      forms->resolve(numbers);
      return divide(*forms, numbers, constant);
    };
    for (unsigned i = 0; i <= degree; ++i) {
      auto it = p->terms.find({i, false});
      result.numerator.push_back(it == p->terms.end() ? Numbers{{}, {0.0}} : scaleDown(it->second));
    }
    unsigned last = terms->empty() ? 1 : std::max(1u, terms->rbegin()->first.power);
    for (unsigned i = 1; i <= last; ++i) {
      auto it = terms->find({i, hasAbs && !q->scale && i % 2});
      Numbers numbers = it == terms->end() ? Numbers{{}, {0.0}} : scaleDown(it->second);
      if (q->scale) {
        Numbers scale = divide(*forms, *q->scale, constant);
        if (llvm::any_of(scale.values, [](double value) { return value < 0; }))
          return refuse("group-rational.denominator",
                        "the denominator is 1 minus an absolute value");
        numbers = it == terms->end() ? numbers : multiply(*forms, it->second, scale);
      }
      bool isNegative = llvm::any_of(numbers.values, [](double value) { return value < 0; });
      if (isNegative && result.kind == DenominatorKind::SumAbsAbsX)
        return refuse("group-rational.denominator",
                      "a power of |x| in the denominator has a negative coefficient");
      if (isNegative && result.kind == DenominatorKind::SumAbsSigned)
        result.kind = DenominatorKind::Polynomial;
      result.denominator.push_back(numbers);
    }
    return result;
  }

  static bool joinDims(PolynomialForms &forms, PolynomialForm &p, PolynomialForm &q,
                       SmallVector<Parts> &dims) {
    size_t rank = std::max(p.dims.size(), q.dims.size());
    for (PolynomialForm *form : {&p, &q})
      form->dims.insert(form->dims.begin(), rank - form->dims.size(), Parts());
    // Both are of x, so that their dimensions are x's parts already.
    p.dims = forms.resolveDims(p.dims);
    q.dims = forms.resolveDims(q.dims);
    for (auto [mine, theirs] : llvm::zip_equal(p.dims, q.dims)) {
      if (!mine.empty() && !theirs.empty() && mine != theirs)
        return false;
      dims.push_back(mine.empty() ? theirs : mine);
    }
    return true;
  }

  static Numbers combine(PolynomialForms &forms, const Numbers &a, const Numbers &b,
                         function_ref<double(double, double)> function) {
    Numbers result{a.parts, {}};
    for (Part part : b.parts)
      if (!llvm::is_contained(a.parts, part))
        result.parts.push_back(part);
    result.values = forms.expand(a, result.parts);
    std::vector<double> other = forms.expand(b, result.parts);
    for (auto [value, operand] : llvm::zip_equal(result.values, other))
      value = function(value, operand);
    return result;
  }
  static Numbers divide(PolynomialForms &forms, const Numbers &a, const Numbers &b) {
    return combine(forms, a, b, [](double x, double y) { return x / y; });
  }
  static Numbers multiply(PolynomialForms &forms, const Numbers &a, const Numbers &b) {
    return combine(forms, a, b, [](double x, double y) { return x * y; });
  }

  //===--------------------------------------------------------------------===//
  // Placement
  //===--------------------------------------------------------------------===//

  static Parts join(ArrayRef<Parts> dims) {
    Parts all;
    for (const Parts &dim : dims)
      all.append(dim);
    return all;
  }

  static llvm::SmallSetVector<Part, 4> getVarying(const Rational &rational) {
    llvm::SmallSetVector<Part, 4> varying;
    for (const auto *list : {&rational.numerator, &rational.denominator})
      for (const Numbers &numbers : *list)
        for (Part part : rational.forms->resolve(numbers.parts))
          varying.insert(part);
    return varying;
  }

  /// x as it is, if its last dimension tells the coefficients.
  static std::optional<Placement> place(const Rational &rational) {
    Placement result{rational.forms->getBaseDims(), {}};
    if (!isPermutation(join(result.dims), join(rational.forms->resolveDims(rational.dims))))
      return std::nullopt;
    llvm::SmallSetVector<Part, 4> varying = getVarying(rational);
    if (varying.empty())
      return result;
    if (result.dims.empty() || !rational.forms->getStaticSize(result.dims.back()))
      return std::nullopt;
    result.groups = getGroups(result.dims.back(), varying);
    if (llvm::any_of(varying, [&](Part part) { return !llvm::is_contained(result.groups, part); }))
      return std::nullopt;
    return result;
  }

  /// The parts up to the last one that varies.
  static Parts getGroups(ArrayRef<Part> parts, const llvm::SmallSetVector<Part, 4> &varying) {
    while (!parts.empty() && !varying.contains(parts.back()))
      parts = parts.drop_back();
    return Parts(parts);
  }

  static bool isPermutation(Parts a, Parts b) {
    llvm::sort(a);
    llvm::sort(b);
    return a == b;
  }

  /// Channels become the last dimension: with what follows them, where that is not
  /// much, else by a transpose.
  static std::optional<Placement> moveChannelsLast(const Rational &rational) {
    Parts parts = join(rational.forms->getBaseDims());
    if (!isPermutation(parts, join(rational.forms->resolveDims(rational.dims))))
      return std::nullopt;
    llvm::SmallSetVector<Part, 4> varying = getVarying(rational);
    auto isVarying = [&](Part part) { return varying.contains(part); };
    Parts rest(llvm::find_if(parts, isVarying), parts.end());
    std::optional<int64_t> size = rational.forms->getStaticSize(rest);
    if (!size || *size > kMaxChannels) {
      std::stable_partition(parts.begin(), parts.end(),
                            [&](Part part) { return !isVarying(part); });
      rest = Parts(llvm::find_if(parts, isVarying), parts.end());
      size = rational.forms->getStaticSize(rest);
    }
    if (rest.empty() || !size || *size > kMaxChannels)
      return std::nullopt;
    Placement result;
    for (Part part : ArrayRef(parts).drop_back(rest.size()))
      result.dims.push_back({part});
    result.dims.push_back(rest);
    result.groups = getGroups(rest, varying);
    return result;
  }

  //===--------------------------------------------------------------------===//
  // Building
  //===--------------------------------------------------------------------===//

  /// `value` of dimensions `from` with the dimensions `to`, which have the same parts.
  static Value move(OpBuilder &builder, Location loc, PolynomialForms &forms, Value value,
                    ArrayRef<Parts> from, ArrayRef<Parts> to, RankedTensorType type) {
    Parts in = join(from), out = join(to);
    if (in != out) {
      unsigned numSymbols = getNumSymbols({value.getType(), type});
      Dims sizes;
      SmallVector<int64_t> permutation;
      for (Part part : in)
        sizes.push_back(forms.getSize(part));
      for (Part part : out)
        permutation.push_back(llvm::find(in, part) - in.begin());
      value = createTranspose(builder, loc, reshapeTo(builder, loc, value, sizes, numSymbols),
                              permutation);
    }
    return reshapeTo(builder, loc, value, type);
  }

  static RankedTensorType getType(PolynomialForms &forms, ArrayRef<Parts> dims, Value like) {
    Dims sizes;
    for (const Parts &parts : dims) {
      AffineExpr size = getAffineConstantExpr(1, like.getContext());
      for (Part part : parts)
        size = size * forms.getSize(part);
      sizes.push_back(size);
    }
    return getTensorType(sizes, getElementTypeOrSelf(like), getNumSymbols(like.getType()));
  }

  /// Rows of coefficients: one for each group, or one.
  static DenseElementsAttr getTable(PolynomialForms &forms, ArrayRef<Numbers> list,
                                    ArrayRef<Part> groups, Type element) {
    bool varies = false;
    for (const Numbers &numbers : list)
      varies |= !numbers.parts.empty();
    if (!varies)
      groups = {};
    SmallVector<std::vector<double>> columns;
    for (Numbers numbers : list) {
      forms.resolve(numbers);
      columns.push_back(forms.expand(numbers, groups));
    }
    SmallVector<APFloat> values;
    int64_t rows = columns.front().size(), width = columns.size();
    for (int64_t row = 0; row < rows; ++row)
      for (const std::vector<double> &column : columns) {
        APFloat value(column[row]);
        bool losesInfo;
        value.convert(cast<FloatType>(element).getFloatSemantics(), APFloat::rmNearestTiesToEven,
                      &losesInfo);
        values.push_back(value);
      }
    return DenseElementsAttr::get(RankedTensorType::get({rows, width}, element), values);
  }

  void build(Operation *anchor, const Rational &rational, const Placement &placement,
             SiteReporter &reporter) {
    PolynomialForms &forms = *rational.forms;
    OpBuilder builder(anchor);
    Location loc = anchor->getLoc();
    Value x = rational.x;
    Type element =
        getElementTypeOrSelf(x).isF64() ? Type(builder.getF64Type()) : Type(builder.getF32Type());
    auto function =
        RationalAttr::get(&getContext(), rational.kind,
                          getTable(forms, rational.numerator, placement.groups, element),
                          getTable(forms, rational.denominator, placement.groups, element));
    SmallVector<Parts> dims = forms.getBaseDims();
    RankedTensorType type = getTensorType(x);
    if (placement.dims != dims)
      type = getType(forms, placement.dims, x);
    x = move(builder, loc, forms, x, dims, placement.dims, type);
    Value y = GroupRationalOp::create(builder, loc, x.getType(), x, function);
    y = move(builder, loc, forms, y, placement.dims, forms.resolveDims(rational.dims),
             getTensorType(anchor->getResult(0)));
    anchor->getResult(0).replaceAllUsesWith(y);
    report(loc, function, reporter);
  }

  static void report(Location loc, RationalAttr function, SiteReporter &reporter) {
    int64_t groups = function.getNumGroups();
    reporter.applied(loc, "group-rational.raised",
                     llvm::formatv("raised to group_rational: {0} {1}, degree {2}/{3}, {4}", groups,
                                   groups == 1 ? "group" : "groups", function.getNumeratorDegree(),
                                   function.getDenominatorDegree(),
                                   stringifyDenominatorKind(function.getKind())));
    if (function.getKind() != DenominatorKind::SumAbsSigned &&
        function.getKind() != DenominatorKind::Polynomial)
      return;
    int64_t affected = 0;
    SmallVector<Interval> all;
    for (int64_t group = 0; group < groups; ++group) {
      SmallVector<Interval> own = findNonPositive(function.getDenominatorOf(group));
      affected += !own.empty();
      all.append(own);
    }
    if (all.empty())
      return;
    std::string where;
    for (const Interval &interval : unite(all)) {
      where += where.empty() ? "" : " and ";
      if (std::isinf(interval.first))
        where += llvm::formatv("x <= {0:f4}", interval.second);
      else if (std::isinf(interval.second))
        where += llvm::formatv("x >= {0:f4}", interval.first);
      else
        where += llvm::formatv("x from {0:f4} to {1:f4}", interval.first, interval.second);
    }
    reporter.applied(
        loc, "group-rational.pole",
        llvm::formatv("the denominator reaches 0 in {0} of {1} groups: it is 0 or below "
                      "for {2}",
                      affected, groups, where));
  }
};
} // namespace
