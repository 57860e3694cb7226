#include "FourierTransform.h"

#include "llvm/Support/MathExtras.h"
#include <complex>
#include <numeric>

using namespace mlir;

namespace winnow::import {

// A discrete Fourier transform is a product with a matrix of sines and cosines,
// a linear layer. Complex numbers are pairs in the last dimension, so that a
// row of n of them is 2n numbers.

/// Elements of a matrix that is faster than the products of its factors: the
/// spectrum of 500 real numbers.
static constexpr int64_t kMaxMatrix = 1 << 18;
/// The factors that the length of a larger one is split in, and the longest one
/// without such factors that is a matrix after all.
static constexpr int64_t kMaxFactor = 64, kMaxPrime = 1024;
/// More roots of unity than a constant should hold.
static constexpr int64_t kMaxLength = int64_t(1) << 24;

namespace {
/// The matrix from `rows` numbers to `columns` ones, each of one part (real) or
/// two (complex). Where only the first half of the rows is there, the other
/// half mirrors it. An inverse that is no part of a larger one is scaled.
struct Matrix {
  AffineExpr length, rows, columns;
  int64_t rowParts, columnParts;
  bool isInverse, isScaled, isMirrored;
};
} // namespace

/// e^(-2 pi i k / n), or its conjugate.
static std::complex<double> getRoot(int64_t k, int64_t n, bool isInverse) {
  double angle = 2 * llvm::numbers::pi * static_cast<double>(k % n) / static_cast<double>(n);
  return std::polar(1.0, isInverse ? angle : -angle);
}

/// The real number that part `row` of an input adds to part `column` of an
/// output when it is multiplied with `factor`.
static double getPart(std::complex<double> factor, int row, int column) {
  return row == column ? factor.real() : row == 0 ? factor.imag() : -factor.imag();
}

static Value makeTable(OpImporter &n, ArrayRef<int64_t> shape, Type element,
                       ArrayRef<double> values) {
  if (n.failed())
    return nullptr;
  auto type = RankedTensorType::get(shape, element);
  if (element.isF64())
    return n.makeConstant(DenseElementsAttr::get(type, values));
  SmallVector<float> floats(values.begin(), values.end());
  return n.makeConstant(DenseElementsAttr::get(type, ArrayRef<float>(floats)));
}

/// The matrix of a static length, [rows * rowParts, columns * columnParts].
static Value makeMatrix(OpImporter &n, const Matrix &m, int64_t length, Type element) {
  int64_t rows = *getConstantDim(m.rows), columns = *getConstantDim(m.columns);
  SmallVector<double> values;
  values.reserve(rows * m.rowParts * columns * m.columnParts);
  for (int64_t j = 0; j < rows; ++j) {
    double scale = m.isScaled ? 1.0 / length : 1;
    if (m.isMirrored && j != 0 && 2 * j != length)
      scale *= 2;
    for (int row = 0; row < m.rowParts; ++row)
      for (int64_t k = 0; k < columns; ++k)
        for (int column = 0; column < m.columnParts; ++column)
          values.push_back(scale * getPart(getRoot(j * k, length, m.isInverse), row, column));
  }
  return makeTable(n, {rows * m.rowParts, columns * m.columnParts}, element, values);
}

/// The same at run time. Products of indices are reduced as integers, so that
/// no angle is large.
static Value computeMatrix(OpImporter &n, const Matrix &m, Type element) {
  Type i64 = n.b.getI64Type();
  auto spread = [&](Value x, AffineExpr rows, AffineExpr columns) {
    return n.reshape(x, {rows, n.constant(1), columns, n.constant(1)});
  };
  Value j = spread(n.iota(m.rows, i64), m.rows, n.constant(1));
  Value k = spread(n.iota(m.columns, i64), n.constant(1), m.columns);
  Value length = n.makeKnown(KnownTensor{i64, {}, {m.length}});
  Value turn = n.make<ModOp>(n.make<MulOp>(j, k), length);
  Value floatLength = n.convert(length, element);
  Value angle = n.make<MulOp>(n.make<DivOp>(n.convert(turn, element), floatLength),
                              n.scalar(element, 2 * llvm::numbers::pi));
  Value real = n.make<CosOp>(angle), imaginary = n.make<SinOp>(angle);
  Value negative = n.make<NegOp>(imaginary);
  if (!m.isInverse)
    std::swap(imaginary, negative);
  Value rows[] = {m.columnParts == 2 ? n.concat({real, imaginary}, 3) : real,
                  m.columnParts == 2 ? n.concat({negative, real}, 3) : negative};
  Value matrix = m.rowParts == 2 ? n.concat(rows, 1) : rows[0];
  if (m.isMirrored) {
    Value isOwnMirror = n.compare(ComparePredicate::EQ, n.make<ModOp>(n.make<AddOp>(j, j), length),
                                  n.scalar(i64, 0));
    matrix = n.make<MulOp>(
        matrix, n.make<SelectOp>(isOwnMirror, n.scalar(element, 1), n.scalar(element, 2)));
  }
  if (m.isScaled)
    matrix = n.make<DivOp>(matrix, floatLength);
  return n.reshape(matrix, {m.rows * m.rowParts, m.columns * m.columnParts});
}

/// [..., rows, parts] to [..., columns, parts].
static Value multiply(OpImporter &n, Value x, const Matrix &m) {
  if (n.failed())
    return nullptr;
  Type element = getElementTypeOrSelf(x);
  Dims dims = n.dims(x), flat(ArrayRef(dims).drop_back(2));
  flat.push_back(normalizeDim(m.rows * m.rowParts));
  Value rows = n.reshape(x, flat), result;
  std::optional<int64_t> length = getConstantDim(m.length);
  if (length)
    result = n.make<LinearOp>(rows, makeMatrix(n, m, *length, element), Value(), Value(),
                              Activation::None, /*transpose_weight=*/false);
  else
    result = n.make<MatMulOp>(rows, computeMatrix(n, m, element));
  dims[dims.size() - 2] = m.columns;
  dims.back() = n.constant(m.columnParts);
  return n.reshape(result, dims);
}

Value fit(OpImporter &n, Value x, int64_t axis, AffineExpr size) {
  if (n.failed())
    return nullptr;
  Dims dims = n.dims(x);
  AffineExpr missing = normalizeDim(size - dims[axis]);
  if (n.symbols.isNonNegative(dims[axis] - size) == true)
    return n.sliceDim(x, axis, n.constant(0), size);
  // Where it may be either, zeros are added and dropped.
  Dims zeros = dims;
  bool isLonger = n.symbols.isNonNegative(missing) == true;
  zeros[axis] = isLonger ? missing : size;
  x = n.concat({x, n.broadcastTo(n.scalarLike(x, 0), zeros)}, axis);
  return isLonger ? x : n.sliceDim(x, axis, n.constant(0), size);
}

Value swapAxes(OpImporter &n, Value x, int64_t first, int64_t second) {
  if (n.failed())
    return nullptr;
  SmallVector<int64_t> permutation = llvm::to_vector(llvm::seq<int64_t>(0, n.dims(x).size()));
  std::swap(permutation[first], permutation[second]);
  return first == second ? x : n.transpose(x, permutation);
}

/// Pairs times constant pairs of their trailing dimensions `shape`.
static Value multiplyPairs(OpImporter &n, Value x, ArrayRef<int64_t> shape,
                           ArrayRef<std::complex<double>> factors) {
  if (n.failed())
    return nullptr;
  SmallVector<double> real, imaginary;
  for (std::complex<double> factor : factors) {
    real.push_back(factor.real());
    imaginary.append({-factor.imag(), factor.imag()});
  }
  SmallVector<int64_t> ones(shape), pairs(shape);
  ones.push_back(1);
  pairs.push_back(2);
  int64_t last = n.dims(x).size() - 1;
  Value swapped = n.sliceDim(x, last, n.constant(1), n.constant(2), /*step=*/-1);
  Type element = getElementTypeOrSelf(x);
  return n.make<AddOp>(n.make<MulOp>(x, makeTable(n, ones, element, real)),
                       n.make<MulOp>(swapped, makeTable(n, pairs, element, imaginary)));
}

/// [..., length, parts] to [..., length, 2]; an inverse is not scaled.
static Value transform(OpImporter &n, Value x, int64_t length, bool isInverse);

/// Cooley and Tukey, "An algorithm for the machine calculation of complex
/// Fourier series", 1965, for a length of two factors: transforms of the first
/// over the columns, twiddles, transforms of the second over the rows.
static Value transformByFactors(OpImporter &n, Value x, int64_t first, int64_t second,
                                bool isInverse) {
  if (n.failed())
    return nullptr;
  Dims dims = n.dims(x), split(ArrayRef(dims).drop_back(2));
  int64_t axis = split.size();
  split.append({n.constant(first), n.constant(second), dims.back()});
  x = swapAxes(n, n.reshape(x, split), axis, axis + 1);
  x = transform(n, x, first, isInverse);
  SmallVector<std::complex<double>> twiddles;
  for (int64_t j = 0; j < second; ++j)
    for (int64_t k = 0; k < first; ++k)
      twiddles.push_back(getRoot(j * k, first * second, isInverse));
  x = multiplyPairs(n, x, {second, first}, twiddles);
  x = transform(n, swapAxes(n, x, axis, axis + 1), second, isInverse);
  dims.back() = n.constant(2);
  return n.reshape(swapAxes(n, x, axis, axis + 1), dims);
}

/// The transform of a constant of 2^k elements.
static SmallVector<std::complex<double>> getSpectrum(ArrayRef<std::complex<double>> x) {
  if (x.size() == 1)
    return SmallVector<std::complex<double>>(x);
  SmallVector<std::complex<double>> even, odd, result(x.size());
  for (size_t i = 0; i < x.size(); i += 2) {
    even.push_back(x[i]);
    odd.push_back(x[i + 1]);
  }
  even = getSpectrum(even);
  odd = getSpectrum(odd);
  for (size_t k = 0, half = x.size() / 2; k < half; ++k) {
    std::complex<double> turned = odd[k] * getRoot(k, x.size(), /*isInverse=*/false);
    result[k] = even[k] + turned;
    result[k + half] = even[k] - turned;
  }
  return result;
}

/// Bluestein, "A linear filtering approach to the computation of discrete
/// Fourier transform", 1970: jk = (j^2 + k^2 - (k - j)^2) / 2, so that a
/// transform of any length is a convolution, which is a product of transforms
/// of a length with good factors.
static Value transformByConvolution(OpImporter &n, Value x, int64_t length, bool isInverse) {
  if (n.failed())
    return nullptr;
  int64_t padded = llvm::PowerOf2Ceil(2 * length - 1), axis = n.dims(x).size() - 2;
  SmallVector<std::complex<double>> chirp, filter(padded);
  for (int64_t j = 0; j < length; ++j)
    chirp.push_back(getRoot(j * j % (2 * length), 2 * length, isInverse));
  for (int64_t j = 0; j < length; ++j)
    filter[j] = filter[(padded - j) % padded] = std::conj(chirp[j]) / double(padded);
  filter = getSpectrum(filter);
  if (isConstantDim(n.dims(x).back(), 1))
    x = fit(n, x, axis + 1, n.constant(2));
  x = fit(n, multiplyPairs(n, x, {length}, chirp), axis, n.constant(padded));
  x = multiplyPairs(n, transform(n, x, padded, /*isInverse=*/false), {padded}, filter);
  x = fit(n, transform(n, x, padded, /*isInverse=*/true), axis, n.constant(length));
  return multiplyPairs(n, x, {length}, chirp);
}

static int64_t getFactor(int64_t length) {
  for (int64_t factor = kMaxFactor; factor > 1; --factor)
    if (length % factor == 0)
      return factor;
  return 1;
}

static Value transform(OpImporter &n, Value x, int64_t length, bool isInverse) {
  if (n.failed())
    return nullptr;
  int64_t factor = getFactor(length);
  if (length > kMaxFactor && factor > 1)
    return transformByFactors(n, x, factor, length / factor, isInverse);
  if (length > kMaxPrime)
    return transformByConvolution(n, x, length, isInverse);
  AffineExpr size = n.constant(length);
  int64_t parts = *getConstantDim(n.dims(x).back());
  return multiply(n, x, {size, size, size, parts, 2, isInverse, false, false});
}

/// The full spectrum of real numbers, whose second half mirrors the first.
static Value mirror(OpImporter &n, Value half, int64_t length) {
  if (n.failed())
    return nullptr;
  int64_t axis = n.dims(half).size() - 2, count = (length - 1) / 2;
  Value rest = n.sliceDim(half, axis, n.constant(count), n.constant(count), /*step=*/-1);
  if (isConstantDim(n.dims(half).back(), 2))
    rest = n.make<MulOp>(rest, makeTable(n, {2}, getElementTypeOrSelf(half), {1, -1}));
  return n.concat({half, rest}, axis);
}

Value transformRows(OpImporter &n, Value x, const Fourier &f) {
  if (n.failed())
    return nullptr;
  std::optional<int64_t> length = getConstantDim(f.length);
  if (length && (*length < 1 || *length > kMaxLength)) {
    n.unsupported("a transform of " + Twine(*length) + " elements, which is not in [1, " +
                  Twine(kMaxLength) + "]");
    return nullptr;
  }
  Type element = getElementTypeOrSelf(x);
  int64_t axis = n.dims(x).size() - 2;
  if (!element.isF64())
    x = n.convert(x, n.b.getF32Type());
  x = fit(n, x, axis, f.isToReal() ? f.getHalf() : f.length);
  if (n.failed())
    return nullptr;
  int64_t parts = *getConstantDim(n.dims(x).back());
  Matrix m{f.length,    f.length, f.length, parts, 2, f.isInverse, /*isScaled=*/f.isInverse,
           f.isToReal()};
  if (m.isMirrored) {
    m.rows = f.getHalf();
    m.columnParts = 1;
  } else if (f.isOnesided) {
    m.columns = f.getHalf();
  }
  std::optional<int64_t> numElements = getConstantDim(m.rows * m.columns * (parts * m.columnParts));
  if (!length || *numElements < kMaxMatrix)
    return n.convert(multiply(n, x, m), element);
  x = transform(n, f.isToReal() ? mirror(n, x, *length) : x, *length, f.isInverse);
  if (f.isToReal())
    x = n.sliceDim(x, axis + 1, n.constant(0), n.constant(1));
  if (f.isOnesided && !f.isInverse)
    x = n.sliceDim(x, axis, n.constant(0), f.getHalf());
  if (f.isInverse)
    x = n.make<MulOp>(x, n.scalarLike(x, 1.0 / *length));
  return n.convert(x, element);
}

} // namespace winnow::import
