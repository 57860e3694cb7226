# What operators meant until opset 6, and later forms that are no longer written.
#
# RUN: %python %s %t
# RUN: %winnow compile %t/broadcast.onnx --stop-after=import -o - | FileCheck %s --check-prefix=BROADCAST
# RUN: %winnow compile %t/compare.onnx --stop-after=import -o - | FileCheck %s --check-prefix=COMPARE
# RUN: %winnow compile %t/prelu.onnx --stop-after=import -o - | FileCheck %s --check-prefix=PRELU
# RUN: %winnow compile %t/cast.onnx --stop-after=import -o - | FileCheck %s --check-prefix=CAST
# RUN: %winnow compile %t/batchnorm.onnx --stop-after=import -o - | FileCheck %s --check-prefix=BATCHNORM
# RUN: %winnow compile %t/groupnorm.onnx --stop-after=import -o - | FileCheck %s --check-prefix=GROUPNORM
# RUN: %winnow compile %t/mask.onnx --stop-after=import -o - | FileCheck %s --check-prefix=MASK
# RUN: not %winnow compile %t/axis.onnx -o %t/axis 2>&1 | FileCheck %s --check-prefix=AXIS
# RUN: not %winnow compile %t/training.onnx -o %t/training 2>&1 | FileCheck %s --check-prefix=TRAINING

import sys

sys.path.insert(0, __file__.rsplit("/", 1)[0] + "/Inputs")
from build import node, save, value
import numpy as np

X = [value("x", ["n", 3, 4, 5])]
f = lambda *shape: np.ones(shape, np.float32)

# BROADCAST: %[[W:.*]] = winnow.reshape %{{.*}} : (tensor<3x4xf32>) -> tensor<3x4x1xf32>
# BROADCAST: winnow.add %arg0, %[[W]]
# BROADCAST: winnow.mul {{.*}} tensor<5xf32>) -> tensor<?x3x4x5xf32
save("broadcast", [
    node("Add", "x w", "a", broadcast=1, axis=1),
    node("Mul", "a v", "y", broadcast=1),
], X, ["y"], {"w": f(3, 4), "v": f(5)}, opset=6)

# COMPARE: %[[W:.*]] = winnow.reshape %{{.*}} : (tensor<3xf32>) -> tensor<3x1x1xf32>
# COMPARE: winnow.compare lt %arg0, %[[W]]
save("compare", [node("Less", "x w", "y", broadcast=1, axis=-3)], X, ["y"], {"w": f(3)}, opset=1)

# PRELU: winnow.reshape %{{.*}} : (tensor<3xf32>) -> tensor<1x3x1x1xf32>
save("prelu", [node("PRelu", "x w", "y")], X, ["y"], {"w": f(3)}, opset=6)

# CAST: winnow.cast {{.*}} -> tensor<?x3x4x5xf16
save("cast", [node("Cast", "x", "y", to="FLOAT16")], X, ["y"], opset=5)

# One parameter for each element of a sample.
# BATCHNORM: winnow.sub %arg0, %{{.*}} tensor<3x4x5xf32>) -> tensor<?x3x4x5xf32
save("batchnorm", [node("BatchNormalization", "x p p p p", "y", is_test=1, spatial=0)], X, ["y"],
     {"p": f(3, 4, 5)}, opset=6)

# One parameter for each group.
# GROUPNORM: %[[P:.*]] = winnow.reshape %{{.*}} -> tensor<1x3x1x1x1xf32>
# GROUPNORM: winnow.mul %{{.*}}, %[[P]] : (tensor<?x3x1x4x5xf32
save("groupnorm", [node("GroupNormalization", "x p p", "y", num_groups=3)], X, ["y"],
     {"p": f(3)}, opset=18)

# MASK: winnow.broadcast_to %{{.*}} : (tensor<i1>) -> tensor<?x3x4x5xi1
# MASK: return %arg0
save("mask", [node("Dropout", "x", "y mask")], X, ["y", "mask"], opset=13)

# AXIS: Add, opset 6: expected an axis of at most 2, got 3
save("axis", [node("Add", "x w", "y", broadcast=1, axis=3)], X, ["y"], {"w": f(4, 5)}, opset=6)

# TRAINING: training mode
save("training", [node("Dropout", "x", "y")], X, ["y"], opset=6)
