#include "OpTable.h"

using namespace mlir;

namespace winnow::import {

/// A scale or zero point as it broadcasts against the quantised tensor: one
/// value, one per index of `axis`, or one per block of `block` indices.
static Value alignParameter(OpImporter &n, Value parameter, Value input, int64_t axis,
                            int64_t block) {
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
  std::optional<int64_t> size = getConstantDim(dims[at]), blocks = getConstantDim(own[at]);
  if (!size || !blocks || block < 0 || *blocks != int64_t(llvm::divideCeil(*size, block))) {
    n.unsupported("blocks of " + Twine(block) + " over a dimension of " + n.text(dims[at]));
    return nullptr;
  }
  Dims split = own, repeated = own, joined = own;
  split.insert(split.begin() + at + 1, n.constant(1));
  repeated.insert(repeated.begin() + at + 1, n.constant(block));
  joined[at] = n.constant(*blocks * block);
  Value wide = n.reshape(n.broadcastTo(n.reshape(parameter, split), repeated), joined);
  return n.sliceDim(wide, at, n.constant(0), dims[at]);
}

/// round(x) + zeroPoint, saturated to the type. The sum is exact in f32.
static Value saturate(OpImporter &n, Value x, Value zeroPoint, Type to) {
  auto integer = dyn_cast<IntegerType>(to);
  if (n.failed() || !x)
    return nullptr;
  if (!integer || integer.getWidth() > 16 || integer.getWidth() < 8) {
    n.unsupported("quantization to elements other than 8 or 16 bit integers");
    return nullptr;
  }
  unsigned width = integer.getWidth();
  bool isUnsigned = integer.isUnsigned();
  Value shifted = n.make<RoundOp>(x);
  if (zeroPoint)
    shifted = n.make<AddOp>(shifted, n.convert(zeroPoint, n.b.getF32Type()));
  double low = isUnsigned ? 0 : -std::ldexp(1.0, width - 1);
  double high = std::ldexp(1.0, isUnsigned ? width : width - 1) - 1;
  Value bounded = n.make<MinimumOp>(n.make<MaximumOp>(shifted, n.scalarLike(shifted, low)),
                                    n.scalarLike(shifted, high));
  return n.convert(bounded, to);
}

/// (x - zeroPoint) as 32-bit integers.
static Value center(OpImporter &n, Value x, Value zeroPoint) {
  Type i32 = n.b.getIntegerType(32);
  Value wide = n.convert(x, i32);
  return zeroPoint ? n.make<SubOp>(wide, n.convert(zeroPoint, i32)) : wide;
}

static void importQuantizeLinear(OpImporter &n) {
  int64_t axis = n.intAttr("axis", 1), block = n.intAttr("block_size", 0);
  Type to = n.has(2) ? n.elementType(2) : n.b.getIntegerType(8, /*isSigned=*/false);
  if (int64_t dataType = n.intAttr("output_dtype", 0); dataType != 0 && !n.has(2))
    to = n.getDataType(dataType);
  Type f32 = n.b.getF32Type();
  Value x = n.in(0);
  Value scale = alignParameter(n, n.in(1), x, axis, block);
  Value zeroPoint = n.has(2) ? alignParameter(n, n.in(2), x, axis, block) : Value();
  Value scaled = n.make<DivOp>(n.convert(x, f32), n.convert(scale, f32));
  n.set(saturate(n, scaled, zeroPoint, to));
}

static void importDequantizeLinear(OpImporter &n) {
  int64_t axis = n.intAttr("axis", 1), block = n.intAttr("block_size", 0);
  Value x = n.in(0);
  Value scale = alignParameter(n, n.in(1), x, axis, block);
  Value zeroPoint = n.has(2) ? alignParameter(n, n.in(2), x, axis, block) : Value();
  if (n.failed())
    return;
  Type to = getElementTypeOrSelf(scale);
  n.set(n.make<MulOp>(n.convert(center(n, x, zeroPoint), to), scale));
}

/// The 8-bit range that holds zero and all elements.
static void importDynamicQuantizeLinear(OpImporter &n) {
  Value x = n.in(0);
  SmallVector<int64_t> axes = llvm::to_vector(llvm::seq<int64_t>(0, n.rank(0)));
  Value zero = n.scalarLike(x, 0);
  Value low = n.make<MinimumOp>(n.reduce(ReduceKind::Min, x, axes, false), zero);
  Value high = n.make<MaximumOp>(n.reduce(ReduceKind::Max, x, axes, false), zero);
  Value range = n.make<DivOp>(n.make<SubOp>(high, low), n.scalarLike(x, 255));
  // All zeros have no range: any scale gives zeros.
  Value isEmpty = n.compare(ComparePredicate::EQ, range, zero);
  Value scale = n.make<SelectOp>(isEmpty, n.scalarLike(x, 1), range);
  Type u8 = n.b.getIntegerType(8, /*isSigned=*/false);
  Value zeroPoint = saturate(n, n.make<DivOp>(n.make<SubOp>(zero, low), scale), nullptr, u8);
  n.set(0, saturate(n, n.make<DivOp>(x, scale), zeroPoint, u8));
  n.set(1, scale);
  n.set(2, zeroPoint);
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

static Value multiplyIntegers(OpImporter &n, Value a, Value aZero, Value b, Value bZero) {
  return n.matmul(center(n, a, alignZeroPoint(n, aZero, true)),
                  center(n, b, alignZeroPoint(n, bZero, false)));
}

static void importMatMulInteger(OpImporter &n) {
  n.set(multiplyIntegers(n, n.in(0), n.in(2), n.in(1), n.in(3)));
}

static void importQLinearMatMul(OpImporter &n) {
  Type f32 = n.b.getF32Type();
  Value product = multiplyIntegers(n, n.in(0), n.in(2), n.in(3), n.in(5));
  Value scale = n.make<DivOp>(
      n.make<MulOp>(alignZeroPoint(n, n.in(1), true), alignZeroPoint(n, n.in(4), false)), n.in(6));
  Value scaled = n.make<MulOp>(n.convert(product, f32), n.convert(scale, f32));
  if (!n.failed())
    n.set(saturate(n, scaled, n.in(7), n.elementType(7)));
}

ArrayRef<OpEntry> getQuantizationOps() {
  static const OpEntry ops[] = {
      {"DequantizeLinear", 10, kMaxOpset, 2, 3, importDequantizeLinear},
      {"DynamicQuantizeLinear", 11, kMaxOpset, 1, 1, importDynamicQuantizeLinear, 3},
      {"MatMulInteger", 10, kMaxOpset, 2, 4, importMatMulInteger},
      {"QLinearMatMul", 10, kMaxOpset, 8, 8, importQLinearMatMul},
      {"QuantizeLinear", 10, kMaxOpset, 2, 3, importQuantizeLinear}};
  return ops;
}

} // namespace winnow::import
