//===- BatchedProduct.cpp - The loops of products of two variable matrices ===//

#include "BatchedProduct.h"

using namespace mlir;

namespace winnow::cpu {

LogicalResult BatchedProduct::check(const KernelContext &context, Type element) const {
  int64_t depthDim = transposed ? 2 : 1, columnDim = transposed ? 1 : 2;
  if (failed(context.memref(a, "a", 3, element)) || failed(context.memref(b, "b", 3, element)) ||
      failed(context.memref(out, "out", 3, context.f32())) ||
      failed(context.sameExtent(a, 0, "a", out, 0, "out")) ||
      failed(context.sameExtent(a, 1, "a", out, 1, "out")) ||
      failed(context.sameExtent(a, 2, "a", b, depthDim, "b")) ||
      failed(context.sameExtent(b, columnDim, "b", out, 2, "out")))
    return failure();
  if (cast<MemRefType>(b.getType()).getDimSize(0) == 1)
    return success();
  return context.sameExtent(b, 0, "b", out, 0, "out");
}

void BatchedProduct::forEachBlock(Emitter &e, function_ref<void(const Block &)> body) const {
  Value rows = e.dim(out, 1), columns = e.dim(out, 2);
  Value blocks = e.ceilDiv(rows, e.index(schedule.mb));
  Value panels = e.ceilDiv(columns, e.index(schedule.nr));
  Value perBatch = e.mul(blocks, panels);
  bool sharedB = cast<MemRefType>(b.getType()).getDimSize(0) == 1;
  e.parallel(e.mul(e.dim(out, 0), perBatch), 1, [&](Value at) {
    Block block;
    Value batch = e.div(at, perBatch), rest = e.rem(at, perBatch);
    block.begin = e.mul(e.div(rest, panels), schedule.mb);
    block.end = e.min(e.add(block.begin, schedule.mb), rows);
    block.col = e.mul(e.rem(rest, panels), schedule.nr);
    block.valid = e.min(e.sub(columns, block.col), e.index(schedule.nr));
    block.a = e.slice(a, {batch, {}, {}});
    block.b = e.slice(b, {sharedB ? e.index(0) : batch, {}, {}});
    block.out = e.slice(out, {batch, {}, {}});
    body(block);
  });
}

TileTarget BatchedProduct::getTarget(const Block &block, Value staging, Value row) const {
  auto type = cast<MemRefType>(out.getType());
  bool wholePanels = !type.isDynamicDim(2) && type.getDimSize(2) % schedule.nr == 0;
  return {block.out, staging, row, block.col, wholePanels ? Value() : block.valid};
}

int64_t BatchedProduct::getExtent(Value memref, int64_t dimension) {
  int64_t extent = cast<MemRefType>(memref.getType()).getDimSize(dimension);
  return ShapedType::isDynamic(extent) ? 1 << 20 : extent;
}

} // namespace winnow::cpu
