# Classic KAN layers as exporters write them, against their formulas in f64: splines by the
# recursion, with masks as casts and as selects, Gaussians, functions of pairs.
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

rng = np.random.default_rng(37)
check = Checker()


def bases_of(x, knots, degree):
    """[.., channels, bases], in f64."""
    x, t = x.astype(np.float64)[..., None], knots.astype(np.float64)
    bases = ((x >= t[..., :-1]) & (x < t[..., 1:])).astype(float)
    for k in range(1, degree + 1):
        left = (x - t[..., : -k - 1]) / (t[..., k:-1] - t[..., : -k - 1])
        right = (t[..., k + 1 :] - x) / (t[..., k + 1 :] - t[..., 1:-k])
        bases = left * bases[..., :-1] + right * bases[..., 1:]
    return bases


def make_knots(channels, intervals, degree, uneven):
    step = 2 / intervals
    knots = np.arange(-degree, intervals + degree + 1) * step - 1
    knots = np.broadcast_to(knots, (channels, len(knots))).copy()
    if uneven:
        knots += rng.uniform(-0.3, 0.3, knots.shape) * step
    return knots.astype(np.float32)


def cut(g, x, begin, end, rank):
    """x[..., begin:end]"""
    return g.op("Slice", x, g.const(ints(begin)), g.const(ints(end)), g.const(ints(rank - 1)))


def splines(g, x, knots, degree, rank, guard="", by_select=False):
    """The recursion of efficient-kan and pykan on x [.., channels, 1]."""
    n = knots.shape[-1]
    t = lambda begin, end: g.f32(knots[..., begin:end])
    inside = g.op("And", g.op("GreaterOrEqual", x, t(0, n - 1)), g.op("Less", x, t(1, n)))
    if by_select:
        bases = g.op("Where", inside, g.f32(1), g.f32(0))
    else:
        bases = g.op("Cast", inside, to=TensorProto.FLOAT)
    for k in range(1, degree + 1):
        left = g.op("Div", g.op("Sub", x, t(0, n - k - 1)), g.f32(knots[..., k:-1] - knots[..., : -k - 1]))
        right = g.op("Div", g.op("Sub", t(k + 1, n), x), g.f32(knots[..., k + 1 :] - knots[..., 1:-k]))
        count = n - k
        left = g.op("Mul", left, cut(g, bases, 0, count - 1, rank))
        bases = g.op("Add", left, g.op("Mul", right, cut(g, bases, 1, count, rank)))
        if guard:  # nan_to_num
            zero, huge = g.f32(0), np.finfo(np.float32).max
            clean = g.op("Where", g.op("IsNaN", bases), zero, bases)
            infinite = g.op("IsInf", g.op("Cast", bases, to=TensorProto.DOUBLE)) if guard == "double" else \
                g.op("Equal", g.op("Abs", bases), g.f32(np.inf))  # fmt: skip
            clean = g.op("Where", g.op("And", g.op("Less", bases, zero), infinite), g.f32(-huge), clean)
            bases = g.op("Where", g.op("And", g.op("Greater", bases, zero), infinite), g.f32(huge), clean)
    return bases


def silu(x):
    return x / (1 + np.exp(-x))


def reports(folder):
    with open(glob.glob(os.path.join(folder, "*.json"))[0], encoding="utf-8") as file:
        return {site["code"]: site["sentence"] for site in json.load(file)["passes"]}


def run(name, g, out, dims, want, shapes, basis, tolerance=2e-5):
    path = save(name, build(g.nodes, [value("x", dims)], [out], g.constants))
    folder = compile_model(sys.argv[2], path, os.path.join(sys.argv[1], name))
    found = reports(folder)
    if found.get("sites.basis") != basis:
        check.errors.append(f"{name}: expected {basis}, got {found}")
    ours = open_winnow(folder)
    for shape in shapes:
        x = rng.uniform(-1.3, 1.3, shape).astype(np.float32)
        check.close(f"{name}: {shape}", ours({"x": x})[out], want(x).astype(np.float32), tolerance, tolerance)


def efficient():
    for degree, intervals, uneven in ((3, 5, False), (3, 5, True), (2, 8, False), (1, 3, True), (4, 7, False)):
        for rank in (2, 3):
            inputs, outputs = 20, 7
            knots = make_knots(inputs, intervals, degree, uneven)
            bases = knots.shape[1] - 1 - degree
            base = rng.standard_normal((inputs, outputs)).astype(np.float32) / 4
            weight = rng.standard_normal((inputs, bases, outputs)).astype(np.float32) / 4
            g = Graph()
            x = g.op("Unsqueeze", "x", g.const(ints(-1)))
            b = splines(g, x, knots, degree, rank + 1, by_select=uneven)
            b = g.op("Reshape", b, g.const(ints(*[0] * (rank - 1), inputs * bases)))
            y = g.op("MatMul", b, g.f32(weight.reshape(-1, outputs)))
            z = g.op("MatMul", g.op("Mul", "x", g.op("Sigmoid", "x")), g.f32(base))
            out = g.op("Add", z, y)

            def want(x):
                b = bases_of(x, knots, degree)
                return silu(x.astype(np.float64)) @ base + np.einsum("...dk,dko->...o", b, weight)

            lead = ["batch", "n"][: rank - 1]
            run(f"efficient-{degree}-{intervals}-{uneven}-{rank}", g, out, [*lead, inputs], want,
                [(3, 5, inputs)[3 - rank :], (1, 1, inputs)[3 - rank :]], "1 bspline")  # fmt: skip


def pairs():
    for uneven in (False, True):
        inputs, outputs, degree = 6, 5, 3
        knots = make_knots(inputs, 5, degree, uneven)
        coef = rng.standard_normal((inputs, outputs, knots.shape[1] - 1 - degree)).astype(np.float32)
        scale_base, scale_sp = rng.standard_normal((2, inputs, outputs)).astype(np.float32) / 2
        mask = rng.integers(0, 2, (inputs, outputs)).astype(np.float32)
        g = Graph()
        x = g.op("Unsqueeze", "x", g.const(ints(2)))
        b = splines(g, x, knots[None], degree, 3, guard="double" if uneven else "single")
        y = g.op("Mul", g.f32(scale_sp[None]), g.op("Einsum", b, g.f32(coef), equation="ijk,jlk->ijl"))
        base = g.op("Unsqueeze", g.op("Mul", "x", g.op("Sigmoid", "x")), g.const(ints(2)))
        y = g.op("Add", g.op("Mul", g.f32(scale_base[None]), base), y)
        y = g.op("Mul", g.f32(mask[None]), y)
        out = g.op("ReduceSum", y, g.const(ints(1)), keepdims=0)

        def want(x):
            y = np.einsum("ijk,jlk->ijl", bases_of(x, knots, degree), coef)
            y = scale_base * silu(x.astype(np.float64))[:, :, None] + scale_sp * y
            return (mask * y).sum(1)

        run(f"pairs-{uneven}", g, out, ["batch", inputs], want, [(9, inputs), (1, inputs)], "1 bspline")


def gaussians():
    for name, power in ("product", False), ("power", True):
        inputs, outputs, count, width = 18, 6, 8, 0.45
        centers = np.linspace(-2, 2, count).astype(np.float32)
        weight = rng.standard_normal((inputs, count, outputs)).astype(np.float32) / 4
        g = Graph()
        d = g.op("Sub", g.op("Unsqueeze", "x", g.const(ints(-1))), g.f32(centers))
        d = g.op("Div", d, g.f32(width))
        square = g.op("Pow", d, g.f32(2)) if power else g.op("Mul", d, d)
        b = g.op("Exp", g.op("Neg", square) if power else g.op("Mul", square, g.f32(-0.5)))
        b = g.op("Reshape", b, g.const(ints(0, 0, inputs * count)))
        out = g.op("MatMul", b, g.f32(weight.reshape(-1, outputs)))

        def want(x):
            d = (x.astype(np.float64)[..., None] - centers) / width
            return np.einsum("...dk,dko->...o", np.exp(-(d**2) * (1 if power else 0.5)), weight)

        run(f"gaussians-{name}", g, out, ["batch", "n", inputs], want, [(2, 3, inputs)], "1 gaussian_basis")


def shared():
    """Functions that are one for all outputs but for factors, exactly and nearly, and the
    rational ones that are fitted to them."""
    inputs, outputs, degree, bound = 20, 6, 3, 0.05
    knots = make_knots(inputs, 3, degree, False)
    bases = knots.shape[1] - 1 - degree
    # Smooth functions, which rational ones come close to.
    places = np.arange(bases) / bases
    function = np.sin(rng.uniform(0, 6, (inputs, 1)) + places) + rng.uniform(-1, 1, (inputs, 1)) * places
    factors = rng.standard_normal((inputs, outputs))
    for name, noise, options, codes in (
        ("exact", 0, [], {"group-functions.shared"}),
        ("differ", 0.01, [], {"group-functions.differ"}),
        ("near", 0.01, [f"--approximate=group-functions={bound}"], {"group-functions.approximated"}),
        ("fitted", 0, [f"--approximate=fit-functions={bound}"], {"group-functions.fitted"}),
        ("unfit", 0, ["--approximate=fit-functions=1e-9"], {"group-functions.shared", "group-functions.fit"}),
        ("both", 0.01, [f"--approximate=group-functions={bound}", f"--approximate=fit-functions={bound}"],
         {"group-functions.approximated", "group-functions.fitted"}),
    ):  # fmt: skip
        weight = function[:, :, None] * factors[:, None]
        weight = (weight + noise * rng.uniform(-1, 1, weight.shape)).astype(np.float32)
        g = Graph()
        b = splines(g, g.op("Unsqueeze", "x", g.const(ints(-1))), knots, degree, 3)
        out = g.op("MatMul", g.op("Reshape", b, g.const(ints(0, -1))), g.f32(weight.reshape(-1, outputs)))
        path = save(f"shared-{name}", build(g.nodes, [value("x", ["n", inputs])], [out], g.constants))
        folder = compile_model(sys.argv[2], path, os.path.join(sys.argv[1], f"shared-{name}"), *options)
        found = {code for code in reports(folder) if code.startswith("group-functions.")}
        if found != codes:
            check.errors.append(f"shared-{name}: expected {codes}, got {reports(folder)}")
        # Between the inner knots, where rational functions are fitted.
        x = rng.uniform(-1, 1, (50, inputs)).astype(np.float32)
        want = np.einsum("ndk,dko->no", bases_of(x, knots, degree), weight)
        # An error of each function's size, and as many of them as there are inputs.
        allowed = bound * inputs * np.abs(weight).max() if name in ("near", "fitted", "both") else 2e-5
        check.close(f"shared-{name}", open_winnow(folder)({"x": x})[out], want.astype(np.float32), allowed, 0)


efficient()
pairs()
gaussians()
shared()
check.finish()
