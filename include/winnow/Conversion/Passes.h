//===- Passes.h - From winnow to upstream dialects ------------------------===//

#ifndef WINNOW_CONVERSION_PASSES_H
#define WINNOW_CONVERSION_PASSES_H

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace winnow {

#define GEN_PASS_DECL
#include "winnow/Conversion/Passes.h.inc"

#define GEN_PASS_REGISTRATION
#include "winnow/Conversion/Passes.h.inc"

/// Lets one-shot bufferisation handle winnow.kernel.
void registerKernelBufferization(mlir::DialectRegistry &registry);

/// winnow ops to the codegen contract; `cpu` names the instruction-set level.
void buildConversionPipeline(mlir::OpPassManager &pm, llvm::StringRef cpu);

} // namespace winnow

#endif // WINNOW_CONVERSION_PASSES_H
