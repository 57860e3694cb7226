#include "winnow/Conversion/Passes.h"
#include "winnow/Dialect/Winnow/IR/Winnow.h"

#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/IR/SymbolTable.h"
#include "llvm/ADT/MapVector.h"

namespace winnow {
#define GEN_PASS_DEF_KERNELSTOCALLS
#include "winnow/Conversion/Passes.h.inc"
} // namespace winnow

using namespace mlir;
using namespace winnow;

/// A dynamic size as an expression over symbols where the view states it:
/// Codegen plans buffers by that.
static Value getSize(OpBuilder &b, Location loc, Value buffer, int64_t dim) {
  if (auto expand = buffer.getDefiningOp<memref::ExpandShapeOp>())
    return getValueOrCreateConstantIndexOp(b, loc, expand.getMixedOutputShape()[dim]);
  return b.createOrFold<memref::DimOp>(loc, buffer, dim);
}

/// Kernels walk rows: a view whose innermost elements lie apart is copied to a
/// dense buffer first.
static Value makeDense(OpBuilder &b, Location loc, Value buffer) {
  auto type = dyn_cast<MemRefType>(buffer.getType());
  SmallVector<int64_t> strides;
  int64_t offset;
  if (!type || type.getRank() == 0 || failed(type.getStridesAndOffset(strides, offset)) ||
      strides.back() == 1)
    return buffer;
  SmallVector<Value> sizes;
  for (auto [i, size] : llvm::enumerate(type.getShape()))
    if (ShapedType::isDynamic(size))
      sizes.push_back(getSize(b, loc, buffer, i));
  auto dense = memref::AllocOp::create(
      b, loc, MemRefType::get(type.getShape(), type.getElementType()), sizes,
      b.getI64IntegerAttr(64));
  memref::CopyOp::create(b, loc, buffer, dense);
  return dense;
}

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
      b.setInsertionPoint(op);
      SmallVector<Value> operands;
      for (Value input : op.getInputs())
        operands.push_back(makeDense(b, op.getLoc(), input));
      llvm::append_range(operands, op.getOutputs());
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
