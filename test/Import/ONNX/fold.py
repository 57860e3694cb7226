# Windows that add up: Col2Im and transposed convolutions.
#
# RUN: %python %s %t
# RUN: %winnow compile %t/touching.onnx --stop-after=import -o - | FileCheck %s --check-prefix=TOUCHING
# RUN: %winnow compile %t/overlapping.onnx --stop-after=import -o - | FileCheck %s --check-prefix=OVERLAPPING
# RUN: %winnow compile %t/dynamic.onnx --stop-after=import -o - | FileCheck %s --check-prefix=DYNAMIC
# RUN: not %winnow compile %t/windows.onnx -o %t/out 2>&1 | FileCheck %s --check-prefix=WINDOWS
# RUN: not %winnow compile %t/block.onnx -o %t/out 2>&1 | FileCheck %s --check-prefix=BLOCK
# RUN: %winnow compile %t/transposed.onnx --stop-after=import -o - | FileCheck %s --check-prefix=TRANSPOSED
# RUN: %winnow compile %t/same.onnx --stop-after=import -o - | FileCheck %s --check-prefix=SAME
# RUN: %winnow compile %t/groups.onnx --stop-after=import -o - | FileCheck %s --check-prefix=GROUPS
# RUN: not %winnow compile %t/channels.onnx -o %t/out 2>&1 | FileCheck %s --check-prefix=CHANNELS

import sys

sys.path.insert(0, __file__.rsplit("/", 1)[0] + "/Inputs")
from build import ints, node, save, value
import numpy as np

f = lambda *shape: np.ones(shape, np.float32)

# Windows that only touch move and are not added.
# TOUCHING: winnow.reshape {{.*}} -> tensor<?x3x2x2x4x5xf32
# TOUCHING-NOT: winnow.add
# TOUCHING: winnow.reshape {{.*}} -> tensor<?x3x8x10xf32
save("touching", [node("Col2Im", "x image block", "y", strides=[2, 2])], [value("x", ["n", 12, 20])],
     ["y"], {"image": ints(8, 10), "block": ints(2, 2)})

# One dimension after the other: 2 and 3 shifted tensors, no 6.
# OVERLAPPING-COUNT-2: winnow.add
# OVERLAPPING: -> tensor<?x3x2x4x6xf32
# OVERLAPPING-COUNT-1: winnow.add
# OVERLAPPING-NOT: winnow.add
# OVERLAPPING: return {{.*}} : tensor<?x3x5x6xf32
save("overlapping", [node("Col2Im", "x image block", "y")], [value("x", ["n", 18, 16])], ["y"],
     {"image": ints(5, 6), "block": ints(2, 3)})

# The image's size may be dynamic where the windows come out even.
# DYNAMIC: return {{.*}} : tensor<1x2x?xf32
save("dynamic", [
    node("Shape", "like", "size", start=0, end=1),
    node("Col2Im", "x size block", "y", pads=[1, 1]),
], [value("x", [1, 6, "n"]), value("like", ["n"])], ["y"], {"block": ints(3)})

# WINDOWS: expected the number of windows to match, got 15 and 16
save("windows", [node("Col2Im", "x image block", "y")], [value("x", ["n", 18, 15])], ["y"],
     {"image": ints(5, 6), "block": ints(2, 3)})
# BLOCK: expected dimension 1 to be a multiple of the block's 6 elements, got 17
save("block", [node("Col2Im", "x image block", "y")], [value("x", ["n", 17, 16])], ["y"],
     {"image": ints(5, 6), "block": ints(2, 3)})

# A matrix product for all positions of the kernel, then the sums.
# TRANSPOSED: [[OUT:#.*]] = affine_map<()[s0, s1] -> (s0, 5, s1 * 2)>
# TRANSPOSED: winnow.linear {{.*}} -> tensor<?x?x20xf32
# TRANSPOSED: winnow.transpose
# TRANSPOSED-COUNT-3: winnow.add
# TRANSPOSED: return {{.*}} : tensor<?x5x?xf32, [[OUT]]>
save("transposed", [node("ConvTranspose", "x w", "y", strides=[2], pads=[1, 1])],
     [value("x", ["n", 3, "t"])], ["y"], {"w": f(3, 5, 4)})

# The padding follows from the size.
# SAME: return {{.*}} : tensor<1x5x8xf32>
save("same", [node("ConvTranspose", "x w b", "y", strides=[2], auto_pad="SAME_UPPER")],
     [value("x", [1, 3, 4])], ["y"], {"w": f(3, 5, 3), "b": f(5)})

# GROUPS: winnow.matmul {{.*}} (tensor<1x2x4x2xf32>, tensor<2x2x15xf32>)
# GROUPS-NOT: winnow.matmul
save("groups", [node("ConvTranspose", "x w", "y", group=2)], [value("x", [1, 4, 4])], ["y"],
     {"w": f(4, 5, 3)})
# CHANNELS: expected the channels of input and weights to match, got 4 and 3
save("channels", [node("ConvTranspose", "x w", "y")], [value("x", [1, 4, 4])], ["y"],
     {"w": f(3, 5, 3)})
