#include "Lowering.h"

using namespace mlir;
using namespace winnow;

namespace {
/// Any elementwise op: one loop nest over the broadcast shape, the op's own
/// scalar form in the body.
struct LowerElementwise : OpInterfaceConversionPattern<ElementwiseOpInterface> {
  using OpInterfaceConversionPattern::OpInterfaceConversionPattern;

  LogicalResult matchAndRewrite(ElementwiseOpInterface op, ArrayRef<Value> operands,
                                ConversionPatternRewriter &rewriter) const override {
    auto type = cast<RankedTensorType>(op->getResult(0).getType());
    Dims dims = getDims(type);
    SmallVector<AffineMap> maps;
    for (Value operand : op->getOperands())
      maps.push_back(getBroadcastMap(getDims(operand), dims, op->getContext()));
    Value result = createElementwise(
        rewriter, op->getLoc(), dims, convertElementType(type.getElementType()), operands, maps,
        [&](OpBuilder &b, Location, ValueRange scalars) { return op.emitScalar(b, scalars); });
    rewriter.replaceOp(op, result);
    return success();
  }
};
} // namespace

void winnow::populateElementwisePatterns(RewritePatternSet &patterns,
                                         const TypeConverter &converter, LoweringState &) {
  patterns.add<LowerElementwise>(converter, patterns.getContext());
}
