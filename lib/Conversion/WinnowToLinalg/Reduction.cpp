#include "Lowering.h"

using namespace mlir;
using namespace winnow;

static Value constantLike(OpBuilder &b, Location loc, Type type, double value) {
  if (isa<FloatType>(type))
    return arith::ConstantOp::create(b, loc, b.getFloatAttr(type, value));
  return arith::ConstantOp::create(b, loc, b.getIntegerAttr(type, static_cast<int64_t>(value)));
}

/// What a reduction of nothing gives, and where every reduction starts.
static Value getNeutral(OpBuilder &b, Location loc, ReduceKind kind, Type type, bool isUnsigned) {
  auto integer = dyn_cast<IntegerType>(type);
  switch (kind) {
  case ReduceKind::Sum:
  case ReduceKind::Mean:
    return constantLike(b, loc, type, 0);
  case ReduceKind::Prod:
    return constantLike(b, loc, type, 1);
  case ReduceKind::Max:
    if (!integer)
      return constantLike(b, loc, type, -std::numeric_limits<double>::infinity());
    return arith::ConstantOp::create(
        b, loc,
        IntegerAttr::get(type, isUnsigned ? APInt::getZero(integer.getWidth())
                                          : APInt::getSignedMinValue(integer.getWidth())));
  case ReduceKind::Min:
    if (!integer)
      return constantLike(b, loc, type, std::numeric_limits<double>::infinity());
    return arith::ConstantOp::create(
        b, loc,
        IntegerAttr::get(type, isUnsigned ? APInt::getMaxValue(integer.getWidth())
                                          : APInt::getSignedMaxValue(integer.getWidth())));
  }
  return nullptr;
}

static Value combine(OpBuilder &b, Location loc, ReduceKind kind, Value x, Value acc,
                     bool isUnsigned) {
  bool isFloat = isa<FloatType>(x.getType());
  switch (kind) {
  case ReduceKind::Sum:
  case ReduceKind::Mean:
    return isFloat ? Value(arith::AddFOp::create(b, loc, acc, x))
                   : Value(arith::AddIOp::create(b, loc, acc, x));
  case ReduceKind::Prod:
    return isFloat ? Value(arith::MulFOp::create(b, loc, acc, x))
                   : Value(arith::MulIOp::create(b, loc, acc, x));
  case ReduceKind::Max:
    if (isFloat)
      return arith::MaximumFOp::create(b, loc, acc, x);
    return isUnsigned ? Value(arith::MaxUIOp::create(b, loc, acc, x))
                      : Value(arith::MaxSIOp::create(b, loc, acc, x));
  case ReduceKind::Min:
    if (isFloat)
      return arith::MinimumFOp::create(b, loc, acc, x);
    return isUnsigned ? Value(arith::MinUIOp::create(b, loc, acc, x))
                      : Value(arith::MinSIOp::create(b, loc, acc, x));
  }
  return nullptr;
}

/// The sum over its number of elements.
static Value divideByCount(OpBuilder &b, Location loc, Value sum, Value count, bool isUnsigned) {
  Type type = sum.getType();
  if (isa<FloatType>(type))
    return arith::DivFOp::create(b, loc, sum, arith::SIToFPOp::create(b, loc, type, count));
  Type i64 = b.getI64Type();
  if (type != i64)
    sum = isUnsigned ? Value(arith::ExtUIOp::create(b, loc, i64, sum))
                     : Value(arith::ExtSIOp::create(b, loc, i64, sum));
  Value one = arith::ConstantIntOp::create(b, loc, i64, 1);
  Value divisor = arith::MaxSIOp::create(b, loc, count, one);
  Value mean = isUnsigned ? Value(arith::DivUIOp::create(b, loc, sum, divisor))
                          : Value(arith::DivSIOp::create(b, loc, sum, divisor));
  return type == i64 ? mean : Value(arith::TruncIOp::create(b, loc, type, mean));
}

namespace {
/// Narrow floats are combined in f32, so that a long sum does not stop growing.
struct LowerReduce : LoweringPattern<ReduceOp> {
  using LoweringPattern::LoweringPattern;

  LogicalResult matchAndRewrite(ReduceOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    MLIRContext *context = op.getContext();
    Dims dims = getDims(op.getInput()), kept;
    Type declared = op.getType().getElementType();
    bool isUnsigned = declared.isUnsignedInteger() || declared.isInteger(1);
    Type element = convertElementType(declared);
    bool isNarrow = isa<FloatType>(element) && element.getIntOrFloatBitWidth() < 32;
    Type wide = isNarrow ? rewriter.getF32Type() : element;
    SmallVector<AffineExpr> outExprs;
    SmallVector<utils::IteratorType> iterators;
    AffineExpr count = constantDim(1, context);
    for (auto [i, dim] : llvm::enumerate(dims)) {
      bool reduced = llvm::is_contained(op.getAxes(), static_cast<int64_t>(i));
      iterators.push_back(reduced ? utils::IteratorType::reduction
                                  : utils::IteratorType::parallel);
      if (reduced) {
        count = count * dim;
      } else {
        kept.push_back(dim);
        outExprs.push_back(getAffineDimExpr(i, context));
      }
    }
    Value neutral = getNeutral(rewriter, loc, op.getKind(), wide, isUnsigned);
    Value init = createEmpty(rewriter, loc, kept, wide);
    Value filled = linalg::FillOp::create(rewriter, loc, neutral, init).getResult(0);
    SmallVector<AffineMap> maps = {rewriter.getMultiDimIdentityMap(dims.size()),
                                   AffineMap::get(dims.size(), 0, outExprs, context)};
    Value result =
        linalg::GenericOp::create(
            rewriter, loc, TypeRange{filled.getType()}, ValueRange{adaptor.getInput()},
            ValueRange{filled}, maps, iterators,
            [&](OpBuilder &b, Location, ValueRange args) {
              Value x = isNarrow ? arith::ExtFOp::create(b, loc, wide, args[0]) : args[0];
              linalg::YieldOp::create(b, loc,
                                      combine(b, loc, op.getKind(), x, args[1], isUnsigned));
            })
            .getResult(0);
    bool isMean = op.getKind() == ReduceKind::Mean;
    if (isMean || isNarrow) {
      Value size = !isMean ? Value()
                           : arith::IndexCastOp::create(rewriter, loc, rewriter.getI64Type(),
                                                        getSize(rewriter, loc, count));
      result = createElementwise(
          rewriter, loc, kept, element, result, rewriter.getMultiDimIdentityMap(kept.size()),
          [&](OpBuilder &b, Location, ValueRange x) -> Value {
            Value value = isMean ? divideByCount(b, loc, x[0], size, isUnsigned) : x[0];
            return isNarrow ? arith::TruncFOp::create(b, loc, element, value) : value;
          });
    }
    rewriter.replaceOp(op, createReshape(rewriter, loc, result, kept, getDims(op.getType())));
    return success();
  }
};

/// Serial along the axis, so that it is a kernel and no linalg op: seen as
/// [before, axis, after].
template <typename Op> struct LowerCumulative : LoweringPattern<Op> {
  using LoweringPattern<Op>::LoweringPattern;

  LogicalResult matchAndRewrite(Op op, typename Op::Adaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    Dims dims = getDims(op.getType());
    Dims flat = splitAtAxis(dims, op.getAxis(), op.getContext());
    Value input = createReshape(rewriter, loc, adaptor.getInput(), dims, flat);
    NamedAttribute config[] = {
        rewriter.getNamedAttr("exclusive", rewriter.getBoolAttr(op.getExclusive())),
        rewriter.getNamedAttr("reverse", rewriter.getBoolAttr(op.getReverse()))};
    StringRef kind = std::is_same_v<Op, CumSumOp> ? "cumsum" : "cumprod";
    Value result = createKernel(rewriter, loc, kind, config, input, flat,
                                getElementTypeOrSelf(adaptor.getInput()));
    rewriter.replaceOp(op, createReshape(rewriter, loc, result, flat, dims));
    return success();
  }
};

/// All batch dimensions are one; the elimination gets a buffer to work in.
struct LowerDet : LoweringPattern<DetOp> {
  using LoweringPattern::LoweringPattern;

  LogicalResult matchAndRewrite(DetOp op, OpAdaptor adaptor,
                                ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    Dims dims = getDims(op.getInput()), out = getDims(op.getType());
    AffineExpr size = dims.back(), batch = productDim(out, op.getContext());
    Dims flat = {batch, size, size};
    Type element = op.getType().getElementType();
    Value input = createReshape(rewriter, loc, adaptor.getInput(), dims, flat);
    SmallVector<Value> outputs = {createEmpty(rewriter, loc, flat, element),
                                  createEmpty(rewriter, loc, {batch}, element)};
    auto kernel = KernelOp::create(rewriter, loc, ValueRange(outputs).getTypes(),
                                   rewriter.getStringAttr("det"), rewriter.getDictionaryAttr({}),
                                   ValueRange{input}, outputs, IntegerAttr());
    rewriter.replaceOp(op, createReshape(rewriter, loc, kernel.getResult(1), {batch}, out));
    return success();
  }
};
} // namespace

void winnow::populateReductionPatterns(RewritePatternSet &patterns,
                                       const TypeConverter &converter, LoweringState &state) {
  patterns.add<LowerReduce, LowerCumulative<CumSumOp>, LowerCumulative<CumProdOp>, LowerDet>(
      converter, patterns.getContext(), state);
}
