#include "DataShapes.h"
#include "OpTable.h"

using namespace mlir;

namespace winnow::import {

namespace {
struct Reduction {
  SmallVector<int64_t> axes;
  /// Which dimensions are reduced, where data says that; else empty.
  SmallVector<Value> isReduced;
  int64_t numReduced = 0;
  bool keepdims = true;
  /// No axes were given and that means none, not all.
  bool isNoop = false;
};
} // namespace

/// Axes that data gives, unless their number says which they are; false for
/// others.
static bool findDataAxes(OpImporter &n, Reduction &r) {
  if (n.known(1) && n.known(1)->getConstants())
    return false;
  Dims count = n.dims(1);
  if (r.keepdims && count.size() == 1 && !getConstantDim(count[0])) {
    Numbers m(n);
    Value isEmpty = m.equal(m.size(count[0]), m.constant(0));
    r.isReduced = findAxes(n, m.vector(1), n.rank(0));
    // No axes at all mean all of them.
    if (!n.intAttr("noop_with_empty_axes", 0))
      for (Value &isReduced : r.isReduced)
        isReduced = n.make<OrOp>(isReduced, isEmpty);
    return true;
  }
  std::optional<int64_t> number;
  if (n.declaredRank)
    number = n.rank(0) - *n.declaredRank;
  number = n.lengthForRank(1, number);
  if (!number)
    return true;
  if (*number > n.rank(0)) {
    n.invalid("expected at most " + Twine(n.rank(0)) + " axes, got " + Twine(*number));
    return true;
  }
  r.numReduced = *number;
  if (*number == 0)
    return true;
  if (*number == n.rank(0)) {
    r.axes = llvm::to_vector(llvm::seq<int64_t>(0, n.rank(0)));
    return true;
  }
  r.isReduced = findAxes(n, Numbers(n).vector(1), n.rank(0));
  return true;
}

/// The axes are an attribute until `inputSince`, then an input.
static Reduction getReduction(OpImporter &n, int64_t inputSince) {
  Reduction r;
  r.keepdims = n.intAttr("keepdims", 1);
  std::optional<SmallVector<int64_t>> axes;
  if (n.opset < inputSince)
    axes = n.intsAttr("axes");
  else if (n.has(1) && !findDataAxes(n, r))
    axes = n.constants(1, "axes");
  if (n.failed() || !r.isReduced.empty() || !r.axes.empty())
    return r;
  if (!axes || axes->empty()) {
    r.isNoop = n.opset >= inputSince && n.intAttr("noop_with_empty_axes", 0);
    if (!r.isNoop)
      r.axes = llvm::to_vector(llvm::seq<int64_t>(0, n.rank(0)));
    return r;
  }
  r.axes = n.normalizeAxes(*axes, n.rank(0));
  llvm::sort(r.axes);
  return r;
}

/// Folds a known vector to one element.
static bool foldKnown(OpImporter &n, ReduceKind kind, const Reduction &r) {
  const KnownTensor *known = n.known(0);
  if (n.failed() || !known || known->rank() != 1 || r.axes.size() != 1 || known->elements.empty())
    return false;
  AffineExpr result = known->elements.front();
  for (AffineExpr next : ArrayRef(known->elements).drop_front()) {
    std::optional<bool> isLess = n.symbols.isLess(result, next);
    if (kind == ReduceKind::Prod)
      result = normalizeDim(result * next);
    else if (kind == ReduceKind::Sum)
      result = normalizeDim(result + next);
    else if (isLess && (kind == ReduceKind::Max || kind == ReduceKind::Min))
      result = *isLess == (kind == ReduceKind::Max) ? next : result;
    else
      return false;
  }
  KnownTensor folded{known->elementType, {}, {result}};
  if (r.keepdims)
    folded.shape.push_back(1);
  n.setKnown(folded);
  return true;
}

static Value reduce(OpImporter &n, ReduceKind kind, Value input, const Reduction &r,
                    bool keepdims) {
  if (r.isReduced.empty())
    return n.reduce(kind, input, r.axes, keepdims);
  Value result = reduceByAxes(n, kind, input, r.isReduced);
  return keepdims ? result : dropAxes(n, result, r.isReduced, r.numReduced);
}

template <ReduceKind kind, int64_t inputSince> static void importReduce(OpImporter &n) {
  Reduction r = getReduction(n, inputSince);
  if (foldKnown(n, kind, r))
    return;
  if (r.isNoop)
    return n.forward(0);
  n.set(reduce(n, kind, n.in(0), r, r.keepdims));
}

/// after(sum(before(x)))
template <Value (*before)(OpImporter &, Value), Value (*after)(OpImporter &, Value)>
static void importReduceSum(OpImporter &n) {
  Reduction r = getReduction(n, 18);
  Value x = before(n, n.in(0));
  n.set(after(n, reduce(n, ReduceKind::Sum, x, r, r.keepdims)));
}

static Value same(OpImporter &, Value x) { return x; }
static Value absolute(OpImporter &n, Value x) { return n.make<AbsOp>(x); }
static Value square(OpImporter &n, Value x) { return n.make<MulOp>(x, x); }
static Value squareRoot(OpImporter &n, Value x) { return n.make<SqrtOp>(x); }
static Value logarithm(OpImporter &n, Value x) { return n.make<LogOp>(x); }

/// A reduction's result along the input again.
static Value spread(OpImporter &n, Value result, ArrayRef<AffineExpr> dims, const Reduction &r) {
  Numbers m(n);
  for (auto [d, dim] : llvm::enumerate(dims)) {
    if (n.failed())
      return nullptr;
    Value position = n.iota(dim, n.b.getI64Type());
    result = n.make<GatherOp>(result, m.select(r.isReduced[d], m.constant(0), position),
                              static_cast<int64_t>(d));
  }
  return result;
}

/// max + log(sum(exp(x - max))), which does not overflow.
static void importReduceLogSumExp(OpImporter &n) {
  Reduction r = getReduction(n, 18);
  Value x = n.in(0);
  Value max = reduce(n, ReduceKind::Max, x, r, /*keepdims=*/true);
  if (n.failed())
    return;
  // The maximum is as large as the sum, and repeats along the input.
  Value shifted = r.isReduced.empty() ? n.make<SubOp>(x, max) : n.make<SubOp>(x, spread(n, max, n.dims(0), r));
  Value sum = reduce(n, ReduceKind::Sum, n.make<ExpOp>(shifted), r, /*keepdims=*/true);
  Value result = n.make<AddOp>(max, n.make<LogOp>(sum));
  if (n.failed())
    return;
  if (!r.isReduced.empty())
    return n.set(r.keepdims ? result : dropAxes(n, result, r.isReduced, r.numReduced));
  Dims dims;
  for (auto [i, dim] : llvm::enumerate(n.dims(result)))
    if (r.keepdims || !llvm::is_contained(r.axes, static_cast<int64_t>(i)))
      dims.push_back(dim);
  n.set(n.reshape(result, dims));
}

/// The first, or last, position whose element equals the extreme one.
template <ReduceKind kind> static void importArgExtreme(OpImporter &n) {
  int64_t axis = n.intAttr("axis", 0);
  bool keepdims = n.intAttr("keepdims", 1);
  bool last = n.opset >= 12 && n.intAttr("select_last_index", 0);
  axis = n.normalizeAxis(axis, n.rank(0));
  if (n.failed())
    return;
  Type i64 = n.b.getI64Type();
  AffineExpr size = n.dims(0)[axis];
  Value x = n.in(0);
  Value isBest = n.compare(ComparePredicate::EQ, x, n.reduce(kind, x, {axis}, true));
  Dims along(n.rank(0), n.constant(1));
  along[axis] = size;
  Value positions = n.reshape(n.iota(size, i64), along);
  // Where nothing is equal, because of NaN, the index stays in range.
  Value other = last ? n.scalar(i64, 0) : n.makeKnown(KnownTensor{i64, {}, {size - 1}});
  Value candidates = n.make<SelectOp>(isBest, positions, other);
  n.set(n.reduce(last ? ReduceKind::Max : ReduceKind::Min, candidates, {axis}, keepdims));
}

/// Along an axis that only data knows: one of the results along all axes.
template <typename OpTy>
static Value pickCumulative(OpImporter &n, bool exclusive, bool reverse) {
  Dims single = n.dims(0);
  single.insert(single.begin(), n.constant(1));
  SmallVector<Value> results;
  for (int64_t axis = 0; axis < n.rank(0); ++axis)
    results.push_back(n.reshape(n.make<OpTy>(n.in(0), axis, exclusive, reverse), single));
  Value axis = n.reshape(n.in(1), {});
  return n.failed() ? Value() : n.make<GatherOp>(n.concat(results, 0), axis, 0);
}

template <typename OpTy> static void importCumulative(OpImporter &n) {
  bool exclusive = n.intAttr("exclusive", 0), reverse = n.intAttr("reverse", 0);
  if (n.rank(0) == 0)
    return n.invalid("expected an input of rank 1 or more, got rank 0");
  if (!isConstantDim(getNumElements(n.dims(1), n.b.getContext()), 1))
    return n.invalid("expected one axis, got shape " + n.text(n.dims(1)));
  if (!n.known(1))
    return n.set(pickCumulative<OpTy>(n, exclusive, reverse));
  SmallVector<int64_t> axis = n.constants(1, "axis");
  if (n.failed())
    return;
  int64_t along = n.normalizeAxis(axis.front(), n.rank(0));
  n.set(n.make<OpTy>(n.in(0), along, exclusive, reverse));
}

ArrayRef<OpEntry> getReductionOps() {
  using K = ReduceKind;
  static const OpEntry ops[] = {
      {"ArgMax", 1, kMaxOpset, 1, 1, importArgExtreme<K::Max>},
      {"ArgMin", 1, kMaxOpset, 1, 1, importArgExtreme<K::Min>},
      {"CumProd", 26, kMaxOpset, 2, 2, importCumulative<CumProdOp>},
      {"CumSum", 11, kMaxOpset, 2, 2, importCumulative<CumSumOp>},
      {"ReduceL1", 1, kMaxOpset, 1, 2, importReduceSum<absolute, same>},
      {"ReduceL2", 1, kMaxOpset, 1, 2, importReduceSum<square, squareRoot>},
      {"ReduceLogSum", 1, kMaxOpset, 1, 2, importReduceSum<same, logarithm>},
      {"ReduceLogSumExp", 1, kMaxOpset, 1, 2, importReduceLogSumExp},
      {"ReduceMax", 1, kMaxOpset, 1, 2, importReduce<K::Max, 18>},
      {"ReduceMean", 1, kMaxOpset, 1, 2, importReduce<K::Mean, 18>},
      {"ReduceMin", 1, kMaxOpset, 1, 2, importReduce<K::Min, 18>},
      {"ReduceProd", 1, kMaxOpset, 1, 2, importReduce<K::Prod, 18>},
      {"ReduceSum", 1, kMaxOpset, 1, 2, importReduce<K::Sum, 13>},
      {"ReduceSumSquare", 1, kMaxOpset, 1, 2, importReduceSum<square, same>},
  };
  return ops;
}

} // namespace winnow::import
