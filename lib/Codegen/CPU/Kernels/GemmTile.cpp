//===- GemmTile.cpp - Register tiles of matrix products -------------------===//

#include "GemmTile.h"

using namespace mlir;

namespace winnow::cpu {

SmallVector<Value> GemmTile::zeros(Emitter &e, Type element) const {
  Value zero = arith::ConstantOp::create(e, e.getZeroAttr(VectorType::get(lanes, element)));
  return SmallVector<Value>(rows * vectors, zero);
}

SmallVector<Value>
GemmTile::multiply(Emitter &e, Value depth, ValueRange init,
                   function_ref<Value(int64_t, Value)> lhs,
                   function_ref<Value(Value, int64_t)> rhs,
                   function_ref<void(Value)> atStep) const {
  auto step = [&](Value k, SmallVector<Value> acc) {
    SmallVector<Value> columns;
    for (int64_t v = 0; v < vectors; ++v)
      columns.push_back(rhs(k, v));
    for (int64_t r = 0; r < rows; ++r) {
      Value scale = e.splat(lhs(r, k), lanes);
      for (int64_t v = 0; v < vectors; ++v) {
        Value &sum = acc[r * vectors + v];
        sum = e.fma(scale, columns[v], sum);
      }
    }
    return acc;
  };
  Value zero = e.index(0);
  Value whole = e.mul(e.div(depth, e.index(depthStep)), depthStep);
  SmallVector<Value> acc = e.forRange(
      zero, whole, depthStep, init, [&](Value k, ValueRange carried) {
        SmallVector<Value> acc = llvm::to_vector(carried);
        for (int64_t u = 0; u < depthStep; ++u)
          acc = step(e.add(k, u), std::move(acc));
        if (atStep)
          atStep(k);
        return acc;
      });
  if (isConstantIntValue(e.createOrFold<arith::SubIOp>(depth, whole), 0))
    return acc;
  return e.forRange(whole, depth, 1, acc, [&](Value k, ValueRange carried) {
    return step(k, llvm::to_vector(carried));
  });
}

SmallVector<Value> TileTarget::load(Emitter &e, const GemmTile &tile) const {
  SmallVector<Value> result;
  for (int64_t r = 0; r < tile.rows; ++r)
    for (int64_t v = 0; v < tile.vectors; ++v) {
      int64_t first = v * tile.lanes;
      Value mask;
      if (validColumns)
        mask = e.maskBelow(e.add(validColumns, -first), tile.lanes);
      result.push_back(e.load(out.buffer, out.locate(e, e.add(row, r), e.add(col, first)),
                              tile.lanes, mask));
    }
  return result;
}

void TileTarget::store(Emitter &e, const GemmTile &tile, ValueRange acc,
                       const Epilogue &epilogue) const {
  auto storeFull = [&] {
    if (epilogue.isShort())
      storeDirect(e, tile, acc, epilogue);
    else
      storeStaged(e, tile, acc, epilogue, /*masked=*/false);
  };
  if (!validColumns)
    return storeFull();
  e.ifElse(e.lessThan(validColumns, e.index(tile.columns())),
           [&] { storeStaged(e, tile, acc, epilogue, /*masked=*/true); },
           storeFull);
}

void TileTarget::storeDirect(Emitter &e, const GemmTile &tile, ValueRange acc,
                             const Epilogue &epilogue) const {
  for (int64_t r = 0; r < tile.rows; ++r)
    for (int64_t v = 0; v < tile.vectors; ++v) {
      Value atRow = e.add(row, r), atCol = e.add(col, v * tile.lanes);
      Value sum = acc[r * tile.vectors + v];
      e.store(epilogue.apply(e, sum, atRow, atCol), out.buffer, out.locate(e, atRow, atCol));
    }
}

void TileTarget::storeStaged(Emitter &e, const GemmTile &tile, ValueRange acc,
                             const Epilogue &epilogue, bool masked) const {
  for (int64_t r = 0; r < tile.rows; ++r)
    for (int64_t v = 0; v < tile.vectors; ++v)
      e.store(acc[r * tile.vectors + v], staging,
              {e.index(r), e.index(v * tile.lanes)});
  SmallVector<Value> masks(tile.vectors);
  if (masked)
    for (int64_t v = 0; v < tile.vectors; ++v)
      masks[v] = e.maskBelow(e.add(validColumns, -v * tile.lanes), tile.lanes);
  e.forRange(e.index(0), e.index(tile.rows), 1, [&](Value r) {
    Value atRow = e.add(row, r);
    for (int64_t v = 0; v < tile.vectors; ++v) {
      Value atCol = e.add(col, v * tile.lanes);
      Value sum = e.load(staging, {r, e.index(v * tile.lanes)}, tile.lanes);
      sum = epilogue.apply(e, sum, atRow, atCol, masks[v]);
      e.store(sum, out.buffer, out.locate(e, atRow, atCol), masks[v]);
    }
  });
}

} // namespace winnow::cpu
