//===- QuantizedLinear.cpp - Linear layers of integers of 8 bits ----------===//
//
// The loops are those of Linear.cpp, with all of the depth in one pass. A panel of W holds four
// rows of a column side by side, so that a lane sums four products at a time (Bytes.h), exactly,
// whatever the operands.
//
// Weights of 4 and 6 bits are packed (PackedWeights.h). Up to `directRows` rows, which wait for
// memory, unpack them in registers, and multiply the sums of each block of 4-bit numbers by its
// multiplier. For more rows the strip is unpacked once, to bytes in the cache.
//
// x is unsigned there: a signed one is shifted by 128, and its zero with it. Sums are of what is
// stored; the zeros are accounted for at the end,
//
//   sum (x - z) (w - v) = sum x w - z sum w - v (sum x - K z),
//
// where sums of columns come with the weights, and sums of rows with the input.
//
//===----------------------------------------------------------------------===//

#include "Bytes.h"
#include "Linear.h"
#include "winnow/Support/PackedWeights.h"

using namespace mlir;

namespace winnow::cpu {
namespace {

struct QuantizedLinear {
  Linear layer; ///< its loops and epilogue; n and k count columns and steps of four bytes
  int64_t depth; ///< K
  int64_t bits;  ///< of a number of W
  bool isSigned;
  const CPULevel *level;
  Value multipliers; ///< of blocks, [panels, blocks, panel] of i8; or null
  Value sums;     ///< [N] of i32, of the columns of W
  Value scale;    ///< [N] or [1]
  Value zero;     ///< [M] or [1] of i8; or null
  Value rowScale; ///< [M]; or null
  Value rowSums;  ///< [M] of i32, with `weightZero` [N] of i32; or null
  Value weightZero;

  static FailureOr<QuantizedLinear> parse(const KernelContext &context);
  void emit(Emitter &e) const;

private:
  /// The vectors of four bytes a lane of a step in depth.
  using Columns = llvm::function_ref<SmallVector<Value>(Value step)>;

  void emitBlock(Emitter &e, const Linear &form, const LinearBlock &block) const;
  SmallVector<Value> emitSums(Emitter &e, const GemmTile &tile, Value row, Columns columns) const;
  SmallVector<Value> emitPackedSums(Emitter &e, const GemmTile &tile, Value row, const Strip &strip) const;
  void emitStep(Emitter &e, const GemmTile &tile, Value row, Value step, Value mask,
                ValueRange columns, MutableArrayRef<Value> acc) const;
  void emitUnpack(Emitter &e, const GemmTile &tile, const Strip &strip, Value bytes) const;
  SmallVector<SmallVector<Value>> unpackGroup(Emitter &e, const GemmTile &tile, const Strip &strip,
                                              Value group) const;
  Value loadMultiplier(Emitter &e, const Strip &strip, Value block, int64_t vector) const;
  SmallVector<Value> emitNumbers(Emitter &e, const GemmTile &tile, const TileTarget &target,
                                 int64_t columns, ValueRange acc) const;
};

/// acc + x w, of a step in depth.
void QuantizedLinear::emitStep(Emitter &e, const GemmTile &tile, Value row, Value step, Value mask,
                               ValueRange columns, MutableArrayRef<Value> acc) const {
  for (int64_t r = 0; r < tile.rows; ++r) {
    Value x = spreadBytes(e, layer.x.buffer, {e.add(row, r), e.mul(step, kBytes)}, tile.lanes, mask, isSigned);
    for (int64_t v = 0; v < tile.vectors; ++v) {
      Value &sum = acc[r * tile.vectors + v];
      sum = dotBytes(e, *level, sum, x, columns[v]);
    }
  }
}

SmallVector<Value> QuantizedLinear::emitSums(Emitter &e, const GemmTile &tile, Value row,
                                             Columns columns) const {
  SmallVector<Value> acc = tile.zeros(e, e.getI32Type());
  auto step = [&](Value at, Value mask) { emitStep(e, tile, row, at, mask, columns(at), acc); };
  int64_t whole = depth / kBytes, unrolled = whole - whole % 2;
  acc = e.forRange(e.index(0), e.index(unrolled), 2, acc, [&](Value at, ValueRange carried) {
    acc = llvm::to_vector(carried);
    step(at, {});
    step(e.add(at, 1), {});
    return acc;
  });
  if (whole > unrolled)
    step(e.index(unrolled), {});
  if (int64_t rest = depth % kBytes)
    step(e.index(whole), e.maskBelow(e.index(rest), kBytes));
  return acc;
}

/// The numbers of a group, for each of its steps and vectors, plus PackedWeights::bias.
SmallVector<SmallVector<Value>> QuantizedLinear::unpackGroup(Emitter &e, const GemmTile &tile,
                                                             const Strip &strip,
                                                             Value group) const {
  PackedWeights packed(bits);
  VectorType words = wordsOf(e, tile.lanes);
  auto splat = [&](int32_t value) -> Value {
    return arith::ConstantOp::create(e, DenseElementsAttr::get(words, e.getI32IntegerAttr(value)));
  };
  auto shift = [&](Value word, int64_t by) -> Value {
    return by > 0   ? Value(arith::ShRUIOp::create(e, word, splat(by)))
           : by < 0 ? Value(arith::ShLIOp::create(e, word, splat(-by)))
                    : word;
  };
  SmallVector<SmallVector<Value>> steps(packed.groupSize() / kBytes);
  for (int64_t v = 0; v < tile.vectors; ++v) {
    auto load = [&](int64_t i) {
      Value at = e.add(e.mul(group, packed.groupWords()), i);
      return e.load(layer.w, {strip.panel, at, e.add(strip.first, v * tile.lanes)}, tile.lanes);
    };
    SmallVector<Value> stored;
    for (int64_t i = 0; i < packed.groupWords(); ++i)
      stored.push_back(load(i));
    for (auto [s, step] : llvm::enumerate(steps)) {
      Value number = arith::AndIOp::create(e, shift(stored[s / 2], s % 2 * 4), splat(0x0f0f0f0f));
      if (bits == 6) {
        Value top = arith::AndIOp::create(e, shift(stored.back(), 2 * int64_t(s) - 4), splat(0x30303030));
        number = arith::OrIOp::create(e, number, top);
      }
      step.push_back(number);
    }
  }
  return steps;
}

/// A block's multipliers of a vector of columns, as words.
Value QuantizedLinear::loadMultiplier(Emitter &e, const Strip &strip, Value block,
                                      int64_t vector) const {
  int64_t lanes = layer.lanes;
  Value bytes = e.load(multipliers, {strip.panel, block, e.add(strip.first, vector * lanes)}, lanes);
  return arith::ExtUIOp::create(e, wordsOf(e, lanes), bytes);
}

/// Sums of few rows, from what is stored.
SmallVector<Value> QuantizedLinear::emitPackedSums(Emitter &e, const GemmTile &tile, Value row,
                                                   const Strip &strip) const {
  PackedWeights packed(bits);
  int64_t lanes = tile.lanes, groupSize = packed.groupSize(), groupSteps = groupSize / kBytes;
  Value bias = arith::ConstantOp::create(
      e, DenseElementsAttr::get(bytesOf(e, lanes), e.getI8IntegerAttr(packed.bias())));
  auto addGroup = [&](Value group, int64_t count, MutableArrayRef<Value> acc) {
    for (auto [s, words] : llvm::enumerate(unpackGroup(e, tile, strip, group))) {
      int64_t left = count - static_cast<int64_t>(s) * kBytes;
      if (left <= 0)
        break;
      SmallVector<Value> columns;
      for (Value word : words)
        columns.push_back(arith::SubIOp::create(
            e, vector::BitCastOp::create(e, bytesOf(e, lanes), word), bias));
      Value mask = left < kBytes ? e.maskBelow(e.index(left), kBytes) : Value();
      emitStep(e, tile, row, e.add(e.mul(group, groupSteps), s), mask, columns, acc);
    }
  };
  auto addBlock = [&](Value block, int64_t count, SmallVector<Value> acc) {
    SmallVector<Value> sums = tile.zeros(e, e.getI32Type());
    for (int64_t first = 0; first < count; first += groupSize) {
      Value group = e.add(e.mul(block, kRoundingBlock / groupSize), first / groupSize);
      addGroup(group, std::min(groupSize, count - first), sums);
    }
    for (int64_t v = 0; v < tile.vectors; ++v) {
      Value multiplier = loadMultiplier(e, strip, block, v);
      for (int64_t r = 0; r < tile.rows; ++r) {
        int64_t i = r * tile.vectors + v;
        acc[i] = arith::AddIOp::create(e, acc[i], arith::MulIOp::create(e, sums[i], multiplier));
      }
    }
    return acc;
  };
  auto add = [&](Value at, int64_t count, ValueRange carried) {
    SmallVector<Value> acc = llvm::to_vector(carried);
    if (multipliers)
      return addBlock(at, count, acc);
    addGroup(at, count, acc);
    return acc;
  };
  int64_t size = multipliers ? kRoundingBlock : groupSize, whole = depth / size;
  SmallVector<Value> acc = tile.zeros(e, e.getI32Type());
  acc = e.forRange(e.index(0), e.index(whole), 1, acc,
                   [&](Value at, ValueRange carried) { return add(at, size, carried); });
  if (int64_t rest = depth % size)
    acc = add(e.index(whole), rest, acc);
  return acc;
}

/// Unpacks a strip to `bytes`, [steps, columns * 4].
void QuantizedLinear::emitUnpack(Emitter &e, const GemmTile &tile, const Strip &strip,
                                 Value bytes) const {
  PackedWeights packed(bits);
  int64_t lanes = tile.lanes, groupSteps = packed.groupSize() / kBytes;
  auto halves = VectorType::get(lanes * 2, e.getI16Type());
  auto splat = [&](Type type, int64_t value) -> Value {
    return arith::ConstantOp::create(
        e, DenseElementsAttr::get(cast<VectorType>(type),
                                  e.getIntegerAttr(cast<VectorType>(type).getElementType(), value)));
  };
  auto mul = [&](Value a, Value b) -> Value { return arith::MulIOp::create(e, a, b); };
  Type words = wordsOf(e, lanes), eights = bytesOf(e, lanes);
  auto unpack = [&](Value group, ArrayRef<Value> multiplier) {
    for (auto [s, step] : llvm::enumerate(unpackGroup(e, tile, strip, group)))
      for (auto [v, word] : llvm::enumerate(step)) {
        Value bias = splat(eights, packed.bias());
        if (multipliers) {
          // (number + bias) multiplier fits a byte, and odd bytes stay where they are.
          Value pairs = vector::BitCastOp::create(e, halves, word);
          Value by = vector::BitCastOp::create(e, halves, mul(multiplier[v], splat(words, 0x00010001)));
          Value even = mul(arith::AndIOp::create(e, pairs, splat(halves, 0x00ff)), by);
          Value odd = mul(arith::AndIOp::create(e, pairs, splat(halves, -256)), by);
          word = arith::OrIOp::create(e, even, odd);
          bias = vector::BitCastOp::create(
              e, eights, mul(multiplier[v], splat(words, packed.bias() * 0x01010101)));
        }
        Value numbers = arith::SubIOp::create(e, vector::BitCastOp::create(e, eights, word), bias);
        e.store(numbers, bytes,
                {e.add(e.mul(group, groupSteps), s), e.index(int64_t(v) * lanes * kBytes)});
      }
  };
  Value groups = e.index(llvm::divideCeil(depth, packed.groupSize()));
  if (!multipliers)
    return e.forRange(e.index(0), groups, 1, [&](Value group) { unpack(group, {}); });
  int64_t inBlock = kRoundingBlock / packed.groupSize();
  e.forRange(e.index(0), e.index(llvm::divideCeil(depth, kRoundingBlock)), 1, [&](Value block) {
    SmallVector<Value> multiplier;
    for (int64_t v = 0; v < tile.vectors; ++v)
      multiplier.push_back(loadMultiplier(e, strip, block, v));
    Value first = e.mul(block, inBlock);
    e.forRange(first, e.min(e.add(first, inBlock), groups), 1,
               [&](Value group) { unpack(group, multiplier); });
  });
}

/// The numbers that sums stand for.
SmallVector<Value> QuantizedLinear::emitNumbers(Emitter &e, const GemmTile &tile,
                                                const TileTarget &target, int64_t columns,
                                                ValueRange acc) const {
  int64_t lanes = tile.lanes;
  VectorType words = wordsOf(e, lanes);
  Type i32 = e.getI32Type();
  auto mul = [&](Value a, Value b) -> Value { return arith::MulIOp::create(e, a, b); };
  auto sub = [&](Value a, Value b) -> Value { return arith::SubIOp::create(e, a, b); };
  auto isSingle = [](Value value) { return cast<MemRefType>(value.getType()).getDimSize(0) == 1; };
  auto constant = [&](int64_t value) -> Value { return arith::ConstantIntOp::create(e, value, 32); };
  SmallVector<Value> colSums, scales, weightZeros;
  for (int64_t v = 0; v < tile.vectors; ++v) {
    Value mask = (v + 1) * lanes > columns ? e.maskBelow(e.index(columns - v * lanes), lanes) : Value();
    Value col = e.add(target.col, v * lanes);
    colSums.push_back(e.load(sums, {col}, lanes, mask));
    scales.push_back(isSingle(scale) ? e.splat(e.loadScalar(scale, {e.index(0)}), lanes)
                                     : e.load(scale, {col}, lanes, mask));
    if (weightZero)
      weightZeros.push_back(e.load(weightZero, {col}, lanes, mask));
  }
  SmallVector<Value> numbers;
  for (int64_t r = 0; r < tile.rows; ++r) {
    Value row = e.add(target.row, r);
    Value shift = isSigned ? constant(128) : Value();
    if (zero) {
      Value byte = e.loadScalar(zero, {isSingle(zero) ? e.index(0) : row});
      if (isSigned)
        shift = arith::AddIOp::create(e, arith::ExtSIOp::create(e, i32, byte), shift);
      else
        shift = arith::ExtUIOp::create(e, i32, byte);
    }
    Value rest; // sum x - K z, of the stored x
    if (weightZero) {
      rest = e.loadScalar(rowSums, {row});
      if (isSigned)
        rest = arith::AddIOp::create(e, rest, constant(128 * depth));
      if (shift)
        rest = sub(rest, mul(constant(depth), shift));
    }
    Value factor = rowScale ? e.splat(e.loadScalar(rowScale, {row}), lanes) : Value();
    for (int64_t v = 0; v < tile.vectors; ++v) {
      Value sum = acc[r * tile.vectors + v];
      if (shift)
        sum = sub(sum, mul(e.splat(shift, lanes), colSums[v]));
      if (rest)
        sum = sub(sum, mul(e.splat(rest, lanes), weightZeros[v]));
      Value number = arith::SIToFPOp::create(e, VectorType::get(words.getShape(), e.getF32Type()), sum);
      numbers.push_back(e.mulF(number, factor ? e.mulF(factor, scales[v]) : scales[v]));
    }
  }
  return numbers;
}

void QuantizedLinear::emitBlock(Emitter &e, const Linear &form, const LinearBlock &block) const {
  int64_t vectors = llvm::divideCeil(block.columns, form.lanes);
  Strip strip = form.emitStrip(e, block.strip, e.index(0));
  using Sums = llvm::function_ref<SmallVector<Value>(const GemmTile &, Value row)>;
  auto forTiles = [&](int64_t size, Sums sums) {
    e.forEachTile(block.begin, block.end, size, [&](Value row, int64_t tileRows) {
      GemmTile tile{tileRows, vectors, form.lanes};
      TileTarget target = form.getTarget(e, block, row);
      target.store(e, tile, emitNumbers(e, tile, target, block.columns, sums(tile, row)), form.epilogue);
    });
  };
  auto multiplyBytes = [&](Value bytes, ArrayRef<Value> panel, Value first) {
    forTiles(form.schedule.mr, [&](const GemmTile &tile, Value row) {
      return emitSums(e, tile, row, [&](Value step) {
        SmallVector<Value> columns, at = llvm::to_vector(panel);
        at.append({step, Value()});
        for (int64_t v = 0; v < vectors; ++v) {
          at.back() = e.mul(e.add(first, v * form.lanes), kBytes);
          columns.push_back(e.load(bytes, at, form.lanes * kBytes));
        }
        return columns;
      });
    });
  };
  if (bits == 8)
    return multiplyBytes(layer.w, {strip.panel}, strip.first);

  // Beside sums of a block and of all blocks, numbers and multipliers.
  int64_t mostVectors = form.schedule.nr / form.lanes;
  int64_t directRows = std::clamp<int64_t>((form.numRegs - 4 - 2 * mostVectors) / (2 * mostVectors), 1,
                                           form.schedule.mr);
  auto unpackRows = [&] {
    forTiles(directRows, [&](const GemmTile &tile, Value row) { return emitPackedSums(e, tile, row, strip); });
  };
  auto unpackStrip = [&] {
    PackedWeights packed(bits);
    int64_t steps = llvm::divideCeil(depth, packed.groupSize()) * packed.groupSize() / kBytes;
    Value bytes = e.scratch({steps, vectors * form.lanes * kBytes}, e.getI8Type());
    emitUnpack(e, {1, vectors, form.lanes}, strip, bytes);
    multiplyBytes(bytes, {}, e.index(0));
  };
  int64_t rows = cast<MemRefType>(layer.out.getType()).getDimSize(0);
  if (form.schedule.mb == 1)
    return unpackRows();
  if (!ShapedType::isDynamic(rows))
    return rows <= directRows ? unpackRows() : unpackStrip();
  Value isFew = e.lessThan(e.sub(block.end, block.begin), e.index(directRows + 1));
  e.ifElse(isFew, unpackRows, unpackStrip);
}

void QuantizedLinear::emit(Emitter &e) const {
  layer.emit(e, [&](const Linear &form, const LinearBlock &block) { emitBlock(e, form, block); });
}

FailureOr<QuantizedLinear> QuantizedLinear::parse(const KernelContext &context) {
  auto n = context.integer("n"), k = context.integer("k", 0), mr = context.integer("mr"),
       nr = context.integer("nr"), mb = context.integer("mb");
  FailureOr<int64_t> bits = 8;
  if (context.config.contains("bits"))
    bits = context.integer("bits");
  auto activation = context.string("activation", "none");
  if (failed(n) || failed(k) || failed(mr) || failed(nr) || failed(mb) || failed(bits) ||
      failed(activation))
    return failure();
  if (*bits != 4 && *bits != 6 && *bits != 8)
    return context.error() << "expected 'bits' of 4, 6 or 8, got " << *bits;
  bool multipliers = context.flag("multipliers"), zero = context.flag("zero"), rowScale = context.flag("row_scale"),
       weightZero = context.flag("weight_zero"), bias = context.flag("bias"),
       residual = context.flag("residual");
  auto arguments =
      context.arguments(5 + multipliers + zero + rowScale + 2 * weightZero + bias + residual);
  if (failed(arguments))
    return failure();
  const BlockArgument *next = arguments->begin();
  QuantizedLinear result;
  result.layer.x.buffer = *next++;
  result.layer.w = *next++;
  if (multipliers)
    result.multipliers = *next++;
  result.sums = *next++;
  result.scale = *next++;
  if (zero)
    result.zero = *next++;
  if (rowScale)
    result.rowScale = *next++;
  if (weightZero) {
    result.rowSums = *next++;
    result.weightZero = *next++;
  }
  Epilogue &epilogue = result.layer.epilogue;
  if (bias)
    epilogue.bias = *next++;
  if (residual)
    epilogue.residual.buffer = *next++;
  result.layer.out = *next++;
  result.layer.placed = result.layer.out;

  Type f32 = context.f32(), i8 = IntegerType::get(f32.getContext(), 8),
       i32 = IntegerType::get(f32.getContext(), 32);
  auto check = [&](Value value, StringRef name, int64_t rank, Type element) {
    return !value || succeeded(context.memref(value, name, rank, element));
  };
  if (!check(result.layer.x.buffer, "x", 2, i8) || !check(result.layer.w, "w", 3, *bits == 8 ? i8 : i32) ||
      !check(result.multipliers, "multipliers", 3, i8) ||
      !check(result.sums, "sums", 1, i32) || !check(result.scale, "scale", 1, f32) ||
      !check(result.zero, "zero", 1, i8) || !check(result.rowScale, "row_scale", 1, f32) ||
      !check(result.rowSums, "row_sums", 1, i32) ||
      !check(result.weightZero, "weight_zero", 1, i32) || !check(epilogue.bias, "bias", 1, f32) ||
      !check(epilogue.residual.buffer, "residual", 2, f32) || !check(result.layer.out, "out", 2, f32))
    return failure();
  int64_t lanes = context.lanes();
  ArrayRef<int64_t> packed = cast<MemRefType>(result.layer.w.getType()).getShape();
  PackedWeights form(*bits);
  int64_t each = *bits == 8 ? kBytes : 1, rowsOfPanel = llvm::divideCeil(*k, form.groupSize()) * form.groupWords();
  if (llvm::any_of(packed, ShapedType::isDynamic) || packed[2] <= 0 || *nr % lanes ||
      packed[2] % (*nr * each) || packed[1] != rowsOfPanel ||
      packed[0] != int64_t(llvm::divideCeil(*n * each, packed[2])))
    return context.error() << "expected 'w' to be packed in panels [" << rowsOfPanel << ", " << *nr * each
                           << "], or a multiple as wide, for " << *n << " columns, got "
                           << result.layer.w.getType();
  if (multipliers) {
    int64_t blocks = llvm::divideCeil(*k, kRoundingBlock);
    ArrayRef<int64_t> shape = cast<MemRefType>(result.multipliers.getType()).getShape();
    if (*bits != 4 || shape != ArrayRef({packed[0], blocks, packed[2]}))
      return context.error() << "expected 'multipliers' of [" << packed[0] << ", " << blocks << ", "
                             << packed[2] << "] beside numbers of 4 bits, got "
                             << result.multipliers.getType();
  }
  if (*mb % *mr)
    return context.error() << "expected 'mb' to be a multiple of 'mr', got " << *mb << " and " << *mr;
  std::optional<Activation> emitter = lookupActivation(*activation);
  if (!emitter || *activation == "group_rational")
    return context.error() << "unknown activation '" << *activation << "'";
  epilogue.activation = *emitter;
  result.depth = *k;
  result.bits = *bits;
  result.isSigned = context.flag("signed");
  result.level = &context.level;
  result.layer.n = *n;
  result.layer.k = llvm::divideCeil(*k, kBytes);
  result.layer.panelWidth = packed[2] / each;
  result.layer.lanes = lanes;
  result.layer.numRegs = context.level.numVectorRegs;
  result.layer.schedule = {*mr, *nr, std::max<int64_t>(result.layer.k, 1), *mb};
  return result;
}
} // namespace

LogicalResult buildQuantizedLinear(Emitter &e, const KernelContext &context) {
  FailureOr<QuantizedLinear> layer = QuantizedLinear::parse(context);
  if (failed(layer))
    return failure();
  layer->emit(e);
  return success();
}

} // namespace winnow::cpu
