#include "winnow/Dialect/Winnow/IR/Dims.h"
#include "winnow/Dialect/Winnow/Transforms/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"

namespace winnow {
#define GEN_PASS_DEF_VERIFYMODELCONTRACT
#include "winnow/Dialect/Winnow/Transforms/Passes.h.inc"
} // namespace winnow

using namespace mlir;
using namespace winnow;

/// Every dimension is static or an expression over the entry's symbols.
static LogicalResult verifyType(Operation *op, Type type, unsigned numSymbols) {
  auto tensor = dyn_cast<RankedTensorType>(type);
  if (!tensor)
    return op->emitError("model contract: expected ranked tensors, got ") << type;
  if (getNumSymbols(type) > numSymbols)
    return op->emitError("model contract: expected expressions over ")
           << numSymbols << " symbols, got " << type;
  for (AffineExpr dim : getDims(type))
    if (!dim)
      return op->emitError("model contract: expected dynamic dimensions to have an expression, got ")
             << type;
  return success();
}

static LogicalResult verifyEntry(func::FuncOp entry) {
  unsigned numSymbols = getSymbols(entry).size();
  if (!entry.getBody().hasOneBlock())
    return entry.emitError("model contract: expected one block, got ")
           << entry.getBody().getBlocks().size();
  for (Type type :
       llvm::concat<const Type>(entry.getArgumentTypes(), entry.getResultTypes()))
    if (failed(verifyType(entry, type, numSymbols)))
      return failure();
  WalkResult result = entry.getBody().walk([&](Operation *op) {
    bool isKnown = isa_and_nonnull<WinnowDialect>(op->getDialect()) || isa<func::ReturnOp>(op);
    if (!isKnown || isa<KernelOp>(op)) {
      op->emitError("model contract: expected model ops of the winnow dialect, got ")
          << op->getName();
      return WalkResult::interrupt();
    }
    for (Type type : op->getResultTypes())
      if (failed(verifyType(op, type, numSymbols)))
        return WalkResult::interrupt();
    return WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}

namespace {
struct VerifyModelContract : winnow::impl::VerifyModelContractBase<VerifyModelContract> {
  void runOnOperation() override {
    int64_t numEntries = 0;
    for (func::FuncOp func : getOperation().getOps<func::FuncOp>()) {
      if (!func->hasAttr("winnow.entry"))
        continue;
      ++numEntries;
      if (failed(verifyEntry(func)))
        return signalPassFailure();
    }
    if (numEntries != 1) {
      getOperation().emitError("model contract: expected one entry function, got ") << numEntries;
      signalPassFailure();
    }
  }
};
} // namespace
