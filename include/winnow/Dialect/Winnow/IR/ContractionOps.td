//===- ContractionOps.td - Matrix products and linear layers --------------===//

#ifndef WINNOW_CONTRACTION_OPS_TD
#define WINNOW_CONTRACTION_OPS_TD

include "winnow/Dialect/Winnow/IR/WinnowBase.td"

def Winnow_MatMulOp : Winnow_InferOp<"matmul"> {
  let summary = "numpy's matmul";
  let description = [{
    `result[..., i, j] = sum_k lhs[..., i, k] rhs[..., k, j]` with batch
    dimensions broadcast; rank 1 operands gain and lose a unit dimension.
    C1: the element types match. C2: the inner dimensions match.
    C3: no operand has rank 0.
  }];
  let arguments = (ins Winnow_NumberTensor:$lhs, Winnow_NumberTensor:$rhs);
  let results = (outs Winnow_NumberTensor:$result);
  let assemblyFormat = "$lhs `,` $rhs attr-dict `:` functional-type(operands, results)";
}

def Winnow_LinearOp : Winnow_InferOp<"linear", [AttrSizedOperandSegments]> {
  let summary = "activation(input weight + bias) + residual";
  let description = [{
    `input` is [..., K]; `weight` is [K, N], or [N, K] with `transpose_weight`;
    `bias` is [N]; `residual` has the result's shape [..., N]. A weight that is
    a constant is packed at compile time. The activation `group_rational` is the
    function `rational`, by groups of N.
    C1: the element types match. C2: `input`'s last dimension is the weight's
    K. C3: `bias` is [N]. C4: `residual` has the result's type. C5: `rational` is
    there exactly with that activation. C6: N is a multiple of its groups.
  }];
  let arguments = (ins Winnow_FloatTensor:$input, Winnow_FloatTensor:$weight,
      Optional<Winnow_FloatTensor>:$bias, Optional<Winnow_FloatTensor>:$residual,
      DefaultValuedAttr<Winnow_ActivationAttr, "::winnow::Activation::None">:$activation,
      UnitAttr:$transpose_weight, OptionalAttr<Winnow_RationalAttr>:$rational);
  let results = (outs Winnow_FloatTensor:$result);
  let assemblyFormat = [{
    $input `,` $weight (`bias` `(` $bias^ `)`)? (`residual` `(` $residual^ `)`)?
    attr-dict `:` functional-type(operands, results)
  }];
  let builders = [OpBuilder<(ins "::mlir::Type":$result, "::mlir::Value":$input, "::mlir::Value":$weight,
      "::mlir::Value":$bias, "::mlir::Value":$residual, "::winnow::Activation":$activation,
      CArg<"bool", "false">:$transpose_weight), [{
    build($_builder, $_state, result, input, weight, bias, residual, activation, transpose_weight,
          ::winnow::RationalAttr());
  }]>];
}

def Winnow_DetOp : Winnow_InferOp<"det"> {
  let summary = "the determinant of every matrix";
  let description = [{
    `input` is [..., N, N], the result [...]; of an empty matrix it is 1.
    Computed by elimination with partial pivoting, in the element type.
    C1: `input` has rank 2 or more. C2: the last two dimensions match.
  }];
  let arguments = (ins RankedTensorOf<[F32, F64]>:$input);
  let results = (outs RankedTensorOf<[F32, F64]>:$result);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
}

#endif // WINNOW_CONTRACTION_OPS_TD
