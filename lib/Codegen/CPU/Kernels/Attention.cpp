//===- Attention.cpp - softmax(scale q k^T + mask) v ----------------------===//
//
// 1. Indices of the parallel loop are (batch, head, block of queries), block
//    fastest, or, where queries are packed, (head, sequence, block): one work list
//    of blocks, however uneven the sequences are. The block's queries are transposed and scaled into scratch.
// 2. Keys are walked in blocks. A block's scores are register tiles of keys
//    times queries, left in scratch (AttentionScores.cpp).
// 3. Online softmax: the scores become weights relative to the greatest score
//    so far, and what was summed before decays (AttentionScores.cpp). Keys that
//    causality hides from all queries of the block are left out; where they are
//    the least float instead of -inf, they count in rows that see no more, and
//    where it is added, also if the mask brings them up again.
// 4. Register tiles of queries times value columns add weights times values.
// 5. The sums are divided by the total weight and stored.
//
// A single query would leave all lanes but one idle: see AttentionSingle.cpp. Queries may be
// chosen rows: see AttentionRows.cpp.
//
// Where a step of a decoder makes a longer cache of the past one, it reads both the
// past and the longer one from memory if one op copies and another attends. Here the
// block that comes to a few keys first copies them, and then finds them in the L1 cache.
//
//===----------------------------------------------------------------------===//

#include "Attention.h"

using namespace mlir;

namespace winnow::cpu {

//===----------------------------------------------------------------------===//
// Parsing
//===----------------------------------------------------------------------===//

LogicalResult Attention::checkShapes(const KernelContext &context) const {
  Type f32 = context.f32();
  int64_t keyLength = lengthDim(keyHeadsFirst), keyHead = headsDim(keyHeadsFirst);
  int64_t valueLength = lengthDim(valueHeadsFirst),
          valueHead = headsDim(valueHeadsFirst);
  if (failed(context.memref(query, "q", 4, f32)) ||
      failed(context.memref(key, "k", 4, f32)) ||
      failed(context.memref(value, "v", 4, f32)) ||
      failed(context.memref(out, "out", 4, f32)) ||
      failed(context.sameExtent(query, 3, "q", key, 3, "k")) ||
      failed(context.sameExtent(key, keyLength, "k", value, valueLength, "v")) ||
      failed(context.sameExtent(key, keyHead, "k", value, valueHead, "v")) ||
      failed(context.sameExtent(query, 1, "q", out, 1, "out")) ||
      failed(context.sameExtent(query, 2, "q", out, 2, "out")) ||
      failed(context.sameExtent(value, 3, "v", out, 3, "out")))
    return failure();
  for (auto [memref, name, heads] :
       {std::tuple(query, "q", int64_t(2)), std::tuple(key, "k", keyHead),
        std::tuple(value, "v", valueHead), std::tuple(out, "out", int64_t(2))})
    for (int64_t dimension : {heads, int64_t(3)})
      if (cast<MemRefType>(memref.getType()).getDimSize(dimension) <= 0)
        return context.error() << "expected heads and head size of '" << name
                               << "' to be static and positive, got "
                               << memref.getType();
  return success();
}

LogicalResult Attention::checkPast(const KernelContext &context) const {
  if (keyOffsets || heads != keyHeads)
    return context.error() << "expected a past of keys that are not packed, for each head";
  for (auto [past, present, name, headsFirst] :
       {std::tuple(pastKey, key, "past_k", keyHeadsFirst),
        std::tuple(pastValue, value, "past_v", valueHeadsFirst)}) {
    if (failed(context.memref(past, name, 4, context.f32())))
      return failure();
    for (int64_t dimension : {int64_t(0), headsDim(headsFirst), int64_t(3)})
      if (failed(context.sameExtent(past, dimension, name, present, dimension, "the present")))
        return failure();
  }
  return context.sameExtent(pastKey, lengthDim(keyHeadsFirst), "past_k", pastValue,
                            lengthDim(valueHeadsFirst), "past_v");
}

static int64_t getNumQueries(const Attention &op) {
  if (op.queryRows)
    return cast<MemRefType>(op.queryRows.getType()).getDimSize(2);
  return cast<MemRefType>(op.query.getType()).getDimSize(1);
}

/// Tile sizes that fit the register file, and few queries where they are few, as in
/// a step of a decoder: lanes and rows beyond them are computed in vain.
static void chooseTiles(Attention &op, const CPULevel &level) {
  bool wide = level.numVectorRegs >= 32;
  int64_t queries = getNumQueries(op);
  if (ShapedType::isDynamic(queries))
    queries = std::numeric_limits<int32_t>::max();
  queries = std::max<int64_t>(queries, 1);
  op.queryVectors = queries > op.lanes ? 2 : 1;
  // Chosen rows are a few blocks' worth, of which the last one is not to be mostly empty.
  if (op.queryRows && wide && queries > 2 * op.lanes &&
      llvm::alignTo(queries, 3 * op.lanes) < llvm::alignTo(queries, 2 * op.lanes))
    op.queryVectors = 3;
  op.scoreTile = {wide ? 8 : level.hasFMA ? 6 : 4, op.queryVectors, op.lanes};
  op.valueRows = std::min<int64_t>(wide ? 8 : 4, llvm::bit_ceil(uint64_t(queries)));
  // A block is whole tiles.
  uint64_t block = op.queryVectors * op.lanes;
  op.valueRows = std::min<int64_t>(op.valueRows, block & (~block + 1));
  // A single row needs many vectors to hide the latency of sums.
  op.valueVectors = op.valueRows == 1 ? 6 : level.hasFMA ? 3 : 2;
  op.keyBlock = llvm::alignDown(4096 / (op.queryVectors * op.lanes), uint64_t(16));
}

FailureOr<Attention> Attention::parse(const KernelContext &context) {
  Attention op;
  auto scale = context.real("scale");
  auto maskName = context.string("mask", "none");
  if (failed(scale) || failed(maskName))
    return failure();
  if (*maskName != "none" && *maskName != "bool" && *maskName != "add")
    return context.error() << "expected 'mask' to be none, bool or add, got '"
                           << *maskName << "'";
  op.maskKind = *maskName == "none"   ? MaskKind::none
                : *maskName == "bool" ? MaskKind::boolean
                                      : MaskKind::additive;
  bool masked = op.maskKind != MaskKind::none;
  bool queryPacked = context.flag("query_packed"), keyPacked = context.flag("key_packed");
  bool past = context.flag("past"), rows = context.flag("query_rows");
  if (rows && (queryPacked || keyPacked || past))
    return context.error() << "expected rows of sequences that are neither packed nor cached";
  auto arguments = context.arguments(4 + masked + queryPacked + 2 * keyPacked + 2 * past + rows +
                                     (masked && queryPacked) + (masked && keyPacked));
  if (failed(arguments))
    return failure();
  // With a past, keys and values are outputs.
  if (past)
    std::rotate(arguments->begin() + 1, arguments->end() - 3, arguments->end() - 1);
  op.query = (*arguments)[0];
  op.key = (*arguments)[1];
  op.value = (*arguments)[2];
  op.out = arguments->back();
  op.keyHeadsFirst = context.flag("key_heads_first");
  op.valueHeadsFirst = context.flag("value_heads_first");
  if (failed(op.checkShapes(context)))
    return failure();
  auto extent = [](Value memref, int64_t dimension) {
    return cast<MemRefType>(memref.getType()).getDimSize(dimension);
  };
  op.heads = extent(op.query, 2);
  op.keyHeads = extent(op.key, headsDim(op.keyHeadsFirst));
  op.headDim = extent(op.query, 3);
  op.valueDim = extent(op.value, 3);
  if (op.heads % op.keyHeads)
    return context.error() << "expected the heads of 'q' to be a multiple of "
                              "those of 'k', got "
                           << op.heads << " and " << op.keyHeads;
  if (masked) {
    op.mask = (*arguments)[3];
    Type element = op.maskKind == MaskKind::boolean
                       ? IntegerType::get(context.config.getContext(), 1)
                       : context.f32();
    if (failed(context.memref(op.mask, "mask", 4, element)) ||
        (!keyPacked && failed(context.sameExtent(op.mask, 3, "mask", op.key,
                                                 lengthDim(op.keyHeadsFirst), "k"))))
      return failure();
  }
  unsigned next = 3 + masked;
  Type i64 = IntegerType::get(context.config.getContext(), 64);
  for (auto [isThere, into, name] :
       {std::tuple(masked && queryPacked, &op.queryPositions, "query_positions"),
        std::tuple(masked && keyPacked, &op.keyPositions, "key_positions"),
        std::tuple(queryPacked, &op.queryOffsets, "query_offsets"),
        std::tuple(keyPacked, &op.keyOffsets, "key_offsets"),
        std::tuple(keyPacked, &op.keyLengths, "key_lengths")}) {
    if (!isThere)
      continue;
    *into = (*arguments)[next++];
    if (failed(context.memref(*into, name, 1, i64)))
      return failure();
  }
  if (rows) {
    op.queryRows = (*arguments)[next++];
    if (failed(context.memref(op.queryRows, "query_rows", 3, i64)) ||
        failed(context.sameExtent(op.queryRows, 1, "query_rows", op.query, 2, "q")))
      return failure();
  }
  if (past) {
    op.pastKey = (*arguments)[next++];
    op.pastValue = (*arguments)[next++];
    if (failed(op.checkPast(context)))
      return failure();
  }
  op.scale = *scale;
  if (context.config.contains("softcap")) {
    FailureOr<double> softcap = context.real("softcap");
    if (failed(softcap))
      return failure();
    op.softcap = *softcap;
  }
  op.causal = context.flag("causal");
  op.causalAtEnd = context.flag("causal_at_end");
  op.causalLowest = context.flag("causal_lowest");
  op.causalAddsLowest = context.flag("causal_adds_lowest");
  op.nanToZero = context.flag("nan_to_zero");
  op.steps = context.flag("steps");
  op.lanes = context.lanes();
  chooseTiles(op, context.level);
  return op;
}

//===----------------------------------------------------------------------===//
// The block of queries
//===----------------------------------------------------------------------===//

void Attention::emit(Emitter &e) const {
  int64_t queries = getNumQueries(*this);
  std::optional<Attention> one = forSingleQuery();
  if (one && queries == 1)
    return one->emitBlocks(e);
  if (!one || !steps || !ShapedType::isDynamic(queries))
    return emitBlocks(e);
  e.ifElse(e.equal(e.dim(query, 1), e.index(1)), [&] { one->emitBlocks(e); },
           [&] { emitBlocks(e); });
}

void Attention::emitBlocks(Emitter &e) const {
  if (queryOffsets) {
    Value blocks = emitPackedBlocks(e);
    e.parallel(e.mul(blocks, heads), 1, [&](Value at) {
      Block block = emitBlock(e, emitPackedItem(e, at, blocks));
      e.ifElse(e.lessThan(block.first, block.queries), [&] { emitBlockBody(e, block); });
    });
    return;
  }
  Value blocks = e.ceilDiv(countQueries(e), e.index(queryBlock()));
  Value fills = pastKey ? emitPastFilling(e, blocks) : Value();
  Value items = e.mul(e.mul(e.dim(query, 0), heads), blocks);
  e.parallel(items, 1, [&](Value at) {
    Value item = e.div(at, blocks);
    Block block = emitBlock(e, {e.div(item, e.index(heads)), e.rem(item, e.index(heads)),
                                e.rem(at, blocks)});
    block.fills = fills;
    emitBlockBody(e, block);
  });
}

/// Whether the blocks copy the past. A head of several blocks, or of none, finds it
/// copied before.
Value Attention::emitPastFilling(Emitter &e, Value blocks) const {
  Value one = e.equal(blocks, e.index(1));
  Value items = e.mul(e.dim(query, 0), heads);
  e.parallel(e.blend(one, e.index(0), items), 1, [&](Value at) {
    Block block;
    sliceKeys(e, block, e.div(at, e.index(heads)), e.rem(at, e.index(heads)));
    emitPast(e, block, e.index(0), e.dim(block.pastKey, 0));
  });
  return one;
}

/// Copies keys and values `begin` to `end - 1`, as far as they are past ones.
void Attention::emitPast(Emitter &e, const Block &block, Value begin, Value end) const {
  Value last = e.min(end, e.dim(block.pastKey, 0));
  for (auto [from, to, size] : {std::tuple(block.pastKey, block.key, headDim),
                                std::tuple(block.pastValue, block.value, valueDim)})
    e.forRange(begin, last, 1, [&, from = from, to = to, size = size](Value row) {
      e.forEachVector(e.index(size), lanes, [&](Value at, Value mask) {
        e.store(e.load(from, {row, at}, lanes, mask), to, {row, at}, mask);
      });
    });
}

void Attention::emitTilePast(Emitter &e, const Block &block, Value row, int64_t rows) const {
  if (pastKey)
    e.ifElse(block.fills, [&] { emitPast(e, block, row, e.add(row, rows)); });
}

void Attention::sliceKeys(Emitter &e, Block &block, Value entry, Value head) const {
  auto headOf = [&](Value memref, bool headsFirst) {
    return headsFirst ? e.slice(memref, {entry, head, {}, {}})
                      : e.slice(memref, {entry, {}, head, {}});
  };
  block.key = headOf(key, keyHeadsFirst);
  block.value = headOf(value, valueHeadsFirst);
  if (!pastKey)
    return;
  block.pastKey = headOf(pastKey, keyHeadsFirst);
  block.pastValue = headOf(pastValue, valueHeadsFirst);
}

Value loadIndex(Emitter &e, Value numbers, Value at) {
  return arith::IndexCastOp::create(e, e.getIndexType(), e.loadScalar(numbers, at));
}

/// Of sequence b, blocks begin at number offsets[b] / size + b: far enough from
/// those of the next one for all its queries, with at most one to spare, and no
/// table is needed to find the sequence of a block.
Value Attention::emitPackedBlocks(Emitter &e) const {
  Value sequences = e.sub(e.dim(queryOffsets, 0), e.index(1));
  Value tokens = loadIndex(e, queryOffsets, sequences);
  return e.add(e.div(tokens, e.index(queryBlock())), sequences);
}

Attention::Item Attention::emitPackedItem(Emitter &e, Value at, Value blocks) const {
  Value head = e.div(at, blocks), number = e.rem(at, blocks);
  Value sequences = e.sub(e.dim(queryOffsets, 0), e.index(1));
  auto firstBlock = [&](Value sequence) {
    return e.add(e.div(loadIndex(e, queryOffsets, sequence), e.index(queryBlock())), sequence);
  };
  // The last sequence that begins at the number or before.
  Value batch = e.forRange(e.index(1), sequences, 1, e.index(0), [&](Value sequence, ValueRange count) {
    Value isAfter = e.lessThan(number, firstBlock(sequence));
    Value one = arith::SelectOp::create(e, isAfter, e.index(0), e.index(1));
    return SmallVector<Value>{e.add(count.front(), one)};
  })[0];
  return {batch, head, e.sub(number, firstBlock(batch))};
}

void Attention::emitBlockBody(Emitter &e, const Block &block) const {
  if (!single)
    emitQueryPacking(e, block);
  emitStart(e, block);
  Value end = block.keys;
  if (causal && queryRows)
    end = e.min(block.keys, e.add(emitPositions(e, block), 1));
  else if (causal)
    end = e.max(e.min(block.keys, e.add(block.seen, single ? 1 : queryBlock())), e.index(0));
  emitKeys(e, block, e.index(0), end);
  if (causal && pastKey)
    e.ifElse(block.fills, [&] { emitPast(e, block, end, block.keys); });
  if (causalLowest || causalAddsLowest)
    e.ifElse(emitNeedsHiddenKeys(e, block, end, block.keys),
             [&] { emitKeys(e, block, end, block.keys); });
  emitEnd(e, block);
}

void Attention::emitKeys(Emitter &e, const Block &block, Value begin,
                         Value end) const {
  auto forEachBlock = [&](llvm::function_ref<void(Value, Value)> body) {
    e.forRange(begin, end, keyBlock,
               [&](Value first) { body(first, e.min(e.add(first, keyBlock), end)); });
  };
  if (!skipsHidden())
    return forEachBlock([&](Value first, Value last) { emitKeyBlock(e, block, first, last); });
  forEachBlock([&](Value first, Value last) {
    e.ifElse(
        emitSeesSome(e, block, first, last), [&] { emitKeyBlock(e, block, first, last); },
        [&] { emitTilePast(e, block, first, keyBlock); });
  });
  if (maskKind != MaskKind::additive)
    return;
  // Numbers that hide a key beside others do not hide it where there are no others.
  e.ifElse(emitSeesNothing(e, block), [&] {
    forEachBlock([&](Value first, Value last) {
      e.ifElse(
          emitSeesSome(e, block, first, last), [] {},
          [&] { emitKeyBlock(e, block, first, last); });
    });
  });
}

Attention::Block Attention::emitBlock(Emitter &e, const Item &item) const {
  Block block;
  Type f32 = e.getF32Type();
  int64_t queries = queryBlock();
  if (!single)
    block.packedQuery =
        e.scratch({int64_t(llvm::alignTo(headDim, lanes)), queries}, f32);
  block.scores = single ? e.scratch({keyBlock}, f32) : e.scratch({keyBlock, queries}, f32);
  block.sums =
      e.scratch({queries, int64_t(llvm::alignTo(valueDim, lanes))}, f32);
  block.stats = e.scratch({3, queries}, f32);
  block.staging = e.scratch({valueRows, valueVectors * lanes}, f32);

  auto [batch, head, number] = item;
  Value keyHead = e.div(head, e.index(heads / keyHeads));
  Value zero = e.index(0);
  block.query = e.slice(query, {queryOffsets ? zero : batch, {}, head, {}});
  block.out = e.slice(out, {queryOffsets ? zero : batch, {}, head, {}});
  block.queries = countQueries(e);
  if (queryRows)
    block.rows = e.slice(queryRows, {batch, head, {}});
  if (queryRows && causal)
    block.positions = e.scratch({queries}, e.getI32Type());
  sliceKeys(e, block, keyOffsets ? zero : batch, keyHead);
  block.keys = e.dim(key, lengthDim(keyHeadsFirst));
  if (queryOffsets) {
    Value begin = block.queryBegin = loadIndex(e, queryOffsets, batch);
    block.queries = e.sub(loadIndex(e, queryOffsets, e.add(batch, 1)), begin);
    block.query = e.rows(block.query, begin, block.queries);
    block.out = e.rows(block.out, begin, block.queries);
  }
  if (keyOffsets) {
    Value begin = block.keyBegin = loadIndex(e, keyOffsets, batch);
    block.keys = loadIndex(e, keyLengths, batch);
    block.key = e.rows(block.key, begin, block.keys);
    block.value = e.rows(block.value, begin, block.keys);
  }
  block.first = e.mul(number, queryBlock());
  block.seen = block.first;
  if (causalAtEnd)
    block.seen = e.add(block.first, e.sub(block.keys, block.queries));
  block.count = e.min(e.sub(block.queries, block.first), e.index(queryBlock()));
  if (mask) {
    int64_t batches = cast<MemRefType>(query.getType()).getDimSize(0);
    ArrayRef<int64_t> shape = cast<MemRefType>(mask.getType()).getShape();
    Value entry = batch;
    if (!queryOffsets && !ShapedType::isDynamic(shape[0]) && shape[0] != batches)
      entry = e.rem(batch, e.index(shape[0]));
    block.mask = e.slice(mask, {shape[0] == 1 ? e.index(0) : entry,
                                shape[1] == 1 ? e.index(0) : head,
                                {}, {}});
  }
  return block;
}

void Attention::emitStart(Emitter &e, const Block &block) const {
  Value lowest = e.real(-std::numeric_limits<double>::infinity(), vector(e));
  Value zero = e.real(0.0, vector(e));
  for (int64_t v = 0; v < queryVectors; ++v) {
    e.store(lowest, block.stats, {e.index(top), e.index(v * lanes)});
    e.store(zero, block.stats, {e.index(total), e.index(v * lanes)});
  }
  e.forRange(e.index(0), e.index(queryBlock()), 1, [&](Value row) {
    e.forRange(e.index(0), e.dim(block.sums, 1), lanes, [&](Value column) {
      e.store(zero, block.sums, {row, column});
    });
  });
}

void Attention::emitKeyBlock(Emitter &e, const Block &block, Value begin,
                             Value end) const {
  if (single) {
    emitSingleScores(e, block, begin, end);
    emitSingleSoftmax(e, block, begin, end);
  } else {
    emitScores(e, block, begin, end);
    if (softcap)
      emitSoftcap(e, block, e.sub(end, begin));
    if (hasFullMask())
      emitFullMask(e, block, begin, end);
    emitSoftmax(e, block, begin, end);
  }
  // Before the first block there is nothing to decay.
  e.ifElse(e.lessThan(e.index(0), begin), [&] { emitDecay(e, block); });
  emitValues(e, block, begin, end);
}

void Attention::emitDecay(Emitter &e, const Block &block) const {
  e.forRange(e.index(0), block.count, 1, [&](Value row) {
    Value factor =
        e.splat(e.loadScalar(block.stats, {e.index(decay), row}), lanes);
    e.forRange(e.index(0), e.dim(block.sums, 1), lanes, [&](Value column) {
      Value sum = e.load(block.sums, {row, column}, lanes);
      e.store(e.mulF(sum, factor), block.sums, {row, column});
    });
  });
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

void Attention::emitValues(Emitter &e, const Block &block, Value begin,
                           Value end) const {
  Value depth = e.sub(end, begin);
  // Tiles of equal width, then one for the columns that are left.
  int64_t vectors = llvm::divideCeil(valueDim, lanes);
  int64_t groups = llvm::divideCeil(vectors, valueVectors);
  int64_t width = llvm::divideCeil(vectors, groups);
  int64_t step = width * lanes;
  int64_t whole = valueDim / step * step;
  e.forRange(e.index(0), e.index(whole), step, [&](Value column) {
    emitValueTiles(e, block, begin, depth, column, width, step);
  });
  if (int64_t rest = valueDim - whole)
    emitValueTiles(e, block, begin, depth, e.index(whole),
                   llvm::divideCeil(rest, lanes), rest);
}

/// Adds weights times `columns` columns of the values from `column` on. Rows
/// of the last tile that are no queries hold copies of the last one.
void Attention::emitValueTiles(Emitter &e, const Block &block, Value begin,
                               Value depth, Value column, int64_t vectors,
                               int64_t columns) const {
  SmallVector<Value> masks(vectors);
  if (columns % lanes)
    masks.back() = e.maskBelow(e.index(columns % lanes), lanes);
  GemmTile tile{valueRows, vectors, lanes};
  e.forRange(e.index(0), block.count, valueRows, [&](Value row) {
    TileTarget target{block.sums, block.staging, row, column, Value()};
    SmallVector<Value> acc = tile.multiply(
        e, depth, target.load(e, tile),
        [&](int64_t r, Value at) {
          return single ? e.loadScalar(block.scores, at)
                        : e.loadScalar(block.scores, {at, e.add(row, r)});
        },
        [&](Value at, int64_t v) {
          return e.load(block.value,
                        {e.add(begin, at), e.add(column, v * lanes)}, lanes,
                        masks[v]);
        });
    target.store(e, tile, acc, Epilogue());
  });
}

void Attention::emitEnd(Emitter &e, const Block &block) const {
  Type f32 = e.getF32Type();
  Value zero = e.real(0.0, f32);
  e.forRange(e.index(0), block.count, 1, [&](Value row) {
    Value sum = e.loadScalar(block.stats, {e.index(total), row});
    // No weight at all makes 0 * inf here, which is ONNX's NaN.
    Value inverse = e.splat(e.divF(e.real(1.0, f32), sum), lanes);
    Value defined =
        arith::CmpFOp::create(e, arith::CmpFPredicate::OGT, sum, zero);
    Value atRow = getRow(e, block, e.add(block.first, row));
    e.forEachVector(e.index(valueDim), lanes, [&](Value column, Value mask) {
      Value result =
          e.mulF(e.load(block.sums, {row, column}, lanes), inverse);
      if (nanToZero)
        result = arith::SelectOp::create(e, defined, result,
                                         e.real(0.0, vector(e)));
      e.store(result, block.out, {atRow, column}, mask);
    });
  });
}

LogicalResult buildAttention(Emitter &e, const KernelContext &context) {
  FailureOr<Attention> attention = Attention::parse(context);
  if (failed(attention))
    return failure();
  attention->emit(e);
  return success();
}

} // namespace winnow::cpu
