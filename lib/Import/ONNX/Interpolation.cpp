#include "Interpolation.h"
#include "Numbers.h"

using namespace mlir;

namespace winnow::import {

PixelRows getPixelRows(OpImporter &n, Value x, AffineExpr parts) {
  PixelRows result;
  x = n.widen(x);
  if (n.failed())
    return result;
  Dims dims = n.dims(x);
  result.sizes.assign(dims.begin() + 2, dims.end());
  AffineExpr channels = n.divide(dims[1], parts, "the channels");
  AffineExpr pixels = normalizeDim(getNumElements(result.sizes, n.b.getContext()));
  Value apart = n.reshape(x, {dims[0], parts, channels, pixels});
  result.rows = n.reshape(n.transpose(apart, {0, 1, 3, 2}),
                          {normalizeDim(dims[0] * parts * pixels), channels});
  return result;
}

Value isWithin(OpImporter &n, Value position, AffineExpr size) {
  if (n.failed())
    return nullptr;
  Type real = getElementTypeOrSelf(position);
  Value inside = n.make<AndOp>(
      n.compare(ComparePredicate::GE, position, n.scalar(real, 0)),
      n.compare(ComparePredicate::LT, position, n.convert(Numbers(n).size(size), real)));
  return n.convert(inside, real);
}

SmallVector<Tap> getLinearTaps(OpImporter &n, Value position, AffineExpr size) {
  if (n.failed())
    return {};
  Value one = n.scalarLike(position, 1), low = n.make<FloorOp>(position);
  Value part = n.make<SubOp>(position, low), high = n.make<AddOp>(low, one);
  // A pixel outside has no value; its factor may be infinite or no number.
  auto weigh = [&](Value at, Value weight) {
    Value inside = n.convert(isWithin(n, at, size), n.b.getI1Type());
    return n.make<SelectOp>(inside, weight, n.scalarLike(position, 0));
  };
  return {{low, weigh(low, n.make<SubOp>(one, part))}, {high, weigh(high, part)}};
}

/// The position as an index within the image.
static Value getIndex(OpImporter &n, Value position, AffineExpr size) {
  Numbers m(n);
  if (n.failed())
    return nullptr;
  Type real = getElementTypeOrSelf(position);
  Value zero = n.scalar(real, 0), last = n.convert(m.size(normalizeDim(size - 1)), real);
  Value bounded = n.make<MaximumOp>(n.make<MinimumOp>(position, last), zero);
  return n.convert(n.make<SelectOp>(n.make<IsNaNOp>(position), zero, bounded), n.b.getI64Type());
}

SmallVector<Value> gatherTaps(OpImporter &n, const PixelRows &pixels, Value image,
                              ArrayRef<SmallVector<Tap>> taps) {
  Numbers m(n);
  struct Partial {
    Value index, weight;
  };
  SmallVector<Partial> partials = {{image, Value()}};
  for (auto [size, ofDim] : llvm::zip_equal(pixels.sizes, taps)) {
    SmallVector<Partial> next;
    for (const Partial &partial : partials) {
      Value start = m.mul(partial.index, m.size(size));
      for (const Tap &tap : ofDim)
        next.push_back({m.add(start, getIndex(n, tap.position, size)),
                        partial.weight ? n.make<MulOp>(partial.weight, tap.weight) : tap.weight});
    }
    partials = std::move(next);
  }
  SmallVector<Value> result;
  for (const Partial &partial : partials) {
    Value pixel = n.make<GatherOp>(pixels.rows, partial.index, 0);
    if (n.failed())
      return {};
    Dims column = n.dims(partial.weight);
    column.push_back(n.constant(1));
    result.push_back(n.make<MulOp>(pixel, n.reshape(partial.weight, column)));
  }
  return result;
}

Value countAlong(OpImporter &n, AffineExpr size, int64_t axis, int64_t rank, Type type) {
  Dims dims(rank, n.constant(1));
  dims[axis] = size;
  return n.reshape(n.convert(n.iota(size, n.b.getI64Type()), type), dims);
}

} // namespace winnow::import
