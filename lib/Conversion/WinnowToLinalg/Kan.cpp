#include "KernelTypes.h"

using namespace mlir;
using namespace winnow;

/// Kernel of [rows, D] and a table of parameters, [parameter, D] or [parameter, 1].
template <typename Op>
static LogicalResult lowerBasis(Op op, Value input, ArrayRef<SmallVector<float>> columns,
                                StringRef kind, ArrayRef<NamedAttribute> config,
                                ConversionPatternRewriter &rewriter) {
  Location loc = op.getLoc();
  MLIRContext *context = op.getContext();
  int64_t channels = columns.size(), rows = columns.front().size();
  std::vector<float> values;
  for (int64_t row = 0; row < rows; ++row)
    for (const SmallVector<float> &column : columns)
      values.push_back(column[row]);
  auto type = RankedTensorType::get({rows, channels}, rewriter.getF32Type());
  Value table =
      ConstantOp::create(rewriter, loc, type, DenseElementsAttr::get(type, ArrayRef<float>(values)));
  Dims in = getDims(op.getInput()), out = getDims(op.getResult());
  AffineExpr outer = productDim(ArrayRef(in).drop_back(), context);
  Dims flat = {outer, productDim(ArrayRef(out).take_back(2), context)};
  Value x = createReshape(rewriter, loc, input, in, {outer, in.back()});
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
    auto knots = cast<DenseElementsAttr>(op.getKnots());
    int64_t count = knots.getType().getDimSize(1), degree = op.getDegree();
    auto values = knots.getValues<float>();
    SmallVector<SmallVector<float>> columns(knots.getType().getDimSize(0));
    for (auto [channel, column] : llvm::enumerate(columns)) {
      auto at = [&](int64_t j) { return values[channel * count + j]; };
      for (int64_t j = 0; j < count; ++j)
        column.push_back(at(j));
      for (int64_t k = 1; k <= degree; ++k)
        for (int64_t j = 0; j + k < count; ++j)
          column.push_back(1 / (double(at(j + k)) - at(j)));
    }
    NamedAttribute config[] = {
        rewriter.getNamedAttr("degree", rewriter.getI64IntegerAttr(degree)),
        rewriter.getNamedAttr("knots", rewriter.getI64IntegerAttr(count)),
        rewriter.getNamedAttr("zero_nan", rewriter.getBoolAttr(op.getZeroNan()))};
    return lowerBasis(op, adaptor.getInput(), columns, "bspline", config, rewriter);
  }
};

struct LowerGaussianBasis : LoweringPattern<GaussianBasisOp> {
  using LoweringPattern::LoweringPattern;

  LogicalResult matchAndRewrite(GaussianBasisOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    if (!isF32(op.getInput()))
      return widen(op, rewriter);
    auto centers = cast<DenseElementsAttr>(op.getCenters());
    SmallVector<SmallVector<float>> columns(centers.getType().getDimSize(0));
    for (auto [i, center] : llvm::enumerate(centers.getValues<float>()))
      columns[i / op.getNumBases()].push_back(center);
    auto factor = rewriter.getNamedAttr("factor", op.getFactorAttr());
    return lowerBasis(op, adaptor.getInput(), columns, "gaussian_basis", factor, rewriter);
  }
};
} // namespace

void winnow::populateKanPatterns(RewritePatternSet &patterns, const TypeConverter &converter,
                                 LoweringState &state) {
  patterns.add<LowerBSpline, LowerGaussianBasis>(converter, patterns.getContext(), state);
}
