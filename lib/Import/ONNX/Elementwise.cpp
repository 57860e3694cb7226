#include "OpTable.h"
#include "winnow/Dialect/Winnow/IR/StorageTypes.h"

using namespace mlir;

namespace winnow::import {

//===----------------------------------------------------------------------===//
// Shape arithmetic
//===----------------------------------------------------------------------===//

/// Computes one element of a known tensor; null if it is not known for all sizes.
using Evaluate = AffineExpr (*)(OpImporter &, ArrayRef<AffineExpr>);

/// Sentinels such as INT64_MAX are compared and passed on, not computed with.
static bool isSmall(ArrayRef<AffineExpr> x) {
  return llvm::all_of(x, [](AffineExpr expr) {
    std::optional<int64_t> value = getConstantDim(expr);
    return !value || (*value >= -(int64_t(1) << 31) && *value <= (int64_t(1) << 31));
  });
}

static AffineExpr makeBool(std::optional<bool> value, AffineExpr like) {
  return value ? getAffineConstantExpr(*value, like.getContext()) : AffineExpr();
}

static AffineExpr evalAdd(OpImporter &, ArrayRef<AffineExpr> x) {
  return isSmall(x) ? x[0] + x[1] : AffineExpr();
}
static AffineExpr evalSub(OpImporter &, ArrayRef<AffineExpr> x) {
  return isSmall(x) ? x[0] - x[1] : AffineExpr();
}
static AffineExpr evalMul(OpImporter &, ArrayRef<AffineExpr> x) {
  return isSmall(x) ? x[0] * x[1] : AffineExpr();
}
static AffineExpr evalDiv(OpImporter &n, ArrayRef<AffineExpr> x) {
  std::optional<int64_t> dividend = getConstantDim(x[0]), divisor = getConstantDim(x[1]);
  if (!isSmall(x) || divisor == 0)
    return nullptr;
  if (dividend && divisor)
    return getAffineConstantExpr(*dividend / *divisor, x[0].getContext());
  if (AffineExpr exact = divideDim(x[0], x[1]))
    return exact;
  // ONNX truncates, floordiv rounds down: the same where nothing is negative.
  if (divisor && *divisor > 0 && n.symbols.isNonNegative(x[0]) == true)
    return x[0].floorDiv(*divisor);
  return nullptr;
}
static AffineExpr evalMod(OpImporter &, ArrayRef<AffineExpr> x) {
  std::optional<int64_t> divisor = getConstantDim(x[1]);
  return isSmall(x) && divisor && *divisor > 0 ? x[0] % *divisor : AffineExpr();
}
static AffineExpr evalPow(OpImporter &, ArrayRef<AffineExpr> x) {
  std::optional<int64_t> exponent = getConstantDim(x[1]);
  if (!exponent || *exponent < 0 || *exponent > 4 || !isSmall(x))
    return nullptr;
  AffineExpr result = getAffineConstantExpr(1, x[0].getContext());
  for (int64_t i = 0; i < *exponent; ++i)
    result = isSmall({result}) ? result * x[0] : AffineExpr(x[0]);
  return result;
}
static AffineExpr evalMax(OpImporter &n, ArrayRef<AffineExpr> x) {
  std::optional<bool> less = n.symbols.isLess(x[0], x[1]);
  if (less)
    return *less ? x[1] : x[0];
  // A broadcast size as dynamo writes it: max(batch, 1). An empty dimension
  // would not broadcast.
  for (size_t i : {0, 1})
    if (isa<AffineSymbolExpr>(x[i]) && isConstantDim(x[1 - i], 1) &&
        n.symbols.requireNonNegative(x[i] - 1, "node " + n.name + " (Max) takes it for a size"))
      return x[i];
  return n.symbols.isNonNegative(x[1] - x[0]) == true ? x[1] : AffineExpr();
}
static AffineExpr evalMin(OpImporter &n, ArrayRef<AffineExpr> x) {
  // The size of a slice as dynamo writes it: min(4, tokens).
  for (size_t i : {0, 1})
    if (std::optional<int64_t> prefix = getConstantDim(x[1 - i]);
        prefix && isa<AffineSymbolExpr>(x[i]) && *prefix > 0 && *prefix <= kShortPrefix &&
        n.symbols.requireNonNegative(x[i] - *prefix,
                                     "node " + n.name + " (Min) takes that many elements"))
      return x[1 - i];
  AffineExpr max = evalMax(n, x);
  if (!max)
    return nullptr;
  return max == x[0] ? x[1] : x[0];
}
static AffineExpr evalEqual(OpImporter &n, ArrayRef<AffineExpr> x) {
  // TorchScript's expand compares sizes with -1, "keep": sizes are not negative.
  if (isConstantDim(x[1], -1))
    n.symbols.requireNonNegative(x[0], "node " + n.name + " (Equal) takes it for a size");
  return makeBool(n.symbols.isEqual(x[0], x[1]), x[0]);
}
static AffineExpr evalLess(OpImporter &n, ArrayRef<AffineExpr> x) {
  return makeBool(n.symbols.isLess(x[0], x[1]), x[0]);
}
static AffineExpr evalGreater(OpImporter &n, ArrayRef<AffineExpr> x) {
  return makeBool(n.symbols.isLess(x[1], x[0]), x[0]);
}
static AffineExpr evalLessOrEqual(OpImporter &n, ArrayRef<AffineExpr> x) {
  return makeBool(n.symbols.isNonNegative(x[1] - x[0]), x[0]);
}
static AffineExpr evalGreaterOrEqual(OpImporter &n, ArrayRef<AffineExpr> x) {
  return makeBool(n.symbols.isNonNegative(x[0] - x[1]), x[0]);
}
/// A logical connective on constants.
template <typename Connective>
static AffineExpr evalLogic(OpImporter &, ArrayRef<AffineExpr> x) {
  std::optional<int64_t> a = getConstantDim(x[0]), b = getConstantDim(x[1]);
  return a && b ? getAffineConstantExpr(Connective()(*a, *b), x[0].getContext()) : AffineExpr();
}
static AffineExpr evalSelect(OpImporter &, ArrayRef<AffineExpr> x) {
  std::optional<int64_t> condition = getConstantDim(x[0]);
  return !condition ? AffineExpr() : *condition ? x[1] : x[2];
}

/// Sets the output to what `evaluate` gives if all inputs are known. The data
/// inputs, from `first`, must have one type; a mismatch is left to the op.
static bool fold(OpImporter &n, Type elementType, Evaluate evaluate, size_t first = 0) {
  // An axis aligns operands in a way of its own (see alignSecond).
  if (!evaluate || !n.areAllKnown() || n.hasAttr("axis"))
    return false;
  SmallVector<const KnownTensor *> operands;
  for (size_t i = 0; i < n.numInputs(); ++i) {
    operands.push_back(n.known(i));
    if (i > first && n.elementType(i) != n.elementType(first))
      return false;
  }
  std::optional<KnownTensor> result =
      mapElements(operands, elementType, [&](ArrayRef<AffineExpr> x) -> AffineExpr {
        AffineExpr value = x[0];
        if (first != 0 || x.size() == 1)
          return evaluate(n, x);
        for (AffineExpr next : x.drop_front())
          value = value ? evaluate(n, {value, next}) : value;
        return value;
      });
  n.setKnown(result);
  return result.has_value();
}

//===----------------------------------------------------------------------===//
// Operators
//===----------------------------------------------------------------------===//

/// The second operand as numpy broadcasts it: until opset 6 its dimensions are
/// some in the middle of the first one's, from `axis` on.
static Value alignSecond(OpImporter &n) {
  Value y = n.in(1);
  if (n.failed() || n.opset >= 7 || !n.hasAttr("axis"))
    return y;
  Dims dims = n.dims(1);
  int64_t rank = n.rank(0), axis = n.normalizeAxis(n.intAttr("axis", 0), std::max<int64_t>(rank, 1));
  int64_t after = rank - axis - static_cast<int64_t>(dims.size());
  if (after < 0) {
    n.invalid("expected an axis of at most " + Twine(rank - n.rank(1)) + ", got " + Twine(axis));
    return nullptr;
  }
  dims.append(after, n.constant(1));
  return n.reshape(y, dims);
}

template <typename OpTy, Evaluate evaluate = nullptr> static void importBinary(OpImporter &n) {
  if (!fold(n, n.elementType(0), evaluate))
    n.set(n.make<OpTy>(n.in(0), alignSecond(n)));
}

template <ComparePredicate predicate, Evaluate evaluate>
static void importCompare(OpImporter &n) {
  if (!fold(n, n.b.getI1Type(), evaluate))
    n.set(n.compare(predicate, n.in(0), alignSecond(n)));
}

/// An operator of any number of inputs, as a chain of a binary one.
template <typename OpTy, Evaluate evaluate = nullptr> static void importVariadic(OpImporter &n) {
  if (n.numInputs() == 1)
    return n.forward(0);
  if (fold(n, n.elementType(0), evaluate))
    return;
  Value result = n.in(0);
  for (size_t i = 1; i < n.numInputs(); ++i)
    result = n.make<OpTy>(result, n.in(i));
  n.set(result);
}

static void importMean(OpImporter &n) {
  Value sum = n.in(0);
  for (size_t i = 1; i < n.numInputs(); ++i)
    sum = n.make<AddOp>(sum, n.in(i));
  n.set(n.make<DivOp>(sum, n.scalarLike(sum, n.numInputs())));
}

static void importNot(OpImporter &n) {
  auto evaluate = [](OpImporter &, ArrayRef<AffineExpr> x) -> AffineExpr {
    std::optional<int64_t> value = getConstantDim(x[0]);
    return value ? getAffineConstantExpr(*value ? 0 : 1, x[0].getContext()) : AffineExpr();
  };
  if (!fold(n, n.b.getI1Type(), evaluate))
    n.set(n.make<NotOp>(n.in(0)));
}

static void importNeg(OpImporter &n) {
  auto evaluate = [](OpImporter &, ArrayRef<AffineExpr> x) -> AffineExpr {
    return isSmall(x) ? -x[0] : AffineExpr();
  };
  if (!fold(n, n.elementType(0), evaluate))
    n.set(n.make<NegOp>(n.in(0)));
}

static void importMod(OpImporter &n) {
  bool fmod = n.intAttr("fmod", 0);
  if (!fmod && fold(n, n.elementType(0), evalMod))
    return;
  Value x = n.in(0), y = n.in(1);
  if (n.failed())
    return;
  bool isFloat = isa<FloatType>(n.elementType(0));
  if (isFloat && !fmod)
    return n.invalid("expected attribute 'fmod' to be 1 for floats, got 0");
  if (isFloat || !fmod)
    return n.set(n.make<ModOp>(x, y));
  // C's remainder takes the dividend's sign.
  n.set(n.make<SubOp>(x, n.make<MulOp>(n.make<DivOp>(x, y), y)));
}

static void importPow(OpImporter &n) {
  if (fold(n, n.elementType(0), evalPow))
    return;
  Type base = n.elementType(0), exponent = n.elementType(1);
  // The result has the base's type whatever the exponent's.
  Type common = isa<FloatType>(base) || !isa<FloatType>(exponent) ? base : exponent;
  Value result = n.make<PowOp>(n.convert(n.in(0), common), n.convert(alignSecond(n), common));
  n.set(n.convert(result, base));
}

static void importWhere(OpImporter &n) {
  if (!fold(n, n.elementType(1), evalSelect, /*first=*/1))
    n.set(n.make<SelectOp>(n.in(0), n.in(1), n.in(2)));
}

/// Until opset 10 the bounds are attributes, then inputs.
static void importClip(OpImporter &n) {
  Value result = n.in(0);
  auto getBound = [&](size_t input, StringRef name) -> Value {
    if (n.opset >= 11)
      return n.in(input);
    return n.hasAttr(name) ? n.scalarLike(result, n.floatAttr(name, 0)) : Value();
  };
  if (Value min = getBound(1, "min"))
    result = n.make<MaximumOp>(result, min);
  if (Value max = getBound(2, "max"))
    result = n.make<MinimumOp>(result, max);
  n.set(result);
}

static void importIsInf(OpImporter &n) {
  bool negative = n.intAttr("detect_negative", 1), positive = n.intAttr("detect_positive", 1);
  Value x = n.convert(n.in(0), getArithmeticType(n.elementType(0)));
  if (negative && positive)
    x = n.make<AbsOp>(x);
  else if (negative)
    x = n.make<NegOp>(x);
  else if (!positive)
    return n.unsupported("IsInf that detects nothing");
  n.set(n.compare(ComparePredicate::EQ, x, n.scalarLike(x, HUGE_VAL)));
}

static void importIdentity(OpImporter &n) { n.forward(0); }

ArrayRef<OpEntry> getElementwiseOps() {
  using P = ComparePredicate;
  static const OpEntry ops[] = {
      {"Add", 1, kMaxOpset, 2, 2, importBinary<AddOp, evalAdd>},
      {"And", 1, kMaxOpset, 2, 2, importBinary<AndOp, evalLogic<std::bit_and<int64_t>>>},
      {"BitwiseAnd", 18, kMaxOpset, 2, 2, importBinary<AndOp>},
      {"BitwiseOr", 18, kMaxOpset, 2, 2, importBinary<OrOp>},
      {"BitwiseXor", 18, kMaxOpset, 2, 2, importBinary<XorOp>},
      {"Clip", 1, kMaxOpset, 1, 3, importClip},
      {"Div", 1, kMaxOpset, 2, 2, importBinary<DivOp, evalDiv>},
      {"Equal", 1, kMaxOpset, 2, 2, importCompare<P::EQ, evalEqual>},
      {"Greater", 1, kMaxOpset, 2, 2, importCompare<P::GT, evalGreater>},
      {"GreaterOrEqual", 12, kMaxOpset, 2, 2, importCompare<P::GE, evalGreaterOrEqual>},
      {"Identity", 1, kMaxOpset, 1, 1, importIdentity, 1, true},
      {"IsInf", 10, kMaxOpset, 1, 1, importIsInf},
      {"Less", 1, kMaxOpset, 2, 2, importCompare<P::LT, evalLess>},
      {"LessOrEqual", 12, kMaxOpset, 2, 2, importCompare<P::LE, evalLessOrEqual>},
      {"Max", 1, kMaxOpset, 1, kVariadic, importVariadic<MaximumOp, evalMax>},
      {"Mean", 1, kMaxOpset, 1, kVariadic, importMean},
      {"Min", 1, kMaxOpset, 1, kVariadic, importVariadic<MinimumOp, evalMin>},
      {"Mod", 10, kMaxOpset, 2, 2, importMod},
      {"Mul", 1, kMaxOpset, 2, 2, importBinary<MulOp, evalMul>},
      {"Neg", 1, kMaxOpset, 1, 1, importNeg},
      {"Not", 1, kMaxOpset, 1, 1, importNot},
      {"Or", 1, kMaxOpset, 2, 2, importBinary<OrOp, evalLogic<std::bit_or<int64_t>>>},
      {"Pow", 1, kMaxOpset, 2, 2, importPow},
      {"Sub", 1, kMaxOpset, 2, 2, importBinary<SubOp, evalSub>},
      {"Sum", 1, kMaxOpset, 1, kVariadic, importVariadic<AddOp, evalAdd>},
      {"Where", 9, kMaxOpset, 3, 3, importWhere},
      {"Xor", 1, kMaxOpset, 2, 2, importBinary<XorOp, evalLogic<std::bit_xor<int64_t>>>},
  };
  return ops;
}

} // namespace winnow::import
