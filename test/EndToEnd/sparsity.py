# Feed-forward layers whose hidden units are mostly zero, and top-k activations, against
# f64: each form, each level, densities on both sides of the switch.
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
from onnx import TensorProto
from support import Checker, compile_model, open_winnow

rng = np.random.default_rng(41)
check = Checker()
LEVELS = ("x86-64", "x86-64-v3", "native")


def reports(folder):
    with open(glob.glob(os.path.join(folder, "*.json"))[0], encoding="utf-8") as file:
        return [site["code"] for site in json.load(file)["passes"] if site["applied"]]


def weights(inputs, outputs):
    return (rng.standard_normal((inputs, outputs)) / np.sqrt(inputs)).astype(np.float32)


def relu(x):
    return np.maximum(x, 0)


def gelu(x):
    return x / (1 + np.exp(-1.702 * x))


def layer(form, width, hidden, shift):
    """-> (graph, output, its function in f64)"""
    g = Graph()
    first, second = weights(width, hidden), weights(hidden, width)
    up, bias = weights(width, hidden), np.full(hidden, shift, np.float32)
    a = g.op("Relu", g.op("Add", g.op("MatMul", "x", g.f32(first)), g.f32(bias)))
    if form == "squared":
        a = g.op("Mul", a, a)
    elif form != "relu":
        u = g.op("Add", g.op("MatMul", "x", g.f32(up)), g.f32(bias / 7))
        if form == "drelu":
            u = g.op("Relu", u)
        elif form == "gelu":
            u = g.op("Mul", u, g.op("Sigmoid", g.op("Mul", u, g.f32(1.702))))
        a = g.op("Mul", a, u)
    out = g.op("Add", g.op("MatMul", a, g.f32(second)), "x")

    def want(x):
        x = x.astype(np.float64)
        a = relu(x @ first + bias)
        u = x @ up + bias / 7
        factor = {"relu": 1, "squared": a, "reglu": u, "drelu": relu(u), "gelu": gelu(u)}[form]
        return (a * factor) @ second + x

    return g, out, want


def layers():
    for form in ("relu", "squared", "reglu", "drelu", "gelu"):
        # Wide enough for several passes, and in whole words, vectors and strips or not.
        width, hidden = {"relu": (48, 4200), "reglu": (96, 192)}.get(form, (39, 205))
        g, out, want = layer(form, width, hidden, -1.0)
        path = save(form, build(g.nodes, [value("x", ["n", width])], [out], g.constants))
        for level in LEVELS:
            folder = os.path.join(sys.argv[1], f"{form}-{level}")
            found = reports(compile_model(sys.argv[2], path, folder, f"--cpu={level}"))
            expected = ["exploit-sparsity.inputs"]
            if form not in ("relu", "squared"):
                expected.append("exploit-sparsity.gate")
            if not set(expected) <= set(found):
                check.errors.append(f"{form}: expected {expected}, got {found}")
            ours = open_winnow(folder, threads=2)
            for rows in (1, 2, 9, 40, 150):
                # From no unit that fires to nearly all.
                for scale in (0.0, 0.4, 1.0, 3.0):
                    x = (scale * rng.standard_normal((rows, width)) + (scale == 3)).astype(np.float32)
                    y = want(x)
                    # Sums of thousands of terms that cancel.
                    bound = 4e-6 * max(np.abs(y).max(), 1)
                    check.close(f"{form}, {level}: {rows} rows times {scale}", ours({"x": x})[out],
                                y.astype(np.float32), bound, 0)  # fmt: skip


def greatest(g, x, k):
    """-> the names of the k greatest of each row and their places"""
    names = [f"{what}{len(g.nodes)}" for what in ("values", "places")]
    g.nodes.append(node("TopK", f"{x} {g.const(ints(k))}", " ".join(names), axis=-1))
    return names


def top_k():
    width, hidden, k = 40, 203, 17
    for form in ("scatter", "mask", "multiply", "choose", "drop"):
        g = Graph()
        first, second = weights(width, hidden), weights(hidden, width)
        h = g.op("MatMul", "x", g.f32(first))
        values, places = greatest(g, h, k)
        zeros = g.op("Expand", g.f32(0), g.op("Shape", h))
        if form == "scatter":
            a = g.op("ScatterElements", zeros, places, values, axis=-1)
        elif form == "mask":
            ones = g.op("Expand", g.f32(1), g.op("Shape", values))
            a = g.op("Mul", h, g.op("ScatterElements", zeros, places, ones, axis=-1))
        else:
            last = g.op("ReduceMin", values, g.const(ints(-1)), keepdims=1)
            if form == "multiply":
                last = g.op("Slice", values, g.const(ints(k - 1)), g.const(ints(k)), g.const(ints(-1)))
                keeps = g.op("GreaterOrEqual", h, last)
                a = g.op("Mul", h, g.op("Cast", keeps, to=TensorProto.FLOAT))
            elif form == "choose":
                a = g.op("Where", g.op("LessOrEqual", last, h), h, g.f32(0))
            else:
                a = g.op("Where", g.op("Less", h, last), g.f32(0), h)
        out = g.op("MatMul", a, g.f32(second))
        path = save(f"top-k-{form}", build(g.nodes, [value("x", ["n", "m", width])], [out, a], g.constants))
        for level in LEVELS:
            folder = os.path.join(sys.argv[1], f"top-k-{form}-{level}")
            found = reports(compile_model(sys.argv[2], path, folder, f"--cpu={level}"))
            if not {"topk-activation.raised", "exploit-sparsity.inputs"} <= set(found):
                check.errors.append(f"top-k-{form}: got {found}")
            ours = open_winnow(folder)
            for shape in ((1, 1), (2, 3), (1, 50)):
                x = rng.standard_normal((*shape, width)).astype(np.float32)
                result = ours({"x": x})
                a64 = x.astype(np.float64) @ first
                kept = np.take_along_axis(a64, np.argsort(-a64, axis=-1, kind="stable")[..., :k], -1)
                want = np.where(a64 >= kept[..., -1:], a64, 0)
                name = f"top-k-{form}, {level}: {shape}"
                check.close(name, result[a], want.astype(np.float32), 2e-6, 2e-6)
                check.close(name, result[out], (want @ second).astype(np.float32), 1e-5, 1e-5)


def ties():
    """Of equal elements the first are kept, or all; NaN is the greatest."""
    nan, inf = np.nan, np.inf
    rows = np.array([
        [3, 1, 3, 3, 0, -1, 3, 2, 5],
        [0, 0, 0, 0, 0, 0, 0, 0, 0],
        [-1, -2, -3, -4, -4, -4, -5, -6, -7],
        [nan, 1, -inf, nan, inf, nan, nan, 0, 2],
        [-0.0, 0.0, 1, -1, 0.0, -0.0, 1, -1, -1],
        [1e-42, -1e-42, 1e38, inf, -inf, 2, 2, 2, 2],
    ], np.float32)  # fmt: skip
    for keep in (False, True):
        for k in (1, 3, 4, 8):
            g = Graph()
            values, places = greatest(g, "x", k)
            if keep:
                last = g.op("ReduceMin", values, g.const(ints(-1)), keepdims=1)
                out = g.op("Where", g.op("GreaterOrEqual", "x", last), "x", g.f32(0))
            else:
                zeros = g.op("Expand", g.f32(0), g.op("Shape", "x"))
                out = g.op("ScatterElements", zeros, places, values, axis=-1)
            name = f"ties-{k}-{keep}"
            path = save(name, build(g.nodes, [value("x", ["n", 9])], [out], g.constants))
            ours = open_winnow(compile_model(sys.argv[2], path, os.path.join(sys.argv[1], name)))
            got = ours({"x": rows})[out]
            for row, result in zip(rows, got):
                key = np.where(np.isnan(row), inf, row)
                order = sorted(range(9), key=lambda i: (not np.isnan(row[i]), -key[i], i))
                kept = set(order[:k])
                if keep:
                    last = order[k - 1]
                    kept |= {i for i in range(9) if row[i] == row[last] or np.isnan(row[i]) and np.isnan(row[last])}
                want = np.array([row[i] if i in kept else 0 for i in range(9)], np.float32)
                if not np.array_equal(result, want, equal_nan=True):
                    check.errors.append(f"{name}: of {row}: expected {want}, got {result}")


def approximations():
    """The greatest units of dense layers, by name: of GELU, and of the gate of others."""
    for name, argument, gated in (("topk-activation", "20", False), ("topk-activation", "0.1", True),
                                  ("statistical-topk", "0.1", False)):  # fmt: skip
        width, hidden = 40, 200
        g = Graph()
        first, second, up = weights(width, hidden), weights(hidden, width), weights(width, hidden)
        a = g.op("MatMul", "x", g.f32(first))
        a = g.op("Mul", a, g.op("Sigmoid", g.op("Mul", a, g.f32(1.702))))
        if gated:
            a = g.op("Mul", a, g.op("MatMul", "x", g.f32(up)))
        out = g.op("MatMul", a, g.f32(second))
        path = save(f"{name}-{gated}", build(g.nodes, [value("x", ["n", width])], [out], g.constants))
        folder = os.path.join(sys.argv[1], f"{name}-{gated}")
        found = reports(compile_model(sys.argv[2], path, folder, f"--approximate={name}={argument}"))
        if not {"topk-activation.kept", "accuracy.not-measured", "exploit-sparsity.inputs"} <= set(found):
            check.errors.append(f"{name}: got {found}")
        ours = open_winnow(folder)
        x = rng.standard_normal((30, width)).astype(np.float32)
        a = x.astype(np.float64) @ first
        units = gelu(a)
        if name == "topk-activation":
            keeps = units >= np.sort(units, axis=-1)[:, -20:][:, :1]
        else:
            keeps = a - a.mean(-1, keepdims=True) > 1.2815515655446004 * a.std(-1, keepdims=True)
        want = (units * keeps * (x.astype(np.float64) @ up if gated else 1)) @ second
        check.close(name, ours({"x": x})[out], want.astype(np.float32), 1e-5, 1e-5)


layers()
top_k()
approximations()
ties()
check.finish()
