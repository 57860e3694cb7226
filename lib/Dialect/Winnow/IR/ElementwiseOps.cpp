#include "InferType.h"
#include "winnow/Dialect/Winnow/IR/StorageTypes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace winnow;

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

FailureOr<RankedTensorType> winnow::inferBroadcast(std::optional<Location> loc,
                                                   ValueRange operands,
                                                   Type elementType) {
  SmallVector<Dims> shapes;
  for (Value operand : operands)
    shapes.push_back(getDims(operand));
  unsigned numSymbols = getNumSymbols(operands.getTypes());
  std::string error;
  FailureOr<Dims> dims = broadcastDims(shapes, numSymbols, &error);
  if (failed(dims))
    return emitOptionalError(loc, "expected operand shapes to broadcast, got ", error);
  return getTensorType(*dims, elementType, numSymbols);
}

LogicalResult winnow::checkSameElementType(std::optional<Location> loc,
                                           ValueRange operands) {
  Type first = getElementTypeOrSelf(operands.front());
  for (Value operand : operands.drop_front())
    if (getElementTypeOrSelf(operand) != first)
      return emitOptionalError(loc, "expected operand element types to match, got ",
                               first, " and ", getElementTypeOrSelf(operand));
  return success();
}

template <typename Adaptor>
static FailureOr<RankedTensorType> inferSame(std::optional<Location> loc, Adaptor adaptor) {
  ValueRange operands = adaptor.getOperands();
  if (failed(checkSameElementType(loc, operands)))
    return failure();
  return inferBroadcast(loc, operands, getElementTypeOrSelf(operands.front()));
}

template <typename Adaptor>
static FailureOr<RankedTensorType> inferBool(std::optional<Location> loc, Adaptor adaptor) {
  ValueRange operands = adaptor.getOperands();
  if (failed(checkSameElementType(loc, operands)))
    return failure();
  return inferBroadcast(loc, operands,
                        IntegerType::get(operands.front().getContext(), 1));
}

FailureOr<RankedTensorType> SelectOp::inferType(std::optional<Location> loc, Adaptor adaptor) {
  if (failed(checkSameElementType(loc, adaptor.getOperands().drop_front())))
    return failure();
  return inferBroadcast(loc, adaptor.getOperands(),
                        getElementTypeOrSelf(adaptor.getOnTrue()));
}
WINNOW_DEFINE_INFER_RETURN_TYPES(SelectOp)

//===----------------------------------------------------------------------===//
// Scalar forms
//===----------------------------------------------------------------------===//

namespace {
/// Emits one element's computation. The scalars are signless; `isUnsigned` is
/// what the tensor's type said.
struct ScalarEmitter {
  OpBuilder &b;
  Location loc;
  bool isUnsigned;

  template <typename Op, typename... Args> Value make(Args &&...args) {
    return Op::create(b, loc, std::forward<Args>(args)...);
  }
  Value constant(Type type, double value) {
    if (isa<FloatType>(type))
      return make<arith::ConstantOp>(b.getFloatAttr(type, value));
    return make<arith::ConstantOp>(b.getIntegerAttr(type, static_cast<int64_t>(value)));
  }
  /// Picks the op for floats, signed and unsigned integers.
  template <typename Float, typename Signed, typename Unsigned>
  Value byType(Value x, Value y) {
    if (isa<FloatType>(x.getType()))
      return make<Float>(x, y);
    return isUnsigned ? make<Unsigned>(x, y) : make<Signed>(x, y);
  }
  template <typename Float, typename Int> Value byType(Value x, Value y) {
    return byType<Float, Int, Int>(x, y);
  }
};
} // namespace

static Value emit(AbsOp, ScalarEmitter e, ValueRange x) {
  if (isa<FloatType>(x[0].getType()))
    return e.make<math::AbsFOp>(x[0]);
  return e.isUnsigned ? x[0] : e.make<math::AbsIOp>(x[0]);
}
static Value emit(NegOp, ScalarEmitter e, ValueRange x) {
  if (isa<FloatType>(x[0].getType()))
    return e.make<arith::NegFOp>(x[0]);
  return e.make<arith::SubIOp>(e.constant(x[0].getType(), 0), x[0]);
}
static Value emit(ExpOp, ScalarEmitter e, ValueRange x) { return e.make<math::ExpOp>(x[0]); }
static Value emit(LogOp, ScalarEmitter e, ValueRange x) { return e.make<math::LogOp>(x[0]); }
static Value emit(SqrtOp, ScalarEmitter e, ValueRange x) { return e.make<math::SqrtOp>(x[0]); }
static Value emit(ErfOp, ScalarEmitter e, ValueRange x) { return e.make<math::ErfOp>(x[0]); }
static Value emit(TanhOp, ScalarEmitter e, ValueRange x) { return e.make<math::TanhOp>(x[0]); }
static Value emit(SinOp, ScalarEmitter e, ValueRange x) { return e.make<math::SinOp>(x[0]); }
static Value emit(CosOp, ScalarEmitter e, ValueRange x) { return e.make<math::CosOp>(x[0]); }
static Value emit(TanOp, ScalarEmitter e, ValueRange x) { return e.make<math::TanOp>(x[0]); }
static Value emit(AsinOp, ScalarEmitter e, ValueRange x) { return e.make<math::AsinOp>(x[0]); }
static Value emit(AcosOp, ScalarEmitter e, ValueRange x) { return e.make<math::AcosOp>(x[0]); }
static Value emit(AtanOp, ScalarEmitter e, ValueRange x) { return e.make<math::AtanOp>(x[0]); }
static Value emit(SinhOp, ScalarEmitter e, ValueRange x) { return e.make<math::SinhOp>(x[0]); }
static Value emit(CoshOp, ScalarEmitter e, ValueRange x) { return e.make<math::CoshOp>(x[0]); }
static Value emit(AsinhOp, ScalarEmitter e, ValueRange x) { return e.make<math::AsinhOp>(x[0]); }
static Value emit(AcoshOp, ScalarEmitter e, ValueRange x) { return e.make<math::AcoshOp>(x[0]); }
static Value emit(AtanhOp, ScalarEmitter e, ValueRange x) { return e.make<math::AtanhOp>(x[0]); }
static Value emit(FloorOp, ScalarEmitter e, ValueRange x) { return e.make<math::FloorOp>(x[0]); }
static Value emit(CeilOp, ScalarEmitter e, ValueRange x) { return e.make<math::CeilOp>(x[0]); }
static Value emit(RoundOp, ScalarEmitter e, ValueRange x) {
  return e.make<math::RoundEvenOp>(x[0]);
}
static Value emit(ReciprocalOp, ScalarEmitter e, ValueRange x) {
  return e.make<arith::DivFOp>(e.constant(x[0].getType(), 1), x[0]);
}
static Value emit(SigmoidOp, ScalarEmitter e, ValueRange x) {
  Value one = e.constant(x[0].getType(), 1);
  Value exp = e.make<math::ExpOp>(e.make<arith::NegFOp>(x[0]));
  return e.make<arith::DivFOp>(one, e.make<arith::AddFOp>(one, exp));
}
static Value emit(ReluOp, ScalarEmitter e, ValueRange x) {
  return e.byType<arith::MaximumFOp, arith::MaxSIOp, arith::MaxUIOp>(
      x[0], e.constant(x[0].getType(), 0));
}
static Value emit(SignOp, ScalarEmitter e, ValueRange x) {
  Type type = x[0].getType();
  Value zero = e.constant(type, 0), one = e.constant(type, 1);
  if (isa<FloatType>(type)) {
    Value positive = e.make<arith::CmpFOp>(arith::CmpFPredicate::OGT, x[0], zero);
    Value negative = e.make<arith::CmpFOp>(arith::CmpFPredicate::OLT, x[0], zero);
    // Zero and NaN are their own sign.
    Value rest = e.make<arith::SelectOp>(negative, e.constant(type, -1), x[0]);
    return e.make<arith::SelectOp>(positive, one, rest);
  }
  Value nonzero = e.make<arith::CmpIOp>(arith::CmpIPredicate::ne, x[0], zero);
  Value negative = e.make<arith::CmpIOp>(arith::CmpIPredicate::slt, x[0], zero);
  Value sign = e.make<arith::SelectOp>(nonzero, one, zero);
  return e.isUnsigned ? sign
                      : e.make<arith::SelectOp>(negative, e.constant(type, -1), sign);
}
static Value emit(NotOp, ScalarEmitter e, ValueRange x) {
  return e.make<arith::XOrIOp>(x[0], e.constant(x[0].getType(), -1));
}
static Value emit(IsNaNOp, ScalarEmitter e, ValueRange x) {
  return e.make<arith::CmpFOp>(arith::CmpFPredicate::UNO, x[0], x[0]);
}
static Value emit(GeluOp op, ScalarEmitter e, ValueRange x) {
  Type type = x[0].getType();
  Value half = e.make<arith::MulFOp>(x[0], e.constant(type, 0.5));
  Value inner;
  if (op.getTanhApproximation()) {
    Value square = e.make<arith::MulFOp>(x[0], x[0]);
    Value poly = e.make<arith::AddFOp>(
        e.make<arith::MulFOp>(square, e.constant(type, 0.044715)), e.constant(type, 1));
    Value scaled = e.make<arith::MulFOp>(x[0], e.constant(type, 0.7978845608028654));
    inner = e.make<math::TanhOp>(e.make<arith::MulFOp>(scaled, poly));
  } else {
    inner = e.make<math::ErfOp>(
        e.make<arith::MulFOp>(x[0], e.constant(type, 0.7071067811865476)));
  }
  return e.make<arith::MulFOp>(half, e.make<arith::AddFOp>(inner, e.constant(type, 1)));
}
static Value emit(AddOp, ScalarEmitter e, ValueRange x) {
  return e.byType<arith::AddFOp, arith::AddIOp>(x[0], x[1]);
}
static Value emit(SubOp, ScalarEmitter e, ValueRange x) {
  return e.byType<arith::SubFOp, arith::SubIOp>(x[0], x[1]);
}
static Value emit(MulOp, ScalarEmitter e, ValueRange x) {
  return e.byType<arith::MulFOp, arith::MulIOp>(x[0], x[1]);
}
/// Integer division must not trap: a zero divisor becomes 1, and so does -1
/// under the smallest dividend, whose quotient does not exist.
static Value safeDivisor(ScalarEmitter &e, Value x, Value y) {
  Type type = y.getType();
  Value zero = e.constant(type, 0), one = e.constant(type, 1);
  Value bad = e.make<arith::CmpIOp>(arith::CmpIPredicate::eq, y, zero);
  if (!e.isUnsigned && type.getIntOrFloatBitWidth() > 1) {
    Value min = e.make<arith::ConstantOp>(IntegerAttr::get(
        type, APInt::getSignedMinValue(type.getIntOrFloatBitWidth())));
    Value overflow = e.make<arith::AndIOp>(
        e.make<arith::CmpIOp>(arith::CmpIPredicate::eq, y, e.constant(type, -1)),
        e.make<arith::CmpIOp>(arith::CmpIPredicate::eq, x, min));
    bad = e.make<arith::OrIOp>(bad, overflow);
  }
  return e.make<arith::SelectOp>(bad, one, y);
}
static Value emit(DivOp, ScalarEmitter e, ValueRange x) {
  if (isa<FloatType>(x[0].getType()))
    return e.make<arith::DivFOp>(x[0], x[1]);
  return e.byType<arith::DivFOp, arith::DivSIOp, arith::DivUIOp>(
      x[0], safeDivisor(e, x[0], x[1]));
}
static Value emit(ModOp, ScalarEmitter e, ValueRange x) {
  Type type = x[0].getType();
  if (isa<FloatType>(type))
    return e.make<arith::RemFOp>(x[0], x[1]);
  Value divisor = safeDivisor(e, x[0], x[1]);
  if (e.isUnsigned)
    return e.make<arith::RemUIOp>(x[0], divisor);
  // The remainder takes the divisor's sign, as Python's does.
  Value zero = e.constant(type, 0);
  Value rem = e.make<arith::RemSIOp>(x[0], divisor);
  Value nonzero = e.make<arith::CmpIOp>(arith::CmpIPredicate::ne, rem, zero);
  Value differ = e.make<arith::CmpIOp>(
      arith::CmpIPredicate::slt, e.make<arith::XOrIOp>(rem, divisor), zero);
  return e.make<arith::SelectOp>(e.make<arith::AndIOp>(nonzero, differ),
                                 e.make<arith::AddIOp>(rem, divisor), rem);
}
/// Squares and multiplies over the six low bits of the exponent, without a
/// branch. What is left of it is worth one factor more: zero for even bases,
/// one for 1 and -1; for the others the power has long overflowed.
static Value emitIntegerPow(ScalarEmitter &e, Value base, Value exponent) {
  Type type = base.getType();
  using P = arith::CmpIPredicate;
  Value zero = e.constant(type, 0), one = e.constant(type, 1);
  auto select = [&](Value condition, Value yes, Value no) -> Value {
    return e.make<arith::SelectOp>(condition, yes, no);
  };
  Value isNegative;
  if (!e.isUnsigned) {
    isNegative = e.make<arith::CmpIOp>(P::slt, exponent, zero);
    exponent = select(isNegative, e.make<arith::SubIOp>(zero, exponent), exponent);
  }
  Value result = one, square = base;
  for (unsigned bit = 0; bit < std::min(6u, type.getIntOrFloatBitWidth()); ++bit) {
    Value isSet = e.make<arith::CmpIOp>(
        P::ne, e.make<arith::AndIOp>(exponent, e.constant(type, double(1 << bit))), zero);
    result = select(isSet, e.make<arith::MulIOp>(result, square), result);
    square = e.make<arith::MulIOp>(square, square);
  }
  if (type.getIntOrFloatBitWidth() > 6) {
    Value isLarge = e.make<arith::CmpIOp>(P::ugt, exponent, e.constant(type, 63));
    result = select(isLarge, e.make<arith::MulIOp>(result, square), result);
  }
  if (!isNegative)
    return result;
  // Only 1 and -1 have a reciprocal.
  Value isUnit = e.make<arith::OrIOp>(
      e.make<arith::CmpIOp>(P::eq, base, one),
      e.make<arith::CmpIOp>(P::eq, base, e.constant(type, -1)));
  return select(isNegative, select(isUnit, result, zero), result);
}
static Value emit(PowOp, ScalarEmitter e, ValueRange x) {
  if (isa<FloatType>(x[0].getType()))
    return e.make<math::PowFOp>(x[0], x[1]);
  return emitIntegerPow(e, x[0], x[1]);
}
static Value emit(MaximumOp, ScalarEmitter e, ValueRange x) {
  return e.byType<arith::MaximumFOp, arith::MaxSIOp, arith::MaxUIOp>(x[0], x[1]);
}
static Value emit(MinimumOp, ScalarEmitter e, ValueRange x) {
  return e.byType<arith::MinimumFOp, arith::MinSIOp, arith::MinUIOp>(x[0], x[1]);
}
static Value emit(AndOp, ScalarEmitter e, ValueRange x) { return e.make<arith::AndIOp>(x[0], x[1]); }
static Value emit(OrOp, ScalarEmitter e, ValueRange x) { return e.make<arith::OrIOp>(x[0], x[1]); }
static Value emit(XorOp, ScalarEmitter e, ValueRange x) { return e.make<arith::XOrIOp>(x[0], x[1]); }
/// The hardware takes the distance modulo the width; the op does not.
template <typename Shift>
static Value emitShift(ScalarEmitter &e, Value x, Value distance) {
  Type type = x.getType();
  Value width = e.constant(type, type.getIntOrFloatBitWidth());
  Value isInside = e.make<arith::CmpIOp>(arith::CmpIPredicate::ult, distance, width);
  Value zero = e.constant(type, 0);
  Value shifted = e.make<Shift>(x, e.make<arith::SelectOp>(isInside, distance, zero));
  return e.make<arith::SelectOp>(isInside, shifted, zero);
}
static Value emit(ShiftLeftOp, ScalarEmitter e, ValueRange x) {
  return emitShift<arith::ShLIOp>(e, x[0], x[1]);
}
static Value emit(ShiftRightOp, ScalarEmitter e, ValueRange x) {
  return emitShift<arith::ShRUIOp>(e, x[0], x[1]);
}
static Value emit(SelectOp, ScalarEmitter e, ValueRange x) {
  return e.make<arith::SelectOp>(x[0], x[1], x[2]);
}
static Value emit(CompareOp op, ScalarEmitter e, ValueRange x) {
  using F = arith::CmpFPredicate;
  using I = arith::CmpIPredicate;
  static constexpr F floats[] = {F::OEQ, F::UNE, F::OLT, F::OLE, F::OGT, F::OGE};
  static constexpr I ints[] = {I::eq, I::ne, I::slt, I::sle, I::sgt, I::sge};
  static constexpr I unsignedInts[] = {I::eq, I::ne, I::ult, I::ule, I::ugt, I::uge};
  auto index = static_cast<unsigned>(op.getPredicate());
  if (isa<FloatType>(x[0].getType()))
    return e.make<arith::CmpFOp>(floats[index], x[0], x[1]);
  // Booleans order false before true.
  bool isUnsigned = e.isUnsigned || x[0].getType().isInteger(1);
  return e.make<arith::CmpIOp>(isUnsigned ? unsignedInts[index] : ints[index], x[0], x[1]);
}

/// Float to integer saturates, and NaN is 0: LLVM leaves what does not fit
/// undefined, and an undefined value must not reach a gather's bounds check.
static Value floatToInt(ScalarEmitter &e, Value x, IntegerType declared, bool toUnsigned) {
  using P = arith::CmpFPredicate;
  Type from = x.getType();
  auto to = e.b.getIntegerType(getArithmeticType(declared).getIntOrFloatBitWidth());
  unsigned width = declared.getWidth();
  Value low = e.constant(from, toUnsigned ? 0 : -std::ldexp(1.0, width - 1));
  Value high = e.constant(from, std::ldexp(1.0, toUnsigned ? width : width - 1));
  Value isLow = e.make<arith::CmpFOp>(P::OLT, x, low);
  Value isHigh = e.make<arith::CmpFOp>(P::OGE, x, high);
  Value isInside = e.make<arith::AndIOp>(e.make<arith::CmpFOp>(P::OGE, x, low),
                                         e.make<arith::CmpFOp>(P::OLT, x, high));
  Value inside = e.make<arith::SelectOp>(isInside, x, e.constant(from, 0));
  Value converted = toUnsigned ? e.make<arith::FPToUIOp>(to, inside)
                               : e.make<arith::FPToSIOp>(to, inside);
  APInt min = toUnsigned ? APInt::getZero(width) : APInt::getSignedMinValue(width);
  APInt max = toUnsigned ? APInt::getMaxValue(width) : APInt::getSignedMaxValue(width);
  auto limit = [&](const APInt &value) {
    APInt wide = toUnsigned ? value.zext(to.getWidth()) : value.sext(to.getWidth());
    return e.make<arith::ConstantOp>(IntegerAttr::get(to, wide));
  };
  Value bounded = e.make<arith::SelectOp>(isHigh, limit(max), converted);
  return e.make<arith::SelectOp>(isLow, limit(min), bounded);
}

static Value emitFloatCast(ScalarEmitter &e, Value x, FloatType to) {
  auto from = cast<FloatType>(x.getType());
  if (from == to)
    return x;
  if (from.getWidth() > to.getWidth())
    return e.make<arith::TruncFOp>(to, x);
  if (from.getWidth() < to.getWidth())
    return e.make<arith::ExtFOp>(to, x);
  Value wide = e.make<arith::ExtFOp>(e.b.getF32Type(), x);
  return e.make<arith::TruncFOp>(to, wide);
}

/// A number, of which the type says no sign, as elements of another type.
static Value emitCast(ScalarEmitter &e, Value x, Type declared) {
  Type from = x.getType();
  bool toUnsigned = declared.isUnsignedInteger() || declared.isInteger(1);
  if (isa<FloatType>(from)) {
    if (auto to = dyn_cast<FloatType>(declared))
      return emitFloatCast(e, x, to);
    if (declared.isInteger(1))
      return e.make<arith::CmpFOp>(arith::CmpFPredicate::UNE, x, e.constant(from, 0));
    return floatToInt(e, x, cast<IntegerType>(declared), toUnsigned);
  }
  bool fromUnsigned = e.isUnsigned || from.isInteger(1);
  if (auto to = dyn_cast<FloatType>(declared))
    return fromUnsigned ? e.make<arith::UIToFPOp>(to, x) : e.make<arith::SIToFPOp>(to, x);
  unsigned fromWidth = from.getIntOrFloatBitWidth();
  unsigned toWidth = getArithmeticType(declared).getIntOrFloatBitWidth();
  Type to = e.b.getIntegerType(toWidth);
  if (toWidth == 1 && fromWidth > 1)
    return e.make<arith::CmpIOp>(arith::CmpIPredicate::ne, x, e.constant(from, 0));
  if (fromWidth == toWidth)
    return x;
  if (fromWidth > toWidth)
    return e.make<arith::TruncIOp>(to, x);
  return fromUnsigned ? e.make<arith::ExtUIOp>(to, x) : e.make<arith::ExtSIOp>(to, x);
}

static Value emit(CastOp op, ScalarEmitter e, ValueRange x) {
  Type from = getElementTypeOrSelf(op.getInput()), to = getElementTypeOrSelf(op.getType());
  if (from == to)
    return x[0];
  Value number = isStorageType(from) ? emitDecode(e.b, e.loc, x[0], from) : x[0];
  if (!isStorageFloat(to)) {
    Value result = emitCast(e, number, to);
    return isStorageType(to) ? emitEncode(e.b, e.loc, result, to) : result;
  }
  // Rounded once: f32 holds the narrow types, f64 what matters of the others.
  bool isWide = number.getType().isF64() || number.getType().isInteger(32) ||
                number.getType().isInteger(64);
  Value wide = emitCast(e, number, isWide ? Type(e.b.getF64Type()) : Type(e.b.getF32Type()));
  return emitEncode(e.b, e.loc, wide, to);
}

static Value emit(BitcastOp op, ScalarEmitter e, ValueRange x) {
  Type type = getElementTypeOrSelf(op.getType());
  Type to = isStorageType(type)     ? e.b.getI8Type()
            : isa<FloatType>(type) ? type
                                   : e.b.getIntegerType(type.getIntOrFloatBitWidth());
  return x[0].getType() == to ? x[0] : e.make<arith::BitcastOp>(to, x[0]);
}

/// All of an elementwise op's plumbing; INFER is inferSame or inferBool.
#define WINNOW_DEFINE_SCALAR(OP)                                               \
  Value OP::emitScalar(OpBuilder &builder, ValueRange scalars) {               \
    Type elementType = getElementTypeOrSelf(getOperation()->getOperand(        \
        getOperation()->getNumOperands() - 1));                                \
    ScalarEmitter emitter{builder, getLoc(), elementType.isUnsignedInteger()}; \
    return emit(*this, emitter, scalars);                                      \
  }
#define WINNOW_DEFINE_ELEMENTWISE(OP, INFER)                                   \
  FailureOr<RankedTensorType> OP::inferType(std::optional<Location> loc,       \
                                            Adaptor adaptor) {                 \
    return INFER(loc, adaptor);                                                \
  }                                                                            \
  WINNOW_DEFINE_INFER_RETURN_TYPES(OP)                                         \
  WINNOW_DEFINE_SCALAR(OP)

WINNOW_DEFINE_ELEMENTWISE(AbsOp, inferSame)
WINNOW_DEFINE_ELEMENTWISE(NegOp, inferSame)
WINNOW_DEFINE_ELEMENTWISE(ExpOp, inferSame)
WINNOW_DEFINE_ELEMENTWISE(LogOp, inferSame)
WINNOW_DEFINE_ELEMENTWISE(SqrtOp, inferSame)
WINNOW_DEFINE_ELEMENTWISE(ReciprocalOp, inferSame)
WINNOW_DEFINE_ELEMENTWISE(ErfOp, inferSame)
WINNOW_DEFINE_ELEMENTWISE(TanhOp, inferSame)
WINNOW_DEFINE_ELEMENTWISE(SigmoidOp, inferSame)
WINNOW_DEFINE_ELEMENTWISE(ReluOp, inferSame)
WINNOW_DEFINE_ELEMENTWISE(SinOp, inferSame)
WINNOW_DEFINE_ELEMENTWISE(CosOp, inferSame)
WINNOW_DEFINE_ELEMENTWISE(TanOp, inferSame)
WINNOW_DEFINE_ELEMENTWISE(AsinOp, inferSame)
WINNOW_DEFINE_ELEMENTWISE(AcosOp, inferSame)
WINNOW_DEFINE_ELEMENTWISE(AtanOp, inferSame)
WINNOW_DEFINE_ELEMENTWISE(SinhOp, inferSame)
WINNOW_DEFINE_ELEMENTWISE(CoshOp, inferSame)
WINNOW_DEFINE_ELEMENTWISE(AsinhOp, inferSame)
WINNOW_DEFINE_ELEMENTWISE(AcoshOp, inferSame)
WINNOW_DEFINE_ELEMENTWISE(AtanhOp, inferSame)
WINNOW_DEFINE_ELEMENTWISE(FloorOp, inferSame)
WINNOW_DEFINE_ELEMENTWISE(CeilOp, inferSame)
WINNOW_DEFINE_ELEMENTWISE(RoundOp, inferSame)
WINNOW_DEFINE_ELEMENTWISE(SignOp, inferSame)
WINNOW_DEFINE_ELEMENTWISE(NotOp, inferSame)
WINNOW_DEFINE_ELEMENTWISE(IsNaNOp, inferBool)
WINNOW_DEFINE_ELEMENTWISE(GeluOp, inferSame)
WINNOW_DEFINE_ELEMENTWISE(AddOp, inferSame)
WINNOW_DEFINE_ELEMENTWISE(SubOp, inferSame)
WINNOW_DEFINE_ELEMENTWISE(MulOp, inferSame)
WINNOW_DEFINE_ELEMENTWISE(DivOp, inferSame)
WINNOW_DEFINE_ELEMENTWISE(ModOp, inferSame)
WINNOW_DEFINE_ELEMENTWISE(PowOp, inferSame)
WINNOW_DEFINE_ELEMENTWISE(MaximumOp, inferSame)
WINNOW_DEFINE_ELEMENTWISE(MinimumOp, inferSame)
WINNOW_DEFINE_ELEMENTWISE(AndOp, inferSame)
WINNOW_DEFINE_ELEMENTWISE(OrOp, inferSame)
WINNOW_DEFINE_ELEMENTWISE(XorOp, inferSame)
WINNOW_DEFINE_ELEMENTWISE(ShiftLeftOp, inferSame)
WINNOW_DEFINE_ELEMENTWISE(ShiftRightOp, inferSame)
WINNOW_DEFINE_ELEMENTWISE(CompareOp, inferBool)
WINNOW_DEFINE_SCALAR(SelectOp)
WINNOW_DEFINE_SCALAR(CastOp)
WINNOW_DEFINE_SCALAR(BitcastOp)

//===----------------------------------------------------------------------===//
// CastOp
//===----------------------------------------------------------------------===//

template <typename Op> static LogicalResult verifySameShape(Op op) {
  RankedTensorType in = op.getInput().getType(), out = op.getType();
  if (in.getShape() != out.getShape() || in.getEncoding() != out.getEncoding())
    return op.emitOpError("expected the result to have the input's shape, got ")
           << in << " and " << out;
  return success();
}

LogicalResult CastOp::verify() { return verifySameShape(*this); }

OpFoldResult CastOp::fold(FoldAdaptor) {
  return getInput().getType() == getType() ? OpFoldResult(getInput()) : nullptr;
}

//===----------------------------------------------------------------------===//
// BitcastOp
//===----------------------------------------------------------------------===//

LogicalResult BitcastOp::verify() {
  unsigned in = getInput().getType().getElementTypeBitWidth(), out = getType().getElementTypeBitWidth();
  if (in != out)
    return emitOpError("expected element types of one width, got ") << in << " and " << out << " bits";
  return verifySameShape(*this);
}

OpFoldResult BitcastOp::fold(FoldAdaptor) {
  return getInput().getType() == getType() ? OpFoldResult(getInput()) : nullptr;
}
