#include "SymbolicValues.h"
#include "winnow/Dialect/Winnow/IR/StorageTypes.h"

#include "mlir/IR/BuiltinAttributes.h"

using namespace mlir;

namespace winnow::import {

std::optional<SmallVector<int64_t>> KnownTensor::getConstants() const {
  SmallVector<int64_t> values;
  for (AffineExpr element : elements) {
    std::optional<int64_t> value = getConstantDim(element);
    if (!value)
      return std::nullopt;
    values.push_back(*value);
  }
  return values;
}

std::optional<int64_t> getSmallSize(ArrayRef<int64_t> shape) {
  int64_t size = 1;
  for (int64_t dim : shape) {
    if (dim < 0 || dim > kMaxKnownElements)
      return std::nullopt;
    size *= dim;
    if (size > kMaxKnownElements)
      return std::nullopt;
  }
  return size;
}

std::optional<KnownTensor> getKnownTensor(ElementsAttr attr) {
  auto dense = dyn_cast<DenseIntElementsAttr>(attr);
  if (!dense || !getSmallSize(dense.getType().getShape()))
    return std::nullopt;
  // Nothing computes with few bits, and no dimension has so few.
  auto type = cast<IntegerType>(dense.getElementType());
  if (isStorageType(type))
    return std::nullopt;
  KnownTensor known{type, SmallVector<int64_t>(dense.getType().getShape()), {}};
  bool isUnsigned = type.isUnsigned() || type.getWidth() == 1;
  for (APInt value : dense.getValues<APInt>()) {
    // A large uint64 is no dimension.
    if (isUnsigned && value.getActiveBits() > 63)
      return std::nullopt;
    known.elements.push_back(getAffineConstantExpr(
        isUnsigned ? value.getZExtValue() : value.getSExtValue(), attr.getContext()));
  }
  return known;
}

/// Calls `visit` with every index of a shape, in row-major order.
static void forEachIndex(ArrayRef<int64_t> shape,
                         llvm::function_ref<void(ArrayRef<int64_t>)> visit) {
  if (llvm::is_contained(shape, 0))
    return;
  SmallVector<int64_t> index(shape.size(), 0);
  while (true) {
    visit(index);
    int64_t dim = static_cast<int64_t>(shape.size()) - 1;
    while (dim >= 0 && ++index[dim] == shape[dim])
      index[dim--] = 0;
    if (dim < 0)
      return;
  }
}

std::optional<KnownTensor>
rearrange(const KnownTensor &source, ArrayRef<int64_t> shape,
          llvm::function_ref<SmallVector<int64_t>(ArrayRef<int64_t>)> map) {
  if (!getSmallSize(shape))
    return std::nullopt;
  KnownTensor result{source.elementType, SmallVector<int64_t>(shape), {}};
  bool inRange = true;
  forEachIndex(shape, [&](ArrayRef<int64_t> index) {
    int64_t position = 0;
    for (auto [i, size] : llvm::zip_equal(map(index), source.shape)) {
      inRange &= i >= 0 && i < size;
      position = position * size + i;
    }
    if (inRange)
      result.elements.push_back(source.elements[position]);
  });
  if (!inRange)
    return std::nullopt;
  return result;
}

/// numpy broadcasting of one tensor.
static std::optional<KnownTensor> broadcast(const KnownTensor &source, ArrayRef<int64_t> shape) {
  size_t offset = shape.size() - source.shape.size();
  return rearrange(source, shape, [&](ArrayRef<int64_t> index) {
    SmallVector<int64_t> from(index.drop_front(offset));
    for (auto [i, size] : llvm::zip_equal(from, source.shape))
      i = size == 1 ? 0 : i;
    return from;
  });
}

std::optional<KnownTensor>
mapElements(ArrayRef<const KnownTensor *> operands, Type elementType,
            llvm::function_ref<AffineExpr(ArrayRef<AffineExpr>)> compute) {
  SmallVector<int64_t> shape;
  for (const KnownTensor *operand : operands) {
    if (operand->shape.size() > shape.size())
      shape.insert(shape.begin(), operand->shape.size() - shape.size(), 1);
    size_t offset = shape.size() - operand->shape.size();
    for (auto [i, size] : llvm::enumerate(operand->shape)) {
      int64_t &dim = shape[offset + i];
      if (dim != size && dim != 1 && size != 1)
        return std::nullopt;
      dim = dim == 1 ? size : dim;
    }
  }
  SmallVector<KnownTensor> expanded;
  for (const KnownTensor *operand : operands) {
    std::optional<KnownTensor> tensor = broadcast(*operand, shape);
    if (!tensor)
      return std::nullopt;
    expanded.push_back(*tensor);
  }
  KnownTensor result{elementType, shape, {}};
  for (size_t i = 0; i < expanded.front().elements.size(); ++i) {
    SmallVector<AffineExpr> arguments;
    for (const KnownTensor &operand : expanded)
      arguments.push_back(operand.elements[i]);
    AffineExpr element = compute(arguments);
    if (!element)
      return std::nullopt;
    result.elements.push_back(normalizeDim(element));
  }
  return result;
}

std::optional<KnownTensor> sliceKnown(const KnownTensor &source, int64_t axis, int64_t start,
                                      int64_t count) {
  SmallVector<int64_t> shape = source.shape;
  shape[axis] = count;
  return rearrange(source, shape, [&](ArrayRef<int64_t> index) {
    SmallVector<int64_t> from(index);
    from[axis] += start;
    return from;
  });
}

std::optional<KnownTensor> concatenate(ArrayRef<const KnownTensor *> operands, int64_t axis) {
  KnownTensor result{operands.front()->elementType, operands.front()->shape, {}};
  result.shape[axis] = 0;
  for (const KnownTensor *operand : operands) {
    for (int64_t i = 0; i < result.rank(); ++i)
      if (operand->rank() != result.rank() || (i != axis && operand->shape[i] != result.shape[i]))
        return std::nullopt;
    result.shape[axis] += operand->shape[axis];
  }
  if (!getSmallSize(result.shape))
    return std::nullopt;
  forEachIndex(result.shape, [&](ArrayRef<int64_t> index) {
    int64_t along = index[axis], position = 0;
    const KnownTensor *source = nullptr;
    for (const KnownTensor *operand : operands) {
      source = operand;
      if (along < operand->shape[axis])
        break;
      along -= operand->shape[axis];
    }
    for (int64_t i = 0; i < result.rank(); ++i)
      position = position * source->shape[i] + (i == axis ? along : index[i]);
    result.elements.push_back(source->elements[position]);
  });
  return result;
}

} // namespace winnow::import
