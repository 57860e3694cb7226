//===- MicrosoftQuantization.cpp - Quantised products of ONNX Runtime -----===//

#include "MicrosoftAttention.h"
#include "Numbers.h"
#include "OpTable.h"
#include "Quantization.h"

#include "mlir/IR/DialectResourceBlobManager.h"

using namespace mlir;

namespace winnow::import {

//===----------------------------------------------------------------------===//
// 8 bits
//===----------------------------------------------------------------------===//

/// A scale of the columns as it broadcasts against the product: one value or one
/// per column.
static Value alignScale(OpImporter &n, Value scale) {
  if (n.failed() || !scale)
    return nullptr;
  Dims dims = n.dims(scale);
  if (dims.size() > 1) {
    n.unsupported("a scale of rank " + Twine(dims.size()));
    return nullptr;
  }
  return scale;
}

/// (a - aZero)(b - bZero) aScale bScale + bias, where the last inputs may be null.
static Value multiplyScaled(OpImporter &n, Value a, Value aZero, Value aScale, Value b, Value bZero,
                            Value bScale, Value bias) {
  Value scale = n.make<MulOp>(alignScale(n, aScale), alignScale(n, bScale));
  Value product = multiplyIntegers(n, a, aZero, b, bZero);
  if (n.failed())
    return nullptr;
  product = n.make<MulOp>(n.convert(product, getElementTypeOrSelf(scale)), scale);
  return bias ? n.make<AddOp>(product, bias) : product;
}

static void importMatMulIntegerToFloat(OpImporter &n) {
  if (n.rank(2) > 0 && !isConstantDim(getNumElements(n.dims(2), n.b.getContext()), 1))
    return n.unsupported("a scale for each column of A");
  Value aScale = n.reshape(n.in(2), {});
  n.set(multiplyScaled(n, n.in(0), n.in(4), aScale, n.in(1), n.in(5), n.in(3), n.in(6)));
}

static void importDynamicQuantizeMatMul(OpImporter &n) {
  Quantized a = quantizeDynamically(n, n.in(0));
  n.set(multiplyScaled(n, a.values, a.zeroPoint, a.scale, n.in(1), n.in(3), n.in(2), n.in(4)));
}

static void importQAttention(OpImporter &n) {
  if (n.rank(0) != 3 || n.rank(1) != 2)
    return n.invalid("expected input of rank 3 and weights of rank 2, got ranks " +
                     Twine(n.rank(0)) + " and " + Twine(n.rank(1)));
  Value projected = multiplyScaled(n, n.in(0), n.in(6), n.reshape(n.in(3), {}), n.in(1), n.in(7),
                                   n.in(4), n.in(2));
  if (!n.failed())
    importPackedAttention(n, projected, 5, std::nullopt, 8);
}

//===----------------------------------------------------------------------===//
// 2, 4 and 8 bits in blocks
//===----------------------------------------------------------------------===//

/// The numbers of `bits` bits in the last dimension of a tensor of bytes, the low
/// ones first.
static Value unpackBits(OpImporter &n, Value bytes, int64_t bits) {
  if (n.failed() || bits == 8)
    return bytes;
  Dims dims = n.dims(bytes), apart = dims, joined = dims;
  int64_t count = 8 / bits;
  apart.push_back(n.constant(1));
  joined.back() = dims.back() * count;
  Type u8 = n.b.getIntegerType(8, /*isSigned=*/false);
  Value shift = n.iota(n.constant(count), u8, 0, bits);
  Value shifted = n.make<ShiftRightOp>(n.reshape(bytes, apart), shift);
  Value number = n.make<AndOp>(shifted, n.scalar(u8, (1 << bits) - 1));
  return n.reshape(number, joined);
}

namespace {
/// The weights' layout: `rows` of `size` numbers in `blocks` of `block`.
struct Blocks {
  int64_t rows, size, block, blocks, bits;
};
} // namespace

/// The input, which may be flat, as [rows, columns].
static Value getRows(OpImporter &n, size_t input, int64_t rows, int64_t columns) {
  if (n.failed())
    return nullptr;
  AffineExpr count = normalizeDim(getNumElements(n.dims(input), n.b.getContext()));
  n.unify(count, n.constant(rows * columns),
          "the elements of input " + Twine(input) + " and what N, K, bits and block_size ask for");
  return n.reshape(n.in(input), {n.constant(rows), n.constant(columns)});
}

/// A parameter of every block, [rows, blocks], as one of every number, [rows,
/// blocks, 1], or by the numbers' own groups [rows, size].
static Value spread(OpImporter &n, Value parameter, const Blocks &w) {
  if (n.failed())
    return nullptr;
  if (!n.has(4))
    return n.reshape(parameter, {n.constant(w.rows), n.constant(w.blocks), n.constant(1)});
  return n.make<GatherOp>(parameter, n.in(4), 1);
}

static Value getBlockZeroPoints(OpImporter &n, const Blocks &w) {
  Type f32 = n.b.getF32Type();
  if (!n.has(3))
    return n.scalar(f32, 1 << (w.bits - 1));
  if (!isa<IntegerType>(n.elementType(3)))
    return spread(n, n.convert(getRows(n, 3, w.rows, w.blocks), f32), w);
  int64_t bytes = llvm::divideCeil(w.blocks * w.bits, 8);
  Value zero = unpackBits(n, getRows(n, 3, w.rows, bytes), w.bits);
  zero = n.sliceDim(zero, 1, n.constant(0), n.constant(w.blocks));
  return spread(n, n.convert(zero, f32), w);
}

/// (number - zeroPoint) * scale for the weights [rows, size].
static Value dequantizeBlocks(OpImporter &n, const Blocks &w) {
  Type f32 = n.b.getF32Type();
  AffineExpr rows = n.constant(w.rows), padded = n.constant(w.blocks * w.block);
  int64_t perBlock = w.block * w.bits / 8;
  Value bytes = n.reshape(getRows(n, 1, w.rows, w.blocks * perBlock),
                          {rows, n.constant(w.blocks), n.constant(perBlock)});
  Value numbers = n.convert(unpackBits(n, bytes, w.bits), f32);
  auto cut = [&](Value x) {
    return n.sliceDim(n.reshape(x, {rows, padded}), 1, n.constant(0), n.constant(w.size));
  };
  // Groups that an index names are those of single numbers, not of blocks.
  if (n.has(4))
    numbers = cut(numbers);
  Value scales = spread(n, n.convert(getRows(n, 2, w.rows, w.blocks), f32), w);
  Value centered = n.make<SubOp>(numbers, getBlockZeroPoints(n, w));
  Value weights = n.make<MulOp>(centered, scales);
  return n.has(4) ? weights : cut(weights);
}

/// The constant behind a reshape, with its type; null for what is computed.
static Value foldReshape(OpImporter &n, Value value) {
  auto reshape = value.getDefiningOp<ReshapeOp>();
  if (!reshape)
    return value;
  auto constant = reshape.getInput().getDefiningOp<ConstantOp>();
  auto type = cast<RankedTensorType>(value.getType());
  if (!constant || !type.hasStaticShape())
    return nullptr;
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(constant.getElements()))
    return ConstantOp::create(n.b, n.loc, DenseResourceElementsAttr::get(type, resource.getRawHandle()));
  return ConstantOp::create(n.b, n.loc,
                            cast<DenseElementsAttr>(constant.getElements()).reshape(type));
}

/// The numbers of `bits` bits in a constant of bytes [rows, columns], a byte each, of which the
/// first `size` of a row count; null for what is computed.
static Value unpackConstant(OpImporter &n, Value bytes, int64_t bits, int64_t size) {
  auto constant = n.failed() || !bytes ? nullptr : bytes.getDefiningOp<ConstantOp>();
  if (!constant)
    return nullptr;
  auto resource = dyn_cast<DenseResourceElementsAttr>(constant.getElements());
  auto dense = dyn_cast<DenseElementsAttr>(constant.getElements());
  ArrayRef<char> data = resource ? resource.getData() : dense.getRawData();
  auto from = cast<RankedTensorType>(constant.getType()).getShape();
  int64_t rows = from[0], columns = from[1];
  std::vector<uint8_t> numbers;
  numbers.reserve(rows * size);
  bool isSplat = dense && dense.isSplat();
  for (int64_t row = 0; row < rows; ++row)
    for (int64_t i = 0; i < size; ++i) {
      uint8_t byte = data[isSplat ? 0 : row * columns + i * bits / 8];
      numbers.push_back((byte >> (i * bits % 8)) & ((1 << bits) - 1));
    }
  auto type = RankedTensorType::get({rows, size}, n.b.getIntegerType(8, /*isSigned=*/false));
  auto attr = DenseResourceElementsAttr::get(
      type, "unpacked", HeapAsmResourceBlob::allocateAndCopyInferAlign(ArrayRef<uint8_t>(numbers)));
  return ConstantOp::create(n.b, n.loc, attr);
}

/// The product by numbers and their scales, where weights are constants.
static bool importPackedLinear(OpImporter &n, const Blocks &w, Value bias) {
  if (n.failed() || n.has(4) || w.bits == 2 || !n.elementType(0).isF32() || n.rank(0) == 0 ||
      !n.in(1).getDefiningOp<ConstantOp>())
    return false;
  if (n.has(3) && (!isa<IntegerType>(n.elementType(3)) || !n.in(3).getDefiningOp<ConstantOp>()))
    return false;
  auto getNumbers = [&](size_t input, int64_t columns, int64_t size) -> Value {
    Value rows = getRows(n, input, w.rows, columns);
    return n.failed() ? Value() : unpackConstant(n, foldReshape(n, rows), w.bits, size);
  };
  Value numbers = getNumbers(1, w.blocks * (w.block * w.bits / 8), w.size);
  Value zero;
  if (n.has(3)) {
    zero = getNumbers(3, llvm::divideCeil(w.blocks * w.bits, 8), w.blocks);
  } else if (!n.failed()) {
    auto type = RankedTensorType::get({w.rows, w.blocks}, n.b.getIntegerType(8, /*isSigned=*/false));
    zero = ConstantOp::create(n.b, n.loc, DenseElementsAttr::get(
        type, APInt(8, 1 << (w.bits - 1), /*isSigned=*/false)));
  }
  if (n.failed())
    return true;
  if (!numbers || !zero)
    return false;
  Value scale = n.transpose(getRows(n, 2, w.rows, w.blocks), {1, 0});
  n.unify(n.dims(0).back(), n.constant(w.size), "the last dimension of the input and K");
  if (n.failed())
    return true;
  n.set(n.make<QuantizedLinearOp>(n.in(0), numbers, n.convert(scale, n.b.getF32Type()), Value(),
                                  Value(), n.transpose(zero, {1, 0}), bias, Value(),
                                  Activation::None, /*transpose_weight=*/true,
                                  n.b.getI64IntegerAttr(w.block),
                                  /*round_input=*/n.intAttr("accuracy_level", 0) == 4));
  return true;
}

static void importMatMulNBits(OpImporter &n) {
  Blocks w;
  w.rows = n.requiredIntAttr("N");
  w.size = n.requiredIntAttr("K");
  w.block = n.requiredIntAttr("block_size");
  w.bits = n.intAttr("bits", 4);
  if (n.failed())
    return;
  constexpr int64_t kMax = int64_t(1) << 31;
  if (w.rows < 1 || w.size < 1 || w.rows > kMax || w.size > kMax)
    return n.invalid("expected N and K in [1, " + Twine(kMax) + "], got " + Twine(w.rows) +
                     " and " + Twine(w.size));
  if (w.block < 16 || w.block > kMax || !llvm::isPowerOf2_64(w.block))
    return n.invalid("expected a block_size that is a power of two from 16 on, got " +
                     Twine(w.block));
  if (w.bits != 2 && w.bits != 4 && w.bits != 8)
    return n.unsupported("weights of " + Twine(w.bits) + " bits");
  if (int64_t layout = n.intAttr("weight_prepacked", 0))
    return n.unsupported("weights in a layout of their own (weight_prepacked " + Twine(layout) +
                         ")");
  w.blocks = llvm::divideCeil(w.size, w.block);
  if (n.elementType(1) != n.b.getIntegerType(8, /*isSigned=*/false))
    return n.invalid("expected weights of uint8, got " + getDtypeName(n.elementType(1)));
  if (n.has(4)) {
    n.checkIntegers(4);
    if (n.rank(4) != 1)
      return n.invalid("expected g_idx of rank 1, got rank " + Twine(n.rank(4)));
    // One that is longer names groups of padding too.
    std::optional<int64_t> count = getConstantDim(n.dims(4)[0]);
    if (count != w.size)
      return n.unsupported("a g_idx of " + n.text(n.dims(4)[0]) +
                           " elements for K = " + Twine(w.size));
  }
  Value a = n.in(0), bias = n.in(5);
  if (importPackedLinear(n, w, bias))
    return;
  Value weights = dequantizeBlocks(n, w);
  if (n.rank(0) == 0)
    return n.invalid("expected an input of rank 1 or more, got rank 0");
  n.unify(n.dims(0).back(), n.constant(w.size), "the last dimension of the input and K");
  weights = n.convert(weights, n.elementType(0));
  n.set(n.make<LinearOp>(a, weights, bias, Value(), Activation::None, /*transpose_weight=*/true));
}

/// Rows of a table that is quantised in blocks along another dimension. An index
/// outside the table gives zeros.
static void importGatherBlockQuantized(OpImporter &n) {
  int64_t bits = n.intAttr("bits", 4), block = n.intAttr("block_size", 128);
  int64_t rank = n.rank(0), from = n.normalizeAxis(n.intAttr("gather_axis", 0), rank);
  int64_t along = n.normalizeAxis(n.intAttr("quantize_axis", 1), rank);
  n.checkIntegers(1);
  if (n.failed())
    return;
  if (from == along)
    return n.unsupported("blocks along the dimension that is gathered");
  if (!isa<IntegerType>(n.elementType(0)))
    return n.unsupported("a table of " + getDtypeName(n.elementType(0)));
  if (n.rank(2) != rank || (n.has(3) && n.rank(3) != rank))
    return n.invalid("expected scales and zero points of rank " + Twine(rank));
  if (block < 16 || !llvm::isPowerOf2_64(block))
    return n.invalid("expected a block_size that is a power of two from 16 on, got " +
                     Twine(block));
  // Bytes hold several numbers of the last dimension.
  bool isPacked = n.elementType(0) == n.b.getIntegerType(8, /*isSigned=*/false);
  if (isPacked && bits != 2 && bits != 4 && bits != 8)
    return n.unsupported("numbers of " + Twine(bits) + " bits");
  if (isPacked && bits < 8 && (from == rank - 1 || along != rank - 1))
    return n.unsupported("numbers of less than a byte along other dimensions than the last");
  Numbers m(n);
  Value size = m.size(n.dims(0)[from]), index = n.convert(n.in(1), n.b.getI64Type());
  index = m.wrap(index, size);
  Value isInside = n.make<AndOp>(n.compare(ComparePredicate::GE, index, m.constant(0)),
                                 n.compare(ComparePredicate::LT, index, size));
  index = m.clamp(index, m.constant(0), m.sub(size, m.constant(1)));
  auto pick = [&](size_t input) { return n.make<GatherOp>(n.in(input), index, from); };
  Value rows = pick(0), zero = n.has(3) ? pick(3) : Value(), scale = pick(2);
  if (n.failed())
    return;
  int64_t axis = along < from ? along : along + n.rank(1) - 1;
  if (isPacked) {
    rows = unpackBits(n, rows, bits);
    zero = zero ? n.sliceDim(unpackBits(n, zero, bits), axis, n.constant(0), n.dims(scale)[axis])
                : Value();
  }
  Type f32 = n.b.getF32Type(), type = n.elementType(2);
  zero = zero ? n.convert(alignParameter(n, zero, rows, axis, block), f32)
              : n.scalar(f32, isPacked ? 1 << (bits - 1) : 0);
  Value centered = n.make<SubOp>(n.convert(rows, f32), zero);
  scale = n.convert(alignParameter(n, scale, rows, axis, block), f32);
  Value result = n.make<MulOp>(centered, scale);
  // The condition stands where the gathered dimension was.
  Dims dims(n.rank(1) + rank - 1, n.constant(1));
  llvm::copy(n.dims(1), dims.begin() + from);
  result = n.make<SelectOp>(n.reshape(isInside, dims), result, n.scalarLike(result, 0));
  n.set(n.convert(result, type));
}

static void importMicrosoftQLinearConv(OpImporter &n) {
  if (n.intAttr("channels_last", 0))
    return n.unsupported("channels after the spatial dimensions (channels_last)");
  importAs(n, "QLinearConv");
}

static void importMicrosoftQuantizeLinear(OpImporter &n) { importAs(n, "QuantizeLinear"); }
static void importMicrosoftDequantizeLinear(OpImporter &n) { importAs(n, "DequantizeLinear"); }

ArrayRef<OpEntry> getMicrosoftQuantizationOps() {
  static const OpEntry ops[] = {
      {"DequantizeLinear", 1, 1, 2, 3, importMicrosoftDequantizeLinear},
      {"DynamicQuantizeMatMul", 1, 1, 3, 5, importDynamicQuantizeMatMul},
      {"GatherBlockQuantized", 1, 1, 3, 4, importGatherBlockQuantized},
      {"MatMulIntegerToFloat", 1, 1, 4, 7, importMatMulIntegerToFloat},
      {"MatMulNBits", 1, 1, 3, 6, importMatMulNBits},
      {"QAttention", 1, 1, 5, 9, importQAttention, 2},
      {"QLinearConv", 1, 1, 8, 9, importMicrosoftQLinearConv},
      {"QuantizeLinear", 1, 1, 2, 3, importMicrosoftQuantizeLinear},
  };
  return ops;
}

} // namespace winnow::import
