#include "Evaluate.h"
#include "Utils.h"

#include "mlir/IR/DialectResourceBlobManager.h"
#include "llvm/ADT/TypeSwitch.h"
#include <cmath>

using namespace mlir;
using namespace winnow;

namespace {
/// A tensor's elements: floats as doubles, integers as 64-bit patterns, sign-
/// or zero-extended as their type says.
struct Elements {
  RankedTensorType type;
  std::vector<double> floats;
  std::vector<int64_t> ints;

  bool isFloat() const { return isa<FloatType>(type.getElementType()); }
  bool isUnsigned() const {
    return type.getElementType().isUnsignedInteger() || type.getElementType().isInteger(1);
  }
  int64_t size() const { return type.getNumElements(); }
  void resize() {
    if (isFloat())
      floats.resize(size());
    else
      ints.resize(size());
  }
  void copy(int64_t to, const Elements &from, int64_t index) {
    if (isFloat())
      floats[to] = from.floats[index];
    else
      ints[to] = from.ints[index];
  }
};
} // namespace

static std::optional<Elements> load(ElementsAttr attr) {
  auto type = dyn_cast<RankedTensorType>(attr.getShapedType());
  if (!type)
    return std::nullopt;
  Elements elements{type, {}, {}};
  auto dense = dyn_cast<DenseElementsAttr>(attr);
  if (auto resource = dyn_cast<DenseResourceElementsAttr>(attr)) {
    AsmResourceBlob *blob = resource.getRawHandle().getBlob();
    bool isSplat = false;
    if (!blob || type.getElementType().isInteger(1) ||
        !DenseElementsAttr::isValidRawBuffer(type, blob->getData(), isSplat) || isSplat)
      return std::nullopt;
    dense = DenseElementsAttr::getFromRawBuffer(type, blob->getData());
  }
  if (!dense)
    return std::nullopt;
  if (elements.isFloat()) {
    for (APFloat value : dense.getValues<APFloat>())
      elements.floats.push_back(value.convertToDouble());
    return elements;
  }
  if (!type.getElementType().isInteger() || type.getElementTypeBitWidth() > 64)
    return std::nullopt;
  for (const APInt &value : dense.getValues<APInt>())
    elements.ints.push_back(elements.isUnsigned() ? static_cast<int64_t>(value.getZExtValue())
                                                  : value.getSExtValue());
  return elements;
}

static DenseElementsAttr store(const Elements &elements) {
  if (elements.isFloat()) {
    auto floatType = cast<FloatType>(elements.type.getElementType());
    SmallVector<APFloat> values;
    for (double number : elements.floats) {
      APFloat value(number);
      bool losesInfo;
      value.convert(floatType.getFloatSemantics(), APFloat::rmNearestTiesToEven, &losesInfo);
      values.push_back(value);
    }
    return DenseElementsAttr::get(elements.type, values);
  }
  SmallVector<APInt> values;
  for (int64_t number : elements.ints)
    values.emplace_back(elements.type.getElementTypeBitWidth(), number, /*isSigned=*/true,
                        /*implicitTrunc=*/true);
  return DenseElementsAttr::get(elements.type, values);
}

//===----------------------------------------------------------------------===//
// Indices
//===----------------------------------------------------------------------===//

static SmallVector<int64_t> getStrides(ArrayRef<int64_t> shape) {
  SmallVector<int64_t> strides(shape.size(), 1);
  for (int64_t i = static_cast<int64_t>(shape.size()) - 2; i >= 0; --i)
    strides[i] = strides[i + 1] * shape[i + 1];
  return strides;
}

/// Calls `body(linear, index)` for every element of `shape` in order.
template <typename Body> static void forEachIndex(ArrayRef<int64_t> shape, Body body) {
  int64_t total = ShapedType::getNumElements(shape);
  SmallVector<int64_t> index(shape.size(), 0);
  for (int64_t linear = 0; linear < total; ++linear) {
    body(linear, index);
    for (int64_t i = static_cast<int64_t>(shape.size()) - 1; i >= 0; --i) {
      if (++index[i] < shape[i])
        break;
      index[i] = 0;
    }
  }
}

/// Where numpy broadcasting reads `shape` for the element at `index`.
static int64_t getBroadcastOffset(ArrayRef<int64_t> shape, ArrayRef<int64_t> strides,
                                  ArrayRef<int64_t> index) {
  int64_t offset = 0;
  size_t skip = index.size() - shape.size();
  for (size_t i = 0; i < shape.size(); ++i)
    if (shape[i] != 1)
      offset += index[skip + i] * strides[i];
  return offset;
}

//===----------------------------------------------------------------------===//
// Elementwise
//===----------------------------------------------------------------------===//

static std::optional<double> evaluateUnary(Operation *op, double x) {
  return TypeSwitch<Operation *, std::optional<double>>(op)
      .Case([&](AbsOp) { return std::fabs(x); })
      .Case([&](NegOp) { return -x; })
      .Case([&](ExpOp) { return std::exp(x); })
      .Case([&](LogOp) { return std::log(x); })
      .Case([&](SqrtOp) { return std::sqrt(x); })
      .Case([&](ReciprocalOp) { return 1 / x; })
      .Case([&](ErfOp) { return std::erf(x); })
      .Case([&](TanhOp) { return std::tanh(x); })
      .Case([&](SigmoidOp) { return 1 / (1 + std::exp(-x)); })
      .Case([&](ReluOp) { return std::isnan(x) ? x : std::fmax(x, 0); })
      .Case([&](SinOp) { return std::sin(x); })
      .Case([&](CosOp) { return std::cos(x); })
      .Case([&](FloorOp) { return std::floor(x); })
      .Case([&](CeilOp) { return std::ceil(x); })
      .Case([&](RoundOp) { return std::nearbyint(x); })
      .Case([&](SignOp) { return x > 0 ? 1 : x < 0 ? -1 : x; })
      .Default([](Operation *) { return std::nullopt; });
}

static std::optional<double> evaluateBinary(Operation *op, double x, double y) {
  return TypeSwitch<Operation *, std::optional<double>>(op)
      .Case([&](AddOp) { return x + y; })
      .Case([&](SubOp) { return x - y; })
      .Case([&](MulOp) { return x * y; })
      .Case([&](DivOp) { return x / y; })
      .Case([&](ModOp) { return std::fmod(x, y); })
      .Case([&](PowOp) { return std::pow(x, y); })
      .Case([&](MaximumOp) { return std::isnan(x) || std::isnan(y) ? NAN : std::fmax(x, y); })
      .Case([&](MinimumOp) { return std::isnan(x) || std::isnan(y) ? NAN : std::fmin(x, y); })
      .Default([](Operation *) { return std::nullopt; });
}

static std::optional<int64_t> evaluateUnary(Operation *op, int64_t x, bool isUnsigned) {
  auto wrap = [](uint64_t value) { return static_cast<int64_t>(value); };
  return TypeSwitch<Operation *, std::optional<int64_t>>(op)
      .Case([&](AbsOp) { return isUnsigned || x >= 0 ? x : wrap(-static_cast<uint64_t>(x)); })
      .Case([&](NegOp) { return wrap(-static_cast<uint64_t>(x)); })
      .Case([&](NotOp) { return ~x; })
      .Case([&](SignOp) { return isUnsigned ? x != 0 : (x > 0) - (x < 0); })
      .Case([&](ReluOp) { return isUnsigned || x > 0 ? x : 0; })
      .Default([](Operation *) { return std::nullopt; });
}

static std::optional<int64_t> evaluateBinary(Operation *op, int64_t x, int64_t y,
                                             bool isUnsigned, unsigned width) {
  auto wrap = [](uint64_t value) { return static_cast<int64_t>(value); };
  uint64_t ux = x, uy = y;
  bool isLess = isUnsigned ? ux < uy : x < y;
  // What the emitted code does: a zero divisor, or one that overflows, is 1.
  int64_t min = width >= 64 ? INT64_MIN : -(int64_t(1) << (width - 1));
  int64_t divisor = y == 0 || (!isUnsigned && y == -1 && x == min) ? 1 : y;
  return TypeSwitch<Operation *, std::optional<int64_t>>(op)
      .Case([&](AddOp) { return wrap(ux + uy); })
      .Case([&](SubOp) { return wrap(ux - uy); })
      .Case([&](MulOp) { return wrap(ux * uy); })
      .Case([&](DivOp) { return isUnsigned ? wrap(ux / uint64_t(divisor)) : x / divisor; })
      .Case([&](ModOp) {
        if (isUnsigned)
          return wrap(ux % uint64_t(divisor));
        int64_t rem = x % divisor;
        return rem != 0 && (rem < 0) != (divisor < 0) ? rem + divisor : rem;
      })
      .Case([&](MaximumOp) { return isLess ? y : x; })
      .Case([&](MinimumOp) { return isLess ? x : y; })
      .Case([&](AndOp) { return x & y; })
      .Case([&](OrOp) { return x | y; })
      .Case([&](XorOp) { return x ^ y; })
      .Default([](Operation *) { return std::nullopt; });
}

template <typename T> static bool compare(ComparePredicate predicate, T x, T y) {
  switch (predicate) {
  case ComparePredicate::EQ:
    return x == y;
  case ComparePredicate::NE:
    return x != y;
  case ComparePredicate::LT:
    return x < y;
  case ComparePredicate::LE:
    return x <= y;
  case ComparePredicate::GT:
    return x > y;
  case ComparePredicate::GE:
    return x >= y;
  }
  llvm_unreachable("all predicates are handled");
}

static void castElement(const Elements &from, int64_t index, Elements &to) {
  Type type = to.type.getElementType();
  if (to.isFloat()) {
    to.floats[index] = from.isFloat()    ? from.floats[index]
                       : from.isUnsigned() ? static_cast<double>(uint64_t(from.ints[index]))
                                           : static_cast<double>(from.ints[index]);
    return;
  }
  if (type.isInteger(1)) {
    to.ints[index] = from.isFloat() ? from.floats[index] != 0 : from.ints[index] != 0;
    return;
  }
  if (!from.isFloat()) {
    to.ints[index] = from.ints[index];
    return;
  }
  // Saturates, and NaN is 0, as the emitted code does.
  unsigned width = type.getIntOrFloatBitWidth();
  APFloat value(std::isnan(from.floats[index]) ? 0.0 : from.floats[index]);
  APSInt integer(width, to.isUnsigned());
  bool isExact;
  value.convertToInteger(integer, APFloat::rmTowardZero, &isExact);
  to.ints[index] = to.isUnsigned() ? static_cast<int64_t>(integer.getZExtValue())
                                   : integer.getSExtValue();
}

/// Integers of narrow types wrap at their own width.
static int64_t normalize(const Elements &elements, int64_t value) {
  APInt narrow(elements.type.getElementTypeBitWidth(), value, /*isSigned=*/true,
               /*implicitTrunc=*/true);
  return elements.isUnsigned() ? static_cast<int64_t>(narrow.getZExtValue())
                               : narrow.getSExtValue();
}

static bool evaluateElementwise(Operation *op, ArrayRef<Elements> in, Elements &out) {
  bool isKnown = true;
  SmallVector<SmallVector<int64_t>> strides;
  for (const Elements &operand : in)
    strides.push_back(getStrides(operand.type.getShape()));
  forEachIndex(out.type.getShape(), [&](int64_t to, ArrayRef<int64_t> index) {
    SmallVector<int64_t, 3> at;
    for (auto [operand, stride] : llvm::zip_equal(in, strides))
      at.push_back(getBroadcastOffset(operand.type.getShape(), stride, index));
    if (isa<CastOp>(op))
      return castElement(in[0], to, out);
    if (isa<SelectOp>(op))
      return in[0].ints[at[0]] ? out.copy(to, in[1], at[1]) : out.copy(to, in[2], at[2]);
    if (auto compareOp = dyn_cast<CompareOp>(op)) {
      ComparePredicate predicate = compareOp.getPredicate();
      out.ints[to] =
          in[0].isFloat() ? compare(predicate, in[0].floats[at[0]], in[1].floats[at[1]])
          : in[0].isUnsigned()
              ? compare(predicate, uint64_t(in[0].ints[at[0]]), uint64_t(in[1].ints[at[1]]))
              : compare(predicate, in[0].ints[at[0]], in[1].ints[at[1]]);
      return;
    }
    if (isa<IsNaNOp>(op)) {
      out.ints[to] = std::isnan(in[0].floats[at[0]]);
      return;
    }
    if (out.isFloat()) {
      std::optional<double> value =
          in.size() == 1 ? evaluateUnary(op, in[0].floats[at[0]])
                         : evaluateBinary(op, in[0].floats[at[0]], in[1].floats[at[1]]);
      isKnown &= value.has_value();
      out.floats[to] = value.value_or(0);
      return;
    }
    std::optional<int64_t> value =
        in.size() == 1 ? evaluateUnary(op, in[0].ints[at[0]], out.isUnsigned())
                       : evaluateBinary(op, in[0].ints[at[0]], in[1].ints[at[1]],
                                        out.isUnsigned(), out.type.getElementTypeBitWidth());
    isKnown &= value.has_value();
    out.ints[to] = normalize(out, value.value_or(0));
  });
  if (isa<CastOp>(op) && !out.isFloat())
    for (int64_t &value : out.ints)
      value = normalize(out, value);
  return isKnown;
}

//===----------------------------------------------------------------------===//
// Movement
//===----------------------------------------------------------------------===//

static bool evaluateGather(GatherOp op, ArrayRef<Elements> in, Elements &out) {
  ArrayRef<int64_t> data = in[0].type.getShape(), indices = in[1].type.getShape();
  SmallVector<int64_t> dataStrides = getStrides(data), indexStrides = getStrides(indices);
  size_t axis = op.getAxis(), numIndices = indices.size();
  bool inRange = true;
  forEachIndex(out.type.getShape(), [&](int64_t to, ArrayRef<int64_t> index) {
    int64_t at = 0, from = 0;
    for (size_t i = 0; i < numIndices; ++i)
      at += index[axis + i] * indexStrides[i];
    int64_t picked = in[1].ints[at];
    picked += picked < 0 ? data[axis] : 0;
    inRange &= picked >= 0 && picked < data[axis];
    if (!inRange)
      return;
    for (size_t i = 0; i < data.size(); ++i)
      from += dataStrides[i] * (i < axis    ? index[i]
                                : i == axis ? picked
                                            : index[i + numIndices - 1]);
    out.copy(to, in[0], from);
  });
  return inRange;
}

static bool evaluateMovement(Operation *op, ArrayRef<Elements> in, Elements &out) {
  return TypeSwitch<Operation *, bool>(op)
      .Case([&](ReshapeOp) {
        out.floats = in[0].floats;
        out.ints = in[0].ints;
        return true;
      })
      .Case([&](BroadcastToOp) {
        SmallVector<int64_t> strides = getStrides(in[0].type.getShape());
        forEachIndex(out.type.getShape(), [&](int64_t to, ArrayRef<int64_t> index) {
          out.copy(to, in[0], getBroadcastOffset(in[0].type.getShape(), strides, index));
        });
        return true;
      })
      .Case([&](TransposeOp transpose) {
        SmallVector<int64_t> strides = getStrides(in[0].type.getShape());
        forEachIndex(out.type.getShape(), [&](int64_t to, ArrayRef<int64_t> index) {
          int64_t from = 0;
          for (auto [i, dim] : llvm::enumerate(transpose.getPermutation()))
            from += index[i] * strides[dim];
          out.copy(to, in[0], from);
        });
        return true;
      })
      .Case([&](SliceOp slice) {
        SmallVector<int64_t> strides = getStrides(in[0].type.getShape());
        AffineMap starts = slice.getStarts();
        if (!llvm::all_of(starts.getResults(), llvm::IsaPred<AffineConstantExpr>))
          return false;
        forEachIndex(out.type.getShape(), [&](int64_t to, ArrayRef<int64_t> index) {
          int64_t from = 0;
          for (size_t i = 0; i < index.size(); ++i)
            from += strides[i] * (*getConstantDim(starts.getResult(i)) +
                                  index[i] * slice.getSteps()[i]);
          out.copy(to, in[0], from);
        });
        return true;
      })
      .Case([&](ConcatOp concat) {
        size_t axis = concat.getAxis();
        forEachIndex(out.type.getShape(), [&](int64_t to, ArrayRef<int64_t> index) {
          SmallVector<int64_t> local(index);
          const Elements *from = in.begin();
          while (local[axis] >= from->type.getDimSize(axis))
            local[axis] -= (from++)->type.getDimSize(axis);
          SmallVector<int64_t> strides = getStrides(from->type.getShape());
          int64_t offset = 0;
          for (size_t i = 0; i < local.size(); ++i)
            offset += local[i] * strides[i];
          out.copy(to, *from, offset);
        });
        return true;
      })
      .Case([&](GatherOp gather) { return evaluateGather(gather, in, out); })
      .Case([&](IotaOp iota) {
        for (int64_t i = 0; i < out.size(); ++i) {
          int64_t value = iota.getStart() + i * iota.getStep();
          if (out.isFloat())
            out.floats[i] = value;
          else
            out.ints[i] = normalize(out, value);
        }
        return true;
      })
      .Case([&](DimValuesOp dims) {
        for (auto [i, expr] : llvm::enumerate(dims.getValues().getResults())) {
          std::optional<int64_t> value = getConstantDim(simplifyAffineExpr(
              expr, /*numDims=*/0, dims.getValues().getNumSymbols()));
          if (!value)
            return false;
          out.ints[i] = normalize(out, *value);
        }
        return true;
      })
      .Default([](Operation *) { return false; });
}

DenseElementsAttr winnow::evaluate(Operation *op, ArrayRef<ElementsAttr> operands) {
  auto type = dyn_cast<RankedTensorType>(op->getResult(0).getType());
  if (!type || !type.hasStaticShape() || type.getEncoding())
    return nullptr;
  Type elementType = type.getElementType();
  if (!isa<FloatType>(elementType) && elementType.getIntOrFloatBitWidth() > 64)
    return nullptr;
  SmallVector<Elements> in;
  for (ElementsAttr operand : operands) {
    std::optional<Elements> elements = load(operand);
    if (!elements)
      return nullptr;
    in.push_back(std::move(*elements));
  }
  Elements out{type, {}, {}};
  out.resize();
  bool isKnown = isa<ElementwiseOpInterface>(op) && !isa<GeluOp>(op)
                     ? evaluateElementwise(op, in, out)
                     : evaluateMovement(op, in, out);
  return isKnown ? store(out) : nullptr;
}
