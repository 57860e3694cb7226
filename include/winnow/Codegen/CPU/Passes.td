//===- Passes.td - From the codegen contract to the LLVM dialect ----------===//

#ifndef WINNOW_CODEGEN_CPU_PASSES_TD
#define WINNOW_CODEGEN_CPU_PASSES_TD

include "mlir/Pass/PassBase.td"

def MarkOps : Pass<"winnow-mark-ops", "::mlir::ModuleOp"> {
  let summary = "tells the runtime which operation begins";
  let description = [{
    Before each operation of the entry, which is a call of a kernel, a linalg op
    or a copy, writes `winnow_rt_mark(op, flops, bytes)`: its number, and what it
    computes and moves in this run, by the sizes of its operands. A context that
    makes a profile takes the time there; others pay for a call that returns.
    `winnow.ops` on the module says what each number is: a `kind` and the names
    of the ONNX `nodes`.

    FLOPs: `2 m n k` of products of matrices, those of attention for the pairs
    that its causal mask leaves; 8, 5 and 5 an element of `layer_norm`,
    `rms_norm` and `softmax`; one for each operation on numbers in the body of a
    linalg op, whatever it costs; 0 of everything else. Bytes: each operand once,
    and of the table of a `gather` the rows that are taken.
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::func::FuncDialect",
    "::mlir::memref::MemRefDialect"
  ];
}

def LinalgToLoops : Pass<"winnow-linalg-to-loops", "::mlir::ModuleOp"> {
  let summary = "lowers linalg on buffers to loops that LLVM can vectorise";
  let description = [{
    Every structured op becomes a one-dimensional `scf.parallel` over its outer
    parallel dimensions, with `scf.for` nests inside:

    1. Dimensions that are adjacent in all operands are collapsed, so that
       `[batch, seq, 384]` plus `[384]` is a nest of two loops and a purely
       elementwise op is a single one.
    2. The innermost loop is the dimension along which most operands are
       contiguous. If it is parallel, reductions run between it and the outer
       loops and accumulate in the output buffer; if it is a reduction, the
       sum is carried in registers and may be reassociated (`reassoc` and
       `contract` on floats, never `nnan` or `ninf`).
    3. If operands disagree about the contiguous dimension (a transpose), the
       two are walked in tiles, so that both sides use whole cache lines.
    4. Operands that the innermost loop does not move along are loaded before
       it: LLVM cannot do that where buffers may alias.
    5. `winnow.grain` is the number of indices that make about 16384 elements
       of work; symbolic sizes count as 128. An op that has less work in all,
       whatever its symbols, gets plain loops.

    `memref.copy` between dense buffers of small static size is left for
    memcpy; every other one becomes loops too.

    Postcondition: no op of the linalg dialect, and no `memref.copy` that would
    need a runtime function. Refuses what is not a structured op on buffers.
  }];
  let dependentDialects = [
    "::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
    "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect"
  ];
}

def PlanArena : Pass<"winnow-plan-arena", "::mlir::ModuleOp"> {
  let summary = "places all buffers of the entry in one workspace";
  let description = [{
    Appends a workspace argument `memref<?xi8>` to the function that carries
    `winnow.entry`, turns its `memref.alloc` ops into views of it, and writes
    `@winnow.workspace_bytes`, which computes the size of the workspace from
    the symbols.

    1. A buffer lives from the first to the last op at the top level of the
       entry that uses it or a view of it.
    2. Buffers are taken in order of size, largest first, and put into slots:
       a slot takes a buffer that is live at the same time as none of its
       tenants. A slot that holds a buffer of the same symbolic size is
       preferred, else the smallest one.
    3. A slot is as large as its largest tenant; its offset is the running sum
       of the sizes before it, rounded up to 64 bytes, computed from the
       symbols once at the top of the entry.

    "Largest" is decided with every symbol at 128, or the nearest value that
    `winnow.symbols` allows. The order decides only how well slots are shared:
    for every value of the symbols each tenant fits into its slot.

    Postcondition: no `memref.alloc` or `memref.dealloc` is left.

    Refuses: a buffer whose size depends on data or on a loop, a buffer that a
    loop carries from one turn to the next, a layout that is not dense, an
    allocation outside of the entry.
  }];
  let dependentDialects = [
    "::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
    "::mlir::func::FuncDialect", "::mlir::memref::MemRefDialect"
  ];
}

def OutlineParallel : Pass<"winnow-outline-parallel", "::mlir::ModuleOp"> {
  let summary = "turns parallel loops into tasks for the runtime";
  let description = [{
    Every `scf.parallel` becomes a call of `winnow_rt_parallel` with a private
    task function `(ctx, begin, end, scratch)`. What the loop uses from
    outside travels in a struct on the caller's stack: of a memref its pointer
    and whatever sizes, strides and offset its type leaves open. Constants are
    repeated inside.

    A static `memref.alloca` in the loop becomes a piece of `scratch`, which
    belongs to the running thread; `winnow.scratch_bytes` on the module is the
    greatest need of any task.

    A parallel loop within another becomes `scf.for`.

    Refuses: a parallel loop of several dimensions or with reductions, and an
    alloca of dynamic size in a loop.
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::func::FuncDialect",
    "::mlir::LLVM::LLVMDialect", "::mlir::memref::MemRefDialect",
    "::mlir::scf::SCFDialect"
  ];
}

def EmitEntry : Pass<"winnow-emit-entry", "::mlir::ModuleOp"> {
  let summary = "writes the functions that the model descriptor points to";
  let description = [{
    Around the function with `winnow.entry`, whose last argument is the
    workspace, and `@winnow.workspace_bytes`, as PlanArena leaves them, writes
    the functions of `winnow/abi.h`:

    - `@winnow.run(call)` takes a `winnow_call` apart and calls the entry; the
      shapes of inputs and outputs are `winnow.input_dims` and
      `winnow.output_dims` of the symbols;
    - `@winnow.workspace_bytes(symbols) -> i64`; what had that name before
      becomes private `@winnow.workspace_size`;
    - `@winnow.input_dim(symbols, n) -> i64`, where dims of inputs are neither
      static nor one symbol;
    - `@winnow.output_dims(symbols, dims)`;
    - `@winnow.output_room(symbols, dims)`, the dims that outputs need room for
      when data symbols have their capacities or less: `s0 - d0` is `s0 - min`;
    - `@winnow.capacities(symbols)` raises the data symbols to the `bound`s that
      `winnow.symbols` gives them, else to their `min`.

    All other functions become internal.

    Refuses: no or several entries, missing attributes, dims that do not match
    the type of the argument.
  }];
  let dependentDialects = [
    "::mlir::arith::ArithDialect", "::mlir::func::FuncDialect",
    "::mlir::LLVM::LLVMDialect", "::mlir::memref::MemRefDialect"
  ];
}

def LowerToLLVM : Pass<"winnow-lower-to-llvm", "::mlir::ModuleOp"> {
  let summary = "lowers everything that is left to the LLVM dialect";
  let description = [{
    One conversion for all dialects, after a round of rewrites that brings
    vectors and bfloat16 into the forms that LLVM takes. Functions of the math
    dialect become LLVM intrinsics or calls of libm.

    Postcondition: the module holds only ops of the LLVM dialect. Refuses,
    naming the op, whatever has no lowering or would need a runtime function
    other than those of libc, libm and `winnow/abi.h`.
  }];
  let dependentDialects = ["::mlir::LLVM::LLVMDialect"];
}

def LowerExpandShape : Pass<"winnow-lower-expand-shape", "::mlir::ModuleOp"> {
  let summary = "expresses memref.expand_shape by reinterpret_cast";
  let description = [{
    The sizes are those that the op states, the strides follow from them.
    Upstream's expand-strided-metadata does the same but crashes where two
    dynamic dimensions come from one.
  }];
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::memref::MemRefDialect"];
}

#endif // WINNOW_CODEGEN_CPU_PASSES_TD
