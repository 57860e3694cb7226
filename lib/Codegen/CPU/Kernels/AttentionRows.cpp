//===- AttentionRows.cpp - Attention of chosen rows -----------------------===//
//
// Each batch and head has rows of the query of its own that attend, and whose results go to
// the same rows of the output; what the other rows hold stays.
//
//===----------------------------------------------------------------------===//

#include "Attention.h"

using namespace mlir;

namespace winnow::cpu {

Value Attention::countQueries(Emitter &e) const {
  return queryRows ? e.dim(queryRows, 2) : e.dim(query, 1);
}

Value Attention::getRow(Emitter &e, const Block &block, Value query) const {
  return block.rows ? loadIndex(e, block.rows, query) : query;
}

/// Where causality cuts each of the block's queries off, and the last of these.
Value Attention::emitPositions(Emitter &e, const Block &block) const {
  Value last = e.sub(block.queries, e.index(1));
  return e.forRange(e.index(0), e.index(queryBlock()), 1, e.index(0),
                    [&](Value lane, ValueRange before) {
                      Value row = getRow(e, block, e.min(e.add(block.first, lane), last));
                      Value number = arith::IndexCastOp::create(e, e.getI32Type(), row);
                      e.storeScalar(number, block.positions, lane);
                      return SmallVector<Value>{e.max(before.front(), row)};
                    })[0];
}

/// The values of keys whose scores are computed, and the keys after them, which are read next. Few
/// rows leave little work for each, and they lie as far apart as all heads are long, which no
/// hardware foresees.
void Attention::emitTileFetch(Emitter &e, const Block &block, Value row, int64_t rows) const {
  auto fetch = [&](Value matrix, Value first, int64_t size, unsigned locality) {
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t at = 0; at < size; at += Emitter::lineElements)
        e.prefetch(matrix, {e.add(first, r), e.index(at)}, locality);
  };
  fetch(block.value, row, valueDim, /*locality=*/2);
  if (!keyHeadsFirst)
    fetch(block.key, e.add(row, rows), headDim, /*locality=*/3);
}

void emitPackedRows(Emitter &e, Value matrix, llvm::function_ref<Value(Value)> rowAt, int64_t size,
                    int64_t count, Value factor, Value packed, int64_t lanes) {
  e.forRange(e.index(0), e.index(count), lanes, [&](Value lane) {
    SmallVector<Value> rows;
    for (int64_t i = 0; i < lanes; ++i)
      rows.push_back(rowAt(e.add(lane, i)));
    e.forEachVector(e.index(size), lanes, [&](Value at, Value mask) {
      SmallVector<Value> square;
      for (Value row : rows)
        square.push_back(e.load(matrix, {row, at}, lanes, mask));
      for (auto [i, row] : llvm::enumerate(e.transpose(std::move(square))))
        e.store(e.mulF(row, factor), packed, {e.add(at, i), lane});
    });
  });
}

void Attention::emitQueryPacking(Emitter &e, const Block &block) const {
  Value last = e.sub(block.queries, e.index(1));
  // Lanes beyond the last query repeat it; nothing stores them.
  auto rowAt = [&](Value lane) { return getRow(e, block, e.min(e.add(block.first, lane), last)); };
  emitPackedRows(e, block.query, rowAt, headDim, queryBlock(), e.real(scoreFactor(), vector(e)),
                 block.packedQuery, lanes);
}

} // namespace winnow::cpu
