//===- Passes.td - Passes that write kernels ------------------------------===//

#ifndef WINNOW_CODEGEN_CPU_KERNELS_PASSES_TD
#define WINNOW_CODEGEN_CPU_KERNELS_PASSES_TD

include "mlir/Pass/PassBase.td"

def ScheduleKernels : Pass<"winnow-schedule-kernels", "::mlir::ModuleOp"> {
  let summary = "chooses the tiles of kernels for an instruction-set level";
  let description = [{
    Adds to each declared kernel of kind `linear` without a schedule the one that
    Analysis chooses for `cpu`: rows and columns of a register tile (`mr`, `nr`),
    depth of a pass (`kc`), rows of a block (`mb`). `nr` divides the width of the
    panels that Conversion packed the weight in.

    Refuses, with an error at the declaration, a weight in panels that are not whole
    vectors of the level: it was packed for a lower one.

    Example:

    ```mlir
    func.func private @k(memref<?x64xf32>, memref<1x64x48xf32>, memref<?x48xf32>)
        attributes {winnow.kernel = {kind = "linear", n = 48}}
    ```

    gets `kc = 64, mb = 128, mr = 4, nr = 24` for x86-64-v3.
  }];
  let options = [
    Option<"cpu", "cpu", "std::string", "\"native\"",
           "instruction-set level: x86-64, x86-64-v3, x86-64-v4 or native">
  ];
}

def GenerateKernels : Pass<"winnow-generate-kernels", "::mlir::ModuleOp"> {
  let summary = "writes the bodies of the kernels that Conversion declared";
  let description = [{
    Every private declaration `func.func private @k(...) attributes
    {winnow.kernel = {kind = "linear", ...}}` gets a body from the builder of
    its kind. A body uses upstream dialects only: parallel work is a
    one-dimensional `scf.parallel` without reduction, with the least number of
    indices that are worth a thread in `winnow.grain`; per-thread scratch is a
    static `memref.alloca` directly inside of it. What an index computes does
    not depend on how indices are shared out.

    Postcondition: no declaration carries `winnow.kernel`; definitions keep it.

    Refuses, with an error at the declaration: an unknown kind, a missing or
    malformed parameter, operand types that the kind does not take.

    Example:

    ```mlir
    func.func private @row_softmax(memref<?x64xf32>, memref<?x64xf32>)
        attributes {winnow.kernel = {kind = "softmax"}}
    ```
  }];
  let options = [
    Option<"cpu", "cpu", "std::string", "\"native\"",
           "instruction-set level: x86-64, x86-64-v3, x86-64-v4 or native">
  ];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::func::FuncDialect",
    "::mlir::LLVM::LLVMDialect", "::mlir::math::MathDialect",
    "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect", "::mlir::vector::VectorDialect"
  ];
}

def ExpandMath : Pass<"winnow-expand-math"> {
  let summary = "rewrites math functions on f32 into straight-line arithmetic";
  let description = [{
    Replaces `math.exp`, `exp2`, `erf`, `tanh` and `log` on f32 scalars and
    vectors with the polynomial and rational forms of the kernels (errors are
    stated in Math.h), so that loops around them can be vectorised and no call
    of libm is left. A function of f16 or bf16 becomes that of f32 first, its
    result rounded. Other element types are left alone.

    Example: `math.exp %x : f32` becomes a dozen `arith` operations.
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::vector::VectorDialect"
  ];
}

#endif // WINNOW_CODEGEN_CPU_KERNELS_PASSES_TD
