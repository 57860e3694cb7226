#include "DataShapes.h"
#include "Numbers.h"
#include "OpTable.h"

using namespace mlir;

namespace winnow::import {

static void importTranspose(OpImporter &n) {
  int64_t rank = n.rank(0);
  std::optional<SmallVector<int64_t>> permutation = n.intsAttr("perm");
  if (!permutation)
    permutation = llvm::to_vector(llvm::reverse(llvm::seq<int64_t>(0, rank)));
  bool isValid = permutation->size() == n.normalizeAxes(*permutation, rank).size() &&
                 static_cast<int64_t>(permutation->size()) == rank;
  if (const KnownTensor *known = n.known(0); known && isValid && !n.failed()) {
    SmallVector<int64_t> axes = n.normalizeAxes(*permutation, rank), shape;
    for (int64_t axis : axes)
      shape.push_back(known->shape[axis]);
    return n.setKnown(rearrange(*known, shape, [&](ArrayRef<int64_t> index) {
      SmallVector<int64_t> from(rank);
      for (auto [i, axis] : llvm::zip_equal(index, axes))
        from[axis] = i;
      return from;
    }));
  }
  n.set(n.transpose(n.in(0), *permutation));
}

static void importConcat(OpImporter &n) {
  int64_t axis = n.requiredIntAttr("axis");
  if (n.failed())
    return;
  axis = n.normalizeAxis(axis, n.rank(0));
  if (n.failed())
    return;
  if (n.numInputs() == 1)
    return n.forward(0);
  if (n.areAllKnown()) {
    SmallVector<const KnownTensor *> parts;
    for (size_t i = 0; i < n.numInputs(); ++i)
      parts.push_back(n.known(i));
    bool sameType = llvm::all_equal(
        llvm::map_range(parts, [](const KnownTensor *part) { return part->elementType; }));
    if (std::optional<KnownTensor> joined = concatenate(parts, axis); joined && sameType)
      return n.setKnown(joined);
  }
  SmallVector<Value> parts;
  for (size_t i = 0; i < n.numInputs(); ++i)
    parts.push_back(n.in(i));
  n.set(n.concat(parts, axis));
}

/// The sizes of the parts: an attribute until opset 12, then an input; without
/// them equal parts, of which since opset 18 the last may be smaller.
static SmallVector<AffineExpr> getSplitSizes(OpImporter &n, AffineExpr dim) {
  int64_t count = n.node.output_size();
  SmallVector<AffineExpr> sizes;
  if (n.opset < 13 ? n.hasAttr("split") : n.has(1)) {
    if (n.opset >= 13) {
      sizes = n.sizes(1, "split", count);
    } else {
      SmallVector<int64_t> given = n.intsAttr("split").value_or(SmallVector<int64_t>());
      for (int64_t size : given)
        sizes.push_back(n.constant(size));
    }
    if (!n.failed() && static_cast<int64_t>(sizes.size()) != count)
      n.invalid("expected " + Twine(count) + " sizes, got " + Twine(sizes.size()));
    AffineExpr sum = n.constant(0);
    for (AffineExpr size : sizes) {
      if (std::optional<int64_t> value = getConstantDim(size); value && *value < 0)
        n.invalid("expected sizes of 0 or more, got " + n.text(sizes));
      sum = sum + size;
    }
    n.unify(dim, sum, "the dimension and the sum of the sizes");
    return sizes;
  }
  int64_t asked = n.intAttr("num_outputs", count);
  if (asked != count)
    n.invalid("expected num_outputs to be " + Twine(count) + ", got " + Twine(asked));
  std::optional<int64_t> size = getConstantDim(dim);
  if (n.opset < 18 || divideDim(dim, n.constant(count)))
    return SmallVector<AffineExpr>(count, n.divide(dim, n.constant(count), "the split dimension"));
  if (!size) {
    // The last part is what is left, which only the run knows to be something.
    AffineExpr chunk = normalizeDim(dim.ceilDiv(count));
    Value last = Numbers(n).size(normalizeDim(dim - chunk * (count - 1)));
    sizes.assign(count - 1, chunk);
    sizes.push_back(n.bindSize(last, "last", chunk));
    return sizes;
  }
  int64_t chunk = (*size + count - 1) / count;
  for (int64_t i = 0; i < count; ++i)
    sizes.push_back(n.constant(std::clamp<int64_t>(*size - i * chunk, 0, chunk)));
  return sizes;
}

static void importSplit(OpImporter &n) {
  int64_t axis = n.intAttr("axis", 0);
  axis = n.normalizeAxis(axis, n.rank(0));
  if (n.failed())
    return;
  SmallVector<AffineExpr> sizes = getSplitSizes(n, n.dims(0)[axis]);
  if (n.failed())
    return;
  AffineExpr start = n.constant(0);
  for (auto [i, size] : llvm::enumerate(sizes)) {
    std::optional<int64_t> first = getConstantDim(start), count = getConstantDim(size);
    std::optional<KnownTensor> part;
    if (const KnownTensor *known = n.known(0); known && first && count)
      part = sliceKnown(*known, axis, *first, *count);
    if (part)
      n.setKnown(part, i);
    else
      n.set(i, n.sliceDim(n.in(0), axis, start, size));
    start = normalizeDim(start + size);
  }
}

/// Pads one dimension by `before` and `after` elements, both 0 or more.
static Value padDim(OpImporter &n, Value input, int64_t axis, int64_t before, int64_t after,
                    StringRef mode, Value fill) {
  if (n.failed())
    return nullptr;
  Dims dims = n.dims(input);
  AffineExpr size = dims[axis];
  // How many elements the mode reads from one side.
  int64_t most = std::max(before, after);
  int64_t needed = mode == "reflect" ? most + 1 : mode == "edge" ? 1 : mode == "wrap" ? most : 0;
  if (!n.symbols.requireNonNegative(size - needed, "node " + n.name + " (Pad) reads that many")) {
    n.invalid("expected at least " + Twine(needed) + " elements to pad from, got " + n.text(size));
    return nullptr;
  }
  auto edge = [&](bool isFront, int64_t count) -> Value {
    Dims part = dims;
    part[axis] = n.constant(count);
    if (mode == "constant")
      return n.broadcastTo(fill, part);
    if (mode == "edge") {
      Value one = n.sliceDim(input, axis, isFront ? n.constant(0) : size - 1, n.constant(1));
      return n.broadcastTo(one, part);
    }
    if (mode == "wrap")
      return n.sliceDim(input, axis, isFront ? size - count : n.constant(0), part[axis]);
    return n.sliceDim(input, axis, isFront ? n.constant(count) : size - 2, part[axis], -1);
  };
  SmallVector<Value> parts;
  if (before)
    parts.push_back(edge(true, before));
  parts.push_back(input);
  if (after)
    parts.push_back(edge(false, after));
  return parts.size() == 1 ? input : n.concat(parts, axis);
}

static void importPad(OpImporter &n) {
  std::string mode = n.stringAttr("mode", "constant");
  SmallVector<int64_t> pads, axes;
  int64_t rank = n.rank(0);
  if (n.opset < 11)
    pads = n.intsAttr("pads").value_or(SmallVector<int64_t>());
  else if (!n.has(1))
    return n.invalid("expected input 1, got none");
  if (mode != "constant" && mode != "reflect" && mode != "edge" && mode != "wrap")
    return n.invalid("expected mode constant, reflect, edge or wrap, got '" + mode + "'");
  Value result = n.in(0);
  Value fill;
  if (mode == "constant") {
    if (n.opset < 11)
      fill = n.scalarLike(result, n.floatAttr("value", 0));
    else
      fill = n.has(2) ? n.reshape(n.in(2), {}) : n.scalarLike(result, 0);
  }
  auto isData = [&](size_t i) { return n.has(i) && !(n.known(i) && n.known(i)->getConstants()); };
  if (n.opset >= 11 && (isData(1) || isData(3)))
    return importDataPad(n, mode, fill);
  if (n.opset >= 11)
    pads = n.constants(1, "pads");
  if (n.has(3))
    axes = n.normalizeAxes(n.constants(3, "axes"), rank);
  else
    axes = llvm::to_vector(llvm::seq<int64_t>(0, rank));
  if (n.failed())
    return;
  if (pads.size() != 2 * axes.size())
    return n.invalid("expected " + Twine(2 * axes.size()) + " pads, got " + Twine(pads.size()));
  for (auto [i, axis] : llvm::enumerate(axes)) {
    int64_t before = pads[i], after = pads[i + axes.size()];
    if (std::max(std::abs(before), std::abs(after)) > int64_t(1) << 40)
      return n.invalid("expected sensible pads, got " + Twine(before) + " and " + Twine(after));
    // A negative pad removes elements.
    if ((before < 0 || after < 0) && !n.failed()) {
      AffineExpr size = n.dims(result)[axis];
      AffineExpr kept = size + std::min<int64_t>(before, 0) + std::min<int64_t>(after, 0);
      if (!n.symbols.requireNonNegative(kept, "node " + n.name + " (Pad) removes that many"))
        return n.invalid("expected pads to leave elements, got " + n.text(kept));
      result = n.sliceDim(result, axis, n.constant(std::max<int64_t>(-before, 0)), kept);
    }
    result = padDim(n, result, axis, std::max<int64_t>(before, 0), std::max<int64_t>(after, 0),
                    mode, fill);
  }
  n.set(result);
}

/// column - row >= k, or another comparison, over the last two dimensions; `k` is
/// a number of rank 0.
static Value compareDiagonal(OpImporter &n, ComparePredicate predicate, ArrayRef<AffineExpr> dims,
                             Value k) {
  AffineExpr height = dims[dims.size() - 2], width = dims.back();
  Type i64 = n.b.getI64Type();
  Value row = n.make<AddOp>(n.reshape(n.iota(height, i64), {height, n.constant(1)}), k);
  return n.compare(predicate, n.iota(width, i64), row);
}

static void importEyeLike(OpImporter &n) {
  int64_t k = n.intAttr("k", 0), dataType = n.intAttr("dtype", 0);
  if (n.rank(0) != 2)
    return n.invalid("expected an input of rank 2, got rank " + Twine(n.rank(0)));
  Type type = n.hasAttr("dtype") && !n.failed() ? n.getDataType(dataType) : n.elementType(0);
  Value diagonal = Numbers(n).constant(k);
  n.set(n.convert(compareDiagonal(n, ComparePredicate::EQ, n.dims(0), diagonal), type));
}

/// Keeps the upper or lower triangle: element (i, j) of the last two
/// dimensions with j >= i + k, or j <= i + k.
static void importTrilu(OpImporter &n) {
  bool isUpper = n.intAttr("upper", 1);
  if (n.rank(0) < 2)
    return n.invalid("expected an input of rank 2 or more, got rank " + Twine(n.rank(0)));
  Value k = n.has(1) ? Numbers(n).scalar(1) : Numbers(n).constant(0);
  Value keep =
      compareDiagonal(n, isUpper ? ComparePredicate::GE : ComparePredicate::LE, n.dims(0), k);
  Value x = n.in(0);
  n.set(n.make<SelectOp>(keep, x, n.scalarLike(x, 0)));
}

ArrayRef<OpEntry> getMovementOps() {
  static const OpEntry ops[] = {
      {"Concat", 4, kMaxOpset, 1, kVariadic, importConcat},
      {"EyeLike", 9, kMaxOpset, 1, 1, importEyeLike},
      {"Pad", 2, kMaxOpset, 1, 4, importPad},
      {"Split", 2, kMaxOpset, 1, 2, importSplit, kVariadic},
      {"Transpose", 1, kMaxOpset, 1, 1, importTranspose},
      {"Trilu", 14, kMaxOpset, 1, 2, importTrilu},
  };
  return ops;
}

} // namespace winnow::import
