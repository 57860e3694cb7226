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

/// gather_nd by the positions themselves: how masks are read by exporters of
/// `mask[batch_index, key_index]`.
struct GatherNDPositions : SimplifyPattern<GatherNDOp> {
  using SimplifyPattern::SimplifyPattern;
  LogicalResult matchAndRewrite(GatherNDOp op, PatternRewriter &rewriter) const override {
    auto concat = op.getIndices().getDefiningOp<ConcatOp>();
    Dims indices = getDims(op.getIndices()), data = getDims(op.getData());
    if (!concat || op.getBatchDims() != 0 ||
        concat.getAxis() + 1 != indices.size())
      return rewriter.notifyMatchFailure(op, "no joined tuples");
    size_t tuple = concat.getInputs().size();
    if (!isConstantDim(indices.back(), tuple))
      return rewriter.notifyMatchFailure(op, "a joined part is not one component");

    // The tuples' row-major position in the first dimensions of the data.
    std::optional<LinearIndex> position;
    for (auto [i, part] : llvm::enumerate(concat.getInputs())) {
      std::optional<LinearIndex> index = getLinearIndex(part);
      if (!index || !isInRange(*index, data[i]))
        return rewriter.notifyMatchFailure(op, "a component is no position");
      if (!position) {
        position = index;
        continue;
      }
      for (auto [sum, next] : llvm::zip_equal(position->coefficients, index->coefficients))
        sum = sum * data[i] + next;
      position->offset = position->offset * data[i] + index->offset;
    }
    position->dims.pop_back();
    position->coefficients.pop_back();
    std::optional<Enumeration> enumeration = getEnumeration(*position);
    unsigned numSymbols = std::max(position->numSymbols, getNumSymbols(op.getType()));
    if (!enumeration ||
        !isSameProduct(enumeration->dims, ArrayRef(data).take_front(tuple), numSymbols))
      return rewriter.notifyMatchFailure(op, "does not read every element in order");
    Dims dims = enumeration->dims;
    dims.append(data.begin() + tuple, data.end());
    Value value = reshapeAndBroadcast(rewriter, op.getLoc(), op.getData(), dims, op.getType(),
                                      numSymbols);
    return replace(rewriter, op, value, "simplify.gather-nd",
                   "wrote a gather_nd of positions as a reshape");
  }

  /// Counts the positions of a dimension of this size, or is the only one.
  static bool isInRange(const LinearIndex &index, AffineExpr size) {
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
  patterns.add<GatherPositions, GatherConstant, GatherNDPositions, ComparePositions,
               CumSumOfZeros>(
      patterns.getContext(), reporter);
}
