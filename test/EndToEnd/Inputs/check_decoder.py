#!/usr/bin/env python3
"""A decoder layer as exporters take it apart, with a cache, against ONNX Runtime.

    check_decoder.py WINNOW WORK_FOLDER

Every variant must be raised to the same few ops, and agree for all lengths,
paddings (rows that are hidden as a whole included) and pasts.
"""

import itertools
import json
import os
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
import winnow
from support import Checker, compile_model, folder_of, open_onnxruntime, open_winnow

WIDTH, HEADS, DIM = 32, 4, 8


class Graph:
    def __init__(self, opset):
        self.opset, self.nodes, self.initializers = opset, [], []
        self.rng = np.random.default_rng(0)

    def constant(self, value, dtype=np.int64):
        name = f"c{len(self.initializers)}"
        self.initializers.append(numpy_helper.from_array(np.array(value, dtype), name))
        return name

    def weight(self, *shape):
        return self.constant(self.rng.standard_normal(shape) / shape[0] ** 0.5, np.float32)

    def op(self, kind, *inputs, **attributes):
        name = f"v{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def size(self, value, axis):
        return self.op("Gather", self.op("Shape", value), self.constant(axis), axis=0)

    def unsqueeze(self, value, *axes):
        return self.op("Unsqueeze", value, self.constant(list(axes)))

    def slice(self, value, start, end, step=1):
        pieces = [self.constant([n]) for n in (start, end, -1, step)]
        return self.op("Slice", value, *pieces)

    def shape(self, *sizes):
        """A shape of sizes, known (numbers) or not (names)."""
        parts = [
            self.unsqueeze(size, 0) if isinstance(size, str) else self.constant([size])
            for size in sizes
        ]
        return self.op("Concat", *parts, axis=0)

    def norm(self, x, form):
        squares = self.op("Pow", x, self.constant(2.0, np.float32))
        axes = {"axes": [-1]} if self.opset < 18 else {}
        inputs = [squares] if self.opset < 18 else [squares, self.constant([-1])]
        mean = self.op("ReduceMean", *inputs, keepdims=1, **axes)
        root = self.op("Sqrt", self.op("Add", mean, self.constant(1e-6, np.float32)))
        if form == "reciprocal":
            x = self.op("Mul", x, self.op("Reciprocal", root))
        elif form == "one":
            x = self.op("Mul", x, self.op("Div", self.constant(1.0, np.float32), root))
        else:
            x = self.op("Div", x, root)
        return self.op("Mul", self.constant(self.rng.random(WIDTH) + 0.5, np.float32), x)

    def rotate(self, x, cos, sin, form):
        """x is [batch, heads, length, DIM]; cos and sin have a value a pair."""
        size = DIM // 2 if form == "partial" else DIM
        kept = self.slice(x, size, DIM) if form == "partial" else None
        x = self.slice(x, 0, size) if form == "partial" else x
        if form == "neighbours":
            def double(t):
                t = self.op("Concat", self.unsqueeze(t, 4), self.unsqueeze(t, 4), axis=4)
                return self.op("Reshape", t, self.constant([0, 0, 0, size]))

            even, odd = self.slice(x, 0, size, 2), self.slice(x, 1, size, 2)
            parts = [self.unsqueeze(t, 4) for t in (self.op("Neg", odd), even)]
            turned = self.op("Concat", *parts, axis=4)
            turned = self.op("Reshape", turned, self.constant([0, 0, 0, size]))
        else:
            def double(t):
                return self.op("Concat", t, t, axis=-1)

            low, high = self.slice(x, 0, size // 2), self.slice(x, size // 2, size)
            turned = self.op("Concat", self.op("Neg", high), low, axis=-1)
        result = self.op(
            "Add", self.op("Mul", x, double(cos)), self.op("Mul", turned, double(sin))
        )
        return result if kept is None else self.op("Concat", result, kept, axis=-1)

    def repeat(self, x, batch, total, key_heads):
        times = HEADS // key_heads
        if times == 1:
            return x
        wide = self.shape(batch, key_heads, times, total, DIM)
        x = self.op("Expand", self.unsqueeze(x, 2), wide)
        return self.op("Reshape", x, self.shape(batch, HEADS, total, DIM))

    def triangle(self, queries, keys):
        """The last rows of a constant triangle, as far as there are keys."""
        table = self.constant(np.tri(64)[None, None], np.bool_)
        axis = [self.constant([axis]) for axis in (2, 3)]
        start, end = self.shape(self.op("Sub", keys, queries)), self.shape(keys)
        rows = self.op("Slice", table, start, end, axis[0])
        return self.op("Slice", rows, self.constant([0]), end, axis[1])

    def behind(self, queries, keys, none, low):
        """The causal mask of new keys, behind zeros for those of the cache."""
        places = self.op("Range", self.constant(0), queries, self.constant(1))
        after = self.unsqueeze(self.op("Add", places, self.constant(1)), 1)
        new = self.op("Where", self.op("Less", places, after), none, low)
        past = self.shape(queries, self.op("Sub", keys, queries))
        mask = self.op("Concat", self.op("Expand", none, past), new, axis=-1)
        return self.unsqueeze(mask, 0, 1)

    def masked(self, scores, queries, keys, causal, padding, fill):
        """Scores without those that causality and padding hide."""
        visible = self.op("And", causal, padding)
        low = -np.inf if fill == "infinity" else np.finfo(np.float32).min
        low, none = self.constant(low, np.float32), self.constant(0.0, np.float32)
        one = self.constant(1.0, np.float32)
        if fill == "scores":
            return self.op("Where", visible, scores, low)
        if fill == "sliced":
            seen = self.unsqueeze(self.op("Cast", "mask", to=TensorProto.FLOAT), 1, 2)
            hidden = self.op("Sub", one, seen)
            scores = self.op("Where", self.triangle(queries, keys), scores, low)
            return self.op("Add", scores, self.op("Mul", hidden, low))
        if fill == "summed":
            hidden = self.op("Sub", one, self.op("Cast", padding, to=TensorProto.FLOAT))
            hidden = self.op("Cast", hidden, to=TensorProto.BOOL)
            mask = self.op("Where", causal, none, low)
            return self.op("Add", scores, self.op("Add", mask, self.op("Where", hidden, low, none)))
        if fill in ("behind", "bounded"):
            mask = self.op("Where", padding, self.behind(queries, keys, none, low), low)
            scores = self.op("Add", scores, mask)
            return self.op("Max", scores, low) if fill == "bounded" else scores
        if fill == "joint":
            scores = self.op("Where", self.triangle(queries, keys), scores, low)
        if fill == "capped":
            cap = self.constant(2.0, np.float32)
            scores = self.op("Mul", self.op("Tanh", self.op("Div", scores, cap)), cap)
        return self.op("Add", scores, self.op("Where", visible, none, low))


def build(path, opset, rotary, key_heads, fill, norm):
    g = Graph(opset)
    batch, length = g.size("x", 0), g.size("x", 1)
    past = g.size("past_key", 2)
    total = g.op("Add", past, length)

    # Positions count on after the cache; keys of padding are hidden.
    zero, one = g.constant(0), g.constant(1)
    queries = g.op("Add", g.op("Range", zero, length, one), past)
    keys = g.op("Range", zero, total, one)
    causal = g.op("LessOrEqual", g.unsqueeze(keys, 0, 1, 2), g.unsqueeze(queries, 0, 1, 3))
    padding = g.unsqueeze(g.op("Cast", "mask", to=TensorProto.BOOL), 1, 2)

    h = g.norm("x", norm)

    def heads(count):
        y = g.op("MatMul", h, g.weight(WIDTH, count * DIM))
        y = g.op("Reshape", y, g.shape(batch, length, count, DIM))
        return g.op("Transpose", y, perm=[0, 2, 1, 3])

    pairs = DIM // (4 if rotary == "partial" else 2)
    speeds = g.constant(0.5 ** np.arange(pairs), np.float32)
    angles = g.op("Mul", g.unsqueeze(g.op("Cast", queries, to=TensorProto.FLOAT), 1), speeds)
    cos, sin = (g.unsqueeze(g.op(kind, angles), 0, 1) for kind in ("Cos", "Sin"))
    query = g.rotate(heads(HEADS), cos, sin, rotary)
    key = g.op("Concat", "past_key", g.rotate(heads(key_heads), cos, sin, rotary), axis=2)
    value = g.op("Concat", "past_value", heads(key_heads), axis=2)

    wide_key = g.repeat(key, batch, total, key_heads)
    wide_value = g.repeat(value, batch, total, key_heads)
    if fill == "joint":
        every = g.op("Mul", batch, g.constant(HEADS))
        query = g.op("Reshape", query, g.shape(every, length, DIM))
        wide_key = g.op("Reshape", wide_key, g.shape(every, total, DIM))
        scores = g.op("MatMul", query, g.op("Transpose", wide_key, perm=[0, 2, 1]))
    else:
        scores = g.op("MatMul", query, g.op("Transpose", wide_key, perm=[0, 1, 3, 2]))
    scores = g.op("Mul", scores, g.constant(DIM**-0.5, np.float32))
    if fill == "joint":
        scores = g.op("Reshape", scores, g.shape(batch, HEADS, length, total))
    scores = g.masked(scores, length, g.size(key, 2), causal, padding, fill)
    weights = g.op("Softmax", scores, axis=-1)
    if fill == "infinity":
        none = g.constant(0.0, np.float32)
        weights = g.op("Where", g.op("IsNaN", weights), none, weights)
    y = g.op("Transpose", g.op("MatMul", weights, wide_value), perm=[0, 2, 1, 3])
    y = g.op("Reshape", y, g.shape(batch, length, WIDTH))
    x = g.op("Add", "x", g.op("MatMul", y, g.weight(WIDTH, WIDTH)))
    h = g.norm(x, norm)
    gate = g.op("MatMul", h, g.weight(WIDTH, 48))
    gate = g.op("Mul", gate, g.op("Sigmoid", gate))
    h = g.op("Mul", gate, g.op("MatMul", h, g.weight(WIDTH, 48)))
    g.nodes.append(helper.make_node("Add", [x, g.op("MatMul", h, g.weight(48, WIDTH))], ["y"]))
    for name, result in (("y_key", key), ("y_value", value)):
        g.nodes.append(helper.make_node("Identity", [result], [name]))

    cache = ["b", key_heads, "past", DIM]
    inputs = [("x", TensorProto.FLOAT, ["b", "s", WIDTH]), ("mask", TensorProto.INT64, ["b", "t"]),
              ("past_key", TensorProto.FLOAT, cache), ("past_value", TensorProto.FLOAT, cache)]
    outputs = [("y", TensorProto.FLOAT, None), ("y_key", TensorProto.FLOAT, None),
               ("y_value", TensorProto.FLOAT, None)]
    infos = [[helper.make_tensor_value_info(*v) for v in group] for group in (inputs, outputs)]
    graph = helper.make_graph(g.nodes, "decoder", *infos, g.initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    onnx.save(model, path)


def feeds(rng, key_heads, batch, length, past, padding):
    total = past + length
    mask = np.ones((batch, total), np.int64)
    if padding == "left":
        mask[0, : total // 2 + 1] = 0
    elif padding == "right":
        mask[0, total // 2 :] = 0
    elif padding == "all":
        mask[0] = 0
    normal = lambda *shape: rng.standard_normal(shape, np.float32)
    return {"x": normal(batch, length, WIDTH), "mask": mask,
            "past_key": normal(batch, key_heads, past, DIM),
            "past_value": normal(batch, key_heads, past, DIM)}


EXPECTED = {
    "sites.attention": "1 attention, 1 causal, 1 masked",
    "sites.norm": "2 rms_norm",
    "sites.rotary": "2 rotary",
    "sites.activation": "1 silu",
}
VARIANTS = [
    # opset, rotary, key heads, fill, norm
    (13, "halves", 2, "added", "one"),
    (17, "neighbours", 1, "scores", "reciprocal"),
    (18, "partial", 4, "infinity", "quotient"),
    (20, "halves", 2, "infinity", "reciprocal"),
    # What exporters wrote years ago.
    (13, "partial", 4, "sliced", "quotient"),
    (17, "halves", 4, "summed", "one"),
    (17, "partial", 4, "joint", "reciprocal"),
    (14, "halves", 2, "capped", "quotient"),
    (14, "halves", 4, "behind", "one"),
    (13, "partial", 4, "bounded", "quotient"),
]
SIZES = [(1, 1, 0), (2, 7, 0), (2, 1, 9), (3, 19, 30), (1, 40, 5)]


def check_mask_length(name, run, given, check):
    """The mask is as long as the cache and the new tokens together."""
    given["mask"] = given["mask"][:, 1:]
    try:
        run(given)
    except winnow.Error as error:
        if "expected dimension 1 to be 7" not in str(error):
            check.errors.append(f"{name}: {error}")
    else:
        check.errors.append(f"{name}: a mask that is too short was taken")


def main():
    tool, work = sys.argv[1:]
    check, rng = Checker(), np.random.default_rng(1)
    for variant in VARIANTS:
        name = "-".join(map(str, variant))
        folder = os.path.join(folder_of(work), name)
        os.makedirs(folder_of(work), exist_ok=True)
        path = folder + ".onnx"
        build(path, *variant)
        compile_model(tool, path, folder, "--name", "m")
        with open(os.path.join(folder, "m.json"), encoding="utf-8") as file:
            sites = {site["code"]: site["sentence"] for site in json.load(file)["passes"]}
        key_heads = variant[2]
        for code, sentence in EXPECTED.items():
            if code == "sites.attention" and key_heads != HEADS:
                sentence += ", 1 grouped"
            if sites.get(code) != sentence:
                check.errors.append(f"{name}: {code}: expected {sentence}, got {sites.get(code)}")
        ours, theirs = open_winnow(folder, 2), open_onnxruntime(path)
        for size, padding in itertools.product(SIZES, ("none", "left", "right", "all")):
            given = feeds(rng, key_heads, *size, padding)
            got, want = ours(given), theirs(given)
            for output in want:
                check.close(f"{name}: {size} {padding} {output}", got[output], want[output], 2e-5)
        check_mask_length(name, ours, feeds(rng, key_heads, 2, 3, 4, "none"), check)
    check.finish()


if __name__ == "__main__":
    main()
