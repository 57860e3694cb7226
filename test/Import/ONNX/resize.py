# Resize and Upsample: one dimension after the other.
#
# RUN: %python %s %t
# RUN: %winnow compile %t/nearest.onnx --stop-after=import -o - | FileCheck %s --check-prefix=NEAREST
# RUN: %winnow compile %t/nearest.onnx --stop-after=raise -o - | FileCheck %s --check-prefix=FOLDED
# RUN: %winnow compile %t/linear.onnx --stop-after=import -o - | FileCheck %s --check-prefix=LINEAR
# RUN: %winnow compile %t/shape.onnx --stop-after=import -o - 2>&1 | FileCheck %s --check-prefix=SHAPE
# RUN: %winnow compile %t/few-bits.onnx --stop-after=import -o - | FileCheck %s --check-prefix=FEW
# RUN: %winnow compile %t/rounded.onnx --stop-after=import -o - | FileCheck %s --check-prefix=ROUNDED
# RUN: %winnow compile %t/data.onnx --stop-after=import -o - 2>&1 | FileCheck %s --check-prefix=DATA
# RUN: %winnow compile %t/antialias.onnx --stop-after=import -o - | FileCheck %s --check-prefix=ANTIALIAS
# RUN: %winnow compile %t/taps.onnx --stop-after=import -o - | FileCheck %s --check-prefix=TAPS
# RUN: %winnow compile %t/upsample.onnx --stop-after=import -o - | FileCheck %s --check-prefix=UPSAMPLE

import sys

sys.path.insert(0, __file__.rsplit("/", 1)[0] + "/Inputs")
from build import FLOAT, INT64, ints, node, np, save, value

IMAGE = [value("x", ["n", 3, "h", "w"])]
STATIC = [value("x", [2, 3, 4, 5])]


def floats(*values):
    return np.array(values, np.float32)


# Dimensions that keep their size are left alone, and nothing is checked.
# NEAREST: winnow.gather {{.*}} {axis = 3 : i64, in_bounds} : (tensor<2x3x4x5xf32>, tensor<10xi64>)
# NEAREST: winnow.gather {{.*}} {axis = 2 : i64, in_bounds} : (tensor<2x3x4x10xf32>, tensor<8xi64>)
# NEAREST-NOT: winnow.gather
# FOLDED: winnow.constant dense<[0, 0, 1, 1, 2, 2, 3, 3]> : tensor<8xi64>
# FOLDED-NOT: winnow.floor
save("nearest", [node("Resize", "x - s", "y")], STATIC, ["y"], {"s": floats(1, 1, 2, 2)})

# Two elements for each of the result.
# LINEAR-COUNT-2: winnow.gather {{.*}} {axis = 3 : i64, in_bounds}
# LINEAR-NOT: winnow.gather
save("linear", [node("Resize", "x - - z", "y", mode="linear", axes=[3])], STATIC, ["y"], {"z": ints(9)})

# The sizes are those that the shape implies.
# SHAPE: dimension 'h' is at least 1: node 'Resize#3' (Resize) reads elements of it
# SHAPE: [[OUT:#.*]] = affine_map<()[s0, s1, s2] -> (s0, 3, s1 * 2, s2 * 2)>
# SHAPE-NOT: winnow.bind_size
# SHAPE: return {{.*}} : tensor<?x3x?x?xf32, [[OUT]]>
save("shape", [node("Shape", "x", "s", start=2), node("Mul", "s two", "t"), node("Concat", "nc t", "z", axis=0),
               node("Resize", "x - - t", "y", mode="linear", axes=[2, 3])],
     IMAGE, ["y"], {"two": ints(2), "nc": ints(1, 3)})

# FEW: [[OUT:#.*]] = affine_map<()[s0, s1, s2] -> (s0, 3, (s1 * 3) floordiv 2, s2 * 2)>
# FEW: return {{.*}} : tensor<?x3x?x?xf32, [[OUT]]>
save("few-bits", [node("Resize", "x - s", "y")], IMAGE, ["y"], {"s": floats(1, 1, 1.5, 2)})

# floor(2.3f * 10) is 23 in f32, and 22 without rounding.
# ROUNDED: winnow.symbols = [{{.*}}{bound = {{.*}}, data, {{.*}}name = "Resize#0.size.2"}
# ROUNDED: winnow.floor
# ROUNDED: winnow.bind_size
save("rounded", [node("Resize", "x - s", "y")], IMAGE, ["y"], {"s": floats(1, 1, 2.3, 1)})

# DATA-COUNT-4: winnow.bind_size
# DATA: winnow.gather {{.*}} {axis = 0 : i64, in_bounds}
save("data", [node("Resize", "x - s", "y")], IMAGE + [value("s", ["k"], FLOAT)], ["y"])

# ANTIALIAS: winnow.gather {{.*}} {axis = 3 : i64, in_bounds} : (tensor<2x3x4x20xf32>, tensor<8x5xi64>)
# ANTIALIAS: winnow.reduce sum {{.*}} [3]
save("antialias", [node("Resize", "x - - z", "y", mode="linear", axes=[3], antialias=1)],
     [value("x", [2, 3, 4, 20])], ["y"], {"z": ints(5)})

# How many elements the kernel meets depends on the size.
# TAPS: name = "Resize#0.taps.3"
# TAPS: winnow.bind_size
save("taps", [node("Resize", "x - - z", "y", mode="cubic", axes=[3], antialias=1)], IMAGE, ["y"], {"z": ints(5)})

# UPSAMPLE: winnow.gather {{.*}} {axis = 1 : i64, in_bounds} : (tensor<4x5xf32>, tensor<15xi64>)
save("upsample", [node("Upsample", "x", "y", scales=[1.0, 3.0])], [value("x", [4, 5])], ["y"], opset=8)
