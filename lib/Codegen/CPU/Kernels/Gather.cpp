//===- Gather.cpp - Rows of a table by their indices ----------------------===//

#include "IndexCheck.h"

using namespace mlir;

namespace winnow::cpu {
namespace {

void emitCopy(Emitter &e, Value data, Value out, ArrayRef<Value> from,
              ArrayRef<Value> to, int64_t vectorBytes) {
  auto at = [](ArrayRef<Value> row, Value column) {
    return SmallVector<Value>{row[0], row[1], column};
  };
  auto type = cast<MemRefType>(data.getType());
  Value count = e.dim(data, 2), begin = e.index(0);
  unsigned bits =
      type.getElementType().isIntOrFloat() ? type.getElementTypeBitWidth() : 0;
  // Vectors of i1 would be packed bits.
  if (bits >= 8 && llvm::isPowerOf2_32(bits)) {
    int64_t lanes = vectorBytes * 8 / bits;
    Value whole = e.mul(e.div(count, e.index(lanes)), lanes);
    e.forRange(begin, whole, lanes, [&](Value column) {
      e.store(e.load(data, at(from, column), lanes), out, at(to, column));
    });
    begin = whole;
  }
  e.forRange(begin, count, 1, [&](Value column) {
    e.storeScalar(e.loadScalar(data, at(from, column)), out, at(to, column));
  });
}

} // namespace

LogicalResult buildGather(Emitter &e, const KernelContext &context) {
  auto arguments = context.arguments(4);
  if (failed(arguments))
    return failure();
  Value data = (*arguments)[0], indices = (*arguments)[1],
        out = (*arguments)[2], site = (*arguments)[3];
  if (failed(context.memref(data, "data", 3, Type())) ||
      failed(context.memref(indices, "indices", 1, Type())) ||
      failed(context.memref(
          out, "out", 3, cast<MemRefType>(data.getType()).getElementType())) ||
      failed(context.sameExtent(data, 0, "data", out, 0, "out")) ||
      failed(context.sameExtent(data, 2, "data", out, 2, "out")) ||
      failed(context.sameExtent(indices, 0, "indices", out, 1, "out")) ||
      failed(checkIndexTypes(context, indices, site)))
    return failure();

  declareFail(e, context.entry);
  Value count = e.dim(indices, 0), extent = e.dim(data, 1);
  e.parallel(e.mul(e.dim(data, 0), count), 16, [&](Value at) {
    Value outer = e.div(at, count), position = e.rem(at, count);
    // Row 0 stands for one outside of the table, so that nothing else is read.
    Value raw = e.loadScalar(indices, {position});
    Value row = emitCheckedIndex(e, raw, extent, site).position;
    // An empty table has no row 0 either.
    e.ifElse(e.lessThan(e.index(0), extent), [&] {
      emitCopy(e, data, out, {outer, row}, {outer, position},
               context.level.vectorBytes);
    });
  });
  return success();
}

} // namespace winnow::cpu
