# Rational functions of groups of channels, in the forms that people write and exporters
# give them, against their formula in f64.
#
# RUN: %python %s %t %winnow

import glob
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../Import/ONNX/Inputs"), os.path.join(HERE, "Inputs")]
import numpy as np
from build import Graph, build, ints, node, save, value
from support import Checker, compile_model, open_winnow

rng = np.random.default_rng(31)
check = Checker()
KINDS = {"K1": "abs_sum", "K2": "sum_abs_absx", "K3": "sum_abs_signed"}


def coefficients(groups, m, n, shared=True):
    a = rng.standard_normal((1 if shared else groups, m + 1)) * 0.5
    b = rng.standard_normal((groups, n)) * 0.1
    return a.astype(np.float32), b.astype(np.float32)


def reference(x, a, b, kind):
    """x is [..., channels], in f64."""
    x = x.astype(np.float64)
    grouped = x.reshape(*x.shape[:-1], len(b), -1)
    powers = lambda c, t, first: sum(
        c[:, i, None].astype(np.float64) * t ** (i + first) for i in range(c.shape[1])
    )
    p = powers(a, grouped, 0)
    if kind == "K1":
        q = 1 + np.abs(powers(b, grouped, 1))
    else:
        q = 1 + powers(np.abs(b), np.abs(grouped) if kind == "K2" else grouped, 1)
    return (p / q).reshape(x.shape)


def horner(g, x, columns):
    total = columns[-1]
    for column in reversed(columns[:-1]):
        total = g.op("Add", g.op("Mul", total, x), column)
    return total


def power_list(g, x, columns, by_pow):
    terms, power = [columns[0]], x
    for i, column in enumerate(columns[1:], 1):
        if i > 1:
            power = g.op("Pow", x, g.f32(i)) if by_pow else g.op("Mul", power, x)
        terms.append(g.op("Mul", column, power))
    total = terms[0]
    for term in terms[1:]:
        total = g.op("Add", total, term)
    return total


def grouped_form(write):
    """x as [..., groups, channels / groups], coefficients as columns [groups, 1]."""

    def form(g, a, b, kind, channels):
        groups = len(b)
        x = g.op("Reshape", "x", g.const(ints(0, 0, groups, channels // groups)))
        above = [g.f32(column if len(a) > 1 else column[0, 0]) for column in a.T[:, :, None]]
        columns = b if kind == "K1" else np.abs(b)
        below = [g.f32(column) for column in columns.T[:, :, None]]
        one, zero = g.f32(1), g.f32(0)
        p = write(g, x, above)
        if kind == "K1":
            q = g.op("Add", one, g.op("Abs", write(g, x, [zero, *below])))
        else:
            q = write(g, g.op("Abs", x) if kind == "K2" else x, [one, *below])
        return g.op("Reshape", g.op("Div", p, q), g.const(ints(0, 0, channels)))

    return form


def channel_form(g, a, b, kind, channels):
    """Coefficients for each channel; the quotient as a product with a reciprocal."""
    above = [g.f32(column) for column in a.T]
    below = [g.f32(column) for column in (b if kind == "K1" else np.abs(b)).T]
    p = horner(g, "x", above)
    t = g.op("Abs", "x") if kind == "K2" else "x"
    q = g.op("Mul", t, horner(g, t, below))
    q = g.op("Add", g.op("Abs", q) if kind == "K1" else q, g.f32(1))
    return g.op("Mul", p, g.op("Reciprocal", q))


def public_form(g, a, b, kind, channels):
    """The public PyTorch code: powers concatenated, products with [groups, 1, powers]."""
    groups, powers = len(b), a.shape[1]
    x = g.op("Reshape", "x", g.const(ints(0, 0, groups, channels // groups)))
    x = g.op("Transpose", x, perm=[2, 0, 1, 3])
    moved = g.op("Shape", x)
    x = g.op("Reshape", x, g.const(ints(groups, -1)))

    def stack(t):
        ones = g.op("Expand", g.f32(np.ones((1, 1, 1))), g.op("Shape", g.op("Unsqueeze", t, g.const(ints(1)))))
        list_, power = [ones], t
        for i in range(1, powers):
            power = power if i == 1 else g.op("Mul", power, t)
            list_.append(g.op("Unsqueeze", power, g.const(ints(1))))
        return g.op("Concat", *list_, axis=1)

    numerator = np.broadcast_to(a[:, None], (groups, 1, powers))
    denominator = np.zeros((groups, 1, powers), np.float32)
    denominator[:, 0, 1 : 1 + b.shape[1]] = b
    if kind != "K1":
        denominator[:, 0, 0] = 1
    below = g.f32(denominator)
    below = below if kind == "K1" else g.op("Abs", below)
    c = stack(x)
    p = g.op("Squeeze", g.op("MatMul", g.f32(numerator), c), g.const(ints(1)))
    q = g.op("MatMul", below, stack(g.op("Abs", x)) if kind == "K2" else c)
    q = g.op("Add", g.op("Abs", q), g.f32(1)) if kind == "K1" else q
    y = g.op("Div", p, g.op("Squeeze", q, g.const(ints(1))))
    y = g.op("Transpose", g.op("Reshape", y, moved), perm=[1, 2, 0, 3])
    return g.op("Reshape", y, g.const(ints(0, 0, channels)))


def einsum_form(g, a, b, kind, channels):
    """Powers by an exponent vector, sums over them by Einsum or ReduceSum."""
    groups, n = b.shape
    x = g.op("Reshape", "x", g.const(ints(0, 0, groups, channels // groups)))
    t = g.op("Abs", x) if kind == "K2" else x
    powers = lambda base, count: g.op(
        "Pow", g.op("Unsqueeze", base, g.const(ints(-1))), g.f32(np.arange(count))
    )
    p = g.op("Einsum", powers(x, a.shape[1]), g.f32(np.broadcast_to(a, (groups, a.shape[1]))), equation="btgcp,gp->btgc")
    weights = np.concatenate([np.full((groups, 1), kind != "K1"), np.abs(b) if kind == "K3" else b], 1)
    q = g.op("Mul", powers(t, n + 1), g.f32(weights[:, None]))
    q = g.op("Abs", q) if kind == "K2" else q
    q = g.op("ReduceSum", q, g.const(ints(-1)), keepdims=0)
    q = g.op("Add", g.op("Abs", q), g.f32(1)) if kind == "K1" else q
    return g.op("Reshape", g.op("Div", p, q), g.const(ints(0, 0, channels)))


FORMS = {
    "horner": grouped_form(horner),
    "pow": grouped_form(lambda g, x, columns: power_list(g, x, columns, True)),
    "products": grouped_form(lambda g, x, columns: power_list(g, x, columns, False)),
    "public": public_form,
    "einsum": einsum_form,
}


def reports(folder):
    with open(glob.glob(os.path.join(folder, "*.json"))[0], encoding="utf-8") as file:
        return json.load(file)["passes"]


def run(name, graph, out, dims, want, shapes, said, sites="1 group_rational", tolerance=2e-5, bound=4):
    path = save(name, build(graph.nodes, [value("x", dims)], [out], graph.constants))
    folder = compile_model(sys.argv[2], path, os.path.join(sys.argv[1], name))
    found = {site["code"]: site["sentence"] for site in reports(folder)}
    if said not in found.get("group-rational.raised", "") or found.get("sites.activation") != sites:
        check.errors.append(f"{name}: expected {said} and {sites}, got {found}")
    ours = open_winnow(folder)
    for shape in shapes:
        x = rng.uniform(-bound, bound, shape).astype(np.float32)
        got = ours({"x": x})[out]
        check.close(f"{name}: {shape}", got, want(x).astype(np.float32), tolerance, tolerance)


def kat_forms():
    for form, write in FORMS.items():
        for kind, name in KINDS.items():
            for m, n, shared in ((5, 4, True), (3, 2, False)):
                # The signed form is compared where it has no pole.
                a, b = coefficients(8, m, n, shared)
                b = np.abs(b) * 0.1 if kind == "K3" else b
                g, channels = Graph(), 48
                out = write(g, a, b, kind, channels)
                said = f"8 groups, degree {m}/{n}, {name}"
                run(f"{form}-{kind}-{m}", g, out, ["batch", "tokens", channels],
                    lambda x: reference(x, a, b, kind), [(2, 7, channels), (1, 1, channels)], said,
                    bound=2)  # fmt: skip
                if m == 5:
                    g = Graph()
                    out = write(g, a, b, kind, channels)
                    run(f"{form}-{kind}-static", g, out, [2, 5, channels],
                        lambda x: reference(x, a, b, kind), [(2, 5, channels)], said, bound=2)


def channels():
    for kind in KINDS:
        a, b = coefficients(20, 4, 3, shared=False)
        b = np.abs(b) * 0.1 if kind == "K3" else b
        g = Graph()
        out = channel_form(g, a, b, kind, 20)
        run(f"channels-{kind}", g, out, ["batch", "tokens", 20], lambda x: reference(x, a, b, kind),
            [(3, 5, 20)], f"20 groups, degree 4/3, {KINDS[kind]}", bound=2)  # fmt: skip


def images():
    """Channels that are not the last dimension."""
    a, b = coefficients(6, 5, 4, shared=False)
    for name, sizes, shape in (
        ("static", [4, 5], (2, 6, 4, 5)), ("dynamic", ["h", "w"], (2, 6, 4, 5)), ("large", [32, 33], (2, 6, 32, 33)),
    ):  # fmt: skip
        g = Graph()
        columns = [g.f32(c[:, None, None]) for c in a.T]
        q = g.op("Mul", "x", horner(g, "x", [g.f32(c[:, None, None]) for c in b.T]))
        out = g.op("Div", horner(g, "x", columns), g.op("Add", g.op("Abs", q), g.f32(1)))
        want = lambda x: np.moveaxis(reference(np.moveaxis(x, 1, -1), a, b, "K1"), -1, 1)
        run(f"images-{name}", g, out, ["n", 6, *sizes], want, [shape], "6 groups, degree 5/4, abs_sum")


def fused():
    """After a layer norm, and between two linears, as in a transformer."""
    width, hidden = 40, 72
    weights = {
        "scale": rng.standard_normal(width) * 0.1 + 1, "shift": rng.standard_normal(width) * 0.1,
        "w1": rng.standard_normal((width, hidden)) / np.sqrt(width), "b1": rng.standard_normal(hidden),
        "w2": rng.standard_normal((hidden, width)) / np.sqrt(hidden), "b2": rng.standard_normal(width),
    }  # fmt: skip
    weights = {key: array.astype(np.float32) for key, array in weights.items()}
    first, second = coefficients(8, 5, 4), coefficients(8, 5, 4)
    for kind in ("K1", "K2"):
        g = Graph()
        g.constants.update(weights)
        norm = g.op("LayerNormalization", "x", "scale", "shift", axis=-1, epsilon=1e-5)
        write = FORMS["horner"]

        def rational(x, pair, channels):
            g.nodes.append(node("Identity", x, f"id_{x}"))
            mark = len(g.nodes)
            out = write(g, *pair, kind, channels)
            for n in g.nodes[mark:]:
                n.input[:] = [x if name == "x" else name for name in n.input]
            return out

        x = g.op("Add", g.op("MatMul", rational(norm, first, width), "w1"), "b1")
        x = g.op("Add", g.op("MatMul", rational(x, second, hidden), "w2"), "b2")
        out = g.op("Add", "x", x)

        def want(x):
            x = x.astype(np.float64)
            n = (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + 1e-5)
            n = reference(n * weights["scale"] + weights["shift"], *first, kind)
            n = reference(n @ weights["w1"] + weights["b1"], *second, kind)
            return n @ weights["w2"] + weights["b2"] + x

        run(f"fused-{kind}", g, out, ["batch", "tokens", width], want, [(2, 9, width), (1, 1, width)],
            "8 groups", "2 group_rational", tolerance=1e-4)  # fmt: skip
        codes = [site["code"] for site in reports(os.path.join(sys.argv[1], f"fused-{kind}"))]
        if "linear.norm-rational" not in codes:
            check.errors.append(f"fused-{kind}: the norm did not take its function")


def refusals():
    """Near misses say why, and the model still computes what it says."""

    def denominator(g, mixed):
        square = g.op("Mul", "x", "x")
        if mixed:
            return g.op("Add", g.op("Add", g.op("Mul", square, "x"), g.op("Abs", "x")), g.f32(5))
        return g.op("Add", g.op("Abs", g.op("Add", square, g.f32(1))), g.f32(0.5))

    for name, mixed in (("mixed", True), ("inner", False)):
        g = Graph()
        out = g.op("Div", g.op("Mul", g.op("Mul", "x", "x"), "x"), denominator(g, mixed))
        path = save(name, build(g.nodes, [value("x", ["n", 4])], [out], g.constants))
        folder = compile_model(sys.argv[2], path, os.path.join(sys.argv[1], name))
        if not any(site["code"] == "group-rational.denominator" for site in reports(folder)):
            check.errors.append(f"{name}: expected a refusal, got {reports(folder)}")
        x = rng.uniform(-1, 1, (6, 4)).astype(np.float32)
        q = x**3 + np.abs(x) + 5 if mixed else np.abs(x**2 + 1) + 0.5
        check.close(name, open_winnow(folder)({"x": x})[out], x**3 / q, 1e-5)


kat_forms()
channels()
images()
fused()
refusals()
check.finish()
