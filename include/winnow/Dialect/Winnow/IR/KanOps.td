//===- KanOps.td - Functions with learned coefficients --------------------===//

#ifndef WINNOW_KAN_OPS_TD
#define WINNOW_KAN_OPS_TD

include "winnow/Dialect/Winnow/IR/WinnowBase.td"

def Winnow_GroupRationalOp : Winnow_InferOp<"group_rational"> {
  let summary = "a rational function of each element, by groups of the last dimension";
  let description = [{
    With G groups and a last dimension of D, the element of channel d becomes that of
    the function of group `floor(d / (D / G))`. See the attribute for the functions.
    C1: D is a multiple of G.
  }];
  let arguments = (ins Winnow_FloatTensor:$input, Winnow_RationalAttr:$rational);
  let results = (outs Winnow_FloatTensor:$result);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
  let hasFolder = 1;
  let hasCanonicalizer = 1;
}

#endif // WINNOW_KAN_OPS_TD
