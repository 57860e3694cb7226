#include "DenseAttention.h"
#include "Numbers.h"
#include "OpTable.h"

using namespace mlir;

namespace winnow::import {

/// Query, key or value as [batch, length, heads, head_dim], from ONNX's
/// [batch, heads, length, head_dim] or [batch, length, heads * head_dim].
static Value toHeads(OpImporter &n, size_t input, StringRef headsAttr) {
  if (n.failed())
    return nullptr;
  if (n.rank(input) == 4)
    return swapHeads(n, n.in(input));
  if (n.rank(input) != 3) {
    n.invalid("expected input " + Twine(input) + " of rank 3 or 4, got rank " +
              Twine(n.rank(input)));
    return nullptr;
  }
  int64_t heads = n.requiredIntAttr(headsAttr);
  return n.failed() ? Value() : splitHeads(n, n.in(input), heads, headsAttr);
}

/// The mask with a last dimension that is `keys`: since opset 24 a shorter one
/// hides the keys after it. Before, and where its length is no number and no
/// lengths say that the keys are padded, the dimensions are equal.
static Value completeMask(OpImporter &n, Value mask, AffineExpr keys) {
  if (n.failed() || n.dims(mask).empty())
    return mask;
  Dims dims = n.dims(mask);
  AffineExpr own = dims.back();
  int64_t axis = dims.size() - 1;
  std::optional<bool> isEqual = n.symbols.isEqual(own, keys);
  if (n.opset < 24 || isEqual.value_or(!n.has(6) && !getConstantDim(own)))
    return mask;
  bool isBool = getElementTypeOrSelf(mask).isInteger(1);
  Value hidden = n.scalarLike(mask, isBool ? 0 : -INFINITY);
  if (n.symbols.isLess(own, keys) == true) {
    dims.back() = normalizeDim(keys - own);
    return n.concat({mask, n.broadcastTo(hidden, dims)}, axis);
  }
  // Keys after the mask read its last element in vain.
  Numbers m(n);
  m.require(n.compare(ComparePredicate::LE, m.size(own), m.size(keys)));
  Value place = n.iota(keys, n.b.getI64Type());
  Value last = m.max(m.sub(m.size(own), m.constant(1)), m.constant(0));
  Value wide = n.make<GatherOp>(mask, m.min(place, last), axis);
  return n.make<SelectOp>(m.less(place, m.size(own)), wide, hidden);
}

/// Adds a mask, which broadcasts numpy's way to [batch, heads, query, key].
static void addMask(OpImporter &n, Value mask, DenseAttention &form) {
  if (n.failed())
    return;
  Dims dims = n.dims(mask);
  if (dims.size() > 4)
    return n.invalid("expected a mask of rank 4 or less, got rank " + Twine(dims.size()));
  dims.insert(dims.begin(), 4 - dims.size(), n.constant(1));
  mask = n.reshape(mask, dims);
  if (getElementTypeOrSelf(mask).isInteger(1))
    form.visible.push_back(mask);
  else
    form.bias = n.convert(mask, n.elementType(0));
}

static void importAttention(OpImporter &n) {
  DenseAttention form;
  form.query = toHeads(n, 0, "q_num_heads");
  form.key = toHeads(n, 1, "kv_num_heads");
  form.value = toHeads(n, 2, "kv_num_heads");
  if (n.hasAttr("scale"))
    form.scale = n.floatAttr("scale", 0);
  form.softcap = n.floatAttr("softcap", 0);
  if (n.has(4) != n.has(5))
    return n.invalid("expected past_key and past_value together, got one");
  if (n.has(4) && !n.failed() && n.rank(4) == 4 && n.rank(5) == 4) {
    n.unify(n.dims(4)[2], n.dims(5)[2], "past lengths of key and value");
    n.unify(n.dims(form.key)[1], n.dims(form.value)[1], "lengths of key and value");
  }
  // The cache is read where the model puts it out, heads first.
  Value presentKey = appendToCache(n, n.in(4), form.key);
  Value presentValue = appendToCache(n, n.in(5), form.value);
  form.key = swapHeads(n, presentKey);
  form.value = swapHeads(n, presentValue);
  if (n.failed())
    return;
  AffineExpr keys = n.dims(form.key)[1];
  if (n.intAttr("is_causal", 0) == 1)
    form.causalOffset = n.has(4) ? n.dims(4)[2] : n.constant(0);
  if (n.has(3))
    addMask(n, completeMask(n, n.in(3), keys), form);
  if (n.has(6)) {
    if (n.rank(6) != 1)
      return n.invalid("expected nonpad_kv_seqlen of rank 1, got rank " + Twine(n.rank(6)));
    form.visible.push_back(isBefore(n, keys, n.in(6)));
  }
  // Anything narrower than what the scores have would be less exact.
  if (n.intAttr("softmax_precision", 0) == onnx::TensorProto::DOUBLE)
    form.softmaxType = n.b.getF64Type();
  int64_t mode = n.intAttr("qk_matmul_output_mode", 0);
  if (!n.failed() && (mode < 0 || mode > 3))
    return n.invalid("expected qk_matmul_output_mode in [0, 3], got " + Twine(mode));
  constexpr ScoreStage stages[] = {ScoreStage::Product, ScoreStage::Capped, ScoreStage::Masked,
                                   ScoreStage::Weights};
  if (n.isUsed(3))
    form.wanted = stages[mode];
  AttentionResult result = attend(n, form);
  n.set(0, n.rank(0) == 4 ? swapHeads(n, result.output) : joinHeads(n, result.output));
  n.set(1, presentKey);
  n.set(2, presentValue);
  n.set(3, result.scores);
}

ArrayRef<OpEntry> getAttentionOps() {
  static const OpEntry ops[] = {
      {"Attention", 23, kMaxOpset, 3, 7, importAttention, 4},
  };
  return ops;
}

} // namespace winnow::import
