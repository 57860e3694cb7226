# GroupQueryAttention and RotaryEmbedding of com.microsoft against ONNX Runtime: a
# first prompt that is padded on the right, and steps with a cache that has grown
# or is as long as it will ever be.
#
# RUN: %python %s %t %winnow

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../Import/ONNX/Inputs"), os.path.join(HERE, "Inputs")]
import numpy as np
from compare import Comparison, floats
from onnx import TensorProto

HEADS, KV_HEADS, SIZE, PAIRS, LONGEST = 6, 2, 32, 16, 64
rng = np.random.default_rng(17)

SHAPES = {
    "q": ["b", "s", HEADS * SIZE], "k": ["b", "s", KV_HEADS * SIZE], "v": ["b", "s", KV_HEADS * SIZE],
    "packed": ["b", "s", (HEADS + 2 * KV_HEADS) * SIZE],
    "pk": ["b", KV_HEADS, "p", SIZE], "pv": ["b", KV_HEADS, "p", SIZE],
    "last": ["b"], "total": [], "places": ["b", "s"], "first": [1],
    "bias": ["b", 1, "s", "t"], "sink": [HEADS], "x4": ["b", HEADS, "s", SIZE],
}  # fmt: skip
DTYPES = {"last": TensorProto.INT32, "total": TensorProto.INT32,
          "places": TensorProto.INT64, "first": TensorProto.INT64}  # fmt: skip
case = Comparison("group-query", SHAPES, DTYPES)
angles = np.outer(np.arange(LONGEST), 1 / 10 ** np.linspace(0, 3, PAIRS))
cos, sin = (case.constant(f(angles).astype(np.float32)) for f in (np.cos, np.sin))
half_cos, half_sin = (case.constant(f(angles[:, ::2]).astype(np.float32)) for f in (np.cos, np.sin))
CACHE = "pk pv last total"


def add(inputs, outputs=3, **attributes):
    return case.add("GroupQueryAttention", inputs, outputs, num_heads=HEADS,
                    kv_num_heads=KV_HEADS, **attributes)  # fmt: skip


add(f"q k v {CACHE}")
add(f"packed - - {CACHE} {cos} {sin}", do_rotary=1)
add(f"q k v {CACHE} {cos} {sin}", do_rotary=1, rotary_interleaved=1, scale=0.4)
add(f"q k v {CACHE} {half_cos} {half_sin}", do_rotary=1)
add(f"q k v {CACHE} {cos} {sin} places", do_rotary=1)
add(f"q k v {CACHE}", local_window_size=4)
add(f"q k v {CACHE}", softcap=1.5, local_window_size=3)
add(f"q k v {CACHE}", smooth_softmax=1)
add(f"q k v {CACHE} - - - bias")
add(f"q k v {CACHE} - - - bias sink", softcap=0.8)
add(f"q k v {CACHE}", causal=0)
scores = {add(f"q k v {CACHE} - - - bias", 4, qk_output=kind, softcap=softcap)[3]
          for kind in (1, 2) for softcap in (0.0, 2.0)}  # fmt: skip

for inputs, attributes in ((f"x4 places {cos} {sin}", {}), (f"x4 first {cos} {sin}", {}),
                           (f"q places {cos} {sin}", {"interleaved": 1}),
                           (f"q places {half_cos} {half_sin}",
                            {"num_heads": HEADS, "rotary_embedding_dim": PAIRS})):  # fmt: skip
    case.add("RotaryEmbedding", inputs, **attributes)


def feed(size):
    kind, batch, new, rows = size
    if kind == "prompt":
        valid = np.r_[new, rng.integers(1, new + 1, batch - 1)]
        total = new
    else:
        # The peer takes steps of several tokens for one batch entry only.
        valid = np.r_[rows if kind == "growing" else rows // 2, rng.integers(1, rows // 2, batch - 1)]
        valid += new if kind == "growing" else 0
        valid = np.maximum(valid, new)
        total = int(valid.max())
    sizes = {"b": batch, "s": new, "p": rows, "t": total}
    feeds = {}
    for name, dims in SHAPES.items():
        feeds[name] = floats(rng, *(sizes.get(dim, dim) for dim in dims))
    feeds["last"] = (valid - 1).astype(np.int32)
    feeds["total"] = np.array(total, np.int32)
    feeds["places"] = np.maximum(valid[:, None] - new, 0) + np.arange(new)
    feeds["first"] = np.array([3])
    return feeds


def compare(name, array, size, feeds):
    """What the operator defines: rows of valid tokens, and valid rows of caches."""
    new, valid = size[2], feeds["last"] + 1
    if case.forms[name][0].startswith("Rotary"):
        return array
    rows = np.arange(new) < np.minimum(valid, new)[:, None]
    if name in scores:
        total = int(feeds["total"])
        past = np.maximum(valid - new, 0)[:, None, None]
        seen = np.arange(total) <= past + np.arange(new)[:, None]
        keep = (rows[:, :, None] & seen)[:, None]
        return np.where(keep, array[..., :total], 0)
    if name.endswith("_0"):
        return np.where(rows[..., None], array, 0)
    kept = np.arange(array.shape[2]) < valid[:, None]
    return np.where(kept[:, None, :, None], array, 0)


case.run([("prompt", 2, 5, 0), ("prompt", 3, 6, 24), ("growing", 1, 1, 7), ("growing", 1, 4, 9),
          ("shared", 3, 1, 20), ("shared", 1, 5, 33)], feed, compare)  # fmt: skip
