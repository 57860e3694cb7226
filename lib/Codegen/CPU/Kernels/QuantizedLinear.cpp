//===- QuantizedLinear.cpp - Linear layers of integers of 8 bits ----------===//
//
// The loops are those of Linear.cpp, with all of the depth in one pass. A panel of W holds four
// rows of a column side by side, so that a lane sums four products at a time (Bytes.h), exactly,
// whatever the operands. x is unsigned there: a signed one is shifted by 128, and its zero with
// it. Sums are of what is stored; the zeros are accounted for at the end,
//
//   sum (x - z) (w - v) = sum x w - z sum w - v (sum x - K z),
//
// where sums of columns come with the weights, and sums of rows with the input.
//
//===----------------------------------------------------------------------===//

#include "Bytes.h"
#include "Linear.h"

using namespace mlir;

namespace winnow::cpu {
namespace {

struct QuantizedLinear {
  Linear layer; ///< its loops and epilogue; n and k count columns and steps of four bytes
  int64_t depth; ///< K
  bool isSigned;
  const CPULevel *level;
  Value sums;     ///< [N] of i32, of the columns of W
  Value scale;    ///< [N] or [1]
  Value zero;     ///< [M] or [1] of i8; or null
  Value rowScale; ///< [M]; or null
  Value rowSums;  ///< [M] of i32, with `weightZero` [N] of i32; or null
  Value weightZero;

  static FailureOr<QuantizedLinear> parse(const KernelContext &context);
  void emit(Emitter &e) const;

private:
  void emitBlock(Emitter &e, const Linear &form, const LinearBlock &block) const;
  SmallVector<Value> emitSums(Emitter &e, const GemmTile &tile, Value row, const Strip &strip) const;
  Value loadInput(Emitter &e, Value row, Value step, int64_t lanes, Value mask) const;
  SmallVector<Value> emitNumbers(Emitter &e, const GemmTile &tile, const TileTarget &target,
                                 int64_t columns, ValueRange acc) const;
};

/// Four bytes of a row of x, in each lane.
Value QuantizedLinear::loadInput(Emitter &e, Value row, Value step, int64_t lanes,
                                 Value mask) const {
  auto four = VectorType::get(kBytes, e.getI8Type());
  Value buffer = layer.x.buffer, bytes;
  SmallVector<Value> at = {row, e.mul(step, kBytes)};
  bytes = mask ? Value(vector::MaskedLoadOp::create(
                     e, four, buffer, at, mask,
                     arith::ConstantOp::create(e, e.getZeroAttr(four))))
               : Value(vector::LoadOp::create(e, four, buffer, at));
  Value word = vector::BitCastOp::create(e, VectorType::get(1, e.getI32Type()), bytes);
  Value splat = e.splat(vector::ExtractOp::create(e, word, int64_t(0)), lanes);
  if (isSigned) {
    Value shift = arith::ConstantOp::create(
        e, DenseElementsAttr::get(wordsOf(e, lanes), e.getI32IntegerAttr(0x80808080)));
    splat = arith::XOrIOp::create(e, splat, shift);
  }
  return vector::BitCastOp::create(e, bytesOf(e, lanes), splat);
}

SmallVector<Value> QuantizedLinear::emitSums(Emitter &e, const GemmTile &tile, Value row,
                                             const Strip &strip) const {
  int64_t lanes = tile.lanes;
  auto step = [&](Value at, ValueRange carried, Value mask) {
    SmallVector<Value> acc = llvm::to_vector(carried), columns;
    for (int64_t v = 0; v < tile.vectors; ++v)
      columns.push_back(vector::LoadOp::create(
          e, bytesOf(e, lanes), layer.w,
          ValueRange{strip.panel, at, e.mul(e.add(strip.first, v * lanes), kBytes)}));
    for (int64_t r = 0; r < tile.rows; ++r) {
      Value x = loadInput(e, e.add(row, r), at, lanes, mask);
      for (int64_t v = 0; v < tile.vectors; ++v) {
        Value &sum = acc[r * tile.vectors + v];
        sum = dotBytes(e, *level, sum, x, columns[v]);
      }
    }
    return acc;
  };
  Value none = arith::ConstantOp::create(e, e.getZeroAttr(wordsOf(e, lanes)));
  SmallVector<Value> acc(tile.rows * tile.vectors, none);
  int64_t whole = depth / kBytes, unrolled = whole - whole % 2;
  acc = e.forRange(e.index(0), e.index(unrolled), 2, acc, [&](Value at, ValueRange carried) {
    return step(e.add(at, 1), step(at, carried, {}), {});
  });
  if (whole > unrolled)
    acc = step(e.index(unrolled), acc, {});
  if (int64_t rest = depth % kBytes)
    acc = step(e.index(whole), acc, e.maskBelow(e.index(rest), kBytes));
  return acc;
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
  e.forEachTile(block.begin, block.end, form.schedule.mr, [&](Value row, int64_t tileRows) {
    GemmTile tile{tileRows, vectors, form.lanes};
    TileTarget target = form.getTarget(e, block, row);
    SmallVector<Value> acc = emitSums(e, tile, row, strip);
    target.store(e, tile, emitNumbers(e, tile, target, block.columns, acc), form.epilogue);
  });
}

void QuantizedLinear::emit(Emitter &e) const {
  layer.emit(e, [&](const Linear &form, const LinearBlock &block) { emitBlock(e, form, block); });
}

FailureOr<QuantizedLinear> QuantizedLinear::parse(const KernelContext &context) {
  auto n = context.integer("n"), k = context.integer("k", 0), mr = context.integer("mr"),
       nr = context.integer("nr"), mb = context.integer("mb");
  auto activation = context.string("activation", "none");
  if (failed(n) || failed(k) || failed(mr) || failed(nr) || failed(mb) || failed(activation))
    return failure();
  bool zero = context.flag("zero"), rowScale = context.flag("row_scale"),
       weightZero = context.flag("weight_zero"), bias = context.flag("bias"),
       residual = context.flag("residual");
  auto arguments =
      context.arguments(5 + zero + rowScale + 2 * weightZero + bias + residual);
  if (failed(arguments))
    return failure();
  const BlockArgument *next = arguments->begin();
  QuantizedLinear result;
  result.layer.x.buffer = *next++;
  result.layer.w = *next++;
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
  if (!check(result.layer.x.buffer, "x", 2, i8) || !check(result.layer.w, "w", 3, i8) ||
      !check(result.sums, "sums", 1, i32) || !check(result.scale, "scale", 1, f32) ||
      !check(result.zero, "zero", 1, i8) || !check(result.rowScale, "row_scale", 1, f32) ||
      !check(result.rowSums, "row_sums", 1, i32) ||
      !check(result.weightZero, "weight_zero", 1, i32) || !check(epilogue.bias, "bias", 1, f32) ||
      !check(epilogue.residual.buffer, "residual", 2, f32) || !check(result.layer.out, "out", 2, f32))
    return failure();
  int64_t lanes = context.lanes();
  ArrayRef<int64_t> packed = cast<MemRefType>(result.layer.w.getType()).getShape();
  if (llvm::any_of(packed, ShapedType::isDynamic) || packed[2] <= 0 || *nr % lanes ||
      packed[2] % (*nr * kBytes) || packed[1] != int64_t(llvm::divideCeil(*k, kBytes)) ||
      packed[0] != int64_t(llvm::divideCeil(*n * kBytes, packed[2])))
    return context.error() << "expected 'w' to be packed in panels [" << *k << " / 4, " << *nr
                           << " * 4], or a multiple as wide, for " << *n << " columns, got "
                           << result.layer.w.getType();
  if (*mb % *mr)
    return context.error() << "expected 'mb' to be a multiple of 'mr', got " << *mb << " and " << *mr;
  std::optional<Activation> emitter = lookupActivation(*activation);
  if (!emitter || *activation == "group_rational")
    return context.error() << "unknown activation '" << *activation << "'";
  epilogue.activation = *emitter;
  result.depth = *k;
  result.isSigned = context.flag("signed");
  result.level = &context.level;
  result.layer.n = *n;
  result.layer.k = packed[1];
  result.layer.panelWidth = packed[2] / kBytes;
  result.layer.lanes = lanes;
  result.layer.numRegs = context.level.numVectorRegs;
  result.layer.schedule = {*mr, *nr, std::max<int64_t>(packed[1], 1), *mb};
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
