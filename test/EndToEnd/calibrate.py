# winnow calibrate: nothing is lost on whole models, ranges are NumPy's, sensitivity is that of
# weights and inputs that NumPy rounds; what cannot be is refused.
#
# REQUIRES: shared-models
# RUN: %python %s %t %winnow %shared/models

import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../Import/ONNX/Inputs"), os.path.join(HERE, "Inputs")]
import numpy as np
from build import Graph, build, save, value
from support import Checker

import winnow

WORK, TOOL, MODELS = sys.argv[1:]
os.environ["WINNOW"] = TOOL
os.makedirs(WORK, exist_ok=True)
rng = np.random.default_rng(3)
check = Checker()


def feed(name, **arrays):
    path = os.path.join(WORK, name + ".npz")
    np.savez(path, **arrays)
    return path


def expect(condition, what):
    if not condition:
        check.errors.append(what)


# Whole models: each sample on its own, a batch that is fixed together.
for name in ("vit-small-width-ts17", "vit-small-width-sdpa-dy20", "deit-distilled-small-width-dy18",
             "swin-small-width-dy18", "bert-eager-ts17", "bert-sdpa-dy23"):  # fmt: skip
    model = os.path.join(MODELS, name, "model.onnx")
    with np.load(os.path.join(MODELS, name, "io_0.npz")) as arrays:
        data = {key[3:]: arrays[key][:2] for key in arrays if key.startswith("in:")}
    result = winnow.calibrate(model, data, sensitivity_samples=0)
    found = result["relevance"]
    expect(found["largest_relative_loss"] <= 1e-3, f"{name}: {found}")
    expect(found["start"] == ("value" if "bert" in name else "logit"), f"{name}: starts by {found}")
    for side in ("in", "out"):
        total = sum(site["relevance"][side] for site in result["sites"])
        expect(abs(total - 1) < 1e-6, f"{name}: shares add up to {total}")
    kinds = {site["kind"] for site in result["sites"]}
    expect(kinds == {"linear", "attention"}, f"{name}: sites are {kinds}")
    names = [site["name"] for site in result["sites"]]
    expect(len(set(names)) == len(names), f"{name}: names are {names}")

# Numbers of a model of two layers.
first, second = (rng.standard_normal(s).astype(np.float32) for s in ((64, 48), (48, 16)))
g = Graph()
hidden = g.op("Relu", g.op("MatMul", "x", g.f32(first)))
y = g.op("MatMul", hidden, g.f32(second))
model = save("two", build(g.nodes, [value("x", ["n", 7, 64])], [value(y, None)], g.constants))
x = rng.standard_normal((6, 7, 64)).astype(np.float32)
result = winnow.calibrate(model, ({"x": part} for part in np.split(x, 3)), sensitivity_samples=4)
expect(result["samples"] == 6 and result["sensitivity_samples"] == 4, f"samples: {result}")
exact_hidden = np.maximum(x @ first, 0)
# Sums of 64 floats round in another order.
for site, array in zip(result["sites"], (x, exact_hidden)):
    ranges = site["activations"][0]
    rows = array.reshape(-1, array.shape[-1])
    for key, got in (("min", rows.min()), ("max", rows.max()), ("abs_max", abs(rows).max())):
        check.close("range", np.array(ranges[key]), np.array(got), 0, 1e-5)
    for key, got in (("min", rows.min(0)), ("max", rows.max(0)), ("abs_max", abs(rows).max(0))):
        check.close("channels", np.array(ranges["channels"][key]), got, 1e-5, 1e-6)
    for percent in (0.1, 1, 99, 99.9):
        method = dict(method="inverted_cdf")
        want = np.percentile(rows, percent, **method)
        check.close("percentile", np.array(ranges["percentiles"][f"{percent:g}"]), want, 1e-6, 1 / 128)
        if f"{percent:g}" in ranges["channels"]["percentiles"]:
            want = np.sort(rows, 0)[0 if percent < 50 else -1]
            got = np.array(ranges["channels"]["percentiles"][f"{percent:g}"])
            check.close("channels", got, want, 1e-5, 1e-6)


def at_scale(w, scale, limit):
    return np.clip(np.round(w / scale), -limit, limit) * scale


def least(w, scales, limit):
    """Rounded at whichever of the scales loses least."""
    tried = [at_scale(w, scale, limit) for scale in scales]
    return min(tried, key=lambda rounded: ((rounded - w) ** 2).sum())


def round_weight(w, bits):
    limit, w = 2 ** (bits - 1) - 1, w.astype(np.float64)
    columns = []
    for column in w.T:
        scale = abs(column).max() / limit
        if bits == 8:
            columns.append(at_scale(column, scale, limit))
        elif bits > 4:
            columns.append(least(column, [scale * (1 - 0.05 * i) for i in range(9)], limit))
        else:
            parts = []
            for begin in range(0, len(column), 32):
                part = column[begin : begin + 32]
                most = int(np.clip(np.ceil(abs(part).max() / (limit * scale / 16)), 1, 16))
                multipliers = [m for m in range(most, 0, -1) if m * 5 >= most * 3]
                parts.append(least(part, [m * scale / 16 for m in multipliers], limit))
            columns.append(np.concatenate(parts))
    return np.stack(columns, 1)


def round_rows(x):
    low, high = np.minimum(x.min(-1, keepdims=True), 0), np.maximum(x.max(-1, keepdims=True), 0)
    scale = (high - low) / 255
    zero = np.round(-low / scale)
    return (np.clip(np.round(x / scale) + zero, 0, 255) - zero) * scale


# Before they are rounded, inputs are divided by what their weights are multiplied with; of what rounded
# weights lose the mean goes to the bias. Factors are powers of two, so that the product stays what it was.
def factors_of(x, w):
    factors = np.sqrt(abs(x).reshape(-1, x.shape[-1]).max(0) / abs(w).max(1))
    return 2.0 ** np.round(np.log2(factors / np.sort(factors)[len(factors) // 2]))


def round_layer(x, known, w, bits):
    """x w, rounded by what is known of such inputs."""
    factors = factors_of(known, w)[:, None]
    weight = round_weight(w * factors, bits) / factors
    shift = known.reshape(-1, len(w)).mean(0, dtype=np.float64) @ (w - weight)
    return round_rows(x / factors.T) * factors.T @ weight + shift


check.close("exact", (x / factors_of(x, first)) @ (factors_of(x, first)[:, None] * first), x @ first, 1e-5)
exact = exact_hidden[:4] @ second
for bits in (4, 6, 8):
    for number, want in enumerate((
        np.maximum(round_layer(x[:4], x, first, bits), 0) @ second,
        round_layer(exact_hidden[:4], exact_hidden, second, bits),
    )):  # fmt: skip
        error = np.linalg.norm(want - exact) / np.linalg.norm(exact)
        got = result["sites"][number]["sensitivity"][str(bits)]
        check.close("sensitivity", np.array(got), np.array(error), 0, 0.02)

# Quantised layers are what was measured: all of a mix together, compiled.
for bits in (4, 6, 8):
    folder = winnow.compile(model, os.path.join(WORK, f"bits{bits}"), approximate=f"quantize={bits}")
    (got,) = winnow.Session(folder, threads=1).run(None, {"x": x})
    hidden_rows = np.maximum(round_rows(x) @ round_weight(first, bits), 0)
    want = round_rows(hidden_rows) @ round_weight(second, bits)
    # A number that lies between two may go either way.
    check.close(f"quantised {bits}", got, want, 0.02 * abs(want).max())

# And mixes of calibrated layers, some of whose channels are a hundred times the others, which plain rows
# of bytes do not stand.
x[..., :3] *= 100
first[:3] /= 100
exact_hidden = np.maximum(x @ first, 0)
g = Graph()
hidden = g.op("Relu", g.op("MatMul", "x", g.f32(first)))
y = g.op("MatMul", hidden, g.f32(second))
model = save("outliers", build(g.nodes, [value("x", ["n", 7, 64])], [value(y, None)], g.constants))
file = os.path.join(WORK, "outliers.json")
winnow.calibrate(model, {"x": x}, sensitivity_samples=2, output=file)
for bits in (4, 6, 8):
    folder = winnow.compile(model, os.path.join(WORK, f"calibrated{bits}"),
                            approximate=f"assign-precision={file},widths={bits}")  # fmt: skip
    (got,) = winnow.Session(folder, threads=1).run(None, {"x": x})
    hidden_rows = np.maximum(round_layer(x, x, first, bits), 0)
    want = round_layer(hidden_rows, exact_hidden, second, bits)
    check.close(f"calibrated {bits}", got, want, 0.02 * abs(want).max())
    exact = exact_hidden @ second
    if bits == 8:
        plain = round_rows(np.maximum(round_rows(x) @ round_weight(first, 8), 0)) @ round_weight(second, 8)
        expect(np.linalg.norm(got - exact) * 3 < np.linalg.norm(plain - exact), "outliers cost others their bits")

# Weights rounded by how inputs vary together, here in the form of GPTQ: with the square root of the inverse of the
# moments, what each weight loses is spread over those that are not rounded yet, from the last input to the first.
def least_output(w, importance, scales, limit):
    tried = [(scale, ((at_scale(w, scale, limit) - w) ** 2 * importance).sum()) for scale in scales]
    return min(tried, key=lambda pair: pair[1])[0]


def round_by_moments(w, moments, bits):
    limit, w = 2 ** (bits - 1) - 1, w.astype(np.float64).copy()
    moments = moments + 0.01 * np.diag(moments).mean() * np.eye(len(moments))
    importance = np.diag(moments)
    spread = np.linalg.cholesky(np.linalg.inv(moments[::-1, ::-1])).T[::-1, ::-1]
    scales = [abs(column).max() / limit for column in w.T]
    if 4 < bits < 8:
        scales = [least_output(column, importance, [scale * (1 - 0.05 * i) for i in range(9)], limit)
                  for column, scale in zip(w.T, scales)]  # fmt: skip
    rounded = np.zeros_like(w)
    for begin in range((len(w) - 1) // 32 * 32, -1, -32):
        end = min(begin + 32, len(w))
        steps = np.array(scales)
        for n, part in enumerate(w[begin:end].T if bits <= 4 else ()):
            most = int(np.clip(np.ceil(abs(part).max() / (limit * scales[n] / 16)), 1, 16))
            tried = [m * scales[n] / 16 for m in range(most, 0, -1) if m * 5 >= most * 3]
            steps[n] = least_output(part, importance[begin:end], tried, limit)
        for i in range(end - 1, begin - 1, -1):
            rounded[i] = at_scale(w[i], steps, limit)
            w[:i] -= np.outer(spread[i, :i] / spread[i, i], w[i] - rounded[i])
    return rounded


mix = rng.standard_normal((12, 80)).astype(np.float32)
weight = rng.standard_normal((80, 24)).astype(np.float32)
g = Graph()
y = g.op("MatMul", "x", g.f32(weight))
together = save("together", build(g.nodes, [value("x", ["n", 80])], [value(y, None)], g.constants))
seen, fresh = (rng.standard_normal((200, 12)).astype(np.float32) @ mix for _ in range(2))
seen += rng.standard_normal(seen.shape).astype(np.float32) / 4
file, moments = os.path.join(WORK, "together.json"), os.path.join(WORK, "together.moments")
done = subprocess.run([TOOL, "calibrate", together, "--data", feed("together", x=seen), "--moments", moments, "-o", file,
                       "--sensitivity-samples=8"], capture_output=True, text=True)  # fmt: skip
expect(done.returncode == 0, done.stderr)
found = json.load(open(file))
expect(found["moments"] == "together.moments" and found["sites"][0]["moments"] == 0, "moments are not beside the result")
triangle = np.fromfile(moments, np.float32)
want = seen.astype(np.float64).T @ seen / len(seen)
check.close("moments", triangle, want[np.tril_indices(80)], 1e-5 * want.max())
factors = factors_of(seen, weight)
for bits in (4, 6, 8):
    rounded = round_by_moments(weight * factors[:, None], want / np.outer(factors, factors), bits) / factors[:, None]
    shift = seen.mean(0, dtype=np.float64) @ (weight - rounded)
    folder = winnow.compile(together, os.path.join(WORK, f"together{bits}"),
                            approximate=f"assign-precision={file},widths={bits}")  # fmt: skip
    (got,) = winnow.Session(folder, threads=1).run(None, {"x": fresh})
    plain, exact = round_layer(fresh, seen, weight, bits), fresh @ weight
    same = round_rows(fresh / factors) * factors @ rounded + shift
    # A weight that lies between two numbers may go either way, and those after it with it.
    differ = (abs(got - same) > 0.02 * abs(got).max()).any(0)
    expect(differ.sum() <= 3, f"{bits} bits: outputs {np.flatnonzero(differ)} are not rounded by the moments")
    error, want_error = np.linalg.norm(got - exact), np.linalg.norm(same - exact)
    check.close(f"together {bits}", np.array(error), want_error, 0, 0.1)
    expect(bits == 8 or error * 2 < np.linalg.norm(plain - exact), f"{bits} bits: {error} beside {np.linalg.norm(plain - exact)}")
    (error,) = (site["sensitivity"][str(bits)] for site in found["sites"])
    few = seen[:8]
    want_error = np.linalg.norm(round_rows(few / factors) * factors @ rounded + shift - few @ weight)
    check.close("sensitivity by moments", np.array(error), want_error / np.linalg.norm(few @ weight), 0, 0.1)
for text, words in (("nothing.moments", "which cannot be read: No such file"),
                    ("short.moments", "the moments of 'MatMul#0' to be 3240 numbers from 0 on, of 10")):  # fmt: skip
    open(os.path.join(WORK, "short.moments"), "wb").write(triangle[:10].tobytes())
    broken = os.path.join(WORK, "broken.json")
    json.dump(found | {"moments": text}, open(broken, "w"))
    try:
        winnow.compile(together, os.path.join(WORK, "broken"), approximate=f"assign-precision={broken}")
        check.errors.append(f"{text}: expected an error")
    except winnow.CompileError as error:
        expect(words in str(error), f"expected {words!r}, got {error}")


# What is refused.
def refused(words, *arguments):
    done = subprocess.run([TOOL, "calibrate", *arguments], capture_output=True, text=True)
    expect(done.returncode == 1 and words in done.stderr, f"expected {words!r}, got {done.stderr!r}")


refused("No such file", model, "--data", os.path.join(WORK, "none.npz"))
refused("expected an array 'x', an input of the model, got none", model, "--data", feed("other", z=x))
refused("expected an output of floats with the name 'z', got 'v2'", model, "--relevance-output=z",
        "--data", feed("right", x=x))  # fmt: skip
refused("expected finite relevance", model, "--data", feed("nan", x=x * np.nan))
g = Graph()
y = g.op("ReduceProd", "x", keepdims=0)
product = save("product", build(g.nodes, [value("x", ["n", 7, 64])], [value(y, None)], g.constants))
refused("no relevance rule for winnow.reduce", product, "--data", feed("right", x=x))
g = Graph()
y = g.op("MatMul", "x", g.f32(first))
fixed = save("fixed", build(g.nodes, [value("x", [4, 64])], [value(y, None)], g.constants))
refused("expected 'x' to hold samples of 4, got a first dimension of 6", fixed, "--data", feed("six", x=x[:, 0]))

check.finish()
