//===- Passes.td - From the codegen contract to kernels and launches ------===//

#ifndef WINNOW_CODEGEN_GPU_PASSES_TD
#define WINNOW_CODEGEN_GPU_PASSES_TD

include "mlir/Pass/PassBase.td"

def GenerateKernels : Pass<"winnow-gpu-generate-kernels", "::mlir::ModuleOp"> {
  let summary = "writes kernels for chips where there is a builder for them";
  let description = [{
    Every private declaration with `winnow.kernel` whose kind has a builder that
    takes its configuration gets a body that launches a kernel, which the builder
    writes into the `gpu.module @device`. Other declarations stay: they get the
    form in which each thread computes an element.
  }];
  let options = [
    Option<"chip", "chip", "std::string", "\"sm_80\"", "such as sm_80 or sm_90a">,
    Option<"precision", "precision", "std::string", "\"fp32\"", "fp32, tf32, bf16 or fp16">
  ];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::func::FuncDialect", "::mlir::gpu::GPUDialect",
    "::mlir::LLVM::LLVMDialect", "::mlir::memref::MemRefDialect", "::mlir::NVVM::NVVMDialect",
    "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"
  ];
}

def LinalgToParallel : Pass<"winnow-linalg-to-parallel", "::mlir::ModuleOp"> {
  let summary = "lowers linalg on buffers to parallel loops, an index an element";
  let description = [{
    Every structured op and every copy becomes an `scf.parallel` over its parallel
    dimensions around `scf.for` over the others, which accumulate in the output's
    element. An op without parallel dimensions gets a parallel loop of one index.

    Postcondition: no op of the linalg dialect and no `memref.copy`. Refuses what is
    not a structured op on buffers.
  }];
  let dependentDialects = [
    "::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
    "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect"
  ];
}

def OutlineKernels : Pass<"winnow-outline-kernels", "::mlir::ModuleOp"> {
  let summary = "moves what touches buffers to kernels, and leaves launches";
  let description = [{
    All buffers are the device's. Of each function with a body:

    - an `scf.parallel` becomes a kernel in `gpu.module @device`, a thread an index,
      and a call of `winnow_rt_launch`; one within another becomes loops of a thread;
    - a loop or a branch around launches or calls stays the host's;
    - one that touches buffers and holds no launch, and a store, becomes a kernel of
      one thread;
    - a load becomes a call of `winnow_rt_read`, which waits for the device; where
      they are is listed in `winnow.device_reads` on the module.

    Kernels that are equal are one. `winnow.device_kernels` lists their names in the
    order of their numbers.

    Refuses, with a located error, what neither host nor device can do.
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::func::FuncDialect", "::mlir::gpu::GPUDialect",
    "::mlir::LLVM::LLVMDialect", "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect"
  ];
}

def ExpandDeviceMath : Pass<"winnow-expand-device-math", "::mlir::ModuleOp"> {
  let summary = "expresses functions that the device has no instruction for";
  let description = [{
    Within `gpu.module`, functions of the math dialect on f32 become arithmetic, those
    of narrow floats by way of f32. Refuses, with a located error, those of f64 that
    have no instruction.
  }];
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect",
                           "::mlir::vector::VectorDialect"];
}

#endif // WINNOW_CODEGEN_GPU_PASSES_TD
