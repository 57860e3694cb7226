//===- Attention.cpp - softmax(scale q k^T + mask) v ----------------------===//
//
// 1. A block of threads has a tile of queries of one head, and a warp 16 of them. Where
//    queries are packed, blocks of sequence b begin at number offsets[b] / rows + b: far
//    enough from those of the next one, with at most one to spare, and no table and no
//    word of the host is needed to find the sequence of a block.
// 2. Tiles of keys and values come to shared memory while the ones before are used.
// 3. A warp's scores are sums of mma, in registers; masks are added there.
// 4. Online softmax: the scores become weights relative to the greatest so far, and what
//    was summed before decays.
// 5. The weights are factors of mma as they are: a lane has those of keys 2t, 2t + 1, and
//    takes the values of the same keys.
// 6. The sums are divided by the total weight and stored.
//
//===----------------------------------------------------------------------===//

#include "Attention.h"
#include "TileCopy.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;

namespace winnow::gpu {

static constexpr double kInfinity = std::numeric_limits<double>::infinity();
static constexpr double kLeastFloat = std::numeric_limits<float>::lowest();

std::string AttentionConfig::describe() const {
  std::string text = "attention_" + stringifyPrecision(precision).str();
  for (int64_t number : {headSize, valueSize, rows, keys, queryBytes, keyBytes, valueBytes, storeWidth})
    text += "_" + std::to_string(number);
  for (auto [isThere, name] :
       {std::pair(mask == MaskKind::Boolean, "bool"), {mask == MaskKind::Additive, "add"},
        {maskHasRows, "rows"}, {queryPacked, "qpacked"}, {keyPacked, "kpacked"},
        {causal, "causal"}, {causalAtEnd, "end"}, {causalLowest, "lowest"},
        {causalAddsLowest, "adds"}, {nanToZero, "zero"}, {softcap, "cap"}})
    if (isThere)
      text += std::string("_") + name;
  return text;
}

SmallVector<std::pair<Value *, Type>> AttentionOperands::fields(MLIRContext *context,
                                                                const AttentionConfig &config) {
  Type pointer = LLVM::LLVMPointerType::get(context);
  Type i32 = IntegerType::get(context, 32), i64 = IntegerType::get(context, 64),
       f32 = Float32Type::get(context);
  bool masked = config.mask != MaskKind::None;
  SmallVector<std::pair<Value *, Type>> list = {{&query, pointer}, {&key, pointer}, {&value, pointer}};
  auto add = [&](bool isThere, Value &field, Type type) {
    if (isThere)
      list.emplace_back(&field, type);
  };
  add(masked, mask, pointer);
  add(masked && config.queryPacked, queryPositions, pointer);
  add(masked && config.keyPacked, keyPositions, pointer);
  add(config.queryPacked, queryOffsets, pointer);
  add(config.keyPacked, keyOffsets, pointer);
  add(config.keyPacked, keyLengths, pointer);
  add(true, out, pointer);
  for (Value *number : {&queries, &keyCount, &heads, &headsPerKey, &blocks, &sequences})
    add(true, *number, i32);
  add(masked, maskBatches, i32);
  add(masked, maskHeads, i32);
  for (auto strides : {&queryStrides, &keyStrides, &valueStrides, &outStrides})
    for (Value &stride : *strides)
      add(true, stride, i64);
  for (Value &stride : maskStrides)
    add(masked, stride, i64);
  add(true, factor, f32);
  add(config.softcap, cap, f32);
  return list;
}

bool chooseAttentionTile(AttentionConfig &config, const Chip &chip) {
  // What two blocks of a multiprocessor, or chips with little memory, have room for comes
  // first; few keys a tile only where nothing else fits.
  constexpr int64_t kModest = 99 * 1024;
  for (auto [rows, keys] : {std::pair<int64_t, int64_t>{64, 64}, {64, 32}, {64, 16}, {32, 16}, {16, 16}}) {
    config.rows = rows;
    config.keys = keys;
    int64_t limit = keys > 16 ? std::min(kModest, chip.sharedBytes) : chip.sharedBytes;
    if (config.sharedBytes() <= limit)
      return true;
  }
  return false;
}

namespace {

struct AttentionKernel {
  Emitter &e;
  const AttentionConfig &config;
  AttentionOperands o;
  Value shared;

  AttentionKernel(Emitter &e, const AttentionConfig &config, const AttentionOperands &operands,
                  Value shared)
      : e(e), config(config), o(operands), shared(shared) {}
  void emit();

private:
  struct Item {
    Value sequence, head, first;
  };
  Item findItem();
  Item findPackedItem(Value head, Value number);
  void emitTile();
  SmallVector<Value> emitScores(Value tileKeys, Value begin);
  Value emitMasked(Value score, Value row, Value keyAt, Value maskEntry);
  Value getMaskRow(Value queryRow);
  Value getMaskOffset(Value keyAt);
  Value loadMask(Value maskRow, Value offset);
  void emitProducts(Value tileValues, ValueRange weights, MutableArrayRef<Value> sums);
  void emitStore(ValueRange sums, ValueRange totals);
  TileCopy getCopy(int64_t tileRows, int64_t pitch, int64_t bytes, Value limit, int64_t size,
                   Value stride, bool areValues);
  GemmConfig getScoreConfig() const;
  Value atHead(Value address, Value (&strides)[3], Value batch, Value first, Value head);
  Value load64(Value address, Value index) {
    Value wide = e.load(e.getI64Type(), e.at(address, e.mul(e.widen(index), 8)));
    return arith::TruncIOp::create(e, e.getI32Type(), wide);
  }
  int64_t valueTiles() const { return llvm::divideCeil(config.valueSize, 8); }

  // Of the block: its sequence, and how many queries and keys that has.
  Value sequence, head, first, queries, keys, queryBegin, keyBegin;
  Value seen; ///< the key that the block's first query sees last, where causal
  Value q, k, v, out, mask;
  Value maskRows[2];
  Value lane, row; ///< the first of the two queries of a lane, within the sequence
};

} // namespace

//===----------------------------------------------------------------------===//
// Which queries
//===----------------------------------------------------------------------===//

AttentionKernel::Item AttentionKernel::findPackedItem(Value head, Value number) {
  auto firstBlock = [&](Value sequence) {
    return e.add(e.div(load64(o.queryOffsets, sequence), config.rows), sequence);
  };
  // How many sequences begin at the number or before: lanes look at one each.
  Value count = e.forRange(
      e.i32(0), o.sequences, 32, e.i32(0), [&](Value from, ValueRange before) {
        Value sequence = e.add(from, lane);
        Value exists = e.less(sequence, o.sequences);
        Value begins = e.lessEqual(firstBlock(e.select(exists, sequence, e.i32(0))), number);
        Value one = e.select(e.both(exists, begins), e.i32(1), e.i32(0));
        return SmallVector<Value>{e.add(before.front(), one)};
      })[0];
  count = e.reduceLanes(count, 32, [&](Value a, Value b) { return e.add(a, b); });
  Value sequence = e.max(e.sub(count, 1), e.i32(0));
  return {sequence, head, e.mul(e.sub(number, firstBlock(sequence)), config.rows)};
}

AttentionKernel::Item AttentionKernel::findItem() {
  Value number = e.rem(e.block(), o.blocks), above = e.div(e.block(), o.blocks);
  Value head = e.rem(above, o.heads);
  if (config.queryPacked)
    return findPackedItem(head, number);
  return {e.div(above, o.heads), head, e.mul(number, config.rows)};
}

Value AttentionKernel::atHead(Value address, Value (&strides)[3], Value batch, Value first,
                              Value head) {
  Value elements = e.add(e.mul(e.widen(batch), strides[0]), e.mul(e.widen(first), strides[1]));
  elements = e.add(elements, e.mul(e.widen(head), strides[2]));
  return e.at(address, e.mul(elements, 4));
}

void AttentionKernel::emit() {
  lane = e.bitAnd(e.thread(), 31);
  Item item = findItem();
  sequence = item.sequence;
  head = item.head;
  first = item.first;
  Value zero = e.i32(0);
  queryBegin = keyBegin = zero;
  queries = o.queries;
  keys = o.keyCount;
  if (config.queryPacked) {
    queryBegin = load64(o.queryOffsets, sequence);
    queries = e.sub(load64(o.queryOffsets, e.add(sequence, 1)), queryBegin);
  }
  if (config.keyPacked) {
    keyBegin = load64(o.keyOffsets, sequence);
    keys = load64(o.keyLengths, sequence);
  }
  seen = first;
  if (config.causalAtEnd)
    seen = e.add(first, e.sub(keys, queries));
  Value keyHead = e.div(head, o.headsPerKey);
  q = atHead(o.query, o.queryStrides, config.queryPacked ? zero : sequence, queryBegin, head);
  out = atHead(o.out, o.outStrides, config.queryPacked ? zero : sequence, queryBegin, head);
  k = atHead(o.key, o.keyStrides, config.keyPacked ? zero : sequence, keyBegin, keyHead);
  v = atHead(o.value, o.valueStrides, config.keyPacked ? zero : sequence, keyBegin, keyHead);
  if (config.mask != MaskKind::None) {
    Value entry = e.add(e.mul(e.widen(e.rem(sequence, o.maskBatches)), o.maskStrides[0]),
                        e.mul(e.widen(e.rem(head, o.maskHeads)), o.maskStrides[1]));
    mask = e.at(o.mask, e.mul(entry, config.mask == MaskKind::Boolean ? 1 : 4));
  }
  row = e.add(e.add(first, e.mul(e.shiftRight(e.thread(), 5), 16)), e.shiftRight(lane, 2));
  // All threads agree: a spare block has nothing to do.
  e.ifThen(e.less(first, queries), [&] { emitTile(); });
}

//===----------------------------------------------------------------------===//
// The loop over keys
//===----------------------------------------------------------------------===//

TileCopy AttentionKernel::getCopy(int64_t tileRows, int64_t pitch, int64_t bytes, Value limit,
                                  int64_t size, Value stride, bool areValues) {
  TileCopy copy{e.getF32Type(), tileRows, pitch, bytes, config.threads(),
                limit, e.i32(size), {}, {}};
  copy.offset = [stride](Emitter &e, Value row, Value column) {
    return e.add(e.mul(e.widen(row), stride), e.widen(column));
  };
  if (areValues)
    // Lanes read rows 2t and 2t + 1 of a column.
    copy.swizzle = [](Emitter &e, Value row) {
      return e.shiftLeft(e.bitAnd(e.shiftRight(row, 1), 3), 1);
    };
  else
    copy.swizzle = [pitch](Emitter &e, Value row) {
      return getSwizzle(e, FactorLayout::DepthInner, e.getF32Type(), 4 * pitch, row);
    };
  return copy;
}

GemmConfig AttentionKernel::getScoreConfig() const {
  GemmConfig scores;
  scores.precision = config.precision;
  scores.splits = config.splits();
  scores.a.element = scores.b.element = e.getF32Type();
  scores.tileRows = config.rows;
  scores.tileColumns = config.keys;
  scores.warpRows = config.rows / 16;
  scores.warpColumns = 1;
  scores.depth = config.keyPitch();
  return scores;
}

void AttentionKernel::emitTile() {
  int64_t keyBytes = 4 * config.keys * config.keyPitch();
  int64_t valueBytes = 4 * config.keys * config.valuePitch();
  Value keyRing = e.at(shared, 4 * config.rows * config.keyPitch());
  Value valueRing = e.at(keyRing, 2 * keyBytes);
  TileCopy copyQ = getCopy(config.rows, config.keyPitch(), config.queryBytes, queries,
                           config.headSize, o.queryStrides[1], false);
  TileCopy copyK = getCopy(config.keys, config.keyPitch(), config.keyBytes, keys,
                           config.headSize, o.keyStrides[1], false);
  TileCopy copyV = getCopy(config.keys, config.valuePitch(), config.valueBytes, keys,
                           config.valueSize, o.valueStrides[1], true);
  Value zero = e.i32(0);
  auto fill = [&](Value begin, Value stage) {
    copyK.start(e, k, begin, zero, e.at(keyRing, e.mul(stage, keyBytes)));
    copyV.start(e, v, begin, zero, e.at(valueRing, e.mul(stage, valueBytes)));
    e.commitCopies();
  };
  if (config.mask != MaskKind::None)
    for (int64_t half = 0; half < 2; ++half)
      maskRows[half] = getMaskRow(e.add(row, 8 * half));
  copyQ.start(e, q, first, zero, shared);
  fill(zero, zero);

  // Keys that causality hides from all queries of the tile are left out, but where they may
  // still weigh something.
  Value end = keys;
  if (config.causal && !config.causalLowest && !config.causalAddsLowest)
    end = e.max(e.min(keys, e.add(seen, config.rows)), zero);
  SmallVector<Value> inits(4 * valueTiles(), e.f32(0));
  inits.append(2, e.f32(-kInfinity));
  inits.append(2, e.f32(0));
  SmallVector<Value> last = e.forRange(zero, end, config.keys, inits, [&](Value begin, ValueRange carried) {
    Value stage = e.bitAnd(e.div(begin, config.keys), 1);
    Value other = e.bitXor(stage, e.i32(1));
    e.waitForCopies(0);
    e.barrier();
    fill(e.add(begin, config.keys), other);
    SmallVector<Value> sums(carried.drop_back(4));
    SmallVector<Value> scores = emitScores(e.at(keyRing, e.mul(stage, keyBytes)), begin);
    SmallVector<Value> tops, totals;
    for (int64_t half = 0; half < 2; ++half) {
      auto isHalf = [half](int64_t i) { return i / 2 % 2 == half; };
      Value before = carried[sums.size() + half], top = before;
      for (auto [i, score] : llvm::enumerate(scores))
        if (isHalf(i))
          top = e.maxF(top, score);
      top = e.reduceLanes(top, 4, [&](Value a, Value b) { return e.maxF(a, b); });
      // 0 while all scores are -inf. The weights are 0 then.
      Value isEmpty = e.createOrFold<arith::CmpFOp>(arith::CmpFPredicate::OEQ, top,
                                                    e.f32(-kInfinity));
      Value base = e.select(isEmpty, e.f32(0), top);
      auto power = [&](Value x) {
        x = e.subF(x, base);
        return e.exp2(config.foldsLog2E() ? x : e.mulF(x, e.f32(llvm::numbers::log2e)));
      };
      Value decay = power(before), total = e.mulF(carried[sums.size() + 2 + half], decay);
      for (auto [i, score] : llvm::enumerate(scores))
        if (isHalf(i)) {
          score = power(score);
          total = e.addF(total, score);
        }
      for (auto [i, sum] : llvm::enumerate(sums))
        if (isHalf(i))
          sum = e.mulF(sum, decay);
      tops.push_back(top);
      totals.push_back(total);
    }
    emitProducts(e.at(valueRing, e.mul(stage, valueBytes)), scores, sums);
    llvm::append_range(sums, tops);
    llvm::append_range(sums, totals);
    return sums;
  });
  e.waitForCopies(0);
  ValueRange results(last);
  emitStore(results.drop_back(4), results.take_back(2));
}

//===----------------------------------------------------------------------===//
// Scores
//===----------------------------------------------------------------------===//

/// The mask's row of a query. One that does not exist gets the last one's.
Value AttentionKernel::getMaskRow(Value queryRow) {
  if (!config.maskHasRows)
    return mask;
  Value maskRow = e.min(queryRow, e.sub(queries, 1));
  if (config.queryPacked)
    maskRow = load64(o.queryPositions, e.add(queryBegin, maskRow));
  Value elements = e.mul(e.widen(maskRow), o.maskStrides[2]);
  return e.at(mask, e.mul(elements, config.mask == MaskKind::Boolean ? 1 : 4));
}

/// A key's place in rows of the mask, in bytes. One that does not exist gets the last one's.
Value AttentionKernel::getMaskOffset(Value keyAt) {
  Value maskKey = e.min(keyAt, e.sub(keys, 1));
  if (config.keyPacked)
    maskKey = load64(o.keyPositions, e.add(keyBegin, maskKey));
  return e.mul(e.widen(maskKey), config.mask == MaskKind::Boolean ? 1 : 4);
}

/// What the mask adds.
Value AttentionKernel::loadMask(Value maskRow, Value offset) {
  if (config.mask == MaskKind::Additive)
    return e.load(e.getF32Type(), e.at(maskRow, offset));
  Value entry = e.load(e.getI8Type(), e.at(maskRow, offset));
  Value none = arith::ConstantOp::create(e, e.getZeroAttr(e.getI8Type()));
  return e.select(e.equal(entry, none), e.f32(-kInfinity), e.f32(0));
}

Value AttentionKernel::emitMasked(Value score, Value queryRow, Value keyAt, Value maskEntry) {
  if (maskEntry)
    score = e.addF(score, maskEntry);
  Value lowest = e.f32(-kInfinity);
  if (config.causal) {
    Value last = e.add(seen, e.sub(queryRow, first));
    Value hidden = config.causalAddsLowest ? e.addF(score, e.f32(kLeastFloat))
                   : config.causalLowest   ? e.f32(kLeastFloat)
                                           : lowest;
    score = e.select(e.lessEqual(keyAt, last), score, hidden);
  }
  return e.select(e.less(keyAt, keys), score, lowest);
}

SmallVector<Value> AttentionKernel::emitScores(Value tileKeys, Value begin) {
  GemmConfig scoreConfig = getScoreConfig();
  GemmTile tile(e, scoreConfig);
  SmallVector<Value> zeros(tile.numSums(), e.f32(0));
  SmallVector<Value> scores = tile.multiply(shared, tileKeys, zeros);
  Value column = e.add(begin, e.shiftLeft(e.bitAnd(lane, 3), 1));
  for (auto [i, score] : llvm::enumerate(scores)) {
    score = e.mulF(score, o.factor);
    if (config.softcap)
      score = e.mulF(math::TanhOp::create(e, score), o.cap);
  }
  Value lower = e.add(row, 8);
  for (int64_t j = 0; j < config.keys / 8; ++j)
    for (int64_t i = 0; i < 2; ++i) {
      Value keyAt = e.add(column, 8 * j + i);
      Value entry, offset;
      if (config.mask != MaskKind::None) {
        offset = getMaskOffset(keyAt);
        entry = loadMask(maskRows[0], offset);
      }
      Value &upperScore = scores[4 * j + i], &lowerScore = scores[4 * j + 2 + i];
      upperScore = emitMasked(upperScore, row, keyAt, entry);
      if (config.maskHasRows)
        entry = loadMask(maskRows[1], offset);
      lowerScore = emitMasked(lowerScore, lower, keyAt, entry);
    }
  return scores;
}

//===----------------------------------------------------------------------===//
// Values
//===----------------------------------------------------------------------===//

void AttentionKernel::emitProducts(Value tileValues, ValueRange weights,
                                   MutableArrayRef<Value> sums) {
  bool isTF32 = config.precision == Precision::TF32 || config.splits();
  Type narrow = config.precision == Precision::BF16 ? Type(e.getBF16Type()) : Type(e.getF16Type());
  int64_t rowBytes = 4 * config.valuePitch(), step = isTF32 ? 8 : 16;
  Value t = e.bitAnd(lane, 3), g = e.shiftRight(lane, 2);
  // Rows 2t and 2t + 1 lie xored alike. Of columns, the eights within a line differ.
  SmallVector<Value> eights;
  for (int64_t eight = 0; eight < 4; ++eight) {
    Value place = e.add(g, e.shiftLeft(e.bitXor(t, e.i32(eight)), 3));
    eights.push_back(e.at(tileValues, e.add(e.mul(t, 2 * rowBytes), e.shiftLeft(place, 2))));
  }
  auto load = [&](int64_t key, int64_t column) {
    return e.load(e.getF32Type(),
                  e.at(eights[column / 8 % 4], key * rowBytes + column / 32 * 128));
  };
  for (int64_t key = 0; key < config.keys; key += step) {
    ValueRange w = weights.slice(key / 8 * 4, step / 8 * 4);
    SmallVector<Value> a;
    if (isTF32)
      // Depth t of mma is key 2t, and depth t + 4 is key 2t + 1.
      a = getTF32Words(e, {w[0], w[2], w[1], w[3]}, config.splits());
    else
      a = {e.packNarrow(w[0], w[1], narrow), e.packNarrow(w[2], w[3], narrow),
           e.packNarrow(w[4], w[5], narrow), e.packNarrow(w[6], w[7], narrow)};
    for (int64_t tile = 0; tile < valueTiles(); ++tile) {
      SmallVector<Value> b;
      if (isTF32)
        b = getTF32Words(e, {load(key, 8 * tile), load(key + 1, 8 * tile)}, config.splits());
      else
        b = {e.packNarrow(load(key, 8 * tile), load(key + 1, 8 * tile), narrow),
             e.packNarrow(load(key + 8, 8 * tile), load(key + 9, 8 * tile), narrow)};
      multiplyAdd(e, config.precision, config.splits(), a, b, sums.slice(4 * tile, 4));
    }
  }
}

void AttentionKernel::emitStore(ValueRange sums, ValueRange totals) {
  Value column = e.shiftLeft(e.bitAnd(lane, 3), 1);
  for (int64_t half = 0; half < 2; ++half) {
    Value total = e.reduceLanes(totals[half], 4, [&](Value a, Value b) { return e.addF(a, b); });
    // No weight at all makes 0 * inf here, which is ONNX's NaN.
    Value inverse = e.divF(e.f32(1), total);
    Value isDefined =
        e.createOrFold<arith::CmpFOp>(arith::CmpFPredicate::OGT, total, e.f32(0));
    Value atRow = e.add(row, 8 * half);
    e.ifThen(e.less(atRow, queries), [&] {
      Value target = e.at(out, e.mul(e.mul(e.widen(atRow), o.outStrides[1]), 4));
      for (int64_t tile = 0; tile < valueTiles(); ++tile) {
        SmallVector<Value> results;
        for (int64_t i = 0; i < 2; ++i) {
          Value result = e.mulF(sums[4 * tile + 2 * half + i], inverse);
          results.push_back(config.nanToZero ? e.select(isDefined, result, e.f32(0)) : result);
        }
        for (int64_t i = 0; i < 2; i += config.storeWidth) {
          Value at = e.add(column, 8 * tile + i);
          auto store = [&] {
            e.storeVector(ValueRange(results).slice(i, config.storeWidth),
                          e.at(target, e.shiftLeft(e.widen(at), 2)));
          };
          if (8 * (tile + 1) <= config.valueSize)
            store();
          else
            e.ifThen(e.less(at, config.valueSize), store);
        }
      }
    });
  }
}

void emitAttention(mlir::gpu::GPUModuleOp device, Location loc, const AttentionConfig &config,
                   StringRef name) {
  AttentionOperands operands;
  KernelFunction function{name.str(), {}, config.threads(), config.sharedBytes()};
  auto fields = operands.fields(device.getContext(), config);
  for (auto [field, type] : fields)
    function.arguments.push_back(type);
  emitKernel(device, loc, function, [&](Emitter &e, ValueRange arguments, Value shared) {
    for (auto [field, argument] : llvm::zip_equal(fields, arguments))
      *field.first = argument;
    AttentionKernel(e, config, operands, shared).emit();
  });
}

} // namespace winnow::gpu
