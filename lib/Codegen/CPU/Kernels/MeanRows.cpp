//===- MeanRows.cpp - The mean of all rows, in every row ------------------===//
//
// Rows are summed up in parts, whose number does not depend on the threads, so that neither
// does the order of additions; rows of the result add the parts up again.
//
//===----------------------------------------------------------------------===//

#include "KernelBuilder.h"

using namespace mlir;

namespace winnow::cpu {
namespace {

struct MeanRows {
  Value x, out, parts; ///< [batch, rows, heads, columns]
  int64_t heads, columns, lanes;

  /// Calls `body` with the place and the mask of each vector of a row.
  void forEachVector(Emitter &e, llvm::function_ref<void(Value, Value, Value)> body) const {
    e.forRange(e.index(0), e.index(heads), 1, [&](Value head) {
      e.forEachVector(e.index(columns), lanes, [&](Value at, Value mask) { body(head, at, mask); });
    });
  }

  /// Several rows at a time, for each of which the sums would be loaded and stored.
  void addRows(Emitter &e, Value batch, Value row, int64_t count, Value part) const {
    forEachVector(e, [&](Value head, Value at, Value mask) {
      Value sum = e.load(x, {batch, row, head, at}, lanes, mask);
      for (int64_t i = 1; i < count; ++i)
        sum = e.addF(sum, e.load(x, {batch, e.add(row, i), head, at}, lanes, mask));
      sum = e.addF(sum, e.load(parts, {batch, part, head, at}, lanes, mask));
      e.store(sum, parts, {batch, part, head, at}, mask);
    });
  }

  void emitParts(Emitter &e) const {
    Value count = e.dim(parts, 1), rows = e.dim(x, 1);
    e.parallel(e.mul(e.dim(x, 0), count), 1, [&](Value item) {
      Value batch = e.div(item, count), part = e.rem(item, count);
      Value zero = e.real(0.0, VectorType::get(lanes, e.getF32Type()));
      forEachVector(e, [&](Value head, Value at, Value mask) {
        e.store(zero, parts, {batch, part, head, at}, mask);
      });
      Value begin = e.div(e.mul(part, rows), count);
      Value end = e.div(e.mul(e.add(part, 1), rows), count);
      constexpr int64_t together = 4;
      Value whole = e.add(begin, e.mul(e.div(e.sub(end, begin), e.index(together)), together));
      e.forRange(begin, whole, together,
                 [&](Value row) { addRows(e, batch, row, together, part); });
      e.forRange(whole, end, 1, [&](Value row) { addRows(e, batch, row, 1, part); });
    });
  }

  void emitRows(Emitter &e) const {
    constexpr int64_t rows = 64;
    Type f32 = e.getF32Type();
    Value blocks = e.ceilDiv(e.dim(out, 1), e.index(rows));
    e.parallel(e.mul(e.dim(out, 0), blocks), 1, [&](Value item) {
      Value mean = e.scratch({heads, int64_t(llvm::alignTo(columns, lanes))}, f32);
      Value batch = e.div(item, blocks), first = e.mul(e.rem(item, blocks), rows);
      Value size = arith::IndexCastOp::create(e, e.getI64Type(), e.dim(x, 1));
      Value count = e.splat(arith::SIToFPOp::create(e, f32, size), lanes);
      forEachVector(e, [&](Value head, Value at, Value mask) {
        Value zero = e.real(0.0, VectorType::get(lanes, f32));
        Value sum =
            e.forRange(e.index(0), e.dim(parts, 1), 1, zero, [&](Value part, ValueRange before) {
              Value next = e.load(parts, {batch, part, head, at}, lanes, mask);
              return SmallVector<Value>{e.addF(before[0], next)};
            })[0];
        e.store(e.divF(sum, count), mean, {head, at});
      });
      Value last = e.min(e.add(first, rows), e.dim(out, 1));
      e.forRange(first, last, 1, [&](Value row) {
        forEachVector(e, [&](Value head, Value at, Value mask) {
          e.store(e.load(mean, {head, at}, lanes), out, {batch, row, head, at}, mask);
        });
      });
    });
  }
};

} // namespace

LogicalResult buildMeanRows(Emitter &e, const KernelContext &context) {
  auto arguments = context.arguments(3);
  if (failed(arguments))
    return failure();
  Value x = (*arguments)[0], out = (*arguments)[1], parts = (*arguments)[2];
  for (auto [memref, name] : {std::pair(x, "x"), std::pair(out, "out"), std::pair(parts, "parts")})
    if (failed(context.memref(memref, name, 4, context.f32())) ||
        failed(context.sameExtent(memref, 0, name, x, 0, "x")) ||
        failed(context.sameExtent(memref, 2, name, x, 2, "x")) ||
        failed(context.sameExtent(memref, 3, name, x, 3, "x")))
      return failure();
  ArrayRef<int64_t> shape = cast<MemRefType>(x.getType()).getShape();
  if (shape[2] <= 0 || shape[3] <= 0)
    return context.error() << "expected heads and columns of 'x' to be static and positive, got "
                           << x.getType();
  MeanRows mean{x, out, parts, shape[2], shape[3], context.lanes()};
  mean.emitParts(e);
  mean.emitRows(e);
  return success();
}

} // namespace winnow::cpu
