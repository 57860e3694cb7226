//===- PiecewiseForm.cpp - Polynomials on pieces of the axis --------------===//
//
// Conditions on x are 0 or 1 on each piece: numbers that vary over the pieces as others
// vary over channels.
//
//===----------------------------------------------------------------------===//

#include "PolynomialForm.h"

#include "llvm/ADT/TypeSwitch.h"
#include <cmath>

using namespace mlir;
using namespace winnow;

bool PolynomialForms::isConditional(Operation *op) {
  if (auto cast = dyn_cast_or_null<CastOp>(op)) {
    // A condition as a number, or a wider float, in which TorchScript looks for infinity.
    Type from = getElementTypeOrSelf(cast.getInput()), to = getElementTypeOrSelf(cast.getType());
    return isa<FloatType>(to) &&
           (from.isInteger(1) ||
            (isa<FloatType>(from) && from.getIntOrFloatBitWidth() < to.getIntOrFloatBitWidth()));
  }
  return isa_and_nonnull<CompareOp, AndOp, NotOp, SelectOp, IsNaNOp>(op);
}

/// Absent where what is compared is no line over x.
std::optional<PolynomialForms::Condition> PolynomialForms::getCondition(CompareOp op,
                                                                        bool &isClosedBelow) {
  using P = ComparePredicate;
  P predicate = op.getPredicate();
  if (predicate == P::EQ || predicate == P::NE ||
      !isa<FloatType>(getElementTypeOrSelf(op.getLhs())))
    return std::nullopt;
  OptionalForm lhs = get(op.getLhs()), rhs = get(op.getRhs());
  OptionalForm line = lhs && rhs ? ofSum(*lhs, *negate(*rhs)) : std::nullopt;
  if (!line || line->scale || !line->terms.count({1, false}))
    return std::nullopt;
  for (auto &[power, numbers] : line->terms)
    if (power.power > 1 || power.isAbs)
      return std::nullopt;
  const Numbers &slope = line->terms.at({1, false});
  bool rises = slope.values[0] > 0;
  for (double value : slope.values)
    if (value == 0 || (value > 0) != rises)
      return std::nullopt;
  Numbers constant{{}, {0.0}};
  if (auto it = line->terms.find(Power()); it != line->terms.end())
    constant = it->second;
  auto bounds = combine(constant, slope, [](double b, double a) { return -b / a; });
  if (!bounds)
    return std::nullopt;
  bool isGreater = predicate == P::GE || predicate == P::GT;
  isClosedBelow = (predicate == P::GE || predicate == P::LT) == rises;
  return Condition{line->dims, *bounds, isGreater == rises};
}

bool PolynomialForms::cut(ArrayRef<CompareOp> comparisons) {
  std::optional<bool> isClosedBelow;
  Cuts result{0, {}, 0, {}};
  for (CompareOp op : comparisons) {
    bool isClosed = false;
    std::optional<Condition> condition = getCondition(op, isClosed);
    if (!condition)
      continue;
    if (isClosedBelow && *isClosedBelow != isClosed)
      return false;
    isClosedBelow = isClosed;
    conditions.insert({op, *condition});
  }
  for (auto &[op, condition] : conditions) {
    resolve(condition.bounds);
    for (Part part : condition.bounds.parts)
      if (!infos[part].isFree && !llvm::is_contained(result.channels, part))
        result.channels.push_back(part);
  }
  llvm::sort(result.channels);
  std::optional<int64_t> channels = getStaticSize(result.channels);
  if (conditions.empty() || !channels)
    return false;
  std::vector<std::vector<double>> sorted(*channels);
  for (auto &[op, condition] : conditions) {
    Parts order = result.channels;
    for (Part part : condition.bounds.parts)
      if (!llvm::is_contained(order, part))
        order.push_back(part);
    std::vector<double> values = expand(condition.bounds, order);
    size_t each = values.size() / *channels;
    for (auto [i, value] : llvm::enumerate(values))
      sorted[i / each].push_back(value);
  }
  for (std::vector<double> &list : sorted) {
    llvm::sort(list);
    list.erase(llvm::unique(list), list.end());
    if (list.size() != sorted.front().size() || !std::isfinite(list.front()) ||
        !std::isfinite(list.back()))
      return false;
    llvm::append_range(result.values, list);
  }
  result.count = sorted.front().size();
  result.pieces = addPart(getAffineConstantExpr(result.count + 1, base.getContext()),
                          /*isFree=*/false);
  cuts = std::move(result);
  // What depends on conditions was not known yet.
  known.clear();
  return true;
}

std::optional<PolynomialForm> PolynomialForms::ofCondition(const Condition &condition) {
  Numbers bounds = condition.bounds;
  resolve(bounds);
  Parts channels = resolve(cuts->channels), order = channels;
  for (Part part : bounds.parts)
    if (!llvm::is_contained(order, part))
      order.push_back(part);
  std::vector<double> values = expand(bounds, order);
  size_t each = values.size() / (cuts->values.size() / cuts->count);
  Numbers numbers{order, {}};
  numbers.parts.push_back(cuts->pieces);
  for (auto [i, value] : llvm::enumerate(values)) {
    const double *own = &cuts->values[i / each * cuts->count];
    int64_t position = std::lower_bound(own, own + cuts->count, value) - own;
    for (int64_t piece = 0; piece <= cuts->count; ++piece)
      numbers.values.push_back((piece > position) == condition.isAbove);
  }
  if (numbers.values.size() > kMaxNumbers)
    return std::nullopt;
  Form form{resolveDims(condition.dims), {}, {}, {}};
  addTo(form.terms, Power(), compress(std::move(numbers)));
  return form;
}

std::optional<PolynomialForm> PolynomialForms::makeZero(Value like) {
  Form form;
  for (AffineExpr dim : getDims(like))
    form.dims.push_back(addDim(dim, /*isFree=*/true));
  return form;
}

static bool isZero(const std::optional<PolynomialForm> &form) {
  return form && form->terms.empty() && !form->scale;
}

std::optional<PolynomialForm> PolynomialForms::computeConditional(Operation *op) {
  Value result = op->getResult(0);
  auto complement = [&](Form form) {
    Form one{SmallVector<Parts>(form.dims.size()), {{Power(), {{}, {1.0}}}}, {}, {}};
    return ofSum(one, *negate(std::move(form)));
  };
  return llvm::TypeSwitch<Operation *, OptionalForm>(op)
      .Case([&](CompareOp compare) -> OptionalForm {
        if (auto it = conditions.find(op); it != conditions.end())
          return ofCondition(it->second);
        // No polynomial is infinite.
        for (Value operand : op->getOperands())
          if (std::optional<double> number = getScalarConstant(operand);
              number && std::isinf(*number) && compare.getPredicate() == ComparePredicate::EQ)
            return makeZero(result);
        return std::nullopt;
      })
      .Case([&](IsNaNOp) {
        hasNaNGuard = true;
        return makeZero(result);
      })
      .Case([&](CastOp cast) { return get(cast.getInput()); })
      .Case([&](NotOp) {
        OptionalForm form = get(op->getOperand(0));
        return form && getElementTypeOrSelf(result).isInteger(1) ? complement(*form) : std::nullopt;
      })
      .Case([&](AndOp) -> OptionalForm {
        OptionalForm lhs = get(op->getOperand(0));
        if (isZero(lhs))
          return makeZero(result);
        OptionalForm rhs = get(op->getOperand(1));
        if (isZero(rhs))
          return makeZero(result);
        return lhs && rhs && getElementTypeOrSelf(result).isInteger(1) ? ofProduct(*lhs, *rhs)
                                                                       : std::nullopt;
      })
      .Case([&](SelectOp select) -> OptionalForm {
        OptionalForm condition = get(select.getCondition());
        if (!condition)
          return std::nullopt;
        // Broadcast to the result's rank by a zero of its shape.
        auto shaped = [&](OptionalForm form) {
          return form ? ofSum(*form, *makeZero(result)) : std::nullopt;
        };
        if (isZero(condition))
          return shaped(get(select.getOnFalse()));
        OptionalForm yes = get(select.getOnTrue()), no = get(select.getOnFalse());
        if (!yes || !no || yes->scale || no->scale)
          return std::nullopt;
        resolve(*condition);
        OptionalForm inverse = complement(*condition);
        yes = ofProduct(*condition, *yes);
        no = inverse ? ofProduct(*inverse, *no) : std::nullopt;
        return yes && no ? ofSum(*yes, *no) : std::nullopt;
      })
      .Default([](Operation *) { return std::nullopt; });
}
