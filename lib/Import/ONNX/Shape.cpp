#include "DataShapes.h"
#include "OpTable.h"

#include <cmath>

using namespace mlir;

namespace winnow::import {

/// Constants, and the operators that make tensors of dimensions.

static void importConstant(OpImporter &n) {
  static constexpr StringLiteral kForms[] = {"value",        "sparse_value", "value_int",
                                             "value_ints",   "value_float",  "value_floats"};
  SmallVector<const onnx::AttributeProto *> attrs;
  for (StringRef form : kForms)
    if (const onnx::AttributeProto *attr = n.find(form))
      attrs.push_back(attr);
  if (attrs.size() != 1) {
    if (n.hasAttr("value_string") || n.hasAttr("value_strings"))
      return n.unsupported("string constants");
    return n.invalid("expected exactly one value attribute, got " + Twine(attrs.size()));
  }
  const onnx::AttributeProto &attr = *attrs.front();
  StringRef form = attr.name();
  if (form == "value") {
    if (attr.type() != onnx::AttributeProto::TENSOR)
      return n.invalid("expected attribute 'value' of type TENSOR, got " +
                       onnx::AttributeProto::AttributeType_Name(attr.type()));
    return n.setTensor(attr.t());
  }
  if (form == "sparse_value") {
    if (attr.type() != onnx::AttributeProto::SPARSE_TENSOR)
      return n.invalid("expected attribute 'sparse_value' of type SPARSE_TENSOR, got " +
                       onnx::AttributeProto::AttributeType_Name(attr.type()));
    return n.setTensor(attr.sparse_tensor());
  }
  if (form == "value_int" || form == "value_ints") {
    KnownTensor known{n.b.getI64Type(), {}, {}};
    if (form == "value_int") {
      known.elements.push_back(n.constant(n.intAttr(form, 0)));
      return n.setKnown(known);
    }
    std::optional<SmallVector<int64_t>> values = n.intsAttr(form);
    if (!values)
      return;
    int64_t size = values->size();
    if (size > kMaxKnownElements)
      return n.set(n.makeConstant(DenseElementsAttr::get(
          RankedTensorType::get({size}, n.b.getI64Type()), ArrayRef<int64_t>(*values))));
    known.shape = {size};
    for (int64_t value : *values)
      known.elements.push_back(n.constant(value));
    return n.setKnown(known);
  }
  if (form == "value_float")
    return n.set(n.scalar(n.b.getF32Type(), n.floatAttr(form, 0)));
  if (attr.type() != onnx::AttributeProto::FLOATS)
    return n.invalid("expected attribute 'value_floats' of type FLOATS, got " +
                     onnx::AttributeProto::AttributeType_Name(attr.type()));
  ArrayRef<float> values(attr.floats().data(), attr.floats_size());
  n.set(n.makeConstant(DenseElementsAttr::get(
      RankedTensorType::get({attr.floats_size()}, n.b.getF32Type()), values)));
}

/// Dimensions [start, end) of the input.
static void importShape(OpImporter &n) {
  int64_t rank = n.rank(0);
  auto clamp = [&](int64_t index) {
    index = index < 0 ? std::max(index, -rank) + rank : index;
    return std::min(index, rank);
  };
  int64_t start = 0, end = rank;
  if (n.opset >= 15) {
    start = clamp(n.intAttr("start", 0));
    end = std::max(clamp(n.intAttr("end", rank)), start);
  }
  Dims dims = n.dims(0);
  KnownTensor known{n.b.getI64Type(), {end - start}, {}};
  known.elements.assign(dims.begin() + start, dims.begin() + end);
  n.setKnown(known);
}

static void importSize(OpImporter &n) {
  AffineExpr size = normalizeDim(getNumElements(n.dims(0), n.b.getContext()));
  n.setKnown(KnownTensor{n.b.getI64Type(), {}, {size}});
}

static void importConstantOfShape(OpImporter &n) {
  if (n.rank(0) != 1)
    return n.invalid("expected a shape of rank 1, got rank " + Twine(n.rank(0)));
  SmallVector<AffineExpr> shape = n.sizes(0, "shape", n.declaredRank);
  if (n.failed())
    return;
  for (AffineExpr dim : shape)
    if (std::optional<int64_t> size = getConstantDim(dim); size && *size < 0)
      return n.invalid("expected dimensions of 0 or more, got " + n.text(shape));
  Value value;
  if (const onnx::AttributeProto *attr = n.find("value")) {
    if (attr->type() != onnx::AttributeProto::TENSOR)
      return n.invalid("expected attribute 'value' of type TENSOR, got " +
                       onnx::AttributeProto::AttributeType_Name(attr->type()));
    ElementsAttr elements = n.read(attr->t());
    if (n.failed())
      return;
    if (elements.getNumElements() != 1)
      return n.invalid("expected a value of one element, got " +
                       Twine(elements.getNumElements()));
    std::optional<SmallVector<int64_t>> sizes =
        n.known(0) ? n.known(0)->getConstants() : std::nullopt;
    if (std::optional<KnownTensor> known = getKnownTensor(elements);
        known && sizes && getSmallSize(*sizes)) {
      KnownTensor filled{known->elementType, *sizes, {}};
      filled.elements.assign(*getSmallSize(*sizes), known->elements.front());
      return n.setKnown(filled);
    }
    value = n.reshape(n.makeConstant(elements), {});
  } else {
    value = n.scalar(n.b.getF32Type(), 0);
  }
  n.set(n.broadcastTo(value, shape));
}

/// A float that is known at import; absent otherwise.
static std::optional<double> getConstantFloat(Value value) {
  auto constant = value ? value.getDefiningOp<ConstantOp>() : nullptr;
  auto elements = constant ? dyn_cast<DenseFPElementsAttr>(constant.getValue()) : nullptr;
  if (!elements || elements.getNumElements() != 1)
    return std::nullopt;
  APFloat element = *elements.value_begin<APFloat>();
  return element.convertToDouble();
}

/// An operand of Range as an expression: a known integer, that as a float, or a
/// float that is an integer.
static AffineExpr getRangeOperand(OpImporter &n, size_t i) {
  if (const KnownTensor *known = n.known(i))
    return known->elements.size() == 1 ? known->elements[0] : AffineExpr();
  if (!isa<FloatType>(n.elementType(i)))
    return nullptr;
  Value value = n.in(i);
  if (auto cast = value ? value.getDefiningOp<CastOp>() : nullptr) {
    value = cast.getInput();
    if (auto values = value.getDefiningOp<DimValuesOp>()) {
      AffineMap map = values.getValues();
      return map.getNumResults() == 1 ? map.getResult(0) : AffineExpr();
    }
    auto constant = value.getDefiningOp<ConstantOp>();
    auto elements = constant ? dyn_cast<DenseIntElementsAttr>(constant.getValue()) : nullptr;
    if (!elements || elements.getNumElements() != 1 ||
        elements.getElementType().getIntOrFloatBitWidth() > 64)
      return nullptr;
    return n.constant((*elements.value_begin<APInt>()).getSExtValue());
  }
  std::optional<double> real = getConstantFloat(value);
  // Beyond 2^24 an f32 does not tell neighbours apart.
  if (!real || !(std::abs(*real) <= 1 << 24) || *real != std::floor(*real))
    return nullptr;
  return n.constant(static_cast<int64_t>(*real));
}

/// A range of constant floats: start + i * step, which does not add up
/// rounding errors.
static void importFloatRange(OpImporter &n) {
  std::optional<double> start = getConstantFloat(n.in(0)), limit = getConstantFloat(n.in(1));
  std::optional<double> step = getConstantFloat(n.in(2));
  if (!start || !limit || !step)
    return importDataRange(n);
  double length = std::ceil((*limit - *start) / *step);
  // False for NaN too.
  if (!(length < double(int64_t(1) << 40)))
    return n.invalid("expected a range of finite length, from " + Twine(std::to_string(*start)) +
                     " to " + std::to_string(*limit) + " by " + std::to_string(*step));
  Value steps = n.iota(n.constant(std::max<int64_t>(length, 0)), n.elementType(0));
  Value scaled = n.make<MulOp>(steps, n.reshape(n.in(2), {}));
  n.set(n.make<AddOp>(scaled, n.reshape(n.in(0), {})));
}

/// start, start + step, ... below limit, of known length.
static void importRange(OpImporter &n) {
  bool isFloat = isa<FloatType>(n.elementType(0));
  AffineExpr first = getRangeOperand(n, 0), last = getRangeOperand(n, 1);
  AffineExpr step = getRangeOperand(n, 2);
  if (n.failed())
    return;
  if (!first || !last || !step)
    return isFloat ? importFloatRange(n) : importDataRange(n);
  std::optional<int64_t> stride = getConstantDim(step);
  if (!stride)
    return importDataRange(n);
  if (*stride == 0 || *stride == INT64_MIN)
    return n.invalid("expected a step other than 0, got " + Twine(*stride));
  AffineExpr distance = normalizeDim(*stride > 0 ? last - first : first - last);
  std::optional<bool> isForward = n.symbols.isNonNegative(distance);
  if (!isForward && !n.dependsOnData(distance) &&
      n.symbols.requireNonNegative(distance, "node " + n.name + " (Range) counts up to it"))
    isForward = true;
  if (!isForward)
    return importDataRange(n);
  AffineExpr length = *isForward ? distance.ceilDiv(std::abs(*stride)) : n.constant(0);
  Type elementType = n.elementType(0);
  // Axes are short, and positions are data.
  std::optional<int64_t> count = getConstantDim(normalizeDim(length));
  if (!isFloat && count && *count <= 8 && getConstantDim(first)) {
    KnownTensor known{elementType, {*count}, {}};
    for (int64_t i = 0; i < *count; ++i)
      known.elements.push_back(first + i * *stride);
    return n.setKnown(known);
  }
  if (std::optional<int64_t> constant = getConstantDim(first))
    return n.set(n.iota(length, elementType, *constant, *stride));
  // A dynamic start is added to a range from 0.
  Type integer = isFloat ? n.b.getI64Type() : elementType;
  Value offset = n.convert(n.makeKnown(KnownTensor{integer, {}, {first}}), elementType);
  n.set(n.make<AddOp>(n.iota(length, elementType, 0, *stride), offset));
}

ArrayRef<OpEntry> getShapeOps() {
  static const OpEntry ops[] = {
      {"Constant", 1, kMaxOpset, 0, 0, importConstant},
      {"ConstantOfShape", 9, kMaxOpset, 1, 1, importConstantOfShape},
      {"Range", 11, kMaxOpset, 3, 3, importRange},
      {"Shape", 1, kMaxOpset, 1, 1, importShape},
      {"Size", 1, kMaxOpset, 1, 1, importSize},
  };
  return ops;
}

} // namespace winnow::import
