#include "Lowering.h"

#include "mlir/IR/DialectResourceBlobManager.h"

using namespace mlir;
using namespace winnow;

/// Larger constants go to the weights file, smaller ones into the code.
static constexpr int64_t kInlineBytes = 1024;
/// One value repeated more often than this is filled in at run time.
static constexpr int64_t kSplatBytes = 1 << 20;

/// An entry of the weights file that holds the parts one after the other.
static Value readDense(ArrayRef<Attribute> parts, RankedTensorType type, Location loc,
                       LoweringState &state, OpBuilder &b) {
  int64_t bytes = type.getNumElements() * std::max<int64_t>(1, type.getElementTypeBitWidth() / 8);
  auto layout = b.getDictionaryAttr(b.getNamedAttr("kind", b.getStringAttr("dense")));
  return state.weights.read(b, loc, state.weights.add(parts, layout, bytes), type);
}

namespace {
struct LowerConstant : LoweringPattern<ConstantOp> {
  using LoweringPattern::LoweringPattern;

  LogicalResult matchAndRewrite(ConstantOp op, OpAdaptor, ConversionPatternRewriter &rewriter) const override {
    RankedTensorType type = convertTensorType(cast<RankedTensorType>(op.getType()));
    unsigned width = type.getElementTypeBitWidth();
    int64_t bytes = type.getNumElements() * std::max<int64_t>(1, width / 8);
    ElementsAttr elements = op.getElements();
    bool isSplat = elements.isSplat() || type.getNumElements() == 0;
    if (isSplat && isa<DenseElementsAttr>(elements) && type.getRank() > 0 && bytes > kSplatBytes) {
      auto dense = cast<DenseElementsAttr>(elements);
      auto scalar = DenseElementsAttr::getFromRawBuffer(
          RankedTensorType::get({}, type.getElementType()), dense.getRawData().take_front(std::max<size_t>(1, width / 8)));
      Value one = arith::ConstantOp::create(rewriter, op.getLoc(), scalar);
      Value result = createElementwise(
          rewriter, op.getLoc(), getDims(op.getType()), type.getElementType(), one,
          getBroadcastMap({}, getDims(op.getType()), op.getContext()),
          [](OpBuilder &, Location, ValueRange x) { return x[0]; });
      rewriter.replaceOp(op, result);
      return success();
    }
    if (bytes <= kInlineBytes) {
      DenseElementsAttr dense = dyn_cast<DenseElementsAttr>(elements);
      if (!dense) {
        auto resource = cast<DenseResourceElementsAttr>(elements);
        dense = DenseElementsAttr::getFromRawBuffer(type, resource.getData());
      }
      // The converted type has the same bytes.
      rewriter.replaceOpWithNewOp<arith::ConstantOp>(op, DenseElementsAttr::getFromRawBuffer(type, dense.getRawData()));
      return success();
    }
    rewriter.replaceOp(op, readDense({op.getValue()}, type, op.getLoc(), state, rewriter));
    return success();
  }
};

struct LowerDimValues : LoweringPattern<DimValuesOp> {
  using LoweringPattern::LoweringPattern;

  LogicalResult matchAndRewrite(DimValuesOp op, OpAdaptor, ConversionPatternRewriter &rewriter) const override {
    RankedTensorType type = convertTensorType(op.getType());
    SmallVector<Value> values;
    for (AffineExpr value : op.getValues().getResults())
      values.push_back(arith::IndexCastOp::create(rewriter, op.getLoc(), type.getElementType(),
                                                  getSize(rewriter, op.getLoc(), value)));
    rewriter.replaceOpWithNewOp<tensor::FromElementsOp>(op, type, values);
    return success();
  }
};

struct LowerIota : LoweringPattern<IotaOp> {
  using LoweringPattern::LoweringPattern;

  LogicalResult matchAndRewrite(IotaOp op, OpAdaptor, ConversionPatternRewriter &rewriter) const override {
    Type element = convertElementType(op.getType().getElementType());
    int64_t start = op.getStart(), step = op.getStep();
    Value result = createElementwise(
        rewriter, op.getLoc(), getDims(op.getType()), element, {}, {},
        [&](OpBuilder &b, Location loc, ValueRange) -> Value {
          Value index = linalg::IndexOp::create(b, loc, 0);
          Value wide = arith::IndexCastOp::create(b, loc, b.getI64Type(), index);
          Value stepped = arith::MulIOp::create(b, loc, wide, arith::ConstantIntOp::create(b, loc, b.getI64Type(), step));
          Value value = arith::AddIOp::create(b, loc, stepped, arith::ConstantIntOp::create(b, loc, b.getI64Type(), start));
          if (isa<FloatType>(element))
            return arith::SIToFPOp::create(b, loc, element, value);
          if (element == b.getI64Type())
            return value;
          return arith::TruncIOp::create(b, loc, element, value);
        });
    rewriter.replaceOp(op, result);
    return success();
  }
};

struct LowerReshape : LoweringPattern<ReshapeOp> {
  using LoweringPattern::LoweringPattern;

  LogicalResult matchAndRewrite(ReshapeOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOp(op, createReshape(rewriter, op.getLoc(), adaptor.getInput(),
                                         getDims(op.getInput()), getDims(op.getType())));
    return success();
  }
};

struct LowerTranspose : LoweringPattern<TransposeOp> {
  using LoweringPattern::LoweringPattern;

  LogicalResult matchAndRewrite(TransposeOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    if (Attribute part = getConstantPart(op)) {
      rewriter.replaceOp(op, readDense({part}, convertTensorType(op.getType()), op.getLoc(),
                                       state, rewriter));
      return success();
    }
    Dims dims = getDims(op.getType());
    // Input dimension permutation[i] is loop i.
    SmallVector<AffineExpr> exprs(dims.size());
    for (auto [i, from] : llvm::enumerate(op.getPermutation()))
      exprs[from] = getAffineDimExpr(i, op.getContext());
    Value result = createElementwise(
        rewriter, op.getLoc(), dims, getElementTypeOrSelf(adaptor.getInput()), adaptor.getInput(),
        AffineMap::get(dims.size(), 0, exprs, op.getContext()),
        [](OpBuilder &, Location, ValueRange x) { return x[0]; });
    rewriter.replaceOp(op, result);
    return success();
  }
};

struct LowerBroadcastTo : LoweringPattern<BroadcastToOp> {
  using LoweringPattern::LoweringPattern;

  LogicalResult matchAndRewrite(BroadcastToOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    Dims dims = getDims(op.getType());
    Value result = createElementwise(
        rewriter, op.getLoc(), dims, getElementTypeOrSelf(adaptor.getInput()), adaptor.getInput(),
        getBroadcastMap(getDims(op.getInput()), dims, op.getContext()),
        [](OpBuilder &, Location, ValueRange x) { return x[0]; });
    rewriter.replaceOp(op, result);
    return success();
  }
};

/// Some dimension is known to be 0.
static bool isEmpty(ArrayRef<AffineExpr> dims) {
  return llvm::any_of(dims, [](AffineExpr dim) { return isConstantDim(dim, 0); });
}

/// Forward steps are views; backward steps read element by element.
struct LowerSlice : LoweringPattern<SliceOp> {
  using LoweringPattern::LoweringPattern;

  LogicalResult matchAndRewrite(SliceOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    Dims dims = getDims(op.getType());
    // A view of nothing may start at the end, where a view must not start.
    if (isEmpty(dims) || isEmpty(getDims(op.getInput()))) {
      rewriter.replaceOp(op, createEmpty(rewriter, loc, dims, convertElementType(op.getType().getElementType())));
      return success();
    }
    if (llvm::all_of(op.getSteps(), [](int64_t step) { return step > 0; })) {
      SmallVector<OpFoldResult> offsets, sizes, strides;
      for (auto [i, dim] : llvm::enumerate(dims)) {
        offsets.push_back(getFoldedSize(rewriter, loc, op.getStarts().getResult(i)));
        sizes.push_back(getFoldedSize(rewriter, loc, dim));
        strides.push_back(rewriter.getIndexAttr(op.getSteps()[i]));
      }
      rewriter.replaceOpWithNewOp<tensor::ExtractSliceOp>(
          op, convertTensorType(op.getType()), adaptor.getInput(), offsets, sizes, strides);
      return success();
    }
    SmallVector<Value> starts;
    for (AffineExpr start : op.getStarts().getResults())
      starts.push_back(getSize(rewriter, loc, start));
    Value result = createElementwise(
        rewriter, loc, dims, getElementTypeOrSelf(adaptor.getInput()), {}, {},
        [&](OpBuilder &b, Location, ValueRange) -> Value {
          SmallVector<Value> indices;
          for (auto [i, step] : llvm::enumerate(op.getSteps())) {
            Value index = linalg::IndexOp::create(b, loc, i);
            Value scaled = arith::MulIOp::create(b, loc, index, arith::ConstantIndexOp::create(b, loc, step));
            indices.push_back(arith::AddIOp::create(b, loc, scaled, starts[i]));
          }
          return tensor::ExtractOp::create(b, loc, adaptor.getInput(), indices);
        });
    rewriter.replaceOp(op, result);
    return success();
  }
};

/// The offsets, sizes and strides of slice `index` of dimension 0.
struct RowSlice {
  SmallVector<OpFoldResult> offsets, sizes, strides;
  RowSlice(OpBuilder &b, Location loc, ArrayRef<AffineExpr> dims, Value index)
      : offsets(dims.size(), b.getIndexAttr(0)), strides(dims.size(), b.getIndexAttr(1)) {
    offsets.front() = index;
    sizes.push_back(b.getIndexAttr(1));
    for (AffineExpr dim : dims.drop_front())
      sizes.push_back(getFoldedSize(b, loc, dim));
  }
};

struct LowerExtractAt : LoweringPattern<ExtractAtOp> {
  using LoweringPattern::LoweringPattern;

  LogicalResult matchAndRewrite(ExtractAtOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    RowSlice row(rewriter, op.getLoc(), getDims(op.getInput()), adaptor.getIndex());
    rewriter.replaceOpWithNewOp<tensor::ExtractSliceOp>(
        op, convertTensorType(op.getType()), adaptor.getInput(), row.offsets, row.sizes, row.strides);
    return success();
  }
};

struct LowerInsertAt : LoweringPattern<InsertAtOp> {
  using LoweringPattern::LoweringPattern;

  LogicalResult matchAndRewrite(InsertAtOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    RowSlice row(rewriter, op.getLoc(), getDims(op.getType()), adaptor.getIndex());
    rewriter.replaceOpWithNewOp<tensor::InsertSliceOp>(
        op, adaptor.getSlice(), adaptor.getDestination(), row.offsets, row.sizes, row.strides);
    return success();
  }
};

struct LowerConcat : LoweringPattern<ConcatOp> {
  using LoweringPattern::LoweringPattern;

  LogicalResult matchAndRewrite(ConcatOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    Dims dims = getDims(op.getType());
    if (std::optional<Value> weight = joinConstants(op, rewriter)) {
      rewriter.replaceOp(op, *weight);
      return success();
    }
    Value result = createEmpty(rewriter, loc, dims, convertElementType(op.getType().getElementType()));
    AffineExpr position = constantDim(0, op.getContext());
    for (auto [original, input] : llvm::zip(op.getInputs(), adaptor.getInputs())) {
      Dims part = getDims(original);
      if (isEmpty(part))
        continue;
      SmallVector<OpFoldResult> offsets(dims.size(), rewriter.getIndexAttr(0)), sizes;
      SmallVector<OpFoldResult> strides(dims.size(), rewriter.getIndexAttr(1));
      offsets[op.getAxis()] = getFoldedSize(rewriter, loc, position);
      for (AffineExpr dim : part)
        sizes.push_back(getFoldedSize(rewriter, loc, dim));
      result = tensor::InsertSliceOp::create(rewriter, loc, input, result, offsets, sizes, strides);
      position = position + part[op.getAxis()];
    }
    rewriter.replaceOp(op, result);
    return success();
  }

  /// Constants that lie one after the other, such as merged biases, are one
  /// entry of the weights file.
  std::optional<Value> joinConstants(ConcatOp op, ConversionPatternRewriter &rewriter) const {
    SmallVector<Attribute> parts;
    for (Value input : op.getInputs()) {
      parts.push_back(getConstantPart(input));
      if (!parts.back())
        return std::nullopt;
    }
    RankedTensorType type = convertTensorType(op.getType());
    if (llvm::any_of(type.getShape().take_front(op.getAxis()), [](int64_t size) { return size != 1; }))
      return std::nullopt;
    return readDense(parts, type, op.getLoc(), state, rewriter);
  }
};
} // namespace

void winnow::populateMovementPatterns(RewritePatternSet &patterns, const TypeConverter &converter,
                                      LoweringState &state) {
  patterns.add<LowerConstant, LowerDimValues, LowerIota, LowerReshape, LowerTranspose,
               LowerBroadcastTo, LowerSlice, LowerExtractAt, LowerInsertAt, LowerConcat>(
      converter, patterns.getContext(), state);
}
