#include "Interpolation.h"
#include "Numbers.h"

using namespace mlir;

namespace winnow::import {

void requireElements(OpImporter &n, AffineExpr size, const Twine &what) {
  if (n.failed())
    return;
  AffineExpr rest = normalizeDim(size - 1);
  if (n.symbols.isNonNegative(rest) == false)
    return n.invalid("expected " + what + " of 1 or more elements, got " + n.text(size));
  Numbers m(n);
  if (!n.symbols.requireNonNegative(rest, "node " + n.name + " (" + n.node.op_type() +
                                              ") reads elements of it"))
    m.require(m.less(m.constant(0), m.size(size)));
}

PixelRows getPixelRows(OpImporter &n, Value x, AffineExpr parts) {
  PixelRows result;
  if (n.failed() || !x)
    return result;
  Dims dims = n.dims(x);
  result.sizes.assign(dims.begin() + 2, dims.end());
  for (auto [i, size] : llvm::enumerate(result.sizes))
    requireElements(n, size, "dimension " + Twine(i + 2));
  AffineExpr channels = n.divide(dims[1], parts, "the channels");
  AffineExpr pixels = normalizeDim(getNumElements(result.sizes, n.b.getContext()));
  Value apart = n.reshape(x, {dims[0], parts, channels, pixels});
  result.rows = n.reshape(n.transpose(apart, {0, 1, 3, 2}),
                          {normalizeDim(dims[0] * parts * pixels), channels});
  return result;
}

Type getRealType(OpImporter &n, Type pixels, Type positions) {
  return pixels.isF64() || positions.isF64() ? Type(n.b.getF64Type()) : Type(n.b.getF32Type());
}

//===----------------------------------------------------------------------===//
// Taps
//===----------------------------------------------------------------------===//

SmallVector<Tap> getLinearTaps(OpImporter &n, Value position) {
  Value one = n.scalarLike(position, 1), low = n.make<FloorOp>(position);
  Value part = n.make<SubOp>(position, low);
  return {{low, n.make<SubOp>(one, part)}, {n.make<AddOp>(low, one), part}};
}

SmallVector<Tap> getCubicTaps(OpImporter &n, Value position, double coefficient) {
  Value low = n.make<FloorOp>(position), part = n.make<SubOp>(position, low);
  SmallVector<Tap> taps;
  for (int i = -1; i <= 2; ++i) {
    Value step = n.scalarLike(position, i), distance = n.make<AbsOp>(n.make<SubOp>(step, part));
    taps.push_back({n.make<AddOp>(low, step), cubicKernel(n, distance, coefficient)});
  }
  return taps;
}

Tap zeroOutside(OpImporter &n, Tap tap, AffineExpr size) {
  if (n.failed())
    return tap;
  Value zero = n.scalarLike(tap.position, 0);
  Value length = n.convert(Numbers(n).size(size), getElementTypeOrSelf(tap.position));
  tap.isInside = n.make<AndOp>(n.compare(ComparePredicate::GE, tap.position, zero),
                               n.compare(ComparePredicate::LT, tap.position, length));
  return tap;
}

Value cubicKernel(OpImporter &n, Value t, double a) {
  auto polynomial = [&](ArrayRef<double> coefficients) {
    Value sum;
    for (double coefficient : coefficients) {
      Value term = n.scalarLike(t, coefficient);
      sum = sum ? n.make<AddOp>(n.make<MulOp>(sum, t), term) : term;
    }
    return sum;
  };
  Value inner = polynomial({a + 2, -(a + 3), 0, 1}), outer = polynomial({a, -5 * a, 8 * a, -4 * a});
  Value isInner = n.compare(ComparePredicate::LE, t, n.scalarLike(t, 1));
  Value isOuter = n.compare(ComparePredicate::LT, t, n.scalarLike(t, 2));
  return n.make<SelectOp>(isInner, inner,
                          n.make<SelectOp>(isOuter, outer, n.scalarLike(t, 0)));
}

//===----------------------------------------------------------------------===//
// Pixels
//===----------------------------------------------------------------------===//

/// The position as an index within the image.
static Value getIndex(OpImporter &n, Value position, AffineExpr size) {
  Numbers m(n);
  return m.clamp(n.convert(position, n.b.getI64Type()), m.constant(0),
                 m.size(normalizeDim(size - 1)));
}

/// Both, of which null ones change nothing.
template <typename OpTy> static Value combine(OpImporter &n, Value a, Value b) {
  return a && b ? n.make<OpTy>(a, b) : a ? a : b;
}

SmallVector<Value> gatherTaps(OpImporter &n, const PixelRows &pixels, Value image,
                              ArrayRef<SmallVector<Tap>> taps) {
  Numbers m(n);
  SmallVector<Tap> partials = {{image, nullptr}};
  for (auto [size, ofDim] : llvm::zip_equal(pixels.sizes, taps)) {
    SmallVector<Tap> next;
    for (const Tap &partial : partials) {
      Value start = m.mul(partial.position, m.size(size));
      for (const Tap &tap : ofDim)
        next.push_back({m.add(start, getIndex(n, tap.position, size)),
                        combine<MulOp>(n, partial.weight, tap.weight),
                        combine<AndOp>(n, partial.isInside, tap.isInside)});
    }
    partials = std::move(next);
  }
  SmallVector<Value> result;
  for (const Tap &partial : partials) {
    Value pixel = n.make<GatherOp>(pixels.rows, partial.position, 0, /*in_bounds=*/true);
    auto perPixel = [&](Value x) {
      Dims column = n.dims(x);
      column.push_back(n.constant(1));
      return n.reshape(x, column);
    };
    if (n.failed())
      return {};
    if (partial.weight)
      pixel = n.make<MulOp>(n.convert(pixel, getElementTypeOrSelf(partial.weight)),
                            perPixel(partial.weight));
    // Of what is outside, the weight may be infinite or no number.
    if (partial.isInside)
      pixel = n.make<SelectOp>(perPixel(partial.isInside), pixel, n.scalarLike(pixel, 0));
    result.push_back(pixel);
  }
  return result;
}

Value countAlong(OpImporter &n, AffineExpr size, int64_t axis, int64_t rank, Type type) {
  Dims dims(rank, n.constant(1));
  dims[axis] = size;
  return n.reshape(n.convert(n.iota(size, n.b.getI64Type()), type), dims);
}

} // namespace winnow::import
