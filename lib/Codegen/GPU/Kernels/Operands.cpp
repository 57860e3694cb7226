//===- Operands.cpp - What builders know of memrefs -----------------------===//

#include "Operands.h"

#include "winnow/Codegen/Common/MemRefUtils.h"

using namespace mlir;

namespace winnow::gpu {

std::optional<Operand> Operand::get(Value memref, int64_t rank, Type element) {
  Operand result{memref, dyn_cast<MemRefType>(memref.getType()), {}, 0};
  if (!result.type || result.type.getElementType() != element || result.type.getRank() != rank ||
      failed(result.type.getStridesAndOffset(result.strides, result.offset)) ||
      result.strides.back() != 1)
    return std::nullopt;
  return result;
}

int64_t divisor(int64_t number, int64_t most) {
  if (ShapedType::isDynamic(number))
    return 1;
  while (number % most)
    most /= 2;
  return most;
}

int64_t Operand::multiple(bool trustsUnknown) const {
  int64_t result = divisor(offset, 16 / elementBytes(type.getElementType()));
  if (!type.getLayout().isIdentity()) {
    for (auto [extent, stride] : llvm::zip(type.getShape().drop_back(), strides))
      if (extent != 1 && !(trustsUnknown && ShapedType::isDynamic(stride)))
        result = divisor(stride, result);
    return result;
  }
  // A stride is a multiple of all the extents that are known behind it, so the last one
  // decides.
  if (type.getRank() > 1)
    result = divisor(type.getShape().back(), result);
  return result;
}

Value Operand::areMultiples(ImplicitLocOpBuilder &host, int64_t number) const {
  Value all;
  if (type.getLayout().isIdentity())
    return all;
  auto i64 = [&](int64_t value) -> Value {
    return arith::ConstantOp::create(host, host.getI64IntegerAttr(value));
  };
  for (auto [dim, stride] : llvm::enumerate(strides)) {
    if (!ShapedType::isDynamic(stride) || extent(dim) == 1)
      continue;
    Value rest = arith::RemUIOp::create(host, getStride(host, memref, dim), i64(number));
    Value is = arith::CmpIOp::create(host, arith::CmpIPredicate::eq, rest, i64(0));
    all = all ? arith::AndIOp::create(host, all, is).getResult() : is;
  }
  return all;
}

Value toI32(ImplicitLocOpBuilder &host, Value value) {
  Type i32 = host.getI32Type();
  return value.getType().isIndex() ? arith::IndexCastOp::create(host, i32, value).getResult()
                                   : arith::TruncIOp::create(host, i32, value).getResult();
}

} // namespace winnow::gpu
