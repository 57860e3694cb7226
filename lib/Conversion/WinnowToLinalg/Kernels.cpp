#include "KernelTypes.h"

#include "winnow/Dialect/Winnow/IR/Rational.h"
#include "winnow/Dialect/Winnow/IR/Rows.h"

using namespace mlir;
using namespace winnow;

RowsOperand winnow::getRows(ConversionPatternRewriter &rewriter, Location loc, Value original,
                            Value converted, const LoweringState &state) {
  GatherOp gather = getGatherOfRows(original);
  if (!gather || !state.gathersOfRows.contains(gather)) {
    Dims dims = getDims(original);
    return {createReshape(rewriter, loc, converted, dims, getRowDims(dims, original.getContext())), {}};
  }
  Dims dims = getDims(gather.getIndices());
  Value numbers = rewriter.getRemappedValue(gather.getIndices());
  return {rewriter.getRemappedValue(gather.getData()),
          createReshape(rewriter, loc, numbers, dims, {productDim(dims, original.getContext())})};
}

void winnow::addNumbers(OpBuilder &b, StringRef name, const RowsOperand &rows,
                        SmallVectorImpl<Value> &inputs, SmallVectorImpl<NamedAttribute> &config) {
  if (!rows.numbers)
    return;
  inputs.push_back(rows.numbers);
  config.push_back(b.getNamedAttr(name, b.getBoolAttr(true)));
}

//===----------------------------------------------------------------------===//
// Matrix products
//===----------------------------------------------------------------------===//

/// Any element type, any layout: the definition as a linalg contraction.
static Value createPlainMatMul(OpBuilder &b, Location loc, Value lhs, Value rhs,
                               AffineMap lhsMap, AffineMap rhsMap, ArrayRef<AffineExpr> dims,
                               Type element) {
  Value init = createEmpty(b, loc, dims, element);
  Value zero = arith::ConstantOp::create(b, loc, b.getZeroAttr(element));
  Value filled = linalg::FillOp::create(b, loc, zero, init).getResult(0);
  unsigned rank = dims.size();
  SmallVector<AffineExpr> outExprs;
  for (unsigned i = 0; i < rank; ++i)
    outExprs.push_back(b.getAffineDimExpr(i));
  SmallVector<utils::IteratorType> iterators(rank, utils::IteratorType::parallel);
  iterators.push_back(utils::IteratorType::reduction);
  SmallVector<AffineMap> maps = {lhsMap, rhsMap, AffineMap::get(rank + 1, 0, outExprs, b.getContext())};
  return linalg::GenericOp::create(
             b, loc, TypeRange{filled.getType()}, ValueRange{lhs, rhs}, ValueRange{filled}, maps,
             iterators,
             [&](OpBuilder &n, Location, ValueRange args) {
               Value sum;
               if (isa<FloatType>(element))
                 sum = arith::AddFOp::create(n, loc, args[2], arith::MulFOp::create(n, loc, args[0], args[1]));
               else
                 sum = arith::AddIOp::create(n, loc, args[2], arith::MulIOp::create(n, loc, args[0], args[1]));
               linalg::YieldOp::create(n, loc, sum);
             })
      .getResult(0);
}

namespace {
struct LowerMatMul : LoweringPattern<MatMulOp> {
  using LoweringPattern::LoweringPattern;

  LogicalResult matchAndRewrite(MatMulOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    MLIRContext *context = op.getContext();
    if (!isF32(op.getLhs()) && succeeded(widen(op, rewriter)))
      return success();
    Dims lhs = getDims(op.getLhs()), rhs = getDims(op.getRhs()), out = getDims(op.getType());
    AffineExpr one = constantDim(1, context);
    Type element = getElementTypeOrSelf(adaptor.getLhs());
    Dims lhsFull = lhs, rhsFull = rhs;
    if (lhs.size() == 1)
      lhsFull.insert(lhsFull.begin(), one);
    if (rhs.size() == 1)
      rhsFull.push_back(one);
    Value a = createReshape(rewriter, loc, adaptor.getLhs(), lhs, lhsFull);
    Value b = createReshape(rewriter, loc, adaptor.getRhs(), rhs, rhsFull);
    AffineExpr m = lhsFull[lhsFull.size() - 2], k = lhsFull.back(), n = rhsFull.back();
    Dims lhsBatch(lhsFull.begin(), lhsFull.end() - 2), rhsBatch(rhsFull.begin(), rhsFull.end() - 2);
    Dims batch = *broadcastDims({lhsBatch, rhsBatch}, getNumSymbols(op->getOperandTypes()));
    Dims full = batch;
    full.append({m, n});

    // The kernel takes one batch dimension, and one weight for all batches.
    bool sharedRhs = llvm::all_of(rhsBatch, [](AffineExpr dim) { return isConstantDim(dim, 1); });
    bool sameBatch = lhsBatch == batch && (rhsBatch == batch || sharedRhs);
    if (isF32(op.getLhs()) && sameBatch) {
      Dims kernelDims, lhsDims, rhsDims;
      if (sharedRhs) {
        AffineExpr rows = productDim(batch, context) * m;
        lhsDims = {one, rows, k};
        rhsDims = {one, k, n};
        kernelDims = {one, rows, n};
      } else {
        AffineExpr batches = productDim(batch, context);
        lhsDims = {batches, m, k};
        rhsDims = {batches, k, n};
        kernelDims = {batches, m, n};
      }
      a = createReshape(rewriter, loc, a, lhsFull, lhsDims);
      b = createReshape(rewriter, loc, b, rhsFull, rhsDims);
      Value result = createKernel(rewriter, loc, "matmul",
                                  rewriter.getNamedAttr("transpose_b", rewriter.getBoolAttr(false)),
                                  {a, b}, kernelDims, element);
      rewriter.replaceOp(op, createReshape(rewriter, loc, result, kernelDims, out));
      return success();
    }
    // Loops: batch..., m, n, then k.
    unsigned rank = full.size();
    auto getMap = [&](ArrayRef<AffineExpr> operandBatch, AffineExpr row, AffineExpr column) {
      AffineMap lead = getBroadcastMap(operandBatch, batch, context);
      SmallVector<AffineExpr> exprs(lead.getResults());
      exprs.append({row, column});
      return AffineMap::get(rank + 1, 0, exprs, context);
    };
    AffineExpr dm = getAffineDimExpr(rank - 2, context), dn = getAffineDimExpr(rank - 1, context);
    AffineExpr dk = getAffineDimExpr(rank, context);
    Value result = createPlainMatMul(rewriter, loc, a, b, getMap(lhsBatch, dm, dk),
                                     getMap(rhsBatch, dk, dn), full, element);
    rewriter.replaceOp(op, createReshape(rewriter, loc, result, full, out));
    return success();
  }
};

} // namespace

//===----------------------------------------------------------------------===//
// Rational functions
//===----------------------------------------------------------------------===//

/// The coefficients as rows of [coefficient, channel], the numerator's and then the
/// denominator's without their 1: a vector of channels reads a vector of each, whatever
/// the groups are.
static Value createTable(OpBuilder &b, Location loc, RationalAttr rational, int64_t channels) {
  int64_t groups = rational.getNumGroups(), above = rational.getNumeratorDegree() + 1;
  int64_t rows = above + rational.getDenominatorDegree();
  std::vector<float> values(rows * channels);
  for (int64_t group = 0; group < groups; ++group) {
    SmallVector<double> column = rational.getNumeratorOf(group);
    llvm::append_range(column, ArrayRef(rational.getDenominatorOf(group)).drop_front());
    int64_t size = channels / groups;
    for (int64_t row = 0; row < rows; ++row)
      std::fill_n(values.begin() + row * channels + group * size, size, column[row]);
  }
  auto type = RankedTensorType::get({rows, channels}, b.getF32Type());
  return ConstantOp::create(b, loc, type, DenseElementsAttr::get(type, ArrayRef<float>(values)));
}

void winnow::addRational(OpBuilder &b, Location loc, RationalAttr rational, AffineExpr channels,
                         SmallVectorImpl<Value> &inputs,
                         SmallVectorImpl<NamedAttribute> &config) {
  if (!rational)
    return;
  inputs.push_back(createTable(b, loc, rational, *getConstantDim(channels)));
  config.push_back(b.getNamedAttr("denominator_kind",
                                  b.getStringAttr(stringifyDenominatorKind(rational.getKind()))));
  config.push_back(b.getNamedAttr("numerator_degree",
                                  b.getI64IntegerAttr(rational.getNumeratorDegree())));
}

namespace {
/// Loops that fuse with their neighbours. Coefficients that all channels share are in the
/// code, others are read for each channel.
struct LowerGroupRational : LoweringPattern<GroupRationalOp> {
  using LoweringPattern::LoweringPattern;

  LogicalResult matchAndRewrite(GroupRationalOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    if (!isF32(op.getInput()) && succeeded(widen(op, rewriter)))
      return success();
    Location loc = op.getLoc();
    RationalAttr rational = op.getRational();
    Type element = getElementTypeOrSelf(op.getType());
    Dims dims = getDims(op.getType()), loops = dims;
    int64_t groups = rational.getNumGroups();
    int64_t channels = groups == 1 ? 1 : *getConstantDim(dims.back());
    // Many channels of a group are a dimension of their own, over which nothing is repeated.
    bool isSplit = channels > kMaxChannels && channels / groups > 1;
    if (isSplit) {
      loops.back() = rewriter.getAffineConstantExpr(groups);
      loops.push_back(rewriter.getAffineConstantExpr(channels / groups));
      channels = groups;
    }
    SmallVector<Value> inputs = {createReshape(rewriter, loc, adaptor.getInput(), dims, loops)};
    SmallVector<AffineMap> maps = {rewriter.getMultiDimIdentityMap(loops.size())};
    auto addInputs = [&](DenseElementsAttr matrix, bool isBelow) {
      int64_t count = matrix.getType().getDimSize(1);
      if (matrix.getType().getDimSize(0) == 1)
        return;
      std::vector<SmallVector<APFloat>> columns(count);
      for (int64_t channel = 0; channel < channels; ++channel) {
        int64_t group = channel / (channels / groups);
        SmallVector<double> row =
            isBelow ? rational.getDenominatorOf(group) : rational.getNumeratorOf(group);
        for (int64_t i = 0; i < count; ++i)
          columns[i].push_back(toFloat(row[isBelow ? i + 1 : i], element));
      }
      unsigned dim = loops.size() - (isSplit ? 2 : 1);
      auto type = RankedTensorType::get({channels}, element);
      for (ArrayRef<APFloat> values : columns) {
        inputs.push_back(ConstantOp::create(rewriter, loc, type, DenseElementsAttr::get(type, values)));
        maps.push_back(AffineMap::get(loops.size(), 0, rewriter.getAffineDimExpr(dim)));
      }
    };
    addInputs(rational.getNumerator(), false);
    addInputs(rational.getDenominator(), true);
    auto body = [&](OpBuilder &b, Location at, ValueRange arguments) {
      ValueRange rest = arguments.drop_front();
      auto take = [&](DenseElementsAttr matrix, ArrayRef<double> shared) {
        SmallVector<Value> values;
        if (matrix.getType().getDimSize(0) > 1) {
          values.append(rest.begin(), rest.begin() + shared.size());
          rest = rest.drop_front(shared.size());
          return values;
        }
        for (double value : shared)
          values.push_back(arith::ConstantOp::create(b, at, b.getFloatAttr(element, value)));
        return values;
      };
      SmallVector<Value> above = take(rational.getNumerator(), rational.getNumeratorOf(0));
      SmallVector<Value> below =
          take(rational.getDenominator(), ArrayRef(rational.getDenominatorOf(0)).drop_front());
      return emitRational(b, at, rational.getKind(), arguments[0], above, below);
    };
    Value result = createElementwise(rewriter, loc, loops, element, inputs, maps, body);
    rewriter.replaceOp(op, createReshape(rewriter, loc, result, loops, dims));
    return success();
  }

  /// For which the coefficients are repeated: they stay in the L1 cache.
  static constexpr int64_t kMaxChannels = 4096;

  static APFloat toFloat(double value, Type type) {
    APFloat result(value);
    bool losesInfo;
    result.convert(cast<FloatType>(type).getFloatSemantics(), APFloat::rmNearestTiesToEven, &losesInfo);
    return result;
  }
};
} // namespace

namespace {
//===----------------------------------------------------------------------===//
// Normalisations
//===----------------------------------------------------------------------===//

/// A norm by its definition, as winnow ops, in its own element type.
template <typename OpTy> static Value expandNorm(OpBuilder &b, OpTy op) {
  Location loc = op.getLoc();
  Value x = op.getInput();
  if (op.getResidual())
    x = AddOp::create(b, loc, x, op.getResidual());
  SmallVector<int64_t> axes = {op.getType().getRank() - 1};
  auto mean = [&](Value value) -> Value {
    return ReduceOp::create(b, loc, ReduceKind::Mean, value, axes, /*keepdims=*/true);
  };
  if constexpr (std::is_same_v<OpTy, LayerNormOp>)
    x = SubOp::create(b, loc, x, mean(x));
  Value squares = mean(MulOp::create(b, loc, x, x));
  Type element = getElementTypeOrSelf(x);
  auto scalar = RankedTensorType::get({}, element);
  Value epsilon = ConstantOp::create(
      b, loc, DenseElementsAttr::get(scalar, b.getFloatAttr(element, op.getEpsilon().convertToDouble())));
  Value root = SqrtOp::create(b, loc, AddOp::create(b, loc, squares, epsilon));
  Value result = DivOp::create(b, loc, x, root);
  if (op.getScale())
    result = MulOp::create(b, loc, result, op.getScale());
  if constexpr (std::is_same_v<OpTy, LayerNormOp>)
    if (op.getBias())
      result = AddOp::create(b, loc, result, op.getBias());
  if (op.getRationalAttr())
    result = GroupRationalOp::create(b, loc, result, op.getRationalAttr());
  return result;
}

/// `layer_norm` or `rms_norm`: a kernel of rows.
template <typename OpTy> struct LowerNorm : LoweringPattern<OpTy> {
  using LoweringPattern<OpTy>::LoweringPattern;

  LogicalResult matchAndRewrite(OpTy op, typename OpTy::Adaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    if (!isF32(op.getInput())) {
      if (failed(widen(op, rewriter)))
        rewriter.replaceOp(op, expandNorm(rewriter, op));
      return success();
    }
    Location loc = op.getLoc();
    Dims dims = getDims(op.getType()), rows = getRowDims(dims, op.getContext());
    LoweringState &state = this->state;
    RowsOperand x = getRows(rewriter, loc, op.getInput(), adaptor.getInput(), state), residual;
    SmallVector<Value> inputs = {x.matrix};
    if (op.getResidual()) {
      residual = getRows(rewriter, loc, op.getResidual(), adaptor.getResidual(), state);
      inputs.push_back(residual.matrix);
    }
    if (op.getScale())
      inputs.push_back(adaptor.getScale());
    bool hasBias = false;
    if constexpr (std::is_same_v<OpTy, LayerNormOp>)
      if ((hasBias = bool(op.getBias())))
        inputs.push_back(adaptor.getBias());
    SmallVector<NamedAttribute> config = {
        rewriter.getNamedAttr("bias", rewriter.getBoolAttr(hasBias)),
        rewriter.getNamedAttr("epsilon", op.getEpsilonAttr()),
        rewriter.getNamedAttr("residual", rewriter.getBoolAttr(bool(op.getResidual()))),
        rewriter.getNamedAttr("scale", rewriter.getBoolAttr(bool(op.getScale())))};
    addRational(rewriter, loc, op.getRationalAttr(), dims.back(), inputs, config);
    addNumbers(rewriter, "rows", x, inputs, config);
    addNumbers(rewriter, "residual_rows", residual, inputs, config);
    constexpr StringRef kind = std::is_same_v<OpTy, LayerNormOp> ? "layer_norm" : "rms_norm";
    Value result = createKernel(rewriter, loc, kind, config, inputs, rows, rewriter.getF32Type());
    rewriter.replaceOp(op, createReshape(rewriter, loc, result, rows, dims));
    return success();
  }
};

struct LowerSoftmax : LoweringPattern<SoftmaxOp> {
  using LoweringPattern::LoweringPattern;

  LogicalResult matchAndRewrite(SoftmaxOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    Dims dims = getDims(op.getType());
    int64_t axis = op.getAxis(), last = static_cast<int64_t>(dims.size()) - 1;
    if (axis == last && !isF32(op.getInput()) && succeeded(widen(op, rewriter)))
      return success();
    if (axis != last || !isF32(op.getInput())) {
      // Other axes and types go by the definition, as winnow ops.
      Value max = ReduceOp::create(rewriter, loc, ReduceKind::Max, op.getInput(), ArrayRef<int64_t>{axis}, true);
      Value exp = ExpOp::create(rewriter, loc, SubOp::create(rewriter, loc, op.getInput(), max));
      Value sum = ReduceOp::create(rewriter, loc, ReduceKind::Sum, exp, ArrayRef<int64_t>{axis}, true);
      rewriter.replaceOpWithNewOp<DivOp>(op, exp, sum);
      return success();
    }
    Dims rows = getRowDims(dims, op.getContext());
    Value input = createReshape(rewriter, loc, adaptor.getInput(), dims, rows);
    Value result = createKernel(rewriter, loc, "softmax", {}, input, rows, rewriter.getF32Type());
    rewriter.replaceOp(op, createReshape(rewriter, loc, result, rows, dims));
    return success();
  }
};
} // namespace

void winnow::populateKernelPatterns(RewritePatternSet &patterns, const TypeConverter &converter,
                                    LoweringState &state) {
  patterns.add<LowerMatMul, LowerGroupRational, LowerNorm<LayerNormOp>, LowerNorm<RMSNormOp>, LowerSoftmax>(
      converter, patterns.getContext(), state);
}
