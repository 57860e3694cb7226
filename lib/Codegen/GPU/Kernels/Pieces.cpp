//===- Pieces.cpp - Matrices whose rows lie elsewhere in pieces -----------===//

#include "Pieces.h"

using namespace mlir;

namespace winnow::gpu {

std::optional<Pieces> Pieces::get(const Operand &buffer, Value numbers, int64_t columns) {
  auto type = dyn_cast<MemRefType>(numbers.getType());
  int64_t width = buffer.extent(1);
  if (!type || type.getRank() != 1 || !type.getElementType().isInteger(64) ||
      !type.getLayout().isIdentity() || ShapedType::isDynamic(width) || width <= 0 ||
      ShapedType::isDynamic(columns) || columns % width)
    return std::nullopt;
  return Pieces{true, columns / width, width};
}

Value Pieces::offset(Emitter &e, Value numbers, Value stride, Value row, Value column) const {
  if (!areNumbered)
    return e.add(e.wideMul(row, stride), e.widen(column));
  Value at = e.mul(e.widen(row), count);
  if (count > 1) {
    at = e.add(at, e.widen(e.div(column, width)));
    column = e.rem(column, width);
  }
  Value number = e.load(e.getI64Type(), e.at(numbers, e.mul(at, 8)));
  return e.add(e.mul(number, e.widen(stride)), e.widen(column));
}

} // namespace winnow::gpu
