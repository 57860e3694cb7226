//===- Passes.h - From the codegen contract to the LLVM dialect -----------===//

#ifndef WINNOW_CODEGEN_CPU_PASSES_H
#define WINNOW_CODEGEN_CPU_PASSES_H

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace winnow::cpu {

#define GEN_PASS_DECL
#include "winnow/Codegen/CPU/Passes.h.inc"

/// Registers the passes of this folder with `winnow-opt`. Those of Kernels/
/// are registered by registerCPUKernelPasses().
void registerCPUPasses();

} // namespace winnow::cpu

#endif // WINNOW_CODEGEN_CPU_PASSES_H
