# The rules of relevance, each against NumPy's in f64, and that nothing is lost on the way.
#
# RUN: %python %s %t %winnow

import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../Import/ONNX/Inputs"), os.path.join(HERE, "Inputs")]
import numpy as np
from build import Graph, build, ints, node, save, value
from support import Checker, compile_model, open_winnow

rng = np.random.default_rng(5)
check = Checker()
WORK, TOOL = sys.argv[1:3]


def divide(a, b):
    return np.where(b != 0, a / np.where(b != 0, b + 1e-9 * np.sign(b), 1), 0)


def positive(x, w, r):
    """Linear layers, alpha 1, beta 0: what has a positive sign, one by one."""
    parts = np.maximum(x[..., :, None] * w, 0)
    return (parts * divide(r, parts.sum(-2))[..., None, :]).sum(-1)


def split(a, b, r):
    ra, rb = a * divide(r, a + b), b * divide(r, a + b)
    ta, tb = ra.sum(), rb.sum()
    scale = r.sum() / (abs(ta) + abs(tb))
    return ra * np.sign(ta) * scale, rb * np.sign(tb) * scale


def product(a, b, r):
    """Each half; the derivatives of sum_k a_ik b_kj, one by one."""
    s = divide(r, a @ b) / 2
    return a * np.einsum("...ij,...kj->...ik", s, b), b * np.einsum("...ik,...ij->...kj", a, s)


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def relevance(name, graph, feeds, output, shape=None, options=(), start="value", keeps=True):
    """-> (relevance of each input of floats, the vector of sums). A layer of few inputs does not
    keep all: what nothing contributes to with a positive sign is given to none."""
    inputs = [value(key, array.shape if shape is None else shape) for key, array in feeds.items()]
    model = save(name, build(graph.nodes, inputs, [value(output, None)], graph.constants))
    folder = os.path.join(WORK, name)
    raised = folder + ".mlir"
    subprocess.run((TOOL, "compile", model, "--stop-after=raise", "-o", raised, "--quiet", *options), check=True)
    return walk(name, raised, feeds, start, keeps)


def walk(name, raised, feeds, start="value", keeps=True):
    """The same of a module of the dialect."""
    folder = os.path.join(WORK, name)
    walked = folder + ".walk.mlir"
    subprocess.run((TOOL + "-opt", f"--winnow-propagate-relevance=start={start}", raised, "-o", walked), check=True)
    run = open_winnow(compile_model(TOOL, walked, folder))
    outputs = run(feeds)
    enters, leaves = outputs["winnow.relevance"][:2]
    if keeps and not abs(enters - leaves) <= 1e-3 * abs(enters):
        check.errors.append(f"{name}: {enters} enters, {leaves} leaves")
    return outputs, outputs["winnow.relevance"]


def compare(name, got, want, key="x"):
    want = np.asarray(want)
    check.close(name, got[f"winnow.relevance.{key}"], want, atol=2e-4 * np.abs(want).max())


def normal(*shape):
    return rng.standard_normal(shape).astype(np.float32)


x = normal(3, 5, 8)
x64 = x.astype(np.float64)

# A linear layer with a bias, which gets nothing.
w, b = normal(8, 6), normal(6)
g = Graph()
y = g.op("Add", g.op("MatMul", "x", g.f32(w)), g.f32(b))
got, sums = relevance("linear", g, {"x": x}, y, keeps=False)
r = x64 @ w + b
want = positive(x64, w, r)
compare("linear", got, want)
check.close("site sums", sums[2:], np.array([np.abs(want).sum(), np.abs(r).sum()]), 0, 1e-4)

# The same by the greatest output of each row.
got, _ = relevance("greatest", g, {"x": x}, y, start="logit")
compare("greatest", got, positive(x64, w, (r == r.max(-1, keepdims=True)).astype(float)))

# Activations and norms pass it on; a residual shares it, and both ways join.
up, down = normal(8, 16), normal(16, 8)
g = Graph()
n = g.op("LayerNormalization", "x", g.f32(np.ones(8)), g.f32(np.zeros(8)), axis=-1)
h = g.op("Relu", g.op("MatMul", n, g.f32(up)))
y = g.op("Add", "x", g.op("MatMul", h, g.f32(down)))
got, _ = relevance("residual", g, {"x": x}, y, keeps=False)
norm = (x64 - x64.mean(-1, keepdims=True)) / np.sqrt(x64.var(-1, keepdims=True) + 1e-5)
hidden = np.maximum(norm @ up, 0)
own = hidden @ down
rx, rf = split(x64, own, x64 + own)
compare("residual", got, rx + positive(norm, up, positive(hidden, down, rf)))

# Attention: products halve it, softmax passes it on. Plain, and with a mask of numbers.
wq, wk, wv = normal(8, 8), normal(8, 8), normal(8, 8)
for masked in (False, True):
    g = Graph()
    mask = np.where(rng.random((1, 1, 5, 5)) < 0.3, -1e4, 0).astype(np.float32)
    mask[..., 0] = 0
    heads = lambda v, order: g.op(
        "Transpose", g.op("Reshape", v, g.const(ints(3, 5, 2, 4))), perm=order
    )
    q = heads(g.op("MatMul", "x", g.f32(wq)), [0, 2, 1, 3])
    k = heads(g.op("MatMul", "x", g.f32(wk)), [0, 2, 3, 1])
    v = heads(g.op("MatMul", "x", g.f32(wv)), [0, 2, 1, 3])
    s = g.op("Mul", g.op("MatMul", q, k), g.f32(0.5))
    if masked:
        s = g.op("Add", s, g.f32(mask))
    a = g.op("Transpose", g.op("MatMul", g.op("Softmax", s, axis=-1), v), perm=[0, 2, 1, 3])
    y = g.op("Reshape", a, g.const(ints(3, 5, 8)))
    got, _ = relevance(f"attention-{masked}", g, {"x": x}, y)
    apart = lambda v: v.reshape(3, 5, 2, 4).transpose(0, 2, 1, 3)
    together = lambda v: v.transpose(0, 2, 1, 3).reshape(3, 5, 8)
    q, k, v = (apart(x64 @ weight) for weight in (wq, wk, wv))
    scores = q @ k.swapaxes(-1, -2)
    p = softmax(scores / 2 + (mask if masked else 0))
    rp, rv = product(p, v, p @ v)
    rq, rk = product(q, k.swapaxes(-1, -2), rp)
    parts = (rq, wq), (rk.swapaxes(-1, -2), wk), (rv, wv)
    compare(f"attention-{masked}", got, sum(positive(x64, w, together(r)) for r, w in parts))

# Patches of an image: between the least and the greatest value.
image, filters = normal(2, 3, 8, 8), normal(6, 3, 4, 4)
g = Graph()
y = g.op("Conv", "x", g.f32(filters), g.f32(normal(6)), strides=[4, 4])
got, _ = relevance("patches", g, {"x": image}, y)
patches = image.astype(np.float64).reshape(2, 3, 2, 4, 2, 4).transpose(0, 2, 4, 1, 3, 5).reshape(2, 4, 48)
weight = filters.reshape(6, 48).T.astype(np.float64)
r = patches @ weight + list(g.constants.values())[1]
low, high = (f(patches, axis=(1, 2), keepdims=True) for f in (np.min, np.max))
parts = (patches[..., None] * weight - low[..., None] * np.maximum(weight, 0)
         - high[..., None] * np.minimum(weight, 0))  # fmt: skip
r = (parts * (r / (parts.sum(-2) + 1e-9))[..., None, :]).sum(-1)
want = r.reshape(2, 2, 2, 3, 4, 4).transpose(0, 3, 1, 4, 2, 5).reshape(2, 3, 8, 8)
compare("patches", got, want)

# Movement: slices with steps, forth and back, reads of some rows several times, joins.
g = Graph()
last = g.op("Slice", "x", g.const(ints(1)), g.const(ints(8)), g.const(ints(2)), g.const(ints(3)))
back = g.op("Slice", last, g.const(ints(4)), g.const(ints(-9)), g.const(ints(1)), g.const(ints(-2)))
twice = g.op("Gather", "x", g.const(ints(1, 4, 1)), axis=1)
some = g.op("Slice", twice, g.const(ints(2)), g.const(ints(5)), g.const(ints(2)))
y = g.op("Concat", back, some, axis=1)
got, _ = relevance("movement", g, {"x": x}, y)
want = np.zeros_like(x64)
want[:, ::2, 1::3] += x64[:, ::2, 1::3]
for row in (1, 4, 1):
    want[:, row, 2:5] += x64[:, row, 2:5]
compare("movement", got, want)

# Means by contribution, the greatest alone; sums with positions; differences; products.
position = normal(5, 8)
g = Graph()
with_position = g.op("Add", "x", g.f32(position))
gate = g.op("Sigmoid", "x")
gated = g.op("Mul", with_position, gate)
mean = g.op("ReduceMean", gated, g.const(ints(1)))
greatest = g.op("ReduceMax", "x", g.const(ints(1)))
y = g.op("Sub", mean, greatest)
got, _ = relevance("sums", g, {"x": x}, y)
a64 = (x64 + position) / (1 + np.exp(-x64))
m64, top = a64.mean(1, keepdims=True), x64.max(1, keepdims=True)
rm, rt = split(m64, -top, m64 - top)
half = a64 * divide(rm, a64.sum(1, keepdims=True)) / 2
ra, _ = split(x64, np.broadcast_to(position, x64.shape), half)
compare("sums", got, ra + half + (x64 == top) * rt)

# Weights on the left, and several of them side by side.
mix, many = normal(5, 5), normal(3, 8, 4)
g = Graph()
mixed = g.op("MatMul", g.f32(mix), "x")
y = g.op("MatMul", mixed, g.f32(many))
got, _ = relevance("batched", g, {"x": x}, y, keeps=False)
mixed = mix.astype(np.float64) @ x64
r = np.stack([positive(mixed[i], many[i], mixed[i] @ many[i]) for i in range(3)])
want = positive(x64.swapaxes(1, 2), mix.T, r.swapaxes(1, 2)).swapaxes(1, 2)
compare("batched", got, want)

# Places that numbers give: reads of some several times, in batches; what is replaced gets nothing, of
# sums each part gets its share; the greatest of a row.
rows = np.array([[2, 0], [4, 4], [1, 3]])
columns = rng.integers(0, 8, (3, 5, 2))
g = Graph()
read = g.op("GatherND", "x", g.const(rows[..., None]), batch_dims=1)  # [3, 2, 8]
elements = g.op("GatherElements", "x", g.const(columns), axis=2)  # [3, 5, 2]
best = "best"  # [3, 5, 3]
g.nodes.append(node("TopK", f"x {g.const(ints(3))}", f"{best} positions", axis=2))
flat = [g.op("Reshape", v, g.const(ints(-1))) for v in (read, elements, best)]
y = g.op("Concat", *flat, axis=0)
got, _ = relevance("places", g, {"x": x}, y)
want = np.zeros_like(x64)
for i in range(3):
    np.add.at(want[i], rows[i], x64[i, rows[i]])
    for j in range(5):
        np.add.at(want[i, j], columns[i, j], x64[i, j, columns[i, j]])
        top = np.argsort(-x64[i, j])[:3]
        want[i, j, top] += x64[i, j, top]
compare("places", got, want)

u, indices = normal(2, 5, 8), np.array([2, 0])
where = rng.permuted(np.tile(np.arange(8), (3, 5, 1)), axis=2)[..., :2]
added = np.abs(normal(3, 5, 2))
g = Graph()
replaced = g.op("ScatterND", "x", g.const(indices[:, None]), "u")
y = g.op("ScatterElements", replaced, g.const(where), "a", axis=2, reduction="add")
got, _ = relevance("scatter", g, {"x": np.abs(x), "u": np.abs(u), "a": added}, y)
kept = np.abs(x64)
kept[indices] = np.abs(u)
compare("scatter x", got, np.where(np.isin(np.arange(3), indices)[:, None, None], 0, kept))
compare("scatter u", got, kept[indices], "u")
compare("scatter a", got, added.astype(np.float64), "a")


def module(name, arguments, body):
    """A function of the dialect, in a file; its last value is the result."""
    path = os.path.join(WORK, name + ".mlir")
    type_of = lambda array: f"tensor<{'x'.join(map(str, array.shape))}x{'i64' if array.dtype == np.int64 else 'f32'}>"
    given = ", ".join(f'%{key}: {type_of(array)} {{winnow.name = "{key}"}}' for key, array in arguments.items())
    result = body.rsplit("->", 1)[1].strip()
    with open(path, "w") as file:
        file.write(f"func.func @main({given}) -> ({result} {{winnow.name = \"y\"}}) attributes {{winnow.entry}} {{\n"
                   f"  %y = {body}\n  return %y : {result}\n}}\n")  # fmt: skip
    return path


# Functions of one channel each, apart and summed: the channel gets what they have.
knots = "dense<[[-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0]]> : tensor<1x7xf32>"
for name, extra, shape in (("apart", "", "3x5x3x8"),
                           ("summed", ", coefficients = dense<[[0.5, 2.0, 1.0]]> : tensor<1x3xf32>", "3x5x8")):  # fmt: skip
    body = f"winnow.bspline %x {{degree = 3 : i64, knots = {knots}{extra}}} : (tensor<3x5x8xf32>) -> tensor<{shape}xf32>"
    got, _ = walk(f"bases-{name}", module(f"bases-{name}", {"x": x}, body), {"x": x})
    t = np.arange(-3.0, 4.0)
    bases = [((x64 >= a) & (x64 < a + 1)).astype(float) for a in t[:-1]]
    for p in (1, 2, 3):
        bases = [(x64 - t[i]) / p * bases[i] + (t[i + p + 1] - x64) / p * bases[i + 1]
                 for i in range(len(bases) - 1)]  # fmt: skip
    compare(f"bases-{name}", got, sum(np.array([1, 1, 1] if name == "apart" else [0.5, 2, 1])[i] * bases[i] for i in range(3)))

# ProbSparse attention: the kept queries as others, and all of the rest to the values.
length, samples, kept = 12, 5, 4
feeds = {key: normal(2, length, 3, 4) for key in "qkv"}
for name, table, flags in (
    ("plain", rng.integers(0, length, (length, samples)), ""),
    ("shared-table", rng.integers(0, length, samples), ", divisor = 5.0 : f32"),
    ("causal", rng.integers(0, length, (length, samples)), ", causal, cumsum"),
):
    shape = f"tensor<2x{length}x3x4xf32>"
    sizes = "x".join(map(str, table.shape))
    body = (f"winnow.probsparse_attention %q, %k, %v, %table {{kept = {kept} : i64, scale = 0.5 : f32{flags}}} : "
            f"({shape}, {shape}, {shape}, tensor<{sizes}xi64>) -> {shape}")  # fmt: skip
    name = "probsparse-" + name
    given = feeds | {"table": table}
    got, _ = walk(name, module(name, given, body), given)
    q, k, v = (feeds[key].astype(np.float64).transpose(0, 2, 1, 3) for key in "qkv")
    scores = q @ k.swapaxes(-1, -2)
    numbers = np.broadcast_to(table, (length, samples))
    sample = np.take_along_axis(scores, np.broadcast_to(numbers, (2, 3, length, samples)), -1)
    measure = sample.max(-1) - sample.sum(-1) / (5 if "divisor" in flags else length)
    chosen = np.zeros(measure.shape, bool)
    np.put_along_axis(chosen, np.argsort(-measure, -1, kind="stable")[..., :kept], True, -1)
    chosen = chosen[..., None]
    below = np.tril(np.ones((length, length), bool))
    causal = "causal" in flags
    p = np.where(chosen, softmax(np.where(below, scores / 2, -np.inf) if causal else scores / 2),
                 below if causal else 1 / length)  # fmt: skip
    r = p @ v
    rp, rv = product(p, v, r)
    _, rest = product(p, v, np.where(chosen, 0, r))
    rq, rk = product(q, k.swapaxes(-1, -2), np.where(chosen, rp, 0))
    for key, want in zip("qkv", (rq, rk.swapaxes(-1, -2), rv + rest)):
        compare(name, got, want.transpose(0, 2, 1, 3), key)

# Sizes that a run gives.
g = Graph()
y = g.op("Add", "x", g.op("MatMul", g.op("Relu", g.op("MatMul", "x", g.f32(up))), g.f32(down)))
got, _ = relevance("dynamic", g, {"x": x}, y, shape=["n", "t", 8], keeps=False)
hidden = np.maximum(x64 @ up, 0)
rx, rf = split(x64, hidden @ down, x64 + hidden @ down)
compare("dynamic", got, rx + positive(x64, up, positive(hidden, down, rf)))

check.finish()
