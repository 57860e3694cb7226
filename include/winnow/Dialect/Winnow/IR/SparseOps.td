//===- SparseOps.td - Activations of which most are zero ------------------===//

#ifndef WINNOW_SPARSE_OPS_TD
#define WINNOW_SPARSE_OPS_TD

include "winnow/Dialect/Winnow/IR/WinnowBase.td"

def Winnow_TopKActivationOp : Winnow_InferOp<"topk_activation"> {
  let summary = "the k greatest elements of each row, and zeros in place of the others";
  let description = [{
    The activation T_k of the Lazy Neuron Phenomenon (arXiv 2210.06313), along the last
    dimension. Elements are ordered as `topk` orders them: of equal ones the one with
    the lower index comes first, NaN before every number. With `keep_ties` all
    elements that are equal to the last of the k stay as well.
    C1: the input has rank 1 or more. C2: `k` is at least 1, and at most a static last
    dimension.
  }];
  let arguments = (ins Winnow_FloatTensor:$input, ConfinedAttr<I64Attr, [IntMinValue<1>]>:$k,
      UnitAttr:$keep_ties);
  let results = (outs Winnow_FloatTensor:$result);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
  let hasFolder = 1;
}

def Winnow_SparseLinearOp : Winnow_InferOp<"sparse_linear", [AttrSizedOperandSegments]> {
  let summary = "a linear layer that leaves out what zeros make needless";
  let description = [{
    `gate * activation(input weight + bias) + residual`, with the operands of `linear`
    and a `gate` of the result's shape, or without one.

    Without a gate, rows of the weight that meet a zero of the input are not read.
    With one, columns whose gate is zero are not computed, and there is no residual.
    A zero is +0 or -0. So the result is that of the dense layer, to rounding, where
    the weight is finite: zero times infinity would be NaN.
    How many zeros there are is counted in each run, block by block, and a block with
    few is computed like that of a `linear`.
    C1 to C4: as of `linear`. C5: the gate has the result's type. C6: there is a gate
    or a residual at most. C7: the activation is not `group_rational`.
  }];
  let arguments = (ins Winnow_FloatTensor:$input, Winnow_FloatTensor:$weight,
      Optional<Winnow_FloatTensor>:$bias, Optional<Winnow_FloatTensor>:$gate,
      Optional<Winnow_FloatTensor>:$residual,
      DefaultValuedAttr<Winnow_ActivationAttr, "::winnow::Activation::None">:$activation,
      UnitAttr:$transpose_weight);
  let results = (outs Winnow_FloatTensor:$result);
  let assemblyFormat = [{
    $input `,` $weight (`bias` `(` $bias^ `)`)? (`gate` `(` $gate^ `)`)?
    (`residual` `(` $residual^ `)`)? attr-dict `:` functional-type(operands, results)
  }];
}

#endif // WINNOW_SPARSE_OPS_TD
