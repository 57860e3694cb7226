# Attention and MultiHeadAttention of com.microsoft against ONNX Runtime.
#
# RUN: %python %s %t %winnow

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../Import/ONNX/Inputs"), os.path.join(HERE, "Inputs")]
import numpy as np
from compare import Comparison, floats
from onnx import TensorProto

HEADS, SIZE, WIDTH = 4, 8, 24
HIDDEN = HEADS * SIZE
rng = np.random.default_rng(11)

MASKS = {"lengths": ["b"], "spans": [6], "padding": ["b", "s"], "keys": ["b", "t"], "dummy": ["b", 1],
         "square": ["b", "s", "s"], "rectangle": ["b", "s", "t"]}  # fmt: skip
SHAPES = {
    "x": ["b", "s", WIDTH], "past": [2, "b", HEADS, "p", SIZE],
    "bias_ss": ["b", HEADS, "s", "s"], "bias_st": [1, 1, "s", "t"],
    "q": ["b", "s", HIDDEN], "k": ["b", "s", HIDDEN], "v": ["b", "s", HIDDEN // 2],
    "k_": ["b", "l", HIDDEN], "v_": ["b", "l", HIDDEN], "length_": ["b"],
    "qkv": ["b", "s", HEADS, 3, SIZE], "kv": ["b", "l", HEADS, 2, SIZE],
    "ck": ["b", HEADS, "l", SIZE], "cv": ["b", HEADS, "l", SIZE],
    "pk": ["b", HEADS, "p", SIZE], "pv": ["b", HEADS, "p", SIZE], "pv2": ["b", HEADS, "p", SIZE // 2],
    "bias_sl": ["b", 1, "s", "l"], "spans3": [3, "s", WIDTH], **MASKS,
}  # fmt: skip
DTYPES = {name: TensorProto.INT32 for name in [*MASKS, "length_"]}
case = Comparison("attention", SHAPES, DTYPES)


def add(op, *args, **attributes):
    return case.add(op, *args, num_heads=HEADS, **attributes)


w = case.constant(floats(rng, WIDTH, 3 * HIDDEN) / 4)
b = case.constant(floats(rng, 3 * HIDDEN))
uneven = [HIDDEN, HIDDEN, HIDDEN // 2]
wu = case.constant(floats(rng, WIDTH, sum(uneven)) / 4)
bu = case.constant(floats(rng, sum(uneven)))

add("Attention", f"x {w}")
add("Attention", f"x {w} {b}", unidirectional=1)
for mask in ("lengths", "padding", "square", "dummy"):
    add("Attention", f"x {w} {b} {mask}")
add("Attention", f"x {w} {b} padding", unidirectional=1, mask_filter_value=-50.0)
add("Attention", f"x {wu} {bu} padding", qkv_hidden_sizes=uneven, scale=0.3)
add("Attention", f"x {w} {b} - - bias_ss")
add("Attention", f"x {w} {b} - past", 2)
add("Attention", f"x {w} {b} keys past", 2, unidirectional=1)
add("Attention", f"x {w} {b} rectangle past", 2)
add("Attention", f"spans3 {w} {b} spans")

add("MultiHeadAttention", "q k v")
add("MultiHeadAttention", f"q k v {bu} padding bias_ss", scale=0.2)
add("MultiHeadAttention", "q k_ v_ - length_ bias_sl")
add("MultiHeadAttention", "q k v", unidirectional=1)
add("MultiHeadAttention", "qkv", peer="q k k")
add("MultiHeadAttention", "q kv - - length_", peer="q k_ v_ - length_")
add("MultiHeadAttention", f"q ck cv {b}")
add("MultiHeadAttention", f"q k k {b} - - pk pv", 3)
add("MultiHeadAttention", "q k k - keys bias_st pk pv", 3, unidirectional=1)
add("MultiHeadAttention", "q k k - rectangle - pk pv", 3, mask_filter_value=-3.0)
add("MultiHeadAttention", "q k_ v_ - length_ bias_sl", [0, 3], typed=3)
add("MultiHeadAttention", "q k k - padding", [0, 3], typed=3, unidirectional=1)
add("MultiHeadAttention", "q k k", 3)


def feed(size):
    batch, new, past, other = size
    sizes = {"b": batch, "s": new, "p": past, "t": past + new, "l": other}
    feeds = {}
    for name, dims in SHAPES.items():
        shape = [sizes.get(dim, dim) for dim in dims]
        if name in ("lengths", "length_"):
            feeds[name] = rng.integers(1, (new if name == "lengths" else other) + 1, batch, np.int32)
        elif name == "spans":
            ends = rng.integers(1, new + 1, 3)
            feeds[name] = np.concatenate([ends, ends * rng.random(3)]).astype(np.int32)
        elif name in MASKS:
            feeds[name] = (rng.random(shape) < 0.7).astype(np.int32)
        else:
            feeds[name] = floats(rng, *shape)
    heads = lambda x: x.reshape(*x.shape[:2], HEADS, -1)
    feeds["qkv"] = np.stack([heads(feeds[name]) for name in "qkk"], 3)
    feeds["kv"] = np.stack([heads(feeds[name]) for name in ("k_", "v_")], 3)
    return feeds


def compare(name, array, size, feeds):
    """Scores of hidden keys are the lowest number here, minus infinity there, and so
    much that their sums are rounded."""
    return np.where(array < -5000, -5000, array)


case.run([(2, 5, 3, 7), (1, 1, 6, 1), (3, 12, 20, 4)], feed, compare)
