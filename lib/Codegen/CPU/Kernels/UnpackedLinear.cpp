//===- UnpackedLinear.cpp - Linear layers of floats and small integers ----===//
//
// The loops are those of Linear.cpp. A panel of W holds words of 32 bits, each of which is 8
// numbers of 4 bits, or 4 of 8 bits, of a column that follow each other in depth
// (PackedWeights.h). They are taken out, scaled and multiplied in registers, for all rows of a tile at once,
//
//   out += x[k] (number scale - zero scale),
//
// so that W is read from memory as it is stored. Scales and zeros are those of blocks in depth.
// A single row, which waits for memory, is scaled block by block, where all have one zero. For many
// rows, a strip is unpacked once, to floats in the cache, and the product is that of Linear.cpp.
//
// A number at bit p of a word, below the 23 of a mantissa, becomes a float without a conversion:
// with the exponent of 2^(23 - p) above it, the word is 2^(23 - p) + number.
//
//===----------------------------------------------------------------------===//

#include "UnpackedLinear.h"
#include "winnow/Support/PackedWeights.h"

#include "llvm/ADT/bit.h"

#include <cmath>

using namespace mlir;

namespace winnow::cpu {

static constexpr int64_t kMantissa = 23, kHalf = 16;

static Value getHigh(Emitter &e, Value word) {
  auto shift = DenseElementsAttr::get(cast<VectorType>(word.getType()), e.getI32IntegerAttr(kHalf));
  return arith::ShRUIOp::create(e, word, arith::ConstantOp::create(e, shift));
}

/// Number `i` of each word, of which `high` is what lies above kHalf, less `zero`.
Value UnpackedLinear::takeNumber(Emitter &e, Value word, Value high, int64_t i, double zero) const {
  auto words = cast<VectorType>(word.getType());
  auto splat = [&](int64_t value) -> Value {
    return arith::ConstantOp::create(e, DenseElementsAttr::get(words, e.getI32IntegerAttr(value)));
  };
  int64_t place = PackedWeights(bits).place(i);
  bool isHigh = place + bits > kMantissa;
  place -= isHigh ? kHalf : 0;
  double one = std::ldexp(1.0, kMantissa - place);
  Value number = arith::AndIOp::create(e, isHigh ? high : word, splat(((1 << bits) - 1) << place));
  number = arith::OrIOp::create(e, number, splat(llvm::bit_cast<int32_t>(static_cast<float>(one))));
  auto floats = VectorType::get(words.getShape(), e.getF32Type());
  return e.subF(arith::BitcastOp::create(e, floats, number), e.real(one + zero, floats));
}

/// The words [begin, end) of a block in depth, of which one more, if `lastCount` is not 0, holds so
/// many numbers.
SmallVector<Value> UnpackedLinear::emitWords(Emitter &e, const GemmTile &tile,
                                             const TileTarget &target, const Strip &strip,
                                             int64_t columns, Value begin, Value end,
                                             int64_t lastCount, Value blockIndex,
                                             ValueRange init) const {
  int64_t lanes = tile.lanes;
  SmallVector<Value> scales, shifts;
  for (int64_t v = 0; v < tile.vectors; ++v) {
    SmallVector<Value> at = {blockIndex, e.add(target.col, v * lanes)};
    Value mask = maskColumns(e, v, columns);
    scales.push_back(e.load(scale, at, lanes, mask));
    shifts.push_back(shift ? e.load(shift, at, lanes, mask) : Value());
  }
  // The rows of a tile need the registers that sums of a block would take.
  bool scalesBlock = tile.rows == 1 && zero;
  auto step = [&](Value at, ValueRange carried, int64_t count) {
    SmallVector<Value> acc = llvm::to_vector(carried), packed, high;
    for (int64_t v = 0; v < tile.vectors; ++v) {
      packed.push_back(e.load(layer.w, {strip.panel, at, e.add(strip.first, v * lanes)}, lanes));
      high.push_back(getHigh(e, packed[v]));
    }
    for (int64_t i = 0; i < count; ++i) {
      SmallVector<Value> numbers;
      for (int64_t v = 0; v < tile.vectors; ++v) {
        Value number = takeNumber(e, packed[v], high[v], i, zero.value_or(0));
        if (!scalesBlock)
          number = zero ? e.mulF(number, scales[v]) : e.fma(number, scales[v], shifts[v]);
        numbers.push_back(number);
      }
      Value k = e.add(e.mul(at, perWord()), i);
      for (int64_t r = 0; r < tile.rows; ++r) {
        Value x = e.splat(e.loadScalar(layer.x.buffer, {e.add(target.row, r), k}), lanes);
        for (int64_t v = 0; v < tile.vectors; ++v) {
          Value &sum = acc[r * tile.vectors + v];
          sum = e.fma(x, numbers[v], sum);
        }
      }
    }
    return acc;
  };
  SmallVector<Value> first = scalesBlock ? tile.zeros(e, e.getF32Type()) : llvm::to_vector(init);
  SmallVector<Value> acc = e.forRange(begin, end, 1, first, [&](Value at, ValueRange carried) {
    return step(at, carried, perWord());
  });
  if (lastCount)
    acc = step(end, acc, lastCount);
  if (scalesBlock)
    for (auto [v, sum] : llvm::enumerate(acc))
      sum = e.fma(sum, scales[v], init[v]);
  return acc;
}

void UnpackedLinear::emitBlock(Emitter &e, const Linear &form, const LinearBlock &part) const {
  // Unpacking to memory takes about as long as two tiles do in registers.
  int64_t few = 2 * form.schedule.mr, rows = cast<MemRefType>(layer.out.getType()).getDimSize(0);
  if (form.schedule.mb == 1 || (!ShapedType::isDynamic(rows) && rows <= few))
    return emitDirect(e, form, part);
  if (!ShapedType::isDynamic(rows))
    return emitUnpacked(e, form, part);
  e.ifElse(e.lessThan(e.sub(part.end, part.begin), e.index(few + 1)),
           [&] { emitDirect(e, form, part); }, [&] { emitUnpacked(e, form, part); });
}

void UnpackedLinear::emitUnpacked(Emitter &e, const Linear &form, const LinearBlock &part) const {
  int64_t lanes = form.lanes, vectors = llvm::divideCeil(part.columns, lanes), count = perWord();
  Strip packed = form.emitStrip(e, part.strip, e.index(0));
  Value column = e.mul(part.strip, form.schedule.nr);
  Linear product = form;
  product.k = depth;
  product.schedule = {floats.mr, form.schedule.nr, floats.kc, form.schedule.mb};
  product.w = e.scratch({1, floats.kc, vectors * lanes}, e.getF32Type());
  LinearBlock rows = part;
  rows.staging = e.scratch({floats.mr, form.schedule.nr}, e.getF32Type());
  product.emitPasses(e, rows, /*fetches=*/false, [&](Value depthBegin) {
    Value first = e.div(depthBegin, e.index(count));
    Value end = e.min(e.add(first, floats.kc / count), e.index(layer.k));
    e.forRange(first, end, 1, [&](Value at) {
      Value index = e.div(at, e.index(std::max<int64_t>(block / count, 1)));
      if (block == depth)
        index = e.index(0);
      for (int64_t v = 0; v < vectors; ++v) {
        Value mask = maskColumns(e, v, part.columns);
        SmallVector<Value> place = {index, e.add(column, v * lanes)};
        Value factor = e.load(scale, place, lanes, mask);
        Value rest = shift ? e.load(shift, place, lanes, mask) : Value();
        Value word = e.load(layer.w, {packed.panel, at, e.add(packed.first, v * lanes)}, lanes);
        Value high = getHigh(e, word);
        for (int64_t i = 0; i < count; ++i) {
          Value number = takeNumber(e, word, high, i, zero.value_or(0));
          number = zero ? e.mulF(number, factor) : e.fma(number, factor, rest);
          e.store(number, product.w,
                  {e.index(0), e.add(e.mul(e.sub(at, first), count), i), e.index(v * lanes)});
        }
      }
    });
    return Strip{e.index(0), e.index(0), depthBegin, e.index(0)};
  });
}

void UnpackedLinear::emitDirect(Emitter &e, const Linear &form, const LinearBlock &part) const {
  int64_t vectors = llvm::divideCeil(part.columns, form.lanes);
  Strip strip = form.emitStrip(e, part.strip, e.index(0));
  e.forEachTile(part.begin, part.end, form.schedule.mr, [&](Value row, int64_t tileRows) {
    GemmTile tile{tileRows, vectors, form.lanes};
    TileTarget target = form.getTarget(e, part, row);
    SmallVector<Value> acc = tile.zeros(e, e.getF32Type());
    int64_t whole = depth / block, words = llvm::divideCeil(block, perWord());
    auto multiply = [&](Value index, int64_t count, ValueRange init) {
      Value begin = e.mul(index, words);
      return emitWords(e, tile, target, strip, part.columns, begin,
                       e.add(begin, count / perWord()), count % perWord(), index, init);
    };
    acc = e.forRange(e.index(0), e.index(whole), 1, acc, [&](Value index, ValueRange carried) {
      return multiply(index, block, carried);
    });
    if (int64_t rest = depth % block)
      acc = multiply(e.index(whole), rest, acc);
    target.store(e, tile, acc, form.epilogue);
  });
}

void UnpackedLinear::emit(Emitter &e) const {
  layer.emit(e, [&](const Linear &form, const LinearBlock &block) { emitBlock(e, form, block); });
}

FailureOr<UnpackedLinear> UnpackedLinear::parse(const KernelContext &context, unsigned numSpaces) {
  auto n = context.integer("n"), k = context.integer("k"), mr = context.integer("mr"),
       nr = context.integer("nr"), mb = context.integer("mb"), bits = context.integer("bits"),
       block = context.integer("block");
  auto activation = context.string("activation", "none");
  if (failed(n) || failed(k) || failed(mr) || failed(nr) || failed(mb) || failed(bits) ||
      failed(block) || failed(activation))
    return failure();
  if (*bits != 4 && *bits != 8)
    return context.error() << "expected 'bits' of 4 or 8, got " << *bits;
  bool bias = context.flag("bias"), residual = context.flag("residual");
  UnpackedLinear result;
  if (context.config.contains("zero")) {
    auto zero = context.integer("zero", /*least=*/0);
    if (failed(zero))
      return failure();
    result.zero = *zero;
  }
  auto arguments = context.arguments(4 + !result.zero + bias + residual + numSpaces);
  if (failed(arguments))
    return failure();
  const BlockArgument *next = arguments->begin();
  Linear &layer = result.layer;
  layer.x.buffer = *next++;
  layer.w = *next++;
  result.scale = *next++;
  if (!result.zero)
    result.shift = *next++;
  if (bias)
    layer.epilogue.bias = *next++;
  if (residual)
    layer.epilogue.residual.buffer = *next++;
  result.spaces.assign(next, next + numSpaces);
  next += numSpaces;
  layer.out = *next++;
  layer.placed = layer.out;
  Type f32 = context.f32();
  auto check = [&](Value value, StringRef name, int64_t rank, Type element) {
    return !value || succeeded(context.memref(value, name, rank, element));
  };
  if (!check(layer.x.buffer, "x", 2, f32) ||
      !check(layer.w, "w", 3, IntegerType::get(f32.getContext(), 32)) ||
      !check(result.scale, "scale", 2, f32) || !check(result.shift, "shift", 2, f32) ||
      !check(layer.epilogue.bias, "bias", 1, f32) ||
      !check(layer.epilogue.residual.buffer, "residual", 2, f32) || !check(layer.out, "out", 2, f32))
    return failure();
  result.depth = *k;
  result.bits = *bits;
  result.block = std::min(*block, *k);
  if (result.block < *k && result.block % result.perWord())
    return context.error() << "expected blocks of a multiple of " << result.perWord() << ", got "
                           << result.block;
  int64_t lanes = context.lanes();
  ArrayRef<int64_t> packed = cast<MemRefType>(layer.w.getType()).getShape();
  if (llvm::any_of(packed, ShapedType::isDynamic) || packed[2] <= 0 || *nr % lanes ||
      packed[2] % *nr || packed[1] != int64_t(llvm::divideCeil(*k, result.perWord())) ||
      packed[0] != int64_t(llvm::divideCeil(*n, packed[2])))
    return context.error() << "expected 'w' to be packed in panels [" << *k << " / "
                           << result.perWord() << ", " << *nr << "], or a multiple as wide, for "
                           << *n << " columns, got " << layer.w.getType();
  if (*mb % *mr)
    return context.error() << "expected 'mb' to be a multiple of 'mr', got " << *mb << " and " << *mr;
  std::optional<Activation> emitter = lookupActivation(*activation);
  if (!emitter || *activation == "group_rational")
    return context.error() << "unknown activation '" << *activation << "'";
  layer.epilogue.activation = *emitter;
  layer.n = *n;
  layer.k = packed[1];
  layer.panelWidth = packed[2];
  layer.lanes = lanes;
  layer.numRegs = context.level.numVectorRegs;
  layer.schedule = {*mr, *nr, std::max<int64_t>(packed[1], 1), *mb};
  result.floats = chooseLinearSchedule(context.level, *n, *k, std::nullopt, *nr);
  result.floats.kc = llvm::alignTo(result.floats.kc, result.perWord());
  return result;
}

LogicalResult buildUnpackedLinear(Emitter &e, const KernelContext &context) {
  FailureOr<UnpackedLinear> layer = UnpackedLinear::parse(context);
  if (failed(layer))
    return failure();
  layer->emit(e);
  return success();
}

} // namespace winnow::cpu
