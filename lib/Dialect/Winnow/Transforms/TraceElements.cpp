#include "TraceElements.h"

#include "winnow/Dialect/Winnow/IR/DimAlgebra.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace winnow;

ElementTracer::ElementTracer(Operation *op) : context(op->getContext()), numSymbols(0) {
  if (auto func = op->getParentOfType<FunctionOpInterface>()) {
    symbols = getSymbols(func);
    numSymbols = symbols.size();
  }
}

//===----------------------------------------------------------------------===//
// Arithmetic
//===----------------------------------------------------------------------===//

Position ElementTracer::constant(int64_t value) const {
  return constant(getAffineConstantExpr(value, context));
}

unsigned ElementTracer::addCounter(Counter counter) {
  counters.push_back(std::move(counter));
  return counters.size() - 1;
}

Position ElementTracer::count(AffineExpr size) {
  if (isConstantDim(size, 1))
    return constant(0);
  return {{{addCounter({size, {}, {}, {}, {}, {}}), getAffineConstantExpr(1, context)}},
          getAffineConstantExpr(0, context)};
}

void ElementTracer::addTerm(Position &position, unsigned counter, AffineExpr factor) const {
  auto *term = llvm::lower_bound(position.terms, counter,
                                 [](const Position::Term &t, unsigned c) { return t.counter < c; });
  if (term == position.terms.end() || term->counter != counter)
    term = position.terms.insert(term, {counter, getAffineConstantExpr(0, context)});
  term->factor = normalizeDim(term->factor + factor);
  if (isConstantDim(term->factor, 0))
    position.terms.erase(term);
}

Position ElementTracer::normalize(const Position &position) const {
  Position result = constant(normalizeDim(position.offset));
  SmallVector<Position::Term> left(position.terms.rbegin(), position.terms.rend());
  while (!left.empty()) {
    auto [number, factor] = left.pop_back_val();
    const Counter &counter = counters[number];
    if (!counter.parts) {
      addTerm(result, number, factor);
      continue;
    }
    left.push_back({counter.parts->second, factor});
    left.push_back({counter.parts->first, normalizeDim(factor * counter.factor)});
  }
  return result;
}

Position ElementTracer::add(const Position &a, const Position &b, int64_t factor) const {
  Position result = normalize(a);
  for (auto [counter, f] : normalize(b).terms)
    addTerm(result, counter, normalizeDim(f * factor));
  result.offset = normalizeDim(a.offset + b.offset * factor);
  return result;
}

Position ElementTracer::scale(const Position &position, AffineExpr factor) const {
  Position result = constant(normalizeDim(position.offset * factor));
  for (auto [counter, f] : normalize(position).terms)
    addTerm(result, counter, normalizeDim(f * factor));
  return result;
}

bool ElementTracer::isSame(const Position &a, const Position &b) const {
  Position difference = add(a, b, -1);
  return difference.isConstant() && isConstantDim(difference.offset, 0);
}

bool ElementTracer::isSame(const Element &a, const Element &b) const {
  return a.value == b.value && llvm::all_of(llvm::zip_equal(a.at, b.at), [&](auto pair) {
           return isSame(std::get<0>(pair), std::get<1>(pair));
         });
}

Position ElementTracer::replace(const Position &position, const Position &counter,
                                const Position &by) const {
  Position from = normalize(counter), result = normalize(position);
  // A counter that was split is there as all of its parts or not at all.
  if (from.terms.empty())
    return result;
  auto *first = llvm::find_if(result.terms, [&](const Position::Term &term) {
    return term.counter == from.terms.front().counter;
  });
  if (first == result.terms.end())
    return result;
  AffineExpr times = divideDim(first->factor, from.terms.front().factor);
  if (!times)
    return result;
  result = add(result, scale(from, times), -1);
  return add(result, scale(by, times));
}

Positions ElementTracer::replace(const Positions &positions, const Position &counter,
                                 const Position &by) const {
  return llvm::map_to_vector(positions,
                             [&](const Position &at) { return replace(at, counter, by); });
}

/// No less than 0 and below `size`, for all symbols.
bool ElementTracer::isWithin(const Position &position, AffineExpr size) {
  AffineExpr last = position.offset;
  if (getDimRange(normalizeDim(position.offset), symbols).min.value_or(-1) < 0)
    return false;
  for (auto [counter, factor] : position.terms) {
    AffineExpr &count = counters[counter].size;
    if (!count) {
      // What is read is a number within the dimension that it numbers.
      if (!assumesInRange || position.terms.size() != 1 || !isConstantDim(factor, 1) ||
          !isConstantDim(position.offset, 0))
        return false;
      count = size;
    }
    if (getDimRange(normalizeDim(factor), symbols).min.value_or(-1) < 0)
      return false;
    last = last + factor * (count - 1);
  }
  return getDimRange(normalizeDim(size - 1 - last), symbols).min.value_or(-1) >= 0;
}

std::optional<ElementTracer::Division> ElementTracer::divide(Position position,
                                                             AffineExpr divisor) {
  position = normalize(position);
  Division result{constant(0), constant(0)};
  SmallVector<Position::Term> left(position.terms.rbegin(), position.terms.rend());
  while (!left.empty()) {
    auto [number, factor] = left.pop_back_val();
    if (AffineExpr times = divideDim(factor, divisor)) {
      addTerm(result.quotient, number, times);
      continue;
    }
    // A counter that counts over several of what is divided by has two parts.
    AffineExpr low = divideDim(divisor, factor), size = counters[number].size;
    AffineExpr high = low && size && !counters[number].reading && !counters[number].numbers
                          ? divideDim(size, low)
                          : nullptr;
    if (high && !isConstantDim(high, 1) && !isConstantDim(low, 1)) {
      unsigned highPart = addCounter({high, {}, {}, {}, {}, {}});
      unsigned lowPart = addCounter({low, {}, {}, {}, {}, {}});
      counters[number].parts = std::pair(highPart, lowPart);
      counters[number].factor = low;
      left.push_back({lowPart, factor});
      left.push_back({highPart, normalizeDim(factor * low)});
      continue;
    }
    addTerm(result.remainder, number, factor);
  }
  std::optional<int64_t> offset = getConstantDim(normalizeDim(position.offset));
  std::optional<int64_t> by = getConstantDim(divisor);
  if (offset && by && *by > 0) {
    result.quotient.offset = getAffineConstantExpr(llvm::divideFloorSigned(*offset, *by), context);
    result.remainder.offset = getAffineConstantExpr(llvm::mod(*offset, *by), context);
  } else if (AffineExpr times = divideDim(position.offset, divisor)) {
    result.quotient.offset = times;
  } else {
    result.remainder.offset = position.offset;
  }
  if (isWithin(result.remainder, divisor))
    return result;
  return by ? divideNumbers(position, *by) : std::nullopt;
}

/// Numbers of constants, one by one.
std::optional<ElementTracer::Division> ElementTracer::divideNumbers(const Position &position,
                                                                    int64_t divisor) {
  llvm::SetVector<unsigned> axes;
  bool isTable = llvm::any_of(position.terms, [&](const Position::Term &term) {
    return counters[term.counter].numbers != nullptr;
  });
  if (!isTable || !collectAxes(position, axes))
    return std::nullopt;
  auto places = llvm::map_to_vector(axes, [&](unsigned axis) {
    return Position{{{axis, getAffineConstantExpr(1, context)}}, getAffineConstantExpr(0, context)};
  });
  std::optional<std::vector<int64_t>> numbers = evaluate(position, places);
  if (!numbers)
    return std::nullopt;
  std::vector<int64_t> quotients, remainders;
  for (int64_t number : *numbers) {
    quotients.push_back(llvm::divideFloorSigned(number, divisor));
    remainders.push_back(llvm::mod(number, divisor));
  }
  return Division{fit(std::move(quotients), axes.getArrayRef()),
                  fit(std::move(remainders), axes.getArrayRef())};
}

//===----------------------------------------------------------------------===//
// Movement
//===----------------------------------------------------------------------===//

/// Where numpy broadcasting reads an operand.
Positions ElementTracer::align(const Positions &at, Value operand) const {
  Dims dims = getDims(operand);
  Positions result(at.end() - dims.size(), at.end());
  for (auto [position, dim] : llvm::zip_equal(result, dims))
    if (isConstantDim(dim, 1))
      position = constant(0);
  return result;
}

/// An index that is known to be below 0 counts from the end.
Position ElementTracer::wrap(const Position &number, AffineExpr size) const {
  std::optional<int64_t> known =
      number.isConstant() ? getConstantDim(normalizeDim(number.offset)) : std::nullopt;
  return known && *known < 0 ? add(number, constant(size)) : number;
}

std::optional<Positions> ElementTracer::unflatten(Position flat, ArrayRef<AffineExpr> dims) {
  Positions result(dims.size(), constant(0));
  AffineExpr inner = getAffineConstantExpr(1, context);
  SmallVector<AffineExpr> strides(dims.size(), inner);
  for (size_t i = dims.size(); i-- > 1;)
    strides[i - 1] = normalizeDim(strides[i] * dims[i]);
  for (auto [i, dim] : llvm::enumerate(dims)) {
    if (isConstantDim(dim, 1))
      continue;
    if (isConstantDim(strides[i], 1)) {
      result[i] = flat;
      flat = constant(0);
      continue;
    }
    std::optional<Division> division = divide(flat, strides[i]);
    if (!division)
      return std::nullopt;
    result[i] = division->quotient;
    flat = division->remainder;
  }
  return result;
}

std::optional<Positions> ElementTracer::getReshaped(ArrayRef<AffineExpr> from,
                                                    ArrayRef<AffineExpr> to, const Positions &at) {
  auto groups = getReshapeGroups(to, from, numSymbols);
  if (!groups)
    groups = SmallVector<ReshapeGroup>{
        {0, static_cast<unsigned>(to.size()), 0, static_cast<unsigned>(from.size())}};
  Positions result(to.size(), constant(0));
  for (const ReshapeGroup &group : *groups) {
    Position flat = constant(0);
    for (unsigned i = group.outBegin; i < group.outEnd; ++i)
      flat = add(scale(flat, from[i]), at[i]);
    std::optional<Positions> parts =
        unflatten(flat, to.slice(group.inBegin, group.inEnd - group.inBegin));
    if (!parts)
      return std::nullopt;
    llvm::copy(*parts, result.begin() + group.inBegin);
  }
  return result;
}

std::optional<Element> ElementTracer::getSource(const Element &element) {
  const Positions &at = element.at;
  Operation *op = element.value.getDefiningOp();
  if (!op)
    return std::nullopt;
  return llvm::TypeSwitch<Operation *, std::optional<Element>>(op)
      .Case([&](ReshapeOp reshape) -> std::optional<Element> {
        Dims from = getDims(element.value), to = getDims(reshape.getInput());
        if (std::optional<Positions> moved = getReshaped(from, to, at))
          return Element{reshape.getInput(), *moved};
        return std::nullopt;
      })
      .Case([&](TransposeOp transpose) {
        Positions moved(at);
        for (auto [to, from] : llvm::enumerate(transpose.getPermutation()))
          moved[from] = at[to];
        return Element{transpose.getInput(), moved};
      })
      .Case([&](BroadcastToOp broadcast) {
        return Element{broadcast.getInput(), align(at, broadcast.getInput())};
      })
      .Case([&](SliceOp slice) {
        Positions moved;
        for (auto [i, step] : llvm::enumerate(slice.getSteps()))
          moved.push_back(add(constant(slice.getStarts().getResult(i)), at[i], step));
        return Element{slice.getInput(), moved};
      })
      .Case([&](ConcatOp concat) -> std::optional<Element> {
        int64_t axis = concat.getAxis();
        std::optional<int64_t> place =
            at[axis].isConstant() ? getConstantDim(normalizeDim(at[axis].offset)) : std::nullopt;
        if (!place)
          return std::nullopt;
        for (Value input : concat.getInputs()) {
          std::optional<int64_t> size = getConstantDim(getDims(input)[axis]);
          if (!size)
            return std::nullopt;
          if (*place < *size) {
            Positions moved(at);
            moved[axis] = constant(*place);
            return Element{input, moved};
          }
          *place -= *size;
        }
        return std::nullopt;
      })
      .Case([&](GatherOp gather) {
        int64_t axis = gather.getAxis(), rank = getDims(gather.getIndices()).size();
        Positions index(at.begin() + axis, at.begin() + axis + rank);
        Positions moved(at.begin(), at.begin() + axis);
        moved.push_back(
            wrap(getNumber({gather.getIndices(), index}), getDims(gather.getData())[axis]));
        moved.append(at.begin() + axis + rank, at.end());
        return Element{gather.getData(), moved};
      })
      .Case([&](GatherNDOp gather) -> std::optional<Element> {
        int64_t rank = getDims(gather.getIndices()).size(), batch = gather.getBatchDims();
        Dims data = getDims(gather.getData());
        std::optional<int64_t> size = getConstantDim(getDims(gather.getIndices()).back());
        if (!size)
          return std::nullopt;
        Positions moved(at.begin(), at.begin() + batch);
        for (int64_t i = 0; i < *size; ++i) {
          Positions index(at.begin(), at.begin() + rank - 1);
          index.push_back(constant(i));
          moved.push_back(wrap(getNumber({gather.getIndices(), index}), data[batch + i]));
        }
        moved.append(at.begin() + rank - 1, at.end());
        return Element{gather.getData(), moved};
      })
      .Default([](Operation *) { return std::nullopt; });
}

Element ElementTracer::getOrigin(Element element) {
  for (unsigned depth = 0; depth < kMaxTraceDepth; ++depth) {
    std::optional<Element> source = getSource(element);
    if (!source)
      break;
    element = *source;
  }
  for (Position &at : element.at)
    at = normalize(at);
  return element;
}
