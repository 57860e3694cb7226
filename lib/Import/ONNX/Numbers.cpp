#include "Numbers.h"

using namespace mlir;

namespace winnow::import {

Value Numbers::vector(size_t input) const {
  n.checkIntegers(input);
  Value value = n.convert(n.in(input), n.b.getI64Type());
  if (n.failed())
    return nullptr;
  AffineExpr count = normalizeDim(getNumElements(n.dims(value), n.b.getContext()));
  return n.reshape(value, {count});
}

Value Numbers::scalar(size_t input) const {
  std::optional<int64_t> count =
      getConstantDim(normalizeDim(getNumElements(n.dims(input), n.b.getContext())));
  if (count && *count != 1)
    n.invalid("expected one element as input " + Twine(input) + ", got " + Twine(*count));
  return n.reshape(n.convert(n.in(input), n.b.getI64Type()), {});
}

Value Numbers::at(Value vector, int64_t position) const {
  return n.reshape(n.sliceDim(vector, 0, n.constant(position), n.constant(1)), {});
}

AffineExpr Numbers::knownAt(Value vector, int64_t position) const {
  while (Operation *op = vector ? vector.getDefiningOp() : nullptr) {
    auto type = cast<RankedTensorType>(vector.getType());
    if (type.getRank() > 1 || !type.getElementType().isSignlessInteger(64))
      return nullptr;
    if (auto constant = dyn_cast<ConstantOp>(op)) {
      auto elements = dyn_cast<DenseIntElementsAttr>(constant.getValue());
      if (!elements || position >= elements.getNumElements())
        return nullptr;
      return n.constant(elements.getValues<int64_t>()[position]);
    }
    if (auto sizes = dyn_cast<DimValuesOp>(op))
      return position < sizes.getValues().getNumResults()
                 ? sizes.getValues().getResult(position)
                 : AffineExpr();
    if (isa<ReshapeOp>(op)) {
      vector = op->getOperand(0);
      continue;
    }
    auto concat = dyn_cast<ConcatOp>(op);
    if (!concat)
      return nullptr;
    vector = nullptr;
    for (Value part : concat.getInputs()) {
      int64_t size = cast<RankedTensorType>(part.getType()).getDimSize(0);
      if (ShapedType::isDynamic(size))
        return nullptr;
      if (position < size) {
        vector = part;
        break;
      }
      position -= size;
    }
  }
  return nullptr;
}

Value Numbers::sum(Value vector) const {
  return n.reduce(ReduceKind::Sum, vector, {0}, /*keepdims=*/false);
}

Value Numbers::join(ArrayRef<Value> scalars) const {
  SmallVector<Value> parts;
  for (Value scalar : scalars)
    parts.push_back(n.reshape(scalar, {n.constant(1)}));
  return n.concat(parts, 0);
}

void Numbers::require(Value condition) const {
  Value holds = n.convert(condition, n.b.getI64Type());
  if (n.failed())
    return;
  auto one = AffineMap::get(0, n.symbols.size(), n.constant(1), n.b.getContext());
  BindSizeOp::create(n.b, n.loc, n.reshape(holds, {}), one, /*message=*/StringAttr());
}

SmallVector<Value> findAxes(OpImporter &n, Value axes, int64_t rank) {
  SmallVector<Value> found;
  for (Value count : pickByAxis(n, axes, rank, nullptr, {}))
    found.push_back(Numbers(n).less(Numbers(n).constant(0), count));
  return found;
}

SmallVector<Value> pickByAxis(OpImporter &n, Value axes, int64_t rank, Value values,
                              ArrayRef<Value> otherwise) {
  Numbers m(n);
  Value zero = m.constant(0), inRange = m.wrap(axes, m.constant(rank));
  SmallVector<Value> picked;
  for (int64_t d = 0; d < rank && !n.failed(); ++d) {
    Value isHere = m.equal(inRange, m.constant(d));
    Value count = m.sum(n.convert(isHere, n.b.getI64Type()));
    if (!values) {
      picked.push_back(count);
      continue;
    }
    Value value = m.sum(m.select(isHere, values, zero));
    picked.push_back(m.select(m.less(zero, count), value, otherwise[d]));
  }
  return picked;
}

Dims bindSizes(OpImporter &n, ArrayRef<Value> numbers, StringRef what) {
  Dims dims;
  for (auto [i, number] : llvm::enumerate(numbers))
    dims.push_back(n.bindSize(number, what + "." + Twine(i), nullptr));
  return dims;
}

Value reshapeChecked(OpImporter &n, Value input, ArrayRef<AffineExpr> dims) {
  if (n.failed())
    return nullptr;
  MLIRContext *context = n.b.getContext();
  AffineExpr before = normalizeDim(getNumElements(n.dims(input), context));
  AffineExpr after = normalizeDim(getNumElements(dims, context));
  if (before != after) {
    Numbers m(n);
    m.require(m.equal(m.size(before), m.size(after)));
  }
  return n.reshape(input, dims);
}

} // namespace winnow::import
