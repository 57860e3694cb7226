//===- TileCopy.cpp - Tiles of matrices to shared memory ------------------===//

#include "TileCopy.h"

using namespace mlir;

namespace winnow::gpu {

void TileCopy::start(Emitter &e, Value from, Value row, Value column, Value to) const {
  int64_t size = bytesOf(element), perRow = rowBytes() / copyBytes;
  int64_t chunks = rows * perRow;
  for (int64_t first = 0; first < chunks; first += threads) {
    Value chunk = e.add(e.thread(), first);
    auto copy = [&] {
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
    if (chunks - first >= threads)
      copy();
    else
      e.ifThen(e.less(chunk, chunks), copy);
  }
}

} // namespace winnow::gpu
