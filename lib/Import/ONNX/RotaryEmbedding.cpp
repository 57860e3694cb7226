#include "RotaryEmbedding.h"
#include "DenseAttention.h"
#include "OpTable.h"

using namespace mlir;

namespace winnow::import {

/// What winnow.rotary does, for a head size that is dynamic.
static Value rotate(OpImporter &n, Value x, Value cos, Value sin, AffineExpr pairs,
                    bool interleaved) {
  if (n.failed())
    return nullptr;
  Dims dims = n.dims(x), pair = dims;
  AffineExpr two = n.constant(2), zero = n.constant(0), one = n.constant(1);
  int64_t rank = dims.size(), last = rank - 1;
  Value turned = n.sliceDim(x, last, zero, normalizeDim(pairs * 2));
  pair.back() = pairs;
  Dims half = pair;
  pair.insert(interleaved ? pair.end() : pair.end() - 1, two);
  int64_t axis = interleaved ? rank : last;
  turned = n.reshape(turned, pair);
  Value a = n.reshape(n.sliceDim(turned, axis, zero, one), half);
  Value b = n.reshape(n.sliceDim(turned, axis, one, one), half);
  Value first = n.make<SubOp>(n.make<MulOp>(a, cos), n.make<MulOp>(b, sin));
  Value second = n.make<AddOp>(n.make<MulOp>(b, cos), n.make<MulOp>(a, sin));
  Dims single = pair;
  single[axis] = one;
  Dims joined = half;
  joined.back() = normalizeDim(pairs * 2);
  Value both =
      n.reshape(n.concat({n.reshape(first, single), n.reshape(second, single)}, axis), joined);
  AffineExpr rest = normalizeDim(dims.back() - pairs * 2);
  return isConstantDim(rest, 0) ? both
                                : n.concat({both, n.sliceDim(x, last, joined.back(), rest)}, last);
}

Value turn(OpImporter &n, Value x, int64_t headsAxis, Value cos, Value sin, int64_t rotated,
           bool interleaved) {
  if (n.failed())
    return nullptr;
  Dims dims = n.dims(x);
  AffineExpr half = n.divide(dims[3], n.constant(2), "the head size"), pairs = half;
  if (n.failed())
    return nullptr;
  if (rotated != 0) {
    pairs = n.constant(rotated / 2);
    if (rotated < 0 || rotated % 2 != 0 ||
        !n.symbols.requireNonNegative(half - pairs,
                                      "node " + n.name + " turns that many elements")) {
      n.invalid("expected an even rotary_embedding_dim of at most " + n.text(dims[3]) + ", got " +
                Twine(rotated));
      return nullptr;
    }
  }
  auto unsqueeze = [&](Value cache) -> Value {
    Dims d = n.dims(cache);
    if (!n.failed() && d.size() != 3)
      n.invalid("expected caches of rank 3 after the gather, got rank " + Twine(d.size()));
    if (n.failed())
      return nullptr;
    n.unify(d[2], pairs, "the pairs of the input and of the caches");
    n.unify(d[1], dims[3 - headsAxis], "lengths of the input and the caches");
    if (!isConstantDim(d[0], 1))
      n.unify(d[0], dims[0], "batch sizes of the input and the caches");
    // The heads share angles.
    d.insert(d.begin() + headsAxis, n.constant(1));
    return n.reshape(cache, d);
  };
  cos = unsqueeze(cos);
  sin = unsqueeze(sin);
  return getConstantDim(half) ? n.make<RotaryOp>(x, cos, sin, interleaved)
                              : rotate(n, x, cos, sin, pairs, interleaved);
}

static void importRotaryEmbedding(OpImporter &n) {
  bool interleaved = n.intAttr("interleaved", 0), isFlat = n.rank(0) != 4;
  int64_t rotated = n.intAttr("rotary_embedding_dim", 0);
  int64_t heads = isFlat ? n.requiredIntAttr("num_heads") : 0;
  Value x = n.in(0), cos = n.in(1), sin = n.in(2);
  if (isFlat && !n.failed())
    x = splitHeads(n, x, heads, "num_heads");
  if (n.has(3)) {
    cos = n.make<GatherOp>(cos, n.in(3), 0);
    sin = n.make<GatherOp>(sin, n.in(3), 0);
  }
  Value turned = turn(n, x, isFlat ? 2 : 1, cos, sin, rotated, interleaved);
  n.set(isFlat ? joinHeads(n, turned) : turned);
}

/// The angles' rows are those of the positions, or as many as there are tokens
/// from one position on.
static void importMicrosoftRotaryEmbedding(OpImporter &n) {
  bool interleaved = n.intAttr("interleaved", 0), isFlat = n.rank(0) != 4;
  int64_t rotated = n.intAttr("rotary_embedding_dim", 0), heads = n.intAttr("num_heads", 0);
  if (n.intAttr("is_packed_batching", 0))
    return n.unsupported("packed batches (is_packed_batching)");
  if (n.floatAttr("scale", 1) != 1)
    return n.unsupported("a scale other than 1");
  if (!n.failed() && (n.rank(2) != 2 || n.rank(3) != 2))
    return n.invalid("expected caches of rank 2, got ranks " + Twine(n.rank(2)) + " and " +
                     Twine(n.rank(3)));
  n.checkIntegers(1);
  Value x = n.in(0), cos = n.in(2), sin = n.in(3), positions = n.in(1);
  if (n.failed())
    return;
  if (isFlat && heads == 0) {
    // The caches say how wide a head is.
    std::optional<int64_t> hidden = n.rank(0) == 3 ? getConstantDim(n.dims(0)[2]) : std::nullopt;
    std::optional<int64_t> pairs = getConstantDim(n.dims(2)[1]);
    if (!hidden || !pairs || *pairs < 1)
      return n.unsupported("dynamic sizes without num_heads");
    heads = *hidden / (2 * *pairs);
  }
  if (isFlat)
    x = splitHeads(n, x, heads, "num_heads");
  if (n.failed())
    return;
  AffineExpr length = n.dims(x)[isFlat ? 1 : 2];
  if (n.rank(1) < 2) {
    Value first = n.convert(n.reshape(positions, {}), n.b.getI64Type());
    positions = n.make<AddOp>(n.iota(length, n.b.getI64Type()), first);
    positions = n.reshape(positions, {n.constant(1), length});
  }
  cos = n.make<GatherOp>(cos, positions, 0);
  sin = n.make<GatherOp>(sin, positions, 0);
  Value turned = turn(n, x, isFlat ? 2 : 1, cos, sin, rotated, interleaved);
  n.set(isFlat ? joinHeads(n, turned) : turned);
}

ArrayRef<OpEntry> getRotaryEmbeddingOps() {
  static const OpEntry ops[] = {
      {"RotaryEmbedding", 23, kMaxOpset, 3, 4, importRotaryEmbedding},
  };
  return ops;
}

ArrayRef<OpEntry> getMicrosoftRotaryEmbeddingOps() {
  static const OpEntry ops[] = {
      {"RotaryEmbedding", 1, 1, 4, 4, importMicrosoftRotaryEmbedding},
  };
  return ops;
}

} // namespace winnow::import
