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

class Winnow_BasisOp<string mnemonic, dag parameters> : Winnow_InferOp<mnemonic> {
  let arguments = !con((ins RankedTensorOf<[F16, BF16, F32]>:$input), parameters);
  let results = (outs RankedTensorOf<[F16, BF16, F32]>:$result);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
}

def Winnow_BSplineOp : Winnow_BasisOp<"bspline",
    (ins I64Attr:$degree, ElementsAttr:$knots, UnitAttr:$zero_nan,
     OptionalAttr<ElementsAttr>:$coefficients)> {
  let summary = "the B-spline bases of each element";
  let description = [{
    `input` is [.., D], the result [.., K, D]. Element k of channel d is the basis of
    `degree` p on the knots k to k + p + 1 of that channel, by the recursion of Cox and
    de Boor: 1 between two knots for degree 0, else
    `(x - t_k) / (t_{k+p} - t_k) N_k + (t_{k+p+1} - x) / (t_{k+p+1} - t_{k+1}) N_{k+1}`
    of those of degree p - 1. NaN gives NaN, or 0 with `zero_nan`. With `coefficients`,
    the result is [.., D], the sum of the bases times them.
    C1: `degree` is 1 or more. C2: `knots` is [1, K + p + 1] for all channels, or
    [D, K + p + 1]. C3: the knots of a channel increase. C4: `coefficients` is
    [1, K] or [D, K].
  }];
  let extraClassDeclaration = [{
    static ::mlir::FailureOr<::mlir::RankedTensorType>
    inferType(std::optional<::mlir::Location> loc, Adaptor adaptor);
    int64_t getNumBases() {
      return getKnots().getShapedType().getDimSize(1) - getDegree() - 1;
    }
  }];
}

def Winnow_GaussianBasisOp : Winnow_BasisOp<"gaussian_basis",
    (ins ElementsAttr:$centers, F32Attr:$factor, OptionalAttr<ElementsAttr>:$coefficients)> {
  let summary = "Gaussians of each element around centers";
  let description = [{
    `input` is [.., D], the result [.., K, D]: `e^-(factor (x - c_k))^2`.
    With `coefficients`, the result is [.., D], the sum of these times them.
    C1: `centers` is [1, K] for all channels, or [D, K]. C2: so is `coefficients`.
  }];
  let extraClassDeclaration = [{
    static ::mlir::FailureOr<::mlir::RankedTensorType>
    inferType(std::optional<::mlir::Location> loc, Adaptor adaptor);
    int64_t getNumBases() { return getCenters().getShapedType().getDimSize(1); }
  }];
}

#endif // WINNOW_KAN_OPS_TD
