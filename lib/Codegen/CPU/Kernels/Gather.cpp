//===- Gather.cpp - Rows of a table by their indices ----------------------===//
//
// With `n` rows in the configuration, the table is the weight of a linear layer: rows
// are the columns of panels [K, width].
//
//===----------------------------------------------------------------------===//

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

/// A row is a line apart from element to element, of which the reads overlap.
void emitColumnCopy(Emitter &e, Value panels, Value out, Value row, Value position) {
  Value width = e.dim(panels, 2), panel = e.div(row, width), column = e.rem(row, width);
  e.forRange(e.index(0), e.dim(panels, 1), 1, [&](Value at) {
    e.storeScalar(e.loadScalar(panels, {panel, at, column}), out, {e.index(0), position, at});
  });
}

LogicalResult checkPanels(const KernelContext &context, Value data, int64_t rows, Value out) {
  ArrayRef<int64_t> shape = cast<MemRefType>(data.getType()).getShape();
  if (llvm::any_of(shape, ShapedType::isDynamic) || shape[2] <= 0 ||
      shape[0] != int64_t(llvm::divideCeil(rows, shape[2])))
    return context.error() << "expected 'data' to be packed in panels for " << rows
                           << " rows, got " << data.getType();
  if (cast<MemRefType>(out.getType()).getDimSize(0) != 1)
    return context.error() << "expected 'out' of packed rows to begin with a dimension of 1, got "
                           << out.getType();
  return context.sameExtent(data, 1, "data", out, 2, "out");
}

} // namespace

LogicalResult buildGather(Emitter &e, const KernelContext &context) {
  bool packed = context.config.contains("n");
  FailureOr<int64_t> rows = packed ? context.integer("n") : FailureOr<int64_t>(0);
  if (failed(rows))
    return failure();
  auto arguments = context.arguments(4);
  if (failed(arguments))
    return failure();
  Value data = (*arguments)[0], indices = (*arguments)[1],
        out = (*arguments)[2], site = (*arguments)[3];
  if (failed(context.memref(data, "data", 3, Type())) ||
      failed(context.memref(indices, "indices", 1, Type())) ||
      failed(context.memref(
          out, "out", 3, cast<MemRefType>(data.getType()).getElementType())) ||
      failed(packed ? checkPanels(context, data, *rows, out)
                    : context.sameExtent(data, 0, "data", out, 0, "out")) ||
      (!packed && failed(context.sameExtent(data, 2, "data", out, 2, "out"))) ||
      failed(context.sameExtent(indices, 0, "indices", out, 1, "out")) ||
      failed(checkIndexTypes(context, indices, site)))
    return failure();

  declareFail(e);
  Value count = e.dim(indices, 0), extent = packed ? e.index(*rows) : e.dim(data, 1);
  e.parallel(e.mul(e.dim(out, 0), count), packed ? 1 : 16, [&](Value at) {
    Value outer = e.div(at, count), position = e.rem(at, count);
    // Row 0 stands for one outside of the table, so that nothing else is read.
    Value raw = e.loadScalar(indices, {position});
    Value row = emitCheckedIndex(e, raw, extent, site).position;
    // An empty table has no row 0 either.
    e.ifElse(e.lessThan(e.index(0), extent), [&] {
      if (packed)
        return emitColumnCopy(e, data, out, row, position);
      emitCopy(e, data, out, {outer, row}, {outer, position},
               context.level.vectorBytes);
    });
  });
  return success();
}

} // namespace winnow::cpu
