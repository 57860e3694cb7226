//===- Selection.cpp - Elements that the data selects ---------------------===//
//
// Compress, Unique and NonMaxSuppression: how many elements their results have,
// only the run shows.
//
//===----------------------------------------------------------------------===//

#include "DataShapes.h"
#include "OpTable.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;

namespace winnow::import {

static AffineExpr countElements(OpImporter &n, ArrayRef<AffineExpr> dims) {
  return normalizeDim(getNumElements(dims, n.b.getContext()));
}

//===----------------------------------------------------------------------===//
// Compress
//===----------------------------------------------------------------------===//

static void importCompress(OpImporter &n) {
  Value x = n.in(0), condition = n.in(1);
  int64_t axis = 0;
  if (n.hasAttr("axis"))
    axis = n.normalizeAxis(n.intAttr("axis", 0), n.rank(0));
  else
    x = n.reshape(x, {countElements(n, n.dims(0))});
  if (!n.failed() && n.rank(1) != 1)
    n.invalid("expected a condition of rank 1, got rank " + Twine(n.rank(1)));
  if (n.failed())
    return;
  // Conditions beyond the last element select nothing.
  AffineExpr size = n.dims(x)[axis], length = n.dims(1)[0];
  if (n.symbols.isNonNegative(size - length) != true) {
    if (n.symbols.isNonNegative(length - size) == true) {
      condition = n.sliceDim(condition, 0, n.constant(0), size);
    } else {
      Value isInside = Numbers(n).less(n.iota(length, n.b.getI64Type()), Numbers(n).size(size));
      condition = n.make<AndOp>(condition, isInside);
    }
  }
  Value positions = findNonZero(n, condition);
  n.set(n.failed() ? Value() : n.make<GatherOp>(x, positions, axis));
}

//===----------------------------------------------------------------------===//
// Unique
//===----------------------------------------------------------------------===//

/// The order that sorts the rows of a matrix lexicographically; equal rows keep
/// theirs. Columns are sorted from the last to the first.
static Value sortRows(OpImporter &n, Value rows) {
  if (n.failed())
    return nullptr;
  Dims dims = n.dims(rows);
  Type i64 = n.b.getI64Type();
  RankedTensorType order = n.makeType({dims[0]}, i64);
  auto sort = [&](Value keys) -> Value {
    RankedTensorType types[] = {n.makeType({dims[0]}, getElementTypeOrSelf(rows)), order};
    auto sorted = n.makeMany<TopKOp>(types, keys, /*axis=*/0, /*largest=*/false);
    return sorted ? Value(sorted.getIndices()) : Value();
  };
  if (isConstantDim(dims[1], 1))
    return sort(n.reshape(rows, {dims[0]}));
  Value columns = n.transpose(rows, {1, 0}), last = n.makeIndex(normalizeDim(dims[1] - 1));
  Value first = n.iota(dims[0], i64), end = n.makeIndex(dims[1]);
  if (n.failed())
    return nullptr;
  Value zero = arith::ConstantIndexOp::create(n.b, n.loc, 0);
  Value one = arith::ConstantIndexOp::create(n.b, n.loc, 1);
  auto loop = scf::ForOp::create(n.b, n.loc, zero, end, one, first);
  OpBuilder::InsertionGuard guard(n.b);
  n.b.setInsertionPointToStart(loop.getBody());
  Value at = arith::SubIOp::create(n.b, n.loc, last, loop.getInductionVar());
  Value before = loop.getRegionIterArg(0);
  Value keys = n.make<GatherOp>(n.make<ExtractAtOp>(columns, at), before, 0);
  Value next = n.failed() ? Value() : n.make<GatherOp>(before, sort(keys), 0);
  if (n.failed())
    return nullptr;
  scf::YieldOp::create(n.b, n.loc, next);
  return loop.getResult(0);
}

/// Which rows differ from the one before them. NaN is equal to NaN.
static Value findBreaks(OpImporter &n, Value rows) {
  if (n.failed())
    return nullptr;
  Numbers m(n);
  Value position = n.iota(n.dims(rows)[0], n.b.getI64Type());
  Value before = n.make<GatherOp>(rows, m.max(m.sub(position, m.constant(1)), m.constant(0)), 0);
  Value differ = n.compare(ComparePredicate::NE, rows, before);
  if (isa<FloatType>(getElementTypeOrSelf(rows))) {
    Value areBothNaN = n.make<AndOp>(n.compare(ComparePredicate::NE, rows, rows),
                                     n.compare(ComparePredicate::NE, before, before));
    differ = n.make<AndOp>(differ, n.make<NotOp>(areBothNaN));
  }
  Value count = n.reduce(ReduceKind::Sum, n.convert(differ, n.b.getI64Type()), {1}, false);
  return n.make<OrOp>(m.less(m.constant(0), count), m.equal(position, m.constant(0)));
}

/// `values` at their places in a vector of `size` elements.
static Value scatter(OpImporter &n, Value places, Value values, AffineExpr size,
                     ScatterReduction reduction = ScatterReduction::None) {
  if (n.failed())
    return nullptr;
  Value room = n.broadcastTo(n.scalarLike(values, 0), {size});
  return n.failed() ? Value()
                    : n.make<ScatterElementsOp>(room, places, values, /*axis=*/0, reduction);
}

/// Sorts rows, so that equal ones are neighbours: these are numbered in their
/// order, or with sorted = 0 in that of their first ones.
static void importUnique(OpImporter &n) {
  Numbers m(n);
  Dims dims = n.dims(0);
  Value x = n.in(0);
  int64_t axis = 0;
  if (!n.hasAttr("axis"))
    dims = {countElements(n, dims)};
  else
    axis = n.normalizeAxis(n.intAttr("axis", 0), n.rank(0));
  x = n.reshape(x, dims);
  if (n.failed())
    return;
  SmallVector<int64_t> toFront = llvm::to_vector(llvm::seq<int64_t>(0, dims.size()));
  std::rotate(toFront.begin(), toFront.begin() + axis, toFront.begin() + axis + 1);
  Value rows = axis ? n.transpose(x, toFront) : x;
  Dims inner(dims);
  inner.erase(inner.begin() + axis);
  AffineExpr size = dims[axis];
  rows = n.reshape(rows, {size, countElements(n, inner)});

  Type i64 = n.b.getI64Type();
  Value order = sortRows(n, rows);
  Value breaks = n.failed() ? Value() : findBreaks(n, n.make<GatherOp>(rows, order, 0));
  Value starts = findNonZero(n, breaks);
  if (n.failed())
    return;
  AffineExpr count = n.dims(starts)[0];
  // By unique row: its first place. By sorted row: the number of its unique row.
  Value firsts = n.make<GatherOp>(order, starts, 0);
  Value numbers = m.sub(n.make<CumSumOp>(n.convert(breaks, i64), 0, false, false), m.constant(1));
  if (!n.intAttr("sorted", 1)) {
    RankedTensorType type = n.makeType({count}, i64);
    auto sorted = n.makeMany<TopKOp>({type, type}, firsts, 0, /*largest=*/false);
    if (!sorted)
      return;
    firsts = sorted.getValues();
    numbers =
        n.make<GatherOp>(scatter(n, sorted.getIndices(), n.iota(count, i64), count), numbers, 0);
  }
  n.set(0, n.make<GatherOp>(x, firsts, axis));
  if (n.isUsed(1))
    n.set(1, firsts);
  if (n.isUsed(2))
    n.set(2, scatter(n, order, numbers, size));
  if (n.isUsed(3))
    n.set(3,
          scatter(n, numbers, n.broadcastTo(m.constant(1), {size}), count, ScatterReduction::Add));
}

//===----------------------------------------------------------------------===//
// NonMaxSuppression
//===----------------------------------------------------------------------===//

namespace {
/// Corners and area of boxes: tensors of the boxes' dimensions but the last.
struct Boxes {
  Value low[2], high[2], area;
};
} // namespace

static Boxes getBoxes(OpImporter &n, Value boxes, bool isCenter) {
  Boxes result;
  if (n.failed())
    return result;
  Dims dims = n.dims(boxes);
  int64_t last = dims.size() - 1;
  auto part = [&](int64_t i) {
    return n.reshape(n.sliceDim(boxes, last, n.constant(i), n.constant(1)),
                     ArrayRef(dims).drop_back());
  };
  for (int64_t d = 0; d < 2; ++d) {
    Value a = part(d), b = part(d + 2);
    if (isCenter) {
      Value half = n.make<DivOp>(b, n.scalar(n.b.getF32Type(), 2));
      result.low[d] = n.make<SubOp>(a, half);
      result.high[d] = n.make<AddOp>(a, half);
    } else {
      result.low[d] = n.make<MinimumOp>(a, b);
      result.high[d] = n.make<MaximumOp>(a, b);
    }
  }
  result.area = n.make<MulOp>(n.make<SubOp>(result.high[0], result.low[0]),
                              n.make<SubOp>(result.high[1], result.low[1]));
  return result;
}

/// Which pairs share more than `threshold` of what they cover together.
static Value overlap(OpImporter &n, const Boxes &a, const Boxes &b, Value threshold) {
  Value zero = n.scalar(n.b.getF32Type(), 0), common;
  for (int64_t d = 0; d < 2; ++d) {
    Value length = n.make<SubOp>(n.make<MinimumOp>(a.high[d], b.high[d]),
                                 n.make<MaximumOp>(a.low[d], b.low[d]));
    length = n.make<MaximumOp>(length, zero);
    common = d ? n.make<MulOp>(common, length) : length;
  }
  auto isPositive = [&](Value x) { return n.compare(ComparePredicate::LT, zero, x); };
  Value together = n.make<SubOp>(n.make<AddOp>(a.area, b.area), common);
  Value ratio = n.make<DivOp>(
      common, n.make<SelectOp>(isPositive(common), together, n.scalar(n.b.getF32Type(), 1)));
  Value result = n.make<AndOp>(isPositive(common), isPositive(together));
  result = n.make<AndOp>(result, n.make<AndOp>(isPositive(a.area), isPositive(b.area)));
  return n.make<AndOp>(result, n.compare(ComparePredicate::GT, ratio, threshold));
}

namespace {
struct Suppression {
  AffineExpr batch, classes, count;
  /// At most so many boxes of a class.
  AffineExpr limit;
  Value boxes, threshold;
  bool isCenter;
};
} // namespace

/// Takes the first box that is left of each class, [batch, classes, 1], or -1
/// where none is left, and strikes out what it suppresses. `ranks` are greatest
/// for the first, and 0 for boxes that are out.
static Value takeFirst(OpImporter &n, const Suppression &s, const Boxes &all, Value &ranks) {
  AffineExpr one = n.constant(1);
  Type i64 = n.b.getI64Type();
  RankedTensorType best = n.makeType({s.batch, s.classes, one}, i64);
  auto first = n.makeMany<TopKOp>({best, best}, ranks, /*axis=*/2, /*largest=*/true);
  if (!first)
    return nullptr;
  Value box = n.make<GatherNDOp>(
      s.boxes, n.reshape(first.getIndices(), {s.batch, s.classes, one, one}), /*batchDims=*/1);
  Value zero = n.scalar(i64, 0);
  Value isLeft = n.compare(ComparePredicate::LT, zero, first.getValues());
  Value isOut = overlap(n, getBoxes(n, box, s.isCenter), all, s.threshold);
  // A box without an area does not suppress itself.
  isOut = n.make<OrOp>(isOut, n.compare(ComparePredicate::EQ, ranks, first.getValues()));
  ranks = n.make<SelectOp>(n.make<AndOp>(isLeft, isOut), zero, ranks);
  return n.make<SelectOp>(isLeft, first.getIndices(), n.scalar(i64, -1));
}

/// All boxes that takeFirst takes: [limit, batch, classes, 1].
static Value suppress(OpImporter &n, const Suppression &s, Value ranks) {
  Boxes all =
      getBoxes(n, n.reshape(s.boxes, {s.batch, n.constant(1), s.count, n.constant(4)}), s.isCenter);
  Value taken =
      n.broadcastTo(n.scalar(n.b.getI64Type(), -1), {s.limit, s.batch, s.classes, n.constant(1)});
  Value limit = n.makeIndex(s.limit);
  if (n.failed())
    return nullptr;
  OpBuilder &b = n.b;
  SmallVector<Value> starts = {arith::ConstantIndexOp::create(b, n.loc, 0),
                               arith::ConstantIntOp::create(b, n.loc, b.getI1Type(), 1), ranks,
                               taken};
  SmallVector<Type> types(ValueRange(starts).getTypes());
  SmallVector<Location> locs(types.size(), n.loc);
  auto loop = scf::WhileOp::create(b, n.loc, types, starts);
  OpBuilder::InsertionGuard guard(b);
  Block *before = b.createBlock(&loop.getBefore(), {}, types, locs);
  Value isBelow =
      arith::CmpIOp::create(b, n.loc, arith::CmpIPredicate::slt, before->getArgument(0), limit);
  Value goesOn = arith::AndIOp::create(b, n.loc, before->getArgument(1), isBelow);
  scf::ConditionOp::create(b, n.loc, goesOn, before->getArguments());
  Block *after = b.createBlock(&loop.getAfter(), {}, types, locs);
  b.setInsertionPointToStart(after);
  Value index = after->getArgument(0);
  ranks = after->getArgument(2);
  Value first = takeFirst(n, s, all, ranks);
  taken = n.failed() ? Value() : n.make<InsertAtOp>(first, after->getArgument(3), index);
  Value most = n.failed() ? Value() : n.reduce(ReduceKind::Max, ranks, {0, 1, 2}, false);
  Value isAnyLeft = n.compare(ComparePredicate::LT, n.scalar(b.getI64Type(), 0), most);
  if (n.failed())
    return nullptr;
  Value one = arith::ConstantIndexOp::create(b, n.loc, 1);
  scf::YieldOp::create(b, n.loc,
                       ValueRange{arith::AddIOp::create(b, n.loc, index, one),
                                  tensor::ExtractOp::create(b, n.loc, isAnyLeft, ValueRange()),
                                  ranks, taken});
  return loop.getResult(3);
}

/// For every batch element and class, the boxes from the highest score down; of
/// equal scores the box with the lower index is first. 0: the score is too low.
static Value rankBoxes(OpImporter &n, const Suppression &s, Value scores) {
  Numbers m(n);
  Type i64 = n.b.getI64Type();
  Dims dims = {s.batch, s.classes, s.count};
  auto sorted = n.makeMany<TopKOp>(
      {n.makeType(dims, getElementTypeOrSelf(scores)), n.makeType(dims, i64)}, scores, /*axis=*/2,
      /*largest=*/true);
  if (!sorted)
    return nullptr;
  Value ranks = n.broadcastTo(m.sub(m.size(s.count), n.iota(s.count, i64)), dims);
  Value isHigh;
  if (n.has(4))
    isHigh = n.compare(ComparePredicate::GT, scores, n.reshape(n.in(4), {}));
  if (n.failed())
    return nullptr;
  ranks = n.make<ScatterElementsOp>(n.broadcastTo(m.constant(0), dims), sorted.getIndices(), ranks,
                                    /*axis=*/2, ScatterReduction::None);
  return isHigh ? n.make<SelectOp>(isHigh, ranks, m.constant(0)) : ranks;
}

/// How many boxes of a class are taken at most, never more than there are.
static AffineExpr getLimit(OpImporter &n, AffineExpr count) {
  Numbers m(n);
  if (!n.has(2))
    return n.constant(0);
  const KnownTensor *known = n.known(2);
  AffineExpr wanted = known && known->elements.size() == 1 ? known->elements[0] : AffineExpr();
  if (wanted && n.symbols.isNonNegative(-wanted) == true)
    return n.constant(0);
  if (wanted && n.symbols.isNonNegative(wanted - count) == true)
    return count;
  if (wanted && n.symbols.isNonNegative(wanted) == true &&
      n.symbols.isNonNegative(count - wanted) == true)
    return wanted;
  // A small number is a better bound than the number of boxes; some models write
  // "all" as a large one.
  std::optional<int64_t> number = wanted ? getConstantDim(wanted) : std::nullopt;
  AffineExpr bound = number && *number < 1 << 16 ? wanted : count;
  return n.bindSize(m.clamp(m.scalar(2), m.constant(0), m.size(count)), "limit", bound);
}

static void importNonMaxSuppression(OpImporter &n) {
  if (n.rank(0) != 3 || n.rank(1) != 3)
    return n.invalid("expected boxes and scores of rank 3, got ranks " + Twine(n.rank(0)) +
                     " and " + Twine(n.rank(1)));
  Dims boxes = n.dims(0), scores = n.dims(1);
  n.unify(boxes[0], scores[0], "the batches of boxes and scores");
  n.unify(boxes[1], scores[2], "the numbers of boxes and scores");
  n.unify(boxes[2], n.constant(4), "the numbers of a box and 4");
  for (size_t i = 0; i < 5; ++i)
    if (n.has(i) && i != 2 && !n.elementType(i).isF32())
      n.invalid("expected float32 values as input " + Twine(i) + ", got " +
                getDtypeName(n.elementType(i)));
  for (size_t i = 3; i < 5; ++i)
    if (n.has(i))
      n.unify(normalizeDim(getNumElements(n.dims(i), n.b.getContext())), n.constant(1),
              "the elements of input " + Twine(i) + " and 1");
  int64_t isCenter = n.intAttr("center_point_box", 0);
  if (!n.failed() && isCenter != 0 && isCenter != 1)
    n.invalid("expected a center_point_box of 0 or 1, got " + Twine(isCenter));
  if (n.failed())
    return;
  Suppression s{boxes[0], scores[1], boxes[1],     getLimit(n, boxes[1]),
                n.in(0),  Value(),   isCenter != 0};
  if (n.failed())
    return;
  s.threshold = n.has(3) ? n.reshape(n.in(3), {}) : n.scalar(n.b.getF32Type(), 0);
  if (n.failed())
    return;
  Value ranks = rankBoxes(n, s, n.in(1));
  Value taken = n.failed() ? Value() : suppress(n, s, ranks);
  if (n.failed())
    return;
  // The places of what was taken, by batch element, class and score.
  taken = n.transpose(taken, {1, 2, 0, 3});
  Value all = n.reshape(taken, {countElements(n, {s.batch, s.classes, s.limit})});
  Value places =
      findNonZero(n, n.compare(ComparePredicate::LE, n.scalar(n.b.getI64Type(), 0), all));
  if (n.failed())
    return;
  Numbers m(n);
  Value rest = m.div(places, m.max(m.size(s.limit), m.constant(1)));
  Value classes = m.max(m.size(s.classes), m.constant(1));
  SmallVector<Value> columns = {m.div(rest, classes), n.make<ModOp>(rest, classes),
                                n.make<GatherOp>(all, places, 0)};
  for (Value &column : columns)
    column = n.reshape(column, {n.dims(places)[0], n.constant(1)});
  n.set(n.failed() ? Value() : n.concat(columns, 1));
}

ArrayRef<OpEntry> getSelectionOps() {
  static const OpEntry ops[] = {
      {"Compress", 9, kMaxOpset, 2, 2, importCompress},
      {"NonMaxSuppression", 10, kMaxOpset, 2, 5, importNonMaxSuppression},
      {"Unique", 11, kMaxOpset, 1, 1, importUnique, 4},
  };
  return ops;
}

} // namespace winnow::import
