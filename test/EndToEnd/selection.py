# Compress, Unique and NonMaxSuppression against ONNX Runtime.
#
# RUN: %python %s %t %winnow

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../Import/ONNX/Inputs"))
import numpy as np
import onnxruntime
import winnow
from build import BOOL, FLOAT, INT64, build, node, save, value
from onnx import TensorProto

rng = np.random.default_rng(11)
os.environ["WINNOW"] = sys.argv[2]


def check(name, model, feeds):
    """All outputs are equal, element by element: nothing is computed that could round."""
    path = save(name, model)
    reference, session = onnxruntime.InferenceSession(path), winnow.Session(path, threads=2)
    for feed in feeds:
        shapes = {key: np.shape(array) for key, array in feed.items()}
        for want, got in zip(reference.run(None, feed), session.run(None, feed), strict=True):
            np.testing.assert_array_equal(got, want, err_msg=f"{name}, inputs {shapes}", strict=True)


def floats(*shape):
    return rng.standard_normal(shape).astype(np.float32)


def compress():
    nodes = [node("Compress", "x c", "rows", axis=0), node("Compress", "x d", "columns", axis=-2),
             node("Compress", "x e", "flat"), node("Compress", "x few", "first", axis=2)]  # fmt: skip
    inputs = [value("x", ["a", "b", 4])]
    inputs += [value(name, [size], BOOL) for name, size in (("c", "a"), ("d", "l"), ("e", "m"))]
    model = build(nodes, inputs, ["rows", "columns", "flat", "first"],
                  {"few": np.array([True, False, True])})  # fmt: skip
    # Short conditions select nothing of the rest.
    sizes = [(3, 5, 5, 60, 0.5), (3, 5, 2, 7, 0.5), (2, 1, 1, 8, 0), (2, 3, 3, 24, 1)]
    check("compress", model, [
        dict(x=floats(a, b, 4), c=rng.random(a) < p, d=rng.random(l) < p, e=rng.random(m) < p)
        for a, b, l, m, p in sizes
    ])  # fmt: skip


OUTPUTS = ("y", "indices", "inverse", "counts")


def unique(dtype, shape, feeds, **attributes):
    kind = {np.float32: FLOAT, np.int64: INT64, np.int8: TensorProto.INT8}[dtype]
    nodes, outputs = [], []
    # Any of the outputs may be left out.
    for i, used in enumerate(([0, 1, 2, 3], [0], [0, 2], [0, 3])):
        names = [f"{name}{i}" if k in used else "-" for k, name in enumerate(OUTPUTS)]
        nodes.append(node("Unique", "x", " ".join(names), **attributes))
        outputs += [name for name in names if name != "-"]
    name = f"unique-{np.dtype(dtype)}-{len(shape)}-" + "-".join(map(str, attributes.values()))
    check(name, build(nodes, [value("x", shape, kind)], outputs),
          [dict(x=feed.astype(dtype)) for feed in feeds])  # fmt: skip


def uniques():
    few = lambda *shape: rng.integers(-2, 3, shape)
    for order in (0, 1):
        unique(np.float32, ["n"], [few(40), few(1), floats(17), np.zeros(9)], sorted=order)
        unique(np.int64, ["a", "b"], [few(5, 7), few(3, 1)], sorted=order)
        unique(np.int8, ["a", "b", 2], [few(3, 5, 2)], sorted=order)
        for axis in (0, 1, -1):
            unique(np.float32, ["a", "b", 2], [few(6, 5, 2), few(1, 9, 2)], axis=axis, sorted=order)
        unique(np.int64, ["a", 1], [few(30, 1)], axis=0, sorted=order)
        unique(np.int64, [8, 3], [rng.integers(0, 2, (8, 3))], axis=0, sorted=order)


def suppressions():
    """Boxes as corners in any order or as centers; scalars as constants, inputs or left out."""
    scalars = {"limit": np.array([4]), "iou": np.array([0.3], "f4"), "score": np.array([0.2], "f4")}
    data = [value("limit", [1], INT64), value("iou", [1]), value("score", [1])]
    constants = {name + "_constant": array for name, array in scalars.items()}
    for size in (12, "n"):
        nodes = []
        for center in (0, 1):
            for suffix in ("", "_constant"):
                for given in range(4):
                    names = [name + suffix if i < given else "-" for i, name in enumerate(scalars)]
                    nodes.append(node("NonMaxSuppression", " ".join(["boxes", "scores", *names]),
                                      f"y{len(nodes)}", center_point_box=center))  # fmt: skip
        inputs = [value("boxes", ["b", size, 4]), value("scores", ["b", "c", size])]
        model = build(nodes, inputs + data, [f"y{i}" for i in range(len(nodes))], constants)
        feeds = []
        for b, c, n in ((1, 1, 12), (2, 3, 12)) + (((1, 2, 30), (1, 1, 1)) * (size == "n")):
            boxes = rng.random((b, n, 4)).astype(np.float32)
            # Equal scores, and a box that is there twice.
            scores = rng.integers(0, 9, (b, c, n)).astype(np.float32) / 8
            boxes[:, -1] = boxes[:, 0]
            for limit in (-1, 3, 40):
                feeds.append(scalars | dict(boxes=boxes, scores=scores, limit=np.array([limit])))
        check(f"suppression-{size}", model, feeds)


compress()
uniques()
suppressions()
