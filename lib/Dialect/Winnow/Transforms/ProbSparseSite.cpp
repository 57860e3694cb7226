#include "ProbSparseSite.h"

#include "winnow/Dialect/Winnow/IR/DimAlgebra.h"

using namespace mlir;
using namespace winnow;

//===----------------------------------------------------------------------===//
// Queries and the measure
//===----------------------------------------------------------------------===//

/// The element of a reduction's input that is `index` along its one dimension.
static std::optional<Element> getReduced(ReduceOp op, const Positions &at, const Position &index) {
  if (op.getAxes().size() != 1)
    return std::nullopt;
  int64_t axis = op.getAxes()[0];
  Positions moved(at);
  if (op.getKeepdims())
    moved[axis] = index;
  else
    moved.insert(moved.begin() + axis, index);
  return Element{op.getInput(), moved};
}

static std::optional<Measure> matchMeasureOf(ElementTracer &tracer, const Element &measured) {
  Element difference = tracer.getOrigin(measured);
  auto sub = difference.value.getDefiningOp<SubOp>();
  if (!sub)
    return std::nullopt;
  Measure measure;
  measure.maxAt = tracer.getOrigin(tracer.getOperand(sub, 0, difference.at));
  measure.max = measure.maxAt.value.getDefiningOp<ReduceOp>();
  Element total = tracer.getOrigin(tracer.getOperand(sub, 1, difference.at));
  Operation *op = total.value.getDefiningOp();
  if (isa_and_nonnull<DivOp>(op)) {
    measure.divisor = op->getOperand(1);
    total = tracer.getOrigin(tracer.getOperand(op, 0, total.at));
  } else if (isa_and_nonnull<MulOp>(op)) {
    unsigned factor = getScalarConstant(op->getOperand(0)) ? 0 : 1;
    std::optional<double> share = getScalarConstant(op->getOperand(factor));
    if (!share || *share == 0)
      return std::nullopt;
    measure.divisor = op->getOperand(factor);
    measure.divisorScale = 1 / (*share * *share);
    total = tracer.getOrigin(tracer.getOperand(op, 1 - factor, total.at));
  }
  measure.totalAt = total;
  measure.total = total.value.getDefiningOp<ReduceOp>();
  ReduceKind wanted = measure.divisor ? ReduceKind::Sum : ReduceKind::Mean;
  if (!measure.max || measure.max.getKind() != ReduceKind::Max || !measure.total ||
      measure.total.getKind() != wanted || measure.max.getAxes().size() != 1)
    return std::nullopt;
  return measure;
}

Positions winnow::countAll(ElementTracer &tracer, Value value) {
  return llvm::map_to_vector(getDims(value), [&](AffineExpr dim) { return tracer.count(dim); });
}

bool winnow::isProbSparseChoice(TopKOp op) {
  ElementTracer tracer(op);
  return op.getLargest() &&
         matchMeasureOf(tracer, {op.getInput(), countAll(tracer, op.getInput())});
}

const Position::Term *ProbSparseSite::findTop(const Positions &at) {
  const Position::Term *found = nullptr;
  for (const Position &position : at)
    for (const Position::Term &term : position.terms)
      if (const Element *reading = tracer.getReading(term.counter);
          reading && reading->value.getDefiningOp<TopKOp>()) {
        if (found && found->counter != term.counter)
          return nullptr;
        found = &term;
      }
  return found;
}

std::optional<Refusal> ProbSparseSite::matchQuery() {
  Dims queries = getDims(attention.getQuery()), keys = getDims(attention.getKey());
  AffineExpr size = getDims(attention.getValue())[3];
  batch = tracer.count(queries[0]);
  kept = tracer.count(queries[1]);
  head = tracer.count(queries[2]);
  element = tracer.count(queries[3]);
  key = tracer.count(keys[1]);
  valueElement = tracer.count(size);
  queryOrigin = tracer.getOrigin({attention.getQuery(), {batch, kept, head, element}});
  const Position::Term *term = findTop(queryOrigin.at);
  if (!term)
    return Refusal{"probsparse.attention", "the attention is not of rows that a topk chose"};
  topAt = *tracer.getReading(term->counter);
  top = {{{term->counter, getAffineConstantExpr(1, attention.getContext())}},
         getAffineConstantExpr(0, attention.getContext())};
  topk = topAt.value.getDefiningOp<TopKOp>();
  return std::nullopt;
}

std::optional<Refusal> ProbSparseSite::matchDivisor(const Measure &measure) {
  AffineExpr keys = getDims(attention.getKey())[1];
  std::optional<double> number;
  if (!measure.divisor)
    number = getConstantDim(samples);
  else if (std::optional<double> scalar = getScalarConstant(measure.divisor))
    number = *scalar * measure.divisorScale;
  Builder builder(attention.getContext());
  if (number) {
    if (static_cast<double>(getConstantDim(keys).value_or(0)) != *number)
      divisor = builder.getF32FloatAttr(*number);
    return std::nullopt;
  }
  // The number of keys, made a float.
  Value size = measure.divisor;
  while (size && !isa<IntegerType>(getElementTypeOrSelf(size))) {
    Operation *op = size.getDefiningOp();
    size = isa_and_nonnull<CastOp, ReshapeOp, BroadcastToOp>(op) ? op->getOperand(0) : Value();
  }
  if (size) {
    Position known = tracer.getNumber({size, countAll(tracer, size)});
    if (known.isConstant() && tracer.isSame(known, tracer.constant(keys)))
      return std::nullopt;
  }
  return Refusal{"probsparse.measure", "the sum is divided by a number that is not known"};
}

std::optional<Refusal> ProbSparseSite::matchMeasure() {
  int64_t axis = topk.getAxis();
  Positions at(topAt.at);
  if (!topk.getLargest() || !tracer.isSame(at[axis], kept))
    return Refusal{"probsparse.kept", "the rows are not all of those that the topk chose"};
  if (!getConstantDim(getDims(topk.getIndices())[axis]))
    return Refusal{"probsparse.kept", "expected a known number of kept queries, got '" +
                                          toString(getDims(topk.getIndices())[axis]) + "'"};
  if (isConstantDim(getDims(topk.getIndices())[axis], 0))
    return Refusal{"probsparse.kept", "no query is kept"};
  query = tracer.count(getDims(topk.getInput())[axis]);
  at[axis] = query;
  std::optional<Measure> measure = matchMeasureOf(tracer, {topk.getInput(), at});
  if (!measure)
    return Refusal{"probsparse.measure", "expected the topk of max - sum / size"};
  samples = getDims(measure->max.getInput())[measure->max.getAxes()[0]];
  sample = tracer.count(samples);
  std::optional<Element> largest = getReduced(measure->max, measure->maxAt.at, sample);
  std::optional<Element> summed = getReduced(measure->total, measure->totalAt.at, sample);
  Element product = largest ? tracer.getOrigin(*largest) : measure->maxAt;
  if (!largest || !summed || !tracer.isSame(product, tracer.getOrigin(*summed)))
    return Refusal{"probsparse.measure", "the greatest and the sum are of different products"};

  Element operands[2];
  Positions rows(product.at);
  Operation *op = product.value.getDefiningOp();
  if (auto matmul = dyn_cast_or_null<MatMulOp>(op);
      matmul && getDims(matmul.getLhs()).size() >= 2 && getDims(matmul.getRhs()).size() >= 2) {
    Positions left(product.at), right(product.at);
    left.back() = element;
    right[right.size() - 2] = element;
    operands[0] = tracer.getOperand(op, 0, left);
    operands[1] = tracer.getOperand(op, 1, right);
    // Dimensions of size 1 are read at 0, but for the one that is summed over.
  } else if (auto sum = dyn_cast_or_null<ReduceOp>(op); sum && sum.getKind() == ReduceKind::Sum) {
    std::optional<Element> factor = getReduced(sum, product.at, element);
    if (factor)
      factor = tracer.getOrigin(*factor);
    auto mul = factor ? factor->value.getDefiningOp<MulOp>() : nullptr;
    if (!mul)
      return Refusal{"probsparse.measure", "expected products of queries and keys"};
    operands[0] = tracer.getOperand(mul, 0, factor->at);
    operands[1] = tracer.getOperand(mul, 1, factor->at);
  } else {
    return Refusal{"probsparse.measure", "expected products of queries and keys"};
  }
  tracer.assumesInRange = true;
  for (Element &operand : operands)
    operand = tracer.getOrigin(operand);
  tracer.assumesInRange = false;
  queryOrigin.at = tracer.replace(queryOrigin.at, top, query);
  bool isLeft = tracer.isSame(operands[0], queryOrigin);
  if (!isLeft && !tracer.isSame(operands[1], queryOrigin))
    return Refusal{"probsparse.measure", "other queries are measured than attend"};
  if (std::optional<Refusal> refusal = matchKeys(operands[isLeft ? 1 : 0]))
    return refusal;
  return matchDivisor(*measure);
}

/// The sampled keys must be the attention's, at the number that the table gives.
std::optional<Refusal> ProbSparseSite::matchKeys(Element sampled) {
  Element keys = tracer.getOrigin({attention.getKey(), {batch, key, head, element}});
  Refusal other{"probsparse.samples", "the sampled keys are not those that are attended to"};
  if (sampled.value != keys.value || key.isConstant())
    return other;
  unsigned counter = key.terms[0].counter;
  for (auto [all, some] : llvm::zip_equal(keys.at, sampled.at)) {
    auto *term = llvm::find_if(all.terms, [&](auto &t) { return t.counter == counter; });
    if (term == all.terms.end())
      continue;
    Position number = tracer.add(some, tracer.replace(all, key, tracer.constant(0)), -1);
    for (Position::Term &part : number.terms)
      if (part.factor = divideDim(part.factor, term->factor); !part.factor)
        return other;
    number.offset = divideDim(number.offset, term->factor);
    if (!number.offset)
      return other;
    table = number;
    break;
  }
  if (!table.offset)
    return other;
  Element expected{keys.value, tracer.replace(keys.at, key, table)};
  return tracer.isSame(expected, sampled) ? std::nullopt : std::optional(other);
}

//===----------------------------------------------------------------------===//
// Where the rows go
//===----------------------------------------------------------------------===//

/// Where a scatter writes the update at `at`.
static std::optional<Positions> getDestination(ElementTracer &tracer, Operation *op,
                                               const Positions &at) {
  if (auto scatter = dyn_cast<ScatterElementsOp>(op)) {
    Positions moved(at);
    moved[scatter.getAxis()] = tracer.getNumber({scatter.getIndices(), at});
    return moved;
  }
  auto scatter = cast<ScatterNDOp>(op);
  Dims indices = getDims(scatter.getIndices());
  std::optional<int64_t> size = getConstantDim(indices.back());
  if (!size)
    return std::nullopt;
  Positions moved;
  for (int64_t i = 0; i < *size; ++i) {
    Positions index(at.begin(), at.begin() + indices.size() - 1);
    index.push_back(tracer.constant(i));
    moved.push_back(tracer.getNumber({scatter.getIndices(), index}));
  }
  moved.append(at.begin() + indices.size() - 1, at.end());
  return moved;
}

static Value getData(Operation *scatter) { return scatter->getOperand(0); }
static Value getUpdates(Operation *scatter) { return scatter->getOperand(2); }

std::optional<Refusal> ProbSparseSite::matchRows() {
  Positions updates = countAll(tracer, getUpdates(scatter));
  Element update = tracer.getOrigin({getUpdates(scatter), updates});
  Refusal other{"probsparse.rows", "the kept rows are not written to where they were chosen"};
  // Counters that updates have been split into are as the constants count now.
  std::optional<Positions> destination = getDestination(tracer, scatter, updates);
  if (!destination || update.value != attention.getResult())
    return other;
  auto toOwn = [&](const Positions &at) {
    Positions own(at);
    for (auto [from, to] :
         llvm::zip_equal(update.at, SmallVector<Position>{batch, kept, head, valueElement}))
      own = tracer.replace(own, from, to);
    return own;
  };
  const Position::Term *term = findTop(*destination);
  if (!term)
    return other;
  Element writtenAt = *tracer.getReading(term->counter);
  if (!tracer.isSame({writtenAt.value, toOwn(writtenAt.at)}, topAt))
    return other;
  Position written{{{term->counter, getAffineConstantExpr(1, attention.getContext())}},
                   getAffineConstantExpr(0, attention.getContext())};
  rowsAt = tracer.replace(toOwn(*destination), written, query);
  return std::nullopt;
}

std::optional<Refusal> ProbSparseSite::matchRest() {
  valueOrigin = tracer.getOrigin({attention.getValue(), {batch, key, head, valueElement}});
  Element rest = tracer.getOrigin({getData(scatter), rowsAt});
  Operation *op = rest.value.getDefiningOp();
  if (auto mean = dyn_cast_or_null<ReduceOp>(op); mean && mean.getKind() == ReduceKind::Mean) {
    std::optional<Element> reduced = getReduced(mean, rest.at, key);
    if (reduced && tracer.isSame(tracer.getOrigin(*reduced), valueOrigin))
      return std::nullopt;
  }
  if (auto sum = dyn_cast_or_null<CumSumOp>(op); sum && !sum.getExclusive() && !sum.getReverse()) {
    Element summed = tracer.getOrigin({sum.getInput(), rest.at});
    isCumSum = true;
    if (tracer.isSame(rest.at[sum.getAxis()], query) &&
        tracer.isSame(summed, {valueOrigin.value, tracer.replace(valueOrigin.at, key, query)}))
      return std::nullopt;
  }
  return Refusal{"probsparse.rest",
                 "the other rows are neither means nor running sums of the values"};
}
