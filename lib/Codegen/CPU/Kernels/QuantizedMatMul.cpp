//===- QuantizedMatMul.cpp - Batched products of two variable matrices of bytes ----===//
//
// A panel of b always goes to scratch: four of its rows side by
// side, so that a lane sums four products at a time (Bytes.h), exactly. Bytes of a are unsigned
// there and those of b signed; others are flipped as they are read, and the zeros count it in.
// Sums are of what is stored; the zeros are accounted for at the end,
//
//   sum (x - z) (w - v) = sum x w - z sum w - v (sum x - K z),
//
// where sums of columns are taken when a panel is packed, and sums of rows before its tiles.
//
//===----------------------------------------------------------------------===//

#include "BatchedProduct.h"
#include "Bytes.h"

using namespace mlir;

namespace winnow::cpu {
namespace {

/// The depth of its schedule counts steps of four bytes.
struct QuantizedMatMul : BatchedProduct {
  Value scale;        ///< [1]
  Value aZero, bZero; ///< [1] of i32, of what is multiplied; null for 0
  bool flipA, flipB;
  const CPULevel *level;

  static FailureOr<QuantizedMatMul> parse(const KernelContext &context);
  void emit(Emitter &e) const;

private:
  struct Block : BatchedProduct::Block {
    Value panel, staging;
    Value sums, rowSums, columnSums; ///< of the passes so far
  };
  /// A part of the depth.
  struct Pass {
    Value begin, count; ///< in bytes
    Value whole, steps; ///< steps of four bytes, without and with one that is partial
    Value isFirst, hasNext;
  };
  void emitPass(Emitter &e, const Block &block, const Pass &pass) const;
  void copyPanel(Emitter &e, const Block &block, const Pass &pass) const;
  void transposePanel(Emitter &e, const Block &block, const Pass &pass) const;
  void sumColumns(Emitter &e, const Block &block, const Pass &pass) const;
  void sumRows(Emitter &e, const Block &block, const Pass &pass) const;
  void emitTile(Emitter &e, const Block &block, const Pass &pass, Value row, int64_t rows) const;
  SmallVector<Value> emitNumbers(Emitter &e, const GemmTile &tile, const Block &block, Value place,
                                 ValueRange acc) const;

  Value fill(Emitter &e, VectorType type, int64_t value) const {
    return arith::ConstantOp::create(
        e, DenseElementsAttr::get(type, e.getIntegerAttr(type.getElementType(), value)));
  }
  /// What `before` holds, or zeros at the first pass.
  Value resume(Emitter &e, const Pass &pass, Value before) const {
    Value zero = arith::ConstantOp::create(e, e.getZeroAttr(before.getType()));
    return arith::SelectOp::create(e, pass.isFirst, zero, before);
  }
};

FailureOr<QuantizedMatMul> QuantizedMatMul::parse(const KernelContext &context) {
  bool hasAZero = context.flag("a_zero"), hasBZero = context.flag("b_zero");
  auto arguments = context.arguments(4 + hasAZero + hasBZero);
  if (failed(arguments))
    return failure();
  const BlockArgument *next = arguments->begin();
  QuantizedMatMul result;
  result.a = *next++;
  result.b = *next++;
  result.scale = *next++;
  if (hasAZero)
    result.aZero = *next++;
  if (hasBZero)
    result.bZero = *next++;
  result.out = *next++;
  result.transposed = context.flag("transpose_b");
  result.flipA = context.flag("flip_a");
  result.flipB = context.flag("flip_b");
  result.level = &context.level;
  result.lanes = context.lanes();
  if (result.lanes == 1)
    return context.error() << "expected a CPU with vectors";
  Type f32 = context.f32(), i8 = IntegerType::get(f32.getContext(), 8),
       i32 = IntegerType::get(f32.getContext(), 32);
  if (failed(result.check(context, i8)) || failed(context.memref(result.scale, "scale", 1, f32)) ||
      (hasAZero && failed(context.memref(result.aZero, "a_zero", 1, i32))) ||
      (hasBZero && failed(context.memref(result.bZero, "b_zero", 1, i32))))
    return failure();
  result.schedule = chooseLinearSchedule(context.level, getExtent(result.out, 2),
                                         llvm::divideCeil(getExtent(result.a, 2), kBytes), std::nullopt,
                                         std::nullopt, std::nullopt, Product::Integer);
  // As for floats: the panel is written too, and squares of words are transposed whole.
  result.schedule.kc = llvm::alignTo(std::min<int64_t>(result.schedule.kc, 512), result.lanes);
  return result;
}

void QuantizedMatMul::emit(Emitter &e) const {
  Value depth = e.dim(a, 2);
  forEachBlock(e, [&](const BatchedProduct::Block &part) {
    Type i32 = e.getI32Type();
    Block block{part,
                /*panel=*/e.scratch({schedule.kc, schedule.nr * kBytes}, e.getI8Type()),
                /*staging=*/e.scratch({schedule.mr, schedule.nr}, e.getF32Type()),
                /*sums=*/e.scratch({schedule.mb, schedule.nr}, i32),
                /*rowSums=*/e.scratch({schedule.mb}, i32),
                /*columnSums=*/e.scratch({schedule.nr}, i32)};
    // A depth of zero still takes one pass, which writes the zeros.
    Value bytes = e.max(depth, e.index(1));
    int64_t passBytes = schedule.kc * kBytes;
    e.forRange(e.index(0), bytes, passBytes, [&](Value begin) {
      Pass pass;
      pass.begin = begin;
      pass.count = e.min(e.sub(depth, begin), e.index(passBytes));
      pass.whole = e.div(pass.count, e.index(kBytes));
      pass.steps = e.ceilDiv(pass.count, e.index(kBytes));
      pass.isFirst = e.equal(begin, e.index(0));
      pass.hasNext = e.lessThan(e.add(begin, passBytes), depth);
      emitPass(e, block, pass);
    });
  });
}

void QuantizedMatMul::emitPass(Emitter &e, const Block &block, const Pass &pass) const {
  if (transposed)
    transposePanel(e, block, pass);
  else
    copyPanel(e, block, pass);
  if (aZero)
    sumColumns(e, block, pass);
  if (bZero)
    sumRows(e, block, pass);
  e.forEachTile(block.begin, block.end, schedule.mr,
                [&](Value row, int64_t rows) { emitTile(e, block, pass, row, rows); });
}

/// Bytes beyond the depth are 0 in the panel, also where the others are flipped.
void QuantizedMatMul::copyPanel(Emitter &e, const Block &block, const Pass &pass) const {
  VectorType words = wordsOf(e, lanes);
  auto copyStep = [&](Value step, function_ref<Value(int64_t, int64_t)> getMask, Value tops) {
    Value row = e.add(pass.begin, e.mul(step, kBytes));
    for (int64_t first = 0; first < schedule.nr; first += lanes) {
      Value word;
      for (int64_t i = 0; i < kBytes; ++i) {
        Value bytes = e.load(block.b, {e.add(row, i), e.add(block.col, first)}, lanes, getMask(first, i));
        Value wide = arith::ExtUIOp::create(e, words, bytes);
        if (i > 0)
          wide = arith::ShLIOp::create(e, wide, fill(e, words, 8 * i));
        word = word ? Value(arith::OrIOp::create(e, word, wide)) : wide;
      }
      if (tops)
        word = arith::XOrIOp::create(e, word, tops);
      e.store(vector::BitCastOp::create(e, bytesOf(e, lanes), word), block.panel,
              {step, e.index(first * kBytes)});
    }
  };
  Value tops = flipB ? fill(e, words, 0x80808080) : Value();
  auto copyWhole = [&](bool masked) {
    e.forRange(e.index(0), pass.whole, 1, [&](Value step) {
      copyStep(step, [&](int64_t first, int64_t) {
        return masked ? e.maskBelow(e.add(block.valid, -first), lanes) : Value();
      }, tops);
    });
  };
  e.ifElse(e.equal(block.valid, e.index(schedule.nr)), [&] { copyWhole(false); }, [&] { copyWhole(true); });
  // Fewer than four rows.
  e.forRange(pass.whole, pass.steps, 1, [&](Value step) {
    Value rest = e.sub(pass.count, e.mul(pass.whole, kBytes));
    Value some;
    if (flipB) {
      Value one = arith::ConstantIntOp::create(e, 1, 32), top = arith::ConstantIntOp::create(e, 0x80808080, 32);
      Value bits = arith::ShLIOp::create(e, one, e.fromIndex(e.mul(rest, 8), 32));
      some = e.splat(arith::AndIOp::create(e, top, arith::SubIOp::create(e, bits, one)), lanes);
    }
    copyStep(step, [&](int64_t first, int64_t i) -> Value {
      Value count = e.add(block.valid, -first);
      if (i > 0)
        count = arith::SelectOp::create(e, e.lessThan(e.index(i), rest), count, e.index(0));
      return e.maskBelow(count, lanes);
    }, some);
  });
}

void QuantizedMatMul::transposePanel(Emitter &e, const Block &block, const Pass &pass) const {
  VectorType bytes = bytesOf(e, lanes), words = wordsOf(e, lanes);
  // Columns beyond the last repeat it: they are computed and not stored.
  Value last = e.sub(e.dim(out, 2), e.index(1));
  e.forRange(e.index(0), e.index(schedule.nr), lanes, [&](Value column) {
    e.forEachVector(pass.count, lanes * kBytes, [&](Value at, Value mask) {
      SmallVector<Value> square;
      for (int64_t i = 0; i < lanes; ++i) {
        Value row = e.min(e.add(e.add(block.col, column), i), last);
        Value value = e.load(block.b, {row, e.add(pass.begin, at)}, lanes * kBytes, mask);
        if (flipB)
          value = arith::XOrIOp::create(e, value, fill(e, bytes, -128));
        if (flipB && mask)
          value = arith::SelectOp::create(e, mask, value, fill(e, bytes, 0));
        square.push_back(vector::BitCastOp::create(e, words, value));
      }
      Value step = e.div(at, e.index(kBytes));
      for (auto [i, row] : llvm::enumerate(e.transpose(std::move(square))))
        e.store(vector::BitCastOp::create(e, bytes, row), block.panel, {e.add(step, i), e.mul(column, kBytes)});
    });
  });
}

void QuantizedMatMul::sumColumns(Emitter &e, const Block &block, const Pass &pass) const {
  Value ones = fill(e, bytesOf(e, lanes), 1);
  SmallVector<Value> sums;
  int64_t vectors = schedule.nr / lanes;
  for (int64_t v = 0; v < vectors; ++v)
    sums.push_back(resume(e, pass, e.load(block.columnSums, {e.index(v * lanes)}, lanes)));
  sums = e.forRange(e.index(0), pass.steps, 1, sums, [&](Value step, ValueRange carried) {
    SmallVector<Value> next;
    for (auto [v, sum] : llvm::enumerate(carried))
      next.push_back(dotBytes(e, *level, sum, ones,
                              e.load(block.panel, {step, e.index(v * lanes * kBytes)}, lanes * kBytes), 1));
    return next;
  });
  for (auto [v, sum] : llvm::enumerate(sums))
    e.store(sum, block.columnSums, {e.index(v * lanes)});
}

/// Of a's bytes as they are in memory, and then by as much more as flipping adds.
void QuantizedMatMul::sumRows(Emitter &e, const Block &block, const Pass &pass) const {
  Value ones = fill(e, bytesOf(e, lanes), 1);
  Value none = fill(e, wordsOf(e, lanes), 0);
  auto add = [&](Value sum, Value x) {
    return flipA ? dotBytes(e, *level, sum, ones, x, 1) : dotBytes(e, *level, sum, x, ones);
  };
  int64_t width = lanes * kBytes;
  Value vectors = e.mul(e.div(pass.count, e.index(width)), width);
  Value whole = e.mul(pass.whole, kBytes);
  e.forRange(block.begin, block.end, 1, [&](Value row) {
    Value sums = e.forRange(e.index(0), vectors, width, none, [&](Value at, ValueRange carried) {
      return SmallVector<Value>{add(carried[0], e.load(block.a, {row, e.add(pass.begin, at)}, width))};
    })[0];
    // What fills no vector is the same in all lanes.
    auto addFour = [&](Value at, Value sum, Value mask) {
      return add(sum, spreadBytes(e, block.a, {row, e.add(pass.begin, at)}, lanes, mask, /*flip=*/false));
    };
    Value rest = e.forRange(vectors, whole, kBytes, none, [&](Value at, ValueRange carried) {
      return SmallVector<Value>{addFour(at, carried[0], {})};
    })[0];
    rest = e.forRange(whole, pass.count, kBytes, rest, [&](Value at, ValueRange carried) {
      return SmallVector<Value>{addFour(at, carried[0], e.maskBelow(e.sub(pass.count, at), kBytes))};
    })[0];
    auto plus = [&](Value x, Value y) -> Value { return arith::AddIOp::create(e, x, y); };
    Value sum = plus(e.reduce(sums, plus), vector::ExtractOp::create(e, rest, int64_t(0)));
    if (flipA)
      sum = plus(sum, e.fromIndex(e.mul(pass.count, 128), 32));
    SmallVector<Value> place = {e.sub(row, block.begin)};
    e.storeScalar(plus(sum, resume(e, pass, e.loadScalar(block.rowSums, place))), block.rowSums, place);
  });
}

void QuantizedMatMul::emitTile(Emitter &e, const Block &block, const Pass &pass, Value row,
                               int64_t rows) const {
  GemmTile tile{rows, schedule.nr / lanes, lanes};
  Value place = e.sub(row, block.begin);
  auto forSums = [&](function_ref<void(int64_t, SmallVector<Value>)> body) {
    for (int64_t i = 0; i < rows * tile.vectors; ++i)
      body(i, {e.add(place, i / tile.vectors), e.index(i % tile.vectors * lanes)});
  };
  SmallVector<Value> zeros = tile.zeros(e, e.getI32Type());
  SmallVector<Value> acc = e.select(pass.isFirst, [&] { return zeros; }, [&] {
    SmallVector<Value> before;
    forSums([&](int64_t, SmallVector<Value> at) { before.push_back(e.load(block.sums, at, lanes)); });
    return before;
  });
  auto multiply = [&](Value begin, Value end, int64_t unroll, bool partial) {
    acc = e.forRange(begin, end, unroll, acc, [&](Value at, ValueRange carried) {
      SmallVector<Value> sums = llvm::to_vector(carried);
      for (int64_t u = 0; u < unroll; ++u) {
        Value step = e.add(at, u);
        Value bytes = e.mul(step, kBytes), mask;
        if (partial)
          mask = e.maskBelow(e.sub(pass.count, bytes), kBytes);
        SmallVector<Value> columns;
        for (int64_t v = 0; v < tile.vectors; ++v)
          columns.push_back(e.load(block.panel, {step, e.index(v * lanes * kBytes)}, lanes * kBytes));
        for (int64_t r = 0; r < rows; ++r) {
          Value x = spreadBytes(e, block.a, {e.add(row, r), e.add(pass.begin, bytes)}, lanes, mask, flipA);
          for (int64_t v = 0; v < tile.vectors; ++v) {
            Value &sum = sums[r * tile.vectors + v];
            sum = dotBytes(e, *level, sum, x, columns[v]);
          }
        }
      }
      return sums;
    });
  };
  constexpr int64_t kUnroll = 2;
  Value unrolled = e.mul(e.div(pass.whole, e.index(kUnroll)), kUnroll);
  multiply(e.index(0), unrolled, kUnroll, false);
  multiply(unrolled, pass.whole, 1, false);
  multiply(pass.whole, pass.steps, 1, true);

  auto wait = [&] {
    forSums([&](int64_t i, SmallVector<Value> at) { e.store(acc[i], block.sums, at); });
  };
  auto finish = [&] {
    TileTarget target = getTarget(block, block.staging, row);
    target.store(e, tile, emitNumbers(e, tile, block, place, acc), Epilogue());
  };
  e.ifElse(pass.hasNext, wait, finish);
}

/// The numbers that sums stand for.
SmallVector<Value> QuantizedMatMul::emitNumbers(Emitter &e, const GemmTile &tile, const Block &block,
                                                Value place, ValueRange acc) const {
  auto mul = [&](Value x, Value y) -> Value { return arith::MulIOp::create(e, x, y); };
  auto sub = [&](Value x, Value y) -> Value { return arith::SubIOp::create(e, x, y); };
  auto read = [&](Value one) { return one ? e.loadScalar(one, {e.index(0)}) : Value(); };
  Value x = read(aZero), w = read(bZero), factor = e.splat(read(scale), lanes);
  SmallVector<Value> columns; // z sum w
  for (int64_t v = 0; x && v < tile.vectors; ++v)
    columns.push_back(mul(e.splat(x, lanes), e.load(block.columnSums, {e.index(v * lanes)}, lanes)));
  SmallVector<Value> numbers;
  for (int64_t r = 0; r < tile.rows; ++r) {
    Value rest; // v (sum x - K z)
    if (w) {
      rest = e.loadScalar(block.rowSums, {e.add(place, r)});
      if (x)
        rest = sub(rest, mul(x, e.fromIndex(e.dim(a, 2), 32)));
      rest = e.splat(mul(w, rest), lanes);
    }
    for (int64_t v = 0; v < tile.vectors; ++v) {
      Value sum = acc[r * tile.vectors + v];
      if (x)
        sum = sub(sum, columns[v]);
      if (rest)
        sum = sub(sum, rest);
      Value number = arith::SIToFPOp::create(e, VectorType::get(lanes, e.getF32Type()), sum);
      numbers.push_back(e.mulF(number, factor));
    }
  }
  return numbers;
}

} // namespace

LogicalResult buildQuantizedMatMul(Emitter &e, const KernelContext &context) {
  FailureOr<QuantizedMatMul> product = QuantizedMatMul::parse(context);
  if (failed(product))
    return failure();
  product->emit(e);
  return success();
}

} // namespace winnow::cpu
