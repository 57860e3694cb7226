#include "ResizeDim.h"
#include "Interpolation.h"
#include "Numbers.h"

#include <cmath>

using namespace mlir;

namespace winnow::import {

// The coordinates are winnow ops on vectors as long as the dimension, of which
// constant folding leaves constants where the sizes are static. They are computed in
// f32 in ONNX Runtime's order of operations: which of two elements is nearest may
// depend on the last bit.

namespace {

/// The elements of the input that an element of the result is a weighted sum of,
/// and their weights: tensors [taps, output size]. Positions may be outside.
struct Taps {
  Value positions, weights;
};

class DimResizer {
public:
  DimResizer(OpImporter &n, const ResizeForm &form, const ResizedDim &axis, Type real)
      : n(n), m(n), form(form), axis(axis), real(real) {}

  Value resize(Value x);

private:
  Value number(AffineExpr dim) { return n.convert(m.size(dim), real); }
  Value constant(double value) { return n.scalar(real, value); }
  Value getCoordinates();
  Value getNearest(Value x);
  Value getStretch();
  Taps getTaps(Value x);
  Value filter(Value distance);
  Value pick(Value x, Value positions);
  Value weigh(Value x, const Taps &taps);

  OpImporter &n;
  Numbers m;
  const ResizeForm &form;
  const ResizedDim &axis;
  Type real;
};

} // namespace

Type ResizeForm::getReal(Type element) const {
  bool isWide = element.isF64() && mode != "nearest";
  return isWide ? element : Type(Float32Type::get(element.getContext()));
}

//===----------------------------------------------------------------------===//
// Coordinates
//===----------------------------------------------------------------------===//

/// Where in the input each element of the result is, as a vector.
Value DimResizer::getCoordinates() {
  Value x = n.iota(axis.out, real), half = constant(0.5), one = constant(1);
  Value in = number(axis.in), out = number(axis.out), last = m.sub(in, one);
  Value scale = n.convert(axis.scale.value, real);
  // Of one element that is at position 0 the divisor does not matter.
  auto spread = [&] {
    Value isOne = n.compare(ComparePredicate::EQ, axis.length, one);
    return n.make<SelectOp>(isOne, one, m.sub(axis.length, one));
  };
  StringRef kind = form.coordinates;
  if (n.failed())
    return nullptr;
  if (kind == "asymmetric")
    return m.div(x, scale);
  if (kind == "tf_half_pixel_for_nn")
    return m.div(m.add(x, half), scale);
  if (kind == "align_corners")
    return m.div(m.mul(x, last), spread());
  if (kind == "tf_crop_and_resize") {
    Value inside = m.div(m.mul(m.mul(x, m.sub(axis.roiEnd, axis.roiStart)), last), spread());
    Value many = m.add(m.mul(axis.roiStart, last), inside);
    Value single = m.mul(m.mul(half, m.add(axis.roiStart, axis.roiEnd)), last);
    return n.make<SelectOp>(n.compare(ComparePredicate::GT, out, one), many, single);
  }
  auto centres = [&](Type type) {
    auto to = [&](Value value) { return n.convert(value, type); };
    return m.sub(m.div(to(m.add(x, half)), to(scale)), to(half));
  };
  if (kind == "half_pixel")
    return centres(real);
  if (kind == "pytorch_half_pixel")
    return n.make<SelectOp>(n.compare(ComparePredicate::GT, out, one), centres(real), constant(0));
  if (kind == "half_pixel_symmetric") {
    // The sum alone is one of f64 in ONNX Runtime.
    Type f64 = n.b.getF64Type();
    Value offset = m.mul(m.mul(in, half), m.sub(one, m.div(out, axis.length)));
    return n.convert(m.add(n.convert(offset, f64), centres(f64)), real);
  }
  n.invalid("expected a coordinate_transformation_mode of the standard, got '" + kind + "'");
  return nullptr;
}

Value DimResizer::getNearest(Value x) {
  Value below = n.make<FloorOp>(x), above = n.make<CeilOp>(x);
  if (n.failed())
    return nullptr;
  // Before opset 11.
  if (form.rounding == "simple")
    return n.make<SelectOp>(
        n.compare(ComparePredicate::LT, axis.scale.value, n.scalarLike(axis.scale.value, 1)),
        above, below);
  if (form.rounding == "floor")
    return below;
  if (form.rounding == "ceil")
    return above;
  bool prefersFloor = form.rounding == "round_prefer_floor";
  if (!prefersFloor && form.rounding != "round_prefer_ceil") {
    n.invalid("expected a nearest_mode of the standard, got '" + form.rounding + "'");
    return nullptr;
  }
  Value isAbove = n.compare(prefersFloor ? ComparePredicate::GT : ComparePredicate::GE,
                            m.sub(x, below), constant(0.5));
  return n.make<SelectOp>(isAbove, above, below);
}

//===----------------------------------------------------------------------===//
// Weights
//===----------------------------------------------------------------------===//

/// The interpolation kernel at some distances from its middle.
Value DimResizer::filter(Value distance) {
  Value t = n.make<AbsOp>(distance);
  if (form.mode == "linear")
    return m.max(m.sub(constant(1), t), constant(0));
  return cubicKernel(n, t, form.cubicCoefficient);
}

/// How much wider the kernel is than its own size: 1 / scale where antialiasing
/// shrinks a dimension, as an f32.
Value DimResizer::getStretch() {
  return n.make<MaximumOp>(m.div(constant(1), n.convert(axis.scale.value, real)), constant(1));
}

Taps DimResizer::getTaps(Value x) {
  Type i64 = n.b.getI64Type();
  int64_t support = form.mode == "linear" ? 1 : 2;
  bool isStretched = form.isAntialiased && axis.scale.known.value_or(0) < 1;
  AffineExpr count = n.constant(2 * support);
  Value radius = constant(support), stretch;
  if (isStretched) {
    stretch = getStretch();
    radius = m.mul(radius, stretch);
    if (axis.scale.known) {
      // At most as many integers are within an open interval.
      double width = std::ceil(2.0 * support / *axis.scale.known);
      if (!(width < 0x1p31)) {
        n.unsupported("antialiasing with a scale of " + std::to_string(*axis.scale.known));
        return {};
      }
      count = n.constant(static_cast<int64_t>(width));
    } else {
      AffineExpr most = normalizeDim(axis.in * (2 * support));
      Value width = n.convert(n.make<CeilOp>(m.mul(constant(2), radius)), i64);
      count = n.bindSize(m.min(width, m.size(most)), "taps." + Twine(axis.dim), most);
    }
  }
  if (n.failed())
    return {};
  Value first = m.add(n.make<FloorOp>(m.sub(x, radius)), constant(1));
  Value tap = n.reshape(n.iota(count, real), {count, n.constant(1)});
  Value positions = m.add(first, tap), distance = m.sub(positions, x);
  Value weights = filter(isStretched ? m.div(distance, stretch) : distance);
  bool excludes = form.excludesOutside && (form.mode == "cubic" || form.isAntialiased);
  if (excludes) {
    Value last = m.sub(number(axis.in), constant(1));
    Value isInside = n.make<AndOp>(n.compare(ComparePredicate::GE, positions, constant(0)),
                                   n.compare(ComparePredicate::LE, positions, last));
    weights = n.make<SelectOp>(isInside, weights, constant(0));
  }
  if (isStretched || excludes)
    weights = m.div(weights, n.reduce(ReduceKind::Sum, weights, {0}, /*keepdims=*/true));
  return {n.convert(positions, i64), weights};
}

//===----------------------------------------------------------------------===//
// Elements
//===----------------------------------------------------------------------===//

/// The elements at positions [count] or [taps, count] along the dimension.
Value DimResizer::pick(Value x, Value positions) {
  Value inside = m.clamp(positions, m.constant(0), m.size(normalizeDim(axis.in - 1)));
  return n.make<GatherOp>(x, inside, axis.dim, /*in_bounds=*/true);
}

/// So few products are added up one by one.
static constexpr int64_t kFewTaps = 4;

Value DimResizer::weigh(Value x, const Taps &taps) {
  if (n.failed())
    return nullptr;
  Dims dims = n.dims(taps.weights), along(n.dims(x).size() - axis.dim, n.constant(1));
  along[0] = axis.out;
  std::optional<int64_t> count = getConstantDim(dims[0]);
  if (!count || *count > kFewTaps) {
    along.insert(along.begin(), dims[0]);
    Value product = m.mul(n.convert(pick(x, taps.positions), real),
                          n.reshape(taps.weights, along));
    return n.reduce(ReduceKind::Sum, product, {axis.dim}, /*keepdims=*/false);
  }
  Value sum;
  for (int64_t k = 0; k < *count && !n.failed(); ++k) {
    auto row = [&](Value all, ArrayRef<AffineExpr> shape) {
      return n.reshape(n.sliceDim(all, 0, n.constant(k), n.constant(1)), shape);
    };
    Value part = n.convert(pick(x, row(taps.positions, {axis.out})), real);
    Value product = m.mul(part, row(taps.weights, along));
    sum = sum ? m.add(sum, product) : product;
  }
  return sum;
}

Value DimResizer::resize(Value x) {
  Value at = getCoordinates(), result;
  if (form.mode == "nearest")
    result = pick(x, n.convert(getNearest(at), n.b.getI64Type()));
  else
    result = weigh(x, getTaps(at));
  if (!form.hasRoi() || n.failed())
    return result;
  Value last = m.sub(number(axis.in), constant(1));
  Value isOutside = n.make<OrOp>(n.compare(ComparePredicate::LT, at, constant(0)),
                                 n.compare(ComparePredicate::GT, at, last));
  Dims along(n.dims(x).size() - axis.dim, n.constant(1));
  along[0] = axis.out;
  if (n.failed())
    return nullptr;
  Value outside = n.convert(constant(form.extrapolation), getElementTypeOrSelf(result));
  return n.make<SelectOp>(n.reshape(isOutside, along), outside, result);
}

Value resizeDim(OpImporter &n, const ResizeForm &form, const ResizedDim &dim, Value x) {
  return DimResizer(n, form, dim, form.getReal(n.elementType(0))).resize(x);
}

} // namespace winnow::import
