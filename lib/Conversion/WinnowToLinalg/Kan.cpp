#include "KernelTypes.h"

using namespace mlir;
using namespace winnow;

/// The rows of a matrix, the only one repeated where there are `count` channels.
static SmallVector<SmallVector<float>> getRows(ElementsAttr matrix, int64_t count) {
  auto dense = cast<DenseElementsAttr>(matrix);
  int64_t rows = dense.getType().getDimSize(0), columns = dense.getType().getDimSize(1);
  SmallVector<SmallVector<float>> result(rows);
  for (auto [i, value] : llvm::enumerate(dense.getValues<float>()))
    result[i / columns].push_back(value);
  if (rows == 1)
    result.resize(count, result.front());
  return result;
}

/// The table of a basis: what `addParameters` makes of each channel's knots or centers, then the
/// coefficients.
static Value createTable(OpBuilder &b, Location loc, ElementsAttr parameters,
                         std::optional<ElementsAttr> coefficients,
                         function_ref<void(SmallVector<float> &)> addParameters) {
  int64_t channels = parameters.getShapedType().getDimSize(0);
  if (coefficients)
    channels = std::max(channels, coefficients->getShapedType().getDimSize(0));
  SmallVector<SmallVector<float>> columns = getRows(parameters, channels), sums;
  if (coefficients)
    sums = getRows(*coefficients, channels);
  for (auto [i, column] : llvm::enumerate(columns)) {
    addParameters(column);
    if (coefficients)
      column.append(sums[i]);
  }
  int64_t rows = columns.front().size();
  std::vector<float> values;
  for (int64_t row = 0; row < rows; ++row)
    for (const SmallVector<float> &column : columns)
      values.push_back(column[row]);
  auto type = RankedTensorType::get({rows, channels}, b.getF32Type());
  return ConstantOp::create(b, loc, type, DenseElementsAttr::get(type, ArrayRef<float>(values)));
}

BasisParts winnow::createBasisParts(OpBuilder &b, Operation *basis) {
  if (auto op = dyn_cast<GaussianBasisOp>(basis))
    return {"gaussian_basis",
            {b.getNamedAttr("bases", b.getI64IntegerAttr(op.getNumBases())),
             b.getNamedAttr("factor", op.getFactorAttr())},
            createTable(b, op.getLoc(), op.getCenters(), op.getCoefficients(),
                        [](SmallVector<float> &) {})};
  auto op = cast<BSplineOp>(basis);
  int64_t degree = op.getDegree();
  auto addReciprocals = [&](SmallVector<float> &column) {
    SmallVector<float> knots = column;
    for (int64_t k = 1; k <= degree; ++k)
      for (size_t j = 0; j + k < knots.size(); ++j)
        column.push_back(1 / (double(knots[j + k]) - knots[j]));
  };
  return {"bspline",
          {b.getNamedAttr("bases", b.getI64IntegerAttr(op.getNumBases())),
           b.getNamedAttr("degree", b.getI64IntegerAttr(degree)),
           b.getNamedAttr("zero_nan", b.getBoolAttr(op.getZeroNan()))},
          createTable(b, op.getLoc(), op.getKnots(), op.getCoefficients(), addReciprocals)};
}

namespace {
template <typename Op> struct LowerBasis : LoweringPattern<Op> {
  using LoweringPattern<Op>::LoweringPattern;

  LogicalResult matchAndRewrite(Op op, typename Op::Adaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    if (!isF32(op.getInput()))
      return widen(op, rewriter);
    Location loc = op.getLoc();
    MLIRContext *context = op.getContext();
    Dims in = getDims(op.getInput()), out = getDims(op.getResult());
    if (this->state.basesInLinears.contains(op)) {
      rewriter.replaceOp(op, createEmpty(rewriter, loc, out, rewriter.getF32Type()));
      return success();
    }
    BasisParts parts = createBasisParts(rewriter, op);
    parts.config.push_back(
        rewriter.getNamedAttr("coefficients", rewriter.getBoolAttr(bool(op.getCoefficients()))));
    AffineExpr outer = productDim(ArrayRef(in).drop_back(), context);
    Dims flat = {outer, productDim(ArrayRef(out).drop_front(in.size() - 1), context)};
    Value x = createReshape(rewriter, loc, adaptor.getInput(), in, {outer, in.back()});
    Value result = createKernel(rewriter, loc, parts.kind, parts.config, {x, parts.table}, flat,
                                rewriter.getF32Type());
    rewriter.replaceOp(op, createReshape(rewriter, loc, result, flat, out));
    return success();
  }
};
} // namespace

void winnow::populateKanPatterns(RewritePatternSet &patterns, const TypeConverter &converter,
                                 LoweringState &state) {
  patterns.add<LowerBasis<BSplineOp>, LowerBasis<GaussianBasisOp>>(converter, patterns.getContext(), state);
}
