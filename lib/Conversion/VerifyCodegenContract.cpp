#include "winnow/Conversion/Passes.h"
#include "winnow/Dialect/Winnow/IR/Entries.h"
#include "winnow/Dialect/Winnow/IR/Winnow.h"

namespace winnow {
#define GEN_PASS_DEF_VERIFYCODEGENCONTRACT
#include "winnow/Conversion/Passes.h.inc"
} // namespace winnow

using namespace mlir;
using namespace winnow;

static LogicalResult verifyOp(Operation *op) {
  if (isa_and_nonnull<WinnowDialect>(op->getDialect()))
    return op->emitError("codegen contract: expected no winnow op, got ") << op->getName();
  for (Type type : llvm::concat<const Type>(op->getOperandTypes(), op->getResultTypes()))
    if (isa<TensorType>(type))
      return op->emitError("codegen contract: expected buffers, got a value of type ") << type;
  return success();
}

namespace {
struct VerifyCodegenContract : winnow::impl::VerifyCodegenContractBase<VerifyCodegenContract> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    WalkResult result = module.walk([&](Operation *op) {
      if (failed(verifyOp(op)))
        return WalkResult::interrupt();
      auto func = dyn_cast<func::FuncOp>(op);
      if (!func)
        return WalkResult::advance();
      if (!func->hasAttr(kEntry) && func.isDeclaration() && !func->hasAttr("winnow.kernel")) {
        func.emitError("codegen contract: expected a body or the attribute winnow.kernel, got neither");
        return WalkResult::interrupt();
      }
      return WalkResult::advance();
    });
    if (result.wasInterrupted() || failed(verifyEntries(module, "codegen contract")))
      signalPassFailure();
  }
};
} // namespace
