//===- IndexingOps.td - Sorting, and updates by index ---------------------===//

#ifndef WINNOW_INDEXING_OPS_TD
#define WINNOW_INDEXING_OPS_TD

include "winnow/Dialect/Winnow/IR/WinnowBase.td"

def Winnow_TopKOp : Winnow_Op<"topk", [Pure]> {
  let summary = "the first k elements along `axis` after sorting, and where they were";
  let description = [{
    Sorts from the greatest down, or from the least up without `largest`. The
    result types say k, a number or an expression over symbols. `indices` are
    positions along `axis` in `input`.

    - Of equal elements the one with the lower index comes first.
    - NaN is greater than every number and equal to NaN.

    C1: `axis` is in [0, rank). C2: `values` has `input`'s element type.
    C3: the results have `input`'s shape but along `axis`. C4: a static k is at
    most a static size of `axis`.
  }];
  let arguments = (ins Winnow_NumberTensor:$input, I64Attr:$axis, UnitAttr:$largest);
  let results = (outs Winnow_NumberTensor:$values, TensorOf<[I64]>:$indices);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
  let hasVerifier = 1;
}

def Winnow_ScatterElementsOp : Winnow_InferOp<"scatter_elements"> {
  let summary = "`data` with single elements replaced or combined, by their index along `axis`";
  let description = [{
    ONNX ScatterElements: for every index `i` of `updates`, in row-major order,
    with `j` equal to `i` but `j[axis] = indices[i]`,
    `result[j] = reduction(result[j], updates[i])`. `none` replaces: of several
    updates of one element the last one stays.

    An index in [-size, -1] counts from the end; any other index outside
    [0, size) writes nothing and fails the run with a status that names the node.

    C1: `axis` is in [0, rank). C2: `updates` has `data`'s element type.
    C3: `indices` and `updates` have one shape. C4: that is `data`'s shape but
    along `axis`. C5: storage types are only replaced.
  }];
  let arguments = (ins Winnow_Tensor:$data, Winnow_IntTensor:$indices, Winnow_Tensor:$updates,
      I64Attr:$axis,
      DefaultValuedAttr<Winnow_ScatterReductionAttr, "::winnow::ScatterReduction::None">:$reduction);
  let results = (outs Winnow_Tensor:$result);
  let assemblyFormat = [{
    $data `,` $indices `,` $updates attr-dict `:` functional-type(operands, results)
  }];
}

def Winnow_ScatterNDOp : Winnow_InferOp<"scatter_nd"> {
  let summary = "`data` with slices replaced or combined, by index tuples";
  let description = [{
    ONNX ScatterND: the last dimension of `indices` holds tuples that index the
    first dimensions of `data`; for every tuple, in row-major order,
    `result[tuple] = reduction(result[tuple], updates[i])`. Reductions and
    indices outside the data behave as in `winnow.scatter_elements`.

    C1: the last dimension of `indices` is static and at most rank(data).
    C2: `updates` has `data`'s element type. C3: its shape is that of `indices`
    without the last dimension, then that of the slices of `data`. C4: storage
    types are only replaced.
  }];
  let arguments = (ins Winnow_Tensor:$data, Winnow_IntTensor:$indices, Winnow_Tensor:$updates,
      DefaultValuedAttr<Winnow_ScatterReductionAttr, "::winnow::ScatterReduction::None">:$reduction);
  let results = (outs Winnow_Tensor:$result);
  let assemblyFormat = [{
    $data `,` $indices `,` $updates attr-dict `:` functional-type(operands, results)
  }];
}

#endif // WINNOW_INDEXING_OPS_TD
