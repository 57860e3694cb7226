//===- PrecisionOps.td - Products of integers that stand for numbers ------===//

#ifndef WINNOW_PRECISION_OPS_TD
#define WINNOW_PRECISION_OPS_TD

include "winnow/Dialect/Winnow/IR/WinnowBase.td"

/// 8-bit integers: the numbers scale (q - zero).
def Winnow_QuantizedTensor : RankedTensorOf<[I8, UI8]>;

/// And of 4 bits, which are stored in a byte each.
def Winnow_WeightTensor : RankedTensorOf<[I8, UI8, I<4>, UI<4>]>;

def Winnow_QuantizeRowsOp : Winnow_Op<"quantize_rows", [Pure]> {
  let summary = "each row in 8 bits, by the range that it has";
  let description = [{
    Rows along the last dimension, each with its own range, which includes 0:
    `scale = (max - min) / 255`, or 1 for a row of zeros; `zero = round(-min / scale)`;
    `values = clamp(round(input / scale) + zero, 0, 255)`. Halves are rounded to even, NaN is
    0. ONNX's DynamicQuantizeLinear, row by row. With `factors`, [K], elements are multiplied by that of
    their channel first.
    C1: the input has rank 1 or more. C2: `values` has its shape. C3: `scale` and `zero`
    have it too, but for the last dimension, which is 1. C4: `factors` has the size of the last dimension.
  }];
  let arguments = (ins RankedTensorOf<[F32]>:$input, Optional<RankedTensorOf<[F32]>>:$factors);
  let results = (outs RankedTensorOf<[UI8]>:$values, RankedTensorOf<[F32]>:$scale,
      RankedTensorOf<[UI8]>:$zero);
  let assemblyFormat = [{
    $input (`factors` `(` $factors^ `)`)? attr-dict `:` functional-type(operands, results)
  }];
  let builders = [OpBuilder<(ins "::mlir::Value":$input, CArg<"::mlir::Value", "{}">:$factors)>];
  let hasVerifier = 1;
}

def Winnow_QuantizedLinearOp : Winnow_InferOp<"quantized_linear", [AttrSizedOperandSegments]> {
  let summary = "a linear layer whose weight is integers of 4 or 8 bits";
  let description = [{
    Of an input of integers: `activation(row_scale scale S + bias) + residual`, where
    `S[.., n] = sum_k (input[.., k] - zero) (weight[k, n] - weight_zero[n])` is exact in 32-bit
    integers, is converted to f32 and then multiplied by `row_scale * scale`.

    Of an input of floats: `activation(sum_k input[.., k] W[k, n] + bias) + residual` with
    `W[k, n] = scale[n] (weight[k, n] - weight_zero[n])`, in f32. With `block_size` each so many k
    have a scale and a zero of their own. With `round_input` the input may be rounded to 8 bits first,
    each so many k of a row to multiples of the 127th part of their greatest magnitude, as
    accuracy_level 4 of ONNX Runtime's MatMulNBits allows.

    `input` is [..., K]; `weight` is [K, N], or [N, K] with `transpose_weight`. `scale`, of
    f32, and `weight_zero`, of the weight's type, are [] or [N], or both
    [ceil(K / block_size), N]; `zero`, of the input's type,
    is [] or [..., 1]; `row_scale`, of f32, is [..., 1]. `bias` and `residual` are those of `linear`.
    C1: ranks and dimensions are so. C2: the zeros have the types of what they belong to.
    C3: the activation is not `group_rational`. C4: an input of floats has no zero and no
    row_scale, one of integers no blocks and a weight of 8 bits. C5: `round_input` stands beside `block_size` only.
  }];
  let arguments = (ins RankedTensorOf<[I8, UI8, F32]>:$input, Winnow_WeightTensor:$weight,
      RankedTensorOf<[F32]>:$scale, Optional<Winnow_QuantizedTensor>:$zero,
      Optional<RankedTensorOf<[F32]>>:$row_scale, Optional<Winnow_WeightTensor>:$weight_zero,
      Optional<RankedTensorOf<[F32]>>:$bias, Optional<RankedTensorOf<[F32]>>:$residual,
      DefaultValuedAttr<Winnow_ActivationAttr, "::winnow::Activation::None">:$activation,
      UnitAttr:$transpose_weight, OptionalAttr<ConfinedAttr<I64Attr, [IntMinValue<1>]>>:$block_size,
      UnitAttr:$round_input);
  let results = (outs RankedTensorOf<[F32]>:$result);
  let assemblyFormat = [{
    $input `,` $weight `scale` `(` $scale `)` (`zero` `(` $zero^ `)`)?
    (`row_scale` `(` $row_scale^ `)`)? (`weight_zero` `(` $weight_zero^ `)`)?
    (`bias` `(` $bias^ `)`)? (`residual` `(` $residual^ `)`)?
    attr-dict `:` functional-type(operands, results)
  }];
}

def Winnow_QuantizedMatMulOp : Winnow_InferOp<"quantized_matmul", [AttrSizedOperandSegments]> {
  let summary = "a product of two variable matrices of 8-bit integers";
  let description = [{
    `scale S`, where `S[.., m, n] = sum_k (lhs[.., m, k] - zero) (rhs[.., k, n] - rhs_zero)` is exact
    in 32-bit integers, and converted to f32 before it is multiplied: what QDQ attention computes.

    `lhs` is [..., M, K]; `rhs` is [..., K, N], or [..., N, K] with `transpose_rhs`; the leading
    dimensions are broadcast as those of matmul. `scale`, of f32, and the zeros, each of its operand's
    type, are [].
    C1: the operands have rank 2 or more. C2: their K match, and their leading dimensions broadcast.
    C3: scale and zeros are so.
  }];
  let arguments = (ins Winnow_QuantizedTensor:$lhs, Winnow_QuantizedTensor:$rhs,
      RankedTensorOf<[F32]>:$scale, Optional<Winnow_QuantizedTensor>:$zero,
      Optional<Winnow_QuantizedTensor>:$rhs_zero, UnitAttr:$transpose_rhs);
  let results = (outs RankedTensorOf<[F32]>:$result);
  let assemblyFormat = [{
    $lhs `,` $rhs `scale` `(` $scale `)` (`zero` `(` $zero^ `)`)? (`rhs_zero` `(` $rhs_zero^ `)`)?
    attr-dict `:` functional-type(operands, results)
  }];
}

#endif // WINNOW_PRECISION_OPS_TD
