# Elementary functions and bits.
#
# RUN: %python %s %t
# RUN: %winnow compile %t/trigonometry.onnx --stop-after=import -o - | FileCheck %s --check-prefix=TRIGONOMETRY
# RUN: %winnow compile %t/bits.onnx --stop-after=import -o - | FileCheck %s --check-prefix=BITS
# RUN: %winnow compile %t/shrink.onnx --stop-after=import -o - | FileCheck %s --check-prefix=SHRINK
# RUN: %winnow compile %t/eye.onnx --stop-after=import -o - | FileCheck %s --check-prefix=EYE
# RUN: %winnow compile %t/running.onnx --stop-after=import -o - | FileCheck %s --check-prefix=RUNNING
# RUN: %winnow compile %t/running-data.onnx --stop-after=import -o - | FileCheck %s --check-prefix=RUNNING-DATA
# RUN: %winnow compile %t/reverse.onnx --stop-after=import -o - | FileCheck %s --check-prefix=REVERSE
# RUN: %winnow compile %t/diagonal.onnx --stop-after=import -o - | FileCheck %s --check-prefix=DIAGONAL
# RUN: not %winnow compile %t/width.onnx -o %t/x 2>&1 | FileCheck %s --check-prefix=WIDTH
# RUN: not %winnow compile %t/direction.onnx -o %t/x 2>&1 | FileCheck %s --check-prefix=DIRECTION

import sys

sys.path.insert(0, __file__.rsplit("/", 1)[0] + "/Inputs")
from build import INT64, node, save, value
from onnx import TensorProto
import numpy as np

X = [value("x", ["n", 4])]
U = [value("u", ["n"], TensorProto.UINT8)]
FUNCTIONS = ["Acos", "Acosh", "Asin", "Asinh", "Atan", "Atanh", "Cosh", "Sinh", "Tan"]

# TRIGONOMETRY: winnow.acos
# TRIGONOMETRY: winnow.acosh
# TRIGONOMETRY: winnow.asin
# TRIGONOMETRY: winnow.asinh
# TRIGONOMETRY: winnow.atan
# TRIGONOMETRY: winnow.atanh
# TRIGONOMETRY: winnow.cosh
# TRIGONOMETRY: winnow.sinh
# TRIGONOMETRY: winnow.tan
save("trigonometry", [node(name, "x", name) for name in FUNCTIONS], X, FUNCTIONS)

# BITS: winnow.shift_right %arg0, %arg0
# BITS: winnow.cast %{{.*}} -> tensor<?xui8
# BITS: winnow.bitcast %{{.*}} -> tensor<?xi8
save("bits", [
    node("BitShift", "u u", "a", direction="RIGHT"),
    node("Greater", "a u", "b"),
    node("BitCast", "b", "c", to=TensorProto.UINT8),
    node("BitCast", "c", "y", to=TensorProto.INT8),
], U, ["y"], opset=26)

# No unsigned number lies below -lambd.
# SHRINK: winnow.compare gt
# SHRINK-NOT: winnow.compare
save("shrink", [node("Shrink", "u", "y", bias=1.0)], U, ["y"])

# EYE: winnow.constant dense<2> : tensor<i64>
# EYE: winnow.add
# EYE: winnow.compare eq
# EYE: winnow.cast {{.*}} -> tensor<?x4xi64
save("eye", [node("EyeLike", "x", "y", k=2, dtype=INT64)], X, ["y"])

# RUNNING: winnow.cumprod %arg0 {axis = 1 : i64, reverse}
save("running", [node("CumProd", "x last", "y", reverse=1)], X, ["y"], {"last": np.int64(-1)},
     opset=26)

# Along an axis that is data.
# RUNNING-DATA-DAG: winnow.cumsum %arg0 {axis = 0
# RUNNING-DATA-DAG: winnow.cumsum %arg0 {axis = 1
# RUNNING-DATA: %[[ALL:.*]] = winnow.concat
# RUNNING-DATA: winnow.gather %[[ALL]], %arg1
save("running-data", [node("CumSum", "x axis", "y")], X + [value("axis", [], INT64)], ["y"])

# REVERSE: winnow.select
# REVERSE: %[[BATCH_FIRST:.*]] = winnow.transpose %arg0 [1, 0, 2]
# REVERSE: winnow.gather_nd %[[BATCH_FIRST]], %{{.*}} {batch_dims = 1 : i64}
# REVERSE: winnow.transpose
save("reverse", [node("ReverseSequence", "x lengths", "y")],
     [value("x", ["t", "b", 4]), value("lengths", ["b"], INT64)], ["y"])

# DIAGONAL: winnow.transpose %arg0 [1, 2, 0]
# DIAGONAL: winnow.reshape
# DIAGONAL: winnow.gather
save("diagonal", [node("Einsum", "x", "y", equation="bii->bi")], [value("x", ["b", "n", "n"])],
     ["y"])

# WIDTH: expected types of one width, got 8 and 16 bits
save("width", [node("BitCast", "u", "y", to=TensorProto.INT16)], U, ["y"], opset=26)

# DIRECTION: expected direction LEFT or RIGHT, got 'UP'
save("direction", [node("BitShift", "u u", "y", direction="UP")], U, ["y"])
