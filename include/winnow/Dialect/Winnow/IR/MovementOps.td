//===- MovementOps.td - Constants, shapes and data movement ---------------===//

#ifndef WINNOW_MOVEMENT_OPS_TD
#define WINNOW_MOVEMENT_OPS_TD

include "winnow/Dialect/Winnow/IR/WinnowBase.td"
include "mlir/IR/BuiltinAttributeInterfaces.td"

def Winnow_ConstantOp : Winnow_Op<"constant", [Pure, ConstantLike,
    AllTypesMatch<["value", "result"]>]> {
  let summary = "a tensor known at compile time";
  let description = [{
    Small values are dense elements; a model's weights are dense resources that
    point into the imported file's memory and are never copied needlessly.
    C1: the value is an elements attribute of static shape.
  }];
  let arguments = (ins TypedAttrInterface:$value);
  let results = (outs Winnow_Tensor:$result);
  let assemblyFormat = "attr-dict $value";
  let hasFolder = 1;
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    ::mlir::ElementsAttr getElements() {
      return ::llvm::cast<::mlir::ElementsAttr>(getValue());
    }
  }];
}

def Winnow_DimValuesOp : Winnow_Op<"dim_values", [Pure]> {
  let summary = "integers that are expressions over the function's symbols";
  let description = [{
    A rank 0 or 1 integer tensor whose elements are the results of `values`, an
    affine map over the function's symbols: what is left of ONNX Shape and the
    arithmetic on it where the model uses it as data.
    C1: as many results as elements. C2: no dims.

    Example: `winnow.dim_values affine_map<()[s0, s1] -> (s0 * s1)> : tensor<1xi64>`
  }];
  let arguments = (ins AffineMapAttr:$values);
  let results = (outs Winnow_IntTensor:$result);
  let assemblyFormat = "$values attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def Winnow_BindSizeOp : Winnow_Op<"bind_size"> {
  let summary = "makes a number that the data gives the size of dimensions";
  let description = [{
    The run-time value of `size`. If it is exactly a data symbol that
    no op before has bound, the symbol gets the value; the run fails with a status
    that names the node unless it lies within the symbol's bounds. Otherwise the
    run fails unless value and expression are equal, with `message` if there is one.
    C1: one expression over symbols.

    Example: `winnow.bind_size %count to affine_map<()[s0, s1] -> (s1)> : tensor<i64>`
  }];
  let arguments = (ins TensorOf<[I64]>:$value, AffineMapAttr:$size,
                       OptionalAttr<StrAttr>:$message);
  let assemblyFormat = "$value `to` $size attr-dict `:` type($value)";
  let hasVerifier = 1;
}

def Winnow_CapacityOp : Winnow_Op<"capacity", [Pure]> {
  let summary = "the most that a size that the data gives can be in this run";
  let description = [{
    The capacity of a data symbol, which is known before the symbol is bound. A
    larger size ends the run, which begins anew with a larger capacity: buffers
    of that many elements hold what a loop collects.
    C1: one data symbol. C2: the result has rank 0.

    Example: `winnow.capacity affine_map<()[s0, s1] -> (s1)> : tensor<i64>`
  }];
  let arguments = (ins AffineMapAttr:$size);
  let results = (outs TensorOf<[I64]>:$result);
  let assemblyFormat = "$size attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def Winnow_IotaOp : Winnow_Op<"iota", [Pure]> {
  let summary = "start + i * step for i = 0, 1, ...";
  let description = "ONNX Range with a length known up to symbols. C1: the result has rank 1.";
  let arguments = (ins I64Attr:$start, I64Attr:$step);
  let results = (outs Winnow_NumberTensor:$result);
  let assemblyFormat = "attr-dict `:` type($result)";
  let hasVerifier = 1;
}

def Winnow_ReshapeOp : Winnow_Op<"reshape", [Pure]> {
  let summary = "the same elements in the same row-major order, another shape";
  let description = [{
    Also ONNX Squeeze, Unsqueeze and Flatten. The result type says the shape.
    C1: the element types match. C2: the numbers of elements match, as
    expressions over symbols, unless data symbols are in them: then a
    `bind_size` before has made sure that they do.
  }];
  let arguments = (ins Winnow_Tensor:$input);
  let results = (outs Winnow_Tensor:$result);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
  let hasFolder = 1;
  let hasVerifier = 1;
}

def Winnow_TransposeOp : Winnow_InferOp<"transpose"> {
  let summary = "permutes dimensions";
  let description = [{
    Result dimension `i` is input dimension `permutation[i]`.
    C1: `permutation` is one.
  }];
  let arguments = (ins Winnow_Tensor:$input, DenseI64ArrayAttr:$permutation);
  let results = (outs Winnow_Tensor:$result);
  let assemblyFormat = "$input $permutation attr-dict `:` functional-type(operands, results)";
  let hasFolder = 1;
}

def Winnow_BroadcastToOp : Winnow_Op<"broadcast_to", [Pure]> {
  let summary = "repeats dimensions of size 1, numpy's way";
  let description = "ONNX Expand. C1: the input's shape broadcasts to the result's.";
  let arguments = (ins Winnow_Tensor:$input);
  let results = (outs Winnow_Tensor:$result);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
  let hasFolder = 1;
  let hasVerifier = 1;
}

def Winnow_SliceOp : Winnow_Op<"slice", [Pure]> {
  let summary = "every steps[i]-th element from starts[i]";
  let description = [{
    `starts` is an affine map over the function's symbols with one result per
    dimension; `steps` may be negative; the result type says the sizes.
    C1: one start and one step per dimension. C2: no step is 0. C3: a static
    slice stays inside its input.
  }];
  let arguments = (ins Winnow_Tensor:$input, AffineMapAttr:$starts, DenseI64ArrayAttr:$steps);
  let results = (outs Winnow_Tensor:$result);
  let assemblyFormat = "$input `at` $starts `step` $steps attr-dict `:` functional-type(operands, results)";
  let hasFolder = 1;
  let hasVerifier = 1;
}

def Winnow_ExtractAtOp : Winnow_InferOp<"extract_at"> {
  let summary = "slice `index` of dimension 0, without that dimension";
  let description = [{
    What one iteration of a loop reads of a scanned input. The index lies in
    [0, size): loops count, data does not come here. C1: the rank is at least 1.
  }];
  let arguments = (ins Winnow_Tensor:$input, Index:$index);
  let results = (outs Winnow_Tensor:$result);
  let assemblyFormat = "$input `at` $index attr-dict `:` functional-type(operands, results)";
}

def Winnow_InsertAtOp : Winnow_InferOp<"insert_at"> {
  let summary = "`destination` with `slice` in the place of slice `index` of dimension 0";
  let description = [{
    What one iteration of a loop adds to a stacked output. The index lies in
    [0, size). C1: `slice` has the destination's shape without dimension 0.
  }];
  let arguments = (ins Winnow_Tensor:$slice, Winnow_Tensor:$destination, Index:$index);
  let results = (outs Winnow_Tensor:$result);
  let assemblyFormat = [{
    $slice `into` $destination `at` $index attr-dict `:` functional-type(operands, results)
  }];
}

def Winnow_ConcatOp : Winnow_InferOp<"concat"> {
  let summary = "joins tensors along one dimension";
  let description = "C1: ranks and element types match. C2: all other dimensions match. C3: `axis` is in [0, rank).";
  let arguments = (ins Variadic<Winnow_Tensor>:$inputs, I64Attr:$axis);
  let results = (outs Winnow_Tensor:$result);
  let assemblyFormat = "$inputs attr-dict `:` functional-type(operands, results)";
  let hasFolder = 1;
}

def Winnow_GatherOp : Winnow_InferOp<"gather"> {
  let summary = "picks slices of `data` along `axis`";
  let description = [{
    The result has `data`'s shape with dimension `axis` replaced by the shape of
    `indices`. An index in [-size, -1] counts from the end; any other index
    outside [0, size) fails the run with a status that names the node.
    C1: `axis` is in [0, rank).

    With `in_bounds` all indices are in [0, size) because of how they were
    computed: nothing is checked, and the gather is a loop nest that fuses with
    what is computed on its result.
  }];
  let arguments = (ins Winnow_Tensor:$data, Winnow_IntTensor:$indices, I64Attr:$axis,
                       UnitAttr:$in_bounds);
  let results = (outs Winnow_Tensor:$result);
  let assemblyFormat = "$data `,` $indices attr-dict `:` functional-type(operands, results)";
}

def Winnow_GatherNDOp : Winnow_InferOp<"gather_nd"> {
  let summary = "picks slices of `data` by index tuples";
  let description = [{
    ONNX GatherND: the last dimension of `indices` holds tuples that index the
    dimensions of `data` after `batch_dims`. C1: that dimension is static and
    at most rank(data) - batch_dims. C2: the batch dimensions match.
  }];
  let arguments = (ins Winnow_Tensor:$data, Winnow_IntTensor:$indices,
                       DefaultValuedAttr<I64Attr, "0">:$batch_dims);
  let results = (outs Winnow_Tensor:$result);
  let assemblyFormat = "$data `,` $indices attr-dict `:` functional-type(operands, results)";
}

#endif // WINNOW_MOVEMENT_OPS_TD
