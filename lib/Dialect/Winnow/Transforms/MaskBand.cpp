#include "MaskBand.h"

#include "IndexExpr.h"
#include "winnow/Dialect/Winnow/IR/DimAlgebra.h"

#include "mlir/IR/DialectResourceBlobManager.h"

using namespace mlir;
using namespace winnow;

/// The queries and keys among the places of a mask.
static constexpr int kQueries = 2, kKeys = 3;
/// A fill that is at least this low hides a score for good.
static constexpr double kLowFill = -1e4;
/// Larger constants are no masks that someone wrote down.
static constexpr int64_t kMaxElements = int64_t(1) << 25;

//===----------------------------------------------------------------------===//
// Places
//===----------------------------------------------------------------------===//

Places winnow::alignPlaces(ArrayRef<int> places, Value operand) {
  Dims dims = getDims(operand);
  Places result(places.take_back(dims.size()));
  for (auto [place, dim] : llvm::zip_equal(result, dims))
    if (isConstantDim(dim, 1))
      place = -1;
  return result;
}

std::optional<Places> winnow::getInputPlaces(Operation *op, ArrayRef<int> places) {
  Value input = op->getOperand(0);
  if (isa<BroadcastToOp>(op))
    return alignPlaces(places, input);
  if (auto transpose = dyn_cast<TransposeOp>(op)) {
    Places result(places.size(), -1);
    for (auto [i, from] : llvm::enumerate(transpose.getPermutation()))
      result[from] = places[i];
    return result;
  }
  if (!isa<ReshapeOp>(op))
    return std::nullopt;
  // Only dimensions of size 1 come and go.
  Dims in = getDims(input), out = getDims(op->getResult(0));
  Places result;
  size_t next = 0;
  auto skipUnits = [&] {
    while (next < out.size() && isConstantDim(out[next], 1))
      ++next;
  };
  for (AffineExpr dim : in) {
    if (isConstantDim(dim, 1)) {
      result.push_back(-1);
      continue;
    }
    skipUnits();
    if (next == out.size() || out[next] != dim)
      return std::nullopt;
    result.push_back(places[next++]);
  }
  skipUnits();
  return next == out.size() ? std::optional(result) : std::nullopt;
}

//===----------------------------------------------------------------------===//
// Comparisons
//===----------------------------------------------------------------------===//

namespace {
/// `query * i + key * j + offset`.
struct Diagonal {
  int64_t query = 0, key = 0;
  AffineExpr offset, keys;
};
} // namespace

/// lhs - rhs of a comparison, if it depends on queries and keys alone.
static std::optional<Diagonal> getDifference(CompareOp op, ArrayRef<int> places) {
  Diagonal diagonal;
  for (auto [operand, sign] : {std::pair(op.getLhs(), 1), std::pair(op.getRhs(), -1)}) {
    std::optional<LinearIndex> index = getLinearIndex(operand);
    if (!index)
      return std::nullopt;
    AffineExpr offset = index->offset * sign;
    diagonal.offset = diagonal.offset ? diagonal.offset + offset : offset;
    for (auto [dim, coefficient, place] :
         llvm::zip_equal(index->dims, index->coefficients, alignPlaces(places, operand))) {
      std::optional<int64_t> factor = getConstantDim(normalizeDim(coefficient));
      if (!factor)
        return std::nullopt;
      if (*factor == 0)
        continue;
      if (place == kQueries)
        diagonal.query += sign * *factor;
      else if (place == kKeys)
        diagonal.key += sign * *factor;
      else
        return std::nullopt;
      if (place == kKeys)
        diagonal.keys = dim;
    }
  }
  return diagonal;
}

std::optional<Band> winnow::getComparedBand(CompareOp op, ArrayRef<int> places, bool isHidden) {
  std::optional<Diagonal> d = getDifference(op, places);
  if (!d || !d->keys)
    return std::nullopt;
  // Brought to the form difference <= 0.
  ComparePredicate predicate = op.getPredicate();
  bool isLess = predicate == ComparePredicate::LT || predicate == ComparePredicate::LE;
  bool isStrict = predicate == ComparePredicate::LT || predicate == ComparePredicate::GT;
  if (predicate == ComparePredicate::EQ || predicate == ComparePredicate::NE)
    return std::nullopt;
  if (isHidden) {
    isLess = !isLess;
    isStrict = !isStrict;
  }
  if (!isLess) {
    d->query = -d->query;
    d->key = -d->key;
    d->offset = -d->offset;
  }
  if (isStrict)
    d->offset = d->offset + 1;
  if (d->key != 1 || (d->query != -1 && d->query != 0))
    return std::nullopt;
  Band band{-d->offset};
  // With one query, its last key may be the last one that there is.
  if (d->query == 0) {
    std::optional<int64_t> beyond = getConstantDim(normalizeDim(band.offset - d->keys + 1));
    if (!beyond || *beyond < 0)
      return std::nullopt;
    band.isAlways = true;
  }
  return band;
}

//===----------------------------------------------------------------------===//
// Constants
//===----------------------------------------------------------------------===//

namespace {
/// Which elements of a constant are visible, read once.
struct Visibility {
  std::vector<bool> isVisible;
  double fill = 0;
};
} // namespace

static std::optional<Visibility> getVisibility(ElementsAttr elements, bool isHidden) {
  auto type = cast<RankedTensorType>(elements.getType());
  if (type.getNumElements() == 0 || type.getNumElements() > kMaxElements)
    return std::nullopt;
  Visibility result;
  result.isVisible.reserve(type.getNumElements());
  if (type.getElementType().isInteger(1)) {
    // A model's booleans are bytes.
    if (auto resource = dyn_cast<DenseResourceElementsAttr>(elements)) {
      AsmResourceBlob *blob = resource.getRawHandle().getBlob();
      if (!blob || blob->getData().size() != static_cast<size_t>(type.getNumElements()))
        return std::nullopt;
      for (char byte : blob->getData())
        result.isVisible.push_back((byte != 0) != isHidden);
      return result;
    }
    auto dense = dyn_cast<DenseElementsAttr>(elements);
    if (!dense)
      return std::nullopt;
    for (bool value : dense.getValues<bool>())
      result.isVisible.push_back(value != isHidden);
    return result;
  }
  SmallVector<float> storage;
  std::optional<ArrayRef<float>> floats = getFloats(elements, storage);
  if (!floats || isHidden)
    return std::nullopt;
  for (float value : *floats) {
    bool isFill = value <= kLowFill;
    if ((!isFill && value != 0) || (isFill && result.fill != 0 && result.fill != value))
      return std::nullopt;
    if (isFill)
      result.fill = value;
    result.isVisible.push_back(!isFill);
  }
  return result;
}

/// The offset of the diagonal in `rows` times `columns` elements.
static std::optional<Band> getDiagonal(const std::vector<bool> &isVisible, int64_t rows,
                                       int64_t columns, MLIRContext *context) {
  auto count = [&](int64_t row) {
    int64_t visible = 0;
    while (visible < columns && isVisible[row * columns + visible])
      ++visible;
    return visible;
  };
  std::optional<int64_t> offset;
  for (int64_t row = 0; row < rows && !offset; ++row)
    if (int64_t visible = count(row); visible > 0 && visible < columns)
      offset = visible - 1 - row;
  bool isAlways = !offset && count(0) == columns;
  if (!offset && !isAlways)
    return std::nullopt;
  for (int64_t row = 0; row < rows; ++row) {
    int64_t last = isAlways ? columns - 1 : row + *offset;
    for (int64_t column = 0; column < columns; ++column)
      if (isVisible[row * columns + column] != (column <= last))
        return std::nullopt;
  }
  return Band{getAffineConstantExpr(offset.value_or(0), context), isAlways};
}

std::optional<Band> winnow::getConstantBand(Value value, ArrayRef<int> places, bool isHidden) {
  if (auto slice = value.getDefiningOp<SliceOp>()) {
    if (!llvm::all_of(slice.getSteps(), [](int64_t step) { return step == 1; }))
      return std::nullopt;
    // What was cut off lies behind dimensions that are one another's still.
    Dims in = getDims(slice.getInput());
    Places input(places);
    std::optional<size_t> query, key;
    for (size_t i = 0; i < in.size(); ++i) {
      if (places[i] == kQueries)
        query = i;
      if (places[i] == kKeys)
        key = i;
      if (places[i] < 0 && !isConstantDim(in[i], 1))
        return std::nullopt;
    }
    std::optional<Band> band =
        query && key ? getConstantBand(slice.getInput(), input, isHidden) : std::nullopt;
    if (band)
      band->offset = band->offset + slice.getStarts().getResult(*query) -
                     slice.getStarts().getResult(*key);
    return band;
  }
  ElementsAttr elements = getConstantElements(value);
  ArrayRef<int64_t> shape = getTensorType(value).getShape();
  if (!elements || shape.size() < 2 || places[shape.size() - 2] != kQueries ||
      places.back() != kKeys)
    return std::nullopt;
  std::optional<Visibility> visibility = getVisibility(elements, isHidden);
  if (!visibility)
    return std::nullopt;
  // A matrix that is repeated for batches or heads is one.
  auto &isVisible = visibility->isVisible;
  size_t size = shape.back() * shape[shape.size() - 2];
  for (size_t first = size; first < isVisible.size(); first += size)
    if (!std::equal(isVisible.begin(), isVisible.begin() + size, isVisible.begin() + first))
      return std::nullopt;
  std::optional<Band> band = getDiagonal(visibility->isVisible, shape[shape.size() - 2],
                                         shape.back(), value.getContext());
  if (band)
    band->fill = visibility->fill;
  return band;
}
