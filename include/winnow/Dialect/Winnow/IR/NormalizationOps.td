//===- NormalizationOps.td - Reductions and normalisations ----------------===//

#ifndef WINNOW_NORMALIZATION_OPS_TD
#define WINNOW_NORMALIZATION_OPS_TD

include "winnow/Dialect/Winnow/IR/WinnowBase.td"

def Winnow_ReduceOp : Winnow_InferOp<"reduce"> {
  let summary = "combines all elements along `axes`";
  let description = [{
    C1: the axes are in [0, rank), sorted and distinct. The result drops them,
    or keeps them with size 1 under `keepdims`.
  }];
  let arguments = (ins Winnow_ReduceKindAttr:$kind, Winnow_NumberTensor:$input,
                       DenseI64ArrayAttr:$axes, UnitAttr:$keepdims);
  let results = (outs Winnow_NumberTensor:$result);
  let assemblyFormat = "$kind $input $axes attr-dict `:` functional-type(operands, results)";
}

class Winnow_CumulativeOp<string mnemonic, string what> : Winnow_InferOp<mnemonic> {
  let summary = "running " # what # " along `axis`";
  let description = "C1: `axis` is in [0, rank).";
  let arguments = (ins Winnow_NumberTensor:$input, I64Attr:$axis, UnitAttr:$exclusive, UnitAttr:$reverse);
  let results = (outs Winnow_NumberTensor:$result);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
}

def Winnow_CumSumOp : Winnow_CumulativeOp<"cumsum", "sum">;
def Winnow_CumProdOp : Winnow_CumulativeOp<"cumprod", "product">;

def Winnow_SoftmaxOp : Winnow_InferOp<"softmax"> {
  let summary = "e^x_i / sum_j e^x_j along `axis`";
  let description = "Computed after subtracting the maximum. C1: `axis` is in [0, rank).";
  let arguments = (ins Winnow_FloatTensor:$input, I64Attr:$axis);
  let results = (outs Winnow_FloatTensor:$result);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
}

def Winnow_LayerNormOp : Winnow_InferOp<"layer_norm", [AttrSizedOperandSegments]> {
  let summary = "(x - mean) / sqrt(variance + epsilon) * scale + bias";
  let description = [{
    Mean and variance are over the last dimension (Ba et al., arXiv 1607.06450).
    With `residual`, x is `input + residual`. With `rational`, the result is that
    function of the above, by groups of N.
    C1: `scale` and `bias` are [N], N the last dimension of `input`.
    C2: `residual` has `input`'s type.
    C3: N is a multiple of its groups.
  }];
  let arguments = (ins Winnow_FloatTensor:$input, Optional<Winnow_FloatTensor>:$residual,
      Optional<Winnow_FloatTensor>:$scale, Optional<Winnow_FloatTensor>:$bias,
      F32Attr:$epsilon, OptionalAttr<Winnow_RationalAttr>:$rational);
  let results = (outs Winnow_FloatTensor:$result);
  let assemblyFormat = [{
    $input (`residual` `(` $residual^ `)`)? (`scale` `(` $scale^ `)`)? (`bias` `(` $bias^ `)`)?
    attr-dict `:` functional-type(operands, results)
  }];
  let builders = [OpBuilder<(ins "::mlir::Type":$result, "::mlir::Value":$input, "::mlir::Value":$residual,
      "::mlir::Value":$scale, "::mlir::Value":$bias, "::llvm::APFloat":$epsilon), [{
    build($_builder, $_state, result, input, residual, scale, bias, epsilon, ::winnow::RationalAttr());
  }]>];
}

def Winnow_RMSNormOp : Winnow_InferOp<"rms_norm", [AttrSizedOperandSegments]> {
  let summary = "x / sqrt(mean(x^2) + epsilon) * scale";
  let description = [{
    The mean is over the last dimension (Zhang and Sennrich, arXiv 1910.07467).
    With `residual`, x is `input + residual`. With `rational`, the result is that
    function of the above, by groups of N.
    C1: `scale` is [N], N the last dimension of `input`.
    C2: `residual` has `input`'s type.
    C3: N is a multiple of its groups.
  }];
  let arguments = (ins Winnow_FloatTensor:$input, Optional<Winnow_FloatTensor>:$residual,
      Optional<Winnow_FloatTensor>:$scale, F32Attr:$epsilon,
      OptionalAttr<Winnow_RationalAttr>:$rational);
  let results = (outs Winnow_FloatTensor:$result);
  let assemblyFormat = [{
    $input (`residual` `(` $residual^ `)`)? (`scale` `(` $scale^ `)`)?
    attr-dict `:` functional-type(operands, results)
  }];
  let builders = [OpBuilder<(ins "::mlir::Type":$result, "::mlir::Value":$input, "::mlir::Value":$residual,
      "::mlir::Value":$scale, "::llvm::APFloat":$epsilon), [{
    build($_builder, $_state, result, input, residual, scale, epsilon, ::winnow::RationalAttr());
  }]>];
}

#endif // WINNOW_NORMALIZATION_OPS_TD
