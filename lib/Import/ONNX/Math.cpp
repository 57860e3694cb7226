#include "OpTable.h"

using namespace mlir;

namespace winnow::import {

template <typename OpTy> static void importUnary(OpImporter &n) {
  n.set(n.make<OpTy>(n.in(0)));
}

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
  if (from.isInteger(1) || to.isInteger(1))
    return n.set(n.convert(n.in(0), to));
  Dims dims = n.dims(0);
  n.set(n.makeAs<BitcastOp>(n.makeType(dims, to), n.in(0)));
}

static void importBitShift(OpImporter &n) {
  std::string direction = n.stringAttr("direction", "");
  if (!n.failed() && direction != "LEFT" && direction != "RIGHT")
    return n.invalid("expected direction LEFT or RIGHT, got '" + direction + "'");
  if (!n.elementType(0).isUnsignedInteger())
    return n.invalid("expected unsigned integers");
  Value x = n.in(0), distance = n.in(1);
  n.set(direction == "LEFT" ? n.make<ShiftLeftOp>(x, distance)
                            : n.make<ShiftRightOp>(x, distance));
}

ArrayRef<OpEntry> getMathOps() {
  static const OpEntry ops[] = {
      {"Abs", 1, kMaxOpset, 1, 1, importUnary<AbsOp>},
      {"Acos", 7, kMaxOpset, 1, 1, importUnary<AcosOp>},
      {"Acosh", 9, kMaxOpset, 1, 1, importUnary<AcoshOp>},
      {"Asin", 7, kMaxOpset, 1, 1, importUnary<AsinOp>},
      {"Asinh", 9, kMaxOpset, 1, 1, importUnary<AsinhOp>},
      {"Atan", 7, kMaxOpset, 1, 1, importUnary<AtanOp>},
      {"Atanh", 9, kMaxOpset, 1, 1, importUnary<AtanhOp>},
      {"BitCast", 26, kMaxOpset, 1, 1, importBitCast},
      {"BitShift", 11, kMaxOpset, 2, 2, importBitShift},
      {"BitwiseNot", 18, kMaxOpset, 1, 1, importUnary<NotOp>},
      {"Ceil", 1, kMaxOpset, 1, 1, importUnary<CeilOp>},
      {"Cos", 7, kMaxOpset, 1, 1, importUnary<CosOp>},
      {"Cosh", 9, kMaxOpset, 1, 1, importUnary<CoshOp>},
      {"Erf", 9, kMaxOpset, 1, 1, importUnary<ErfOp>},
      {"Exp", 1, kMaxOpset, 1, 1, importUnary<ExpOp>},
      {"Floor", 1, kMaxOpset, 1, 1, importUnary<FloorOp>},
      {"IsNaN", 9, kMaxOpset, 1, 1, importUnary<IsNaNOp>},
      {"Log", 1, kMaxOpset, 1, 1, importUnary<LogOp>},
      {"Reciprocal", 1, kMaxOpset, 1, 1, importUnary<ReciprocalOp>},
      {"Round", 11, kMaxOpset, 1, 1, importUnary<RoundOp>},
      {"Sign", 9, kMaxOpset, 1, 1, importUnary<SignOp>},
      {"Sin", 7, kMaxOpset, 1, 1, importUnary<SinOp>},
      {"Sinh", 9, kMaxOpset, 1, 1, importUnary<SinhOp>},
      {"Sqrt", 1, kMaxOpset, 1, 1, importUnary<SqrtOp>},
      {"Tan", 7, kMaxOpset, 1, 1, importUnary<TanOp>},
  };
  return ops;
}

} // namespace winnow::import
