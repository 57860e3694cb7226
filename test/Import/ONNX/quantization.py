# Quantised operators are taken apart into exact integer and float arithmetic.
#
# RUN: %python %s %t
# RUN: %winnow compile %t/quantize.onnx --stop-after=import -o - | FileCheck %s --check-prefix=QUANTIZE
# RUN: %winnow compile %t/channels.onnx --stop-after=import -o - | FileCheck %s --check-prefix=CHANNELS
# RUN: %winnow compile %t/blocks.onnx --stop-after=import -o - | FileCheck %s --check-prefix=BLOCKS
# RUN: %winnow compile %t/dynamic.onnx --stop-after=import -o - | FileCheck %s --check-prefix=DYNAMIC
# RUN: %winnow compile %t/qlinear.onnx --stop-after=import -o - | FileCheck %s --check-prefix=QLINEAR
# RUN: not %winnow compile %t/wide.onnx --stop-after=import -o - 2>&1 | FileCheck %s --check-prefix=WIDE

import sys

sys.path.insert(0, __file__.rsplit("/", 1)[0] + "/Inputs")
from build import INT64, build, node, save, value
from onnx import TensorProto, helper
import numpy as np

X = [value("x", ["n", 4])]
F = np.float32

# Round, shift, saturate (NaN to the lowest), then the integer type.
# QUANTIZE: winnow.div
# QUANTIZE: winnow.round
# QUANTIZE: winnow.add
# QUANTIZE: dense<-1.280000e+02>
# QUANTIZE: winnow.compare gt
# QUANTIZE: winnow.select
# QUANTIZE: dense<1.270000e+02>
# QUANTIZE: winnow.minimum
# QUANTIZE: winnow.cast {{.*}} -> tensor<?x4xi8
save("quantize", [node("QuantizeLinear", "x s z", "y")], X, ["y"],
     {"s": F(0.5), "z": np.int8(3)}, opset=17)

# A scale per channel broadcasts along its axis; the difference is an integer.
# CHANNELS: winnow.reshape {{.*}} (tensor<4xf32>) -> tensor<1x4xf32>
# CHANNELS: winnow.sub {{.*}}i32
# CHANNELS: winnow.mul {{.*}} -> tensor<?x4xf32
save("channels", [node("DequantizeLinear", "x s z", "y", axis=1)],
     [value("x", ["n", 4], TensorProto.UINT8)], ["y"],
     {"s": np.ones(4, F), "z": np.zeros(4, np.uint8)}, opset=17)

# A scale per block of two; the file holds two of the 4-bit elements in a byte.
# BLOCKS: winnow.constant dense<{{\[\[}}1, -2, 3, -4]]> : tensor<1x4xi4>
# BLOCKS: winnow.broadcast_to {{.*}} -> tensor<1x2x2xf32>
# BLOCKS: winnow.mul
packed = helper.make_tensor("w", TensorProto.INT4, [1, 4], [1, -2, 3, -4])
model = build([node("DequantizeLinear", "w s", "d", axis=1, block_size=2), node("Add", "x d", "y")],
              X, ["y"], {"s": np.ones((1, 2), F)}, opset=21)
model.graph.initializer.append(packed)
save("blocks", model)

# DYNAMIC: winnow.reduce min
# DYNAMIC: winnow.reduce max
# DYNAMIC: winnow.cast {{.*}} -> tensor<?x4xui8
# DYNAMIC: winnow.matmul {{.*}} -> tensor<?x2xi32
save("dynamic", [node("DynamicQuantizeLinear", "x", "q s z"), node("MatMulInteger", "q w z", "y")],
     X, ["y", "s"], {"w": np.ones((4, 2), np.int8)})

# QLINEAR: winnow.matmul {{.*}} -> tensor<?x2xi32
# QLINEAR: winnow.round
# QLINEAR: winnow.cast {{.*}} -> tensor<?x2xui8
save("qlinear", [node("QLinearMatMul", "x s z w s z s z", "y")],
     [value("x", ["n", 4], TensorProto.UINT8)], ["y"],
     {"s": F(0.5), "z": np.uint8(3), "w": np.ones((4, 2), np.uint8)})

# WIDE: node 'QuantizeLinear#0' (QuantizeLinear, opset 21): quantization to elements of int32
save("wide", [node("QuantizeLinear", "x s z", "y")], X, ["y"],
     {"s": F(0.5), "z": np.int32(3)}, opset=21)
