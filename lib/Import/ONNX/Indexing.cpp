#include "DataShapes.h"
#include "OpTable.h"

#include "mlir/IR/DialectResourceBlobManager.h"

using namespace mlir;

namespace winnow::import {

static void importGather(OpImporter &n) {
  int64_t axis = n.intAttr("axis", 0);
  axis = n.normalizeAxis(axis, n.rank(0));
  if (n.failed())
    return;
  const KnownTensor *data = n.known(0), *indices = n.known(1);
  if (data && indices && indices->getConstants()) {
    SmallVector<int64_t> shape(data->shape.begin(), data->shape.begin() + axis);
    shape.append(indices->shape);
    shape.append(data->shape.begin() + axis + 1, data->shape.end());
    size_t indexRank = indices->rank();
    std::optional<KnownTensor> gathered = rearrange(*data, shape, [&](ArrayRef<int64_t> index) {
      int64_t position = 0;
      for (size_t i = 0; i < indexRank; ++i)
        position = position * indices->shape[i] + index[axis + i];
      int64_t picked = (*indices->getConstants())[position];
      SmallVector<int64_t> from(index.take_front(axis));
      from.push_back(picked < 0 ? picked + data->shape[axis] : picked);
      from.append(index.begin() + axis + indexRank, index.end());
      return from;
    });
    if (!gathered)
      return n.invalid("expected indices in [" + Twine(-data->shape[axis]) + ", " +
                       Twine(data->shape[axis]) + "), got one outside");
    return n.setKnown(gathered);
  }
  n.set(n.make<GatherOp>(n.in(0), n.in(1), axis));
}

static void importGatherND(OpImporter &n) {
  int64_t batchDims = n.opset >= 12 ? n.intAttr("batch_dims", 0) : 0;
  Dims data = n.dims(0), indices = n.dims(1);
  for (int64_t i = 0; i < batchDims && i < n.rank(0) && i < n.rank(1); ++i)
    n.unify(data[i], indices[i], "batch dimension " + Twine(i));
  n.set(n.make<GatherNDOp>(n.in(0), n.in(1), batchDims));
}

/// out[b, k] = data[b, indices[b, k]]: with the axis moved last this is a
/// gather_nd whose other dimensions are batch dimensions.
static void importGatherElements(OpImporter &n) {
  int64_t rank = n.rank(0), axis = n.intAttr("axis", 0);
  axis = n.normalizeAxis(axis, rank);
  if (!n.failed() && n.rank(1) != rank)
    n.invalid("expected data and indices of one rank, got " + Twine(rank) + " and " +
              Twine(n.rank(1)));
  Value data = n.in(0), indices = n.in(1);
  if (n.failed())
    return;
  // The indices may cover only the front of the other dimensions.
  Dims from = n.dims(0), to = n.dims(1);
  for (int64_t i = 0; i < rank; ++i) {
    if (i == axis || from[i] == to[i])
      continue;
    if (n.symbols.isEqual(from[i], to[i]) == true ||
        !n.symbols.requireNonNegative(from[i] - to[i], "node " + n.name + " (GatherElements)")) {
      n.unify(from[i], to[i], "dimension " + Twine(i) + " of data and indices");
      return;
    }
    data = n.sliceDim(data, i, n.constant(0), to[i]);
  }
  SmallVector<int64_t> permutation = llvm::to_vector(llvm::seq<int64_t>(0, rank));
  std::swap(permutation[axis], permutation.back());
  if (axis != rank - 1) {
    data = n.transpose(data, permutation);
    indices = n.transpose(indices, permutation);
  }
  Dims tuples = n.dims(indices);
  tuples.push_back(n.constant(1));
  Value result = n.make<GatherNDOp>(data, n.reshape(indices, tuples), rank - 1);
  n.set(axis == rank - 1 ? result : n.transpose(result, permutation));
}

/// Reverses the first elements along the time axis, as many as each batch's
/// length says.
static void importReverseSequence(OpImporter &n) {
  int64_t batch = n.intAttr("batch_axis", 1), time = n.intAttr("time_axis", 0);
  if (n.failed())
    return;
  if (batch + time != 1 || batch * time != 0)
    return n.invalid("expected axes 0 and 1, got batch_axis " + Twine(batch) + " and time_axis " +
                     Twine(time));
  if (n.rank(0) < 2 || n.rank(1) != 1)
    return n.invalid("expected an input of rank 2 or more and lengths of rank 1, got ranks " +
                     Twine(n.rank(0)) + " and " + Twine(n.rank(1)));
  Dims dims = n.dims(0);
  AffineExpr one = n.constant(1);
  if (!n.unify(dims[batch], n.dims(1)[0], "the batch sizes of input and lengths"))
    return;
  Value lengths = n.reshape(n.in(1), {dims[batch], one});
  Value steps = n.iota(dims[time], getElementTypeOrSelf(lengths));
  Value last = n.make<SubOp>(lengths, n.scalarLike(lengths, 1));
  Value index = n.make<SelectOp>(n.compare(ComparePredicate::LT, steps, lengths),
                                 n.make<SubOp>(last, steps), steps);
  SmallVector<int64_t> permutation = llvm::to_vector(llvm::seq<int64_t>(0, n.rank(0)));
  std::swap(permutation[0], permutation[1]);
  Value x = n.in(0);
  if (time == 0)
    x = n.transpose(x, permutation);
  if (n.failed())
    return;
  x = n.make<GatherNDOp>(x, n.reshape(index, {dims[batch], dims[time], one}), /*batchDims=*/1);
  n.set(time == 0 ? n.transpose(x, permutation) : x);
}

/// How many elements are kept: an attribute in opset 1, then an input that may
/// be a dynamic dimension.
static AffineExpr getKept(OpImporter &n, AffineExpr size) {
  if (n.opset < 10)
    return n.constant(n.requiredIntAttr("k"));
  const KnownTensor *k = n.known(1);
  if (k && k->elements.size() == 1)
    return k->elements[0];
  if (k) {
    n.invalid("expected k to be one element, got " + Twine(k->elements.size()));
    return nullptr;
  }
  Numbers m(n);
  Value kept = m.scalar(1);
  m.require(n.compare(ComparePredicate::LE, kept, m.size(size)));
  return n.bindSize(kept, "k", size);
}

/// What sorted = 0 leaves open is sorted too.
static void importTopK(OpImporter &n) {
  int64_t axis = n.normalizeAxis(n.intAttr("axis", -1), n.rank(0));
  bool largest = n.opset < 11 || n.intAttr("largest", 1);
  if (n.failed())
    return;
  AffineExpr k = getKept(n, n.dims(0)[axis]);
  if (n.failed())
    return;
  if (std::optional<int64_t> count = getConstantDim(k); count && *count < 0)
    return n.invalid("expected a k of 0 or more, got " + Twine(*count));
  Dims dims = n.dims(0);
  AffineExpr size = dims[axis];
  bool isData = n.opset >= 10 && !n.known(1);
  if (!isData && !n.symbols.requireNonNegative(size - k, "node " + n.name + " (TopK) takes " + n.text(k) +
                                                  " of " + n.text(size) + " elements")) {
    std::string counts = "its k of " + n.text(k) + " may exceed the dimension of " + n.text(size);
    if (getConstantDim(normalizeDim(size - k)))
      return n.invalid("expected k to be at most " + n.text(size) + ", got " + n.text(k));
    return n.unsupported(counts, "bound the dimensions with --dim NAME=MIN..MAX");
  }
  dims[axis] = k;
  RankedTensorType types[] = {n.makeType(dims, n.elementType(0)),
                              n.makeType(dims, n.b.getI64Type())};
  auto op = n.makeMany<TopKOp>(types, n.in(0), axis, largest);
  if (!op)
    return;
  n.set(0, op.getValues());
  n.set(1, op.getIndices());
}

/// values[0] everywhere but values[1] where the position along the new axis is
/// the index; a negative index counts from the end.
static void importOneHot(OpImporter &n) {
  int64_t rank = n.rank(0) + 1, axis = n.intAttr("axis", -1);
  axis = n.normalizeAxis(axis, rank);
  if (const KnownTensor *depth = n.known(1))
    for (AffineExpr value : depth->elements)
      if (n.symbols.isNonNegative(value) == false)
        return n.invalid("expected a depth of 0 or more, got " + n.text(value));
  AffineExpr size = n.count(1, "depth");
  if (n.failed())
    return;
  Value indices = n.convert(n.in(0), n.b.getI64Type()), values = n.in(2);
  Value sizeValue = Numbers(n).size(size);
  Value isNegative = n.compare(ComparePredicate::LT, indices, n.scalarLike(indices, 0));
  indices = n.make<SelectOp>(isNegative, n.make<AddOp>(indices, sizeValue), indices);
  Dims dims = n.dims(0), along(rank, n.constant(1));
  dims.insert(dims.begin() + axis, n.constant(1));
  along[axis] = size;
  Value positions = n.reshape(n.iota(size, n.b.getI64Type()), along);
  Value isHot = n.compare(ComparePredicate::EQ, n.reshape(indices, dims), positions);
  Value off = n.reshape(n.sliceDim(values, 0, n.constant(0), n.constant(1)), {});
  Value on = n.reshape(n.sliceDim(values, 0, n.constant(1), n.constant(1)), {});
  n.set(n.make<SelectOp>(isHot, on, off));
}

/// Which elements of a constant are not 0, in row-major order; absent for other
/// values.
static std::optional<SmallVector<bool>> getNonZero(Value value) {
  auto constant = value ? value.getDefiningOp<ConstantOp>() : nullptr;
  if (!constant)
    return std::nullopt;
  SmallVector<bool> result;
  ElementsAttr elements = constant.getElements();
  if (auto floats = dyn_cast<DenseFPElementsAttr>(elements)) {
    for (const APFloat &element : floats.getValues<APFloat>())
      result.push_back(!element.isZero());
    return result;
  }
  if (auto ints = dyn_cast<DenseIntElementsAttr>(elements)) {
    for (const APInt &element : ints.getValues<APInt>())
      result.push_back(!element.isZero());
    return result;
  }
  auto resource = dyn_cast<DenseResourceElementsAttr>(elements);
  AsmResourceBlob *blob = resource ? resource.getRawHandle().getBlob() : nullptr;
  // -0 is 0, which bytes do not show.
  if (!blob || !isa<IntegerType>(elements.getElementType()))
    return std::nullopt;
  ArrayRef<char> data = blob->getData();
  size_t width = std::max(8u, elements.getElementType().getIntOrFloatBitWidth()) / 8;
  for (; data.size() >= width; data = data.drop_front(width))
    result.push_back(llvm::any_of(data.take_front(width), [](char byte) { return byte != 0; }));
  return result;
}

/// Constants are counted now, data at run time.
static void importNonZero(OpImporter &n) {
  Value input = n.in(0);
  if (n.failed())
    return;
  // TorchScript counts along a dimension by the non-zeros of ones.
  if (auto broadcast = input.getDefiningOp<BroadcastToOp>()) {
    std::optional<SmallVector<bool>> splat = getNonZero(broadcast.getInput());
    if (n.rank(0) == 1 && splat && splat->size() == 1) {
      AffineExpr count = splat->front() ? n.dims(0)[0] : n.constant(0);
      return n.set(n.reshape(n.iota(count, n.b.getI64Type()), {n.constant(1), count}));
    }
  }
  std::optional<SmallVector<bool>> isSet = getNonZero(input);
  if (!isSet)
    return importDataNonZero(n);
  ArrayRef<int64_t> shape = n.type(0).getShape();
  int64_t rank = shape.size(), count = llvm::count(*isSet, true);
  SmallVector<int64_t> positions(rank * count);
  int64_t at = 0;
  for (size_t i = 0; i < isSet->size(); ++i) {
    if (!(*isSet)[i])
      continue;
    int64_t rest = i;
    for (int64_t d = rank; d-- > 0; rest /= shape[d])
      positions[d * count + at] = rest % shape[d];
    ++at;
  }
  auto type = RankedTensorType::get({rank, count}, n.b.getI64Type());
  n.set(n.makeConstant(DenseElementsAttr::get(type, ArrayRef<int64_t>(positions))));
}

ArrayRef<OpEntry> getIndexingOps() {
  static const OpEntry ops[] = {
      {"Gather", 1, kMaxOpset, 2, 2, importGather},
      {"GatherElements", 11, kMaxOpset, 2, 2, importGatherElements},
      {"GatherND", 11, kMaxOpset, 2, 2, importGatherND},
      {"NonZero", 9, kMaxOpset, 1, 1, importNonZero},
      {"OneHot", 9, kMaxOpset, 3, 3, importOneHot},
      {"ReverseSequence", 10, kMaxOpset, 2, 2, importReverseSequence},
      {"TopK", 1, 9, 1, 1, importTopK, 2},
      {"TopK", 10, kMaxOpset, 2, 2, importTopK, 2},
  };
  return ops;
}

} // namespace winnow::import
