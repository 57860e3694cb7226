//===- Passes.td - From winnow to upstream dialects -----------------------===//

#ifndef WINNOW_CONVERSION_PASSES_TD
#define WINNOW_CONVERSION_PASSES_TD

include "mlir/Pass/PassBase.td"

def WinnowToLinalg : Pass<"winnow-to-linalg", "::mlir::ModuleOp"> {
  let summary = "lowers winnow ops to linalg on tensors and to kernels";
  let description = [{
    Turns the entry function into the form that Codegen expects:

    ```mlir
    func.func @main(%weights: memref<?xi8>, %s0: index, ..., %in0: memref<...>,
                    ..., %out0: memref<...>, ...)
    ```

    Elementwise ops, reductions and data movement become `linalg.generic` and
    `tensor` ops; contractions, attention, normalisations and gathers become
    `winnow.kernel`. Constants over 1 KiB move to the weights file: the module
    attribute `winnow.weights` lists its entries (offset, bytes, layout and the
    parts they are made from), and the code reads them through `%weights`. A
    linear layer's constant weight is packed in panels as wide as Analysis chooses
    for `cpu`, the highest of the levels that there will be code for. Dimensions are
    computed from the symbol arguments.

    Refuses an op that it cannot lower, with a located error.
  }];
  let options = [Option<"cpu", "cpu", "std::string", "\"native\"",
      "instruction-set level that weights are packed for">];
  let dependentDialects = ["::mlir::affine::AffineDialect", "::mlir::arith::ArithDialect",
    "::mlir::bufferization::BufferizationDialect", "::mlir::func::FuncDialect",
    "::mlir::linalg::LinalgDialect", "::mlir::math::MathDialect",
    "::mlir::memref::MemRefDialect", "::mlir::scf::SCFDialect", "::mlir::tensor::TensorDialect"];
}

def FuseLinalgElementwise : Pass<"winnow-fuse-linalg-elementwise", "::mlir::func::FuncOp"> {
  let summary = "fuses elementwise linalg ops into their consumers";
  let description = [{
    Upstream's elementwise fusion. A producer with several uses is fused too
    when recomputing it is cheaper than storing it: when it reads nothing, or
    only moves or converts elements.
  }];
  let dependentDialects = ["::mlir::linalg::LinalgDialect", "::mlir::affine::AffineDialect"];
}

def PlaceResults : Pass<"winnow-place-results", "::mlir::func::FuncOp"> {
  let summary = "computes results that are reshaped in the caller's buffers";
  let description = [{
    What is written to a buffer after `tensor.expand_shape` is written to the buffer
    in the shape before. Empty-tensor elimination, which looks through no reshape,
    then lets the op that computes it write there, where else a copy would remain.
    Does not apply to a buffer whose dimensions are not contiguous.
  }];
  let dependentDialects = ["::mlir::memref::MemRefDialect"];
}

def PlaceLoopState : Pass<"winnow-place-loop-state", "::mlir::func::FuncOp"> {
  let summary = "gives what a loop or a branch hands on a place of its own";
  let description = [{
    Bufferisation then never meets a value whose buffer changes from one iteration
    to the next, which no arena can place:

    - a loop starts with copies of its initial values, unless they are fresh;
    - an iteration ends by copying what it hands on to where the next one reads
      it; values that are parts of the state itself, as when two are swapped, are
      copied aside first;
    - a branch of scf.if yields a fresh, dense tensor.
  }];
  let dependentDialects = ["::mlir::bufferization::BufferizationDialect"];
}

def FillCaches : Pass<"winnow-fill-caches", "::mlir::ModuleOp"> {
  let summary = "lets attention copy past keys and values as it reads them";
  let description = [{
    A step of a decoder makes a cache that is longer by a token: the past one is
    copied to the first rows of a buffer, and attention reads that buffer. As two ops
    they move the past three times, of which memory sees two at least. Where an
    attention reads what such a copy has made, the copy becomes the kernel's: with
    `past = true` the last two inputs are past keys and values, and the outputs are
    the buffers of keys and values, whose further rows the kernel finds there, and
    then its result.

    Does not apply where something reads the buffer or writes the past between copy
    and attention, where heads share keys, which are then read several times anyhow,
    or where sequences are packed.
  }];
}

def KernelsToCalls : Pass<"winnow-kernels-to-calls", "::mlir::ModuleOp"> {
  let summary = "turns bufferised kernels into calls of private functions";
  let description = [{
    Each distinct (kind, config, types) of `winnow.kernel` becomes one private
    function declaration with the attribute `winnow.kernel`, whose body Codegen
    builds, and each use a call. A kernel with a run-time check gets the number
    of its site as a last argument. An input whose innermost stride is not 1 is
    copied to a dense buffer first.
  }];
  let dependentDialects = ["::mlir::func::FuncDialect", "::mlir::arith::ArithDialect",
                           "::mlir::memref::MemRefDialect"];
}

def ReportCopies : Pass<"winnow-report-copies", "::mlir::ModuleOp"> {
  let summary = "lists the copies that remain, and why";
  let description = [{
    Each op that only moves elements, a `memref.copy` or a linalg op without
    arithmetic, becomes an entry of the report, `copy.remains`: what is copied, from
    and to where, in which order, and who wants it so. Changes nothing else.
  }];
}

def VerifyCodegenContract : Pass<"winnow-verify-codegen-contract", "::mlir::ModuleOp"> {
  let summary = "checks that only upstream dialects on buffers are left";
  let description = [{
    The contract at the border between Conversion and Codegen: no winnow op, no
    tensor, one entry function with a `winnow.entry` attribute, and only kernel
    declarations without a body.
  }];
}

#endif // WINNOW_CONVERSION_PASSES_TD
