#include "Casting.h"

#include "OpTable.h"
#include "winnow/Dialect/Winnow/IR/StorageTypes.h"

using namespace mlir;

namespace winnow::import {

CastOptions getCastOptions(OpImporter &n) {
  CastOptions options;
  options.saturate = n.intAttr("saturate", 1);
  std::string mode = n.stringAttr("round_mode", "up");
  if (mode == "down")
    options.round = CastOptions::Round::Down;
  else if (mode == "nearest")
    options.round = CastOptions::Round::Nearest;
  else if (mode != "up")
    n.invalid("expected round_mode up, down or nearest, got '" + mode + "'");
  return options;
}

static Value clamp(OpImporter &n, Value x, double low, double high) {
  return n.make<MinimumOp>(n.make<MaximumOp>(x, n.scalarLike(x, low)), n.scalarLike(x, high));
}

/// x, of f64, as a power of two: the standard leaves open what a sign means, and
/// it is dropped. Without saturation only what is in range is a number.
static Value castToPower(OpImporter &n, Value x, Type to, const CastOptions &options) {
  constexpr double kSmallest = 0x1p-127, kLargest = 0x1p127;
  Type i64 = n.b.getI64Type();
  x = n.make<AbsOp>(x);
  Value inRange = clamp(n, x, kSmallest, kLargest), rounded = inRange;
  if (options.round != CastOptions::Round::Nearest && !n.failed()) {
    // A fraction that is filled carries into the exponent unless it was zero.
    int64_t fraction = (int64_t(1) << 52) - 1;
    auto as = [&](Type type, Value value) {
      return n.makeAs<BitcastOp>(n.makeType(n.dims(value), type), value);
    };
    auto bits = [&](int64_t value) {
      return n.makeConstant(DenseElementsAttr::get(RankedTensorType::get({}, i64), value));
    };
    Value raw = as(i64, inRange);
    if (options.round == CastOptions::Round::Up)
      raw = n.make<AddOp>(raw, bits(fraction));
    rounded = as(n.b.getF64Type(), n.make<AndOp>(raw, bits(~fraction)));
    // NaN's fraction is what tells it from infinity.
    rounded = n.make<SelectOp>(n.make<IsNaNOp>(x), x, rounded);
  }
  if (!options.saturate) {
    Value isInside = n.compare(ComparePredicate::EQ, x, inRange);
    rounded = n.make<SelectOp>(isInside, rounded, n.scalarLike(rounded, NAN));
  }
  return n.convert(rounded, to);
}

Value castElements(OpImporter &n, Value x, Type to, const CastOptions &options) {
  if (n.failed() || !x || !to)
    return nullptr;
  Type from = getElementTypeOrSelf(x);
  bool isFloat = isa<FloatType>(from);
  // What does not fit in few bits keeps the low ones, as wider integers do.
  if (isFloat && isStorageType(to) && isa<IntegerType>(to))
    return n.convert(n.convert(x, n.b.getI32Type()), to);
  if (!isStorageFloat(to) || from == to)
    return n.convert(x, to);
  if (isa<Float8E8M0FNUType>(to))
    return castToPower(n, n.convert(x, n.b.getF64Type()), to, options);
  // The largest of float4e2m1 is always what is out of range.
  if (!options.saturate || isa<Float4E2M1FNType>(to))
    return n.convert(x, to);
  if (isStorageType(from))
    x = n.convert(x, n.b.getF32Type());
  else if (!isFloat)
    x = n.convert(x, from.getIntOrFloatBitWidth() > 16 ? Type(n.b.getF64Type()) : n.b.getF32Type());
  APFloat largest = APFloat::getLargest(cast<FloatType>(to).getFloatSemantics());
  double limit = largest.convertToDouble();
  return n.convert(clamp(n, x, -limit, limit), to);
}

static void importCastTo(OpImporter &n, Type to) {
  CastOptions options = getCastOptions(n);
  if (n.failed())
    return;
  if (const KnownTensor *known = n.known(0); known && isa<IntegerType>(to) && !isStorageType(to)) {
    auto width = cast<IntegerType>(to).getWidth();
    bool isUnsigned = to.isUnsignedInteger();
    std::optional<KnownTensor> result =
        mapElements({known}, to, [&](ArrayRef<AffineExpr> x) -> AffineExpr {
          AffineExpr zero = n.constant(0);
          if (width == 1) {
            std::optional<bool> isZero = n.symbols.isEqual(x[0], zero);
            return isZero ? n.constant(!*isZero) : AffineExpr();
          }
          // Dimensions fit in 32 bits or the model fails anyway; what may wrap
          // is left to the op.
          std::optional<int64_t> value = getConstantDim(x[0]);
          bool fits = value ? (isUnsigned ? *value >= 0 && llvm::isUIntN(width, *value)
                                          : llvm::isIntN(width, *value))
                            : width >= 32;
          return fits ? x[0] : AffineExpr();
        });
    if (result)
      return n.setKnown(result);
  }
  if (n.elementType(0) == to)
    return n.forward(0);
  n.set(castElements(n, n.in(0), to, options));
}

static void importCast(OpImporter &n) {
  if (n.opset >= 6) {
    int64_t to = n.requiredIntAttr("to");
    return importCastTo(n, n.failed() ? Type() : n.getDataType(to));
  }
  // The types had names first.
  std::string name = n.stringAttr("to", "");
  onnx::TensorProto::DataType to;
  if (!n.failed() && !onnx::TensorProto::DataType_Parse(name, &to))
    return n.invalid("expected attribute 'to' to name a type, got '" + name + "'");
  importCastTo(n, n.failed() ? Type() : n.getDataType(to));
}

static void importCastLike(OpImporter &n) { importCastTo(n, n.elementType(1)); }

/// Floats have integers' bits; booleans are bytes of 0 and 1.
static void importBitCast(OpImporter &n) {
  int64_t dataType = n.requiredIntAttr("to");
  Type from = n.elementType(0), to = n.failed() ? Type() : n.getDataType(dataType);
  if (n.failed())
    return;
  auto getWidth = [](Type type) { return type.isInteger(1) ? 8 : type.getIntOrFloatBitWidth(); };
  if (getWidth(from) != getWidth(to))
    return n.invalid("expected types of one width, got " + Twine(getWidth(from)) + " and " +
                     Twine(getWidth(to)) + " bits");
  if (from == to)
    return n.forward(0);
  auto getByte = [&](Type type) { return isStorageType(type) ? Type(n.b.getI8Type()) : type; };
  Value x = from.isInteger(1) ? n.convert(n.in(0), getByte(to)) : n.in(0);
  Type bits = to.isInteger(1) ? getByte(from) : to;
  if (!n.failed() && getElementTypeOrSelf(x) != bits)
    x = n.makeAs<BitcastOp>(n.makeType(n.dims(x), bits), x);
  n.set(n.convert(x, to));
}

ArrayRef<OpEntry> getCastingOps() {
  static const OpEntry ops[] = {
      {"BitCast", 26, kMaxOpset, 1, 1, importBitCast},
      {"Cast", 1, kMaxOpset, 1, 1, importCast},
      {"CastLike", 15, kMaxOpset, 2, 2, importCastLike},
  };
  return ops;
}

} // namespace winnow::import
