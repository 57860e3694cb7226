# RUN: %python %s %t %winnow
"""assign-precision: the choice is the best of all that keep the budget, by every score and every kind
of budget; pins, tables, and what is refused."""

import itertools
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../Import/ONNX/Inputs"))
import numpy as np
from build import Graph, build, save, value

WORK, TOOL = sys.argv[1:]
rng = np.random.default_rng(11)
errors = []


def expect(condition, what):
    if not condition:
        errors.append(what)


SIZES = (64, 32, 96, 48, 80, 16)
g = Graph()
x = "x"
for inputs, outputs in zip(SIZES, SIZES[1:]):
    x = g.op("Relu", g.op("MatMul", x, g.f32(rng.standard_normal((inputs, outputs)))))
model = save("chain", build(g.nodes, [value("x", [4, 64])], [value(x, None)], g.constants))
data = os.path.join(WORK, "data.npz")
np.savez(data, x=rng.standard_normal((8, 64)).astype(np.float32))
path = os.path.join(WORK, "chain.calibration.json")
subprocess.run([TOOL, "calibrate", model, "--data", data, "-o", path, "--quiet"], check=True)
with open(path) as file:
    calibration = json.load(file)
SITES = calibration["sites"]
expect([site["inputs"] for site in SITES] == list(SIZES[:-1]), f"sites: {SITES}")


def run(argument, edited=None):
    file = path
    if edited is not None:
        file = os.path.join(WORK, "edited.json")
        with open(file, "w") as out:
            json.dump(edited, out)
    folder = os.path.join(WORK, "out")
    return subprocess.run(
        [TOOL, "compile", model, "-o", folder, f"--approximate=assign-precision={file}{argument}"],
        capture_output=True, text=True,
    )  # fmt: skip


def bits_of(argument, edited=None):
    done = run(argument, edited)
    if done.returncode:
        errors.append(f"{argument}: {done.stderr}")
        return [0] * len(SITES), "", []
    with open(os.path.join(WORK, "out", "chain.json")) as file:
        report = json.load(file)
    return [row["bits"] for row in report["precision"]], done.stderr, report


def weights(site):
    return site["inputs"] * site["outputs"]


def bytes_of(site, bits):
    blocks = -(-site["inputs"] // 32) if bits <= 4 else 0
    return weights(site) * bits / 8 + (site["outputs"] * (4 + blocks / 2) if bits <= 8 else 0)


def loss_of(site, bits, by):
    if bits > 8:
        return 0
    error = site["sensitivity"][str(bits)] ** 2
    share = site["relevance"]["in"]
    return {"relevance": share * 4.0**-bits, "sensitivity": error, "both": share * error}[by]


def best(sites, widths, size, limit, by):
    """The least loss of all choices within the limit."""
    return min(
        sum(loss_of(s, b, by) for s, b in zip(sites, choice))
        for choice in itertools.product(widths, repeat=len(sites))
        if sum(size(s, b) for s, b in zip(sites, choice)) <= limit * (1 + 1e-12)
    )


for by in ("relevance", "sensitivity", "both"):
    for widths, word in (((4, 6, 8), ""), ((4, 8, 32), ",widths=4/8/32")):
        for budget in (4.5, 5, 6.3, 9):
            got, _, _ = bits_of(f",bits={budget},by={by}{word}")
            limit = budget * sum(map(weights, SITES))
            size = lambda s, b: weights(s) * b
            expect(sum(map(size, SITES, got)) <= limit, f"{by} {budget}: {got} is over the budget")
            loss = sum(loss_of(s, b, by) for s, b in zip(SITES, got))
            want = best(SITES, widths, size, limit, by)
            expect(loss <= want * (1 + 1e-9), f"{by} {budget} {widths}: {got} loses {loss}, not {want}")
total = sum(bytes_of(s, 6) for s in SITES)
got, _, _ = bits_of(f",bytes={total}")
expect(sum(map(bytes_of, SITES, got)) <= total, f"bytes: {got}")
loss = sum(loss_of(s, b, "sensitivity") for s, b in zip(SITES, got))
expect(loss <= best(SITES, (4, 6, 8), bytes_of, total, "sensitivity") * (1 + 1e-9), f"bytes: {got}")

# The fewest bytes whose predicted error is within a bound.
bound = 0.1
got, _, _ = bits_of(f",loss={bound},by=sensitivity,widths=4/6/8/32")
expect(sum(loss_of(s, b, "sensitivity") for s, b in zip(SITES, got)) <= bound**2, f"loss: {got}")
smallest = min(
    sum(map(bytes_of, SITES, choice))
    for choice in itertools.product((4, 6, 8, 32), repeat=len(SITES))
    if sum(loss_of(s, b, "sensitivity") for s, b in zip(SITES, choice)) <= bound**2
)
size = sum(map(bytes_of, SITES, got))
expect(size <= smallest * 1.001, f"loss: {got} has {size} bytes, not {smallest}")

# The time of a layer of floats goes about with its weights; no choice takes a tenth of all.
rows = bits_of(",latency=0.6,widths=8/32")[2]["precision"]
share = sum(row["cost"] * row["weights"] for row in rows) / sum(row["weights"] for row in rows)
expect(0.4 < share < 0.65 and any(row["bits"] == 32 for row in rows), f"latency: {share} of the time in {rows}")
done = run(",latency=0.1")
expect("no choice of widths keeps the budget of 0.1 latency" in done.stderr, done.stderr)

# Pins go before everything; the table says so.
edited = json.loads(json.dumps(calibration))
edited["sites"][1]["pin"] = 32
got, table, report = bits_of(",bits=32,widths=4", edited)
expect(got == [4, 32, 4, 4, 4], f"pin: {got}")
lines = table.splitlines()
expect("(pinned)" in lines[2] and lines[0].split() == ["relevance", "sensitivity", "bits", "bytes",
       "cost", "site"] and "bits a weight" in lines[6], f"table: {table}")  # fmt: skip
chosen = [site for site in report["passes"] if site["code"] == "assign-precision.chosen"]
expect(len(chosen) == 4 and chosen[0]["sentence"].startswith("4 bits: relevance "), f"{chosen}")
expect(bits_of(",bits=5")[0] == bits_of(",bits=5")[0], "two runs differ")

# A site that calibration does not know stays as it is, and that is said.
edited = json.loads(json.dumps(calibration))
del edited["sites"][0]
got, _, report = bits_of(",bits=4", edited)
expect(got == [4] * 4, f"unknown: {got}")
expect(any(site["code"] == "assign-precision.not-calibrated" for site in report["passes"]), "unknown")

for argument, words, change in (
    (",bits=3", "no choice of widths keeps the budget of 3 bits", {}),
    (",bits=5,widths=4/16/32", "", {}),
    (",bits=5,widths=5", "expected --approximate=assign-precision=FILE.json", {}),
    (",loss=0.1,by=relevance", "expected --approximate=assign-precision=FILE.json", {}),
    (",bits=5", "expected pin of 'MatMul#1' to be 4, 6, 8, 16 or 32", {"pin": 5}),
    (",bits=5", "expected sensitivity of 'MatMul#1' to be errors by width", {"sensitivity": {"4": "x"}}),
    (",bits=5", "has no sensitivity of 'MatMul#1' at 4 bits; calibrate with --widths=4", {"sensitivity": {}}),
):  # fmt: skip
    edited = json.loads(json.dumps(calibration))
    edited["sites"][0].update(change)
    words = words.replace("MatMul#1", SITES[0]["name"])
    done = run(argument, edited)
    expect((done.returncode != 0) == bool(words) and words in done.stderr, f"{argument}: {done.stderr}")
for text, words in (("[]", "expected what winnow calibrate writes"), ("{", "is no JSON")):
    with open(os.path.join(WORK, "bad.json"), "w") as file:
        file.write(text)
    done = subprocess.run(
        [TOOL, "compile", model, "-o", os.path.join(WORK, "out"),
         f"--approximate=assign-precision={WORK}/bad.json"], capture_output=True, text=True)  # fmt: skip
    expect(done.returncode == 1 and words in done.stderr, done.stderr)

if errors:
    sys.exit("\n".join(errors))
