# Sorting, scattering and running sums: all their forms over the opsets.
#
# RUN: %python %s %t
# RUN: %winnow compile %t/topk1.onnx --stop-after=import -o - | FileCheck %s --check-prefix=TOPK1
# RUN: %winnow compile %t/topk10.onnx --stop-after=import -o - | FileCheck %s --check-prefix=TOPK10
# RUN: %winnow compile %t/topk11.onnx --stop-after=import -o - | FileCheck %s --check-prefix=TOPK11
# RUN: %winnow compile %t/argsort.onnx --stop-after=import -o - | FileCheck %s --check-prefix=ARGSORT
# RUN: %winnow compile %t/topk-bound.onnx --stop-after=import -o - 2>&1 | FileCheck %s --check-prefix=BOUND
# RUN: not %winnow compile %t/topk-many.onnx -o %t/out 2>&1 | FileCheck %s --check-prefix=MANY
# RUN: %winnow compile %t/topk-data.onnx --stop-after=import -o - | FileCheck %s --check-prefix=DATA
# RUN: %winnow compile %t/scatter9.onnx --stop-after=import -o - | FileCheck %s --check-prefix=SCATTER9
# RUN: %winnow compile %t/scatter18.onnx --stop-after=import -o - | FileCheck %s --check-prefix=SCATTER18
# RUN: %winnow compile %t/scatter-front.onnx --stop-after=import -o - | FileCheck %s --check-prefix=FRONT
# RUN: not %winnow compile %t/scatter13-max.onnx -o %t/out 2>&1 | FileCheck %s --check-prefix=EARLY
# RUN: %winnow compile %t/scatter-nd.onnx --stop-after=import -o - | FileCheck %s --check-prefix=ND
# RUN: not %winnow compile %t/scatter-nd-rank.onnx -o %t/out 2>&1 | FileCheck %s --check-prefix=NDRANK
# RUN: not %winnow compile %t/scatter-nd-shape.onnx -o %t/out 2>&1 | FileCheck %s --check-prefix=NDSHAPE
# RUN: %winnow compile %t/cumsum.onnx --stop-after=import -o - | FileCheck %s --check-prefix=CUMSUM
# RUN: %winnow compile %t/range.onnx --stop-after=import -o - | FileCheck %s --check-prefix=RANGE
# RUN: %winnow compile %t/range-data.onnx --stop-after=import -o - | FileCheck %s --check-prefix=RANGEDATA
# RUN: not %winnow compile %t/range-endless.onnx -o %t/out 2>&1 | FileCheck %s --check-prefix=ENDLESS
# RUN: %winnow compile %t/sizes.onnx --stop-after=import -o - 2>&1 | FileCheck %s --check-prefix=SIZES
# RUN: %winnow compile %t/nonzero.onnx --stop-after=import -o - 2>&1 | FileCheck %s --check-prefix=NONZERO
# RUN: %winnow compile %t/nonzero-data.onnx --stop-after=import -o - | FileCheck %s --check-prefix=NONZERODATA

import sys

sys.path.insert(0, __file__.rsplit("/", 1)[0] + "/Inputs")
from build import FLOAT, INT64, ints, node, save, value
from onnx import TensorProto
import numpy as np

X = [value("x", ["n", 8])]

# The number is an attribute first, then an input; the least come with opset 11.
# TOPK1: winnow.topk {{.*}} {axis = 1 : i64, largest} : {{.*}} -> (tensor<?x3xf32, {{.*}}>, tensor<?x3xi64, {{.*}}>)
save("topk1", [node("TopK", "x", "v i", k=3)], X, ["v", "i"], opset=9)
# TOPK10: winnow.topk {{.*}} {axis = 1 : i64, largest}
save("topk10", [node("TopK", "x k", "v i", axis=1)], X, ["i"], {"k": ints(3)}, opset=10)
# TOPK11: winnow.topk {{.*}} {axis = 1 : i64} :
save("topk11", [node("TopK", "x k", "v i", largest=0, sorted=0)], X, ["v", "i"], {"k": ints(3)})

# A dynamic number of elements.
# ARGSORT: winnow.topk {{.*}} {axis = 0 : i64, largest} : (tensor<?x8xf32, [[MAP:.*]]>) -> (tensor<?x8xf32, [[MAP]]>
save("argsort", [
    node("Shape", "x", "k", start=0, end=1),
    node("TopK", "x k", "v i", axis=0),
], X, ["v", "i"])

# BOUND: dimension 'n' is at least 3: node 'topk' (TopK) takes 3 of n elements
# BOUND: winnow.topk
save("topk-bound", [node("TopK", "x k", "v i", axis=0, name="topk")], X, ["v"], {"k": ints(3)})

# MANY: expected k to be at most 8, got 9
save("topk-many", [node("TopK", "x k", "v i")], X, ["v"], {"k": ints(9)})
# DATA: winnow.bind_size
# DATA: winnow.topk {{.*}} -> (tensor<?x?xf32
save("topk-data", [node("TopK", "x k", "v i")], X + [value("k", [1], INT64)], ["v"])

I = X + [value("i", ["n", 3], INT64), value("u", ["n", 3])]
# SCATTER9: winnow.scatter_elements {{.*}} {axis = 1 : i64} :
save("scatter9", [node("Scatter", "x i u", "y", axis=-1)], I, ["y"], opset=10)
# SCATTER18: winnow.scatter_elements {{.*}} {axis = 1 : i64, reduction = #winnow<scatter_reduction min>}
save("scatter18", [node("ScatterElements", "x i u", "y", axis=1, reduction="min")], I, ["y"])
# EARLY: expected a reduction of opset 13, got 'max'
save("scatter13-max", [node("ScatterElements", "x i u", "y", axis=1, reduction="max")], I, ["y"],
     opset=13)

# Indices may cover only the front of another dimension.
# FRONT: %[[FRONT:.*]] = winnow.slice %arg0 {{.*}} -> tensor<?x3xf32
# FRONT: %[[REST:.*]] = winnow.slice %arg0 {{.*}} -> tensor<?x5xf32
# FRONT: %[[PART:.*]] = winnow.scatter_elements %[[FRONT]]
# FRONT: winnow.concat %[[PART]], %[[REST]] {axis = 1 : i64}
save("scatter-front", [node("ScatterElements", "x i u", "y", axis=0)], I, ["y"])

# ND: winnow.scatter_nd {{.*}} {reduction = #winnow<scatter_reduction add>}
# ND-SAME: (tensor<?x8xf32, {{.*}}>, tensor<5x1xi64>, tensor<5x8xf32>)
save("scatter-nd", [node("ScatterND", "x i u", "y", reduction="add")],
     X + [value("i", [5, 1], INT64), value("u", [5, 8])], ["y"])
# NDRANK: expected index tuples of at most 2 indices, got 3
save("scatter-nd-rank", [node("ScatterND", "x i u", "y")],
     X + [value("i", [5, 3], INT64), value("u", [5])], ["y"])
# NDSHAPE: expected dimension 1 of the updates to match, got 8 and 7
save("scatter-nd-shape", [node("ScatterND", "x i u", "y")],
     X + [value("i", [5, 1], INT64), value("u", [5, 7])], ["y"])

# CUMSUM: winnow.cumsum {{.*}} {axis = 0 : i64}
# CUMSUM: winnow.cumsum {{.*}} {axis = 1 : i64, exclusive, reverse}
save("cumsum", [
    node("CumSum", "x zero", "a"),
    node("CumSum", "a last", "y", exclusive=1, reverse=1),
], X, ["y"], {"zero": np.int64(0), "last": np.int32(-1)})

# Floats that are integers, also converted dimensions, count as integers do.
# RANGE: winnow.iota {start = 0 : i64, step = 1 : i64} : tensor<?xf32, {{.*}}>
# RANGE: winnow.iota {start = 3 : i64, step = -1 : i64} : tensor<4xf32>
# RANGE: %[[STEPS:.*]] = winnow.iota {start = 0 : i64, step = 1 : i64} : tensor<4xf32>
# RANGE: winnow.mul %[[STEPS]]
# RANGE: winnow.add
save("range", [
    node("Shape", "x", "s", start=0, end=1),
    node("Squeeze", "s", "n"),
    node("Cast", "n", "f", to=FLOAT),
    node("Range", "zero f one", "a"),
    node("Range", "three minus minus", "b"),
    node("Range", "zero one quarter", "c"),
], X, ["a", "b", "c"], {name: np.float32(number) for name, number in
                        (("zero", 0), ("one", 1), ("three", 3), ("minus", -1), ("quarter", 0.25))})

# RANGEDATA: winnow.ceil
# RANGEDATA: winnow.bind_size
# RANGEDATA: winnow.iota
save("range-data", [node("Range", "zero l one", "y")], [value("l", [])], ["y"],
     {"zero": np.float32(0), "one": np.float32(1)})
# ENDLESS: expected a range of finite length
save("range-endless", [node("Range", "one half zero", "y")], X, ["y"],
     {"one": np.float32(0), "half": np.float32(0.5), "zero": np.float32(0)})

# Sizes as dynamo writes them: of a broadcast, and of a slice.
# SIZES-DAG: dimension 'n' is at least 1: {{.*}} (Max) takes it for a size
# SIZES-DAG: dimension 'n' is at least 4: {{.*}} (Min) takes that many elements
save("sizes", [
    node("Shape", "x", "s", start=0, end=1),
    node("Max", "s one", "m"),
    node("Min", "four s", "k"),
    node("Concat", "m k", "shape", axis=0),
    node("Expand", "scalar shape", "y"),
], X, ["y"], {"one": ints(1), "four": ints(4), "scalar": np.float32(1)})

# The non-zeros of constants, and TorchScript's positions along a dimension.
# NONZERO: winnow.constant dense<{{\[}}[0, 1, 1], [1, 0, 2]]> : tensor<2x3xi64>
# NONZERO: winnow.iota {{.*}} : tensor<?xi64
# NONZERO: winnow.reshape {{.*}} -> tensor<1x?xi64
save("nonzero", [
    node("NonZero", "c", "a"),
    node("Shape", "x", "s", start=0, end=1),
    node("Expand", "one s", "ones"),
    node("NonZero", "ones", "b"),
], X, ["a", "b"], {"c": np.array([[0, 2, -0.0], [1, 0, np.nan]], np.float32), "one": np.float32(1)})
# NONZERODATA: winnow.cumsum
# NONZERODATA: winnow.scatter_elements
# NONZERODATA: winnow.slice
save("nonzero-data", [node("NonZero", "x", "y")], X, ["y"])
