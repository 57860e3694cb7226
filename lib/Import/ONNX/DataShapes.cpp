#include "DataShapes.h"

using namespace mlir;

namespace winnow::import {

//===----------------------------------------------------------------------===//
// Reshape, Expand, Squeeze, Unsqueeze
//===----------------------------------------------------------------------===//

void importDataReshape(OpImporter &n, bool allowZero) {
  Numbers m(n);
  std::optional<int64_t> count = n.lengthForRank(1, n.declaredRank);
  if (!count)
    return;
  Value target = m.vector(1), one = m.constant(1), minusOne = m.constant(-1);
  Dims input = n.dims(0);
  SmallVector<Value> sizes;
  Value product = one;
  for (int64_t i = 0; i < *count; ++i) {
    Value size = m.at(target, i);
    if (!allowZero && i < static_cast<int64_t>(input.size()))
      size = m.select(m.equal(size, m.constant(0)), m.size(input[i]), size);
    sizes.push_back(size);
    product = m.mul(product, m.select(m.equal(size, minusOne), one, size));
  }
  // -1 is what is left; no elements fill any shape with a 0.
  Value total = m.size(normalizeDim(getNumElements(input, n.b.getContext())));
  Value rest = m.div(total, m.max(product, one));
  // Before any size asks for memory.
  Value filled = one;
  for (Value &size : sizes) {
    size = m.select(m.equal(size, minusOne), rest, size);
    filled = m.mul(filled, size);
  }
  m.require(m.equal(filled, total));
  Dims result;
  for (auto [i, size] : llvm::enumerate(sizes)) {
    AffineExpr known = m.knownAt(target, i);
    bool isSize = known && !isConstantDim(known, 0) && n.symbols.isNonNegative(known) == true;
    result.push_back(isSize ? known : n.bindSize(size, "shape." + Twine(i), nullptr));
  }
  n.set(n.reshape(n.in(0), result));
}

void importDataExpand(OpImporter &n) {
  Numbers m(n);
  Dims from = n.dims(0);
  // A shorter target has the rank of the input.
  std::optional<int64_t> larger;
  if (n.declaredRank && *n.declaredRank > n.rank(0))
    larger = n.declaredRank;
  std::optional<int64_t> count = n.lengthForRank(1, larger);
  if (!count)
    return;
  Value target = m.vector(1), one = m.constant(1);
  int64_t rank = std::max<int64_t>(*count, from.size());
  Dims result(from);
  result.insert(result.begin(), rank - from.size(), n.constant(1));
  for (int64_t i = 0; i < *count && !n.failed(); ++i) {
    // 1 leaves a dimension as it is; any other size must be the dimension's
    // unless that is 1.
    AffineExpr &dim = result[rank - *count + i];
    if (AffineExpr known = m.knownAt(target, i); known && n.symbols.isNonNegative(known) == true) {
      dim = n.broadcast({{dim}, {known}}).front();
      continue;
    }
    Value size = m.at(target, i);
    size = m.select(m.equal(size, one), m.size(dim), size);
    AffineExpr bound = n.bindSize(size, "shape." + Twine(i), nullptr);
    if (!isConstantDim(dim, 1))
      n.equate(dim, bound, "dimension " + Twine(rank - *count + i) + " and the target's");
    dim = bound;
  }
  n.set(n.broadcastTo(n.adopt(n.in(0), result), result));
}

/// The sizes of the dimensions without the dropped ones.
static SmallVector<Value> dropSizes(OpImporter &n, ArrayRef<AffineExpr> dims,
                                    ArrayRef<Value> isDropped, int64_t count) {
  Numbers m(n);
  int64_t rank = dims.size();
  Value zero = m.constant(0), one = m.constant(1);
  SmallVector<Value> sizes(std::max<int64_t>(rank - count, 0), zero);
  Value position = zero;
  for (int64_t d = 0; d < rank && !n.failed(); ++d) {
    for (int64_t e = 0; e < static_cast<int64_t>(sizes.size()); ++e) {
      Value isHere = n.make<AndOp>(m.equal(position, m.constant(e)),
                                   n.make<NotOp>(isDropped[d]));
      sizes[e] = m.select(isHere, m.size(dims[d]), sizes[e]);
    }
    position = m.add(position, m.select(isDropped[d], zero, one));
  }
  return sizes;
}

Value dropAxes(OpImporter &n, Value input, ArrayRef<Value> isDropped, int64_t count) {
  if (n.failed())
    return nullptr;
  SmallVector<Value> sizes = dropSizes(n, n.dims(input), isDropped, count);
  return reshapeChecked(n, input, bindSizes(n, sizes, "shape"));
}

void importDataSqueeze(OpImporter &n) {
  std::optional<int64_t> number;
  if (n.declaredRank)
    number = n.rank(0) - *n.declaredRank;
  std::optional<int64_t> count = n.lengthForRank(1, number);
  if (!count)
    return;
  if (*count > n.rank(0))
    return n.invalid("expected at most " + Twine(n.rank(0)) + " axes, got " + Twine(*count));
  Value axes = Numbers(n).vector(1);
  n.set(dropAxes(n, n.in(0), findAxes(n, axes, n.rank(0)), *count));
}

void importDataUnsqueeze(OpImporter &n) {
  Numbers m(n);
  std::optional<int64_t> number;
  if (n.declaredRank)
    number = *n.declaredRank - n.rank(0);
  std::optional<int64_t> count = n.lengthForRank(1, number);
  if (!count)
    return;
  Dims dims = n.dims(0);
  int64_t rank = dims.size() + *count;
  SmallVector<Value> isNew = findAxes(n, m.vector(1), rank), sizes;
  Value position = m.constant(0);
  for (int64_t d = 0; d < rank && !n.failed(); ++d) {
    Value size = m.constant(1);
    for (auto [e, dim] : llvm::enumerate(dims))
      size = m.select(m.equal(position, m.constant(e)), m.size(dim), size);
    sizes.push_back(m.select(isNew[d], m.constant(1), size));
    position = m.add(position, m.select(isNew[d], m.constant(0), m.constant(1)));
  }
  n.set(reshapeChecked(n, n.in(0), bindSizes(n, sizes, "shape")));
}

//===----------------------------------------------------------------------===//
// Slice, Pad
//===----------------------------------------------------------------------===//

/// The elements of one dimension at computed positions.
static Value takeAlong(OpImporter &n, Value input, int64_t axis, Value positions) {
  return n.make<GatherOp>(input, positions, axis);
}

/// For each dimension the value that comes with its axis, which is `otherwise` or
/// null for one that is not sliced. Without axes the first ones are.
static SmallVector<Value> pickForSlice(OpImporter &n, Value values, int64_t otherwise) {
  Numbers m(n);
  int64_t rank = n.rank(0);
  SmallVector<Value> picked(rank);
  std::optional<int64_t> count = n.failed() ? std::nullopt : getConstantDim(n.dims(values)[0]);
  std::optional<SmallVector<int64_t>> axes;
  if (!n.has(3) && count)
    axes = llvm::to_vector(llvm::seq<int64_t>(0, *count));
  else if (n.has(3) && n.known(3))
    axes = n.known(3)->getConstants();
  if (!n.failed() && axes && count == static_cast<int64_t>(axes->size())) {
    for (auto [i, axis] : llvm::enumerate(n.normalizeAxes(*axes, rank)))
      picked[axis] = m.at(values, i);
    return picked;
  }
  Value positions = n.failed() ? Value()
                    : n.has(3) ? m.vector(3)
                               : n.iota(n.dims(values)[0], n.b.getI64Type());
  SmallVector<Value> others(rank, m.constant(otherwise));
  return n.failed() ? picked : pickByAxis(n, positions, rank, values, others);
}

Value sliceByNumbers(OpImporter &n, Value input, int64_t axis, Value from, Value to, Value step,
                     AffineExpr start, AffineExpr expected) {
  Numbers m(n);
  if (n.failed())
    return nullptr;
  AffineExpr dim = n.dims(input)[axis];
  Value zero = m.constant(0), one = m.constant(1);
  Value size = m.size(dim), last = m.sub(size, one), isForward = m.less(zero, step);
  m.require(n.make<NotOp>(m.equal(step, zero)));
  // A step of 0 must not divide before the check has stopped the run.
  Value by = m.select(m.equal(step, zero), one, step);
  Value first = m.clamp(m.wrap(from, size), zero, m.select(isForward, size, last));
  Value end = m.clamp(m.wrap(to, size), m.select(isForward, zero, m.constant(-1)),
                      m.select(isForward, size, last));
  // ceil((end - first) / by)
  Value sign = m.select(isForward, one, m.constant(-1));
  Value length = m.div(m.sub(m.add(m.sub(end, first), by), sign), by);
  AffineExpr taken = n.bindSize(m.max(length, zero), "size." + Twine(axis), dim);
  if (start && taken == expected)
    return n.sliceDim(input, axis, start, taken);
  Value positions = m.add(first, m.mul(by, n.iota(taken, n.b.getI64Type())));
  return takeAlong(n, input, axis, positions);
}

void importDataSlice(OpImporter &n) {
  Numbers m(n);
  int64_t rank = n.rank(0);
  Value one = m.constant(1), starts = m.vector(1), ends = m.vector(2);
  if (n.failed())
    return;
  AffineExpr count = n.dims(starts)[0];
  n.unify(count, n.dims(ends)[0], "the numbers of starts and ends");
  Value steps = n.has(4) ? m.vector(4) : n.broadcastTo(one, {count});
  if (n.has(4) && !n.failed())
    n.unify(count, n.dims(steps)[0], "the numbers of starts and steps");
  if (n.has(3) && n.rank(3) == 1)
    n.unify(count, n.dims(3)[0], "the numbers of starts and axes");
  SmallVector<Value> from = pickForSlice(n, starts, 0);
  SmallVector<Value> to = pickForSlice(n, ends, INT64_MAX);
  SmallVector<Value> by = pickForSlice(n, steps, 1);
  Value result = n.in(0);
  for (int64_t d = 0; d < rank && !n.failed(); ++d)
    if (from[d])
      result = sliceByNumbers(n, result, d, from[d], to[d], by[d]);
  n.set(result);
}

void importDataPad(OpImporter &n, StringRef mode, Value fill) {
  Numbers m(n);
  int64_t rank = n.rank(0);
  Value pads = m.vector(1), zero = m.constant(0), one = m.constant(1);
  if (n.failed())
    return;
  if (!n.has(3))
    n.unify(n.dims(pads)[0], n.constant(2 * rank), "the number of pads and twice the rank");
  AffineExpr half = n.divide(n.dims(pads)[0], n.constant(2), "the number of pads");
  if (n.failed())
    return;
  Value axes = n.has(3) ? m.vector(3) : n.iota(half, n.b.getI64Type());
  SmallVector<Value> zeros(rank, zero);
  SmallVector<Value> before = pickByAxis(n, axes, rank, n.sliceDim(pads, 0, n.constant(0), half), zeros);
  SmallVector<Value> after = pickByAxis(n, axes, rank, n.sliceDim(pads, 0, half, half), zeros);
  Value result = n.in(0);
  for (int64_t d = 0; d < rank && !n.failed(); ++d) {
    AffineExpr dim = n.dims(result)[d];
    Value size = m.size(dim), last = m.sub(size, one);
    AffineExpr padded =
        n.bindSize(m.add(size, m.add(before[d], after[d])), "size." + Twine(d), nullptr);
    Value position = m.sub(n.iota(padded, n.b.getI64Type()), before[d]), source;
    if (mode == "wrap") {
      source = n.make<ModOp>(position, m.max(size, one));
    } else if (mode == "reflect") {
      // The period of 0, 1, ..., last, ..., 1.
      Value period = m.max(m.mul(last, m.constant(2)), one);
      Value phase = n.make<ModOp>(position, period);
      source = m.min(phase, m.sub(period, phase));
    } else {
      source = m.clamp(position, zero, last);
    }
    // Nothing can be read of an empty dimension, which only a constant pads.
    bool mayBeEmpty = n.symbols.isLess(n.constant(0), dim) != true;
    if (mode != "constant") {
      if (mayBeEmpty)
        m.require(n.make<OrOp>(m.less(zero, size), m.equal(m.size(padded), zero)));
      result = takeAlong(n, result, d, source);
      continue;
    }
    Value data = result;
    if (mayBeEmpty) {
      // One element more, which is never kept.
      Dims edge = n.dims(result);
      edge[d] = n.constant(1);
      data = n.concat({n.broadcastTo(fill, edge), result}, d);
      source = m.add(m.clamp(position, m.constant(-1), last), one);
    }
    Dims along(rank, n.constant(1));
    along[d] = padded;
    Value isInside = n.make<AndOp>(m.less(m.constant(-1), position), m.less(position, size));
    result = n.make<SelectOp>(n.reshape(isInside, along), takeAlong(n, data, d, source), fill);
  }
  n.set(result);
}

//===----------------------------------------------------------------------===//
// Range, NonZero
//===----------------------------------------------------------------------===//

void importDataRange(OpImporter &n) {
  Numbers m(n);
  Type element = n.elementType(0), i64 = n.b.getI64Type();
  Value start = n.reshape(n.in(0), {}), limit = n.reshape(n.in(1), {});
  Value step = n.reshape(n.in(2), {}), length;
  if (n.failed())
    return;
  if (isa<FloatType>(element)) {
    // A quotient of few bits would count wrongly.
    Type wide = element.isF64() ? element : n.b.getF32Type();
    auto widen = [&](Value x) { return n.convert(x, wide); };
    Value distance = n.make<SubOp>(widen(limit), widen(start));
    length = n.convert(n.make<CeilOp>(n.make<DivOp>(distance, widen(step))), i64);
  } else {
    Value zero = m.constant(0), one = m.constant(1), by = n.convert(step, i64);
    m.require(n.make<NotOp>(m.equal(by, zero)));
    by = m.select(m.equal(by, zero), one, by);
    Value sign = m.select(m.less(zero, by), one, m.constant(-1));
    Value distance = m.sub(n.convert(limit, i64), n.convert(start, i64));
    length = m.div(m.sub(m.add(distance, by), sign), by);
  }
  AffineExpr size = n.bindSize(m.max(length, m.constant(0)), "length", nullptr);
  n.set(n.make<AddOp>(start, n.make<MulOp>(step, n.iota(size, element))));
}

Value findNonZero(OpImporter &n, Value input) {
  Numbers m(n);
  Type i64 = n.b.getI64Type();
  if (n.failed())
    return nullptr;
  AffineExpr total = normalizeDim(getNumElements(n.dims(input), n.b.getContext()));
  Value flat = n.reshape(input, {total});
  Value isSet = n.convert(
      getElementTypeOrSelf(flat).isInteger(1)
          ? flat
          : n.compare(ComparePredicate::NE, flat, n.scalarLike(flat, 0)),
      i64);
  AffineExpr count = n.bindSize(m.sum(isSet), "count", total);
  // Element i goes to the place that the ones before it leave, and the others
  // to one place behind them all.
  Value place = n.make<CumSumOp>(isSet, /*axis=*/0, /*exclusive=*/true, /*reverse=*/false);
  place = m.select(m.equal(isSet, m.constant(1)), place, m.size(count));
  Value room = n.broadcastTo(m.constant(0), {count + 1});
  Value found = n.make<ScatterElementsOp>(room, place, n.iota(total, i64), /*axis=*/0,
                                          ScatterReduction::None);
  return n.sliceDim(found, 0, n.constant(0), count);
}

void importDataNonZero(OpImporter &n) {
  Numbers m(n);
  Value input = n.in(0), positions = findNonZero(n, input);
  if (n.failed())
    return;
  Dims dims = n.dims(0);
  AffineExpr count = n.dims(positions)[0];
  // A scalar counts as a vector of one element that has no position.
  if (dims.empty())
    return n.set(n.reshape(n.sliceDim(positions, 0, n.constant(0), n.constant(0)), {n.constant(0), count}));
  SmallVector<Value> rows;
  Value rest = positions;
  for (AffineExpr dim : llvm::reverse(dims)) {
    Value size = m.max(m.size(dim), m.constant(1));
    rows.push_back(n.reshape(n.make<ModOp>(rest, size), {n.constant(1), count}));
    rest = m.div(rest, size);
  }
  std::reverse(rows.begin(), rows.end());
  n.set(n.concat(rows, 0));
}

//===----------------------------------------------------------------------===//
// Reductions
//===----------------------------------------------------------------------===//

/// What a reduction of nothing gives.
static Value makeIdentity(OpImporter &n, ReduceKind kind, Type element) {
  auto type = RankedTensorType::get({}, element);
  if (kind == ReduceKind::Sum || kind == ReduceKind::Mean)
    return n.scalar(element, 0);
  if (kind == ReduceKind::Prod)
    return n.scalar(element, 1);
  bool isMax = kind == ReduceKind::Max;
  if (isa<FloatType>(element))
    return n.scalar(element, isMax ? -HUGE_VAL : HUGE_VAL);
  unsigned width = element.getIntOrFloatBitWidth();
  bool isUnsigned = element.isUnsignedInteger() || width == 1;
  APInt value = isUnsigned ? (isMax ? APInt::getZero(width) : APInt::getMaxValue(width))
                           : (isMax ? APInt::getSignedMinValue(width)
                                    : APInt::getSignedMaxValue(width));
  return n.makeConstant(DenseElementsAttr::get(type, value));
}

static ScatterReduction getScatterReduction(ReduceKind kind) {
  switch (kind) {
  case ReduceKind::Max:
    return ScatterReduction::Max;
  case ReduceKind::Min:
    return ScatterReduction::Min;
  case ReduceKind::Prod:
    return ScatterReduction::Mul;
  default:
    return ScatterReduction::Add;
  }
}

/// Dimension by dimension, elements are combined at position 0 where the
/// dimension is reduced, and each at its own where it is not.
Value reduceByAxes(OpImporter &n, ReduceKind kind, Value input, ArrayRef<Value> isReduced) {
  Numbers m(n);
  if (n.failed())
    return nullptr;
  Type element = getElementTypeOrSelf(input), i64 = n.b.getI64Type();
  Value identity = makeIdentity(n, kind, element), one = m.constant(1), count = one;
  int64_t rank = isReduced.size();
  for (int64_t d = 0; d < rank && !n.failed(); ++d) {
    Dims dims = n.dims(input), result = dims, along(rank, n.constant(1));
    Value size = m.select(isReduced[d], one, m.size(dims[d]));
    count = m.mul(count, m.select(isReduced[d], m.size(dims[d]), one));
    result[d] = n.bindSize(size, "size." + Twine(d), nullptr);
    along[d] = dims[d];
    Value positions = n.reshape(n.iota(dims[d], i64), along);
    positions = m.select(isReduced[d], m.constant(0), positions);
    input = n.make<ScatterElementsOp>(n.broadcastTo(identity, result),
                                      n.broadcastTo(positions, dims), input, d,
                                      getScatterReduction(kind));
  }
  if (kind == ReduceKind::Mean)
    input = n.make<DivOp>(input, n.convert(count, element));
  return input;
}

} // namespace winnow::import
