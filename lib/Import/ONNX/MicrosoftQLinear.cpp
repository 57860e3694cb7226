//===- MicrosoftQLinear.cpp - ONNX Runtime's operators on 8-bit tensors ---===//
//
// They compute on the numbers that 8-bit integers stand for and quantise the result.
// Sums of products are exact in 32-bit integers, all else is computed in f32.
//
//===----------------------------------------------------------------------===//

#include "OpTable.h"
#include "Quantization.h"

using namespace mlir;

namespace winnow::import {

static void require(OpImporter &n, size_t i) {
  if (!n.failed() && !n.has(i))
    n.invalid("expected input " + Twine(i) + ", got none");
}

/// The numbers of three inputs from `i` on: values, their scale and their zero point,
/// which may be left out.
static Value read(OpImporter &n, size_t i) {
  require(n, i);
  require(n, i + 1);
  return dequantize(n, n.in(i), n.in(i + 1), n.in(i + 2));
}

/// Sets the result, with the scale in input `i` and the zero point, which may be left
/// out, after it.
static void write(OpImporter &n, Value numbers, size_t i, Type otherwise) {
  require(n, i);
  if (n.failed())
    return;
  Type to = n.has(i + 1) ? n.elementType(i + 1) : otherwise;
  n.set(quantize(n, numbers, n.in(i), n.in(i + 1), to));
}

template <typename OpTy> static void importQLinearBinary(OpImporter &n) {
  write(n, n.make<OpTy>(read(n, 0), read(n, 3)), 6, n.elementType(0));
}

static void importQLinearConcat(OpImporter &n) {
  if (n.numInputs() % 3 != 2)
    return n.invalid("expected a scale, a zero point and three inputs for each tensor, got " +
                     Twine(n.numInputs()) + " inputs");
  int64_t rank = n.rank(2), axis = n.normalizeAxis(n.requiredIntAttr("axis"), rank);
  SmallVector<Value> parts;
  for (size_t i = 2; i + 2 < n.numInputs() && !n.failed(); i += 3) {
    require(n, i);
    if (n.failed())
      return;
    if (n.rank(i) != rank)
      return n.invalid("expected inputs of rank " + Twine(rank) + ", got " + Twine(n.rank(i)));
    for (int64_t d = 0; d < rank; ++d)
      if (d != axis)
        n.unify(n.dims(2)[d], n.dims(i)[d], "dimension " + Twine(d) + " of the inputs");
    parts.push_back(read(n, i));
  }
  write(n, n.concat(parts, axis), 0, n.elementType(2));
}

/// Until opset 12, which an attribute names, dimensions from the axis on are one.
static void importQLinearSoftmax(OpImporter &n) {
  int64_t opset = n.intAttr("opset", 13);
  int64_t axis = n.normalizeAxis(n.intAttr("axis", opset < 13 ? 1 : -1), n.rank(0));
  Value x = read(n, 0);
  if (n.failed())
    return;
  Dims dims = n.dims(0);
  if (opset < 13) {
    MLIRContext *context = n.b.getContext();
    x = n.reshape(x, {getNumElements(ArrayRef(dims).take_front(axis), context),
                      getNumElements(ArrayRef(dims).drop_front(axis), context)});
    axis = 1;
  }
  write(n, n.reshape(n.make<SoftmaxOp>(x, axis), dims), 3, n.elementType(0));
}

static void importQLinearSigmoid(OpImporter &n) {
  write(n, n.make<SigmoidOp>(read(n, 0)), 3, n.elementType(0));
}

static void importQLinearLeakyRelu(OpImporter &n) {
  double alpha = n.floatAttr("alpha", 0.01);
  Value x = read(n, 0);
  if (n.failed())
    return;
  Value isNegative = n.compare(ComparePredicate::LT, x, n.scalarLike(x, 0));
  Value result = n.make<SelectOp>(isNegative, n.make<MulOp>(x, n.scalarLike(x, alpha)), x);
  write(n, result, 3, n.elementType(0));
}

static void importQLinearGlobalAveragePool(OpImporter &n) {
  bool channelsLast = n.intAttr("channels_last", 0);
  int64_t rank = n.rank(0);
  if (rank < 3)
    return n.invalid("expected an input of rank 3 or more, got rank " + Twine(rank));
  SmallVector<int64_t> axes =
      llvm::to_vector(channelsLast ? llvm::seq<int64_t>(1, rank - 1) : llvm::seq<int64_t>(2, rank));
  write(n, n.reduce(ReduceKind::Mean, read(n, 0), axes, /*keepdims=*/true), 3, n.elementType(0));
}

static void importQLinearWhere(OpImporter &n) {
  write(n, n.make<SelectOp>(n.in(0), read(n, 1), read(n, 4)), 7, n.elementType(1));
}

/// A one-dimensional scale of columns, or one value.
static void importQGemm(OpImporter &n) {
  bool transA = n.intAttr("transA", 0), transB = n.intAttr("transB", 0);
  double alpha = n.floatAttr("alpha", 1);
  if (n.rank(0) != 2 || n.rank(3) != 2)
    return n.invalid("expected operands of rank 2, got ranks " + Twine(n.rank(0)) + " and " +
                     Twine(n.rank(3)));
  Value a = n.in(0), b = n.in(3);
  if (transA)
    a = n.transpose(a, {1, 0});
  if (transB)
    b = n.transpose(b, {1, 0});
  Value product = multiplyIntegers(n, a, n.reshape(n.in(2), {}), b, n.in(5));
  if (n.has(6))
    product = n.make<AddOp>(product, n.in(6));
  Type f32 = n.b.getF32Type();
  Value scale = n.make<MulOp>(n.convert(n.reshape(n.in(1), {}), f32), n.convert(n.in(4), f32));
  if (alpha != 1)
    scale = n.make<MulOp>(scale, n.scalarLike(scale, alpha));
  Value numbers = n.make<MulOp>(n.convert(product, f32), scale);
  if (n.has(7))
    write(n, numbers, 7, n.elementType(0));
  else
    n.set(numbers);
}

ArrayRef<OpEntry> getMicrosoftQLinearOps() {
  static const OpEntry ops[] = {
      {"QGemm", 1, 1, 6, 9, importQGemm},
      {"QLinearAdd", 1, 1, 1, 8, importQLinearBinary<AddOp>},
      {"QLinearConcat", 1, 1, 5, kVariadic, importQLinearConcat},
      {"QLinearGlobalAveragePool", 1, 1, 1, 5, importQLinearGlobalAveragePool},
      {"QLinearLeakyRelu", 1, 1, 1, 5, importQLinearLeakyRelu},
      {"QLinearMul", 1, 1, 1, 8, importQLinearBinary<MulOp>},
      {"QLinearSigmoid", 1, 1, 1, 5, importQLinearSigmoid},
      {"QLinearSoftmax", 1, 1, 1, 5, importQLinearSoftmax},
      {"QLinearWhere", 1, 1, 9, 9, importQLinearWhere},
  };
  return ops;
}

} // namespace winnow::import
