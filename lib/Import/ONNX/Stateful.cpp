#include "OpTable.h"

using namespace mlir;

namespace winnow::import {

// Operators that a model calls step by step, with what they keep between the
// steps as inputs and outputs.

/// Writes the update into the cache along `axis`, from each batch's index on.
static void importTensorScatter(OpImporter &n) {
  int64_t rank = n.rank(0), axis = n.normalizeAxis(n.intAttr("axis", -2), rank);
  std::string mode = n.stringAttr("mode", "linear");
  if (n.failed())
    return;
  if (mode != "linear" && mode != "circular")
    return n.invalid("expected mode linear or circular, got '" + mode + "'");
  if (axis == 0)
    return n.invalid("expected an axis other than 0, the batch's");
  if (n.rank(1) != rank)
    return n.invalid("expected cache and update of one rank, got " + Twine(rank) + " and " +
                     Twine(n.rank(1)));
  Dims cache = n.dims(0), update = n.dims(1);
  for (int64_t i = 0; i < rank; ++i)
    if (i != axis)
      n.unify(cache[i], update[i], "dimension " + Twine(i) + " of cache and update");
  Type i64 = n.b.getI64Type();
  // The tuples [batch, ..., position] of all rows of the update.
  Dims rows(ArrayRef(update).take_front(axis + 1)), one(rows.size(), n.constant(1));
  auto along = [&](int64_t i) {
    Dims dims = one;
    dims[i] = rows[i];
    return n.reshape(n.iota(rows[i], i64), dims);
  };
  Dims single = rows;
  single.push_back(n.constant(1));
  SmallVector<Value> tuple;
  for (int64_t i = 0; i < axis; ++i)
    tuple.push_back(n.reshape(n.broadcastTo(along(i), rows), single));
  Value position = along(axis);
  if (n.has(2)) {
    if (n.rank(2) != 1)
      return n.invalid("expected write_indices of rank 1, got rank " + Twine(n.rank(2)));
    if (!n.unify(n.dims(2)[0], rows[0], "the batch sizes of write_indices and update"))
      return;
    Dims perBatch = one;
    perBatch[0] = rows[0];
    position = n.make<AddOp>(position, n.reshape(n.convert(n.in(2), i64), perBatch));
  }
  if (mode == "circular")
    position = n.make<ModOp>(position, n.makeKnown(KnownTensor{i64, {}, {cache[axis]}}));
  tuple.push_back(n.reshape(n.broadcastTo(position, rows), single));
  n.set(n.make<ScatterNDOp>(n.in(0), n.concat(tuple, axis + 1), n.in(1), ScatterReduction::None));
}

/// One filter per channel over the input and the last elements before it, which
/// are the state.
static void importCausalConvWithState(OpImporter &n) {
  constexpr int64_t kMaxKernel = 256;
  std::string activation = n.stringAttr("activation", "none");
  if (n.failed())
    return;
  bool isSilu = activation == "silu" || activation == "swish";
  if (!isSilu && activation != "none")
    return n.invalid("expected activation none, silu or swish, got '" + activation + "'");
  if (n.rank(0) != 3 || n.rank(1) != 3)
    return n.invalid("expected input and weight of rank 3, got ranks " + Twine(n.rank(0)) +
                     " and " + Twine(n.rank(1)));
  Dims dims = n.dims(0), weightDims = n.dims(1);
  AffineExpr batch = dims[0], channels = dims[1], length = dims[2], one = n.constant(1);
  std::optional<int64_t> kernel = getConstantDim(weightDims[2]);
  if (kernel && (*kernel < 1 || *kernel > kMaxKernel))
    return n.unsupported("a kernel of " + n.text(weightDims[2]) + " elements");
  if (!kernel)
    n.symbols.requireNonNegative(weightDims[2] - 1, "node " + n.name + " has a kernel");
  n.unify(weightDims[0], channels, "the channels of input and weight");
  n.unify(weightDims[1], one, "dimension 1 of the weight and 1");
  Dims stateDims = {batch, channels, normalizeDim(weightDims[2] - 1)};
  Value x = n.in(0), state = n.in(3);
  if (state) {
    Dims given = n.dims(3);
    if (given.size() != 3)
      return n.invalid("expected past_state of rank 3, got rank " + Twine(given.size()));
    for (size_t i = 0; i < 3; ++i)
      n.unify(given[i], stateDims[i], "dimension " + Twine(i) + " of past_state");
  } else if (!n.failed()) {
    state = n.broadcastTo(n.scalarLike(x, 0), stateDims);
  }
  Value padded = kernel == 1 ? x : n.concat({state, x}, 2);
  n.set(1, n.sliceDim(padded, 2, length, stateDims[2]));
  Value wide = n.widen(padded), weight = n.widen(n.in(1)), sum;
  if (!kernel && !n.failed()) {
    // All windows [batch, channels, length, kernel], times the filters.
    Value starts = n.reshape(n.iota(length, n.b.getI64Type()), {length, one});
    Value index = n.make<AddOp>(starts, n.iota(weightDims[2], n.b.getI64Type()));
    Value filters = n.reshape(weight, {one, channels, one, weightDims[2]});
    Value products = n.make<MulOp>(n.make<GatherOp>(wide, index, 2), filters);
    sum = n.reduce(ReduceKind::Sum, products, {3}, /*keepdims=*/false);
  }
  for (int64_t tap = 0; kernel && tap < *kernel && !n.failed(); ++tap) {
    Value filter = n.reshape(n.sliceDim(weight, 2, n.constant(tap), one), {one, channels, one});
    Value product = n.make<MulOp>(n.sliceDim(wide, 2, n.constant(tap), length), filter);
    sum = sum ? n.make<AddOp>(sum, product) : product;
  }
  if (n.has(2)) {
    if (n.rank(2) != 1)
      return n.invalid("expected a bias of rank 1, got rank " + Twine(n.rank(2)));
    if (n.unify(n.dims(2)[0], channels, "the channels of input and bias"))
      sum = n.make<AddOp>(sum, n.reshape(n.widen(n.in(2)), {one, channels, one}));
  }
  if (isSilu)
    sum = n.make<MulOp>(sum, n.make<SigmoidOp>(sum));
  n.set(n.convert(sum, n.elementType(0)));
}

ArrayRef<OpEntry> getStatefulOps() {
  static const OpEntry ops[] = {
      {"CausalConvWithState", 27, kMaxOpset, 2, 4, importCausalConvWithState, 2},
      {"TensorScatter", 24, kMaxOpset, 2, 3, importTensorScatter},
  };
  return ops;
}

} // namespace winnow::import
