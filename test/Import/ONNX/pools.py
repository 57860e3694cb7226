# Pools, and dimensions that are cut off or filled up.
#
# RUN: %python %s %t
# RUN: %winnow compile %t/separable.onnx --stop-after=import -o - | FileCheck %s --check-prefix=SEPARABLE
# RUN: %winnow compile %t/long.onnx --stop-after=import -o - | FileCheck %s --check-prefix=LONG
# RUN: %winnow compile %t/ceil.onnx --stop-after=import -o - | FileCheck %s --check-prefix=CEIL
# RUN: %winnow compile %t/drop.onnx --stop-after=import -o - | FileCheck %s --check-prefix=DROP
# RUN: %winnow compile %t/same.onnx --stop-after=import -o - | FileCheck %s --check-prefix=SAME
# RUN: %winnow compile %t/integers.onnx --stop-after=import -o - | FileCheck %s --check-prefix=INTEGERS
# RUN: %winnow compile %t/indices.onnx --stop-after=import -o - | FileCheck %s --check-prefix=INDICES
# RUN: %winnow compile %t/counts.onnx --stop-after=import -o - | FileCheck %s --check-prefix=COUNTS
# RUN: %winnow compile %t/unpool.onnx --stop-after=import -o - | FileCheck %s --check-prefix=UNPOOL
# RUN: %winnow compile %t/crop.onnx --stop-after=import -o - | FileCheck %s --check-prefix=CROP
# RUN: %winnow compile %t/either.onnx --stop-after=import -o - | FileCheck %s --check-prefix=EITHER
# RUN: not %winnow compile %t/mean.onnx -o %t/out 2>&1 | FileCheck %s --check-prefix=MEAN
# RUN: not %winnow compile %t/norm.onnx -o %t/out 2>&1 | FileCheck %s --check-prefix=NORM
# RUN: not %winnow compile %t/sizes.onnx -o %t/out 2>&1 | FileCheck %s --check-prefix=SIZES
# RUN: not %winnow compile %t/indices-rank.onnx -o %t/out 2>&1 | FileCheck %s --check-prefix=RANK

import sys

sys.path.insert(0, __file__.rsplit("/", 1)[0] + "/Inputs")
from build import INT64, ints, node, save, value
from onnx import TensorProto

IMAGE = [value("x", ["n", 3, "h", "w"])]

# 2 + 2 maxima for a window of 3 x 3.
# SEPARABLE-COUNT-4: winnow.maximum
# SEPARABLE-NOT: winnow.maximum
# SEPARABLE: return {{.*}} : tensor<1x3x4x5xf32>
save("separable", [node("MaxPool", "x", "y", kernel_shape=[3, 3])], [value("x", [1, 3, 6, 7])], ["y"])

# Long windows that do not overlap are a reduction.
# LONG: winnow.reduce max {{.*}} [4]
# LONG: winnow.reduce max {{.*}} [3]
# LONG-NOT: winnow.maximum
save("long", [node("MaxPool", "x", "y", kernel_shape=[9, 10], strides=[9, 10])], IMAGE, ["y"])

# CEIL: [[OUT:#.*]] = affine_map<()[s0, s1] -> (s0, 3, s1 floordiv 2, 4)>
# CEIL: return {{.*}} : tensor<?x3x?x4xf32, [[OUT]]>
save("ceil", [node("AveragePool", "x", "y", kernel_shape=[3, 2], strides=[2, 2], ceil_mode=1)],
     [value("x", ["n", 3, "h", 7])], ["y"])

# No window starts in the padding after the input.
# DROP: return {{.*}} : tensor<1x1x1xf32>
save("drop", [node("MaxPool", "x", "y", kernel_shape=[1], strides=[3], pads=[0, 1], ceil_mode=1)],
     [value("x", [1, 1, 3])], ["y"])

# Where the windows start depends on the dimension's remainder.
# SAME: [[OUT:#.*]] = affine_map<()[s0] -> (1, 1, (s0 + 1) floordiv 2)>
# SAME: affine_map<()[s0] -> (0, 0, -((s0 mod 2) floordiv 2))>
# SAME: return {{.*}} : tensor<1x1x?xf32, [[OUT]]>
save("same", [node("MaxPool", "x", "y", kernel_shape=[4], strides=[2], auto_pad="SAME_UPPER")],
     [value("x", [1, 1, "t"])], ["y"])

# INTEGERS: winnow.constant dense<-128> : tensor<i8>
# INTEGERS: winnow.maximum
save("integers", [node("MaxPool", "x", "y", kernel_shape=[2], pads=[1, 0])],
     [value("x", [1, 1, 4], TensorProto.INT8)], ["y"])

# INDICES: winnow.select {{.*}} tensor<?x3x?x?xi64
# INDICES: return {{.*}}, tensor<?x3x?x?xi64
save("indices", [node("MaxPool", "x", "y i", kernel_shape=[2, 2])], IMAGE, ["y", "i"])

# The elements that a window meets are counted along one dimension.
# COUNTS: winnow.div {{.*}} (tensor<?x3x?x6xf32, {{.*}}>, tensor<?x1xf32
save("counts", [node("AveragePool", "x", "y", kernel_shape=[3, 2], pads=[1, 0, 1, 0])],
     [value("x", ["n", 3, "h", 7])], ["y"])

# The given shape extends the implied one of 4 x 4.
# UNPOOL: winnow.scatter_elements {{.*}} -> tensor<16xf32>
# UNPOOL: return {{.*}} : tensor<1x1x5x4xf32>
save("unpool", [node("MaxUnpool", "x i shape", "y", kernel_shape=[2, 2], strides=[2, 2])],
     [value("x", [1, 1, 2, 2]), value("i", [1, 1, 2, 2], INT64)], ["y"], {"shape": ints(1, 1, 5, 4)})

# Half of the difference comes off at the front, rounded down.
# CROP: affine_map<() -> (1, 0)>
# CROP: winnow.concat {{.*}} {axis = 1 : i64} : (tensor<4x1xf32>, tensor<4x3xf32>, tensor<4x2xf32>)
save("crop", [node("CenterCropPad", "x shape", "y")], [value("x", [7, 3])], ["y"],
     {"shape": ints(4, 6)})

# Which of the two is larger shows at run time.
# EITHER: winnow.gather {{.*}} {axis = 0 : i64}
# EITHER: return {{.*}} : tensor<4xf32>
save("either", [node("CenterCropPad", "x shape", "y")], [value("x", ["t"])], ["y"],
     {"shape": ints(4)})

# MEAN: node '{{.*}}' (AveragePool, opset 18): a mean or norm of integers
save("mean", [node("AveragePool", "x", "y", kernel_shape=[2])],
     [value("x", [1, 1, 4], TensorProto.INT32)], ["y"])
# NORM: expected a p of 1 or more, got 0
save("norm", [node("LpPool", "x", "y", kernel_shape=[2], p=0)], [value("x", [1, 1, 4])], ["y"])
# SIZES: expected 2 sizes, one for each axis, got 1
save("sizes", [node("CenterCropPad", "x shape", "y")], [value("x", [7, 3])], ["y"],
     {"shape": ints(4)})
# RANK: expected as many dimensions of the indices as of the input, got 3 and 4
save("indices-rank", [node("MaxUnpool", "x i", "y", kernel_shape=[2, 2])],
     [value("x", [1, 1, 2, 2]), value("i", [1, 2, 2], INT64)], ["y"])
