#include "TraceElements.h"

#include "Elements.h"
#include "winnow/Dialect/Winnow/IR/DimAlgebra.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace winnow;

/// Constants are evaluated at no more places than this.
static constexpr int64_t kMaxNumbers = 1 << 24;
/// The counters of loops below a position; false if one of them is of unknown size.
bool ElementTracer::collectAxes(const Position &position, llvm::SetVector<unsigned> &axes) const {
  for (auto [number, factor] : normalize(position).terms) {
    const Counter &counter = counters[number];
    if (!getConstantDim(factor))
      return false;
    if (counter.numbers) {
      for (unsigned axis : counter.axes)
        if (!collectAxes(
                {{{axis, getAffineConstantExpr(1, context)}}, getAffineConstantExpr(0, context)},
                axes))
          return false;
      continue;
    }
    if (!counter.size || !getConstantDim(counter.size))
      return false;
    axes.insert(number);
  }
  return getConstantDim(normalizeDim(position.offset)).has_value();
}

int64_t ElementTracer::evaluateAt(const Position &position,
                                  const llvm::DenseMap<unsigned, int64_t> &at) const {
  int64_t sum = *getConstantDim(normalizeDim(position.offset));
  for (auto [number, factor] : normalize(position).terms) {
    const Counter &counter = counters[number];
    int64_t value;
    if (counter.numbers) {
      int64_t index = 0;
      for (unsigned axis : counter.axes)
        index = index * *getConstantDim(counters[axis].size) +
                evaluateAt({{{axis, getAffineConstantExpr(1, context)}},
                            getAffineConstantExpr(0, context)},
                           at);
      value = (*counter.numbers)[index];
    } else {
      value = at.lookup(number);
    }
    sum += value * *getConstantDim(factor);
  }
  return sum;
}

std::optional<std::vector<int64_t>> ElementTracer::evaluate(const Position &position,
                                                            ArrayRef<Position> axes) {
  llvm::SetVector<unsigned> needed;
  if (!collectAxes(position, needed))
    return std::nullopt;
  // Parts of a split counter vary as it does.
  SmallVector<SmallVector<unsigned>> parts;
  SmallVector<int64_t> sizes;
  int64_t total = 1;
  for (const Position &axis : axes) {
    Position whole = normalize(axis);
    SmallVector<std::pair<int64_t, unsigned>> counted;
    int64_t size = 1;
    for (auto [counter, factor] : whole.terms) {
      std::optional<int64_t> count = getConstantDim(counters[counter].size);
      if (!count || !getConstantDim(factor))
        return std::nullopt;
      counted.push_back({-*getConstantDim(factor), counter});
      size *= *count;
      needed.remove(counter);
    }
    llvm::sort(counted);
    parts.push_back(llvm::map_to_vector(counted, [](auto pair) { return pair.second; }));
    sizes.push_back(size);
    if (size > kMaxNumbers || (total *= size) > kMaxNumbers)
      return std::nullopt;
  }
  if (!needed.empty())
    return std::nullopt;
  std::vector<int64_t> numbers;
  numbers.reserve(total);
  llvm::DenseMap<unsigned, int64_t> at;
  forEachIndex(sizes, [&](int64_t, ArrayRef<int64_t> place) {
    for (auto [value, counters] : llvm::zip_equal(place, parts)) {
      int64_t left = value;
      for (unsigned counter : llvm::reverse(counters)) {
        int64_t size = *getConstantDim(this->counters[counter].size);
        at[counter] = left % size;
        left /= size;
      }
    }
    numbers.push_back(evaluateAt(position, at));
  });
  return numbers;
}

/// Numbers over counters as a sum of these with factors where they are one, else as a
/// counter of their own.
Position ElementTracer::fit(std::vector<int64_t> numbers, ArrayRef<unsigned> axes) {
  auto sizes = llvm::map_to_vector(
      axes, [&](unsigned axis) { return *getConstantDim(counters[axis].size); });
  SmallVector<int64_t> apart = getStrides(sizes), factors;
  for (auto [size, step] : llvm::zip_equal(sizes, apart))
    factors.push_back(size > 1 ? numbers[step] - numbers[0] : 0);
  bool isLinear = true;
  forEachIndex(sizes, [&](int64_t number, ArrayRef<int64_t> place) {
    int64_t expected = numbers[0];
    for (auto [factor, i] : llvm::zip_equal(factors, place))
      expected += factor * i;
    isLinear &= numbers[number] == expected;
  });
  if (isLinear) {
    Position result = constant(numbers[0]);
    for (auto [axis, factor] : llvm::zip_equal(axes, factors))
      addTerm(result, axis, getAffineConstantExpr(factor, context));
    return result;
  }
  // Counted from the least one on, as counters are.
  int64_t least = *llvm::min_element(numbers), most = *llvm::max_element(numbers);
  int64_t from = least < 0 ? 0 : least;
  for (int64_t &number : numbers)
    number -= from;
  Counter counter;
  // Numbers below 0 are within nothing.
  counter.size = least < 0 ? getAffineConstantExpr(INT32_MAX, context)
                           : getAffineConstantExpr(most - from + 1, context);
  counter.axes.assign(axes.begin(), axes.end());
  for (unsigned other = 0; other < counters.size(); ++other)
    if (counters[other].numbers && counters[other].axes == counter.axes &&
        *counters[other].numbers == numbers)
      return {{{other, getAffineConstantExpr(1, context)}}, getAffineConstantExpr(from, context)};
  counter.numbers = std::make_shared<std::vector<int64_t>>(std::move(numbers));
  return {{{addCounter(std::move(counter)), getAffineConstantExpr(1, context)}},
          getAffineConstantExpr(from, context)};
}

std::optional<Position> ElementTracer::getConstantNumber(const Element &element) {
  ElementsAttr attr = getConstantElements(element.value);
  auto type = dyn_cast<RankedTensorType>(element.value.getType());
  if (!attr || type.getNumElements() == 0 || type.getNumElements() > kMaxNumbers)
    return std::nullopt;
  if (std::optional<double> scalar = getScalarConstant(element.value))
    return constant(static_cast<int64_t>(*scalar));
  Position flat = constant(0);
  for (auto [at, step] : llvm::zip_equal(element.at, getStrides(type.getShape())))
    flat = add(flat, at, step);
  llvm::SetVector<unsigned> axes;
  if (!collectAxes(flat, axes))
    return std::nullopt;
  auto places = llvm::map_to_vector(axes, [&](unsigned axis) {
    return Position{{{axis, getAffineConstantExpr(1, context)}}, getAffineConstantExpr(0, context)};
  });
  std::optional<std::vector<int64_t>> numbers = evaluate(flat, places);
  std::optional<Elements> elements = numbers ? loadElements(attr) : std::nullopt;
  if (!elements || elements->ints.empty())
    return std::nullopt;
  for (int64_t &number : *numbers) {
    if (number < 0 || number >= static_cast<int64_t>(elements->ints.size()))
      return std::nullopt;
    number = elements->ints[number];
  }
  return fit(std::move(*numbers), axes.getArrayRef());
}

/// What is no arithmetic on positions, as one counter.
Position ElementTracer::getReadNumber(const Element &element) {
  AffineExpr one = getAffineConstantExpr(1, context), zero = getAffineConstantExpr(0, context);
  for (unsigned i = 0; i < counters.size(); ++i)
    if (counters[i].reading && isSame(*counters[i].reading, element))
      return {{{i, one}}, zero};
  Counter counter;
  counter.reading = element;
  if (auto topk = element.value.getDefiningOp<TopKOp>())
    counter.size = getDims(topk.getInput())[topk.getAxis()];
  return {{{addCounter(std::move(counter)), one}}, zero};
}

Position ElementTracer::getNumber(Element element) {
  for (unsigned depth = 0; depth < kMaxTraceDepth; ++depth) {
    std::optional<Element> source = getSource(element);
    if (!source)
      break;
    element = *source;
  }
  Operation *op = element.value.getDefiningOp();
  Type type = getElementTypeOrSelf(element.value);
  auto operand = [&](unsigned i) { return getNumber(getOperand(op, i, element.at)); };
  // Narrow integers wrap, and what wraps is no sum.
  bool isWide = type.isInteger() && type.getIntOrFloatBitWidth() >= 32;
  std::optional<Position> number;
  if (op && isWide)
    number =
        llvm::TypeSwitch<Operation *, std::optional<Position>>(op)
            .Case([&](ConstantOp) { return getConstantNumber(element); })
            .Case([&](IotaOp iota) {
              return add(constant(iota.getStart()), element.at[0], iota.getStep());
            })
            .Case([&](DimValuesOp dims) -> std::optional<Position> {
              if (dims.getValues().getNumResults() == 1)
                return constant(dims.getValues().getResult(0));
              std::optional<int64_t> at = element.at.size() == 1 && element.at[0].isConstant()
                                              ? getConstantDim(element.at[0].offset)
                                              : std::nullopt;
              if (!at || *at < 0 || *at >= dims.getValues().getNumResults())
                return std::nullopt;
              return constant(dims.getValues().getResult(*at));
            })
            .Case([&](AddOp) { return add(operand(0), operand(1)); })
            .Case([&](SubOp) { return add(operand(0), operand(1), -1); })
            .Case([&](MulOp) -> std::optional<Position> {
              Position a = operand(0), b = operand(1);
              if (!b.isConstant())
                std::swap(a, b);
              return b.isConstant() ? std::optional(scale(a, b.offset)) : std::nullopt;
            })
            .Case([&](CastOp cast) -> std::optional<Position> {
              Type from = getElementTypeOrSelf(cast.getInput());
              if (!from.isInteger() || from.getIntOrFloatBitWidth() < 32)
                return std::nullopt;
              return operand(0);
            })
            .Case([&](SelectOp select) -> std::optional<Position> {
              // An index that counts from the end if it is below 0, where it is not.
              auto compare = select.getCondition().getDefiningOp<CompareOp>();
              if (!compare || compare.getPredicate() != ComparePredicate::LT ||
                  compare.getLhs() != select.getOnFalse() || !isScalarConstant(compare.getRhs(), 0))
                return std::nullopt;
              Position kept = operand(2);
              for (auto [counter, factor] : kept.terms)
                if (!counters[counter].size ||
                    getDimRange(normalizeDim(factor), symbols).min.value_or(-1) < 0)
                  return std::nullopt;
              bool isSigned = getDimRange(kept.offset, symbols).min.value_or(-1) < 0;
              return isSigned ? std::nullopt : std::optional(kept);
            })
            .Default([](Operation *) { return std::nullopt; });
  return number ? *number : getReadNumber(element);
}
