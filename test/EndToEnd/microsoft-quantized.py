# Quantised tables, and com.microsoft's forms of the standard's quantised operators,
# against ONNX Runtime.
#
# RUN: %python %s %t %winnow

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../Import/ONNX/Inputs"), os.path.join(HERE, "Inputs")]
import numpy as np
from compare import Comparison, floats
from onnx import TensorProto

rng = np.random.default_rng(31)
WIDTH, ROWS = 12, 20
SHAPES = {"i": ["b", "s", WIDTH], "image": ["b", 3, 5, "s"], "ids": ["b", "s"],
          "f": ["b", "s", WIDTH]}  # fmt: skip
DTYPES = {"i": TensorProto.INT8, "image": TensorProto.UINT8, "ids": TensorProto.INT64}
case = Comparison("quantized", SHAPES, DTYPES)
u = [f"{case.constant(np.float32(scale))} {case.constant(np.uint8(zero))}"
     for scale, zero in ((0.02, 131), (0.05, 7), (0.004, 120))]  # fmt: skip
s = [f"{case.constant(np.float32(scale))} {case.constant(np.int8(zero))}"
     for scale, zero in ((0.03, -11), (0.01, 40), (0.005, 3))]  # fmt: skip
# A number between two steps may be rounded to either.
STEP = {"tolerance": 1}


def add(op, inputs, **attributes):
    case.add(op, inputs, **STEP, **attributes)


# Weights of 7 bits: with those of 8 the peer's sums saturate on CPUs without VNNI.
kernel = case.constant(rng.integers(-64, 64, (4, 3, 3, 3)).astype(np.int8))
add("QLinearConv", f"image {u[0]} {kernel} {s[0]} {case.constant(np.float32(0.3))} "
    f"{case.constant(np.uint8(9))}", pads=[1, 1, 1, 1])  # fmt: skip
add("QuantizeLinear", f"f {u[0]}")
case.add("DequantizeLinear", f"i {s[0]}")
wide = case.constant(np.uint16(30000))
add("QuantizeLinear", f"f {case.constant(np.float32(0.0001))} {wide}")
# NaN is the lowest number.
for zero in (np.uint8(9), np.int8(9), np.int16(9)):
    case.add("QuantizeLinear", f"f {case.constant(np.float32(np.nan))} {case.constant(zero)}")

for bits in (2, 4, 8):
    count = 48 * bits // 8
    table = case.constant(rng.integers(0, 256, (ROWS, count), np.uint8))
    scales = case.constant(rng.random((ROWS, 3)).astype(np.float32))
    points = case.constant(rng.integers(0, 256, (ROWS, -(-3 * bits // 8)), np.uint8))
    forms = {"bits": bits, "block_size": 16, "gather_axis": 0, "quantize_axis": 1}
    case.add("GatherBlockQuantized", f"{table} ids {scales}", tolerance=1e-4, **forms)
    case.add("GatherBlockQuantized", f"{table} ids {scales} {points}", tolerance=1e-4, **forms)


def feed(size):
    batch, length = size
    feeds = {}
    numbers = {"i": (-128, 128, np.int8), "image": (0, 256, np.uint8), "ids": (0, ROWS, np.int64)}
    for name, dims in SHAPES.items():
        shape = [{"b": batch, "s": length}.get(dim, dim) for dim in dims]
        low, high, dtype = numbers.get(name, (0, 1, None))
        feeds[name] = rng.integers(low, high, shape, dtype) if dtype else floats(rng, *shape)
    return feeds


case.run([(2, 6), (1, 3)], feed)
