//===- Passes.h - Passes that write kernels -------------------------------===//

#ifndef WINNOW_CODEGEN_CPU_KERNELS_PASSES_H
#define WINNOW_CODEGEN_CPU_KERNELS_PASSES_H

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace winnow::cpu {

#define GEN_PASS_DECL
#include "winnow/Codegen/CPU/Kernels/Passes.h.inc"

/// Registers the passes of this folder with `winnow-opt`.
void registerCPUKernelPasses();

} // namespace winnow::cpu

#endif // WINNOW_CODEGEN_CPU_KERNELS_PASSES_H
