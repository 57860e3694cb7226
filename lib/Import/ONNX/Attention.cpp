#include "OpTable.h"

#include <cmath>

using namespace mlir;

namespace winnow::import {

/// Query, key or value as [batch, length, heads, head_dim], from ONNX's
/// [batch, heads, length, head_dim] or [batch, length, heads * head_dim].
static Value toHeads(OpImporter &n, size_t input, StringRef headsAttr) {
  if (n.failed())
    return nullptr;
  if (n.rank(input) == 4)
    return n.transpose(n.in(input), {0, 2, 1, 3});
  if (n.rank(input) != 3) {
    n.invalid("expected input " + Twine(input) + " of rank 3 or 4, got rank " +
              Twine(n.rank(input)));
    return nullptr;
  }
  int64_t heads = n.requiredIntAttr(headsAttr);
  if (n.failed())
    return nullptr;
  Dims dims = n.dims(input);
  AffineExpr size = heads > 0 ? divideDim(dims[2], n.constant(heads)) : AffineExpr();
  if (!size) {
    n.invalid("expected the last dimension to be a multiple of " + headsAttr + ", got " +
              n.text(dims[2]) + " and " + Twine(heads));
    return nullptr;
  }
  return n.reshape(n.in(input), {dims[0], dims[1], n.constant(heads), size});
}

static void importAttention(OpImporter &n) {
  for (size_t i = 4; i < n.numInputs(); ++i)
    if (n.has(i))
      return n.unsupported(i < 6 ? "a key and value cache" : "nonpad_kv_seqlen");
  if (n.floatAttr("softcap", 0) != 0)
    return n.unsupported("a softcap other than 0");
  if (n.elementType(0).isF64())
    return n.unsupported("attention in double precision");
  bool causal = n.intAttr("is_causal", 0);
  Value query = toHeads(n, 0, "q_num_heads"), key = toHeads(n, 1, "kv_num_heads"),
        value = toHeads(n, 2, "kv_num_heads");
  if (n.failed())
    return;
  Dims q = n.dims(query), k = n.dims(key), v = n.dims(value);
  n.unify(q[0], k[0], "batch sizes of query and key");
  n.unify(k[0], v[0], "batch sizes of key and value");
  n.unify(k[1], v[1], "key and value lengths");
  std::optional<int64_t> headSize = getConstantDim(q[3]);
  if (!n.failed() && !headSize)
    return n.unsupported("a dynamic head size");
  double scale = n.floatAttr("scale", headSize ? 1 / std::sqrt(double(*headSize)) : 1);
  Value mask = n.in(3);
  if (mask) {
    // Masks broadcast numpy's way to [batch, heads, query, key].
    Dims dims = n.dims(3);
    if (dims.size() > 4)
      return n.invalid("expected a mask of rank 4 or less, got rank " + Twine(dims.size()));
    dims.insert(dims.begin(), 4 - dims.size(), n.constant(1));
    n.broadcast({dims, Dims{q[0], q[2], q[1], k[1]}});
    mask = n.reshape(mask, dims);
  }
  // A query that may attend to nothing gives zeros; only a mask can hide all.
  Value result = n.make<AttentionOp>(query, key, value, mask, llvm::APFloat(float(scale)), causal,
                                     /*nan_to_zero=*/bool(mask));
  if (n.failed())
    return;
  Dims out = n.dims(result);
  n.set(n.rank(0) == 4 ? n.transpose(result, {0, 2, 1, 3})
                       : n.reshape(result, {out[0], out[1], out[2] * out[3]}));
}

static void importRotaryEmbedding(OpImporter &n) {
  bool interleaved = n.intAttr("interleaved", 0);
  int64_t rotated = n.intAttr("rotary_embedding_dim", 0);
  Value x = n.in(0), cos = n.in(1), sin = n.in(2);
  bool isFlat = n.rank(0) == 3;
  if (isFlat || n.rank(0) != 4)
    x = toHeads(n, 0, "num_heads");
  if (n.failed())
    return;
  Dims dims = n.dims(x);
  std::optional<int64_t> size = getConstantDim(dims[3]);
  if (!size || *size % 2 != 0)
    return n.invalid("expected an even head size, got " + n.text(dims[3]));
  rotated = rotated ? rotated : *size;
  if (rotated < 0 || rotated % 2 != 0 || rotated > *size)
    return n.invalid("expected an even rotary_embedding_dim of at most " + Twine(*size) +
                     ", got " + Twine(rotated));
  if (n.has(3)) {
    cos = n.make<GatherOp>(cos, n.in(3), 0);
    sin = n.make<GatherOp>(sin, n.in(3), 0);
  }
  // The heads, which share angles, come third in [batch, length, heads, size]
  // and second in [batch, heads, length, size].
  auto unsqueeze = [&](Value cache) -> Value {
    Dims d = n.dims(cache);
    if (!n.failed() && d.size() != 3)
      n.invalid("expected caches of rank 3 after the gather, got rank " + Twine(d.size()));
    else if (!n.failed() && !isConstantDim(d[2], rotated / 2))
      n.invalid("expected caches of " + Twine(rotated / 2) + " pairs, got " + n.text(d[2]));
    if (n.failed())
      return nullptr;
    n.unify(d[1], dims[isFlat ? 1 : 2], "lengths of the input and the caches");
    if (!isConstantDim(d[0], 1))
      n.unify(d[0], dims[0], "batch sizes of the input and the caches");
    d.insert(d.begin() + (isFlat ? 2 : 1), n.constant(1));
    return n.reshape(cache, d);
  };
  cos = unsqueeze(cos);
  sin = unsqueeze(sin);
  Value turned = n.make<RotaryOp>(x, cos, sin, interleaved);
  n.set(isFlat ? n.reshape(turned, n.dims(0)) : turned);
}

ArrayRef<OpEntry> getAttentionOps() {
  static const OpEntry ops[] = {
      {"Attention", 23, kMaxOpset, 3, 7, importAttention},
      {"RotaryEmbedding", 23, kMaxOpset, 3, 4, importRotaryEmbedding},
  };
  return ops;
}

} // namespace winnow::import
