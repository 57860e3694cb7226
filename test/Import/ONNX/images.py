# Images that are read between their pixels: gathers of the pixels around each point,
# which need no check.
#
# RUN: %python %s %t
# RUN: %winnow compile %t/linear.onnx --stop-after=import -o - 2>&1 | FileCheck %s --check-prefix=LINEAR
# RUN: %winnow compile %t/nearest.onnx --stop-after=import -o - | FileCheck %s --check-prefix=NEAREST
# RUN: %winnow compile %t/cubic.onnx --stop-after=import -o - | FileCheck %s --check-prefix=CUBIC
# RUN: %winnow compile %t/affine.onnx --stop-after=import -o - 2>&1 | FileCheck %s --check-prefix=AFFINE
# RUN: %winnow compile %t/regions.onnx --stop-after=import -o - | FileCheck %s --check-prefix=REGIONS
# RUN: %winnow compile %t/adaptive.onnx --stop-after=import -o - | FileCheck %s --check-prefix=ADAPTIVE
# RUN: %winnow compile %t/fused.onnx --stop-after=convert -o - | FileCheck %s --check-prefix=FUSED
# RUN: %winnow compile %t/deformed.onnx --stop-after=import -o - | FileCheck %s --check-prefix=DEFORMED

import sys

sys.path.insert(0, __file__.rsplit("/", 1)[0] + "/Inputs")
from build import INT64, node, np, save, value

IMAGE, GRID = value("x", ["n", 3, "h", "w"]), value("g", ["m", 4, 5, 2])

# Four pixels; those outside are 0.
# LINEAR: dimensions 'n' and 'm' are one
# LINEAR: dimension 'h' is at least 1: node 'GridSample#0' (GridSample) reads elements of it
# LINEAR-COUNT-4: winnow.gather {{.*}} {axis = 0 : i64, in_bounds}
# LINEAR-NOT: winnow.gather
# LINEAR: return {{.*}} : tensor<?x3x4x5xf32,
save("linear", [node("GridSample", "x g", "y")], [IMAGE, GRID], ["y"], opset=16)

# One pixel, which is not computed with.
# NEAREST: winnow.gather {{.*}} -> tensor<1x4x5x3xi64>
# NEAREST-NOT: winnow.gather
# NEAREST-NOT: winnow.mul {{.*}}x3xf32>
save("nearest", [node("GridSample", "x g", "y", mode="nearest", padding_mode="border")],
     [value("x", [1, 3, 7, 8], INT64), value("g", [1, 4, 5, 2])], ["y"], opset=20)

# CUBIC-COUNT-16: winnow.gather
# CUBIC-NOT: winnow.gather
save("cubic", [node("GridSample", "x g", "y", mode="cubic", padding_mode="reflection")], [IMAGE, GRID], ["y"], opset=20)

# The sizes that data gives are those of the result.
# AFFINE: dimensions {{.*}} are one
# AFFINE: winnow.bind_size
# AFFINE: return {{.*}} : tensor<?x?x?x2xf32,
save("affine", [node("AffineGrid", "t s", "y")], [value("t", ["n", 2, 3]), value("s", [4], INT64)], ["y"], opset=20)

REGIONS = [IMAGE, value("r", ["k", 4]), value("b", ["k"], INT64)]
# The batch that data names is checked, the pixels are not.
# REGIONS: winnow.gather {{.*}} {axis = 0 : i64} : (tensor<?xi64
# REGIONS-COUNT-4: winnow.gather {{.*}} {axis = 0 : i64, in_bounds}
# REGIONS: winnow.reduce sum {{.*}} [2, 4]
save("regions", [node("RoiAlign", "x r b", "y", output_height=3, sampling_ratio=2)], REGIONS, ["y"])

# How many samples there are depends on the regions.
# ADAPTIVE: name = "RoiAlign#0.rows.samples"
# ADAPTIVE: winnow.reduce max {{.*}} [2, 4]
save("adaptive", [node("RoiAlign", "x r b", "y", mode="max")], REGIONS, ["y"])

# The samples are in no buffer.
# FUSED: memref.alloc() {{.*}} : memref<5x3x4x64xf32>
# FUSED-NOT: memref<5x3x2x4x2x64xf32>
save("fused", [node("RoiAlign", "x r b", "y", output_height=3, output_width=4, sampling_ratio=2)],
     [value("x", [1, 64, 7, 8]), value("r", [5, 4]), value("b", [5], INT64)], ["y"])

# DEFORMED-COUNT-4: winnow.gather {{.*}} {axis = 0 : i64, in_bounds}
# DEFORMED-COUNT-2: winnow.linear
save("deformed", [node("DeformConv", "x w o - m", "y", group=2)],
     [value("x", ["n", 4, 8, 8]), value("o", ["n", 18, 6, 6]), value("m", ["n", 9, 6, 6])], ["y"],
     {"w": np.ones((6, 2, 3, 3), np.float32)}, opset=19)
