# Operators of com.microsoft become what those of the default domain become.
#
# RUN: %python %s %t
# RUN: %winnow compile %t/attention.onnx --stop-after=import -o - | FileCheck %s --check-prefix=ATTENTION
# RUN: %winnow compile %t/multihead.onnx --stop-after=import -o - | FileCheck %s --check-prefix=MULTIHEAD
# RUN: %winnow compile %t/prompt.onnx --stop-after=import -o - | FileCheck %s --check-prefix=PROMPT
# RUN: %winnow compile %t/grown.onnx --stop-after=import -o - | FileCheck %s --check-prefix=GROWN
# RUN: %winnow compile %t/buffer.onnx --stop-after=import -o - | FileCheck %s --check-prefix=BUFFER
# RUN: %winnow compile %t/norm.onnx --stop-after=import -o - | FileCheck %s --check-prefix=NORM
# RUN: %winnow compile %t/simplified.onnx --stop-after=import -o - | FileCheck %s --check-prefix=SIMPLIFIED
# RUN: %winnow compile %t/old.onnx --stop-after=import -o - | FileCheck %s --check-prefix=OLD
# RUN: %winnow compile %t/nbits.onnx --stop-after=import -o - | FileCheck %s --check-prefix=NBITS
# RUN: %winnow compile %t/computed.onnx --stop-after=import -o - | FileCheck %s --check-prefix=COMPUTED
# RUN: %winnow check --operators | FileCheck %s --check-prefix=TABLE
# RUN: not %winnow check %t/refused.onnx | FileCheck %s --check-prefix=REFUSED

import sys

sys.path.insert(0, __file__.rsplit("/", 1)[0] + "/Inputs")
import numpy as np
from build import FLOAT, node, save, value
from onnx import TensorProto

INT32 = TensorProto.INT32


def microsoft(op, inputs, outputs, **attributes):
    return node(op, inputs, outputs, domain="com.microsoft", **attributes)


def f(*shape):
    return np.ones(shape, np.float32)


def case(name, nodes, inputs, outputs, constants=None, opset=21):
    save(name, nodes, inputs, outputs, constants, opset, ["com.microsoft"])


X = [value("x", ["b", "s", 32])]

# One linear for all projections; a number is added to what the padding hides.
# ATTENTION: %[[ALL:.*]] = winnow.linear %arg0
# ATTENTION-COUNT-3: winnow.slice %[[ALL]]
# ATTENTION: %[[MASK:.*]] = winnow.select {{.*}}x1x1x
# ATTENTION: winnow.attention {{.*}} mask(%[[MASK]]) {causal, scale
case("attention", [microsoft("Attention", "x w b m", "y", num_heads=4, unidirectional=1)],
     X + [value("m", ["b", "s"], INT32)], ["y"], {"w": f(32, 96), "b": f(96)})  # fmt: skip

# The caches are read as they are, and put out.
# MULTIHEAD: %[[KEY:.*]] = winnow.concat %arg3, %{{.*}} {axis = 2
# MULTIHEAD: %[[VALUE:.*]] = winnow.concat %arg4, %{{.*}} {axis = 2
# MULTIHEAD: winnow.attention
# MULTIHEAD: return %{{.*}}, %[[KEY]], %[[VALUE]]
CACHE = [value(name, ["b", 4, "p", 8]) for name in ("pk", "pv")]
case("multihead", [microsoft("MultiHeadAttention", "q k v - - - pk pv", "y nk nv", num_heads=4)],
     [value(name, ["b", "s", 32]) for name in "qkv"] + CACHE, ["y", "nk", "nv"])  # fmt: skip

# Without a cache there is nothing to scatter into.
# PROMPT-NOT: winnow.scatter_nd
# PROMPT: winnow.attention
LENGTHS = [value("last", ["b"], INT32), value("total", [], INT32)]
QUERY = dict(num_heads=4, kv_num_heads=2)
Q, KV = [value("q", ["b", "s", 32])], [value(name, ["b", "s", 16]) for name in "kv"]
case("prompt", [microsoft("GroupQueryAttention", "q k v - - last total", "y", **QUERY)],
     Q + KV + LENGTHS, ["y"])  # fmt: skip

# A cache of a length that the model does not say is the longer of two.
# GROWN: winnow.maximum
# GROWN: winnow.bind_size %[[LONGER:.*]] to
# GROWN: winnow.concat
# GROWN: winnow.scatter_nd
# GROWN: winnow.attention {{.*}} mask(
ROWS = [value(name, ["b", 2, "p", 8]) for name in ("pk", "pv")]
case("grown", [microsoft("GroupQueryAttention", "q k v pk pv last total", "y nk nv", **QUERY)],
     Q + KV + ROWS + LENGTHS, ["y", "nk", "nv"])  # fmt: skip

# One that has room for all tokens keeps its length.
# BUFFER-NOT: winnow.concat %arg3
# BUFFER: winnow.scatter_nd %arg3
# BUFFER: winnow.attention
case("buffer", [microsoft("GroupQueryAttention", "q k v pk pv last total", "y nk nv", **QUERY)],
     Q + KV + [value(name, ["b", 2, 64, 8]) for name in ("pk", "pv")] + LENGTHS[:1], ["y", "nk", "nv"],
     {"total": np.array(9, np.int32)})  # fmt: skip

# NORM: %[[SUM:.*]] = winnow.add %arg0, %arg1
# NORM: %[[NORM:.*]] = winnow.layer_norm %[[SUM]]
# NORM: return %[[NORM]], %[[SUM]]
case("norm", [microsoft("SkipLayerNormalization", "x k g b", "y - - sum")],
     X + [value("k", ["b", "s", 32])], ["y", "sum"], {"g": f(32), "b": f(32)})  # fmt: skip

# SIMPLIFIED: winnow.rms_norm
case("simplified", [node("SimplifiedLayerNormalization", "x g", "y")], X, ["y"], {"g": f(32)})

# The optimiser writes it before there was such an operator.
# OLD: winnow.layer_norm
case("old", [node("LayerNormalization", "x g b", "y")], X, ["y"], {"g": f(32), "b": f(32)}, opset=12)

# NBITS: winnow.quantized_linear %arg0, %{{.*}} scale(%{{.*}}) weight_zero(%{{.*}}) {block_size = 16 : i64, transpose_weight} : ({{.*}}, tensor<3x24xui8>, tensor<2x3xf32>, tensor<2x3xui8>)
case("nbits", [microsoft("MatMulNBits", "x w s", "y", N=3, K=24, block_size=16)],
     [value("x", ["n", 24])], ["y"], {"w": np.zeros((3, 2, 8), np.uint8), "s": f(3, 2)})  # fmt: skip

# ROUNDED: winnow.quantized_linear {{.*}} {block_size = 16 : i64, round_input, transpose_weight}
case("rounded", [microsoft("MatMulNBits", "x w s", "y", N=3, K=24, block_size=16, accuracy_level=4)],
     [value("x", ["n", 24])], ["y"], {"w": np.zeros((3, 2, 8), np.uint8), "s": f(3, 2)})  # fmt: skip

# COMPUTED: winnow.shift_right
# COMPUTED: %[[WEIGHTS:.*]] = winnow.slice {{.*}} -> tensor<3x24xf32>
# COMPUTED: winnow.linear %arg0, %[[WEIGHTS]] {transpose_weight}
case("computed", [microsoft("MatMulNBits", "x w s", "y", N=3, K=24, block_size=16)],
     [value("x", ["n", 24]), value("w", [3, 2, 8], 2)], ["y"], {"s": f(3, 2)})  # fmt: skip

# TABLE: | Attention | 23-27 |
# TABLE: ## com.microsoft
# TABLE: | Attention | 1-1 |

# REFUSED: com.microsoft.Attention
# REFUSED: rotary embeddings inside the operator (do_rotary)
# REFUSED: MultiHeadAttention
# REFUSED: beams that share a cache (cache_indirection)
# REFUSED: GroupQueryAttention
# REFUSED: a cache that holds a window only (sliding_window_cache)
# REFUSED: RotaryEmbedding
# REFUSED: packed batches (is_packed_batching)
# REFUSED: MatMulNBits
# REFUSED: weights of 3 bits
# REFUSED: GatherBlockQuantized
# REFUSED: blocks along the dimension that is gathered
case("refused", [
    microsoft("Attention", "x w", "a", num_heads=4, do_rotary=1),
    microsoft("MultiHeadAttention", "x x x - - - - - - beams", "c", num_heads=4),
    microsoft("GroupQueryAttention", "q k v - - last total", "d", sliding_window_cache=1, **QUERY),
    microsoft("RotaryEmbedding", "x places cos cos", "e", is_packed_batching=1),
    microsoft("MatMulNBits", "x bits s", "g", N=3, K=32, block_size=16, bits=3),
    microsoft("GatherBlockQuantized", "table places s", "h", quantize_axis=0, block_size=16),
], X + Q + KV + LENGTHS + [value("beams", ["b", 2, 9], INT32), value("places", ["b", "s"], TensorProto.INT64)],
     list("acdegh"), {"w": f(32, 96), "cos": f(9, 4), "bits": np.zeros((3, 2, 6), np.uint8),
      "table": np.zeros((3, 16), np.uint8), "s": f(3, 2)})
