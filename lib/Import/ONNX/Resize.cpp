#include "Interpolation.h"
#include "Numbers.h"
#include "OpTable.h"
#include "ResizeDim.h"

#include <cmath>

using namespace mlir;

namespace winnow::import {

// Dimensions are resized one after the other.

namespace {

class Resizer {
public:
  Resizer(OpImporter &n, ResizeForm form)
      : n(n), m(n), form(std::move(form)), real(this->form.getReal(n.elementType(0))) {}

  void addScaled(int64_t dim, Scale scale, Value roiStart, Value roiEnd);
  void addSized(int64_t dim, AffineExpr size, Value roiStart, Value roiEnd);
  /// Replaces the sizes by those that keep the proportions of the input.
  void keepAspectRatio(bool isLarger);
  Value resize(Value x);

private:
  Value number(AffineExpr dim) { return n.convert(m.size(dim), real); }
  Value toReal(Value x) { return x ? n.convert(x, real) : x; }
  Value toF32(Value x) { return n.convert(x, n.b.getF32Type()); }
  bool isIdentity(const ResizedDim &axis) const;
  Value toElements(Value x);

  OpImporter &n;
  Numbers m;
  ResizeForm form;
  Type real;
  SmallVector<ResizedDim> axes;
};

} // namespace

//===----------------------------------------------------------------------===//
// Sizes
//===----------------------------------------------------------------------===//

/// floor(dim * scale) where the product has no rounding error for any size that
/// there is: the scale has few bits. Null otherwise.
static AffineExpr multiplyExactly(AffineExpr dim, float scale) {
  int exponent;
  float mantissa = std::frexp(scale, &exponent);
  auto numerator = static_cast<int64_t>(std::ldexp(mantissa, 8));
  int shift = 8 - exponent;
  if (std::ldexp(mantissa, 8) != numerator || shift < -16 || shift > 16)
    return nullptr;
  for (; shift > 0 && numerator % 2 == 0; --shift)
    numerator /= 2;
  if (shift <= 0)
    return normalizeDim(dim * (numerator << -shift));
  return normalizeDim((dim * numerator).floorDiv(int64_t(1) << shift));
}

/// floor(dim * scale), the product rounded to an f32.
static AffineExpr scaleDim(OpImporter &n, int64_t axis, const Scale &scale) {
  AffineExpr dim = n.dims(0)[axis], bound;
  if (n.failed())
    return n.constant(0);
  if (scale.known) {
    if (!(*scale.known > 0) || std::isinf(*scale.known)) {
      n.invalid("expected scales above 0, got " + std::to_string(*scale.known));
      return n.constant(0);
    }
    if (std::optional<int64_t> size = getConstantDim(dim)) {
      float product = *scale.known * static_cast<float>(*size);
      if (product >= 0x1p46f) {
        n.invalid("a dimension of " + Twine(*size) + " elements, scaled by " +
                  std::to_string(*scale.known) + ", does not fit in memory");
        return n.constant(0);
      }
      return n.constant(static_cast<int64_t>(product));
    }
    if (AffineExpr size = multiplyExactly(dim, *scale.known))
      return size;
    if (*scale.known < 0x1p30f)
      bound = normalizeDim(dim * static_cast<int64_t>(std::ceil(*scale.known)));
  }
  Type f32 = n.b.getF32Type();
  Value product = n.make<MulOp>(n.convert(Numbers(n).size(dim), f32), scale.value);
  Value size = n.convert(n.make<FloorOp>(product), n.b.getI64Type());
  return n.bindSize(size, "size." + Twine(axis), bound);
}

void Resizer::addScaled(int64_t dim, Scale scale, Value roiStart, Value roiEnd) {
  AffineExpr in = n.dims(0)[dim], out = scaleDim(n, dim, scale);
  Value length = m.mul(toF32(number(in)), scale.value);
  axes.push_back({dim, in, out, scale, toReal(length), toReal(roiStart), toReal(roiEnd)});
}

void Resizer::addSized(int64_t dim, AffineExpr size, Value roiStart, Value roiEnd) {
  AffineExpr in = n.dims(0)[dim];
  if (std::optional<int64_t> value = getConstantDim(size); value && *value < 0)
    return n.invalid("expected sizes of 0 or more, got " + Twine(*value));
  ResizedDim axis{dim, in, size, {}, number(size), toReal(roiStart), toReal(roiEnd)};
  // Every element of the result needs one of the input.
  bool hasElements = n.symbols.isNonNegative(normalizeDim(in - 1)) == true;
  if (!hasElements && dependsOnData(size, n.symbols.getLive())) {
    Value zero = m.constant(0);
    m.require(n.make<OrOp>(m.less(zero, m.size(in)), m.equal(m.size(size), zero)));
  } else if (!hasElements && !isIdentity(axis) && !isConstantDim(size, 0)) {
    requireElements(n, in, "dimension " + Twine(dim));
  }
  std::optional<int64_t> from = getConstantDim(in), to = getConstantDim(size);
  if (from && to && *from > 0)
    axis.scale.known = static_cast<float>(*to) / static_cast<float>(*from);
  axis.scale.value = isIdentity(axis) ? n.scalar(n.b.getF32Type(), 1)
                                      : toF32(m.div(number(size), number(in)));
  axes.push_back(axis);
}

void Resizer::keepAspectRatio(bool isLarger) {
  bool isLess = !isLarger, isKnown = true;
  Scale scale;
  for (ResizedDim &axis : axes) {
    // A dimension that is not resized counts as well.
    Value own = axis.scale.value;
    if (!scale.value)
      scale.value = own;
    else
      scale.value = isLess ? m.min(scale.value, own) : m.max(scale.value, own);
    if (!axis.scale.known && isIdentity(axis))
      axis.scale.known = 1;
    isKnown &= axis.scale.known.has_value();
    if (isKnown)
      scale.known = !scale.known ? *axis.scale.known
                    : isLess     ? std::min(*scale.known, *axis.scale.known)
                                 : std::max(*scale.known, *axis.scale.known);
  }
  if (!isKnown)
    scale.known.reset();
  for (ResizedDim &axis : axes) {
    axis.scale = scale;
    axis.length = m.mul(number(axis.in), n.convert(scale.value, real));
    std::optional<int64_t> in = getConstantDim(axis.in);
    if (scale.known && in) {
      axis.out = n.constant(std::llround(*scale.known * static_cast<float>(*in)));
      continue;
    }
    if (scale.known == 1.0f) {
      axis.out = axis.in;
      continue;
    }
    Value half = n.scalar(n.b.getF32Type(), 0.5);
    Value rounded = n.make<FloorOp>(m.add(toF32(axis.length), half));
    axis.out = n.bindSize(n.convert(rounded, n.b.getI64Type()), "size." + Twine(axis.dim),
                          isLess ? axis.out : AffineExpr());
  }
}

bool Resizer::isIdentity(const ResizedDim &axis) const {
  return !form.hasRoi() && isConstantDim(normalizeDim(axis.in - axis.out), 0) &&
         axis.scale.known.value_or(1) == 1;
}

//===----------------------------------------------------------------------===//
// Elements
//===----------------------------------------------------------------------===//

/// Sums as elements of the result: ONNX Runtime cuts off the fraction where it
/// interpolates linearly and rounds where it does more.
Value Resizer::toElements(Value x) {
  Type element = n.elementType(0);
  if (n.failed())
    return nullptr;
  bool isRounded = form.mode == "cubic" || form.isAntialiased;
  if (isa<IntegerType>(element) && getElementTypeOrSelf(x) == real && isRounded) {
    Value half = n.scalarLike(x, 0.5), zero = n.scalarLike(x, 0);
    Value isNegative = n.compare(ComparePredicate::LT, x, zero);
    x = m.add(x, n.make<SelectOp>(isNegative, n.make<NegOp>(half), half));
  }
  return n.convert(x, element);
}

Value Resizer::resize(Value x) {
  Type element = n.elementType(0);
  if (form.mode != "nearest" && form.mode != "linear" && form.mode != "cubic") {
    n.invalid("expected mode nearest, linear or cubic, got '" + form.mode + "'");
    return nullptr;
  }
  if (form.mode != "nearest" && element.isInteger(1)) {
    n.unsupported("interpolation of booleans");
    return nullptr;
  }
  // Integers are rounded after each dimension, from the last on as ONNX Runtime
  // does. Otherwise what shrinks is first, from the outermost on: the last
  // dimension is the slowest.
  auto isFirst = [&](const ResizedDim &axis) {
    return isa<FloatType>(element) && axis.scale.known.value_or(1) < 1;
  };
  llvm::sort(axes, [&](const ResizedDim &a, const ResizedDim &b) {
    if (isFirst(a) != isFirst(b))
      return isFirst(a);
    return isFirst(a) ? a.dim < b.dim : a.dim > b.dim;
  });
  for (const ResizedDim &axis : axes) {
    if (n.failed() || isIdentity(axis))
      continue;
    x = resizeDim(n, form, axis, x);
    if (form.isAntialiased && isa<IntegerType>(element))
      x = toElements(x);
  }
  return toElements(x);
}

//===----------------------------------------------------------------------===//
// Operators
//===----------------------------------------------------------------------===//

/// The elements of a float vector, one scalar each.
static SmallVector<Scale> getFloats(OpImporter &n, size_t input, size_t count, StringRef what) {
  Type f32 = n.b.getF32Type();
  if (!isa<FloatType>(n.elementType(input)))
    n.invalid("expected floats as " + what + ", got " + getDtypeName(n.elementType(input)));
  else if (n.rank(input) != 1)
    n.invalid("expected a vector as " + what + ", got shape " + n.text(n.dims(input)));
  if (n.failed())
    return {};
  n.unify(n.dims(input)[0], n.constant(count), "the number of " + what + " and of dimensions");
  Value vector = n.in(input);
  if (n.failed())
    return {};
  auto constant = vector.getDefiningOp<ConstantOp>();
  auto elements = constant ? dyn_cast<DenseFPElementsAttr>(constant.getValue()) : nullptr;
  Value wide = n.convert(vector, f32);
  SmallVector<Scale> result;
  for (size_t i = 0; i < count && !n.failed(); ++i) {
    if (!elements) {
      result.push_back({Numbers(n).at(wide, i), std::nullopt});
      continue;
    }
    APFloat element = elements.getValues<APFloat>()[i];
    auto number = static_cast<float>(element.convertToDouble());
    result.push_back({n.scalar(f32, number), number});
  }
  return result;
}

/// An optional input that is there and is not an empty vector, by which models
/// leave it out.
static bool isGiven(OpImporter &n, size_t input) {
  if (!n.has(input))
    return false;
  Dims dims = n.dims(input);
  return dims.size() != 1 || !isConstantDim(dims[0], 0);
}

static void importResize(OpImporter &n) {
  ResizeForm form;
  form.mode = n.stringAttr("mode", "nearest");
  form.coordinates = n.stringAttr("coordinate_transformation_mode", "half_pixel");
  form.rounding = n.stringAttr("nearest_mode", "round_prefer_floor");
  std::string policy = n.stringAttr("keep_aspect_ratio_policy", "stretch");
  form.isAntialiased = n.intAttr("antialias", 0) && form.mode != "nearest";
  form.excludesOutside = n.intAttr("exclude_outside", 0);
  form.cubicCoefficient = n.floatAttr("cubic_coeff_a", -0.75);
  form.extrapolation = n.floatAttr("extrapolation_value", 0);
  int64_t rank = n.rank(0);
  SmallVector<int64_t> dims = n.normalizeAxes(
      n.intsAttr("axes").value_or(llvm::to_vector(llvm::seq<int64_t>(0, rank))), rank);
  bool isScaled = isGiven(n, 2), isSized = isGiven(n, 3);
  if (n.failed())
    return;
  if (isScaled == isSized)
    return n.invalid(isScaled ? "expected scales or sizes, got both"
                              : "expected scales or sizes, got none");
  if (policy != "stretch" && policy != "not_larger" && policy != "not_smaller")
    return n.invalid("expected keep_aspect_ratio_policy stretch, not_larger or not_smaller, got '" +
                     policy + "'");
  SmallVector<Scale> roi(2 * dims.size()), scales;
  SmallVector<AffineExpr> sizes;
  if (form.hasRoi()) {
    if (!isGiven(n, 1))
      return n.invalid("expected a roi for tf_crop_and_resize, got none");
    roi = getFloats(n, 1, 2 * dims.size(), "roi");
  }
  if (isScaled)
    scales = getFloats(n, 2, dims.size(), "scales");
  else
    sizes = n.sizes(3, "sizes", dims.size());
  if (n.failed())
    return;
  if (isSized && sizes.size() != dims.size())
    return n.invalid("expected " + Twine(dims.size()) + " sizes, one for each dimension, got " +
                     Twine(sizes.size()));
  Resizer resizer(n, form);
  for (auto [i, dim] : llvm::enumerate(dims)) {
    Value start = roi[i].value, end = roi[dims.size() + i].value;
    if (isScaled)
      resizer.addScaled(dim, scales[i], start, end);
    else
      resizer.addSized(dim, sizes[i], start, end);
    if (n.failed())
      return;
  }
  if (isSized && policy != "stretch")
    resizer.keepAspectRatio(policy == "not_smaller");
  n.set(resizer.resize(n.in(0)));
}

/// Upsample, and Resize as it was at first.
static void importScaled(OpImporter &n, ArrayRef<Scale> scales) {
  if (n.failed())
    return;
  ResizeForm form;
  form.mode = n.stringAttr("mode", "nearest");
  form.coordinates = "asymmetric";
  form.rounding = "simple";
  if (static_cast<int64_t>(scales.size()) != n.rank(0))
    return n.invalid("expected " + Twine(n.rank(0)) + " scales, one for each dimension, got " +
                     Twine(scales.size()));
  Resizer resizer(n, form);
  for (auto [i, scale] : llvm::enumerate(scales))
    resizer.addScaled(i, scale, nullptr, nullptr);
  n.set(resizer.resize(n.in(0)));
}

static void importUpsample7(OpImporter &n) {
  SmallVector<Scale> scales;
  for (double scale : n.floatsAttr("scales"))
    scales.push_back({n.scalar(n.b.getF32Type(), scale), static_cast<float>(scale)});
  importScaled(n, scales);
}

static void importScaledByInput(OpImporter &n) {
  importScaled(n, getFloats(n, 1, n.rank(0), "scales"));
}

ArrayRef<OpEntry> getResizeOps() {
  static const OpEntry ops[] = {
      {"Resize", 10, 10, 2, 2, importScaledByInput},
      {"Resize", 11, kMaxOpset, 1, 4, importResize},
      {"Upsample", 7, 8, 1, 1, importUpsample7},
      {"Upsample", 9, 9, 2, 2, importScaledByInput},
  };
  return ops;
}

} // namespace winnow::import
