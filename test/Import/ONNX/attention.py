# Attention in its forms. What one winnow.attention can say is one.
#
# RUN: %python %s %t
# RUN: %winnow compile %t/cache.onnx --stop-after=import -o - | FileCheck %s --check-prefix=CACHE
# RUN: %winnow compile %t/chunk.onnx --stop-after=import -o - | FileCheck %s --check-prefix=CHUNK
# RUN: %winnow compile %t/lengths.onnx --stop-after=import -o - | FileCheck %s --check-prefix=LENGTHS
# RUN: %winnow compile %t/short.onnx --stop-after=import -o - | FileCheck %s --check-prefix=SHORT
# RUN: %winnow compile %t/scores.onnx --stop-after=import -o - | FileCheck %s --check-prefix=SCORES
# RUN: %winnow compile %t/capped.onnx --stop-after=import -o - | FileCheck %s --check-prefix=CAPPED
# RUN: %winnow compile %t/heads.onnx --stop-after=import -o - | FileCheck %s --check-prefix=HEADS
# RUN: %winnow compile %t/flex.onnx --stop-after=import -o - | FileCheck %s --check-prefix=FLEX
# RUN: %winnow compile %t/plainflex.onnx --stop-after=import -o - | FileCheck %s --check-prefix=PLAINFLEX
# RUN: %winnow compile %t/linear.onnx --stop-after=import -o - | FileCheck %s --check-prefix=LINEAR
# RUN: not %winnow compile %t/half-cache.onnx -o %t/x 2>&1 | FileCheck %s --check-prefix=HALF-CACHE
# RUN: not %winnow compile %t/groups.onnx -o %t/x 2>&1 | FileCheck %s --check-prefix=GROUPS
# RUN: not %winnow compile %t/mode.onnx -o %t/x 2>&1 | FileCheck %s --check-prefix=MODE
# RUN: not %winnow compile %t/rule.onnx -o %t/x 2>&1 | FileCheck %s --check-prefix=RULE
# RUN: not %winnow compile %t/no-decay.onnx -o %t/x 2>&1 | FileCheck %s --check-prefix=NO-DECAY
# RUN: not %winnow compile %t/two-results.onnx -o %t/x 2>&1 | FileCheck %s --check-prefix=TWO-RESULTS

import sys

sys.path.insert(0, __file__.rsplit("/", 1)[0] + "/Inputs")
from build import BOOL, INT64, build, node, save, value


def heads(length, count=4, past=None):
    names = ["q", "k", "v"]
    result = [value(name, ["b", count if name == "q" else 2, length, 8]) for name in names]
    return result + [value(name, ["b", 2, past, 8]) for name in ("pk", "pv") if past]


# The caches are put out, and read as they are.
# CACHE: %[[KEY:.*]] = winnow.concat %arg3, %arg1 {axis = 2
# CACHE: %[[VALUE:.*]] = winnow.concat %arg4, %arg2 {axis = 2
# CACHE: winnow.attention {{.*}}causal, causal_at_end, scale
# CACHE: return %{{.*}}, %[[KEY]], %[[VALUE]]
save("cache", [node("Attention", "q k v - pk pv", "y nk nv", is_causal=1)], heads("s", past="p"),
     ["y", "nk", "nv"], opset=23)  # fmt: skip

# Without as many new keys as queries the causal mask is no corner.
# CHUNK: %[[VISIBLE:.*]] = winnow.compare le
# CHUNK: winnow.attention {{.*}} mask(%[[VISIBLE]]) {nan_to_zero, scale
save("chunk", [node("Attention", "q k v - pk pv", "y", is_causal=1)],
     [value("q", ["b", 4, "s", 8]), *heads("t", past="p")[1:]], ["y"], opset=23)  # fmt: skip

# A mask of floats and the lengths become one mask.
# LENGTHS: %[[VISIBLE:.*]] = winnow.compare lt {{.*}}x1x1x
# LENGTHS: %[[MASK:.*]] = winnow.select %[[VISIBLE]], %arg3
# LENGTHS: winnow.attention {{.*}} mask(%[[MASK]])
save("lengths", [node("Attention", "q k v m - - n", "y")],
     [*heads("s"), value("m", ["b", 1, "s", "s"]), value("n", ["b"], INT64)], ["y"], opset=24)

# A mask hides the keys after it.
# SHORT: winnow.concat %arg3, %{{.*}} {axis = 3
# SHORT: winnow.attention
save("short", [node("Attention", "q k v m", "y")],
     [*heads(6), value("m", ["b", 1, 6, 4], BOOL)], ["y"], opset=24)

# SCORES: winnow.matmul
# SCORES: winnow.tanh
# SCORES: %[[WEIGHTS:.*]] = winnow.softmax
# SCORES: winnow.matmul
# SCORES: return %{{.*}}, %[[WEIGHTS]]
save("scores", [node("Attention", "q k v", "y - - w", softcap=2.0, qk_matmul_output_mode=3)],
     heads("s"), ["y", "w"], opset=23)  # fmt: skip

# CAPPED: winnow.attention {{.*}} {scale = {{[^ ]*}} : f32, softcap = 2.000000e+00 : f32}
save("capped", [node("Attention", "q k v", "y", softcap=2.0)], heads("s"), ["y"], opset=23)

# The run finds how many heads share a key, and checks it.
# HEADS: winnow.bind_size
# HEADS: winnow.bind_size
# HEADS: winnow.softmax
save("heads", [node("Attention", "q k v", "y")],
     [value(name, ["b", f"h{name}", "s", 8]) for name in "qkv"], ["y"], opset=23)  # fmt: skip

# The model's functions see what the softmax reads and gives.
# FLEX: winnow.matmul
# FLEX: %[[MODIFIED:.*]] = winnow.tanh
# FLEX: %[[WEIGHTS:.*]] = winnow.softmax %[[MODIFIED]]
# FLEX: winnow.abs %[[WEIGHTS]]
def function(op, count=1):
    results = [f"r{i}" for i in range(count)]
    return build([node(op, "x", result) for result in results], [value("x", None)], results).graph


def flex(name, **attributes):
    save(name, [node("FlexAttention", "q k v", "y", domain="ai.onnx.preview", **attributes)],
         heads("s"), ["y"], opset=26, domains=["ai.onnx.preview"])  # fmt: skip


flex("flex", score_mod=function("Tanh"), prob_mod=function("Abs"))

# PLAINFLEX: winnow.attention {{.*}} {scale = 5.000000e-01
flex("plainflex", scale=0.5)

# A loop over the tokens that carries the state and fills the output.
# LINEAR: scf.for {{.*}} iter_args(%[[STATE:.*]] = {{.*}}, %{{.*}} = {{.*}}) -> (tensor<?x2x4x6xf32{{.*}}, tensor<?x?x2x2x6xf32
# LINEAR: winnow.mul %[[STATE]]
# LINEAR: winnow.insert_at
QKV = [value("q", ["b", "t", 16]), value("k", ["b", "t", 8]), value("v", ["b", "t", 12])]
LINEAR = dict(q_num_heads=4, kv_num_heads=2)
save("linear", [node("LinearAttention", "q k v - g", "y s", update_rule="gated", **LINEAR)],
     [*QKV, value("g", ["b", "t", 2])], ["y", "s"], opset=27)  # fmt: skip

# HALF-CACHE: expected past_key and past_value together, got one
save("half-cache", [node("Attention", "q k v - pk", "y")], heads("s", past="p")[:4], ["y"], opset=23)

# GROUPS: expected key heads to divide query heads, got 2 and 3
save("groups", [node("Attention", "q k v", "y")], heads("s", count=3), ["y"], opset=23)

# MODE: expected qk_matmul_output_mode in [0, 3], got 4
save("mode", [node("Attention", "q k v", "y", qk_matmul_output_mode=4)], heads("s"), ["y"], opset=23)

# RULE: expected update_rule linear, gated, delta or gated_delta, got 'none'
save("rule", [node("LinearAttention", "q k v", "y", update_rule="none", **LINEAR)], QKV, ["y"],
     opset=27)  # fmt: skip

# NO-DECAY: expected a decay for gated rules only and a beta for delta rules only
save("no-decay", [node("LinearAttention", "q k v", "y", update_rule="gated", **LINEAR)], QKV, ["y"],
     opset=27)  # fmt: skip

# TWO-RESULTS: expected score_mod to have one output, got 2
flex("two-results", score_mod=function("Tanh", 2))
