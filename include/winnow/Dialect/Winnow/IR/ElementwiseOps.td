//===- ElementwiseOps.td - One element in, one element out ----------------===//

#ifndef WINNOW_ELEMENTWISE_OPS_TD
#define WINNOW_ELEMENTWISE_OPS_TD

include "winnow/Dialect/Winnow/IR/WinnowBase.td"

def Winnow_AbsOp : Winnow_UnaryOp<"abs", "|x|">;
def Winnow_NegOp : Winnow_UnaryOp<"neg", "-x">;
def Winnow_ExpOp : Winnow_UnaryOp<"exp", "e^x", Winnow_FloatTensor>;
def Winnow_LogOp : Winnow_UnaryOp<"log", "ln x", Winnow_FloatTensor>;
def Winnow_SqrtOp : Winnow_UnaryOp<"sqrt", "sqrt(x)", Winnow_FloatTensor>;
def Winnow_ReciprocalOp : Winnow_UnaryOp<"reciprocal", "1 / x", Winnow_FloatTensor>;
def Winnow_ErfOp : Winnow_UnaryOp<"erf", "erf(x)", Winnow_FloatTensor>;
def Winnow_TanhOp : Winnow_UnaryOp<"tanh", "tanh(x)", Winnow_FloatTensor>;
def Winnow_SigmoidOp : Winnow_UnaryOp<"sigmoid", "1 / (1 + e^-x)", Winnow_FloatTensor>;
def Winnow_ReluOp : Winnow_UnaryOp<"relu", "max(x, 0)">;
def Winnow_SinOp : Winnow_UnaryOp<"sin", "sin(x)", Winnow_FloatTensor>;
def Winnow_CosOp : Winnow_UnaryOp<"cos", "cos(x)", Winnow_FloatTensor>;
def Winnow_TanOp : Winnow_UnaryOp<"tan", "tan(x)", Winnow_FloatTensor>;
def Winnow_AsinOp : Winnow_UnaryOp<"asin", "asin(x)", Winnow_FloatTensor>;
def Winnow_AcosOp : Winnow_UnaryOp<"acos", "acos(x)", Winnow_FloatTensor>;
def Winnow_AtanOp : Winnow_UnaryOp<"atan", "atan(x)", Winnow_FloatTensor>;
def Winnow_SinhOp : Winnow_UnaryOp<"sinh", "sinh(x)", Winnow_FloatTensor>;
def Winnow_CoshOp : Winnow_UnaryOp<"cosh", "cosh(x)", Winnow_FloatTensor>;
def Winnow_AsinhOp : Winnow_UnaryOp<"asinh", "asinh(x)", Winnow_FloatTensor>;
def Winnow_AcoshOp : Winnow_UnaryOp<"acosh", "acosh(x)", Winnow_FloatTensor>;
def Winnow_AtanhOp : Winnow_UnaryOp<"atanh", "atanh(x)", Winnow_FloatTensor>;
def Winnow_FloorOp : Winnow_UnaryOp<"floor", "floor(x)", Winnow_FloatTensor>;
def Winnow_CeilOp : Winnow_UnaryOp<"ceil", "ceil(x)", Winnow_FloatTensor>;
def Winnow_RoundOp : Winnow_UnaryOp<"round", "x rounded to the nearest integer, ties to even",
                                    Winnow_FloatTensor>;
def Winnow_SignOp : Winnow_UnaryOp<"sign", "-1, 0 or 1">;
def Winnow_NotOp : Winnow_UnaryOp<"not", "not x, bitwise on integers", Winnow_IntTensor>;
def Winnow_IsNaNOp : Winnow_UnaryOp<"is_nan", "x is NaN (boolean)", Winnow_FloatTensor>;

def Winnow_GeluOp : Winnow_ElementwiseOp<"gelu",
    (ins Winnow_FloatTensor:$input, UnitAttr:$tanh_approximation)> {
  let summary = "Gaussian error linear unit";
  let description = [{
    `x/2 (1 + erf(x / sqrt 2))`, or with `tanh_approximation`
    `x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))` (Hendrycks and Gimpel,
    arXiv 1606.08415).
  }];
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
}

def Winnow_CastOp : Winnow_Op<"cast", [Pure,
    DeclareOpInterfaceMethods<Winnow_ElementwiseOpInterface>]> {
  let summary = "converts the element type";
  let description = [{
    ONNX Cast: float to integer truncates toward zero and saturates, to boolean
    is `x != 0`; integer to integer keeps the low bits. What is no value of a
    float is rounded to the nearest one, ties to even.

    Storage types have no larger values to round to. What is beyond the largest
    of a small float, infinities included, becomes its infinity (f8E5M2), else
    its NaN, else (f4E2M1FN) the largest. f8E8M0FNU holds powers of two: ties
    go up, numbers below the smallest become the smallest, and what is not
    positive becomes NaN.

    C1: the shapes match.
  }];
  let arguments = (ins Winnow_Tensor:$input);
  let results = (outs Winnow_Tensor:$result);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
  let hasFolder = 1;
  let hasVerifier = 1;
}

def Winnow_BitcastOp : Winnow_Op<"bitcast", [Pure,
    DeclareOpInterfaceMethods<Winnow_ElementwiseOpInterface>]> {
  let summary = "the same bits as another element type";
  let description = "C1: the shapes match. C2: the element types have one width.";
  let arguments = (ins Winnow_Tensor:$input);
  let results = (outs Winnow_Tensor:$result);
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
  let hasFolder = 1;
  let hasVerifier = 1;
}

def Winnow_AddOp : Winnow_BinaryOp<"add", "x + y", [Commutative]>;
def Winnow_SubOp : Winnow_BinaryOp<"sub", "x - y">;
def Winnow_MulOp : Winnow_BinaryOp<"mul", "x * y", [Commutative]>;
def Winnow_DivOp : Winnow_BinaryOp<"div", "x / y (integers truncate toward zero)">;
def Winnow_ModOp : Winnow_BinaryOp<"mod", "x mod y with the sign of y; floats: fmod">;
def Winnow_PowOp : Winnow_BinaryOp<"pow", "x^y">;
def Winnow_MaximumOp : Winnow_BinaryOp<"maximum", "max(x, y), NaN if either is", [Commutative]>;
def Winnow_MinimumOp : Winnow_BinaryOp<"minimum", "min(x, y), NaN if either is", [Commutative]>;
def Winnow_AndOp : Winnow_BinaryOp<"and", "x and y, bitwise on integers", [Commutative],
                                   Winnow_IntTensor>;
def Winnow_OrOp : Winnow_BinaryOp<"or", "x or y, bitwise on integers", [Commutative],
                                   Winnow_IntTensor>;
def Winnow_XorOp : Winnow_BinaryOp<"xor", "x xor y, bitwise on integers", [Commutative],
                                   Winnow_IntTensor>;
def Winnow_ShiftLeftOp : Winnow_BinaryOp<
    "shift_left", "x 2^y modulo 2^width, for unsigned integers", [], Winnow_IntTensor>;
def Winnow_ShiftRightOp : Winnow_BinaryOp<
    "shift_right", "floor(x / 2^y), for unsigned integers", [], Winnow_IntTensor>;

def Winnow_CompareOp : Winnow_ElementwiseOp<"compare",
    (ins Winnow_ComparePredicateAttr:$predicate, Winnow_NumberTensor:$lhs,
     Winnow_NumberTensor:$rhs)> {
  let summary = "compares two elements; the result is boolean";
  let description = [{
    IEEE ordered comparison for floats (`ne` is unordered), signed or unsigned
    by the element type for integers. C1: the operands' element types match.
    C2: their shapes broadcast.
  }];
  let assemblyFormat = "$predicate $lhs `,` $rhs attr-dict `:` functional-type(operands, results)";
}

def Winnow_SelectOp : Winnow_ElementwiseOp<"select",
    (ins Winnow_BoolTensor:$condition, Winnow_Tensor:$on_true, Winnow_Tensor:$on_false)> {
  let summary = "condition ? on_true : on_false";
  let description = "ONNX Where. C1: `on_true` and `on_false` have one element type. C2: the shapes broadcast.";
  let assemblyFormat = "$condition `,` $on_true `,` $on_false attr-dict `:` functional-type(operands, results)";
}

#endif // WINNOW_ELEMENTWISE_OPS_TD
