//===- RoundedLinear.cpp - Products of blocks of integers, floats around ---===//
//
// Weights as in UnpackedLinear.cpp, beside inputs that are rounded to 8 bits first, each block of
// depth of a row by its greatest magnitude:
//
//   out += input scale (weight scale sum_k q[k] number[k] + shift sum_k q[k]),
//
// for each block, whose sums of products are exact in integers (Bytes.h). Numbers of the weight are
// not negative, those of the input signed. Where all blocks have one zero, sums begin with it and there is no shift.
//
// A row with a NaN has one for its result; one with an infinity has that or a NaN.
//
//===----------------------------------------------------------------------===//

#include "Bytes.h"
#include "UnpackedLinear.h"
#include "winnow/Support/PackedWeights.h"

#include "mlir/Dialect/Math/IR/Math.h"

using namespace mlir;

namespace winnow::cpu {
namespace {

struct RoundedLinear {
  UnpackedLinear weights;
  Value values; ///< [rows, padded depth] of i8
  Value scale;  ///< [rows, blocks]
  Value sums;   ///< [rows, blocks] of i32
  const CPULevel *level;

  static FailureOr<RoundedLinear> parse(const KernelContext &context);
  void emit(Emitter &e) const;

private:
  int64_t lanes() const { return weights.layer.lanes; }
  int64_t countBlocks() const { return llvm::divideCeil(weights.depth, weights.block); }
  void roundBlock(Emitter &e, Value row, Value block, Value begin, Value width) const;
  void roundRow(Emitter &e, Value row) const;
  void emitBlock(Emitter &e, const Linear &form, const LinearBlock &part) const;
  SmallVector<Value> addBlock(Emitter &e, const GemmTile &tile, const TileTarget &target,
                              const Strip &strip, int64_t columns, Value block, int64_t words,
                              ValueRange acc) const;
  void addWord(Emitter &e, const GemmTile &tile, Value row, const Strip &strip, Value word,
               MutableArrayRef<Value> sums) const;
};

FailureOr<RoundedLinear> RoundedLinear::parse(const KernelContext &context) {
  FailureOr<UnpackedLinear> weights = UnpackedLinear::parse(context, /*numSpaces=*/3);
  if (failed(weights))
    return failure();
  RoundedLinear result;
  result.weights = *weights;
  result.values = weights->spaces[0], result.scale = weights->spaces[1], result.sums = weights->spaces[2];
  result.level = &context.level;
  if (context.lanes() == 1)
    return context.error() << "expected a CPU with vectors";
  Type f32 = context.f32(), i8 = IntegerType::get(f32.getContext(), 8),
       i32 = IntegerType::get(f32.getContext(), 32);
  auto check = [&](Value value, StringRef name, Type element, int64_t width) -> LogicalResult {
    if (failed(context.memref(value, name, 2, element)) ||
        failed(context.sameExtent(value, 0, name, weights->layer.x.buffer, 0, "x")))
      return failure();
    int64_t extent = cast<MemRefType>(value.getType()).getDimSize(1);
    if (extent == width)
      return success();
    return context.error() << "expected '" << name << "' to have " << width << " columns, got " << extent;
  };
  int64_t blocks = result.countBlocks(), depth = blocks > 1 ? blocks * weights->block : weights->depth;
  if (failed(check(result.values, "values", i8, llvm::alignTo(depth, 16))) ||
      failed(check(result.scale, "input_scale", f32, blocks)) ||
      failed(check(result.sums, "sums", i32, blocks)))
    return failure();
  return result;
}

/// Elements [begin, begin + width) of a row, to the end of the block, where they are 0.
void RoundedLinear::roundBlock(Emitter &e, Value row, Value block, Value begin, Value width) const {
  Type f32 = e.getF32Type();
  VectorType floats = VectorType::get(lanes(), f32), words = wordsOf(e, lanes());
  Value none = e.real(0, floats);
  auto load = [&](Value at, Value mask) {
    return e.load(weights.layer.x.buffer, {row, e.add(begin, at)}, lanes(), mask);
  };
  // Unlike an ordered maximum, this one keeps a NaN.
  auto max = [&](Value a, Value b) -> Value { return arith::MaximumFOp::create(e, a, b); };
  Value most = e.reduce(
      e.foldVectors(
          width, lanes(), none,
          [&](Value at, Value mask, Value acc) -> Value {
            return max(math::AbsFOp::create(e, load(at, mask)), acc);
          },
          max),
      max);
  Value step = e.divF(most, e.real(127, f32));
  Value isEmpty = arith::CmpFOp::create(e, arith::CmpFPredicate::OEQ, step, e.real(0, f32));
  Value inverse = e.blend(isEmpty, e.real(0, f32), e.divF(e.real(1, f32), step));
  e.storeScalar(step, scale, {row, block});
  Value factor = e.splat(inverse, lanes()), low = e.real(-127, floats), high = e.real(127, floats);
  Value zero = arith::ConstantOp::create(e, e.getZeroAttr(words));
  auto round = [&](Value at, Value mask) -> Value {
    Value number = math::RoundEvenOp::create(e, e.mulF(load(at, mask), factor));
    // A conversion of what does not fit is undefined; a NaN is in the scale.
    Value isLess = arith::CmpFOp::create(e, arith::CmpFPredicate::OLT, number, high);
    number = e.maxF(e.blend(isLess, number, high), low);
    Value integer = arith::FPToSIOp::create(e, words, number);
    e.store(arith::TruncIOp::create(e, VectorType::get(lanes(), e.getI8Type()), integer), values,
            {row, e.add(begin, at)});
    return integer;
  };
  auto add = [&](Value a, Value b) -> Value { return arith::AddIOp::create(e, a, b); };
  Value total = e.foldVectors(
      width, lanes(), zero,
      [&](Value at, Value mask, Value acc) { return add(acc, round(at, mask)); }, add);
  e.storeScalar(e.reduce(total, add), sums, {row, block});
}

void RoundedLinear::roundRow(Emitter &e, Value row) const {
  int64_t block = weights.block, whole = weights.depth / block, rest = weights.depth % block;
  e.forRange(e.index(0), e.index(whole), 1, [&](Value index) {
    roundBlock(e, row, index, e.mul(index, block), e.index(block));
  });
  if (rest)
    roundBlock(e, row, e.index(whole), e.index(whole * block), e.index(rest));
  // Products go on to the end of a word.
  Value zero = arith::ConstantOp::create(e, e.getZeroAttr(VectorType::get(lanes(), e.getI8Type())));
  for (int64_t at = llvm::alignTo(weights.depth, lanes()), end = llvm::alignTo(weights.depth, weights.perWord());
       at < end; at += lanes())
    e.store(zero, values, {row, e.index(at)});
}

/// sums + q number, of a word in depth.
void RoundedLinear::addWord(Emitter &e, const GemmTile &tile, Value row, const Strip &strip,
                            Value word, MutableArrayRef<Value> sums) const {
  int64_t steps = weights.perWord() / kBytes;
  VectorType words = wordsOf(e, tile.lanes), bytes = bytesOf(e, tile.lanes);
  auto splat = [&](int32_t value) -> Value {
    return arith::ConstantOp::create(e, DenseElementsAttr::get(words, e.getI32IntegerAttr(value)));
  };
  SmallVector<Value> packed;
  for (int64_t v = 0; v < tile.vectors; ++v)
    packed.push_back(
        e.load(weights.layer.w, {strip.panel, word, e.add(strip.first, v * tile.lanes)}, tile.lanes));
  for (int64_t s = 0; s < steps; ++s) {
    SmallVector<Value> numbers;
    for (Value number : packed) {
      if (s)
        number = arith::ShRUIOp::create(e, number, splat(weights.bits * s));
      if (steps > 1)
        number = arith::AndIOp::create(e, number, splat(0x0f0f0f0f));
      numbers.push_back(vector::BitCastOp::create(e, bytes, number));
    }
    for (int64_t r = 0; r < tile.rows; ++r) {
      Value at = e.add(e.mul(word, weights.perWord()), s * kBytes);
      Value input = spreadBytes(e, values, {e.add(row, r), at}, tile.lanes, /*mask=*/{}, /*flip=*/false);
      for (int64_t v = 0; v < tile.vectors; ++v) {
        Value &sum = sums[r * tile.vectors + v];
        sum = dotBytes(e, *level, sum, numbers[v], input, (1 << weights.bits) - 1);
      }
    }
  }
}

/// acc + the product of a block, of so many words.
SmallVector<Value> RoundedLinear::addBlock(Emitter &e, const GemmTile &tile, const TileTarget &target,
                                           const Strip &strip, int64_t columns, Value block,
                                           int64_t words, ValueRange init) const {
  constexpr int64_t kUnroll = 4;
  int64_t lanes = tile.lanes;
  SmallVector<Value> sums = tile.zeros(e, e.getI32Type()), rowSums;
  for (int64_t r = 0; r < tile.rows; ++r) {
    rowSums.push_back(e.loadScalar(this->sums, {e.add(target.row, r), block}));
    if (weights.zero && *weights.zero) {
      Value zero = arith::ConstantIntOp::create(e, -*weights.zero, 32);
      Value first = e.splat(arith::MulIOp::create(e, rowSums[r], zero), lanes);
      std::fill_n(sums.begin() + r * tile.vectors, tile.vectors, first);
    }
  }
  Value first = e.mul(block, llvm::divideCeil(weights.block, weights.perWord()));
  int64_t whole = words / kUnroll * kUnroll;
  auto addWords = [&](Value begin, int64_t count, MutableArrayRef<Value> acc) {
    for (int64_t i = 0; i < count; ++i)
      addWord(e, tile, target.row, strip, e.add(begin, i), acc);
  };
  if (whole > kUnroll)
    sums = e.forRange(first, e.add(first, whole), kUnroll, sums, [&](Value begin, ValueRange carried) {
      SmallVector<Value> acc = llvm::to_vector(carried);
      addWords(begin, kUnroll, acc);
      return acc;
    });
  else
    addWords(first, whole, sums);
  addWords(e.add(first, whole), words - whole, sums);

  SmallVector<Value> acc = llvm::to_vector(init);
  Type f32 = e.getF32Type();
  for (int64_t v = 0; v < tile.vectors; ++v) {
    SmallVector<Value> at = {block, e.add(target.col, v * lanes)};
    Value mask = weights.maskColumns(e, v, columns);
    Value columnScale = e.load(weights.scale, at, lanes, mask), shift;
    if (!weights.zero)
      shift = e.load(weights.shift, at, lanes, mask);
    for (int64_t r = 0; r < tile.rows; ++r) {
      Value rowScale = e.loadScalar(scale, {e.add(target.row, r), block});
      Value &sum = acc[r * tile.vectors + v];
      Value product = arith::SIToFPOp::create(e, VectorType::get(lanes, f32), sums[r * tile.vectors + v]);
      sum = e.fma(product, e.mulF(columnScale, e.splat(rowScale, lanes)), sum);
      if (shift) {
        Value total = arith::SIToFPOp::create(e, f32, rowSums[r]);
        sum = e.fma(shift, e.splat(e.mulF(total, rowScale), lanes), sum);
      }
    }
  }
  return acc;
}

void RoundedLinear::emitBlock(Emitter &e, const Linear &form, const LinearBlock &part) const {
  int64_t vectors = llvm::divideCeil(part.columns, form.lanes);
  Strip strip = form.emitStrip(e, part.strip, e.index(0));
  // Beside the sums of a block and of all blocks, two steps of a word, and an input.
  int64_t rows = std::clamp<int64_t>((form.numRegs - 2 - 2 * vectors) / (2 * vectors), 1, form.schedule.mr);
  e.forEachTile(part.begin, part.end, rows, [&](Value row, int64_t tileRows) {
    GemmTile tile{tileRows, vectors, form.lanes};
    TileTarget target = form.getTarget(e, part, row);
    SmallVector<Value> acc = tile.zeros(e, e.getF32Type());
    int64_t perWord = weights.perWord(), whole = weights.depth / weights.block;
    auto add = [&](Value block, int64_t count, ValueRange carried) {
      return addBlock(e, tile, target, strip, part.columns, block, llvm::divideCeil(count, perWord), carried);
    };
    acc = e.forRange(e.index(0), e.index(whole), 1, acc, [&](Value block, ValueRange carried) {
      return add(block, weights.block, carried);
    });
    if (int64_t rest = weights.depth % weights.block)
      acc = add(e.index(whole), rest, acc);
    target.store(e, tile, acc, form.epilogue);
  });
}

void RoundedLinear::emit(Emitter &e) const {
  e.parallel(weights.layer.countRows(e), rowGrain(weights.layer.x.buffer), [&](Value row) { roundRow(e, row); });
  weights.layer.emit(e, [&](const Linear &form, const LinearBlock &part) { emitBlock(e, form, part); });
}
} // namespace

LogicalResult buildRoundedLinear(Emitter &e, const KernelContext &context) {
  FailureOr<RoundedLinear> layer = RoundedLinear::parse(context);
  if (failed(layer))
    return failure();
  layer->emit(e);
  return success();
}

} // namespace winnow::cpu
