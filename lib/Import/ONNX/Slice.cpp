#include "DataShapes.h"
#include "OpTable.h"

using namespace mlir;

namespace winnow::import {

namespace {
/// One dimension's slice, in elements.
struct Part {
  AffineExpr start, size;
  int64_t step = 1;
};
} // namespace

/// The expression is not negative, or may be required to be so.
static bool requireNonNegative(OpImporter &n, AffineExpr expr) {
  if (n.dependsOnData(expr))
    return n.symbols.isNonNegative(expr) == true;
  return n.symbols.requireNonNegative(expr, "node " + n.name + " (Slice) takes that many elements");
}

/// clamp(bound < 0 ? bound + dim : bound, 0, dim), as an expression; null where it
/// has none.
static AffineExpr clampBound(OpImporter &n, AffineExpr bound, AffineExpr dim) {
  std::optional<int64_t> value = getConstantDim(bound), size = getConstantDim(dim);
  AffineExpr zero = n.constant(0);
  if (value && size) {
    int64_t index = *value < 0 ? std::max(*value, -*size) + *size : *value;
    return n.constant(std::min(index, *size));
  }
  if (value) {
    // "To the end" and "from the start", as exporters write them.
    if (*value >= INT32_MAX)
      return dim;
    if (*value <= -INT32_MAX)
      return zero;
    if (*value < 0) {
      AffineExpr index = normalizeDim(dim + *value);
      if (*value >= -kShortPrefix ? requireNonNegative(n, index)
                                  : n.symbols.isNonNegative(index) == true)
        return index;
    } else if (*value == 0) {
      return zero;
    } else if (n.symbols.isNonNegative(bound - dim) == true) {
      return dim;
    } else if (n.symbols.isNonNegative(dim - bound) == true || *value <= kShortPrefix) {
      if (requireNonNegative(n, dim - bound))
        return bound;
    }
  } else {
    // The last `dim` elements, or before them: none of them and all of them
    // count from 0 alike where there are none.
    if (getConstantDim(normalizeDim(dim + bound)) == 0 && n.symbols.isNonNegative(dim) == true)
      return zero;
    if (n.symbols.isNonNegative(-bound - 1) == true) {
      AffineExpr index = normalizeDim(dim + bound);
      if (requireNonNegative(n, index))
        return index;
    }
    if (n.symbols.isNonNegative(bound) == true) {
      if (n.symbols.isNonNegative(dim - bound) == true)
        return bound;
      if (n.symbols.isNonNegative(bound - dim) == true)
        return dim;
      if (requireNonNegative(n, dim - bound))
        return bound;
    }
  }
  return nullptr;
}

/// Absent where the size has no expression.
static std::optional<Part> slicePart(OpImporter &n, AffineExpr start, AffineExpr end, int64_t step,
                                     AffineExpr dim) {
  Part part;
  part.step = step;
  if (step > 0) {
    part.start = clampBound(n, start, dim);
    AffineExpr stop = part.start ? clampBound(n, end, dim) : AffineExpr();
    if (!stop)
      return std::nullopt;
    AffineExpr length = normalizeDim(stop - part.start);
    std::optional<bool> isForward = n.symbols.isNonNegative(length);
    if (isForward == false) {
      part.start = part.size = n.constant(0);
      return part;
    }
    if (!isForward && !requireNonNegative(n, length))
      return std::nullopt;
    part.size = normalizeDim(length.ceilDiv(step));
    return part;
  }
  // Backwards: the start is clamped to [0, dim - 1], the end to [-1, dim - 1].
  std::optional<int64_t> first = getConstantDim(start), last = getConstantDim(end);
  std::optional<int64_t> size = getConstantDim(dim);
  if (first && last && size) {
    auto clampBackwards = [&](int64_t index, int64_t lowest) {
      index = index < 0 ? std::max(index, -*size - 1) + *size : index;
      return std::clamp(index, lowest, std::max<int64_t>(*size - 1, lowest));
    };
    int64_t from = *size == 0 ? 0 : clampBackwards(*first, 0), to = clampBackwards(*last, -1);
    int64_t distance = *size == 0 ? 0 : from - to;
    int64_t count = distance <= 0 ? 0 : (distance - step - 1) / -step;
    part.start = n.constant(count ? from : 0);
    part.size = n.constant(count);
    return part;
  }
  bool isWhole = first && last && (*first == -1 || *first >= INT32_MAX) && *last <= -INT32_MAX;
  if (!isWhole || step != -1)
    return std::nullopt;
  part.start = dim - 1;
  part.size = dim;
  return part;
}

namespace {
/// A slice whose size is computed at run time, in Slice's own numbers.
struct LatePart {
  int64_t axis;
  AffineExpr start, end;
  int64_t step;
};
} // namespace

static Value slice(OpImporter &n, Value input, const LatePart &part) {
  Numbers m(n);
  AffineExpr dim = n.failed() ? AffineExpr() : n.dims(input)[part.axis];
  if (!dim)
    return nullptr;
  // As many elements as lie between the bounds are only there if none of them
  // wraps or is clamped: provided that the end does not wrap, a start that does
  // would leave fewer.
  AffineExpr first = part.start, expected;
  if (n.symbols.isNonNegative(-first - 1) == true)
    first = normalizeDim(first + dim);
  std::optional<int64_t> end = getConstantDim(part.end);
  if (part.step == 1 && n.symbols.isNonNegative(part.end) == true)
    expected = normalizeDim((end && *end >= INT32_MAX ? dim : part.end) - first);
  return sliceByNumbers(n, input, part.axis, m.size(part.start), m.size(part.end),
                        m.constant(part.step), expected ? first : AffineExpr(), expected);
}

static void setSliced(OpImporter &n, ArrayRef<Part> parts, ArrayRef<LatePart> late) {
  if (const KnownTensor *known = late.empty() ? n.known(0) : nullptr) {
    SmallVector<int64_t> shape;
    bool isConstant = true;
    for (const Part &part : parts) {
      shape.push_back(getConstantDim(part.size).value_or(-1));
      isConstant &= getConstantDim(part.start).has_value();
    }
    std::optional<KnownTensor> sliced;
    if (isConstant)
      sliced = rearrange(*known, shape, [&](ArrayRef<int64_t> index) {
        SmallVector<int64_t> from;
        for (auto [i, part] : llvm::zip_equal(index, parts))
          from.push_back(*getConstantDim(part.start) + i * part.step);
        return from;
      });
    if (sliced)
      return n.setKnown(sliced);
  }
  SmallVector<AffineExpr> starts, sizes;
  SmallVector<int64_t> steps;
  for (const Part &part : parts) {
    starts.push_back(normalizeDim(part.start));
    sizes.push_back(part.size);
    steps.push_back(part.step);
  }
  auto map = AffineMap::get(0, n.symbols.size(), starts, n.b.getContext());
  RankedTensorType type = n.makeType(sizes, n.elementType(0));
  Value result = n.makeAs<SliceOp>(type, n.in(0), map, steps);
  for (const LatePart &part : late)
    result = slice(n, result, part);
  n.set(result);
}

/// Until opset 9 everything is in attributes, then in inputs.
static void importSlice(OpImporter &n) {
  SmallVector<AffineExpr> starts, ends;
  SmallVector<int64_t> axes, steps;
  auto toExprs = [&](std::optional<SmallVector<int64_t>> values) {
    SmallVector<AffineExpr> exprs;
    for (int64_t value : values.value_or(SmallVector<int64_t>()))
      exprs.push_back(n.constant(value));
    return exprs;
  };
  std::optional<SmallVector<int64_t>> givenAxes;
  if (n.opset < 10) {
    starts = toExprs(n.intsAttr("starts"));
    ends = toExprs(n.intsAttr("ends"));
    givenAxes = n.intsAttr("axes");
  } else {
    if (!n.has(1) || !n.has(2))
      return n.invalid("expected starts and ends, got none");
    auto isConstant = [&](size_t i) {
      return !n.has(i) || (n.known(i) && n.known(i)->getConstants());
    };
    if (!n.known(1) || !n.known(2) || !isConstant(3) || !isConstant(4))
      return importDataSlice(n);
    starts = n.known(1)->elements;
    ends = n.known(2)->elements;
    if (n.has(3))
      givenAxes = n.constants(3, "axes");
    if (n.has(4))
      steps = n.constants(4, "steps");
  }
  if (n.failed())
    return;
  axes = givenAxes ? n.normalizeAxes(*givenAxes, n.rank(0))
                   : llvm::to_vector(llvm::seq<int64_t>(0, starts.size()));
  if (steps.empty())
    steps.assign(starts.size(), 1);
  if (n.failed())
    return;
  if (ends.size() != starts.size() || axes.size() != starts.size() ||
      steps.size() != starts.size() || axes.size() > static_cast<size_t>(n.rank(0)))
    return n.invalid("expected as many starts, ends, axes and steps, at most the rank " +
                     Twine(n.rank(0)) + ", got " + Twine(starts.size()) + ", " +
                     Twine(ends.size()) + ", " + Twine(axes.size()) + " and " +
                     Twine(steps.size()));
  SmallVector<Part> parts;
  SmallVector<LatePart> late;
  for (AffineExpr dim : n.dims(0))
    parts.push_back({n.constant(0), dim, 1});
  for (size_t i = 0; i < axes.size(); ++i) {
    if (steps[i] == 0 || steps[i] < -INT32_MAX)
      return n.invalid("expected a step other than 0, got " + Twine(steps[i]));
    Part &part = parts[axes[i]];
    int64_t step = std::min<int64_t>(steps[i], INT32_MAX);
    if (std::optional<Part> taken = slicePart(n, starts[i], ends[i], step, part.size))
      part = *taken;
    else
      late.push_back({axes[i], starts[i], ends[i], step});
  }
  setSliced(n, parts, late);
}

ArrayRef<OpEntry> getSliceOps() {
  static const OpEntry ops[] = {{"Slice", 1, kMaxOpset, 1, 5, importSlice}};
  return ops;
}

} // namespace winnow::import
