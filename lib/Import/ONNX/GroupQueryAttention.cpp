//===- GroupQueryAttention.cpp - Attention over a cache that may be padded -===//
//
// Every batch entry has a length of its own in the cache: the new rows follow its
// last valid one, and what is after them is padding.
//
//===----------------------------------------------------------------------===//

#include "DenseAttention.h"
#include "Numbers.h"
#include "OpTable.h"
#include "RotaryEmbedding.h"

using namespace mlir;

namespace winnow::import {

namespace {
/// What is known of the tokens, in numbers for each batch entry.
struct Cache {
  AffineExpr batch;
  /// How many new tokens there are, and how many rows the cache has before and
  /// after.
  AffineExpr length, before, after;
  /// Valid rows before and after, int64 of [batch].
  Value past, total;
};
} // namespace

enum Input : size_t {
  kQuery,
  kKey,
  kValue,
  kPastKey,
  kPastValue,
  kSeqLensK,
  kTotalLength,
  kCos,
  kSin,
  kPositions,
  kBias,
  kSink,
  kKeyScale,
  kValueScale,
  kQueryNorm,
  kKeyNorm,
  kQueryLens
};

static void refuseForms(OpImporter &n) {
  for (size_t i : {kSeqLensK, kTotalLength})
    if (!n.has(i))
      return n.invalid("expected input " + Twine(i) + ", got none");
  if (n.has(kKeyScale) || n.has(kValueScale))
    return n.unsupported("a quantized cache");
  for (StringRef name : {"k_quant_type", "v_quant_type"})
    if (n.stringAttr(name, "NONE") != "NONE")
      return n.unsupported("a quantized cache (" + name + ")");
  if (n.intAttr("sliding_window_cache", 0))
    return n.unsupported("a cache that holds a window only (sliding_window_cache)");
  if (n.has(kPastKey) != n.has(kPastValue))
    return n.invalid("expected past_key and past_value together, got one");
  if (n.has(kKey) != n.has(kValue))
    return n.invalid("expected key and value together, got one");
  if (n.has(kQueryNorm) != n.has(kKeyNorm))
    return n.invalid("expected q_norm_weight and k_norm_weight together, got one");
}

/// Query, key and value as [batch, length, heads, size].
static void splitInputs(OpImporter &n, DenseAttention &form) {
  int64_t heads = n.requiredIntAttr("num_heads"), kvHeads = n.requiredIntAttr("kv_num_heads");
  if (!n.failed() && (heads < 1 || kvHeads < 1 || heads % kvHeads != 0))
    n.invalid("expected num_heads to be a multiple of kv_num_heads, got " + Twine(heads) + " and " +
              Twine(kvHeads));
  if (n.failed())
    return;
  if (n.has(kKey)) {
    form.query = splitHeads(n, n.in(kQuery), heads, "num_heads");
    form.key = splitHeads(n, n.in(kKey), kvHeads, "kv_num_heads");
    form.value = splitHeads(n, n.in(kValue), kvHeads, "kv_num_heads");
    return;
  }
  Value all = splitHeads(n, n.in(kQuery), heads + 2 * kvHeads, "num_heads + 2 kv_num_heads");
  if (n.failed())
    return;
  form.query = n.sliceDim(all, 2, n.constant(0), n.constant(heads));
  form.key = n.sliceDim(all, 2, n.constant(heads), n.constant(kvHeads));
  form.value = n.sliceDim(all, 2, n.constant(heads + kvHeads), n.constant(kvHeads));
}

/// The larger of two sizes: one of them, or a number of the run.
static AffineExpr getLarger(OpImporter &n, AffineExpr a, AffineExpr b, Value number) {
  if (b && n.symbols.isNonNegative(b - a) == true)
    return b;
  if (b && n.symbols.isNonNegative(a - b) == true)
    return a;
  Numbers m(n);
  return n.bindSize(m.max(m.size(a), number), "present_length", nullptr);
}

static Cache getCache(OpImporter &n, const DenseAttention &form) {
  Cache cache;
  if (n.failed())
    return cache;
  Numbers m(n);
  Dims q = n.dims(form.query), k = n.dims(form.key);
  n.unify(q[0], k[0], "batch sizes of query and key");
  n.unify(q[1], k[1], "lengths of query and key");
  cache.batch = q[0];
  cache.length = q[1];
  Value last = m.vector(kSeqLensK);
  if (n.failed() ||
      !n.unify(n.dims(last)[0], cache.batch, "the batch sizes of seqlens_k and query"))
    return cache;
  cache.total = m.add(last, m.constant(1));
  Value fresh = m.size(cache.length);
  if (n.has(kQueryLens)) {
    fresh = m.vector(kQueryLens);
    if (!n.failed())
      n.unify(n.dims(fresh)[0], cache.batch, "the batch sizes of query_seqlens and query");
  }
  // The first tokens may be padded, so that there are more than are valid.
  cache.past = m.max(m.sub(cache.total, fresh), m.constant(0));
  cache.before = n.constant(0);
  cache.after = cache.length;
  if (!n.has(kPastKey) || n.failed())
    return cache;
  for (size_t i : {kPastKey, kPastValue})
    if (n.rank(i) != 4) {
      n.invalid("expected caches of rank 4, got rank " + Twine(n.rank(i)));
      return cache;
    }
  cache.before = n.dims(kPastKey)[2];
  n.unify(cache.before, n.dims(kPastValue)[2], "the lengths of past_key and past_value");
  const KnownTensor *known = n.known(kTotalLength);
  AffineExpr total = known && known->elements.size() == 1 ? known->elements[0] : AffineExpr();
  cache.after = getLarger(n, cache.before, total, m.scalar(kTotalLength));
  return cache;
}

/// [batch, length]: the place of every new token in its sequence.
static Value getPlaces(OpImporter &n, const Cache &cache) {
  if (n.failed())
    return nullptr;
  Type i64 = n.b.getI64Type();
  return n.make<AddOp>(n.reshape(cache.past, {cache.batch, n.constant(1)}),
                       n.reshape(n.iota(cache.length, i64), {n.constant(1), cache.length}));
}

/// Turns queries and keys; padding has the angles of some place.
static void rotate(OpImporter &n, const Cache &cache, DenseAttention &form) {
  if (!n.intAttr("do_rotary", 0))
    return;
  bool interleaved = n.intAttr("rotary_interleaved", 0);
  if (!n.has(kCos) || !n.has(kSin))
    return n.invalid("expected cos_cache and sin_cache with do_rotary, got none");
  if (n.rank(kCos) != 2 || n.rank(kSin) != 2)
    return n.invalid("expected cos_cache and sin_cache of rank 2, got ranks " +
                     Twine(n.rank(kCos)) + " and " + Twine(n.rank(kSin)));
  Numbers m(n);
  Value places;
  if (n.has(kPositions)) {
    n.checkIntegers(kPositions);
    places = n.in(kPositions);
    if (!n.failed() && n.rank(kPositions) != 2)
      return n.invalid("expected position_ids of rank 2, got rank " + Twine(n.rank(kPositions)));
  } else {
    Value end = m.sub(m.size(n.dims(kCos)[0]), m.constant(1));
    places = m.min(getPlaces(n, cache), end);
  }
  // The pairs that are turned are as many as the table has.
  std::optional<int64_t> pairs = getConstantDim(n.dims(kCos)[1]);
  int64_t rotated = pairs ? 2 * *pairs : 0;
  Value cos = n.make<GatherOp>(n.in(kCos), places, 0);
  Value sin = n.make<GatherOp>(n.in(kSin), places, 0);
  form.query = turn(n, form.query, 2, cos, sin, rotated, interleaved);
  form.key = turn(n, form.key, 2, cos, sin, rotated, interleaved);
}

/// The cache [batch, heads, before, size] with the new rows [batch, length, heads,
/// size] after the valid ones, `after` rows long.
static Value update(OpImporter &n, const Cache &cache, size_t past, Value rows) {
  Value fresh = swapHeads(n, rows);
  if (n.failed() || !n.has(past))
    return fresh;
  Dims dims = n.dims(past), own = n.dims(fresh);
  for (int64_t i : {0, 1, 3})
    n.unify(dims[i], own[i], "dimension " + Twine(i) + " of the caches and the inputs");
  if (n.failed())
    return nullptr;
  Value base = n.in(past);
  if (cache.after != cache.before) {
    dims[2] = normalizeDim(cache.after - cache.before);
    base = n.concat({base, n.broadcastTo(n.scalarLike(base, 0), dims)}, 2);
  }
  // The tuple [batch, head, place] of every row.
  Type i64 = n.b.getI64Type();
  AffineExpr one = n.constant(1);
  Dims tuples = {own[0], own[1], own[2], one};
  auto all = [&](Value x) { return n.broadcastTo(x, tuples); };
  Value place = n.reshape(getPlaces(n, cache), {own[0], one, own[2], one});
  Value tuple = n.concat({all(n.reshape(n.iota(own[0], i64), {own[0], one, one, one})),
                          all(n.reshape(n.iota(own[1], i64), {one, own[1], one, one})), all(place)},
                         3);
  return n.make<ScatterNDOp>(base, tuple, fresh, ScatterReduction::None);
}

/// Which keys are visible: [batch, 1, query, key].
static Value getVisibleKeys(OpImporter &n, const Cache &cache) {
  bool isCausal = n.intAttr("causal", 1);
  int64_t window = n.intAttr("local_window_size", -1);
  if (n.failed())
    return nullptr;
  Value keys = positions(n, cache.after, 3);
  if (!isCausal) {
    if (window > 0)
      n.invalid("expected no local_window_size without causal, got " + Twine(window));
    return isBefore(n, cache.after, cache.total);
  }
  AffineExpr one = n.constant(1);
  Value places = n.reshape(getPlaces(n, cache), {cache.batch, one, cache.length, one});
  Value visible = n.compare(ComparePredicate::LE, keys, places);
  if (window <= 0)
    return visible;
  Value first = n.make<SubOp>(places, n.scalarLike(places, window));
  return n.make<AndOp>(visible, n.compare(ComparePredicate::GT, keys, first));
}

/// The floats that are added, for as many keys as the cache has rows; what is
/// added to hidden keys is of no interest.
static Value getBias(OpImporter &n, const Cache &cache) {
  if (!n.has(kBias) || n.failed())
    return nullptr;
  if (n.rank(kBias) != 4) {
    n.invalid("expected an attention bias of rank 4, got rank " + Twine(n.rank(kBias)));
    return nullptr;
  }
  AffineExpr own = n.dims(kBias)[3];
  if (n.symbols.isEqual(own, cache.after) == true)
    return n.in(kBias);
  Numbers m(n);
  Value last = m.max(m.sub(m.size(own), m.constant(1)), m.constant(0));
  return n.make<GatherOp>(n.in(kBias), m.min(n.iota(cache.after, n.b.getI64Type()), last), 3);
}

static void normalizeHeads(OpImporter &n, DenseAttention &form) {
  if (!n.has(kQueryNorm))
    return;
  double common = n.floatAttr("qk_norm_epsilon", 1e-6);
  float ofQuery = n.floatAttr("q_norm_epsilon", common);
  float ofKey = n.floatAttr("k_norm_epsilon", common);
  form.query = n.make<RMSNormOp>(form.query, Value(), n.in(kQueryNorm), llvm::APFloat(ofQuery));
  form.key = n.make<RMSNormOp>(form.key, Value(), n.in(kKeyNorm), llvm::APFloat(ofKey));
}

static void importGroupQueryAttention(OpImporter &n) {
  refuseForms(n);
  DenseAttention form;
  splitInputs(n, form);
  Cache cache = getCache(n, form);
  if (n.failed())
    return;
  normalizeHeads(n, form);
  rotate(n, cache, form);
  Value presentKey = update(n, cache, kPastKey, form.key);
  Value presentValue = update(n, cache, kPastValue, form.value);
  form.key = swapHeads(n, presentKey);
  form.value = swapHeads(n, presentValue);
  if (Value visible = getVisibleKeys(n, cache))
    form.visible.push_back(visible);
  form.bias = getBias(n, cache);
  if (double scale = n.floatAttr("scale", 0); scale != 0)
    form.scale = scale;
  form.softcap = n.floatAttr("softcap", 0);
  if (n.has(kSink))
    form.sink = n.in(kSink);
  else if (n.intAttr("smooth_softmax", 0) == 1 && !n.failed())
    form.sink = n.scalar(n.elementType(kQuery), 0);
  int64_t stage = n.intAttr("qk_output", 0);
  if (!n.failed() && (stage < 0 || stage > 2))
    return n.invalid("expected qk_output in [0, 2], got " + Twine(stage));
  if (n.isUsed(3) && stage != 0)
    form.wanted = stage == 1 ? ScoreStage::Masked : ScoreStage::Weights;
  AttentionResult result = attend(n, form);
  n.set(0, joinHeads(n, result.output));
  n.set(1, presentKey);
  n.set(2, presentValue);
  n.set(3, result.scores);
}

ArrayRef<OpEntry> getGroupQueryAttentionOps() {
  static const OpEntry ops[] = {
      {"GroupQueryAttention", 1, 1, 1, 17, importGroupQueryAttention, 4},
  };
  return ops;
}

} // namespace winnow::import
