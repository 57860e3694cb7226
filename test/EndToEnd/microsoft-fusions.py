# What ONNX Runtime's optimiser makes of embeddings, norms, activations and matrix
# products, against ONNX Runtime.
#
# RUN: %python %s %t %winnow

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../Import/ONNX/Inputs"), os.path.join(HERE, "Inputs")]
import numpy as np
from compare import Comparison, floats
from onnx import TensorProto

HIDDEN, HEADS, WORDS, PLACES = 32, 4, 50, 40
rng = np.random.default_rng(5)
SHAPES = {
    "x": ["b", "s", HIDDEN], "y": ["b", "s", HIDDEN], "row": ["s", HIDDEN], "h": ["b", "s", HIDDEN],
    "ids": ["b", "s"], "segments": ["b", "s"], "mask": ["b", "s"], "places": ["b", "s"],
    "m": [3, "b", 5], "n": [3, 5, "b"], "flat": ["s", HIDDEN], "image": ["b", 4, 9, "w"],
    "added": ["b", 6, 9, "w"], "u8": ["b", "s", HIDDEN], "scores": ["b", HEADS, "s", "s"],
    "hidden": ["b", 1, 1, "s"], "past": [2, "b", HEADS, "p", HIDDEN // HEADS], "d": ["b", "s", 4],
    "lengths": ["b"],
}  # fmt: skip
DTYPES = {"h": TensorProto.FLOAT16, "d": TensorProto.DOUBLE, "u8": TensorProto.UINT8}
DTYPES |= dict.fromkeys(("ids", "segments", "mask", "places", "lengths"), TensorProto.INT32)
case = Comparison("fusions", SHAPES, DTYPES)
add = case.add


def constant(*shape, dtype=np.float32):
    return case.constant(floats(rng, *shape, dtype=dtype))


scale, bias, more = (constant(HIDDEN) for _ in range(3))
half, half_bias = (constant(HIDDEN, dtype=np.float16) for _ in range(2))

for inputs in (f"x y {scale} {bias}", f"x row {scale} {bias} {more}", f"x y {scale}"):
    add("SkipLayerNormalization", inputs)
    add("SkipLayerNormalization", inputs, [0, 3], epsilon=1e-3)
add("SkipLayerNormalization", f"h h {half} {half_bias}", tolerance=5e-3)
add("SkipSimplifiedLayerNormalization", f"x y {scale}", [0, 3])
add("SkipSimplifiedLayerNormalization", f"x y {scale} {more}", epsilon=1e-5)
add("SimplifiedLayerNormalization", f"x {scale}", 2, domain="", epsilon=1e-5)
add("SimplifiedLayerNormalization", f"h {half}", domain="", tolerance=5e-3)
tables = " ".join(constant(size, HIDDEN) for size in (WORDS, PLACES))
segments = constant(2, HIDDEN)
add("EmbedLayerNormalization", f"ids segments {tables} {segments} {scale} {bias} mask", 3)
add("EmbedLayerNormalization", f"ids - {tables} - {scale} {bias}", 2)
add("EmbedLayerNormalization", f"ids - {tables} - {scale} {bias} - places", [0, 2], epsilon=1e-5)

add("BiasGelu", f"x {bias}")
add("FastGelu", "x")
add("FastGelu", f"x {bias}")
add("Gelu", "x")
add("QuickGelu", "x")
add("QuickGelu", "x", alpha=0.9)

weights = constant(HIDDEN, HIDDEN)
add("FusedMatMul", f"x {weights}", alpha=0.25)
add("FusedMatMul", f"x {weights}", transB=1)
add("FusedMatMul", "x y", transB=1, alpha=0.5)
add("FusedMatMul", "m n")
add("FusedMatMul", "m m", transA=1)
add("FusedMatMul", "m m", transBatchA=1, transBatchB=1, transB=1)
add("FusedMatMul", f"d {constant(4, 3, dtype=np.float64)}")
add("TransposeMatMul", "m m", transB=1)
add("FusedGemm", f"flat {weights} {bias}", activation="Tanh")
add("FusedGemm", f"flat {weights} {bias}", transB=1, activation="LeakyRelu", activation_alpha=0.2)
add("FusedGemm", f"flat {weights}", alpha=0.5, activation="Relu")
kernel, channels = constant(6, 4, 3, 3), constant(6)
for activation, values in (("Relu", []), ("Clip", [-0.5, 1.0]), ("LeakyRelu", [0.1]), ("Sigmoid", []),
                           ("HardSigmoid", [0.3, 0.4])):  # fmt: skip
    add("FusedConv", f"image {kernel} {channels}", pads=[1, 1, 1, 1], activation=activation,
        **({"activation_params": values} if values else {}))  # fmt: skip
add("FusedConv", f"image {kernel} {channels} added", pads=[1, 1, 1, 1], activation="Relu")

# Sums of integers are exact; their scales are multiplied in another order. The
# numbers of a dynamic quantisation may be rounded to a neighbour.
for low, high, dtype in ((0, 256, np.uint8), (-128, 128, np.int8)):
    # Weights of 7 bits: with those of 8 the peer's sums saturate on CPUs without VNNI.
    b = case.constant(rng.integers(low // 2, high // 2, (HIDDEN, 12)).astype(dtype))
    one, columns = (case.constant(rng.random(n).astype(np.float32) / 50) for n in ((), 12))
    zero, zeros = (case.constant(rng.integers(low, high, n).astype(dtype)) for n in ((), 12))
    a_scale, a_zero = case.constant(np.float32(0.02)), case.constant(np.uint8(131))
    loose = {"tolerance": 0.05}
    add("DynamicQuantizeMatMul", f"x {b} {one}", **loose)
    add("DynamicQuantizeMatMul", f"x {b} {columns} {zeros} {constant(12)}", **loose)
    add("MatMulIntegerToFloat", f"u8 {b} {a_scale} {one}", tolerance=1e-4)
    add("MatMulIntegerToFloat", f"u8 {b} {a_scale} {columns} {a_zero} {zero} {constant(12)}", tolerance=1e-4)
    w = case.constant(rng.integers(low // 2, high // 2, (HIDDEN, 3 * HIDDEN)).astype(dtype))
    bias3, small = constant(3 * HIDDEN), case.constant(np.float32(0.001))
    add("QAttention", f"u8 {w} {bias3} {a_scale} {small} - {a_zero} {zero}", num_heads=HEADS)
    add("QAttention", f"u8 {w} {bias3} {a_scale} {small} lengths {a_zero}", num_heads=HEADS)
    add("QAttention", f"u8 {w} {bias3} {a_scale} {small} - {a_zero} {zero} past", 2,
        num_heads=HEADS, unidirectional=1)  # fmt: skip


def blocks(bits, size=HIDDEN, rows=7, block=16, zeros="", groups=False, biased=False):
    count = -(-size // block)
    packed = case.constant(rng.integers(0, 256, (rows, count, block * bits // 8), np.uint8))
    scales = case.constant((rng.random((rows, count)) / 10).astype(np.float32))
    bytes_ = rng.integers(0, 256, (rows, -(-count * bits // 8)), np.uint8)
    numbers = np.unpackbits(bytes_, axis=1, bitorder="little").reshape(rows, -1, bits)
    numbers = (numbers << np.arange(bits)).sum(2)[:, :count].astype(np.float32)
    points = {"": lambda: "-", "float": lambda: constant(rows, count),
              "packed": lambda: case.constant(bytes_)}[zeros]()  # fmt: skip
    # The peer takes no packed zero points where an index names the groups.
    floats_ = case.constant(numbers) if zeros == "packed" and groups else points
    order = case.constant(rng.permutation(np.arange(size) // block).astype(np.int32)) if groups else "-"
    x = "x" if size == HIDDEN else "d32"
    last = constant(rows) if biased else "-"
    forms = [f"{x} {packed} {scales} {each} {order} {last}" for each in (points, floats_)]
    add("MatMulNBits", forms[0], peer=forms[1], N=rows, K=size, bits=bits, block_size=block,
        tolerance=1e-4)  # fmt: skip


case.shapes["d32"] = ["b", 21]
for bits in (2, 4, 8):
    blocks(bits)
    blocks(bits, zeros="packed", biased=True)
    blocks(bits, size=21, zeros="packed")
blocks(4, zeros="float")
blocks(4, groups=True)
blocks(4, groups=True, zeros="packed")
blocks(4, block=32)


def feed(size):
    batch, length, past = size
    sizes = {"b": batch, "s": length, "p": past, "w": length + 3}
    feeds = {name: floats(rng, *(sizes.get(dim, dim) for dim in dims))
             for name, dims in case.shapes.items()}  # fmt: skip
    numbers = {"ids": WORDS, "segments": 2, "mask": 2, "places": PLACES, "u8": 256}
    for name, dtype in {"u8": np.uint8, **dict.fromkeys(numbers, np.int32)}.items():
        feeds[name] = rng.integers(0, numbers[name], feeds[name].shape).astype(
            np.uint8 if name == "u8" else dtype)  # fmt: skip
    feeds["lengths"] = rng.integers(1, length + 1, batch).astype(np.int32)
    # The peer counts tokens to the first that is hidden.
    feeds["mask"] = (np.arange(length) < feeds["lengths"][:, None]).astype(np.int32)
    for name, dtype in (("h", np.float16), ("d", np.float64)):
        feeds[name] = feeds[name].astype(dtype)
    return feeds


case.run([(2, 6, 3), (1, 1, 5)], feed)
