//===- Translator.h - Operations as steps of the interpreter --------------===//

#ifndef WINNOW_LIB_CODEGEN_GPU_EMULATION_TRANSLATOR_H
#define WINNOW_LIB_CODEGEN_GPU_EMULATION_TRANSLATOR_H

#include "Interpreter.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Operation.h"

namespace winnow::gpu {

/// Makes the steps of a function. What it does not know is an error of the operation.
class Translator {
public:
  Translator(Interpreter &interpreter, Program &program)
      : interpreter(interpreter), program(program) {}

  mlir::LogicalResult translate(mlir::Region &body);

private:
  unsigned slotOf(mlir::Value value);
  std::vector<unsigned> slotsOf(mlir::ValueRange values);
  mlir::LogicalResult translateBlock(mlir::Block &block, std::vector<Step> &steps);
  /// The step of an operation; null for one that needs none.
  mlir::FailureOr<Step> translate(mlir::Operation &op);
  mlir::FailureOr<Step> translateControl(mlir::Operation &op);
  Step translateLoop(mlir::scf::ForOp op, std::vector<Step> body);
  Step translateBranch(mlir::scf::IfOp op, std::vector<Step> yes, std::vector<Step> no);
  mlir::FailureOr<Step> translateArithmetic(mlir::Operation &op);
  mlir::FailureOr<Step> translateLLVM(mlir::Operation &op);
  mlir::FailureOr<Step> translateMemory(mlir::Operation &op);
  mlir::FailureOr<Step> translateNVVM(mlir::Operation &op);
  /// Of compute capability 9.0.
  mlir::FailureOr<Step> translateWarpgroup(mlir::Operation &op);
  Step translateTensorCopy(mlir::NVVM::CpAsyncBulkTensorGlobalToSharedClusterOp op);
  mlir::FailureOr<Step> translateWgmma(mlir::NVVM::WgmmaMmaAsyncOp op);
  mlir::FailureOr<Step> translateHost(mlir::Operation &op);
  Step translateLoad(mlir::LLVM::LoadOp op);
  Step translateStore(mlir::LLVM::StoreOp op);
  Step translateCopy(mlir::NVVM::CpAsyncOp op);
  Step translateLdMatrix(mlir::NVVM::LdMatrixOp op);
  Step translateMma(mlir::NVVM::MmaOp op);
  Step constant(mlir::Value result, mlir::Attribute value);

  /// A step for each lane, of the bits of operands: the first word of each.
  template <typename Fn> Step unary(mlir::Operation &op, Fn fn);
  template <typename Fn> Step binary(mlir::Operation &op, Fn fn);
  /// Copies words.
  Step copyWords(unsigned from, unsigned to, unsigned count);
  /// Something that a warp does together.
  Step together(Step step);

  Interpreter &interpreter;
  Program &program;
  llvm::DenseMap<mlir::Value, unsigned> slots;
};

template <typename Fn> Step Translator::unary(mlir::Operation &op, Fn fn) {
  unsigned from = slotOf(op.getOperand(0)), to = slotOf(op.getResult(0));
  unsigned count = countWords(op.getResult(0).getType());
  return [=](Warp &warp) {
    for (unsigned i = 0; i < count; ++i)
      warp.forEach([&](int lane) { warp.values[to + i][lane] = fn(warp.values[from + i][lane]); });
  };
}

template <typename Fn> Step Translator::binary(mlir::Operation &op, Fn fn) {
  unsigned lhs = slotOf(op.getOperand(0)), rhs = slotOf(op.getOperand(1)),
           to = slotOf(op.getResult(0)), count = countWords(op.getResult(0).getType());
  return [=](Warp &warp) {
    for (unsigned i = 0; i < count; ++i)
      warp.forEach([&](int lane) {
        warp.values[to + i][lane] = fn(warp.values[lhs + i][lane], warp.values[rhs + i][lane]);
      });
  };
}

} // namespace winnow::gpu

#endif // WINNOW_LIB_CODEGEN_GPU_EMULATION_TRANSLATOR_H
