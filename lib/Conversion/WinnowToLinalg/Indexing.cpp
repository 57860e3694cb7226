#include "KernelTypes.h"

using namespace mlir;
using namespace winnow;

/// The constant scalar that all gathers of one slice have as index.
static std::optional<int64_t> getScalarIndex(Value indices) {
  auto constant = indices.getDefiningOp<ConstantOp>();
  if (!constant || constant.getElements().getNumElements() != 1)
    return std::nullopt;
  if (auto dense = dyn_cast<DenseIntElementsAttr>(constant.getValue()))
    return (*dense.begin()).getSExtValue();
  return std::nullopt;
}

static int32_t addIndexSite(LoweringState &state, Location loc, AffineExpr dim) {
  std::optional<int64_t> size = getConstantDim(dim);
  if (!size)
    return state.sites.add(loc, "index outside its dimension");
  return state.sites.add(loc, "index outside [-" + std::to_string(*size) + ", " +
                                  std::to_string(*size - 1) + "]");
}

/// The tuples of `indices`, which index the dimensions of `data` after `batch`
/// ones, as numbers of rows of the flattened data. A tuple outside the data
/// becomes a number that the kernels' check refuses.
static Value createRowNumbers(OpBuilder &builder, Location loc, Value indices,
                              ArrayRef<AffineExpr> tuples, ArrayRef<AffineExpr> data, size_t batch,
                              size_t tuple) {
  MLIRContext *context = builder.getContext();
  Type i64 = builder.getI64Type();
  SmallVector<Value> sizes;
  for (AffineExpr dim : data.take_front(batch + tuple))
    sizes.push_back(arith::IndexCastOp::create(builder, loc, i64, getSize(builder, loc, dim)));
  // One operand per tuple component, read at its constant position.
  SmallVector<Value> operands(tuple, indices);
  SmallVector<AffineMap> maps;
  for (size_t k = 0; k < tuple; ++k) {
    SmallVector<AffineExpr> exprs;
    for (size_t i = 0; i < tuples.size(); ++i)
      exprs.push_back(getAffineDimExpr(i, context));
    exprs.push_back(getAffineConstantExpr(k, context));
    maps.push_back(AffineMap::get(tuples.size(), 0, exprs, context));
  }
  return createElementwise(
      builder, loc, tuples, i64, operands, maps,
      [&](OpBuilder &b, Location, ValueRange components) -> Value {
        Value zero = arith::ConstantIntOp::create(b, loc, i64, 0);
        Value row = zero, valid = arith::ConstantIntOp::create(b, loc, b.getI1Type(), 1);
        for (size_t k = 0; k < batch; ++k) {
          Value index = arith::IndexCastOp::create(b, loc, i64, linalg::IndexOp::create(b, loc, k));
          row = arith::AddIOp::create(b, loc, arith::MulIOp::create(b, loc, row, sizes[k]), index);
        }
        for (size_t k = 0; k < tuple; ++k) {
          Value size = sizes[batch + k], index = components[k];
          if (index.getType() != i64)
            index = arith::ExtSIOp::create(b, loc, i64, index);
          Value negative = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, index, zero);
          Value wrapped = arith::AddIOp::create(b, loc, index, size);
          index = arith::SelectOp::create(b, loc, negative, wrapped, index);
          Value inside = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult, index, size);
          valid = arith::AndIOp::create(b, loc, valid, inside);
          row = arith::AddIOp::create(b, loc, arith::MulIOp::create(b, loc, row, size), index);
        }
        Value invalid = arith::ConstantIntOp::create(b, loc, i64, std::numeric_limits<int64_t>::min());
        return arith::SelectOp::create(b, loc, valid, row, invalid);
      });
}

/// Changes a copy of `data`, or `data` itself where nothing else reads it:
/// bufferisation decides.
static Value createScatter(OpBuilder &b, Location loc, Value indices, Value updates, Value data,
                           ScatterReduction reduction, Type declaredElement, int32_t site) {
  bool isUnsigned = declaredElement.isUnsignedInteger() || declaredElement.isInteger(1);
  NamedAttribute config[] = {
      b.getNamedAttr("in_place", b.getBoolAttr(true)),
      b.getNamedAttr("reduction", b.getStringAttr(stringifyScatterReduction(reduction))),
      b.getNamedAttr("unsigned", b.getBoolAttr(isUnsigned))};
  return KernelOp::create(b, loc, TypeRange{data.getType()}, b.getStringAttr("scatter"),
                          b.getDictionaryAttr(config), ValueRange{indices, updates},
                          ValueRange{data}, b.getI32IntegerAttr(site))
      .getResult(0);
}

/// A loop nest that reads `data` where the indices say, which are known to be
/// inside.
static Value createUncheckedGather(OpBuilder &builder, Location loc, GatherOp op, Value data,
                                   Value indices) {
  MLIRContext *context = builder.getContext();
  Dims out = getDims(op.getType());
  size_t axis = op.getAxis(), rank = getDims(op.getData()).size();
  size_t numIndices = getDims(op.getIndices()).size();
  SmallVector<AffineExpr> own;
  for (size_t i = 0; i < numIndices; ++i)
    own.push_back(getAffineDimExpr(axis + i, context));
  auto map = AffineMap::get(out.size(), 0, own, context);
  return createElementwise(
      builder, loc, out, getElementTypeOrSelf(data), indices, map,
      [&](OpBuilder &b, Location, ValueRange index) -> Value {
        SmallVector<Value> position;
        for (size_t i = 0; i < rank; ++i)
          position.push_back(
              i == axis
                  ? arith::IndexCastOp::create(b, loc, b.getIndexType(), index.front()).getResult()
                  : linalg::IndexOp::create(b, loc, i < axis ? i : i + numIndices - 1).getResult());
        return tensor::ExtractOp::create(b, loc, data, position);
      });
}

namespace {
struct LowerGather : LoweringPattern<GatherOp> {
  using LoweringPattern::LoweringPattern;

  LogicalResult matchAndRewrite(GatherOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    if (state.ordersOfRows.contains(op)) {
      rewriter.replaceOp(op, adaptor.getData());
      return success();
    }
    Location loc = op.getLoc();
    MLIRContext *context = op.getContext();
    Dims data = getDims(op.getData()), indices = getDims(op.getIndices()), out = getDims(op.getType());
    size_t axis = op.getAxis();
    std::optional<int64_t> size = getConstantDim(data[axis]);
    std::optional<int64_t> index = getScalarIndex(op.getIndices());
    if (index && ((size && *index >= -*size && *index < *size) || (!size && *index == 0))) {
      // One known slice is a view.
      SmallVector<OpFoldResult> offsets(data.size(), rewriter.getIndexAttr(0)), sizes;
      SmallVector<OpFoldResult> strides(data.size(), rewriter.getIndexAttr(1));
      offsets[axis] = rewriter.getIndexAttr(*index < 0 ? *index + *size : *index);
      Dims kept = data;
      kept[axis] = constantDim(1, context);
      for (AffineExpr dim : kept)
        sizes.push_back(getFoldedSize(rewriter, loc, dim));
      Dims dropped(kept);
      dropped.erase(dropped.begin() + axis);
      Value slice = tensor::ExtractSliceOp::create(
          rewriter, loc, getPlainType(dropped, getElementTypeOrSelf(adaptor.getData())),
          adaptor.getData(), offsets, sizes, strides);
      rewriter.replaceOp(op, createReshape(rewriter, loc, slice, dropped, out));
      return success();
    }
    if (op.getInBounds()) {
      rewriter.replaceOp(op, createUncheckedGather(rewriter, loc, op, adaptor.getData(),
                                                   adaptor.getIndices()));
      return success();
    }
    Dims table = splitAtAxis(data, axis, context);
    AffineExpr count = productDim(indices, context);
    Value flatData = createReshape(rewriter, loc, adaptor.getData(), data, table);
    Value flatIndices = createReshape(rewriter, loc, adaptor.getIndices(), indices, {count});
    int32_t site = addIndexSite(state, loc, data[axis]);
    Dims flat = {table[0], count, table[2]};
    Value result = createKernel(rewriter, loc, "gather", {}, {flatData, flatIndices}, flat,
                                getElementTypeOrSelf(adaptor.getData()), site);
    rewriter.replaceOp(op, createReshape(rewriter, loc, result, flat, out));
    return success();
  }
};

struct LowerGatherND : LoweringPattern<GatherNDOp> {
  using LoweringPattern::LoweringPattern;

  LogicalResult matchAndRewrite(GatherNDOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    if (state.ordersOfRows.contains(op)) {
      rewriter.replaceOp(op, adaptor.getData());
      return success();
    }
    Location loc = op.getLoc();
    MLIRContext *context = op.getContext();
    Dims data = getDims(op.getData()), indices = getDims(op.getIndices()), out = getDims(op.getType());
    size_t batch = op.getBatchDims(), tuple = *getConstantDim(indices.back());
    Dims tuples(indices.begin(), indices.end() - 1);
    Value rows = createRowNumbers(rewriter, loc, adaptor.getIndices(), tuples, data, batch, tuple);
    AffineExpr one = constantDim(1, context);
    AffineExpr table = productDim(ArrayRef(data).take_front(batch + tuple), context);
    AffineExpr inner = productDim(ArrayRef(data).drop_front(batch + tuple), context);
    AffineExpr count = productDim(tuples, context);
    Dims flat = {one, count, inner};
    Value flatData = createReshape(rewriter, loc, adaptor.getData(), data, {one, table, inner});
    Value flatRows = createReshape(rewriter, loc, rows, tuples, {count});
    int32_t site = state.sites.add(loc, "index tuple outside the data");
    Value result = createKernel(rewriter, loc, "gather", {}, {flatData, flatRows}, flat,
                                getElementTypeOrSelf(adaptor.getData()), site);
    rewriter.replaceOp(op, createReshape(rewriter, loc, result, flat, out));
    return success();
  }
};

struct LowerScatterElements : LoweringPattern<ScatterElementsOp> {
  using LoweringPattern::LoweringPattern;

  LogicalResult matchAndRewrite(ScatterElementsOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    Dims data = getDims(op.getType()), updates = getDims(op.getUpdates());
    Dims flatData = splitAtAxis(data, op.getAxis(), op.getContext());
    Dims flatUpdates = {flatData[0], updates[op.getAxis()], flatData[2]};
    Value result = createScatter(
        rewriter, loc, createReshape(rewriter, loc, adaptor.getIndices(), updates, flatUpdates),
        createReshape(rewriter, loc, adaptor.getUpdates(), updates, flatUpdates),
        createReshape(rewriter, loc, adaptor.getData(), data, flatData), op.getReduction(),
        op.getType().getElementType(), addIndexSite(state, loc, data[op.getAxis()]));
    rewriter.replaceOp(op, createReshape(rewriter, loc, result, flatData, data));
    return success();
  }
};

struct LowerScatterND : LoweringPattern<ScatterNDOp> {
  using LoweringPattern::LoweringPattern;

  LogicalResult matchAndRewrite(ScatterNDOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    MLIRContext *context = op.getContext();
    Dims data = getDims(op.getType()), indices = getDims(op.getIndices());
    size_t tuple = *getConstantDim(indices.back());
    Dims tuples(indices.begin(), indices.end() - 1);
    Value rows = createRowNumbers(rewriter, loc, adaptor.getIndices(), tuples, data, 0, tuple);
    AffineExpr one = constantDim(1, context), count = productDim(tuples, context);
    AffineExpr inner = productDim(ArrayRef(data).drop_front(tuple), context);
    Dims flatData = {one, productDim(ArrayRef(data).take_front(tuple), context), inner};
    Value result = createScatter(
        rewriter, loc, createReshape(rewriter, loc, rows, tuples, {one, count}),
        createReshape(rewriter, loc, adaptor.getUpdates(), getDims(op.getUpdates()), {one, count, inner}),
        createReshape(rewriter, loc, adaptor.getData(), data, flatData), op.getReduction(),
        op.getType().getElementType(), state.sites.add(loc, "index tuple outside the data"));
    rewriter.replaceOp(op, createReshape(rewriter, loc, result, flatData, data));
    return success();
  }
};

struct LowerTopK : LoweringPattern<TopKOp> {
  using LoweringPattern::LoweringPattern;

  LogicalResult matchAndRewrite(TopKOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    Dims input = getDims(op.getInput()), out = getDims(op.getValues());
    Dims flatInput = splitAtAxis(input, op.getAxis(), op.getContext());
    Dims flatOut = {flatInput[0], out[op.getAxis()], flatInput[2]};
    Type declared = op.getInput().getType().getElementType();
    NamedAttribute config[] = {
        rewriter.getNamedAttr("largest", rewriter.getBoolAttr(op.getLargest())),
        rewriter.getNamedAttr("unsigned", rewriter.getBoolAttr(declared.isUnsignedInteger() ||
                                                               declared.isInteger(1)))};
    Value flat = createReshape(rewriter, loc, adaptor.getInput(), input, flatInput);
    SmallVector<Value> inits = {createEmpty(rewriter, loc, flatOut, convertElementType(declared)),
                                createEmpty(rewriter, loc, flatOut, rewriter.getI64Type())};
    auto kernel = KernelOp::create(rewriter, loc, ValueRange(inits).getTypes(),
                                   rewriter.getStringAttr("topk"), rewriter.getDictionaryAttr(config),
                                   ValueRange{flat}, inits, IntegerAttr());
    SmallVector<Value> results;
    for (Value result : kernel.getResults())
      results.push_back(createReshape(rewriter, loc, result, flatOut, out));
    rewriter.replaceOp(op, results);
    return success();
  }
};

struct LowerTopKActivation : LoweringPattern<TopKActivationOp> {
  using LoweringPattern::LoweringPattern;

  LogicalResult matchAndRewrite(TopKActivationOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    if (!isF32(op.getInput()))
      return succeeded(widen(op, rewriter)) ? success() : lowerGeneral(op, rewriter);
    Location loc = op.getLoc();
    Dims dims = getDims(op.getType()), rows = getRowDims(dims, op.getContext());
    NamedAttribute config[] = {
        rewriter.getNamedAttr("k", rewriter.getI64IntegerAttr(op.getK())),
        rewriter.getNamedAttr("keep_ties", rewriter.getBoolAttr(op.getKeepTies()))};
    Value input = createReshape(rewriter, loc, adaptor.getInput(), dims, rows);
    Value result = createKernel(rewriter, loc, "topk_activation", config, input, rows,
                                rewriter.getF32Type());
    rewriter.replaceOp(op, createReshape(rewriter, loc, result, rows, dims));
    return success();
  }

private:
  /// By the definition, as winnow ops.
  static LogicalResult lowerGeneral(TopKActivationOp op, ConversionPatternRewriter &rewriter) {
    Location loc = op.getLoc();
    Value x = op.getInput();
    Type type = op.getType(), element = getElementTypeOrSelf(type);
    unsigned numSymbols = getNumSymbols(type);
    Dims dims = getDims(x);
    dims.back() = constantDim(op.getK(), op.getContext());
    uint64_t axis = dims.size() - 1;
    auto best = TopKOp::create(rewriter, loc, getTensorType(dims, element, numSymbols),
                               getTensorType(dims, rewriter.getI64Type(), numSymbols), x, axis,
                               /*largest=*/true);
    auto scalar = RankedTensorType::get({}, element);
    Value zero = ConstantOp::create(
        rewriter, loc, scalar, DenseElementsAttr::get(scalar, rewriter.getFloatAttr(element, 0)));
    if (!op.getKeepTies()) {
      Value zeros = BroadcastToOp::create(rewriter, loc, type, zero);
      rewriter.replaceOpWithNewOp<ScatterElementsOp>(op, zeros, best.getIndices(), best.getValues(),
                                                     axis);
      return success();
    }
    Value last = ReduceOp::create(rewriter, loc, ReduceKind::Min, best.getValues(),
                                  ArrayRef<int64_t>{static_cast<int64_t>(axis)}, /*keepdims=*/true);
    Value keeps = CompareOp::create(rewriter, loc, ComparePredicate::GE, x, last);
    rewriter.replaceOpWithNewOp<SelectOp>(op, keeps, x, zero);
    return success();
  }
};
} // namespace

void winnow::populateIndexingPatterns(RewritePatternSet &patterns, const TypeConverter &converter,
                                      LoweringState &state) {
  patterns.add<LowerGather, LowerGatherND, LowerScatterElements, LowerScatterND, LowerTopK, LowerTopKActivation>(
      converter, patterns.getContext(), state);
}
