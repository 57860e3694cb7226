# One operator, or one meaning of it, a case.
#
# RUN: %python %s %t
# RUN: %winnow compile %t/elementwise.onnx --stop-after=import -o - | FileCheck %s --check-prefix=ELEMENTWISE
# RUN: %winnow compile %t/clip6.onnx --stop-after=import -o - | FileCheck %s --check-prefix=CLIP6
# RUN: %winnow compile %t/gemm.onnx --stop-after=import -o - | FileCheck %s --check-prefix=GEMM
# RUN: %winnow compile %t/softmax12.onnx --stop-after=import -o - | FileCheck %s --check-prefix=SOFTMAX12
# RUN: %winnow compile %t/layernorm.onnx --stop-after=import -o - | FileCheck %s --check-prefix=LAYERNORM
# RUN: %winnow compile %t/reduce.onnx --stop-after=import -o - | FileCheck %s --check-prefix=REDUCE
# RUN: %winnow compile %t/reduce13.onnx --stop-after=import -o - | FileCheck %s --check-prefix=REDUCE13
# RUN: %winnow compile %t/split.onnx --stop-after=import -o - | FileCheck %s --check-prefix=SPLIT
# RUN: %winnow compile %t/movement.onnx --stop-after=import -o - | FileCheck %s --check-prefix=MOVEMENT
# RUN: %winnow compile %t/attention.onnx --stop-after=import -o - | FileCheck %s --check-prefix=ATTENTION
# RUN: %winnow compile %t/rmsnorm.onnx --stop-after=import -o - | FileCheck %s --check-prefix=RMSNORM
# RUN: %winnow compile %t/rotary.onnx --stop-after=import -o - | FileCheck %s --check-prefix=ROTARY
# RUN: %winnow compile %t/einsum.onnx --stop-after=import -o - | FileCheck %s --check-prefix=EINSUM
# RUN: %winnow compile %t/patches.onnx --stop-after=import -o - | FileCheck %s --check-prefix=PATCHES
# RUN: %winnow compile %t/conv1d.onnx --stop-after=import -o - | FileCheck %s --check-prefix=CONV1D

import sys

sys.path.insert(0, __file__.rsplit("/", 1)[0] + "/Inputs")
from build import BOOL, FLOAT, INT64, ints, node, save, value
from onnx import TensorProto
import numpy as np

X = [value("x", ["n", 8])]
f = lambda *shape: np.ones(shape, np.float32)

# ELEMENTWISE: winnow.pow
# ELEMENTWISE: winnow.gelu %{{.*}} {tanh_approximation}
# ELEMENTWISE: winnow.maximum
# ELEMENTWISE: winnow.compare ge
# ELEMENTWISE: winnow.select
# ELEMENTWISE: winnow.cast {{.*}} -> tensor<?x8xui8
save("elementwise", [
    node("Pow", "x two", "a"),
    node("Gelu", "a", "b", approximate="tanh"),
    node("Max", "b x", "c"),
    node("GreaterOrEqual", "c x", "d"),
    node("Where", "d x c", "e"),
    node("Cast", "e", "y", to=TensorProto.UINT8),
], X, ["y"], {"two": np.int64(2)}, opset=20)

# CLIP6: winnow.maximum
# CLIP6: winnow.minimum
save("clip6", [node("Clip", "x", "y", min=0.0, max=6.0)], X, ["y"], opset=9)

# GEMM: winnow.linear {{.*}} bias({{.*}}transpose_weight
# GEMM: winnow.transpose
# GEMM: winnow.matmul
# GEMM: winnow.mul
# GEMM: winnow.add
save("gemm", [
    node("Gemm", "x w b", "y", transB=1),
    node("Gemm", "x y c", "z", transA=1, alpha=0.5),
], X, ["z"], {"w": f(4, 8), "b": f(4), "c": f(8, 1)})

# Before opset 13 everything from the axis on is normalised together.
# SOFTMAX12: winnow.reshape {{.*}} -> tensor<?x12xf32
# SOFTMAX12-NEXT: winnow.softmax {{.*}} {axis = 1 : i64}
# SOFTMAX12-NEXT: winnow.reshape {{.*}} -> tensor<?x3x4xf32
save("softmax12", [node("Softmax", "x", "y", axis=1)], [value("x", ["n", 3, 4])], ["y"], opset=12)

# LAYERNORM: winnow.reshape {{.*}} -> tensor<?x12xf32
# LAYERNORM: winnow.layer_norm {{.*}} scale({{.*}} bias(
# LAYERNORM: winnow.reshape {{.*}} -> tensor<?x3x4xf32
save("layernorm", [node("LayerNormalization", "x s b", "y", axis=1)], [value("x", ["n", 3, 4])],
     ["y"], {"s": f(3, 4), "b": f(3, 4)})

# REDUCE: winnow.reduce mean %{{.*}} [1] {keepdims}
# REDUCE: winnow.reduce sum %{{.*}} [0, 1] :
# REDUCE: return %{{.*}}, %{{.*}}, %arg0
save("reduce", [
    node("ReduceMean", "x last", "a"),
    node("ReduceSum", "x", "b", keepdims=0),
    node("ReduceSum", "x", "c", noop_with_empty_axes=1),
], X, ["a", "b", "c"], {"last": ints(-1)})

# REDUCE13: winnow.reduce max %{{.*}} [1]
save("reduce13", [node("ReduceMax", "x", "a", axes=[-1])], X, ["a"], opset=13)

# SPLIT: winnow.slice {{.*}} -> tensor<?x3xf32
# SPLIT: winnow.slice {{.*}} -> tensor<?x3xf32
# SPLIT: winnow.slice {{.*}} -> tensor<?x2xf32
save("split", [node("Split", "x", "a b c", axis=1, num_outputs=3)], X, ["a", "b", "c"])

# MOVEMENT: winnow.broadcast_to {{.*}} -> tensor<?x2xf32
# MOVEMENT: winnow.concat {{.*}}axis = 1
# MOVEMENT: winnow.broadcast_to {{.*}} -> tensor<2x?x10xf32
# MOVEMENT: winnow.gather_nd {{.*}} {batch_dims = 1 : i64}
# MOVEMENT: winnow.compare ge
# MOVEMENT: winnow.select
save("movement", [
    node("Pad", "x pads", "a"),
    node("Tile", "a twice", "b"),
    node("GatherElements", "x i", "c", axis=1),
    node("Trilu", "x", "d"),
], X + [value("i", ["n", 5], INT64)], ["b", "c", "d"],
     {"pads": ints(0, 2, 0, 0), "twice": ints(2, 1)})

# ATTENTION: winnow.transpose {{.*}}[0, 2, 1, 3]
# A row that the mask hides as a whole is zeros.
# ATTENTION: winnow.attention {{.*}} mask({{.*}}causal, nan_to_zero, scale = 2.500000e-01 : f32
# ATTENTION: winnow.transpose {{.*}}[0, 2, 1, 3]
save("attention", [node("Attention", "q k v m", "y", is_causal=1)],
     [value("q", ["b", 4, "s", 16]), value("k", ["b", 2, "s", 16]), value("v", ["b", 2, "s", 16]),
      value("m", ["s", "s"], BOOL)], ["y"], opset=23)

# RMSNORM: winnow.reshape {{.*}} -> tensor<?x12xf32
# RMSNORM: winnow.rms_norm {{.*}} scale({{.*}}) {epsilon = 1.000000e-03 : f32}
save("rmsnorm", [node("RMSNormalization", "x s", "y", axis=1, epsilon=1e-3)],
     [value("x", ["n", 3, 4])], ["y"], {"s": f(3, 4)}, opset=23)

# ROTARY: winnow.gather
# ROTARY: %[[COS:.*]] = winnow.reshape {{.*}} -> tensor<?x1x?x3xf32
# ROTARY: winnow.rotary %arg0, %[[COS]], {{.*}} {interleaved}
save("rotary", [node("RotaryEmbedding", "x c s p", "y", interleaved=1, rotary_embedding_dim=6)],
     [value("x", ["b", 4, "s", 16]), value("c", [50, 3]), value("s", [50, 3]),
      value("p", ["b", "s"], INT64)], ["y"], opset=23)

# EINSUM: winnow.matmul {{.*}} -> tensor<?x4x?x?xf32
save("einsum", [node("Einsum", "q k", "y", equation="blhe,bshe->bhls")],
     [value("q", ["b", "l", 4, 16]), value("k", ["b", "s", 4, 16])], ["y"])

# A patch embedding is a matrix product.
# PATCHES: winnow.reshape {{.*}} -> tensor<?x3x2x4x2x4xf32
# PATCHES: winnow.linear {{.*}} -> tensor<?x2x2x5xf32
# PATCHES: winnow.transpose {{.*}} -> tensor<?x5x2x2xf32
save("patches", [node("Conv", "x w b", "y", strides=[4, 4])], [value("x", ["n", 3, 8, 8])], ["y"],
     {"w": f(5, 3, 4, 4), "b": f(5)})

# CONV1D: winnow.concat {{.*}}axis = 2
# CONV1D: winnow.linear {{.*}} -> tensor<?x?x6xf32
save("conv1d", [node("Conv", "x w", "y", pads=[1, 1])], [value("x", ["n", 2, "t"])], ["y"],
     {"w": f(6, 2, 3)})
