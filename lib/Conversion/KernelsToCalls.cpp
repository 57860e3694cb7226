#include "winnow/Conversion/Passes.h"
#include "winnow/Dialect/Winnow/IR/Winnow.h"

#include "mlir/IR/SymbolTable.h"
#include "llvm/ADT/MapVector.h"

namespace winnow {
#define GEN_PASS_DEF_KERNELSTOCALLS
#include "winnow/Conversion/Passes.h.inc"
} // namespace winnow

using namespace mlir;
using namespace winnow;

namespace {
struct KernelsToCalls : winnow::impl::KernelsToCallsBase<KernelsToCalls> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    SymbolTable symbols(module);
    OpBuilder b(&getContext());
    // One function per distinct config and signature, in order of first use.
    llvm::MapVector<std::pair<Attribute, Type>, func::FuncOp> kernels;
    SmallVector<KernelOp> ops;
    module.walk([&](KernelOp op) { ops.push_back(op); });
    for (KernelOp op : ops) {
      if (op.getNumResults() != 0) {
        op.emitError("expected a bufferised kernel, got one that returns tensors");
        return signalPassFailure();
      }
      SmallVector<Value> operands(op.getInputs());
      llvm::append_range(operands, op.getOutputs());
      b.setInsertionPoint(op);
      if (op.getSiteAttr())
        operands.push_back(arith::ConstantOp::create(b, op.getLoc(), op.getSiteAttr()));
      NamedAttrList config(op.getConfig());
      config.set("kind", op.getKindAttr());
      DictionaryAttr key = config.getDictionary(&getContext());
      FunctionType type = b.getFunctionType(TypeRange(ValueRange(operands)), {});
      func::FuncOp &kernel = kernels[{key, type}];
      if (!kernel) {
        // Where a kernel came from is of no use once several layers share it.
        kernel = func::FuncOp::create(b.getUnknownLoc(), op.getKind(), type);
        kernel.setPrivate();
        kernel->setAttr("winnow.kernel", key);
        symbols.insert(kernel);
      }
      func::CallOp::create(b, op.getLoc(), kernel, operands);
      op.erase();
    }
  }
};
} // namespace
