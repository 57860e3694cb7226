//===- Passes.h - From the codegen contract to kernels and launches -------===//

#ifndef WINNOW_CODEGEN_GPU_PASSES_H
#define WINNOW_CODEGEN_GPU_PASSES_H

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/Pass/Pass.h"

namespace winnow::gpu {

#define GEN_PASS_DECL
#include "winnow/Codegen/GPU/Passes.h.inc"

/// Registers the passes of this folder with `winnow-opt`.
void registerGPUPasses();

} // namespace winnow::gpu

#endif // WINNOW_CODEGEN_GPU_PASSES_H
