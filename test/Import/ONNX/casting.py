# Cast: what small floats do with numbers that they do not have.
#
# RUN: %python %s %t
# RUN: %winnow compile %t/saturate.onnx --stop-after=import -o - | FileCheck %s --check-prefix=SATURATE
# RUN: %winnow compile %t/wrap.onnx --stop-after=import -o - | FileCheck %s --check-prefix=WRAP
# RUN: %winnow compile %t/power.onnx --stop-after=import -o - | FileCheck %s --check-prefix=POWER
# RUN: %winnow compile %t/nearest.onnx --stop-after=import -o - | FileCheck %s --check-prefix=NEAREST
# RUN: %winnow compile %t/packed.onnx --stop-after=import -o - | FileCheck %s --check-prefix=PACKED

import sys

sys.path.insert(0, __file__.rsplit("/", 1)[0] + "/Inputs")
from build import build, node, save, value
from onnx import TensorProto as T

X = [value("x", ["n"])]

# The plain cast makes infinities and NaN, so that numbers are bounded before.
# SATURATE: dense<-4.480000e+02> : tensor<f32>
# SATURATE: winnow.maximum %arg0
# SATURATE: dense<4.480000e+02> : tensor<f32>
# SATURATE: winnow.minimum
# SATURATE: winnow.cast {{.*}} -> tensor<?xf8E4M3FN,
# SATURATE: winnow.cast %arg0 {{.*}} -> tensor<?xf8E5M2,
# Two bits of fraction take float4e2m1 as it is.
# SATURATE-NOT: winnow.maximum
# SATURATE: winnow.cast {{.*}} -> tensor<?xf4E2M1FN,
save("saturate", [node("Cast", "x", "y", to=T.FLOAT8E4M3FN), node("Cast", "x", "z", to=T.FLOAT8E5M2, saturate=0),
                  node("Cast", "x", "w", to=T.FLOAT4E2M1)], X, ["y", "z", "w"], opset=23)  # fmt: skip

# Few bits are the low ones of an integer.
# WRAP: %[[WIDE:.*]] = winnow.cast %arg0 {{.*}} -> tensor<?xi32,
# WRAP: winnow.cast %[[WIDE]] {{.*}} -> tensor<?xi4,
# WRAP: winnow.cast %arg0 {{.*}} -> tensor<?xi8,
save("wrap", [node("Cast", "x", "y", to=T.INT4), node("Cast", "x", "z", to=T.INT8)], X, ["y", "z"], opset=21)

# Powers of two are made of the bits of f64.
# POWER: winnow.cast %arg0 {{.*}} -> tensor<?xf64,
# POWER: winnow.abs
# POWER: winnow.maximum
# POWER: winnow.minimum
# POWER: winnow.bitcast {{.*}} -> tensor<?xi64,
# POWER: winnow.add
# POWER: winnow.and
# POWER: winnow.select
# POWER: winnow.cast {{.*}} -> tensor<?xf8E8M0FNU,
save("power", [node("Cast", "x", "y", to=T.FLOAT8E8M0)], X, ["y"], opset=24)

# The nearest one is what the plain cast makes; out of range is NaN.
# NEAREST-NOT: winnow.bitcast
# NEAREST: winnow.compare eq
# NEAREST: dense<0x7FF8000000000000> : tensor<f64>
# NEAREST: winnow.select
# NEAREST: winnow.cast {{.*}} -> tensor<?xf8E8M0FNU,
save("nearest", [node("Cast", "x", "y", to=T.FLOAT8E8M0, saturate=0, round_mode="nearest")], X, ["y"], opset=24)

# Low bits first, in either field; the rest of the last byte is not looked at.
# PACKED-DAG: winnow.constant dense<[-2, 1, -1]> : tensor<3xi2>
# PACKED-DAG: winnow.constant dense<[1, 15, 2]> : tensor<3xui4>
# PACKED-DAG: winnow.constant dense<[1.000000e+00, -6.000000e+00]> : tensor<2xf4E2M1FN>
# PACKED-DAG: winnow.constant dense<[2.000000e+00, 0xFF]> : tensor<2xf8E8M0FNU>
model = build([node("Identity", name, "y" + name) for name in "abcd"], [], ["ya", "yb", "yc", "yd"], opset=25)
model.graph.initializer.extend([
    T(name="a", data_type=T.INT2, dims=[3], raw_data=b"\xf6"),
    T(name="b", data_type=T.UINT4, dims=[3], int32_data=[0xF1, 0x72]),
    T(name="c", data_type=T.FLOAT4E2M1, dims=[2], int32_data=[0xF2]),
    T(name="d", data_type=T.FLOAT8E8M0, dims=[2], raw_data=b"\x80\xff")])  # fmt: skip
save("packed", model)
