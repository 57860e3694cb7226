# Masks of Attention that broadcast on any axis, against ONNX Runtime, which takes
# them with all queries only.
#
# RUN: %python %s %t %winnow

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../Import/ONNX/Inputs"), os.path.join(HERE, "Inputs")]
import numpy as np
from compare import Comparison, floats
from onnx import TensorProto

HEADS, SIZE = 3, 8
rng = np.random.default_rng(3)
MASKS = {"keys": [1, "s"], "vector": ["s"], "batch": ["b", 1, 1, "s"], "heads": [HEADS, 1, "s"],
         "queries": [1, 1, "s", 1]}  # fmt: skip
SHAPES = {name: ["b", HEADS, "s", SIZE] for name in "qkv"}
DTYPES = {}
for name, dims in MASKS.items():
    full = ["b", HEADS, "s", "s"] if len(dims) > 2 else ["s", "s"]
    for kind, dtype in (("f", TensorProto.FLOAT), ("b", TensorProto.BOOL)):
        SHAPES |= {kind + name: dims, kind + name + "_full": full}
        DTYPES |= {kind + name: dtype, kind + name + "_full": dtype}
case = Comparison("masks", SHAPES, DTYPES, opset=23)
for name in MASKS:
    for kind in "fb":
        for causal in (0, 1):
            case.add("Attention", f"q k v {kind}{name}", peer=f"q k v {kind}{name}_full", domain="",
                     is_causal=causal)  # fmt: skip


def feed(size):
    sizes = dict(zip("bs", size))
    feeds = {}
    for name, dims in SHAPES.items():
        shape = [sizes.get(dim, dim) for dim in dims]
        if name.endswith("_full"):
            feeds[name] = np.broadcast_to(feeds[name.removesuffix("_full")], shape).copy()
        else:
            feeds[name] = rng.random(shape) < 0.6 if name[0] == "b" else floats(rng, *shape)
    return feeds


case.run([(2, 5), (1, 1), (3, 40)], feed)
