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

/// A kernel of [rows, D] and a table of parameters, [parameter, D] or [parameter, 1]: those
/// that `addParameters` makes of a channel's knots or centers, then the coefficients.
template <typename Op>
static LogicalResult lowerBasis(Op op, Value input, ElementsAttr parameters, StringRef kind,
                                SmallVector<NamedAttribute> config,
                                function_ref<void(SmallVector<float> &)> addParameters,
                                ConversionPatternRewriter &rewriter) {
  Location loc = op.getLoc();
  MLIRContext *context = op.getContext();
  std::optional<ElementsAttr> coefficients = op.getCoefficients();
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
  auto type = RankedTensorType::get({rows, channels}, rewriter.getF32Type());
  Value table = ConstantOp::create(rewriter, loc, type,
                                   DenseElementsAttr::get(type, ArrayRef<float>(values)));
  Dims in = getDims(op.getInput()), out = getDims(op.getResult());
  AffineExpr outer = productDim(ArrayRef(in).drop_back(), context);
  Dims flat = {outer, productDim(ArrayRef(out).drop_front(in.size() - 1), context)};
  Value x = createReshape(rewriter, loc, input, in, {outer, in.back()});
  config.push_back(rewriter.getNamedAttr("coefficients", rewriter.getBoolAttr(bool(coefficients))));
  config.push_back(rewriter.getNamedAttr("bases", rewriter.getI64IntegerAttr(op.getNumBases())));
  Value result = createKernel(rewriter, loc, kind, config, {x, table}, flat, rewriter.getF32Type());
  rewriter.replaceOp(op, createReshape(rewriter, loc, result, flat, out));
  return success();
}

namespace {
struct LowerBSpline : LoweringPattern<BSplineOp> {
  using LoweringPattern::LoweringPattern;

  LogicalResult matchAndRewrite(BSplineOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    if (!isF32(op.getInput()))
      return widen(op, rewriter);
    int64_t degree = op.getDegree();
    SmallVector<NamedAttribute> config = {
        rewriter.getNamedAttr("degree", rewriter.getI64IntegerAttr(degree)),
        rewriter.getNamedAttr("zero_nan", rewriter.getBoolAttr(op.getZeroNan()))};
    auto addReciprocals = [&](SmallVector<float> &column) {
      SmallVector<float> knots = column;
      for (int64_t k = 1; k <= degree; ++k)
        for (size_t j = 0; j + k < knots.size(); ++j)
          column.push_back(1 / (double(knots[j + k]) - knots[j]));
    };
    return lowerBasis(op, adaptor.getInput(), op.getKnots(), "bspline", config, addReciprocals,
                      rewriter);
  }
};

struct LowerGaussianBasis : LoweringPattern<GaussianBasisOp> {
  using LoweringPattern::LoweringPattern;

  LogicalResult matchAndRewrite(GaussianBasisOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    if (!isF32(op.getInput()))
      return widen(op, rewriter);
    return lowerBasis(
        op, adaptor.getInput(), op.getCenters(), "gaussian_basis",
        {rewriter.getNamedAttr("factor", op.getFactorAttr())}, [](SmallVector<float> &) {},
        rewriter);
  }
};
} // namespace

void winnow::populateKanPatterns(RewritePatternSet &patterns, const TypeConverter &converter,
                                 LoweringState &state) {
  patterns.add<LowerBSpline, LowerGaussianBasis>(converter, patterns.getContext(), state);
}
