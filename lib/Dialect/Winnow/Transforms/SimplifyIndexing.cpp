#include "IndexExpr.h"
#include "Simplify.h"
#include "winnow/Dialect/Winnow/IR/DimAlgebra.h"

using namespace mlir;
using namespace winnow;

namespace {

//===----------------------------------------------------------------------===//
// Positions
//===----------------------------------------------------------------------===//

/// Where an index counts 0, 1, 2, ... in row-major order over some of its
/// dimensions and ignores the others: how far it counts.
struct Enumeration {
  /// The index's dimensions, with 1 for those that it ignores.
  Dims dims;
};

std::optional<Enumeration> getEnumeration(const LinearIndex &index) {
  if (!isConstantDim(simplifyAffineExpr(index.offset, 0, index.numSymbols), 0))
    return std::nullopt;
  MLIRContext *context = index.offset.getContext();
  AffineExpr one = getAffineConstantExpr(1, context);
  Enumeration result{Dims(index.dims.size(), one)};
  Dims stride;
  for (int64_t i = static_cast<int64_t>(index.dims.size()) - 1; i >= 0; --i) {
    AffineExpr coefficient = simplifyAffineExpr(index.coefficients[i], 0, index.numSymbols);
    if (isConstantDim(coefficient, 0))
      continue;
    if (!isSameProduct({coefficient}, stride, index.numSymbols))
      return std::nullopt;
    result.dims[i] = index.dims[i];
    stride.push_back(index.dims[i]);
  }
  return result;
}

/// `value` with `dims`, then repeated to `type`.
Value reshapeAndBroadcast(PatternRewriter &rewriter, Location loc, Value value,
                          ArrayRef<AffineExpr> dims, RankedTensorType type,
                          unsigned numSymbols) {
  value = reshapeTo(rewriter, loc, value, dims, numSymbols);
  if (value.getType() == type)
    return value;
  return BroadcastToOp::create(rewriter, loc, type, value);
}

/// The largest value of a dimension, where the symbols have bounds.
std::optional<int64_t> getUpperBound(AffineExpr expr, ArrayRef<SymbolInfo> symbols) {
  if (std::optional<int64_t> constant = getConstantDim(expr))
    return constant;
  auto symbol = dyn_cast_or_null<AffineSymbolExpr>(expr);
  if (!symbol || symbol.getPosition() >= symbols.size() ||
      symbols[symbol.getPosition()].max == INT64_MAX)
    return std::nullopt;
  return symbols[symbol.getPosition()].max;
}

/// gather by the positions themselves.
struct GatherPositions : SimplifyPattern<GatherOp> {
  using SimplifyPattern::SimplifyPattern;
  LogicalResult matchAndRewrite(GatherOp op, PatternRewriter &rewriter) const override {
    std::optional<LinearIndex> index = getLinearIndex(op.getIndices());
    if (!index)
      return rewriter.notifyMatchFailure(op, "the index is not linear");
    std::optional<Enumeration> enumeration = getEnumeration(*index);
    if (!enumeration)
      return rewriter.notifyMatchFailure(op, "the index does not count positions");
    int64_t axis = op.getAxis();
    unsigned numSymbols = std::max(index->numSymbols, getNumSymbols(op.getType()));
    Dims data = getDims(op.getData());
    Value value = op.getData();
    if (!isSameProduct(enumeration->dims, {data[axis]}, numSymbols)) {
      // Fewer positions than the table has rows: the first ones.
      Dims counted = llvm::to_vector(llvm::make_filter_range(
          enumeration->dims, [](AffineExpr dim) { return !isConstantDim(dim, 1); }));
      std::optional<int64_t> rows = getConstantDim(data[axis]);
      if (counted.size() != 1 || !rows)
        return rewriter.notifyMatchFailure(op, "counts something else than rows");
      auto func = op->getParentOfType<FunctionOpInterface>();
      std::optional<int64_t> most =
          func ? getUpperBound(counted[0], getSymbols(func)) : std::nullopt;
      if (!most || *most > *rows)
        return rewriter.notifyMatchFailure(op, "the table may be too short");
      Dims dims = data;
      dims[axis] = counted[0];
      auto starts = AffineMap::get(
          0, 0, SmallVector<AffineExpr>(data.size(), rewriter.getAffineConstantExpr(0)),
          op.getContext());
      value = SliceOp::create(rewriter, op.getLoc(),
                              getTensorType(dims, op.getType().getElementType(), numSymbols),
                              value, AffineMapAttr::get(starts),
                              rewriter.getDenseI64ArrayAttr(SmallVector<int64_t>(data.size(), 1)));
    }
    Dims dims(data.begin(), data.begin() + axis);
    dims.append(enumeration->dims);
    dims.append(data.begin() + axis + 1, data.end());
    value = reshapeAndBroadcast(rewriter, op.getLoc(), value, dims, op.getType(), numSymbols);
    return replace(rewriter, op, value, "simplify.gather", "wrote a gather of positions as a reshape");
  }
};

/// A gather of one known row is a slice.
struct GatherConstant : SimplifyPattern<GatherOp> {
  using SimplifyPattern::SimplifyPattern;
  LogicalResult matchAndRewrite(GatherOp op, PatternRewriter &rewriter) const override {
    ElementsAttr elements = getConstantElements(op.getIndices());
    if (!elements || elements.getNumElements() != 1)
      return rewriter.notifyMatchFailure(op, "not one known row");
    std::optional<double> picked = getScalarConstant(op.getIndices());
    auto data = getTensorType(op.getData());
    int64_t axis = op.getAxis(), size = data.getDimSize(axis);
    if (!picked || ShapedType::isDynamic(size))
      return rewriter.notifyMatchFailure(op, "the row may not exist");
    int64_t row = static_cast<int64_t>(*picked);
    row += row < 0 ? size : 0;
    if (row < 0 || row >= size)
      return rewriter.notifyMatchFailure(op, "out of range, which fails at run time");
    Dims dims = getDims(data), starts(dims.size(), rewriter.getAffineConstantExpr(0));
    dims[axis] = rewriter.getAffineConstantExpr(1);
    starts[axis] = rewriter.getAffineConstantExpr(row);
    Value slice = SliceOp::create(
        rewriter, op.getLoc(),
        getTensorType(dims, data.getElementType(), getNumSymbols(data)), op.getData(),
        AffineMapAttr::get(AffineMap::get(0, 0, starts, op.getContext())),
        rewriter.getDenseI64ArrayAttr(SmallVector<int64_t>(dims.size(), 1)));
    return replace(rewriter, op, slice, "simplify.gather", "wrote a gather of one row as a slice");
  }
};

/// Counts the positions of a dimension of this size, or is the only one.
bool isInRange(const LinearIndex &index, AffineExpr size) {
  if (!isConstantDim(simplifyAffineExpr(index.offset, 0, index.numSymbols), 0))
    return false;
  unsigned varying = 0;
  for (auto [dim, coefficient] : llvm::zip_equal(index.dims, index.coefficients)) {
    if (isConstantDim(coefficient, 0))
      continue;
    if (!isConstantDim(coefficient, 1) || !isSameDim(dim, size, index.numSymbols))
      return false;
    ++varying;
  }
  return varying == 1 || (varying == 0 && isConstantDim(size, 1));
}

/// Tuples of positions in the first dimensions of data that name every
/// element in row-major order, ignoring some dimensions of the tuples.
struct TuplePositions {
  Enumeration enumeration;
  size_t size;
  unsigned numSymbols;
};

std::optional<TuplePositions> getTuplePositions(Value indices, ArrayRef<AffineExpr> data) {
  std::optional<SmallVector<LinearIndex>> parts = getLinearTuple(indices);
  if (!parts || parts->empty())
    return std::nullopt;
  size_t size = parts->size();
  std::optional<LinearIndex> position;
  for (auto [i, index] : llvm::enumerate(*parts)) {
    if (!isInRange(index, data[i]))
      return std::nullopt;
    if (!position) {
      position = index;
      continue;
    }
    for (auto [sum, next] : llvm::zip_equal(position->coefficients, index.coefficients))
      sum = sum * data[i] + next;
    position->offset = position->offset * data[i] + index.offset;
  }
  position->dims.pop_back();
  position->coefficients.pop_back();
  std::optional<Enumeration> enumeration = getEnumeration(*position);
  if (!enumeration ||
      !isSameProduct(enumeration->dims, data.take_front(size), position->numSymbols))
    return std::nullopt;
  return TuplePositions{*enumeration, size, position->numSymbols};
}

/// gather_nd by the positions themselves: how masks are read by exporters of
/// `mask[batch_index, key_index]`.
struct GatherNDPositions : SimplifyPattern<GatherNDOp> {
  using SimplifyPattern::SimplifyPattern;
  LogicalResult matchAndRewrite(GatherNDOp op, PatternRewriter &rewriter) const override {
    Dims data = getDims(op.getData());
    std::optional<TuplePositions> positions =
        op.getBatchDims() == 0 ? getTuplePositions(op.getIndices(), data) : std::nullopt;
    if (!positions)
      return rewriter.notifyMatchFailure(op, "does not read every element in order");
    Dims dims = positions->enumeration.dims;
    dims.append(data.begin() + positions->size, data.end());
    Value value = reshapeAndBroadcast(rewriter, op.getLoc(), op.getData(), dims, op.getType(),
                                      std::max(positions->numSymbols, getNumSymbols(op.getType())));
    return replace(rewriter, op, value, "simplify.gather-nd",
                   "wrote a gather_nd of positions as a reshape");
  }
};

/// scatter_nd to the positions themselves replaces everything: how masks are
/// written by exporters of `mask[:, :, :, :length] = ...`.
struct ScatterNDPositions : SimplifyPattern<ScatterNDOp> {
  using SimplifyPattern::SimplifyPattern;
  LogicalResult matchAndRewrite(ScatterNDOp op, PatternRewriter &rewriter) const override {
    Dims data = getDims(op.getData());
    std::optional<TuplePositions> positions =
        op.getReduction() == ScatterReduction::None ? getTuplePositions(op.getIndices(), data)
                                                    : std::nullopt;
    // What the tuples ignore would be written several times.
    if (!positions || ArrayRef(positions->enumeration.dims) !=
                          ArrayRef(getDims(op.getIndices())).drop_back())
      return rewriter.notifyMatchFailure(op, "does not write every element once, in order");
    return replace(rewriter, op, op.getUpdates(), "simplify.scatter-nd",
                   "dropped a scatter_nd that replaces everything");
  }
};

//===----------------------------------------------------------------------===//
// Comparisons
//===----------------------------------------------------------------------===//

/// What the difference of two positions can be; absent bounds are unknown.
std::optional<DimRange> getDifferenceRange(Value lhs, Value rhs, ArrayRef<SymbolInfo> symbols) {
  AffineExpr low = getAffineConstantExpr(0, lhs.getContext()), high = low;
  // Terms of dimensions that both have are taken together.
  SmallVector<std::pair<AffineExpr, AffineExpr>> terms;
  for (auto [operand, sign] : {std::pair(lhs, 1), std::pair(rhs, -1)}) {
    std::optional<LinearIndex> index = getLinearIndex(operand);
    if (!index)
      return std::nullopt;
    low = low + index->offset * sign;
    high = high + index->offset * sign;
    size_t rank = index->dims.size();
    if (terms.size() < rank)
      terms.resize(rank, {getAffineConstantExpr(1, lhs.getContext()),
                          getAffineConstantExpr(0, lhs.getContext())});
    for (size_t i = 0; i < rank; ++i) {
      // Counted from the last dimension.
      auto &[size, coefficient] = terms[i];
      AffineExpr own = index->coefficients[rank - 1 - i];
      if (!isConstantDim(index->dims[rank - 1 - i], 1))
        size = index->dims[rank - 1 - i];
      coefficient = coefficient + own * sign;
    }
  }
  for (auto [size, coefficient] : terms) {
    AffineExpr factor = normalizeDim(coefficient);
    DimRange sign = getDimRange(factor, symbols);
    if (isConstantDim(factor, 0))
      continue;
    if (sign.min.value_or(-1) >= 0)
      high = high + factor * (size - 1);
    else if (sign.max.value_or(1) <= 0)
      low = low + factor * (size - 1);
    else
      return std::nullopt;
  }
  return DimRange{getDimRange(low, symbols).min, getDimRange(high, symbols).max};
}

/// Positions whose order is the same for all elements.
struct ComparePositions : SimplifyPattern<CompareOp> {
  using SimplifyPattern::SimplifyPattern;
  LogicalResult matchAndRewrite(CompareOp op, PatternRewriter &rewriter) const override {
    auto func = op->getParentOfType<FunctionOpInterface>();
    std::optional<DimRange> range =
        func ? getDifferenceRange(op.getLhs(), op.getRhs(), getSymbols(func)) : std::nullopt;
    std::optional<bool> result = range ? decide(op.getPredicate(), *range) : std::nullopt;
    if (!result)
      return rewriter.notifyMatchFailure(op, "not the same for all positions");
    Value value = createScalar(rewriter, op.getLoc(), rewriter.getI1Type(), *result);
    if (op.getType().getRank() != 0)
      value = BroadcastToOp::create(rewriter, op.getLoc(), op.getType(), value);
    return replace(rewriter, op, value, "simplify.compare", "resolved a comparison of positions");
  }

  static std::optional<bool> decide(ComparePredicate predicate, DimRange range) {
    auto isAtLeast = [&](int64_t bound) { return range.min && *range.min >= bound; };
    auto isAtMost = [&](int64_t bound) { return range.max && *range.max <= bound; };
    auto either = [](bool yes, bool no) {
      return yes || no ? std::optional(yes) : std::nullopt;
    };
    switch (predicate) {
    case ComparePredicate::LT:
      return either(isAtMost(-1), isAtLeast(0));
    case ComparePredicate::LE:
      return either(isAtMost(0), isAtLeast(1));
    case ComparePredicate::GT:
      return either(isAtLeast(1), isAtMost(0));
    case ComparePredicate::GE:
      return either(isAtLeast(0), isAtMost(-1));
    case ComparePredicate::EQ:
      return either(isAtLeast(0) && isAtMost(0), isAtLeast(1) || isAtMost(-1));
    case ComparePredicate::NE:
      return either(isAtLeast(1) || isAtMost(-1), isAtLeast(0) && isAtMost(0));
    }
    return std::nullopt;
  }
};

/// `value >= 0`: a comparison of positions as one difference.
struct Inequality {
  LinearIndex lhs, rhs;
  AffineExpr offset;

  static std::optional<Inequality> match(Value value) {
    auto op = value.getDefiningOp<CompareOp>();
    std::optional<LinearIndex> lhs = op ? getLinearIndex(op.getLhs()) : std::nullopt;
    std::optional<LinearIndex> rhs = lhs ? getLinearIndex(op.getRhs()) : std::nullopt;
    if (!rhs || op.getPredicate() == ComparePredicate::EQ ||
        op.getPredicate() == ComparePredicate::NE)
      return std::nullopt;
    bool isLess = op.getPredicate() == ComparePredicate::LT ||
                  op.getPredicate() == ComparePredicate::LE;
    bool isStrict = op.getPredicate() == ComparePredicate::LT ||
                    op.getPredicate() == ComparePredicate::GT;
    if (isLess)
      std::swap(lhs, rhs);
    return Inequality{*lhs, *rhs, lhs->offset - rhs->offset - (isStrict ? 1 : 0)};
  }

  /// The difference grows by this much along dimension `i`, from the last one on.
  AffineExpr getCoefficient(size_t i) const {
    AffineExpr sum = getAffineConstantExpr(0, offset.getContext());
    for (auto [index, sign] : {std::pair(&lhs, 1), std::pair(&rhs, -1)})
      if (i < index->coefficients.size())
        sum = sum + index->coefficients[index->coefficients.size() - 1 - i] * sign;
    return normalizeDim(sum);
  }

  size_t rank() const { return std::max(lhs.dims.size(), rhs.dims.size()); }
};

/// Of two comparisons of which one follows from the other, `and` keeps the
/// stronger and `or` the weaker.
template <typename OpTy> struct ImpliedComparison : SimplifyPattern<OpTy> {
  using SimplifyPattern<OpTy>::SimplifyPattern;
  LogicalResult matchAndRewrite(OpTy op, PatternRewriter &rewriter) const override {
    std::optional<Inequality> a = Inequality::match(op.getLhs());
    std::optional<Inequality> b = a ? Inequality::match(op.getRhs()) : std::nullopt;
    auto func = op->template getParentOfType<FunctionOpInterface>();
    if (!b || !func)
      return rewriter.notifyMatchFailure(op, "no two comparisons of positions");
    for (size_t i = 0; i < std::max(a->rank(), b->rank()); ++i)
      if (a->getCoefficient(i) != b->getCoefficient(i))
        return rewriter.notifyMatchFailure(op, "not the same difference");
    DimRange range = getDimRange(a->offset - b->offset, getSymbols(func));
    bool isLeftWeaker = range.min.value_or(-1) >= 0, isRightWeaker = range.max.value_or(1) <= 0;
    if (!isLeftWeaker && !isRightWeaker)
      return rewriter.notifyMatchFailure(op, "neither follows from the other");
    Value kept = isLeftWeaker == isa<OrOp>(op.getOperation()) ? op.getLhs() : op.getRhs();
    if (kept.getType() != op.getType())
      kept = BroadcastToOp::create(rewriter, op.getLoc(), op.getType(), kept);
    return this->replace(rewriter, op, kept, "simplify.compare",
                         "dropped a comparison of positions that another implies");
  }
};

/// Running sums of nothing, which packed sequences are counted with.
struct CumSumOfZeros : SimplifyPattern<CumSumOp> {
  using SimplifyPattern::SimplifyPattern;
  LogicalResult matchAndRewrite(CumSumOp op, PatternRewriter &rewriter) const override {
    if (!isScalarConstant(op.getInput(), 0))
      return rewriter.notifyMatchFailure(op, "sums something");
    return replace(rewriter, op, op.getInput(), "simplify.cumsum", "dropped running sums of zeros");
  }
};

} // namespace

void winnow::populateIndexingPatterns(RewritePatternSet &patterns, SiteReporter &reporter) {
  patterns.add<GatherPositions, GatherConstant, GatherNDPositions, ScatterNDPositions,
               ComparePositions, ImpliedComparison<AndOp>, ImpliedComparison<OrOp>, CumSumOfZeros>(
      patterns.getContext(), reporter);
}
