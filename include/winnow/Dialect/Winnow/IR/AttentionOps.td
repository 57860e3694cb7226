//===- AttentionOps.td - Attention ----------------------------------------===//

#ifndef WINNOW_ATTENTION_OPS_TD
#define WINNOW_ATTENTION_OPS_TD

include "winnow/Dialect/Winnow/IR/WinnowBase.td"

def Winnow_AttentionOp : Winnow_InferOp<"attention", [AttrSizedOperandSegments]> {
  let summary = "softmax(scale * Q K^T + mask) V for every head";
  let description = [{
    `query` is [batch, query_length, heads, head_dim], `key` [batch, key_length,
    kv_heads, head_dim], `value` [batch, key_length, kv_heads, value_dim]; the
    result is [batch, query_length, heads, value_dim]. Head `h` reads key and
    value head `h / (heads / kv_heads)`.

    `mask` has rank 4 and broadcasts to [batch, heads, query_length,
    key_length]: floats are added to the scaled scores; a boolean false is
    minus infinity. Its first dimension may also be a number that divides the
    batch: batch `b` reads entry `b` modulo that, as windows of an image do.

    With `causal`, key `j` is visible to query `i` when `j <= i`, or, with
    `causal_at_end`, when `j <= i + key_length - query_length`: the last query
    sees every key, as with a cache of past keys. Other keys score minus
    infinity, or, with `causal_lowest`, the lowest float, whatever the mask says,
    or, with `causal_adds_lowest`, have the lowest float added: minus infinity
    where the mask does the same.

    With `softcap`, `softcap * tanh(score / softcap)` of the scaled scores comes
    before the mask.

    A row whose scores are all minus infinity gives NaN, or with `nan_to_zero`,
    which zeroes every row whose softmax is NaN, zeros. A row whose scores are
    all the lowest float is uniform.

    Sequences of different lengths may lie one after the other. With
    `query_offsets`, of `batch + 1` numbers, the query and the result are
    [1, tokens, heads, dim], and the queries of sequence `b` are the tokens from
    `query_offsets[b]` to `query_offsets[b + 1] - 1`. With `key_offsets` and
    `key_lengths`, of `batch` numbers, key and value are [1, tokens, kv_heads, dim],
    and the keys of sequence `b` are `key_lengths[b]` tokens from `key_offsets[b]`
    on. Positions, as causality compares them, count from a sequence's first token.
    A mask is still one over positions, [batch or 1, heads or 1, positions or 1,
    positions]: `query_positions` and `key_positions` say which row and column of it
    each packed token has.

    C1: batch sizes match. C2: key and value lengths match. C3: query and key
    head sizes match. C4: kv_heads are the same for key and value and divide
    heads. C5: the mask broadcasts. C6: heads and head sizes are static.
    C7: `causal_at_end`, `causal_lowest` and `causal_adds_lowest` need `causal`.
    C8: a mask under one of the latter two is of floats. C9: only one of them is
    set. C10: `softcap` is positive and finite. C11: `key_offsets` and
    `key_lengths` come together. C12: what is packed has a first dimension of 1.
    C13: positions come with a mask and what is packed, and only then.
  }];
  let arguments = (ins Winnow_FloatTensor:$query, Winnow_FloatTensor:$key,
      Winnow_FloatTensor:$value, Optional<Winnow_NumberTensor>:$mask,
      Optional<TensorOf<[I64]>>:$query_positions, Optional<TensorOf<[I64]>>:$key_positions,
      Optional<TensorOf<[I64]>>:$query_offsets, Optional<TensorOf<[I64]>>:$key_offsets,
      Optional<TensorOf<[I64]>>:$key_lengths,
      F32Attr:$scale, UnitAttr:$causal, UnitAttr:$nan_to_zero,
      UnitAttr:$causal_at_end, UnitAttr:$causal_lowest,
      UnitAttr:$causal_adds_lowest,
      OptionalAttr<F32Attr>:$softcap);
  let results = (outs Winnow_FloatTensor:$result);
  let assemblyFormat = [{
    $query `,` $key `,` $value (`mask` `(` $mask^ `)`)?
    (`query_positions` `(` $query_positions^ `)`)? (`key_positions` `(` $key_positions^ `)`)?
    (`query_offsets` `(` $query_offsets^ `)`)? (`key_offsets` `(` $key_offsets^ `)`)?
    (`key_lengths` `(` $key_lengths^ `)`)? attr-dict `:` functional-type(operands, results)
  }];
}

def Winnow_ProbSparseAttentionOp : Winnow_InferOp<"probsparse_attention"> {
  let summary = "attention of the queries that a sample of keys tells apart; a mean for the others";
  let description = [{
    ProbSparse attention (Zhou et al., "Informer", arXiv 2012.07436, section 3.2). `query` is
    [batch, query_length, heads, head_dim], `key` [batch, key_length, heads, head_dim], `value`
    [batch, key_length, heads, value_dim]; the result is [batch, query_length, heads, value_dim].

    `table` numbers the keys that are sampled: [query_length, samples], a row for each query, or
    [samples] for all of them. Batches and heads share it. A number in [-key_length, -1] counts
    from the end; any other outside [0, key_length) fails the run with a status that names the node.

    Of every batch and head:

    1. `S[i, j] = q[i] . k[table[i, j]]`, without the scale, or with `scale_first`, with it.
    2. `M[i] = max_j S[i, j] - (sum_j S[i, j]) / divisor`: the paper's equation 4 as its code
       computes it. Without `divisor` that is key_length, not the number of samples.
    3. The `kept` queries with the greatest M, of equal ones the first (`winnow.topk`).
    4. A kept row is `softmax(scale * q[i] K^T + mask[i]) V`; with `causal`, query i sees the keys
       up to i. The measure ignores the mask.
    5. Any other row is the mean of all rows of V, or with `cumsum`, the sum (not the mean) of the
       rows up to i.

    Which queries are kept depends on all of them, so no row can be computed before all queries
    are there. Where all are kept, this is `winnow.attention`, whatever the table.

    C1: batch sizes match. C2: key and value lengths match. C3: query and key head sizes match.
    C4: heads are static and match, head sizes are static. C5: `table` is [samples] or
    [query_length, samples], of i32 or i64, with one sample or more. C6: `kept` is at least 1 and
    at most a static query_length. C7: `cumsum` needs queries and keys of one number. C8: `mask`
    has rank 4 and broadcasts to [batch, heads, query_length, key_length]: booleans, or floats of
    the query's type, as for `winnow.attention`. C9: `divisor` is finite and not 0, and a scale
    that comes first positive and finite.

    Example:
    ```mlir
    %y = winnow.probsparse_attention %q, %k, %v, %table {kept = 25 : i64, scale = 0.125 : f32}
        : (tensor<1x96x8x64xf32>, tensor<1x96x8x64xf32>, tensor<1x96x8x64xf32>, tensor<96x25xi64>)
        -> tensor<1x96x8x64xf32>
    ```
  }];
  let arguments = (ins Winnow_FloatTensor:$query, Winnow_FloatTensor:$key,
      Winnow_FloatTensor:$value, TensorOf<[I32, I64]>:$table, Optional<Winnow_NumberTensor>:$mask,
      I64Attr:$kept, F32Attr:$scale, UnitAttr:$scale_first, UnitAttr:$causal, UnitAttr:$cumsum,
      OptionalAttr<F32Attr>:$divisor);
  let results = (outs Winnow_FloatTensor:$result);
  let assemblyFormat = [{
    $query `,` $key `,` $value `,` $table (`mask` `(` $mask^ `)`)? attr-dict `:`
    functional-type(operands, results)
  }];
  let hasCanonicalizer = 1;
}

def Winnow_RotaryOp : Winnow_InferOp<"rotary"> {
  let summary = "turns pairs of elements of the last dimension by angles";
  let description = [{
    Rotary position embedding (Su et al., arXiv 2104.09864). Of the first R
    elements of `input`'s last dimension, where `cos` and `sin` have R / 2, every
    pair (a, b) becomes (a cos - b sin, b cos + a sin). Pair `i` is elements `i`
    and `i + R / 2`, or, with `interleaved`, `2 i` and `2 i + 1`. Elements from R
    on stay.

    C1: the element types match. C2: `cos` and `sin` have one type. C3: it
    broadcasts to `input`'s in all dimensions but the last. C4: the last
    dimensions are static, and R is at most `input`'s.
  }];
  let arguments = (ins Winnow_FloatTensor:$input, Winnow_FloatTensor:$cos,
      Winnow_FloatTensor:$sin, UnitAttr:$interleaved);
  let results = (outs Winnow_FloatTensor:$result);
  let assemblyFormat = [{
    $input `,` $cos `,` $sin attr-dict `:` functional-type(operands, results)
  }];
}

#endif // WINNOW_ATTENTION_OPS_TD
