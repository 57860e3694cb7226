//===- AttentionOps.td - Attention ----------------------------------------===//

#ifndef WINNOW_ATTENTION_OPS_TD
#define WINNOW_ATTENTION_OPS_TD

include "winnow/Dialect/Winnow/IR/WinnowBase.td"

def Winnow_AttentionOp : Winnow_InferOp<"attention"> {
  let summary = "softmax(scale * Q K^T + mask) V for every head";
  let description = [{
    `query` is [batch, query_length, heads, head_dim], `key` [batch, key_length,
    kv_heads, head_dim], `value` [batch, key_length, kv_heads, value_dim]; the
    result is [batch, query_length, heads, value_dim]. Head `h` reads key and
    value head `h / (heads / kv_heads)`.

    `mask` has rank 4 and broadcasts to [batch, heads, query_length,
    key_length]: floats are added to the scaled scores; a boolean false is
    minus infinity. With `causal`, key `j` is visible to query `i` when `j <= i`.
    A row whose scores are all minus infinity gives NaN, or with `nan_to_zero`,
    which zeroes every row whose softmax is NaN, zeros.

    C1: batch sizes match. C2: key and value lengths match. C3: query and key
    head sizes match. C4: kv_heads are the same for key and value and divide
    heads. C5: the mask broadcasts. C6: heads and head sizes are static.
  }];
  let arguments = (ins Winnow_FloatTensor:$query, Winnow_FloatTensor:$key,
      Winnow_FloatTensor:$value, Optional<Winnow_Tensor>:$mask,
      F32Attr:$scale, UnitAttr:$causal, UnitAttr:$nan_to_zero);
  let results = (outs Winnow_FloatTensor:$result);
  let assemblyFormat = [{
    $query `,` $key `,` $value (`mask` `(` $mask^ `)`)?
    attr-dict `:` functional-type(operands, results)
  }];
}

#endif // WINNOW_ATTENTION_OPS_TD
