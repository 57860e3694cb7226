#include "Quantization.h"
#include "Casting.h"
#include "Convolution.h"
#include "OpTable.h"
#include "winnow/Dialect/Winnow/IR/StorageTypes.h"

using namespace mlir;

namespace winnow::import {

Value alignParameter(OpImporter &n, Value parameter, Value input, int64_t axis, int64_t block) {
  if (n.failed() || !parameter)
    return nullptr;
  Dims dims = n.dims(input), own = n.dims(parameter);
  if (block == 0) {
    if (own.size() == 1 && !isConstantDim(own[0], 1)) {
      Dims shape(dims.size(), n.constant(1));
      axis = n.normalizeAxis(axis, dims.size());
      if (n.failed())
        return nullptr;
      shape[axis] = own[0];
      return n.reshape(parameter, shape);
    }
    if (own.size() <= 1)
      return n.reshape(parameter, {});
    n.unsupported("a scale of rank " + Twine(own.size()) + " without block_size");
    return nullptr;
  }
  // Each element of the parameter stands for a block of the input.
  size_t at = n.normalizeAxis(axis, dims.size());
  if (n.failed())
    return nullptr;
  if (own.size() != dims.size()) {
    n.invalid("expected a scale of the input's rank " + Twine(dims.size()) + ", got " +
              Twine(own.size()));
    return nullptr;
  }
  if (block < 0) {
    n.invalid("expected a block_size of 0 or more, got " + Twine(block));
    return nullptr;
  }
  AffineExpr blocks = normalizeDim(dims[at].ceilDiv(block));
  if (own[at] != blocks && !isa<AffineSymbolExpr>(own[at]) &&
      !(getConstantDim(own[at]) && getConstantDim(blocks))) {
    n.unsupported(n.text(own[at]) + " blocks over a dimension of " + n.text(dims[at]),
                  "fix the dimension with --dim NAME=SIZE");
    return nullptr;
  }
  if (!n.unify(own[at], blocks, "the number of blocks"))
    return nullptr;
  Dims split = own, repeated = own, joined = own;
  split.insert(split.begin() + at + 1, n.constant(1));
  repeated.insert(repeated.begin() + at + 1, n.constant(block));
  joined[at] = normalizeDim(own[at] * block);
  Value wide = n.reshape(n.broadcastTo(n.reshape(parameter, split), repeated), joined);
  return n.sliceDim(wide, at, n.constant(0), dims[at]);
}

/// x / scale is given: what is left of the formula, in f32, where integers of up to
/// 16 bits add up exactly.
static Value quantize(OpImporter &n, Value scaled, Value zeroPoint, Type to,
                      const CastOptions &options = {}) {
  if (n.failed() || !scaled)
    return nullptr;
  Type f32 = n.b.getF32Type();
  auto integer = dyn_cast<IntegerType>(to);
  if (integer ? integer.getWidth() == 1 || integer.getWidth() > 16
              : !isStorageFloat(to) || isa<Float8E8M0FNUType>(to)) {
    n.unsupported("quantization to elements of " + getDtypeName(to));
    return nullptr;
  }
  if (!integer) {
    if (zeroPoint) {
      // Not added where it is zero, which would turn -0 into 0.
      Value shift = n.convert(zeroPoint, f32);
      Value sum = n.make<AddOp>(n.convert(scaled, f32), shift);
      Value isZero = n.compare(ComparePredicate::EQ, shift, n.scalarLike(shift, 0));
      scaled = n.make<SelectOp>(isZero, n.convert(scaled, f32), sum);
    }
    return castElements(n, scaled, to, options);
  }
  unsigned width = integer.getWidth();
  bool isUnsigned = integer.isUnsigned();
  Value shifted = n.make<RoundOp>(n.convert(scaled, f32));
  if (zeroPoint)
    shifted = n.make<AddOp>(shifted, n.convert(zeroPoint, f32));
  double low = isUnsigned ? 0 : -std::ldexp(1.0, width - 1);
  double high = std::ldexp(1.0, isUnsigned ? width : width - 1) - 1;
  // NaN, which a scale that is 0 or infinite makes, is the lowest number, as in
  // ONNX Runtime.
  Value lowest = n.scalarLike(shifted, low);
  Value isAbove = n.compare(ComparePredicate::GT, shifted, lowest);
  Value bounded = n.make<MinimumOp>(n.make<SelectOp>(isAbove, shifted, lowest),
                                    n.scalarLike(shifted, high));
  return n.convert(bounded, to);
}

/// (x - zeroPoint) as 32-bit integers, or floats where x is of floats.
static Value center(OpImporter &n, Value x, Value zeroPoint) {
  if (n.failed())
    return nullptr;
  Type type = isa<FloatType>(getElementTypeOrSelf(x)) ? Type(n.b.getF32Type()) : n.b.getI32Type();
  Value wide = n.convert(x, type);
  return zeroPoint ? n.make<SubOp>(wide, n.convert(zeroPoint, type)) : wide;
}

/// A parameter of one value; null stays.
static Value toScalar(OpImporter &n, Value parameter) {
  return n.failed() || !parameter ? Value() : n.reshape(parameter, {});
}

Value dequantize(OpImporter &n, Value x, Value scale, Value zeroPoint) {
  if (n.failed())
    return nullptr;
  Type f32 = n.b.getF32Type();
  Value centered = n.convert(center(n, x, toScalar(n, zeroPoint)), f32);
  return n.make<MulOp>(centered, n.convert(toScalar(n, scale), f32));
}

Value quantize(OpImporter &n, Value numbers, Value scale, Value zeroPoint, Type to) {
  if (n.failed())
    return nullptr;
  Value scaled = n.make<DivOp>(numbers, n.convert(toScalar(n, scale), n.b.getF32Type()));
  return quantize(n, scaled, toScalar(n, zeroPoint), to);
}

static void importQuantizeLinear(OpImporter &n) {
  int64_t axis = n.intAttr("axis", 1), block = n.intAttr("block_size", 0);
  int64_t outputType = n.intAttr("output_dtype", 0), precision = n.intAttr("precision", 0);
  CastOptions options;
  options.saturate = n.intAttr("saturate", 1);
  Type to = n.has(2) ? n.elementType(2) : n.b.getIntegerType(8, /*isSigned=*/false);
  if (outputType != 0 && !n.failed()) {
    Type wanted = n.getDataType(outputType);
    if (n.has(2) && wanted && wanted != to)
      return n.invalid("expected a zero point of output_dtype, " + getDtypeName(wanted) +
                       ", got " + getDtypeName(to));
    to = wanted;
  }
  // The quotient is rounded to the scale's type, if that is one to divide in.
  Type divided = precision != 0 && !n.failed() ? n.getDataType(precision) : n.elementType(1);
  if (n.failed())
    return;
  if (!isa<FloatType>(divided) || isStorageType(divided))
    divided = n.b.getF32Type();
  Value x = n.in(0);
  Value scale = alignParameter(n, n.in(1), x, axis, block);
  Value zeroPoint = n.has(2) ? alignParameter(n, n.in(2), x, axis, block) : Value();
  Value scaled = n.make<DivOp>(n.convert(x, divided), n.convert(scale, divided));
  n.set(quantize(n, scaled, zeroPoint, to, options));
}

static void importDequantizeLinear(OpImporter &n) {
  int64_t axis = n.intAttr("axis", 1), block = n.intAttr("block_size", 0);
  int64_t outputType = n.intAttr("output_dtype", 0);
  Type to = outputType != 0 && !n.failed() ? n.getDataType(outputType) : n.elementType(1);
  if (n.failed())
    return;
  if (!isa<FloatType>(to) || isStorageType(to))
    return n.invalid("expected output_dtype or a scale of float16, bfloat16 or float32, got " +
                     getDtypeName(to));
  Value x = n.in(0);
  Value scale = alignParameter(n, n.in(1), x, axis, block);
  Value zeroPoint = n.has(2) ? alignParameter(n, n.in(2), x, axis, block) : Value();
  // Rounded once, to the result's type.
  Type f32 = n.b.getF32Type();
  Value product = n.make<MulOp>(n.convert(center(n, x, zeroPoint), f32), n.convert(scale, f32));
  n.set(n.convert(product, to));
}

Quantized quantizeDynamically(OpImporter &n, Value x) {
  if (n.failed())
    return {};
  SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(0, n.dims(x).size()));
  Value zero = n.scalarLike(x, 0);
  Value low = n.make<MinimumOp>(n.reduce(ReduceKind::Min, x, axes, false), zero);
  Value high = n.make<MaximumOp>(n.reduce(ReduceKind::Max, x, axes, false), zero);
  Value range = n.make<DivOp>(n.make<SubOp>(high, low), n.scalarLike(x, 255));
  // All zeros have no range: any scale gives zeros.
  Value isEmpty = n.compare(ComparePredicate::EQ, range, zero);
  Value scale = n.make<SelectOp>(isEmpty, n.scalarLike(x, 1), range);
  Type u8 = n.b.getIntegerType(8, /*isSigned=*/false);
  Value zeroPoint = quantize(n, n.make<DivOp>(n.make<SubOp>(zero, low), scale), nullptr, u8);
  return {quantize(n, n.make<DivOp>(x, scale), zeroPoint, u8), scale, zeroPoint};
}

static void importDynamicQuantizeLinear(OpImporter &n) {
  Quantized result = quantizeDynamically(n, n.in(0));
  n.set(0, result.values);
  n.set(1, result.scale);
  n.set(2, result.zeroPoint);
}

/// A zero point of a matrix product's operand: one value, one per row of the
/// left or per column of the right operand.
static Value alignZeroPoint(OpImporter &n, Value zeroPoint, bool isLeft) {
  if (n.failed() || !zeroPoint)
    return nullptr;
  Dims dims = n.dims(zeroPoint);
  if (dims.size() != 1)
    return zeroPoint;
  return n.reshape(zeroPoint, isLeft ? Dims{dims[0], n.constant(1)} : dims);
}

Value multiplyIntegers(OpImporter &n, Value a, Value aZero, Value b, Value bZero) {
  return n.matmul(center(n, a, alignZeroPoint(n, aZero, true)),
                  center(n, b, alignZeroPoint(n, bZero, false)));
}

static void importMatMulInteger(OpImporter &n) {
  n.set(multiplyIntegers(n, n.in(0), n.in(2), n.in(1), n.in(3)));
}

static void importQLinearMatMul(OpImporter &n) {
  Type f32 = n.b.getF32Type();
  Value product = multiplyIntegers(n, n.in(0), n.in(2), n.in(3), n.in(5));
  Value aScale = n.convert(alignZeroPoint(n, n.in(1), true), f32);
  Value bScale = n.convert(alignZeroPoint(n, n.in(4), false), f32);
  Value scale = n.make<DivOp>(n.make<MulOp>(aScale, bScale), n.convert(n.in(6), f32));
  Value scaled = n.make<MulOp>(n.convert(product, f32), scale);
  if (!n.failed())
    n.set(quantize(n, scaled, n.in(7), n.elementType(7)));
}

/// One value, or one per output channel along dimension `axis` of `rank`.
static Value alignChannels(OpImporter &n, Value parameter, size_t rank, size_t axis) {
  if (n.failed() || !parameter)
    return nullptr;
  Dims dims = n.dims(parameter);
  if (dims.size() > 1) {
    n.invalid("expected a scale or zero point of rank 0 or 1, got rank " + Twine(dims.size()));
    return nullptr;
  }
  if (dims.empty() || isConstantDim(dims[0], 1))
    return n.reshape(parameter, {});
  Dims shape(rank, n.constant(1));
  shape[axis] = dims[0];
  return n.reshape(parameter, shape);
}

/// The convolution of the differences to the zero points in 32-bit integers, so that
/// the zero point is what pads.
static Value convolveIntegers(OpImporter &n, Value x, Value xZero, Value weights, Value wZero,
                              Value bias) {
  if (n.failed())
    return nullptr;
  size_t rank = n.dims(x).size();
  if (!checkRanks(n, rank, n.dims(weights).size()))
    return nullptr;
  return convolve(n, center(n, x, alignChannels(n, xZero, rank, 1)),
                  center(n, weights, alignChannels(n, wZero, rank, 0)), bias);
}

static void importConvInteger(OpImporter &n) {
  n.set(convolveIntegers(n, n.in(0), n.in(2), n.in(1), n.in(3), Value()));
}

static void importQLinearConv(OpImporter &n) {
  Type f32 = n.b.getF32Type();
  Value product = convolveIntegers(n, n.in(0), n.in(2), n.in(3), n.in(5), n.in(8));
  if (n.failed())
    return;
  Value xScale = n.convert(n.reshape(n.in(1), {}), f32), yScale = n.convert(n.reshape(n.in(6), {}), f32);
  Value wScale = n.convert(alignChannels(n, n.in(4), n.rank(0), 1), f32);
  Value scale = n.make<DivOp>(n.make<MulOp>(xScale, wScale), yScale);
  Value scaled = n.make<MulOp>(n.convert(product, f32), scale);
  if (!n.failed())
    n.set(quantize(n, scaled, n.reshape(n.in(7), {}), n.elementType(7)));
}

ArrayRef<OpEntry> getQuantizationOps() {
  static const OpEntry ops[] = {
      {"ConvInteger", 10, kMaxOpset, 2, 4, importConvInteger},
      {"DequantizeLinear", 10, kMaxOpset, 2, 3, importDequantizeLinear},
      {"DynamicQuantizeLinear", 11, kMaxOpset, 1, 1, importDynamicQuantizeLinear, 3},
      {"MatMulInteger", 10, kMaxOpset, 2, 4, importMatMulInteger},
      {"QLinearConv", 10, kMaxOpset, 8, 9, importQLinearConv},
      {"QLinearMatMul", 10, kMaxOpset, 8, 8, importQLinearMatMul},
      {"QuantizeLinear", 10, kMaxOpset, 2, 3, importQuantizeLinear}};
  return ops;
}

} // namespace winnow::import
