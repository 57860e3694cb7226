//===- LowerToLLVM.cpp - Everything that is left to the LLVM dialect ------===//

#include "winnow/Codegen/CPU/Passes.h"

#include "mlir/Analysis/DataLayoutAnalysis.h"
#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/FuncToLLVM/ConvertFuncToLLVM.h"
#include "mlir/Conversion/IndexToLLVM/IndexToLLVM.h"
#include "mlir/Conversion/LLVMCommon/ConversionTarget.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/MathToLibm/MathToLibm.h"
#include "mlir/Conversion/MemRefToLLVM/MemRefToLLVM.h"
#include "mlir/Conversion/ReconcileUnrealizedCasts/ReconcileUnrealizedCasts.h"
#include "mlir/Conversion/UBToLLVM/UBToLLVM.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVM.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Dialect/Vector/Transforms/LoweringPatterns.h"
#include "mlir/Dialect/Vector/Transforms/VectorRewritePatterns.h"
#include "llvm/ADT/StringSwitch.h"

using namespace mlir;

namespace winnow::cpu {

#define GEN_PASS_DEF_LOWERTOLLVM
#include "winnow/Codegen/CPU/Passes.h.inc"

namespace {

/// Doubles and integers become bf16 by way of f32: only that is expanded below.
template <typename OpTy> struct ConvertByF32 : OpRewritePattern<OpTy> {
  using OpRewritePattern<OpTy>::OpRewritePattern;

  LogicalResult matchAndRewrite(OpTy op,
                                PatternRewriter &rewriter) const override {
    Type from = op.getIn().getType(), to = op.getType();
    if (getElementTypeOrSelf(from).isF32() ||
        !getElementTypeOrSelf(to).isBF16())
      return rewriter.notifyMatchFailure(op, "not to bf16, or from f32");
    auto vector = dyn_cast<VectorType>(to);
    Type f32 = rewriter.getF32Type();
    Type single = vector ? Type(vector.clone(f32)) : f32;
    Value value = OpTy::create(rewriter, op.getLoc(), single, op.getIn());
    rewriter.replaceOpWithNewOp<arith::TruncFOp>(op, to, value);
    return success();
  }
};

/// Rewrites within the source dialects, into forms that the conversion takes.
LogicalResult prepare(ModuleOp module) {
  using namespace mlir::vector;
  RewritePatternSet patterns(module.getContext());
  populateVectorToVectorCanonicalizationPatterns(patterns);
  populateVectorBroadcastLoweringPatterns(patterns);
  populateVectorContractLoweringPatterns(patterns,
                                         VectorContractLowering::OuterProduct);
  populateVectorMultiReductionLoweringPatterns(
      patterns, VectorMultiReductionLowering::InnerReduction);
  populateVectorOuterProductLoweringPatterns(patterns);
  populateVectorMaskOpLoweringPatterns(patterns);
  populateVectorShapeCastLoweringPatterns(patterns);
  populateVectorInterleaveLoweringPatterns(patterns);
  populateVectorTransposeLoweringPatterns(patterns,
                                          VectorTransposeLowering::EltWise);
  populateVectorTransferLoweringPatterns(patterns, /*maxTransferRank=*/1);
  populateVectorMaskMaterializationPatterns(patterns,
                                            /*force32BitVectorIndices=*/false);
  populateVectorInsertExtractStridedSliceTransforms(patterns);
  populateVectorStepLoweringPatterns(patterns);
  populateVectorRankReducingFMAPattern(patterns);
  populateVectorGatherLoweringPatterns(patterns);
  populateVectorFromElementsUnrollPatterns(patterns);
  populateVectorToElementsUnrollPatterns(patterns);

  arith::populateCeilFloorDivExpandOpsPatterns(patterns);
  // LLVM would call a function of compiler-rt to round to bfloat16.
  patterns.add<ConvertByF32<arith::TruncFOp>, ConvertByF32<arith::SIToFPOp>,
               ConvertByF32<arith::UIToFPOp>>(module.getContext());
  arith::populateExpandBFloat16Patterns(patterns);
  // Integer powers too would need compiler-rt.
  math::populateExpansionPatterns(patterns, {"fpowi", "ipowi", "clampf"});
  return applyPatternsGreedily(module, std::move(patterns));
}

LogicalResult convert(ModuleOp module) {
  MLIRContext *context = module.getContext();
  LowerToLLVMOptions options(context);
  LLVMTypeConverter types(context, options);
  LLVMConversionTarget target(*context);
  target.addLegalOp<ModuleOp, UnrealizedConversionCastOp>();

  RewritePatternSet patterns(context);
  arith::populateArithToLLVMConversionPatterns(types, patterns);
  cf::populateControlFlowToLLVMConversionPatterns(types, patterns);
  index::populateIndexToLLVMConversionPatterns(types, patterns);
  populateFinalizeMemRefToLLVMConversionPatterns(types, patterns);
  populateFuncToLLVMConversionPatterns(types, patterns);
  populateVectorToLLVMConversionPatterns(types, patterns);
  ub::populateUBToLLVMConversionPatterns(types, patterns);
  // An intrinsic can become an instruction, so libm comes second.
  populateMathToLLVMConversionPatterns(types, patterns,
                                       /*approximateLog1p=*/false,
                                       /*benefit=*/10);
  populateMathToLibmConversionPatterns(patterns, /*benefit=*/1);
  target.addIllegalDialect<math::MathDialect>();
  return applyPartialConversion(module, target, std::move(patterns));
}

/// Casts that enter and leave the same type. Only those between descriptors
/// and memrefs can remain, and they come in pairs.
void foldCasts(ModuleOp module) {
  SmallVector<UnrealizedConversionCastOp> casts;
  module.walk([&](UnrealizedConversionCastOp op) { casts.push_back(op); });
  reconcileUnrealizedCasts(casts);
}

LogicalResult checkComplete(ModuleOp module) {
  Operation *foreign = nullptr;
  module.walk<WalkOrder::PreOrder>([&](Operation *op) -> WalkResult {
    // The code of another machine is for its own target to lower.
    if (op != module && op->hasTrait<OpTrait::SymbolTable>())
      return WalkResult::skip();
    if (op == module || isa_and_nonnull<LLVM::LLVMDialect>(op->getDialect()))
      return WalkResult::advance();
    // A cast is left where its user or producer is: name that one.
    if (!foreign || isa<UnrealizedConversionCastOp>(foreign))
      foreign = op;
    return WalkResult::advance();
  });
  if (foreign)
    return foreign->emitError("cannot lower '")
           << foreign->getName()
           << "' to LLVM; it is not part of the codegen contract";
  WalkResult result = module.walk([&](Operation *op) -> WalkResult {
    auto function = dyn_cast<LLVM::LLVMFuncOp>(op);
    if (!function || !function.isExternal())
      return WalkResult::advance();
    // What the upstream lowerings declare behind one's back.
    bool isForbidden =
        llvm::StringSwitch<bool>(function.getName())
            .Cases({"malloc", "free", "aligned_alloc", "memrefCopy"}, true)
            .Cases({"abort", "puts"}, true)
            .Default(false);
    if (isForbidden)
      return function.emitError("generated code may not call '")
             << function.getName() << "'";
    return WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}

struct LowerToLLVM : impl::LowerToLLVMBase<LowerToLLVM> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    if (failed(prepare(module)) || failed(convert(module)))
      return signalPassFailure();
    foldCasts(module);
    if (failed(checkComplete(module)))
      return signalPassFailure();
    for (Operation &op : *module.getBody())
      if (auto function = dyn_cast<LLVM::LLVMFuncOp>(op))
        // No exceptions pass through: this saves the unwind tables.
        function.setNoUnwind(true);
  }
};

} // namespace
} // namespace winnow::cpu
