#include "Lowering.h"

#include "winnow/Conversion/Passes.h"
#include "winnow/Dialect/Winnow/IR/Entries.h"
#include "winnow/Dialect/Winnow/IR/Rows.h"

#include "mlir/Dialect/Func/Transforms/FuncConversions.h"
#include "mlir/Dialect/SCF/Transforms/Patterns.h"

namespace winnow {
#define GEN_PASS_DEF_WINNOWTOLINALG
#include "winnow/Conversion/Passes.h.inc"
} // namespace winnow

using namespace mlir;
using namespace winnow;

namespace {
struct WinnowToLinalg : winnow::impl::WinnowToLinalgBase<WinnowToLinalg> {
  using WinnowToLinalgBase::WinnowToLinalgBase;

  void runOnOperation() override {
    ModuleOp module = getOperation();
    MLIRContext *context = &getContext();
    std::optional<CPULevel> level = getCPULevel(cpu);
    if (!level) {
      module.emitError("expected a CPU level such as native, x86-64, x86-64-v3 or x86-64-v4, got '")
          << cpu << "'";
      return signalPassFailure();
    }
    if (failed(verifyEntries(module, "model contract")))
      return signalPassFailure();
    SmallVector<func::FuncOp> entries = getEntries(module);
    for (func::FuncOp entry : entries)
      if (failed(prepareEntry(entry)))
        return signalPassFailure();

    LoweringState state(*level);
    module.walk([&](GatherOp op) {
      auto piece = isOfRows(op) ? getConstantDim(getDims(op.getData()).back()) : std::nullopt;
      if (piece && llvm::all_of(getReaders(op), [&](OpOperand *reader) {
            return readsByNumber(*reader, *piece);
          }))
        state.gathersOfRows.insert(op);
    });
    findPlacesOfRows(module, state);
    findBasesInLinears(module, state);
    TypeConverter converter;
    converter.addConversion([](Type type) { return type; });
    converter.addConversion([](RankedTensorType type) -> Type { return convertTensorType(type); });
    RewritePatternSet patterns(context);
    populateAttentionPatterns(patterns, converter, state);
    populateControlFlowPatterns(patterns, converter, state);
    populateElementwisePatterns(patterns, converter, state);
    populateMovementPatterns(patterns, converter, state);
    populateIndexingPatterns(patterns, converter, state);
    populateProbSparsePatterns(patterns, converter, state);
    populateRandomPatterns(patterns, converter, state);
    populateReductionPatterns(patterns, converter, state);
    populateKanPatterns(patterns, converter, state);
    populateKernelPatterns(patterns, converter, state);
    populateLinearPatterns(patterns, converter, state);
    populateQuantizedPatterns(patterns, converter, state);
    populateFunctionOpInterfaceTypeConversionPattern<func::FuncOp>(patterns, converter);
    populateReturnOpTypeConversionPattern(patterns, converter);

    ConversionTarget target(*context);
    target.markUnknownOpDynamicallyLegal([](Operation *) { return true; });
    target.addIllegalDialect<WinnowDialect>();
    target.addLegalOp<KernelOp>();
    target.addDynamicallyLegalOp<func::FuncOp>([&](func::FuncOp func) {
      return converter.isSignatureLegal(func.getFunctionType());
    });
    target.addDynamicallyLegalOp<func::ReturnOp>(
        [&](func::ReturnOp op) { return converter.isLegal(op.getOperandTypes()); });
    target.addDynamicallyLegalOp<arith::SelectOp>(
        [](arith::SelectOp op) { return !isa<RankedTensorType>(op.getType()); });
    scf::populateSCFStructuralTypeConversionsAndLegality(converter, patterns, target);
    if (failed(applyPartialConversion(module, target, std::move(patterns))))
      return signalPassFailure();
    for (func::FuncOp entry : entries)
      if (failed(finishEntry(entry)) || failed(useDataSymbols(entry, state)))
        return signalPassFailure();
    state.weights.shareTables(module);
    module->setAttr("winnow.weights", state.weights.layOut(module));
    module->setAttr("winnow.sites", state.sites.getEntries(context));
  }
};
} // namespace
