#include "Evaluate.h"
#include "Simplify.h"
#include "winnow/Dialect/Winnow/IR/StorageTypes.h"

#include <cmath>

using namespace mlir;
using namespace winnow;

namespace {

//===----------------------------------------------------------------------===//
// Neutral operands
//===----------------------------------------------------------------------===//

/// `x op neutral` is x, broadcast to the result's shape.
template <typename OpTy> struct DropNeutral : SimplifyPattern<OpTy> {
  DropNeutral(MLIRContext *context, SiteReporter &reporter, double neutral, bool eitherSide)
      : SimplifyPattern<OpTy>(context, reporter), neutral(neutral), eitherSide(eitherSide) {}
  double neutral;
  bool eitherSide;

  LogicalResult matchAndRewrite(OpTy op, PatternRewriter &rewriter) const override {
    Value kept;
    if (isScalarConstant(op.getRhs(), neutral))
      kept = op.getLhs();
    else if (eitherSide && isScalarConstant(op.getLhs(), neutral))
      kept = op.getRhs();
    else
      return rewriter.notifyMatchFailure(op, "no neutral operand");
    // All bits of a wider integer would have to be set, which is -1 and not 1.
    if (isa<AndOp>(op) && !getElementTypeOrSelf(kept).isInteger(1))
      return rewriter.notifyMatchFailure(op, "not boolean");
    RankedTensorType type = op.getType();
    if (kept.getType() != type)
      kept = BroadcastToOp::create(rewriter, op.getLoc(), type, kept);
    return this->replace(rewriter, op, kept, "simplify.neutral",
                         "dropped an operation with its neutral element");
  }
};

//===----------------------------------------------------------------------===//
// Cheaper forms
//===----------------------------------------------------------------------===//

struct ExpandPow : SimplifyPattern<PowOp> {
  using SimplifyPattern::SimplifyPattern;
  LogicalResult matchAndRewrite(PowOp op, PatternRewriter &rewriter) const override {
    std::optional<double> exponent = getScalarConstant(op.getRhs());
    Value base = op.getLhs();
    if (!exponent || base.getType() != op.getType() || !isa<FloatType>(getElementTypeOrSelf(base)))
      return rewriter.notifyMatchFailure(op, "no constant exponent");
    Location loc = op.getLoc();
    Type type = op.getType();
    Value value;
    if (*exponent == 1)
      value = base;
    else if (*exponent == 2)
      value = MulOp::create(rewriter, loc, type, base, base);
    else if (*exponent == 0.5)
      value = SqrtOp::create(rewriter, loc, type, base);
    else if (*exponent == -0.5)
      value = ReciprocalOp::create(rewriter, loc, type, SqrtOp::create(rewriter, loc, type, base));
    else if (*exponent == -1)
      value = ReciprocalOp::create(rewriter, loc, type, base);
    else
      return rewriter.notifyMatchFailure(op, "no cheaper form");
    return replace(rewriter, op, value, "simplify.pow", "wrote a power as cheaper operations");
  }
};

/// Division by a power of two is exactly a product.
struct DivToMul : SimplifyPattern<DivOp> {
  using SimplifyPattern::SimplifyPattern;
  LogicalResult matchAndRewrite(DivOp op, PatternRewriter &rewriter) const override {
    std::optional<double> divisor = getScalarConstant(op.getRhs());
    Type elementType = getElementTypeOrSelf(op.getType());
    int exponent = 0;
    if (!divisor || !isa<FloatType>(elementType) || !std::isfinite(*divisor) ||
        std::fabs(std::frexp(*divisor, &exponent)) != 0.5)
      return rewriter.notifyMatchFailure(op, "no division by a power of two");
    // Far from the ends of every float type's range, the reciprocal is normal.
    if (std::abs(exponent) > 10)
      return rewriter.notifyMatchFailure(op, "the reciprocal may be subnormal");
    Value factor = createScalar(rewriter, op.getLoc(), elementType, 1 / *divisor);
    // A divisor of higher rank than the dividend gave the result its rank.
    if (op.getLhs().getType() != op.getType())
      return rewriter.notifyMatchFailure(op, "the divisor broadcasts the dividend");
    Value product = MulOp::create(rewriter, op.getLoc(), op.getType(), op.getLhs(), factor);
    return replace(rewriter, op, product, "simplify.div",
                   "wrote a division by a power of two as a product");
  }
};

/// Every value of `from` is a value of `to`.
static bool isLosslessCast(Type from, Type to) {
  auto isUnsigned = [](Type type) { return type.isUnsignedInteger() || type.isInteger(1); };
  auto toFloat = dyn_cast<FloatType>(to);
  if (auto fromFloat = dyn_cast<FloatType>(from))
    // Small floats differ in what they have of infinities and -0.
    return from == to || (toFloat && !isStorageType(to) &&
                          APFloat::isRepresentableBy(fromFloat.getFloatSemantics(),
                                                     toFloat.getFloatSemantics()));
  unsigned fromWidth = from.getIntOrFloatBitWidth();
  // Powers of two do not have 0.
  if (toFloat)
    return toFloat.getFPMantissaWidth() >= fromWidth && fromWidth <= 8 &&
           !isa<Float8E8M0FNUType>(to);
  unsigned toWidth = to.getIntOrFloatBitWidth();
  if (isUnsigned(from) == isUnsigned(to))
    return fromWidth <= toWidth;
  return isUnsigned(from) && fromWidth < toWidth;
}

struct ComposeCasts : SimplifyPattern<CastOp> {
  using SimplifyPattern::SimplifyPattern;
  LogicalResult matchAndRewrite(CastOp op, PatternRewriter &rewriter) const override {
    auto inner = op.getInput().getDefiningOp<CastOp>();
    if (!inner || !isLosslessCast(getElementTypeOrSelf(inner.getInput()),
                                  getElementTypeOrSelf(inner.getType())))
      return rewriter.notifyMatchFailure(op, "no lossless cast below");
    // Floats saturate on their way to integers, where integers wrap.
    Type from = getElementTypeOrSelf(inner.getInput()), to = getElementTypeOrSelf(op.getType());
    if (!isa<FloatType>(from) && !from.isInteger(1) && !isa<FloatType>(to) && !to.isInteger(1) &&
        isa<FloatType>(getElementTypeOrSelf(inner.getType())))
      return rewriter.notifyMatchFailure(op, "saturates");
    Value value = inner.getInput();
    if (value.getType() != op.getType())
      value = CastOp::create(rewriter, op.getLoc(), op.getType(), value);
    return replace(rewriter, op, value, "simplify.cast", "joined two casts");
  }
};

//===----------------------------------------------------------------------===//
// Broadcasts
//===----------------------------------------------------------------------===//

/// op(broadcast_to(x), y) is op(x, y), broadcast afterwards if it must be.
/// Where the result gets smaller, a splat is as good as one number.
struct SinkBroadcast : OpInterfaceRewritePattern<ElementwiseOpInterface> {
  SinkBroadcast(MLIRContext *context, SiteReporter &reporter)
      : OpInterfaceRewritePattern(context), reporter(reporter) {}
  SiteReporter &reporter;

  static DenseElementsAttr getSplat(Value value) {
    auto elements = dyn_cast_or_null<DenseElementsAttr>(getConstantElements(value));
    return elements && elements.isSplat() && getTensorType(value).getRank() > 0
               ? elements
               : DenseElementsAttr();
  }

  LogicalResult matchAndRewrite(ElementwiseOpInterface op,
                                PatternRewriter &rewriter) const override {
    auto type = cast<RankedTensorType>(op->getResult(0).getType());
    unsigned numSymbols = std::max(getNumSymbols(type), getNumSymbols(op->getOperandTypes()));
    SmallVector<Value> stripped;
    SmallVector<Dims> shapes;
    for (Value operand : op->getOperands()) {
      stripped.push_back(stripBroadcasts(operand));
      shapes.push_back(getSplat(stripped.back()) ? Dims() : getDims(stripped.back()));
    }
    FailureOr<Dims> dims = broadcastDims(shapes, numSymbols);
    if (failed(dims))
      return rewriter.notifyMatchFailure(op, "shapes do not broadcast");
    Dims full = getDims(type);
    bool isWhole = dims->size() == full.size() &&
                   llvm::all_of(llvm::zip_equal(*dims, full), [&](auto pair) {
                     return isSameDim(std::get<0>(pair), std::get<1>(pair), numSymbols);
                   });
    if (isWhole && llvm::equal(stripped, op->getOperands()))
      return rewriter.notifyMatchFailure(op, "no broadcast below");
    // An op on constants only is fold-constants' work.
    if (!isWhole && dims->empty() && llvm::all_of(stripped, getConstantElements) &&
        llvm::equal(stripped, op->getOperands()))
      return rewriter.notifyMatchFailure(op, "all operands are constants");
    if (!isWhole)
      for (Value &operand : stripped)
        if (DenseElementsAttr splat = getSplat(operand)) {
          auto scalarType = RankedTensorType::get({}, splat.getElementType());
          operand = ConstantOp::create(rewriter, op->getLoc(), scalarType,
                                       cast<TypedAttr>(Attribute(splat.resizeSplat(scalarType))));
        }
    Operation *small = rewriter.clone(*op);
    small->setOperands(stripped);
    if (!isWhole)
      small->getResult(0).setType(getTensorType(*dims, type.getElementType(), numSymbols));
    reporter.counted(op->getLoc(), "simplify.broadcast", "moved a broadcast below an operation");
    // What follows may ask for the number at once.
    Value result = foldConstants(rewriter, small->getResult(0));
    if (result.getType() != type)
      result = BroadcastToOp::create(rewriter, op->getLoc(), type, result);
    rewriter.replaceOp(op, result);
    return success();
  }
};

} // namespace

void winnow::populateElementwisePatterns(RewritePatternSet &patterns, SiteReporter &reporter) {
  MLIRContext *context = patterns.getContext();
  patterns.add<DropNeutral<AddOp>>(context, reporter, 0, /*eitherSide=*/true);
  patterns.add<DropNeutral<SubOp>>(context, reporter, 0, /*eitherSide=*/false);
  patterns.add<DropNeutral<MulOp>>(context, reporter, 1, /*eitherSide=*/true);
  patterns.add<DropNeutral<DivOp>>(context, reporter, 1, /*eitherSide=*/false);
  patterns.add<DropNeutral<AndOp>>(context, reporter, 1, /*eitherSide=*/true);
  patterns.add<DropNeutral<OrOp>>(context, reporter, 0, /*eitherSide=*/true);
  patterns.add<ExpandPow, DivToMul, ComposeCasts, SinkBroadcast>(context, reporter);
}
