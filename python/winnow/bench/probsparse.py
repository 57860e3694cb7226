"""The core of ProbSparse attention (arXiv 2012.07436) as PyTorch's newer exporter writes
Informer's code, with one fixed table of samples, and the dense attention that it stands for:
of queries, keys and values that are given, or as a layer with its four projections."""

import math

import numpy as np

from .graph import FLOAT, Graph

FACTOR = 5


def samples_of(length):
    """ceil is taken of the logarithm, before the product."""
    return min(FACTOR * math.ceil(math.log(length)), length)


def table(length, seed=0):
    return np.random.default_rng(seed).integers(0, length, (length, samples_of(length)))


def _heads_first(g, *names):
    return [g.op("Transpose", name, perm=[0, 2, 1, 3]) for name in names]


def _attend(g, rows, k, v, size):
    scores = g.op("MatMul", rows, g.op("Transpose", k, perm=[0, 1, 3, 2]))
    scores = g.op("Mul", scores, g.shared(size**-0.5, np.float32))
    return g.op("MatMul", g.op("Softmax", scores, axis=-1), v)


def _dense(g, q, k, v, length, heads, size):
    return _attend(g, q, k, v, size)


def _sparse(g, q, k, v, length, heads, size):
    count, const = samples_of(length), lambda *numbers: g.shared(numbers, np.int64)
    wide = g.op("Expand", g.op("Unsqueeze", k, const(2)), const(1, heads, length, length, size))
    own = np.broadcast_to(np.arange(length)[:, None], (length, count))
    pairs = g.weight("pairs", np.stack([own, table(length)], -1))
    sampled = g.op("GatherND", g.op("Transpose", wide, perm=[2, 3, 0, 1, 4]), pairs)
    sampled = g.op("Transpose", sampled, perm=[2, 3, 0, 4, 1])
    products = g.op("Squeeze", g.op("MatMul", g.op("Unsqueeze", q, const(3)), sampled), const(3))
    share = g.op("Div", g.op("ReduceSum", products, const(3), keepdims=0), g.shared(length, np.float32))
    measure = g.op("Sub", g.op("ReduceMax", products, const(3), keepdims=0), share)
    top = "top"
    g.op("TopK", measure, const(count), out="measures", axis=2, largest=1, sorted=0)
    g.nodes[-1].output.append(top)
    batches = g.weight("batches", np.zeros((1, heads, count, 1), np.int64))
    numbers = np.arange(heads).reshape(1, heads, 1, 1) + np.zeros((1, heads, count, 1), np.int64)
    tuples = g.op("Concat", batches, g.weight("heads", numbers), g.op("Unsqueeze", top, const(3)), axis=3)
    rows = _attend(g, g.op("GatherND", q, tuples), k, v, size)
    means = g.op("Expand", g.op("ReduceMean", v, const(2), keepdims=1), const(1, heads, length, size))
    return g.op("ScatterND", means, tuples, rows)


def projections(width):
    """Of queries, keys, values and the result -> [(weight, bias)]"""
    rng = np.random.default_rng(1)
    return [(rng.normal(0, width**-0.5, (width, width)).astype(np.float32),
             rng.normal(0, 0.1, width).astype(np.float32)) for _ in range(4)]  # fmt: skip


def model(length, heads, size, is_dense=False, is_layer=False):
    g, attend = Graph(18), _dense if is_dense else _sparse
    rows, split = [1, length, heads * size], [1, length, heads, size]
    if is_layer:
        weights = [(g.weight(f"w{i}", weight), g.weight(f"b{i}", bias))
                   for i, (weight, bias) in enumerate(projections(heads * size))]  # fmt: skip
        project = lambda x, i, out=None: g.op("Add", g.op("MatMul", x, weights[i][0]), weights[i][1], out=out)
        parts = [g.op("Reshape", project("x", i), g.shared(split, np.int64)) for i in range(3)]
    else:
        parts = "qkv"
    result = attend(g, *_heads_first(g, *parts), length, heads, size)
    result = g.op("Transpose", result, perm=[0, 2, 1, 3], out=None if is_layer else "y")
    if is_layer:
        project(g.op("Reshape", result, g.shared(rows, np.int64)), 3, out="y")
    values = lambda names, shape: [(name, FLOAT, shape) for name in names]
    kind = "dense" if is_dense else "probsparse"
    if is_layer:
        return g.model(f"{kind}_layer", values("x", rows), values("y", rows))
    return g.model(kind, values("qkv", split), values("y", split))


def reference(length, heads, size, feeds):
    """What `model` gives, without anything of queries times keys times samples."""
    if "x" not in feeds:
        return {"y": _reference_core(length, *(feeds[name][0] for name in "qkv"))[None].astype(np.float32)}
    pairs = projections(heads * size)
    project = lambda x, i: x @ pairs[i][0].astype(np.float64) + pairs[i][1]
    x = feeds["x"][0].astype(np.float64)
    # As the models see them, whose choice of rows hangs on single bits.
    parts = [project(x, i).astype(np.float32).reshape(length, heads, size) for i in range(3)]
    return {"y": project(_reference_core(length, *parts).reshape(length, -1), 3)[None].astype(np.float32)}


def _reference_core(length, *parts):
    q, k, v = (part.transpose(1, 0, 2).astype(np.float64) for part in parts)
    numbers, count = table(length), samples_of(length)
    result = np.broadcast_to(v.mean(1, keepdims=True), v.shape).copy()
    for head in range(len(q)):
        measure = np.empty(length)
        for begin in range(0, length, 512):
            part = slice(begin, begin + 512)
            products = np.einsum("id,ijd->ij", q[head, part], k[head][numbers[part]])
            measure[part] = products.max(1) - products.sum(1) / length
        top = np.argsort(-measure, kind="stable")[:count]
        scores = q[head, top] @ k[head].T / math.sqrt(q.shape[2])
        weights = np.exp(scores - scores.max(1, keepdims=True))
        result[head, top] = weights / weights.sum(1, keepdims=True) @ v[head]
    return result.transpose(1, 0, 2)
