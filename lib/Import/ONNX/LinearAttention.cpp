//===- LinearAttention.cpp - Attention as a recurrence ---------------------===//
//
// The state of a head is a matrix [key size, value size] that every token
// decays, writes and reads (Yang et al., arXiv 2406.06484).
//
//===----------------------------------------------------------------------===//

#include "DenseAttention.h"
#include "Numbers.h"
#include "OpTable.h"

#include <cmath>

using namespace mlir;

namespace winnow::import {

namespace {
/// What every token reads, in f32, tokens first: a loop takes slices.
struct Steps {
  /// [length, batch, kv_heads, group, key size], scaled.
  Value query;
  /// [length, batch, kv_heads, key size] and [.., value size].
  Value key, value;
  /// The factor of the state [length, batch, kv_heads or 1, key size or 1, 1] and
  /// of what is written [length, batch, kv_heads or 1, 1, 1]. May be null.
  Value decay, rate;
};
} // namespace

/// [batch, length, ...] as [length, batch, ...], in f32.
static Value tokensFirst(OpImporter &n, Value x) {
  if (n.failed())
    return nullptr;
  SmallVector<int64_t> permutation = llvm::to_vector(llvm::seq<int64_t>(0, n.dims(x).size()));
  std::swap(permutation[0], permutation[1]);
  return n.transpose(n.convert(x, n.b.getF32Type()), permutation);
}

/// Input `i`, [batch, length, heads * 1 or heads * size], as [length, batch, heads,
/// 1 or size, 1] for one of the numbers of heads.
static Value getFactor(OpImporter &n, size_t i, ArrayRef<AffineExpr> heads, AffineExpr size,
                       AffineExpr batch, AffineExpr length) {
  if (n.failed() || !n.has(i))
    return nullptr;
  Dims dims = n.dims(i);
  AffineExpr one = n.constant(1);
  if (dims.size() != 3) {
    n.invalid("expected input " + Twine(i) + " of rank 3, got rank " + Twine(dims.size()));
    return nullptr;
  }
  n.unify(dims[0], batch, "the batch sizes of input " + Twine(i) + " and query");
  n.unify(dims[1], length, "the lengths of input " + Twine(i) + " and query");
  if (n.failed())
    return nullptr;
  for (AffineExpr count : heads)
    for (AffineExpr each : {one, size})
      if (n.symbols.isEqual(dims[2], count * each) == true)
        return tokensFirst(n, n.reshape(n.in(i), {batch, length, count, each, one}));
  if (getConstantDim(dims[2]) && getConstantDim(size)) {
    n.invalid("expected input " + Twine(i) + " with one value or " + n.text(size) +
              " values for each of " + n.text(heads[0]) + " heads, got " + n.text(dims[2]));
    return nullptr;
  }
  // Which of them it is only the run knows: the last one repeats.
  Numbers m(n);
  Value row = m.size(dims[2]), isKnown, place;
  for (AffineExpr count : heads)
    for (AffineExpr each : {one, size}) {
      Value isThis = m.equal(row, m.size(count * each));
      isKnown = isKnown ? n.make<OrOp>(isKnown, isThis) : isThis;
    }
  m.require(isKnown);
  // Element `h * size + j` of the widest form is this one of the row.
  Value widest = m.size(heads[0] * size), all = n.iota(normalizeDim(heads[0] * size), n.b.getI64Type());
  place = m.div(m.mul(all, row), m.max(widest, m.constant(1)));
  Value wide = n.make<GatherOp>(n.in(i), place, 2);
  return tokensFirst(n, n.reshape(wide, {batch, length, heads[0], size, one}));
}

/// One token: decays, corrects, writes, reads. The results are the state and what
/// is read [batch, kv_heads, group, value size].
static std::pair<Value, Value> step(OpImporter &n, const Steps &steps, bool isDelta, Value index,
                                    Value state) {
  auto at = [&](Value x) { return n.make<ExtractAtOp>(x, index); };
  auto unsqueeze = [&](Value x, int64_t axis) {
    Dims dims = n.dims(x);
    if (!n.failed())
      dims.insert(dims.begin() + axis, n.constant(1));
    return n.reshape(x, dims);
  };
  if (steps.decay)
    state = n.make<MulOp>(state, at(steps.decay));
  Value key = at(steps.key), value = unsqueeze(at(steps.value), 2);
  if (isDelta)
    value = n.make<SubOp>(value, n.make<MatMulOp>(unsqueeze(key, 2), state));
  if (steps.rate)
    value = n.make<MulOp>(value, at(steps.rate));
  state = n.make<AddOp>(state, n.make<MulOp>(unsqueeze(key, 3), value));
  return {state, n.make<MatMulOp>(at(steps.query), state)};
}

static void importLinearAttention(OpImporter &n) {
  std::string rule = n.stringAttr("update_rule", "gated_delta");
  int64_t heads = n.requiredIntAttr("q_num_heads"), kvHeads = n.requiredIntAttr("kv_num_heads");
  double scale = n.floatAttr("scale", 0);
  if (n.failed())
    return;
  bool isGated = rule == "gated" || rule == "gated_delta";
  bool isDelta = rule == "delta" || rule == "gated_delta";
  if (!isGated && !isDelta && rule != "linear")
    return n.invalid("expected update_rule linear, gated, delta or gated_delta, got '" + rule +
                     "'");
  if (n.has(4) != isGated || n.has(5) != isDelta)
    return n.invalid("expected a decay for gated rules only and a beta for delta rules only");
  if (kvHeads <= 0 || heads <= 0 || heads % kvHeads != 0)
    return n.invalid("expected q_num_heads to be a multiple of kv_num_heads, got " + Twine(heads) +
                     " and " + Twine(kvHeads));
  Value query = splitHeads(n, n.in(0), heads, "q_num_heads");
  Value key = splitHeads(n, n.in(1), kvHeads, "kv_num_heads");
  Value value = splitHeads(n, n.in(2), kvHeads, "kv_num_heads");
  if (n.failed())
    return;
  Dims q = n.dims(query), k = n.dims(key), v = n.dims(value);
  for (int64_t i = 0; i < 2; ++i) {
    n.unify(q[i], k[i], "dimension " + Twine(i) + " of query and key");
    n.unify(k[i], v[i], "dimension " + Twine(i) + " of key and value");
  }
  n.unify(q[3], k[3], "query and key head sizes");
  if (n.failed())
    return;
  AffineExpr batch = q[0], length = q[1], size = q[3], one = n.constant(1);
  Type f32 = n.b.getF32Type();
  Value factor;
  if (std::optional<int64_t> known = getConstantDim(size); known || scale != 0)
    factor = n.scalar(f32, scale != 0 ? scale : 1 / std::sqrt(double(*known)));
  else
    factor = n.make<ReciprocalOp>(
        n.make<SqrtOp>(n.convert(n.makeKnown(KnownTensor{n.b.getI64Type(), {}, {size}}), f32)));
  Dims grouped = {length, batch, n.constant(kvHeads), n.constant(heads / kvHeads), size};
  Steps steps;
  steps.query = n.make<MulOp>(n.reshape(tokensFirst(n, query), grouped), factor);
  steps.key = tokensFirst(n, key);
  steps.value = tokensFirst(n, value);
  if (isGated)
    steps.decay = n.make<ExpOp>(getFactor(n, 4, {n.constant(kvHeads)}, size, batch, length));
  steps.rate = getFactor(n, 5, {n.constant(kvHeads), one}, one, batch, length);
  Dims stateDims = {batch, n.constant(kvHeads), size, v[3]};
  Value state;
  Type stored = n.has(3) ? n.elementType(3) : n.elementType(0);
  if (n.has(3)) {
    Dims past = n.dims(3);
    if (past.size() != 4)
      return n.invalid("expected past_state of rank 4, got rank " + Twine(past.size()));
    for (size_t i = 0; i < 4; ++i)
      n.unify(past[i], stateDims[i], "dimension " + Twine(i) + " of past_state and the inputs");
    state = n.convert(n.in(3), f32);
  } else {
    state = n.broadcastTo(n.scalar(f32, 0), stateDims);
  }
  Dims outputDims = grouped;
  outputDims.back() = v[3];
  Value output = n.broadcastTo(n.scalar(f32, 0), outputDims);
  SmallVector<Value> last =
      n.loop(length, {state, output}, [&](Value index, ArrayRef<Value> carried) {
        auto [next, read] = step(n, steps, isDelta, index, carried[0]);
        return SmallVector<Value>{next, n.make<InsertAtOp>(read, carried[1], index)};
      });
  if (n.failed())
    return;
  output = n.transpose(last[1], {1, 0, 2, 3, 4});
  output = n.reshape(output, {batch, length, v[3] * heads});
  n.set(0, n.convert(output, n.elementType(0)));
  n.set(1, n.convert(last[0], stored));
}

ArrayRef<OpEntry> getLinearAttentionOps() {
  static const OpEntry ops[] = {
      {"LinearAttention", 27, kMaxOpset, 3, 6, importLinearAttention, 2},
  };
  return ops;
}

} // namespace winnow::import
