//===- WinnowBase.td - The dialect, its enums and op classes --------------===//

#ifndef WINNOW_BASE_TD
#define WINNOW_BASE_TD

include "mlir/IR/OpBase.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/OpAsmInterface.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Winnow_Dialect : Dialect {
  let name = "winnow";
  let cppNamespace = "::winnow";
  let summary = "transformer models with ONNX's meaning, as values";
  let description = [{
    Values are ranked tensors with ONNX's meaning. A dimension is static or an
    expression over the function's named symbols: a tensor type with a dynamic
    dimension carries the expressions of all its dimensions as an affine map in
    its encoding, for example

    ```mlir
    tensor<?x?x384xf32, affine_map<()[s0, s1] -> (s0, s1, 384)>>
    ```

    and the function lists what the symbols are in `winnow.symbols`, an array of
    `{name = "batch", min = 1, max = 64}`. Two dimensions are equal when their
    expressions are; no pass guesses.
  }];
  let hasConstantMaterializer = 1;
  let useDefaultAttributePrinterParser = 1;
  let dependentDialects = ["::mlir::arith::ArithDialect", "::mlir::math::MathDialect"];
}

/// Elements that ops compute with.
def Winnow_Float : AnyTypeOf<[F16, BF16, F32, F64], "floating-point">;
def Winnow_Integer : AnyTypeOf<[I1, I8, I16, I32, I64, UI8, UI16, UI32, UI64], "integer">;
/// Elements that are stored, moved and cast, no more (see StorageTypes.h).
def Winnow_Storage : AnyTypeOf<[F8E4M3FN, F8E4M3FNUZ, F8E5M2, F8E5M2FNUZ, F8E8M0FNU, F4E2M1FN,
                                I<2>, UI<2>, I<4>, UI<4>], "storage">;

/// A tensor of known rank of any of these; booleans are i1.
def Winnow_Tensor : RankedTensorOf<[Winnow_Float, Winnow_Integer, Winnow_Storage]>;
def Winnow_NumberTensor : RankedTensorOf<[Winnow_Float, Winnow_Integer]>;
def Winnow_FloatTensor : RankedTensorOf<[Winnow_Float]>;
def Winnow_BoolTensor : RankedTensorOf<[I1]>;
def Winnow_IntTensor : RankedTensorOf<[Winnow_Integer]>;

//===----------------------------------------------------------------------===//
// Enums
//===----------------------------------------------------------------------===//

class Winnow_Enum<string name, string summary, list<I32EnumAttrCase> cases>
    : I32EnumAttr<name, summary, cases> {
  let cppNamespace = "::winnow";
  let genSpecializedAttr = 0;
}

def Winnow_ComparePredicate : Winnow_Enum<"ComparePredicate", "how two elements compare", [
  I32EnumAttrCase<"EQ", 0, "eq">, I32EnumAttrCase<"NE", 1, "ne">,
  I32EnumAttrCase<"LT", 2, "lt">, I32EnumAttrCase<"LE", 3, "le">,
  I32EnumAttrCase<"GT", 4, "gt">, I32EnumAttrCase<"GE", 5, "ge">]>;
def Winnow_ComparePredicateAttr : EnumAttr<Winnow_Dialect, Winnow_ComparePredicate, "predicate">;

def Winnow_ReduceKind : Winnow_Enum<"ReduceKind", "how a reduction combines elements", [
  I32EnumAttrCase<"Sum", 0, "sum">, I32EnumAttrCase<"Mean", 1, "mean">,
  I32EnumAttrCase<"Max", 2, "max">, I32EnumAttrCase<"Min", 3, "min">,
  I32EnumAttrCase<"Prod", 4, "prod">]>;
def Winnow_ReduceKindAttr : EnumAttr<Winnow_Dialect, Winnow_ReduceKind, "reduce_kind">;

def Winnow_ScatterReduction : Winnow_Enum<"ScatterReduction", "how an update meets what is there", [
  I32EnumAttrCase<"None", 0, "none">, I32EnumAttrCase<"Add", 1, "add">,
  I32EnumAttrCase<"Mul", 2, "mul">, I32EnumAttrCase<"Max", 3, "max">,
  I32EnumAttrCase<"Min", 4, "min">]>;
def Winnow_ScatterReductionAttr
    : EnumAttr<Winnow_Dialect, Winnow_ScatterReduction, "scatter_reduction">;

def Winnow_RandomKind : Winnow_Enum<"RandomKind", "how random numbers are distributed", [
  I32EnumAttrCase<"Bits", 0, "bits">, I32EnumAttrCase<"Uniform", 1, "uniform">,
  I32EnumAttrCase<"Normal", 2, "normal">]>;
def Winnow_RandomKindAttr : EnumAttr<Winnow_Dialect, Winnow_RandomKind, "random_kind">;

def Winnow_Activation : Winnow_Enum<"Activation", "an activation fused into a linear layer", [
  I32EnumAttrCase<"None", 0, "none">, I32EnumAttrCase<"Relu", 1, "relu">,
  I32EnumAttrCase<"Gelu", 2, "gelu">, I32EnumAttrCase<"GeluTanh", 3, "gelu_tanh">,
  I32EnumAttrCase<"Tanh", 4, "tanh">, I32EnumAttrCase<"Sigmoid", 5, "sigmoid">,
  I32EnumAttrCase<"Silu", 6, "silu">, I32EnumAttrCase<"QuickGelu", 7, "quick_gelu">,
  I32EnumAttrCase<"SquaredRelu", 8, "squared_relu">,
  I32EnumAttrCase<"GroupRational", 9, "group_rational">]>;
def Winnow_ActivationAttr : EnumAttr<Winnow_Dialect, Winnow_Activation, "activation">;

def Winnow_DenominatorKind : Winnow_Enum<"DenominatorKind", "how a rational function divides", [
  I32EnumAttrCase<"AbsSum", 0, "abs_sum">, I32EnumAttrCase<"SumAbsAbsX", 1, "sum_abs_absx">,
  I32EnumAttrCase<"SumAbsSigned", 2, "sum_abs_signed">,
  I32EnumAttrCase<"Polynomial", 3, "polynomial">]>;

def Winnow_RationalAttr : AttrDef<Winnow_Dialect, "Rational"> {
  let mnemonic = "rational";
  let summary = "rational functions P(x) / Q(x), one for each group of channels";
  let description = [{
    The functions of Kolmogorov-Arnold transformers (arXiv 2409.10594):
    `P(x) = a_0 + a_1 x + ... + a_m x^m`, and by `kind`

    | kind | Q(x) |
    |---|---|
    | `abs_sum` | `1 + abs(b_1 x + ... + b_n x^n)` |
    | `sum_abs_absx` | `1 + abs(b_1) abs(x) + ... + abs(b_n) abs(x)^n` |
    | `sum_abs_signed` | `1 + abs(b_1) x + ... + abs(b_n) x^n` |
    | `polynomial` | `1 + b_1 x + ... + b_n x^n` |

    The first two are never below 1; the others can reach 0. No two are the same
    function, and nothing converts one into another.

    `numerator` is [1, m + 1] or [groups, m + 1], `denominator` [1, n] or [groups, n].
    C1: both have rank 2 and at least one column. C2: both are of f32, or both of
    f64. C3: their numbers of rows are equal, or one of them is 1.
  }];
  let parameters = (ins EnumParameter<Winnow_DenominatorKind>:$kind,
      "::mlir::DenseElementsAttr":$numerator, "::mlir::DenseElementsAttr":$denominator);
  let assemblyFormat = "`<` $kind `,` $numerator `,` $denominator `>`";
  let genVerifyDecl = 1;
  let extraClassDeclaration = [{
    int64_t getNumGroups() const;
    /// m and n.
    int64_t getNumeratorDegree() const;
    int64_t getDenominatorDegree() const;
    /// The coefficients of a group, from the constant up; those of the denominator
    /// begin with its 1, and are absolute where the kind takes them so.
    ::llvm::SmallVector<double> getNumeratorOf(int64_t group) const;
    ::llvm::SmallVector<double> getDenominatorOf(int64_t group) const;
  }];
}

//===----------------------------------------------------------------------===//
// Interfaces
//===----------------------------------------------------------------------===//

def Winnow_ElementwiseOpInterface : OpInterface<"ElementwiseOpInterface"> {
  let cppNamespace = "::winnow";
  let description = [{
    One result whose element at each index depends only on the operands'
    elements at that index, after numpy broadcasting.
  }];
  let methods = [
    InterfaceMethod<[{
        Emits the scalar computation of one element with upstream arith and
        math ops. `scalars` are one element of each operand.
      }],
      "::mlir::Value", "emitScalar",
      (ins "::mlir::OpBuilder &":$builder, "::mlir::ValueRange":$scalars)>,
  ];
}

//===----------------------------------------------------------------------===//
// Op classes
//===----------------------------------------------------------------------===//

class Winnow_Op<string mnemonic, list<Trait> traits = []>
    : Op<Winnow_Dialect, mnemonic, traits>;

/// A pure op whose result types follow from its operands and attributes, by
/// `static FailureOr<RankedTensorType> inferType(location, adaptor)`; the
/// verifier compares the written type with it.
class Winnow_InferOp<string mnemonic, list<Trait> traits = []>
    : Winnow_Op<mnemonic, !listconcat([Pure,
        DeclareOpInterfaceMethods<InferTypeOpInterface>], traits)> {
  let extraClassDeclaration = [{
    /// The result type, or an error at `loc` that says why there is none.
    static ::mlir::FailureOr<::mlir::RankedTensorType>
    inferType(std::optional<::mlir::Location> loc, Adaptor adaptor);
  }];
}

/// Elementwise with numpy broadcasting; the result has the operands' element
/// type. An op is one line here and one line in ElementwiseOps.cpp.
class Winnow_ElementwiseOp<string mnemonic, dag args, list<Trait> traits = []>
    : Winnow_InferOp<mnemonic, !listconcat(traits,
        [DeclareOpInterfaceMethods<Winnow_ElementwiseOpInterface>])> {
  let arguments = args;
  let results = (outs Winnow_Tensor:$result);
}

class Winnow_UnaryOp<string mnemonic, string formula, TypeConstraint type = Winnow_NumberTensor>
    : Winnow_ElementwiseOp<mnemonic, (ins type:$input)> {
  let summary = formula;
  let description = "For every element `x`: `" # formula # "`.";
  let assemblyFormat = "$input attr-dict `:` functional-type(operands, results)";
}

class Winnow_BinaryOp<string mnemonic, string formula, list<Trait> traits = [],
                      TypeConstraint type = Winnow_NumberTensor>
    : Winnow_ElementwiseOp<mnemonic, (ins type:$lhs, type:$rhs), traits> {
  let summary = formula;
  let description = "For every pair `x`, `y` after broadcasting: `" # formula #
      "`. C1: the operands' element types match. C2: their shapes broadcast.";
  let assemblyFormat = "$lhs `,` $rhs attr-dict `:` functional-type(operands, results)";
}

#endif // WINNOW_BASE_TD
