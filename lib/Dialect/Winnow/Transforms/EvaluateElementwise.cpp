#include "Elements.h"
#include "winnow/Dialect/Winnow/IR/Winnow.h"

#include "llvm/ADT/TypeSwitch.h"
#include <cmath>

using namespace mlir;
using namespace winnow;

static std::optional<double> evaluateUnary(Operation *op, double x) {
  return TypeSwitch<Operation *, std::optional<double>>(op)
      .Case([&](AbsOp) { return std::fabs(x); })
      .Case([&](NegOp) { return -x; })
      .Case([&](ExpOp) { return std::exp(x); })
      .Case([&](LogOp) { return std::log(x); })
      .Case([&](SqrtOp) { return std::sqrt(x); })
      .Case([&](ReciprocalOp) { return 1 / x; })
      .Case([&](ErfOp) { return std::erf(x); })
      .Case([&](TanhOp) { return std::tanh(x); })
      .Case([&](SigmoidOp) { return 1 / (1 + std::exp(-x)); })
      .Case([&](ReluOp) { return std::isnan(x) ? x : std::fmax(x, 0); })
      .Case([&](SinOp) { return std::sin(x); })
      .Case([&](CosOp) { return std::cos(x); })
      .Case([&](TanOp) { return std::tan(x); })
      .Case([&](AsinOp) { return std::asin(x); })
      .Case([&](AcosOp) { return std::acos(x); })
      .Case([&](AtanOp) { return std::atan(x); })
      .Case([&](SinhOp) { return std::sinh(x); })
      .Case([&](CoshOp) { return std::cosh(x); })
      .Case([&](AsinhOp) { return std::asinh(x); })
      .Case([&](AcoshOp) { return std::acosh(x); })
      .Case([&](AtanhOp) { return std::atanh(x); })
      .Case([&](FloorOp) { return std::floor(x); })
      .Case([&](CeilOp) { return std::ceil(x); })
      .Case([&](RoundOp) { return std::nearbyint(x); })
      .Case([&](SignOp) { return x > 0 ? 1 : x < 0 ? -1 : x; })
      .Default([](Operation *) { return std::nullopt; });
}

static std::optional<double> evaluateBinary(Operation *op, double x, double y) {
  return TypeSwitch<Operation *, std::optional<double>>(op)
      .Case([&](AddOp) { return x + y; })
      .Case([&](SubOp) { return x - y; })
      .Case([&](MulOp) { return x * y; })
      .Case([&](DivOp) { return x / y; })
      .Case([&](ModOp) { return std::fmod(x, y); })
      .Case([&](PowOp) { return std::pow(x, y); })
      .Case([&](MaximumOp) { return std::isnan(x) || std::isnan(y) ? NAN : std::fmax(x, y); })
      .Case([&](MinimumOp) { return std::isnan(x) || std::isnan(y) ? NAN : std::fmin(x, y); })
      .Default([](Operation *) { return std::nullopt; });
}

static std::optional<int64_t> evaluateUnary(Operation *op, int64_t x, bool isUnsigned) {
  auto wrap = [](uint64_t value) { return static_cast<int64_t>(value); };
  return TypeSwitch<Operation *, std::optional<int64_t>>(op)
      .Case([&](AbsOp) { return isUnsigned || x >= 0 ? x : wrap(-static_cast<uint64_t>(x)); })
      .Case([&](NegOp) { return wrap(-static_cast<uint64_t>(x)); })
      .Case([&](NotOp) { return ~x; })
      .Case([&](SignOp) { return isUnsigned ? x != 0 : (x > 0) - (x < 0); })
      .Case([&](ReluOp) { return isUnsigned || x > 0 ? x : 0; })
      .Default([](Operation *) { return std::nullopt; });
}

static std::optional<int64_t> evaluateBinary(Operation *op, int64_t x, int64_t y,
                                             bool isUnsigned, unsigned width) {
  auto wrap = [](uint64_t value) { return static_cast<int64_t>(value); };
  uint64_t ux = x, uy = y;
  bool isLess = isUnsigned ? ux < uy : x < y;
  // What the emitted code does: a zero divisor, or one that overflows, is 1.
  int64_t min = width >= 64 ? INT64_MIN : -(int64_t(1) << (width - 1));
  int64_t divisor = y == 0 || (!isUnsigned && y == -1 && x == min) ? 1 : y;
  return TypeSwitch<Operation *, std::optional<int64_t>>(op)
      .Case([&](AddOp) { return wrap(ux + uy); })
      .Case([&](SubOp) { return wrap(ux - uy); })
      .Case([&](MulOp) { return wrap(ux * uy); })
      .Case([&](DivOp) { return isUnsigned ? wrap(ux / uint64_t(divisor)) : x / divisor; })
      .Case([&](ModOp) {
        if (isUnsigned)
          return wrap(ux % uint64_t(divisor));
        int64_t rem = x % divisor;
        return rem != 0 && (rem < 0) != (divisor < 0) ? rem + divisor : rem;
      })
      .Case([&](MaximumOp) { return isLess ? y : x; })
      .Case([&](MinimumOp) { return isLess ? x : y; })
      .Case([&](AndOp) { return x & y; })
      .Case([&](OrOp) { return x | y; })
      .Case([&](XorOp) { return x ^ y; })
      .Case([&](ShiftLeftOp) { return uy < width ? wrap(ux << uy) : 0; })
      .Case([&](ShiftRightOp) { return uy < width ? wrap(ux >> uy) : 0; })
      .Default([](Operation *) { return std::nullopt; });
}

template <typename T> static bool compare(ComparePredicate predicate, T x, T y) {
  switch (predicate) {
  case ComparePredicate::EQ:
    return x == y;
  case ComparePredicate::NE:
    return x != y;
  case ComparePredicate::LT:
    return x < y;
  case ComparePredicate::LE:
    return x <= y;
  case ComparePredicate::GT:
    return x > y;
  case ComparePredicate::GE:
    return x >= y;
  }
  llvm_unreachable("all predicates are handled");
}

/// Saturates, and NaN is 0, as the emitted code does.
static int64_t castToInteger(double number, Type type) {
  if (type.isInteger(1))
    return number != 0;
  APFloat value(std::isnan(number) ? 0.0 : number);
  APSInt integer(type.getIntOrFloatBitWidth(), type.isUnsignedInteger());
  bool isExact;
  value.convertToInteger(integer, APFloat::rmTowardZero, &isExact);
  return integer.isUnsigned() ? static_cast<int64_t>(integer.getZExtValue())
                              : integer.getSExtValue();
}

static void castElement(const Elements &from, int64_t index, Elements &to) {
  Type type = to.type.getElementType(), fromType = from.type.getElementType();
  if (fromType == type)
    return to.copy(index, from, index);
  if (to.isFloat() || to.isBits() || from.isFloat() || from.isBits()) {
    double number = from.isFloat()      ? from.floats[index]
                    : from.isBits()     ? decodeFloat(from.ints[index], cast<FloatType>(fromType))
                    : from.isUnsigned() ? static_cast<double>(uint64_t(from.ints[index]))
                                        : static_cast<double>(from.ints[index]);
    if (to.isFloat())
      to.floats[index] = number;
    else
      to.ints[index] = to.isBits() ? encodeFloat(number, cast<FloatType>(type))
                                   : castToInteger(number, type);
    return;
  }
  to.ints[index] = type.isInteger(1) ? from.ints[index] != 0 : from.ints[index];
}

int64_t winnow::normalize(const Elements &elements, int64_t value) {
  APInt narrow(elements.type.getElementTypeBitWidth(), value, /*isSigned=*/true,
               /*implicitTrunc=*/true);
  return elements.isUnsigned() ? static_cast<int64_t>(narrow.getZExtValue())
                               : narrow.getSExtValue();
}

bool winnow::evaluateElementwise(Operation *op, ArrayRef<Elements> in, Elements &out) {
  bool isKnown = true;
  SmallVector<SmallVector<int64_t>> strides;
  for (const Elements &operand : in)
    strides.push_back(getStrides(operand.type.getShape()));
  forEachIndex(out.type.getShape(), [&](int64_t to, ArrayRef<int64_t> index) {
    SmallVector<int64_t, 3> at;
    for (auto [operand, stride] : llvm::zip_equal(in, strides))
      at.push_back(getBroadcastOffset(operand.type.getShape(), stride, index));
    if (isa<CastOp>(op))
      return castElement(in[0], to, out);
    if (isa<SelectOp>(op))
      return in[0].ints[at[0]] ? out.copy(to, in[1], at[1]) : out.copy(to, in[2], at[2]);
    if (auto compareOp = dyn_cast<CompareOp>(op)) {
      ComparePredicate predicate = compareOp.getPredicate();
      out.ints[to] =
          in[0].isFloat() ? compare(predicate, in[0].floats[at[0]], in[1].floats[at[1]])
          : in[0].isUnsigned()
              ? compare(predicate, uint64_t(in[0].ints[at[0]]), uint64_t(in[1].ints[at[1]]))
              : compare(predicate, in[0].ints[at[0]], in[1].ints[at[1]]);
      return;
    }
    if (isa<IsNaNOp>(op)) {
      out.ints[to] = std::isnan(in[0].floats[at[0]]);
      return;
    }
    if (out.isFloat()) {
      std::optional<double> value =
          in.size() == 1 ? evaluateUnary(op, in[0].floats[at[0]])
                         : evaluateBinary(op, in[0].floats[at[0]], in[1].floats[at[1]]);
      isKnown &= value.has_value();
      out.floats[to] = value.value_or(0);
      return;
    }
    std::optional<int64_t> value =
        in.size() == 1 ? evaluateUnary(op, in[0].ints[at[0]], out.isUnsigned())
                       : evaluateBinary(op, in[0].ints[at[0]], in[1].ints[at[1]],
                                        out.isUnsigned(), out.type.getElementTypeBitWidth());
    isKnown &= value.has_value();
    out.ints[to] = normalize(out, value.value_or(0));
  });
  if (isa<CastOp>(op) && !out.isFloat())
    for (int64_t &value : out.ints)
      value = normalize(out, value);
  return isKnown;
}
