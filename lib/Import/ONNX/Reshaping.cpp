#include "DataShapes.h"
#include "OpTable.h"

using namespace mlir;

namespace winnow::import {

/// The same elements in a new shape, known or data.
static void setReshaped(OpImporter &n, ArrayRef<AffineExpr> dims) {
  if (n.failed())
    return;
  if (const KnownTensor *known = n.known(0)) {
    KnownTensor reshaped{known->elementType, {}, known->elements};
    for (AffineExpr dim : dims)
      reshaped.shape.push_back(getConstantDim(dim).value_or(-1));
    if (getSmallSize(reshaped.shape) == static_cast<int64_t>(known->elements.size()))
      return n.setKnown(reshaped);
  }
  n.set(n.reshape(n.in(0), dims));
}

static void importReshape(OpImporter &n) {
  const KnownTensor *target = n.known(1);
  bool allowZero = n.opset >= 14 && n.intAttr("allowzero", 0);
  if (!target)
    return importDataReshape(n, allowZero);
  if (target->rank() != 1)
    return n.invalid("expected a target shape of rank 1, got rank " + Twine(target->rank()));
  Dims input = n.dims(0), result;
  AffineExpr product = n.constant(1);
  std::optional<size_t> inferred;
  for (auto [i, element] : llvm::enumerate(target->elements)) {
    std::optional<int64_t> size = getConstantDim(element);
    AffineExpr dim = element;
    if (size == 0 && !allowZero) {
      if (i >= input.size())
        return n.invalid("expected a 0 in the target shape to name an input dimension, got 0 at " +
                         Twine(i) + " for rank " + Twine(input.size()));
      dim = input[i];
    } else if (size == -1) {
      if (inferred)
        return n.invalid("expected at most one -1 in the target shape, got two");
      inferred = i;
      result.push_back(nullptr);
      continue;
    } else if (size && *size < -1) {
      return n.invalid("expected target dimensions of -1 or more, got " + Twine(*size));
    }
    result.push_back(dim);
    product = normalizeDim(product * dim);
  }
  AffineExpr total = normalizeDim(getNumElements(input, n.b.getContext()));
  if (!inferred) {
    n.equate(total, product, "the numbers of elements before and after");
    return setReshaped(n, result);
  }
  result[*inferred] = n.divide(total, product, "the number of elements that a -1 divides");
  setReshaped(n, result);
}

static void importFlatten(OpImporter &n) {
  int64_t rank = n.rank(0), axis = n.intAttr("axis", 1);
  if (axis < -rank || axis > rank)
    return n.invalid("expected an axis in [" + Twine(-rank) + ", " + Twine(rank) + "], got " +
                     Twine(axis));
  axis = axis < 0 ? axis + rank : axis;
  Dims dims = n.dims(0);
  MLIRContext *context = n.b.getContext();
  setReshaped(n, {getNumElements(ArrayRef(dims).take_front(axis), context),
                  getNumElements(ArrayRef(dims).drop_front(axis), context)});
}

/// An attribute until opset 12, then an input. Absent when left out.
static std::optional<SmallVector<int64_t>> getAxes(OpImporter &n) {
  if (n.opset < 13)
    return n.intsAttr("axes");
  if (!n.has(1))
    return std::nullopt;
  return n.constants(1, "axes");
}

/// The axes are data.
static bool hasDataAxes(OpImporter &n) {
  return n.opset >= 13 && n.has(1) && !(n.known(1) && n.known(1)->getConstants());
}

static void importSqueeze(OpImporter &n) {
  if (hasDataAxes(n))
    return importDataSqueeze(n);
  Dims dims = n.dims(0), result;
  std::optional<SmallVector<int64_t>> axes = getAxes(n);
  if (n.failed())
    return;
  SmallVector<int64_t> removed;
  bool isChecked = false;
  if (axes) {
    removed = n.normalizeAxes(*axes, dims.size());
    for (int64_t axis : removed) {
      // A branch that squeezes is for the runs in which the dimension is 1.
      if (n.symbols.isInBranch() && !n.symbols.isEqual(dims[axis], n.constant(1)))
        isChecked = true;
      else
        n.unify(dims[axis], n.constant(1), "a squeezed dimension and 1");
    }
  } else {
    for (auto [i, dim] : llvm::enumerate(dims)) {
      std::optional<bool> isOne = n.symbols.isEqual(dim, n.constant(1));
      // Whoever relies on the rank knows that what data gives is not 1.
      if (!isOne && n.dependsOnData(dim) &&
          n.symbols.requireNonNegative(dim - 2, "node " + n.name +
                                                    " (Squeeze) would drop the dimension"))
        isOne = false;
      if (!isOne)
        return n.unsupported("without axes its rank depends on dimension " + n.text(dim),
                             "bound it with --dim NAME=MIN..MAX");
      if (*isOne)
        removed.push_back(i);
    }
  }
  for (auto [i, dim] : llvm::enumerate(dims))
    if (!llvm::is_contained(removed, static_cast<int64_t>(i)))
      result.push_back(dim);
  if (isChecked)
    return n.set(reshapeChecked(n, n.in(0), result));
  setReshaped(n, result);
}

static void importUnsqueeze(OpImporter &n) {
  if (hasDataAxes(n))
    return importDataUnsqueeze(n);
  std::optional<SmallVector<int64_t>> axes = getAxes(n);
  if (!axes && !n.failed())
    n.invalid("expected axes, got none");
  if (n.failed())
    return;
  int64_t rank = n.rank(0) + axes->size();
  SmallVector<int64_t> added = n.normalizeAxes(*axes, rank);
  if (n.failed())
    return;
  Dims dims = n.dims(0), result;
  const AffineExpr *next = dims.begin();
  for (int64_t i = 0; i < rank; ++i)
    result.push_back(llvm::is_contained(added, i) ? n.constant(1) : *next++);
  setReshaped(n, result);
}

static void importExpand(OpImporter &n) {
  const KnownTensor *target = n.known(1);
  if (!target)
    return importDataExpand(n);
  if (target->rank() != 1)
    return n.invalid("expected a target shape of rank 1, got rank " + Twine(target->rank()));
  for (AffineExpr dim : target->elements)
    if (std::optional<int64_t> size = getConstantDim(dim); size && *size < 0)
      return n.invalid("expected target dimensions of 0 or more, got " + n.text(target->elements));
  Dims result = n.broadcast({n.dims(0), Dims(target->elements)});
  if (n.failed())
    return;
  if (const KnownTensor *known = n.known(0)) {
    KnownTensor shape{known->elementType, {}, {}};
    for (AffineExpr dim : result)
      shape.shape.push_back(getConstantDim(dim).value_or(-1));
    if (std::optional<int64_t> size = getSmallSize(shape.shape)) {
      shape.elements.assign(*size, n.constant(0));
      return n.setKnown(mapElements({known, &shape}, known->elementType,
                                    [](ArrayRef<AffineExpr> x) { return x[0]; }));
    }
  }
  n.set(n.broadcastTo(n.adopt(n.in(0), result), result));
}

/// [d0, d1] repeated [r0, r1] times: [1, d0, 1, d1] broadcast to
/// [r0, d0, r1, d1], then [r0 d0, r1 d1].
static void importTile(OpImporter &n) {
  SmallVector<AffineExpr> repeats = n.sizes(1, "repeats", n.rank(0));
  Dims dims = n.dims(0), apart, repeated, result;
  if (n.failed())
    return;
  if (repeats.size() != dims.size())
    return n.invalid("expected " + Twine(dims.size()) + " repeats, got " + Twine(repeats.size()));
  for (auto [dim, count] : llvm::zip_equal(dims, repeats)) {
    if (std::optional<int64_t> value = getConstantDim(count); value && *value < 0)
      return n.invalid("expected repeats of 0 or more, got " + Twine(*value));
    if (!isConstantDim(count, 1)) {
      apart.push_back(n.constant(1));
      repeated.push_back(count);
    }
    apart.push_back(dim);
    repeated.push_back(dim);
    result.push_back(dim * count);
  }
  if (const KnownTensor *known = n.known(0)) {
    SmallVector<int64_t> shape;
    for (AffineExpr dim : result)
      shape.push_back(getConstantDim(normalizeDim(dim)).value_or(-1));
    std::optional<KnownTensor> tiled = rearrange(*known, shape, [&](ArrayRef<int64_t> index) {
      SmallVector<int64_t> from(index);
      for (auto [i, size] : llvm::zip_equal(from, known->shape))
        i %= size;
      return from;
    });
    if (tiled)
      return n.setKnown(tiled);
  }
  n.set(n.reshape(n.broadcastTo(n.reshape(n.in(0), apart), repeated), result));
}

/// The block size and the input's dimensions [N, C, H, W].
static Dims getBlocks(OpImporter &n, int64_t &block) {
  block = n.requiredIntAttr("blocksize");
  if (!n.failed() && (n.rank(0) != 4 || block < 1 || block > 1 << 20))
    n.invalid("expected an input of rank 4 and a positive blocksize, got rank " +
              Twine(n.rank(0)) + " and " + Twine(block));
  return n.dims(0);
}

static void importDepthToSpace(OpImporter &n) {
  int64_t b;
  Dims d = getBlocks(n, b);
  bool isCRD = n.stringAttr("mode", "DCR") == "CRD";
  if (n.failed())
    return;
  AffineExpr block = n.constant(b), depth = n.divide(d[1], n.constant(b * b), "the channels");
  Value apart = n.reshape(n.in(0), isCRD ? Dims{d[0], depth, block, block, d[2], d[3]}
                                         : Dims{d[0], block, block, depth, d[2], d[3]});
  Value moved = n.transpose(apart, isCRD ? ArrayRef<int64_t>{0, 1, 4, 2, 5, 3}
                                         : ArrayRef<int64_t>{0, 3, 4, 1, 5, 2});
  n.set(n.reshape(moved, {d[0], depth, d[2] * b, d[3] * b}));
}

static void importSpaceToDepth(OpImporter &n) {
  int64_t b;
  Dims d = getBlocks(n, b);
  if (n.failed())
    return;
  AffineExpr block = n.constant(b);
  AffineExpr height = n.divide(d[2], block, "the height");
  AffineExpr width = n.divide(d[3], block, "the width");
  Value apart = n.reshape(n.in(0), {d[0], d[1], height, block, width, block});
  Value moved = n.transpose(apart, {0, 3, 5, 1, 2, 4});
  n.set(n.reshape(moved, {d[0], d[1] * (b * b), height, width}));
}

ArrayRef<OpEntry> getReshapingOps() {
  static const OpEntry ops[] = {
      {"DepthToSpace", 1, kMaxOpset, 1, 1, importDepthToSpace},
      {"Expand", 8, kMaxOpset, 2, 2, importExpand},
      {"Flatten", 1, kMaxOpset, 1, 1, importFlatten},
      {"Reshape", 5, kMaxOpset, 2, 2, importReshape},
      {"SpaceToDepth", 1, kMaxOpset, 1, 1, importSpaceToDepth},
      {"Squeeze", 1, kMaxOpset, 1, 2, importSqueeze},
      {"Tile", 6, kMaxOpset, 2, 2, importTile},
      {"Unsqueeze", 1, kMaxOpset, 1, 2, importUnsqueeze},
  };
  return ops;
}

} // namespace winnow::import
