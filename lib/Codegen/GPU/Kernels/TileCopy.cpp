//===- TileCopy.cpp - Tiles of matrices to shared memory ------------------===//

#include "TileCopy.h"

using namespace mlir;

namespace winnow::gpu {

void TileCopy::start(Emitter &e, Value from, Value row, Value column, Value to) const {
  int64_t size = bytesOf(element), perRow = rowBytes() / copyBytes;
  int64_t chunks = rows * perRow;
  auto copy = [&](Value chunk) {
    Value tileRow = e.div(chunk, perRow);
    Value tileColumn = e.mul(e.rem(chunk, perRow), copyBytes / size);
    Value atRow = e.add(row, tileRow), atColumn = e.add(column, tileColumn);
    Value some = e.min(e.max(e.sub(columnLimit, atColumn), e.i32(0)), e.i32(copyBytes / size));
    some = e.select(e.less(atRow, rowLimit), some, e.i32(0));
    Value none = e.equal(some, e.i32(0));
    // The address of nothing is that of the first element.
    Value zero = e.i32(0);
    Value place = offset(e, e.select(none, zero, atRow), e.select(none, zero, atColumn));
    Value address = e.at(from, e.mul(place, size));
    Value byte = e.mul(tileColumn, size);
    Value swizzled = e.bitXor(e.shiftRight(byte, 4), swizzle(e, tileRow));
    Value offset = e.add(e.mul(tileRow, rowBytes()),
                         e.add(e.shiftLeft(swizzled, 4), e.bitAnd(byte, 15)));
    if (copyBytes >= 4)
      return e.copyAsync(e.at(to, offset), address, copyBytes, e.mul(some, size));
    Value nothing = arith::ConstantOp::create(e, e.getZeroAttr(element));
    e.store(nothing, e.at(to, offset));
    e.ifThen(e.less(e.i32(0), some),
             [&] { e.store(e.load(element, address), e.at(to, offset)); });
  };
  // A loop of many copies stays one: unrolled, their addresses would fill the registers.
  constexpr int64_t kUnrolled = 8;
  auto copyFew = [&](Value from, int64_t count) {
    for (int64_t i = 0; i < count; ++i)
      copy(e.add(e.add(e.thread(), from), i * threads));
  };
  int64_t rounds = chunks / threads, looped = rounds / kUnrolled * kUnrolled;
  if (rounds <= kUnrolled)
    looped = 0;
  else
    e.forRange(e.i32(0), e.i32(looped * threads), kUnrolled * threads, {}, [&](Value from, ValueRange) {
      copyFew(from, kUnrolled);
      return SmallVector<Value>();
    });
  copyFew(e.i32(looped * threads), rounds - looped);
  if (chunks % threads) {
    Value chunk = e.add(e.thread(), rounds * threads);
    e.ifThen(e.less(chunk, chunks), [&] { copy(chunk); });
  }
}

} // namespace winnow::gpu
