#include "InferType.h"
#include "winnow/Dialect/Winnow/IR/Rational.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/PatternMatch.h"
#include <cmath>

using namespace mlir;
using namespace winnow;

//===----------------------------------------------------------------------===//
// RationalAttr
//===----------------------------------------------------------------------===//

LogicalResult RationalAttr::verify(function_ref<InFlightDiagnostic()> emitError, DenominatorKind,
                                   DenseElementsAttr numerator, DenseElementsAttr denominator) {
  ShapedType a = numerator.getType(), b = denominator.getType();
  if (a.getRank() != 2 || b.getRank() != 2 || a.getDimSize(1) < 1 || b.getDimSize(1) < 1 ||
      a.getDimSize(0) < 1 || b.getDimSize(0) < 1)
    return emitError() << "expected coefficients of shape [groups, degrees], got " << a << " and "
                       << b;
  Type element = a.getElementType();
  if (element != b.getElementType() || (!element.isF32() && !element.isF64()))
    return emitError() << "expected coefficients of f32 or f64, got " << element << " and "
                       << b.getElementType();
  if (a.getDimSize(0) != b.getDimSize(0) && a.getDimSize(0) != 1 && b.getDimSize(0) != 1)
    return emitError() << "expected as many numerators as denominators, or one, got "
                       << a.getDimSize(0) << " and " << b.getDimSize(0);
  return success();
}

int64_t RationalAttr::getNumGroups() const {
  return std::max(getNumerator().getType().getDimSize(0), getDenominator().getType().getDimSize(0));
}
int64_t RationalAttr::getNumeratorDegree() const {
  return getNumerator().getType().getDimSize(1) - 1;
}
int64_t RationalAttr::getDenominatorDegree() const {
  return getDenominator().getType().getDimSize(1);
}

static SmallVector<double> getRow(DenseElementsAttr matrix, int64_t row) {
  int64_t rows = matrix.getType().getDimSize(0), columns = matrix.getType().getDimSize(1);
  auto values = matrix.getValues<APFloat>();
  SmallVector<double> result;
  for (int64_t i = 0; i < columns; ++i)
    result.push_back(values[(rows == 1 ? 0 : row) * columns + i].convertToDouble());
  return result;
}

SmallVector<double> RationalAttr::getNumeratorOf(int64_t group) const {
  return getRow(getNumerator(), group);
}

SmallVector<double> RationalAttr::getDenominatorOf(int64_t group) const {
  SmallVector<double> row = getRow(getDenominator(), group);
  if (getKind() == DenominatorKind::SumAbsAbsX || getKind() == DenominatorKind::SumAbsSigned)
    for (double &coefficient : row)
      coefficient = std::fabs(coefficient);
  row.insert(row.begin(), 1.0);
  return row;
}

//===----------------------------------------------------------------------===//
// Evaluation
//===----------------------------------------------------------------------===//

double winnow::evaluateRational(DenominatorKind kind, ArrayRef<double> numerator,
                                ArrayRef<double> denominator, double x) {
  auto horner = [](ArrayRef<double> coefficients, double at) {
    double sum = 0;
    for (double coefficient : llvm::reverse(coefficients))
      sum = sum * at + coefficient;
    return sum;
  };
  if (kind == DenominatorKind::AbsSum)
    return horner(numerator, x) / (1 + std::fabs(x * horner(denominator.drop_front(), x)));
  return horner(numerator, x) /
         horner(denominator, kind == DenominatorKind::SumAbsAbsX ? std::fabs(x) : x);
}

Value winnow::emitRational(OpBuilder &b, Location loc, DenominatorKind kind, Value x,
                           ArrayRef<Value> numerator, ArrayRef<Value> denominator) {
  // Where the target fuses them, LLVM makes one operation of the two.
  auto contract = arith::FastMathFlags::contract;
  auto fma = [&](Value a, Value c, Value d) -> Value {
    Value product = arith::MulFOp::create(b, loc, a, c, contract);
    return arith::AddFOp::create(b, loc, product, d, contract);
  };
  auto horner = [&](Value at, ArrayRef<Value> coefficients) {
    Value sum = coefficients.back();
    for (Value coefficient : llvm::reverse(coefficients.drop_back()))
      sum = fma(sum, at, coefficient);
    return sum;
  };
  TypedAttr one = b.getFloatAttr(getElementTypeOrSelf(x), 1.0);
  if (auto vector = dyn_cast<VectorType>(x.getType()))
    one = DenseElementsAttr::get(vector, Attribute(one));
  Value unit = arith::ConstantOp::create(b, loc, one), quotient;
  if (kind == DenominatorKind::AbsSum) {
    Value sum = arith::MulFOp::create(b, loc, x, horner(x, denominator));
    quotient = arith::AddFOp::create(b, loc, math::AbsFOp::create(b, loc, sum), unit);
  } else {
    Value base = kind == DenominatorKind::SumAbsAbsX ? math::AbsFOp::create(b, loc, x) : x;
    quotient = fma(horner(base, denominator), base, unit);
  }
  return arith::DivFOp::create(b, loc, horner(x, numerator), quotient);
}

//===----------------------------------------------------------------------===//
// GroupRationalOp
//===----------------------------------------------------------------------===//

LogicalResult winnow::checkGroups(std::optional<Location> loc, RationalAttr rational, Type type) {
  int64_t groups = rational.getNumGroups();
  if (groups == 1)
    return success();
  Dims dims = getDims(type);
  if (dims.empty())
    return emitOptionalError(loc, "expected a value of rank 1 or more, got rank 0");
  std::optional<int64_t> size = getConstantDim(dims.back());
  if (!size || *size % groups)
    return emitOptionalError(loc, "expected the last dimension to be a multiple of ", groups,
                             " groups, got ", toString(dims.back()));
  return success();
}

FailureOr<RankedTensorType> GroupRationalOp::inferType(std::optional<Location> loc,
                                                       Adaptor adaptor) {
  auto type = cast<RankedTensorType>(adaptor.getInput().getType());
  if (failed(checkGroups(loc, adaptor.getRational(), type)))
    return failure();
  return type;
}
WINNOW_DEFINE_INFER_RETURN_TYPES(GroupRationalOp)

/// x / 1 in every group.
static bool isIdentity(RationalAttr rational) {
  for (int64_t group = 0; group < rational.getNumGroups(); ++group) {
    SmallVector<double> numerator = rational.getNumeratorOf(group);
    SmallVector<double> denominator = rational.getDenominatorOf(group);
    for (auto [i, coefficient] : llvm::enumerate(numerator))
      if (coefficient != (i == 1))
        return false;
    if (llvm::any_of(ArrayRef(denominator).drop_front(), [](double b) { return b != 0; }))
      return false;
    if (numerator.size() < 2)
      return false;
  }
  return true;
}

OpFoldResult GroupRationalOp::fold(FoldAdaptor) {
  return isIdentity(getRational()) ? OpFoldResult(getInput()) : nullptr;
}

/// The first row, if all are equal to it.
static DenseElementsAttr shareRows(DenseElementsAttr matrix) {
  int64_t rows = matrix.getType().getDimSize(0), columns = matrix.getType().getDimSize(1);
  SmallVector<APFloat> values(matrix.getValues<APFloat>());
  for (int64_t i = columns; i < rows * columns; ++i)
    if (!values[i].bitwiseIsEqual(values[i - columns]))
      return matrix;
  values.truncate(columns);
  auto type = RankedTensorType::get({1, columns}, matrix.getElementType());
  return DenseElementsAttr::get(type, values);
}

/// Neighbours that share their function in pairs, triples and so on are one group.
static DenseElementsAttr dropRepeats(DenseElementsAttr matrix, int64_t times) {
  int64_t rows = matrix.getType().getDimSize(0), columns = matrix.getType().getDimSize(1);
  if (rows == 1)
    return matrix;
  SmallVector<APFloat> values(matrix.getValues<APFloat>()), kept;
  for (int64_t row = 0; row < rows; row += times)
    kept.append(values.begin() + row * columns, values.begin() + (row + 1) * columns);
  return DenseElementsAttr::get(
      RankedTensorType::get({rows / times, columns}, matrix.getElementType()), kept);
}

/// The length of the runs of equal rows that the groups fall into.
static int64_t getRepeats(RationalAttr rational) {
  int64_t groups = rational.getNumGroups(), repeats = groups, run = 1;
  auto isSame = [&](int64_t a, int64_t b) {
    for (DenseElementsAttr matrix : {rational.getNumerator(), rational.getDenominator()}) {
      if (matrix.getType().getDimSize(0) == 1)
        continue;
      int64_t columns = matrix.getType().getDimSize(1);
      auto values = matrix.getValues<APFloat>();
      for (int64_t i = 0; i < columns; ++i)
        if (!values[a * columns + i].bitwiseIsEqual(values[b * columns + i]))
          return false;
    }
    return true;
  };
  for (int64_t group = 1; group < groups; ++group, ++run)
    if (!isSame(group - 1, group)) {
      repeats = std::gcd(repeats, run);
      run = 0;
    }
  return std::gcd(repeats, run);
}

namespace {
/// Groups of equal functions are one.
struct ShareCoefficients : OpRewritePattern<GroupRationalOp> {
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite(GroupRationalOp op, PatternRewriter &rewriter) const override {
    RationalAttr rational = op.getRational();
    DenseElementsAttr numerator = shareRows(rational.getNumerator());
    DenseElementsAttr denominator = shareRows(rational.getDenominator());
    auto shared = RationalAttr::get(op.getContext(), rational.getKind(), numerator, denominator);
    if (int64_t repeats = getRepeats(shared); repeats > 1)
      shared =
          RationalAttr::get(op.getContext(), rational.getKind(), dropRepeats(numerator, repeats),
                            dropRepeats(denominator, repeats));
    if (shared == rational)
      return rewriter.notifyMatchFailure(op, "neighbouring groups differ");
    rewriter.modifyOpInPlace(op, [&] { op.setRationalAttr(shared); });
    return success();
  }
};
} // namespace

void GroupRationalOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                                  MLIRContext *context) {
  patterns.add<ShareCoefficients>(context);
}

//===----------------------------------------------------------------------===//
// Bases
//===----------------------------------------------------------------------===//

/// [.., D] to [.., K, D], with rows of f32 parameters for all channels or for each.
static FailureOr<RankedTensorType> inferBasis(std::optional<Location> loc, Value input,
                                              ElementsAttr rows, StringRef what, int64_t fewer,
                                              std::optional<ElementsAttr> coefficients) {
  Dims dims = getDims(input);
  if (dims.empty())
    return emitOptionalError(loc, "expected an input of rank 1 or more, got rank 0");
  ShapedType type = rows.getShapedType();
  if (type.getRank() != 2 || !type.getElementType().isF32() || !isa<DenseElementsAttr>(rows))
    return emitOptionalError(loc, "expected ", what, " to be dense f32 of rank 2, got ", type);
  int64_t channels = type.getDimSize(0), bases = type.getDimSize(1) - fewer;
  if (channels != 1 && getConstantDim(dims.back()) != channels)
    return emitOptionalError(loc, "expected ", what, " for 1 channel or ", toString(dims.back()),
                             ", got ", channels);
  if (bases < 1)
    return emitOptionalError(loc, "expected at least ", fewer + 1, " ", what, " a channel, got ",
                             type.getDimSize(1));
  if (coefficients) {
    ShapedType sums = coefficients->getShapedType();
    if (sums.getRank() != 2 || !sums.getElementType().isF32() ||
        !isa<DenseElementsAttr>(*coefficients) || sums.getDimSize(1) != bases ||
        (sums.getDimSize(0) != 1 && getConstantDim(dims.back()) != sums.getDimSize(0)))
      return emitOptionalError(loc, "expected dense f32 coefficients of shape [1 or ",
                               toString(dims.back()), ", ", bases, "], got ", sums);
    return cast<RankedTensorType>(input.getType());
  }
  dims.insert(dims.end() - 1, getAffineConstantExpr(bases, input.getContext()));
  return getTensorType(dims, getElementTypeOrSelf(input), getNumSymbols(input.getType()));
}

FailureOr<RankedTensorType> BSplineOp::inferType(std::optional<Location> loc, Adaptor adaptor) {
  if (adaptor.getDegree() < 1)
    return emitOptionalError(loc, "expected a degree of 1 or more, got ",
                             int64_t(adaptor.getDegree()));
  FailureOr<RankedTensorType> type =
      inferBasis(loc, adaptor.getInput(), adaptor.getKnots(), "knots", adaptor.getDegree() + 1,
                 adaptor.getCoefficients());
  if (failed(type))
    return failure();
  int64_t columns = adaptor.getKnots().getShapedType().getDimSize(1);
  float previous = 0;
  for (auto [i, knot] :
       llvm::enumerate(cast<DenseElementsAttr>(adaptor.getKnots()).getValues<float>())) {
    if (i % columns && !(previous < knot))
      return emitOptionalError(loc, "expected the knots of a channel to increase, got ", previous,
                               " before ", knot);
    previous = knot;
  }
  return type;
}
WINNOW_DEFINE_INFER_RETURN_TYPES(BSplineOp)

FailureOr<RankedTensorType> GaussianBasisOp::inferType(std::optional<Location> loc,
                                                       Adaptor adaptor) {
  return inferBasis(loc, adaptor.getInput(), adaptor.getCenters(), "centers", 0,
                    adaptor.getCoefficients());
}
WINNOW_DEFINE_INFER_RETURN_TYPES(GaussianBasisOp)
