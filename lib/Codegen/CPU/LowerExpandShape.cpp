//===- LowerExpandShape.cpp - expand_shape as a cast of strides -----------===//
//
// Upstream's expand-strided-metadata (22.1.8) crashes on an expand_shape that
// makes two dynamic dimensions from one, although the op states both sizes.
//
//===----------------------------------------------------------------------===//

#include "winnow/Codegen/CPU/Passes.h"

#include "mlir/Transforms/WalkPatternRewriteDriver.h"

namespace winnow::cpu {
#define GEN_PASS_DEF_LOWEREXPANDSHAPE
#include "winnow/Codegen/CPU/Passes.h.inc"
} // namespace winnow::cpu

using namespace mlir;

namespace {
struct ExpandShapePattern : OpRewritePattern<memref::ExpandShapeOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(memref::ExpandShapeOp op, PatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    MemRefType type = op.getResultType();
    SmallVector<int64_t> staticStrides;
    int64_t staticOffset;
    if (failed(type.getStridesAndOffset(staticStrides, staticOffset)))
      return rewriter.notifyMatchFailure(op, "expected a strided result");
    auto metadata = memref::ExtractStridedMetadataOp::create(rewriter, loc, op.getSrc());
    SmallVector<OpFoldResult> sizes = op.getMixedOutputShape();
    // Dimensions in no group, as of a scalar source, have size 1.
    SmallVector<OpFoldResult> strides(sizes.size(), rewriter.getIndexAttr(1));
    auto [d0, d1] = std::pair(getAffineSymbolExpr(0, getContext()), getAffineSymbolExpr(1, getContext()));
    for (auto [dim, group] : llvm::enumerate(op.getReassociationIndices())) {
      // The innermost dimension of a group has the source's stride.
      OpFoldResult stride = metadata.getConstifiedMixedStrides()[dim];
      for (int64_t index : llvm::reverse(group)) {
        strides[index] = ShapedType::isDynamic(staticStrides[index])
                             ? stride
                             : OpFoldResult(rewriter.getIndexAttr(staticStrides[index]));
        stride = affine::makeComposedFoldedAffineApply(rewriter, loc, d0 * d1, {stride, sizes[index]});
      }
    }
    OpFoldResult offset = ShapedType::isDynamic(staticOffset)
                              ? metadata.getConstifiedMixedOffset()
                              : OpFoldResult(rewriter.getIndexAttr(staticOffset));
    rewriter.replaceOpWithNewOp<memref::ReinterpretCastOp>(op, type, metadata.getBaseBuffer(), offset,
                                                           sizes, strides);
    return success();
  }
};

struct LowerExpandShape : winnow::cpu::impl::LowerExpandShapeBase<LowerExpandShape> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<ExpandShapePattern>(&getContext());
    walkAndApplyPatterns(getOperation(), std::move(patterns));
  }
};
} // namespace
