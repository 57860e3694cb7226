#include "OpTable.h"
#include "winnow/Dialect/Winnow/IR/StorageTypes.h"

using namespace mlir;

namespace winnow::import {

template <typename OpTy> static void importUnary(OpImporter &n) {
  n.set(n.make<OpTy>(n.in(0)));
}

static void importIsNaN(OpImporter &n) {
  n.set(n.make<IsNaNOp>(n.convert(n.in(0), getArithmeticType(n.elementType(0)))));
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
      {"BitShift", 11, kMaxOpset, 2, 2, importBitShift},
      {"BitwiseNot", 18, kMaxOpset, 1, 1, importUnary<NotOp>},
      {"Ceil", 1, kMaxOpset, 1, 1, importUnary<CeilOp>},
      {"Cos", 7, kMaxOpset, 1, 1, importUnary<CosOp>},
      {"Cosh", 9, kMaxOpset, 1, 1, importUnary<CoshOp>},
      {"Erf", 9, kMaxOpset, 1, 1, importUnary<ErfOp>},
      {"Exp", 1, kMaxOpset, 1, 1, importUnary<ExpOp>},
      {"Floor", 1, kMaxOpset, 1, 1, importUnary<FloorOp>},
      {"IsNaN", 9, kMaxOpset, 1, 1, importIsNaN},
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
