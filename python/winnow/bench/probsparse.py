"""The core of ProbSparse attention (arXiv 2012.07436) as PyTorch's newer exporter writes
Informer's code, with one fixed table of samples, and the dense attention that it stands for."""

import math

import numpy as np

from .graph import FLOAT, Graph

FACTOR = 5


def samples_of(length):
    """ceil is taken of the logarithm, before the product."""
    return min(FACTOR * math.ceil(math.log(length)), length)


def table(length, seed=0):
    return np.random.default_rng(seed).integers(0, length, (length, samples_of(length)))


def _values(names, length, heads, size):
    return [(name, FLOAT, [1, length, heads, size]) for name in names]


def _heads_first(g, *names):
    return [g.op("Transpose", name, perm=[0, 2, 1, 3]) for name in names]


def _attend(g, rows, k, v, size):
    scores = g.op("MatMul", rows, g.op("Transpose", k, perm=[0, 1, 3, 2]))
    scores = g.op("Mul", scores, g.shared(size**-0.5, np.float32))
    return g.op("MatMul", g.op("Softmax", scores, axis=-1), v)


def dense_model(length, heads, size):
    g = Graph(18)
    q, k, v = _heads_first(g, "q", "k", "v")
    result = g.op("Transpose", _attend(g, q, k, v, size), perm=[0, 2, 1, 3], out="y")
    return g.model("dense", _values("qkv", length, heads, size), _values([result], length, heads, size))


def model(length, heads, size):
    g, count = Graph(18), samples_of(length)
    const = lambda *numbers: g.shared(numbers, np.int64)
    q, k, v = _heads_first(g, "q", "k", "v")
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
    result = g.op("Transpose", g.op("ScatterND", means, tuples, rows), perm=[0, 2, 1, 3], out="y")
    return g.model("probsparse", _values("qkv", length, heads, size), _values([result], length, heads, size))


def reference(length, feeds):
    """What `model` gives, without anything of queries times keys times samples."""
    q, k, v = (feeds[name][0].transpose(1, 0, 2).astype(np.float64) for name in "qkv")
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
    return {"y": result.transpose(1, 0, 2)[None].astype(np.float32)}
