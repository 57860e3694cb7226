#include "winnow/Dialect/Winnow/IR/StorageTypes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "llvm/ADT/APFloat.h"
#include "llvm/ADT/TypeSwitch.h"
#include <climits>
#include <cmath>

using namespace mlir;
using namespace winnow;

using CmpI = arith::CmpIPredicate;

//===----------------------------------------------------------------------===//
// Formats
//===----------------------------------------------------------------------===//

namespace {
/// How a float with a sign keeps its bits: sign, exponent, fraction.
struct Format {
  unsigned width, fraction;
  int bias;
  /// The bits below the sign of the largest finite number, of what is larger
  /// than it, and of NaN.
  unsigned largest, overflow, nan;
  /// -0 is taken for the only NaN, so that NaN and zero have no sign.
  bool isUnsignedZero;
};
} // namespace

/// The floats' formats; f8E8M0FNU has neither sign nor fraction and is none.
static Format getFormat(Type type) {
  return TypeSwitch<Type, Format>(type)
      .Case([](Float8E4M3FNType) { return Format{8, 3, 7, 0x7e, 0x7f, 0x7f, false}; })
      .Case([](Float8E4M3FNUZType) { return Format{8, 3, 8, 0x7f, 0x80, 0x80, true}; })
      .Case([](Float8E5M2Type) { return Format{8, 2, 15, 0x7b, 0x7c, 0x7e, false}; })
      .Case([](Float8E5M2FNUZType) { return Format{8, 2, 16, 0x7f, 0x80, 0x80, true}; })
      // There is no NaN, and ml_dtypes makes the zero of the other sign of it.
      .Case([](Float4E2M1FNType) { return Format{4, 1, 1, 0x7, 0x7, 0x8, false}; });
}

bool winnow::isStorageFloat(Type element) {
  return isa<Float8E4M3FNType, Float8E4M3FNUZType, Float8E5M2Type, Float8E5M2FNUZType,
             Float8E8M0FNUType, Float4E2M1FNType>(element);
}

bool winnow::isStorageType(Type element) {
  auto integer = dyn_cast<IntegerType>(element);
  return isStorageFloat(element) ||
         (integer && (integer.getWidth() == 2 || integer.getWidth() == 4));
}

Type winnow::getArithmeticType(Type element) {
  if (!isStorageType(element))
    return element;
  if (auto integer = dyn_cast<IntegerType>(element))
    return IntegerType::get(element.getContext(), 8, integer.getSignedness());
  return Float32Type::get(element.getContext());
}

//===----------------------------------------------------------------------===//
// At run time
//===----------------------------------------------------------------------===//

namespace {
/// Arithmetic on the bits of f32 or f64.
struct BitEmitter {
  OpBuilder &b;
  Location loc;
  FloatType floatType;
  IntegerType bitsType;
  unsigned fraction;
  int bias;

  BitEmitter(OpBuilder &b, Location loc, Type type)
      : b(b), loc(loc), floatType(cast<FloatType>(type)),
        bitsType(b.getIntegerType(floatType.getWidth())), fraction(type.isF32() ? 23 : 52),
        bias(type.isF32() ? 127 : 1023) {}

  template <typename Op, typename... Args> Value make(Args &&...args) {
    return Op::create(b, loc, std::forward<Args>(args)...);
  }
  Value constant(uint64_t bits) {
    APInt value(bitsType.getWidth(), bits, /*isSigned=*/false, /*implicitTrunc=*/true);
    return make<arith::ConstantOp>(b.getIntegerAttr(bitsType, value));
  }
  Value number(double value) {
    return make<arith::ConstantOp>(b.getFloatAttr(floatType, value));
  }
  Value toBits(Value x) { return make<arith::BitcastOp>(bitsType, x); }
  Value toFloat(Value bits) { return make<arith::BitcastOp>(floatType, bits); }
  Value add(Value x, Value y) { return make<arith::AddIOp>(x, y); }
  Value sub(Value x, Value y) { return make<arith::SubIOp>(x, y); }
  Value bitAnd(Value x, uint64_t y) { return make<arith::AndIOp>(x, constant(y)); }
  Value shiftLeft(Value x, unsigned by) { return make<arith::ShLIOp>(x, constant(by)); }
  Value shiftRight(Value x, unsigned by) { return make<arith::ShRUIOp>(x, constant(by)); }
  Value compare(CmpI predicate, Value x, uint64_t y) {
    return make<arith::CmpIOp>(predicate, x, constant(y));
  }
  Value select(Value condition, Value yes, Value no) {
    return make<arith::SelectOp>(condition, yes, no);
  }
  uint64_t infinity() const { return uint64_t(2 * bias + 1) << fraction; }
  uint64_t nan() const { return infinity() | uint64_t(1) << (fraction - 1); }
};
} // namespace

/// Powers of two by their biased exponent.
static Value emitDecodeExponent(BitEmitter e, Value bits) {
  // The smallest is subnormal in f32.
  Value smallest = e.constant(uint64_t(1) << (e.fraction - 1));
  Value result = e.select(e.compare(CmpI::eq, bits, 0), smallest, e.shiftLeft(bits, e.fraction));
  return e.toFloat(e.select(e.compare(CmpI::eq, bits, 0xff), e.constant(e.nan()), result));
}

static Value emitEncodeExponent(BitEmitter e, Value x) {
  Value bits = e.toBits(x);
  // Half a fraction carries into the exponent, which leaves the range above for
  // infinities and NaN.
  Value half = e.constant(uint64_t(1) << (e.fraction - 1));
  Value exponent = e.shiftRight(e.add(bits, half), e.fraction);
  Value result = e.sub(exponent, e.constant(e.bias - 127));
  result = e.make<arith::MaxSIOp>(result, e.constant(0));
  result = e.make<arith::MinSIOp>(result, e.constant(0xff));
  return e.select(e.compare(CmpI::sle, bits, 0), e.constant(0xff), result);
}

static Value emitDecodeFloat(BitEmitter e, Value bits, const Format &format) {
  uint64_t sign = uint64_t(1) << (format.width - 1);
  Value magnitude = e.bitAnd(bits, sign - 1);
  // The exponent is too small by the difference of the biases. A subnormal number
  // becomes normal when its leading bit, which is not there, is added and taken
  // away: a product would do with less, and take long for subnormals.
  uint64_t rebias = uint64_t(e.bias - format.bias) << e.fraction;
  uint64_t leading = uint64_t(1) << e.fraction;
  Value shifted = e.shiftLeft(magnitude, e.fraction - format.fraction);
  Value smallest = e.number(std::ldexp(1.0, 1 - format.bias));
  Value subnormal = e.make<arith::SubFOp>(
      e.toFloat(e.add(shifted, e.constant(rebias + leading))), smallest);
  Value result = e.select(e.compare(CmpI::ult, magnitude, uint64_t(1) << format.fraction),
                          e.toBits(subnormal), e.add(shifted, e.constant(rebias)));
  Value nan = e.constant(e.nan());
  if (format.isUnsignedZero) {
    result = e.select(e.compare(CmpI::eq, bits, format.nan), nan, result);
  } else if (format.overflow > format.largest) {
    result = e.select(e.compare(CmpI::ugt, magnitude, format.largest), nan, result);
    if (format.overflow != format.nan)
      result = e.select(e.compare(CmpI::eq, magnitude, format.overflow),
                        e.constant(e.infinity()), result);
  }
  unsigned top = e.bitsType.getWidth() - format.width;
  Value signBit = e.shiftLeft(e.bitAnd(bits, sign), top);
  return e.toFloat(e.make<arith::OrIOp>(result, signBit));
}

static Value emitEncodeFloat(BitEmitter e, Value x, const Format &format) {
  unsigned width = e.bitsType.getWidth(), drop = e.fraction - format.fraction;
  Value bits = e.toBits(x);
  Value magnitude = e.bitAnd(bits, (uint64_t(1) << (width - 1)) - 1);
  // Half of what is dropped is added, and carries into the exponent; at a tie
  // only if the last bit that is kept is set.
  Value odd = e.bitAnd(e.shiftRight(magnitude, drop), 1);
  Value half = e.constant((uint64_t(1) << (drop - 1)) - 1);
  Value rounded = e.shiftRight(e.add(e.add(magnitude, half), odd), drop);
  Value normal = e.sub(rounded, e.constant(uint64_t(e.bias - format.bias) << format.fraction));
  // Subnormal results are fixed point: the sum with a number whose last place is
  // theirs rounds to it.
  double place = std::ldexp(1.0, 1 - format.bias - static_cast<int>(format.fraction));
  double anchor = std::ldexp(place, e.fraction);
  uint64_t anchorBits = uint64_t(std::ilogb(anchor) + e.bias) << e.fraction;
  Value sum = e.make<arith::AddFOp>(e.toFloat(magnitude), e.number(anchor));
  Value subnormal = e.sub(e.toBits(sum), e.constant(anchorBits));
  uint64_t smallestNormal = uint64_t(e.bias - format.bias + 1) << e.fraction;
  Value result = e.select(e.compare(CmpI::ult, magnitude, smallestNormal), subnormal, normal);
  Value isLarge = e.compare(CmpI::ugt, result, format.largest);
  result = e.select(isLarge, e.constant(format.overflow), result);
  Value isNaN = e.compare(CmpI::ugt, magnitude, e.infinity());
  result = e.select(isNaN, e.constant(format.nan), result);

  Value top = e.shiftRight(bits, width - format.width);
  Value sign = e.bitAnd(top, uint64_t(1) << (format.width - 1));
  if (format.isUnsignedZero) {
    Value isSigned = e.make<arith::AndIOp>(e.compare(CmpI::ne, result, 0),
                                             e.compare(CmpI::ne, result, format.nan));
    sign = e.select(isSigned, sign, e.constant(0));
  }
  return e.make<arith::XOrIOp>(result, sign);
}

Value winnow::emitDecode(OpBuilder &b, Location loc, Value byte, Type element) {
  unsigned width = element.getIntOrFloatBitWidth();
  if (auto integer = dyn_cast<IntegerType>(element)) {
    auto constant = [&](int64_t value) {
      return arith::ConstantOp::create(b, loc, b.getI8IntegerAttr(value));
    };
    if (integer.isUnsigned())
      return arith::AndIOp::create(b, loc, byte, constant((1 << width) - 1));
    Value shifted = arith::ShLIOp::create(b, loc, byte, constant(8 - width));
    return arith::ShRSIOp::create(b, loc, shifted, constant(8 - width));
  }
  BitEmitter e(b, loc, b.getF32Type());
  Value bits = e.make<arith::ExtUIOp>(e.bitsType, byte);
  if (isa<Float8E8M0FNUType>(element))
    return emitDecodeExponent(e, bits);
  if (width < 8)
    bits = e.bitAnd(bits, (1 << width) - 1);
  return emitDecodeFloat(e, bits, getFormat(element));
}

Value winnow::emitEncode(OpBuilder &b, Location loc, Value number, Type element) {
  if (isa<IntegerType>(element)) {
    int64_t mask = (1 << element.getIntOrFloatBitWidth()) - 1;
    Value low = arith::ConstantOp::create(b, loc, b.getI8IntegerAttr(mask));
    return arith::AndIOp::create(b, loc, number, low);
  }
  bool isExponent = isa<Float8E8M0FNUType>(element);
  // Its smallest number is subnormal in f32.
  if (isExponent && number.getType().isF32())
    number = arith::ExtFOp::create(b, loc, b.getF64Type(), number);
  BitEmitter e(b, loc, number.getType());
  Value bits = isExponent ? emitEncodeExponent(e, number)
                          : emitEncodeFloat(e, number, getFormat(element));
  return arith::TruncIOp::create(b, loc, b.getI8Type(), bits);
}

//===----------------------------------------------------------------------===//
// At compile time
//===----------------------------------------------------------------------===//

double winnow::decodeFloat(uint8_t byte, FloatType element) {
  // APFloat takes the NaN of the powers of two for an infinity.
  if (isa<Float8E8M0FNUType>(element))
    return byte == 0xff ? NAN : std::ldexp(1.0, byte - 127);
  // As at run time, where it keeps the sign of the zero that it replaces.
  Format format = getFormat(element);
  if (format.isUnsignedZero && byte == format.nan)
    return std::copysign(NAN, -1.0);
  APInt bits(element.getWidth(), byte, /*isSigned=*/false, /*implicitTrunc=*/true);
  return APFloat(element.getFloatSemantics(), bits).convertToDouble();
}

static uint8_t encodeExponent(double x) {
  if (!(x > 0) || std::isinf(x))
    return 0xff;
  int exponent = std::ilogb(x);
  exponent += x >= std::ldexp(1.5, exponent);
  return std::clamp(exponent + 127, 0, 0xff);
}

uint8_t winnow::encodeFloat(double x, FloatType element) {
  if (isa<Float8E8M0FNUType>(element))
    return encodeExponent(x);
  Format format = getFormat(element);
  unsigned magnitude = format.nan;
  if (std::isinf(x)) {
    magnitude = format.overflow;
  } else if (!std::isnan(x)) {
    // In units of the last place, ties to even. The leading bit of a normal
    // number adds one to the exponent, as does a carry.
    int exponent = x == 0 ? INT_MIN : std::ilogb(x);
    exponent = std::max(exponent, 1 - format.bias);
    double units = std::nearbyint(std::ldexp(std::fabs(x), int(format.fraction) - exponent));
    magnitude = static_cast<unsigned>(units) + ((exponent + format.bias - 1) << format.fraction);
    if (magnitude > format.largest)
      magnitude = format.overflow;
  }
  bool isSigned = std::signbit(x) &&
                  !(format.isUnsignedZero && (magnitude == 0 || magnitude == format.nan));
  return magnitude ^ (unsigned(isSigned) << (format.width - 1));
}
