#include "winnow/Dialect/Winnow/IR/Dims.h"
#include "winnow/Dialect/Winnow/IR/Entries.h"
#include "winnow/Dialect/Winnow/IR/Winnow.h"
#include "winnow/Dialect/Winnow/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

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

/// Control flow is upstream's, and so is the scalar arithmetic that steers it.
static bool isModelOp(Operation *op) {
  if (isa_and_nonnull<WinnowDialect>(op->getDialect()))
    return !isa<KernelOp>(op);
  return isa<func::ReturnOp, scf::ForOp, scf::WhileOp, scf::IfOp, scf::ConditionOp, scf::YieldOp,
             tensor::ExtractOp, tensor::FromElementsOp>(op) ||
         isa_and_nonnull<arith::ArithDialect>(op->getDialect());
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
    if (!isModelOp(op)) {
      op->emitError("model contract: expected ops of the winnow dialect and control flow, got ")
          << op->getName();
      return WalkResult::interrupt();
    }
    for (Type type : op->getResultTypes())
      if (!type.isIntOrIndex() && failed(verifyType(op, type, numSymbols)))
        return WalkResult::interrupt();
    return WalkResult::advance();
  });
  return failure(result.wasInterrupted());
}

namespace {
struct VerifyModelContract : winnow::impl::VerifyModelContractBase<VerifyModelContract> {
  void runOnOperation() override {
    if (failed(verifyEntries(getOperation(), "model contract")))
      return signalPassFailure();
    for (func::FuncOp entry : getEntries(getOperation()))
      if (failed(verifyEntry(entry)))
        return signalPassFailure();
  }
};
} // namespace
