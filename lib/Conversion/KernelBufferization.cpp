#include "winnow/Conversion/Passes.h"
#include "winnow/Dialect/Winnow/IR/Winnow.h"

#include "mlir/Dialect/Bufferization/IR/DstBufferizableOpInterfaceImpl.h"

using namespace mlir;
using namespace winnow;

namespace {
/// A kernel reads its inputs, and overwrites its outputs without reading them
/// unless it works in place.
struct KernelBufferization
    : bufferization::DstBufferizableOpInterfaceExternalModel<KernelBufferization, KernelOp> {
  bool bufferizesToMemoryRead(Operation *op, OpOperand &operand,
                              const bufferization::AnalysisState &) const {
    auto kernel = cast<KernelOp>(op);
    return !kernel.isDpsInit(&operand) || kernel.isInPlace();
  }

  LogicalResult bufferize(Operation *op, RewriterBase &rewriter,
                          const bufferization::BufferizationOptions &options,
                          bufferization::BufferizationState &state) const {
    auto kernel = cast<KernelOp>(op);
    rewriter.setInsertionPoint(op);
    auto getBuffers = [&](OperandRange operands, SmallVectorImpl<Value> &buffers) {
      for (Value operand : operands) {
        if (!isa<TensorType>(operand.getType())) {
          buffers.push_back(operand);
          continue;
        }
        FailureOr<Value> buffer = bufferization::getBuffer(rewriter, operand, options, state);
        if (failed(buffer))
          return failure();
        buffers.push_back(*buffer);
      }
      return success();
    };
    SmallVector<Value> inputs, outputs;
    if (failed(getBuffers(kernel.getInputs(), inputs)) ||
        failed(getBuffers(kernel.getOutputs(), outputs)))
      return failure();
    KernelOp::create(rewriter, op->getLoc(), TypeRange(), kernel.getKindAttr(),
                     kernel.getConfigAttr(), inputs, outputs, kernel.getSiteAttr());
    bufferization::replaceOpWithBufferizedValues(rewriter, op, outputs);
    return success();
  }
};
} // namespace

void winnow::registerKernelBufferization(DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, WinnowDialect *) {
    KernelOp::attachInterface<KernelBufferization>(*context);
  });
}
