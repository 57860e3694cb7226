#include "KernelTypes.h"

using namespace mlir;
using namespace winnow;

//===----------------------------------------------------------------------===//
// Attention
//===----------------------------------------------------------------------===//

Value winnow::repeatAlongKeys(OpBuilder &b, Location loc, Value mask, ArrayRef<AffineExpr> from,
                              AffineExpr keys) {
  Dims to(from);
  to[3] = keys;
  if (ArrayRef(to) == from)
    return mask;
  return createElementwise(b, loc, to, getElementTypeOrSelf(mask), mask,
                           getBroadcastMap(from, to, b.getContext()),
                           [](OpBuilder &, Location, ValueRange x) { return x[0]; });
}

/// What a transpose brings from [batch, heads, length, size]: the kernel reads
/// a cache where it is. Null without one.
static Value getHeadsFirst(Value operand, ConversionPatternRewriter &rewriter) {
  auto transpose = operand.getDefiningOp<TransposeOp>();
  if (!transpose || transpose.getPermutation() != ArrayRef<int64_t>{0, 2, 1, 3})
    return nullptr;
  return rewriter.getRemappedValue(transpose.getInput());
}

namespace {
struct LowerAttention : LoweringPattern<AttentionOp> {
  using LoweringPattern::LoweringPattern;

  LogicalResult matchAndRewrite(AttentionOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    if (!isF32(op.getQuery()))
      return widen(op, rewriter);
    Value key = getHeadsFirst(op.getKey(), rewriter), value = getHeadsFirst(op.getValue(), rewriter);
    SmallVector<Value> inputs = {adaptor.getQuery(), key ? key : adaptor.getKey(),
                                 value ? value : adaptor.getValue()};
    StringRef mask = "none";
    if (op.getMask()) {
      Dims dims = getDims(op.getMask());
      inputs.push_back(repeatAlongKeys(rewriter, op.getLoc(), adaptor.getMask(), dims,
                                       op.getKeyPositions() ? dims[3] : getDims(op.getKey())[1]));
      mask = getElementTypeOrSelf(op.getMask()).isInteger(1) ? "bool" : "add";
    }
    for (Value packing : {adaptor.getQueryPositions(), adaptor.getKeyPositions(),
                          adaptor.getQueryOffsets(), adaptor.getKeyOffsets(), adaptor.getKeyLengths()})
      if (packing)
        inputs.push_back(packing);
    SmallVector<NamedAttribute> config = {
        rewriter.getNamedAttr("causal", rewriter.getBoolAttr(op.getCausal())),
        rewriter.getNamedAttr("causal_adds_lowest", rewriter.getBoolAttr(op.getCausalAddsLowest())),
        rewriter.getNamedAttr("causal_at_end", rewriter.getBoolAttr(op.getCausalAtEnd())),
        rewriter.getNamedAttr("causal_lowest", rewriter.getBoolAttr(op.getCausalLowest())),
        rewriter.getNamedAttr("key_heads_first", rewriter.getBoolAttr(bool(key))),
        rewriter.getNamedAttr("key_packed", rewriter.getBoolAttr(bool(op.getKeyOffsets()))),
        rewriter.getNamedAttr("mask", rewriter.getStringAttr(mask)),
        rewriter.getNamedAttr("nan_to_zero", rewriter.getBoolAttr(op.getNanToZero())),
        rewriter.getNamedAttr("query_packed", rewriter.getBoolAttr(bool(op.getQueryOffsets()))),
        rewriter.getNamedAttr("scale", op.getScaleAttr()),
        rewriter.getNamedAttr("value_heads_first", rewriter.getBoolAttr(bool(value)))};
    // A step of a decoder has one query and many keys, an encoder as many of both.
    AffineExpr queries = getDims(op.getQuery())[1];
    if (!getConstantDim(queries) && queries != getDims(op.getKey())[1])
      config.push_back(rewriter.getNamedAttr("steps", rewriter.getBoolAttr(true)));
    if (op.getSoftcap())
      config.push_back(rewriter.getNamedAttr("softcap", op.getSoftcapAttr()));
    rewriter.replaceOp(op, createKernel(rewriter, op.getLoc(), "attention", config, inputs,
                                        getDims(op.getType()), rewriter.getF32Type()));
    return success();
  }
};

//===----------------------------------------------------------------------===//
// Rotary embedding
//===----------------------------------------------------------------------===//

/// One loop nest over the pairs: each element reads its partner too.
struct LowerRotary : LoweringPattern<RotaryOp> {
  using LoweringPattern::LoweringPattern;

  LogicalResult matchAndRewrite(RotaryOp op, OpAdaptor adaptor, ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    MLIRContext *context = op.getContext();
    Dims dims = getDims(op.getType()), angles = getDims(op.getCos());
    int64_t pairs = *getConstantDim(angles.back());
    if (*getConstantDim(dims.back()) > 2 * pairs) {
      rewriter.replaceOp(op, lowerPart(op, dims, 2 * pairs, rewriter));
      return success();
    }
    // [.., 2, pairs], or [.., pairs, 2] where pairs are neighbours.
    unsigned outer = dims.size() - 1;
    unsigned side = op.getInterleaved() ? outer + 1 : outer;
    unsigned pair = op.getInterleaved() ? outer : outer + 1;
    Dims split(ArrayRef(dims).drop_back());
    split.append(2, constantDim(2, context));
    split[pair] = constantDim(pairs, context);
    Value x = createReshape(rewriter, loc, adaptor.getInput(), dims, split);

    AffineMap own = rewriter.getMultiDimIdentityMap(outer + 2);
    AffineMap partner = own.replace(getAffineDimExpr(side, context),
                                    1 - getAffineDimExpr(side, context), outer + 2, 0);
    AffineMap broadcast = getBroadcastMap(ArrayRef(angles).drop_back(),
                                          ArrayRef(dims).drop_back(), context);
    SmallVector<AffineExpr> exprs(broadcast.getResults());
    exprs.push_back(getAffineDimExpr(pair, context));
    AffineMap angle = AffineMap::get(outer + 2, 0, exprs, context);
    Value result = createElementwise(
        rewriter, loc, split, getElementTypeOrSelf(x), {x, x, adaptor.getCos(), adaptor.getSin()},
        {own, partner, angle, angle}, [&](OpBuilder &b, Location, ValueRange in) -> Value {
          Value zero = arith::ConstantIndexOp::create(b, loc, 0);
          Value isFirst = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq,
                                                linalg::IndexOp::create(b, loc, side), zero);
          Value negated = arith::NegFOp::create(b, loc, in[3]);
          Value sin = arith::SelectOp::create(b, loc, isFirst, negated, in[3]);
          Value kept = arith::MulFOp::create(b, loc, in[0], in[2]);
          return arith::AddFOp::create(b, loc, kept, arith::MulFOp::create(b, loc, in[1], sin));
        });
    rewriter.replaceOp(op, createReshape(rewriter, loc, result, split, dims));
    return success();
  }

  /// Turns the first `size` elements and copies the others.
  static Value lowerPart(RotaryOp op, ArrayRef<AffineExpr> dims, int64_t size,
                         ConversionPatternRewriter &rewriter) {
    Location loc = op.getLoc();
    auto slice = [&](int64_t from, int64_t to) -> Value {
      Dims part(dims), starts(dims.size(), constantDim(0, op.getContext()));
      part.back() = constantDim(to - from, op.getContext());
      starts.back() = constantDim(from, op.getContext());
      return SliceOp::create(
          rewriter, loc,
          getTensorType(part, op.getType().getElementType(), getNumSymbols(op.getType())),
          op.getInput(), AffineMapAttr::get(AffineMap::get(0, 0, starts, op.getContext())),
          rewriter.getDenseI64ArrayAttr(SmallVector<int64_t>(dims.size(), 1)));
    };
    Value turned = RotaryOp::create(rewriter, loc, slice(0, size), op.getCos(), op.getSin(),
                                    op.getInterleaved());
    return ConcatOp::create(rewriter, loc,
                            ValueRange{turned, slice(size, *getConstantDim(dims.back()))},
                            dims.size() - 1);
  }
};
} // namespace

void winnow::populateAttentionPatterns(RewritePatternSet &patterns, const TypeConverter &converter,
                                       LoweringState &state) {
  patterns.add<LowerAttention, LowerRotary>(converter, patterns.getContext(), state);
}
