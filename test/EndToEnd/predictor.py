# Hidden units that a predictor finds: those are exact, the others zero; recall and densities
# as numpy counts them on the data that measures; and what has no predictor, with the reason.
#
# RUN: %python %s %t %winnow

import glob
import json
import os
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../Import/ONNX/Inputs"), os.path.join(HERE, "Inputs")]
import numpy as np
from build import Graph, build, node, save, value
from support import Checker, compile_model, open_winnow

WORK, TOOL = sys.argv[1:]
rng = np.random.default_rng(23)
check = Checker()
WIDTH, UNITS, RANK = 96, 320, 6


def expect(condition, what):
    if not condition:
        check.errors.append(what)


def normal(*shape):
    return rng.standard_normal(shape).astype(np.float32)


def weight(share):
    """A matrix of which a share of the variance lies in few dimensions."""
    low = normal(WIDTH, RANK) @ normal(RANK, UNITS) / np.sqrt(RANK)
    joined = np.sqrt(share) * low + np.sqrt(1 - share) * normal(WIDTH, UNITS)
    return (joined / np.linalg.norm(joined, axis=0)).astype(np.float32)


def data(name, runs, rows):
    """A folder of as many runs -> its path and the inputs"""
    folder = os.path.join(WORK, f"data-{name}")
    os.makedirs(folder, exist_ok=True)
    for old in glob.glob(os.path.join(folder, "*")):
        os.remove(old)
    inputs = [normal(rows, WIDTH) for _ in range(runs)]
    for number, x in enumerate(inputs):
        np.savez(os.path.join(folder, f"{number:04}.npz"), x=x)
    return folder, inputs


def model(form, share=0.97, shift=-1.3):
    """-> (path, output, the units that fire and the hidden units in f64). The second matrix is one
    that leaves hidden units where they are."""
    g = Graph()
    first, up = weight(share), normal(WIDTH, UNITS) / np.float32(np.sqrt(WIDTH))
    bias = np.full(UNITS, shift, np.float32)
    if form == "joint":
        both = g.op("MatMul", "x", g.f32(np.concatenate([up, first], axis=1)))
        both = g.op("Add", both, g.f32(np.concatenate([0 * bias, bias])))
        u, a = f"{both}_up", f"{both}_gate"
        g.nodes.append(node("Split", both, f"{u} {a}", axis=-1, num_outputs=2))
    else:
        a = g.op("Add", g.op("MatMul", "x", g.f32(first)), g.f32(bias))
    a = g.op("Relu", a)
    if form == "squared":
        a = g.op("Mul", a, a)
    elif form == "reglu":
        a = g.op("Mul", a, g.op("MatMul", "x", g.f32(up)))
    elif form == "joint":
        a = g.op("Mul", u, a)
    out = g.op("MatMul", a, g.f32(np.eye(UNITS, dtype=np.float32)))
    path = save(f"{form}-{share}-{shift}", build(g.nodes, [value("x", ["n", WIDTH])], [out], g.constants))

    def hidden(x):
        x = x.astype(np.float64)
        z = np.maximum(x @ first + bias, 0)
        return z > 0, z * {"relu": 1, "squared": z}.get(form, x @ up)

    return path, out, hidden


def compile(name, path, *options):
    folder = os.path.join(WORK, name)
    compile_model(TOOL, path, folder, *options)
    with open(glob.glob(os.path.join(folder, "*.json"))[0], encoding="utf-8") as file:
        return folder, json.load(file)["passes"]


def applies():
    folder, inputs = data("one-row", 420, 1)
    for form in ("relu", "squared", "reglu", "joint"):
        path, out, hidden = model(form)
        compiled, reports = compile(form, path, "--approximate=predict-activation=0.98",
                                    f"--calibration={folder}")  # fmt: skip
        codes = [site["code"] for site in reports]
        gates = codes.count("exploit-sparsity.gate")
        expect(gates == (1 if form in ("relu", "squared") else 2), f"{form}: {gates} gates")
        expect("accuracy.measured" in codes, f"{form}: {codes}")
        said = [site["sentence"] for site in reports if site["code"] == "predict-activation.predicted"]
        expect(len(said) == 1, f"{form}: {said}")
        pattern = (r"a predictor of rank (\d+) finds ([\d.]+) % of what fires: ([\d.]+) % of 320 units are "
                   r"computed where ([\d.]+) % fire, on (\d+) rows")  # fmt: skip
        rank, recall, computed, fires, rows = map(float, re.match(pattern, said[0]).groups())
        expect(rank == 8 and rows == 210, said[0])

        ours = open_winnow(compiled)
        active = found = zeros = 0
        for x in inputs[1::2]:
            y, (alive, exact) = ours({"x": x})[out], hidden(x)
            kept = y != 0
            check.close(form, y[kept], exact[kept].astype(np.float32), 2e-5, 2e-5)
            active += alive.sum()
            found += (alive & kept).sum()
        expect(abs(100 * found / active - recall) < 0.02, f"{form}: {100 * found / active}, said {recall}")
        expect(recall > 97, f"{form}: recall {recall}")
        share = 100 * active / (len(inputs[1::2]) * UNITS)
        expect(abs(share - fires) < 0.02, f"{form}: {share} % fire, said {fires}")
        # Not much more than what fires is computed.
        expect(fires < computed < 2.5 * fires, f"{form}: {computed} % computed, {fires} % fire")

        # Blocks of rows with few zeros and many, on both sides of the run-time switch.
        for rows in (2, 9, 40):
            x = normal(rows, WIDTH)
            y, (alive, exact) = ours({"x": x})[out], hidden(x)
            kept = y != 0
            check.close(f"{form}, {rows} rows", y[kept], exact[kept].astype(np.float32), 2e-5, 2e-5)
            expect((alive & kept).sum() > 0.9 * alive.sum(), f"{form}: {rows} rows")


def judged():
    """A budget that it keeps, and one that it does not."""
    folder, inputs = data("one-row", 420, 1)
    path, out, hidden = model("relu")
    for budget, code in (("rel-l2=0.5", "accuracy.measured"), ("rel-l2=1e-7", "accuracy.undone")):
        compiled, reports = compile("judged", path, "--approximate=predict-activation",
                                    f"--calibration={folder}", f"--accuracy-budget={budget}")  # fmt: skip
        codes = [site["code"] for site in reports]
        expect(code in codes, f"{budget}: {codes}")
        expect(("exploit-sparsity.gate" in codes) == (code == "accuracy.measured"), f"{budget}: {codes}")
    x = normal(3, WIDTH)
    check.close("undone", open_winnow(compiled)({"x": x})[out], hidden(x)[1].astype(np.float32), 2e-5, 2e-5)


def refuses():
    path, out, _ = model("relu")
    done = subprocess.run([TOOL, "compile", path, "-o", os.path.join(WORK, "none"),
                           "--approximate=predict-activation"], capture_output=True, text=True)  # fmt: skip
    want = "expected --calibration with --approximate=predict-activation: data that it is fitted to"
    expect(done.returncode == 2 and want in done.stderr, f"no data: {done.returncode}, {done.stderr}")
    cases = (
        # A random matrix has no directions that say more than others.
        ("no-gain", model("relu", share=0), data("one-row", 420, 1)),
        # Many rows need most of the columns, in whatever order.
        ("no-gain", model("relu", shift=-0.5), data("many-rows", 8, 100)),
        ("few-rows", model("relu"), data("few-rows", 40, 1)),
        ("silent", model("relu", shift=-100.0), data("one-row", 420, 1)),
    )
    for code, (path, out, hidden), (folder, _) in cases:
        compiled, reports = compile(f"refused-{code}", path, "--approximate=predict-activation",
                                    f"--calibration={folder}")  # fmt: skip
        said = [site["code"] for site in reports if site["pass"] == "predict-activation"]
        expect(said == [f"predict-activation.{code}"], f"{code}: {said}")
        x = normal(3, WIDTH)
        y = open_winnow(compiled)({"x": x})[out]
        check.close(code, y, hidden(x)[1].astype(np.float32), 2e-5, 2e-5)
    # One run measures with its last rows.
    path, out, _ = model("relu")
    folder, _ = data("one-run", 1, 400)
    _, reports = compile("one-run", path, "--approximate=predict-activation", f"--calibration={folder}")
    said = [site["sentence"] for site in reports if site["pass"] == "predict-activation"]
    expect("on 100 rows that the fit did not see" in said[0], said)


applies()
judged()
refuses()
check.finish()
