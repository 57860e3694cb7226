//===- MatMul.cpp - Batched products of two variable matrices -------------===//
//
// 1. Indices of the parallel loop are (batch, block of rows, panel of
//    columns), panel fastest.
// 2. b is walked in passes of bounded depth. A panel of it is copied to
//    scratch, transposed if need be, unless it can be read where it is: few
//    rows would not pay for the copy.
// 3. Each pass runs over register tiles; partial sums wait in `out`.
//
//===----------------------------------------------------------------------===//

#include "BatchedProduct.h"

using namespace mlir;

namespace winnow::cpu {
namespace {

struct MatMul : BatchedProduct {
  static FailureOr<MatMul> parse(const KernelContext &context);
  void emit(Emitter &e) const;

private:
  struct Block : BatchedProduct::Block {
    Value panel, staging;
  };
  void emitPass(Emitter &e, const Block &block, Value depthBegin) const;
  Value emitPanel(Emitter &e, const Block &block, Value depthBegin,
                  Value depth) const;
  void copyPanel(Emitter &e, const Block &block, Value depthBegin,
                 Value depth) const;
  void transposePanel(Emitter &e, const Block &block, Value depthBegin,
                      Value depth) const;
};

FailureOr<MatMul> MatMul::parse(const KernelContext &context) {
  auto arguments = context.arguments(3);
  if (failed(arguments))
    return failure();
  MatMul result;
  result.a = (*arguments)[0];
  result.b = (*arguments)[1];
  result.out = (*arguments)[2];
  result.transposed = context.flag("transpose_b");
  result.lanes = context.lanes();
  if (failed(result.check(context, context.f32())))
    return failure();
  result.schedule =
      chooseLinearSchedule(context.level, getExtent(result.out, 2),
                           getExtent(result.a, 2), std::nullopt);
  // The panel is written as well as read, so it gets less of the cache. Whole
  // squares are transposed, so the depth is a multiple of the lanes.
  result.schedule.kc = llvm::alignTo(
      std::min<int64_t>(result.schedule.kc, 512), result.lanes);
  return result;
}

void MatMul::emit(Emitter &e) const {
  forEachBlock(e, [&](const BatchedProduct::Block &part) {
    Type f32 = e.getF32Type();
    Block block{part, e.scratch({schedule.kc, schedule.nr}, f32),
                e.scratch({schedule.mr, schedule.nr}, f32)};
    // A depth of zero still takes one pass, which writes the zeros.
    Value depth = e.max(e.dim(a, 2), e.index(1));
    e.forRange(e.index(0), depth, schedule.kc,
               [&](Value begin) { emitPass(e, block, begin); });
  });
}

void MatMul::emitPass(Emitter &e, const Block &block, Value depthBegin) const {
  Value depth =
      e.min(e.sub(e.dim(a, 2), depthBegin), e.index(schedule.kc));
  Value panel = emitPanel(e, block, depthBegin, depth);
  e.forEachTile(
      block.begin, block.end, schedule.mr, [&](Value row, int64_t tileRows) {
        GemmTile tile{tileRows, schedule.nr / lanes, lanes};
        TileTarget target = getTarget(block, block.staging, row);
        SmallVector<Value> zeros = tile.zeros(e, e.getF32Type());
        SmallVector<Value> acc = e.select(
            e.equal(depthBegin, e.index(0)), [&] { return zeros; },
            [&] { return target.load(e, tile); });
        acc = tile.multiply(
            e, depth, acc,
            [&](int64_t r, Value at) {
              return e.loadScalar(block.a,
                                  {e.add(row, r), e.add(depthBegin, at)});
            },
            [&](Value at, int64_t v) {
              return e.load(panel, {at, e.index(v * lanes)}, lanes);
            });
        target.store(e, tile, acc, Epilogue());
      });
}

Value MatMul::emitPanel(Emitter &e, const Block &block, Value depthBegin,
                        Value depth) const {
  if (transposed) {
    transposePanel(e, block, depthBegin, depth);
    return block.panel;
  }
  Value few = e.lessThan(e.sub(block.end, block.begin),
                         e.index(4 * schedule.mr));
  Value whole = e.equal(block.valid, e.index(schedule.nr));
  Value inPlace = e.createOrFold<arith::AndIOp>(few, whole);
  auto window = [&] {
    SmallVector<OpFoldResult> offsets{depthBegin, block.col};
    SmallVector<OpFoldResult> sizes{depth, e.getIndexAttr(schedule.nr)};
    SmallVector<OpFoldResult> strides(2, e.getIndexAttr(1));
    Value view =
        memref::SubViewOp::create(e, block.b, offsets, sizes, strides);
    return SmallVector<Value>{e.forgetShape(view)};
  };
  auto copy = [&] {
    copyPanel(e, block, depthBegin, depth);
    return SmallVector<Value>{e.forgetShape(block.panel)};
  };
  return e.select(inPlace, window, copy)[0];
}

void MatMul::copyPanel(Emitter &e, const Block &block, Value depthBegin,
                       Value depth) const {
  auto copyRows = [&](bool masked) {
    SmallVector<Value> masks(schedule.nr / lanes);
    if (masked)
      for (auto [v, mask] : llvm::enumerate(masks))
        mask = e.maskBelow(e.add(block.valid, -int64_t(v) * lanes), lanes);
    e.forRange(e.index(0), depth, 1, [&](Value k) {
      for (auto [v, mask] : llvm::enumerate(masks)) {
        int64_t first = v * lanes;
        Value row = e.load(
            block.b, {e.add(depthBegin, k), e.add(block.col, first)}, lanes,
            mask);
        e.store(row, block.panel, {k, e.index(first)});
      }
    });
  };
  e.ifElse(e.equal(block.valid, e.index(schedule.nr)),
           [&] { copyRows(false); }, [&] { copyRows(true); });
}

void MatMul::transposePanel(Emitter &e, const Block &block, Value depthBegin,
                            Value depth) const {
  // Columns beyond the last repeat it: they are computed and not stored.
  Value last = e.sub(e.dim(out, 2), e.index(1));
  e.forRange(e.index(0), e.index(schedule.nr), lanes, [&](Value column) {
    e.forEachVector(depth, lanes, [&](Value k, Value mask) {
      SmallVector<Value> square;
      for (int64_t i = 0; i < lanes; ++i) {
        Value row = e.min(e.add(e.add(block.col, column), i), last);
        square.push_back(
            e.load(block.b, {row, e.add(depthBegin, k)}, lanes, mask));
      }
      for (auto [i, row] : llvm::enumerate(e.transpose(std::move(square))))
        e.store(row, block.panel, {e.add(k, i), column});
    });
  });
}

} // namespace

LogicalResult buildMatMul(Emitter &e, const KernelContext &context) {
  FailureOr<MatMul> matmul = MatMul::parse(context);
  if (failed(matmul))
    return failure();
  matmul->emit(e);
  return success();
}

} // namespace winnow::cpu
