//===- Math.cpp - Elementary functions as straight-line arithmetic --------===//
//
// Coefficients come from tools/fit-math.py.
//
//===----------------------------------------------------------------------===//

#include "winnow/Codegen/CPU/Kernels/Math.h"

#include "Emitter.h"

using namespace mlir;

namespace winnow::cpu {
namespace {

constexpr double exp2Poly[] = {
    2.0000000000e+00, 1.3862944057e+00, 4.8045295827e-01, 1.1100664942e-01,
    1.9236874715e-02, 2.6797748828e-03, 3.0706723820e-04};
constexpr double fastExp2Poly[] = {2.0000000000e+00, 1.3862939552e+00,
                                   4.8044484171e-01, 1.1101467487e-01,
                                   1.9343025290e-02, 2.6529454247e-03};
constexpr double expPoly[] = {
    2.0000000000e+00, 2.0000000647e+00, 9.9999988348e-01, 3.3332860675e-01,
    8.3336014843e-02, 1.6748471892e-02, 2.7687119571e-03};
constexpr double erfNum[] = {1.1283791461e+00, 1.9040583413e-01,
                             5.2748634945e-02, 3.7655894145e-03,
                             2.8488206064e-04, 2.0500910044e-06};
constexpr double erfDen[] = {1.0000000000e+00, 5.0207551794e-01,
                             1.1410884649e-01, 1.4969160330e-02,
                             1.1625288147e-03, 3.8091720141e-05};
constexpr double tanhNum[] = {9.9999997903e-01, 1.3379711359e-01,
                              3.4940267000e-03, 2.0583352142e-05,
                              1.3318897106e-08};
constexpr double tanhDen[] = {1.0000000000e+00, 4.6713026604e-01,
                              2.5871043389e-02, 3.2830799694e-04,
                              7.7619468405e-07};
constexpr double logPoly[] = {
    3.3333312604e-01,  -2.5000009599e-01, 2.0002118658e-01,
    -1.6667995857e-01, 1.4219552382e-01,  -1.2405588885e-01,
    1.1888162096e-01,  -1.1675651965e-01, 6.7466410496e-02};

constexpr double log2E = 1.4426950408889634;
// ln 2 in two parts; n * ln2High is exact for |n| < 2^8.
constexpr double ln2High = 0.693359375;
constexpr double ln2Low = -2.12194440054690583e-4;

/// The i32 type of `type`'s shape.
Type bitsOf(Type type) {
  Type i32 = IntegerType::get(type.getContext(), 32);
  if (auto vector = dyn_cast<VectorType>(type))
    return VectorType::get(vector.getShape(), i32);
  return i32;
}

Value intSplat(Emitter &e, int32_t value, Type type) {
  TypedAttr attr = e.getI32IntegerAttr(value);
  if (auto vector = dyn_cast<VectorType>(type))
    attr = DenseElementsAttr::get(vector, Attribute(attr));
  return arith::ConstantOp::create(e, attr);
}

Value horner(Emitter &e, Value x, ArrayRef<double> coefficients) {
  Value result = e.real(coefficients.back(), x.getType());
  for (double c : llvm::reverse(coefficients.drop_back()))
    result = e.fma(result, x, e.real(c, x.getType()));
  return result;
}

/// The bound on the left, or x where it lies above or is NaN: one maxps.
Value atLeast(Emitter &e, double bound, Value x) {
  Value limit = e.real(bound, x.getType());
  Value below =
      arith::CmpFOp::create(e, arith::CmpFPredicate::OLT, x, limit);
  return arith::SelectOp::create(e, below, limit, x);
}
Value atMost(Emitter &e, double bound, Value x) {
  Value limit = e.real(bound, x.getType());
  Value above =
      arith::CmpFOp::create(e, arith::CmpFPredicate::OGT, x, limit);
  return arith::SelectOp::create(e, above, limit, x);
}

/// Adding this number rounds to an integer n and leaves n + 126 in the low
/// bits: shifted into the exponent field they are 2^(n-1), 0 for n = -126,
/// and infinity for n = 129. The missing factor of two is in the polynomials,
/// so that n = 128 does not overflow too early.
constexpr double roundMagic = 12582912.0 + 126.0;

struct Rounded {
  Value integer; ///< n, as a float
  Value scale;   ///< 2^(n-1)
};

Rounded roundToScale(Emitter &e, Value shifted) {
  Type type = shifted.getType(), bits = bitsOf(type);
  Value integer = e.subF(shifted, e.real(roundMagic, type));
  Value pattern = arith::BitcastOp::create(e, bits, shifted);
  Value field =
      arith::ShLIOp::create(e, pattern, intSplat(e, 23, bits));
  return {integer, arith::BitcastOp::create(e, type, field)};
}

Value exp2Of(Emitter &e, Value x, ArrayRef<double> coefficients) {
  Rounded n = roundToScale(e, e.addF(x, e.real(roundMagic, x.getType())));
  Value fraction = e.subF(x, n.integer);
  return e.mulF(horner(e, fraction, coefficients), n.scale);
}

/// x P(x^2) / Q(x^2) between the bounds, where it lies a little beyond 1: the
/// result is clamped and exactly 1 from there on.
Value oddRational(Emitter &e, Value x, double bound, ArrayRef<double> num,
                  ArrayRef<double> den) {
  x = atMost(e, bound, atLeast(e, -bound, x));
  Value square = e.mulF(x, x);
  Value top = e.mulF(x, horner(e, square, num));
  Value result = e.divF(top, horner(e, square, den));
  return atMost(e, 1.0, atLeast(e, -1.0, result));
}

Value one(Emitter &e, Value like) { return e.real(1.0, like.getType()); }

} // namespace

Value emitExp2(OpBuilder &builder, Location loc, Value x) {
  Emitter e(loc, builder);
  return exp2Of(e, atMost(e, 129.0, atLeast(e, -126.0, x)), exp2Poly);
}

Value emitExp2NonPositive(OpBuilder &builder, Location loc, Value x) {
  Emitter e(loc, builder);
  return exp2Of(e, atLeast(e, -126.0, x), fastExp2Poly);
}

Value emitExp(OpBuilder &builder, Location loc, Value x) {
  Emitter e(loc, builder);
  Type type = x.getType();
  x = atMost(e, 89.4, atLeast(e, -87.4, x));
  Rounded n = roundToScale(
      e, e.fma(x, e.real(log2E, type), e.real(roundMagic, type)));
  Value rest = e.fma(n.integer, e.real(-ln2High, type), x);
  rest = e.fma(n.integer, e.real(-ln2Low, type), rest);
  return e.mulF(horner(e, rest, expPoly), n.scale);
}

Value emitLog(OpBuilder &builder, Location loc, Value x) {
  Emitter e(loc, builder);
  Type type = x.getType(), bits = bitsOf(type);
  auto compare = [&](arith::CmpFPredicate predicate, double bound) -> Value {
    return arith::CmpFOp::create(e, predicate, x, e.real(bound, type));
  };
  // Subnormal numbers are scaled into the normal range.
  Value tiny = compare(arith::CmpFPredicate::OLT, 0x1p-126);
  Value normal = arith::SelectOp::create(
      e, tiny, e.mulF(x, e.real(0x1p23, type)), x);
  Value bias = arith::SelectOp::create(e, tiny, e.real(-23.0, type),
                                       e.real(0.0, type));
  // x = 2^n (1 + f) with 1 + f in [sqrt(1/2), sqrt(2)).
  Value pattern = arith::BitcastOp::create(e, bits, normal);
  Value offset =
      arith::SubIOp::create(e, pattern, intSplat(e, 0x3f3504f3, bits));
  Value exponent =
      arith::ShRSIOp::create(e, offset, intSplat(e, 23, bits));
  Value cleared = arith::SubIOp::create(
      e, pattern,
      arith::ShLIOp::create(e, exponent, intSplat(e, 23, bits)));
  Value f = e.subF(arith::BitcastOp::create(e, type, cleared), one(e, x));
  Value n =
      e.addF(arith::SIToFPOp::create(e, type, exponent), bias);
  Value square = e.mulF(f, f);
  Value tail = e.mulF(e.mulF(square, f), horner(e, f, logPoly));
  tail = e.fma(n, e.real(ln2Low, type), tail);
  tail = e.fma(square, e.real(-0.5, type), tail);
  Value result = e.fma(n, e.real(ln2High, type), e.addF(f, tail));
  // The ends: 0, infinity and NaN, negative numbers.
  double infinity = std::numeric_limits<double>::infinity();
  result = arith::SelectOp::create(
      e, compare(arith::CmpFPredicate::OEQ, 0.0),
      e.real(-infinity, type), result);
  result = arith::SelectOp::create(
      e, compare(arith::CmpFPredicate::OLT, infinity), result, x);
  return arith::SelectOp::create(
      e, compare(arith::CmpFPredicate::OLT, 0.0),
      e.real(std::numeric_limits<double>::quiet_NaN(), type), result);
}

Value emitErf(OpBuilder &builder, Location loc, Value x) {
  Emitter e(loc, builder);
  return oddRational(e, x, 4.12, erfNum, erfDen);
}

Value emitTanh(OpBuilder &builder, Location loc, Value x) {
  Emitter e(loc, builder);
  return oddRational(e, x, 9.6, tanhNum, tanhDen);
}

Value emitSigmoid(OpBuilder &builder, Location loc, Value x) {
  Emitter e(loc, builder);
  Value scaled = e.mulF(x, e.real(-log2E, x.getType()));
  Value power = emitExp2(builder, loc, scaled);
  return e.divF(one(e, x), e.addF(power, one(e, x)));
}

/// x sigmoid(factor x).
static Value emitSwish(OpBuilder &builder, Location loc, Value x,
                       double factor) {
  Emitter e(loc, builder);
  Value scaled = e.mulF(x, e.real(-log2E * factor, x.getType()));
  Value power = emitExp2(builder, loc, scaled);
  return e.divF(x, e.addF(power, one(e, x)));
}

Value emitSilu(OpBuilder &builder, Location loc, Value x) {
  return emitSwish(builder, loc, x, 1.0);
}

Value emitQuickGelu(OpBuilder &builder, Location loc, Value x) {
  return emitSwish(builder, loc, x, 1.702);
}

Value emitGelu(OpBuilder &builder, Location loc, Value x) {
  Emitter e(loc, builder);
  Type type = x.getType();
  Value erf =
      emitErf(builder, loc, e.mulF(x, e.real(0.70710678118654752, type)));
  Value half = e.mulF(x, e.real(0.5, type));
  return e.fma(half, erf, half);
}

Value emitGeluTanh(OpBuilder &builder, Location loc, Value x) {
  Emitter e(loc, builder);
  Type type = x.getType();
  // (1 + tanh y) / 2 = sigmoid(2 y).
  constexpr double c = -2.0 * log2E * 0.79788456080286536;
  Value square = e.mulF(x, x);
  Value factor =
      e.fma(square, e.real(0.044715 * c, type), e.real(c, type));
  Value power = emitExp2(builder, loc, e.mulF(x, factor));
  return e.divF(x, e.addF(power, one(e, x)));
}

Value emitRelu(OpBuilder &builder, Location loc, Value x) {
  Emitter e(loc, builder);
  return atLeast(e, 0.0, x);
}

Value emitSquaredRelu(OpBuilder &builder, Location loc, Value x) {
  Emitter e(loc, builder);
  Value positive = atLeast(e, 0.0, x);
  return e.mulF(positive, positive);
}

} // namespace winnow::cpu
