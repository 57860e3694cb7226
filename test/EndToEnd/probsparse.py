# ProbSparse attention in the forms that exporters write, against its formula in f64: tables
# as constants, inputs and random numbers, static and symbolic sizes, odd ones too.
#
# RUN: %python %s %t %winnow

import glob
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../Import/ONNX/Inputs"), os.path.join(HERE, "Inputs")]
import numpy as np
from build import save
from probsparse_graphs import Elements, Flat, Shared, Tuples, attend
from support import Checker, compile_model, open_winnow

rng = np.random.default_rng(5)
check = Checker()
work, winnow = sys.argv[1:3]


def draw(sizes, **kinds):
    """Inputs whose kept queries are told apart by more than rounding."""
    shapes = [("q", "B LQ H D"), ("k", "B LK H D"), ("v", "B LK H E")]
    return {name: rng.standard_normal([sizes[d] for d in dims.split()]).astype(np.float32)
            for name, dims in shapes}


def run(name, form, sizes, symbols=(), kept=4, samples=5, shared=False, pinned=True, want="1 probsparse",
        others=(), options=(), **kinds):
    shape = [samples] if shared else [sizes["LQ"], samples]
    table = rng.integers(0, sizes["LK"], shape)
    built = form(sizes, symbols, table if pinned else None, kept, samples, **kinds)
    scale = 0.3
    path = save(name, built.build(scale))
    run = open_winnow(compile_model(winnow, path, os.path.join(work, name), *options), 2)
    with open(glob.glob(os.path.join(work, name, "*.json"))[0], encoding="utf-8") as file:
        sites = [site for site in json.load(file)["passes"] if site["code"] == "sites.attention"]
    if len(sites) != 1 or sites[0]["sentence"] != want:
        check.errors.append(f"{name}: expected {want}, got {sites}")
    if kinds.get("random"):
        return run
    for changes in ({}, *others):
        used = {**sizes, **changes}
        if not pinned:
            table = rng.integers(-used["LK"], used["LK"], shape)
        for _ in range(20):
            feeds = draw(used)
            mask = None
            if kinds.get("mask"):
                mask = feeds["mask"] = rng.standard_normal((used["B"], 1, used["LQ"], used["LK"])).astype(np.float32)
            divisor = samples if form is Elements else kinds.get("divisor")
            result, gap = attend(feeds["q"], feeds["k"], feeds["v"], table % used["LK"], kept, scale, divisor,
                                 kinds.get("causal"), mask, kinds.get("cumsum"))
            if gap > 1e-4:
                break
        if not pinned:
            feeds["table"] = table
        got = next(iter(run(feeds).values()))
        check.close(f"{name}: {changes}", got, result.astype(np.float32), 2e-5, 1e-5)


same = dict(B=2, LQ=37, LK=37, H=3, D=20, E=20)
cross = dict(B=3, LQ=29, LK=41, H=2, D=7, E=13)
wide = dict(B=1, LQ=150, LK=150, H=2, D=64, E=64)
# So few rows are kept that bounds come first.
bounded = dict(B=1, LQ=1100, LK=1100, H=4, D=124, E=12)
batches = [dict(B=1), dict(B=5)]
lengths = [dict(LQ=64, LK=64), dict(LQ=11, LK=11)]

run("flat", Flat, same)
run("flat_causal", Flat, same, causal=True, cumsum=True)
run("flat_batch", Flat, same, ["B"], causal=True, cumsum=True, others=batches)
run("flat_input", Flat, same, ["B"], pinned=False, others=batches)
run("flat_cross", Flat, cross, ["B"], others=batches)
run("flat_wide", Flat, wide, kept=30, samples=30)
run("flat_one", Flat, same, kept=1, samples=1)
run("flat_all", Flat, same, ["B"], kept=37, causal=True, cumsum=True, others=batches, want="1 attention, 1 causal")
run("tuples", Tuples, same)
run("tuples_causal", Tuples, same, ["B"], causal=True, cumsum=True, others=batches)
run("tuples_input", Tuples, cross, ["B"], pinned=False, others=batches)
run("tuples_divisor", Tuples, same, divisor=5.0)
run("tuples_wide", Tuples, wide, ["B"], kept=35, samples=33, causal=True, cumsum=True)
run("shared", Shared, same, shared=True, others=batches, symbols=["B"])
run("shared_causal", Shared, same, ["B"], shared=True, causal=True, cumsum=True, others=batches)
run("shared_mask", Shared, same, ["B"], shared=True, mask=True, others=batches)
run("shared_cross", Shared, cross, shared=True, mask=True)
run("shared_length", Shared, same, ["B", "LQ", "LK"], shared=True, pinned=False, mask=True)
run("shared_wide", Shared, wide, shared=True, kept=40, samples=150)
run("flat_bounded", Flat, bounded, kept=35, samples=35)
run("flat_bounded_causal", Flat, bounded, ["B"], kept=68, samples=13, causal=True, others=batches[:1])
run("tuples_bounded_divisor", Tuples, bounded, kept=5, samples=16, divisor=-7.0)
for cpu in ("x86-64", "x86-64-v3"):
    run(f"flat_bounded_{cpu}", Flat, bounded, kept=21, samples=11, options=[f"--cpu={cpu}"])
    run(f"flat_{cpu}", Flat, cross, causal=False, options=[f"--cpu={cpu}"])
    run(f"flat_causal_{cpu}", Flat, same, causal=True, cumsum=True, options=[f"--cpu={cpu}"])
    run(f"shared_{cpu}", Shared, same, shared=True, mask=True, options=[f"--cpu={cpu}"])
run("elements", Elements, same, ["B"], others=batches)
run("elements_cross", Elements, cross)



def make_hostile(sizes):
    """Numbers for which bounds are tight, wide or none."""
    base = draw(sizes)
    scaled = lambda **factors: {name: x * np.float32(factors.get(name, 1)) for name, x in base.items()}
    yield "plain", base
    yield "whole numbers", {name: np.round(x * 2) for name, x in base.items()}
    yield "tiny", scaled(q=1e-25, k=1e-25)
    yield "huge", scaled(q=1e20, k=1e20)
    yield "no queries", scaled(q=0)
    yield "no keys", scaled(k=0)
    yield "alike", {name: np.broadcast_to(x[:, :1], x.shape).copy() for name, x in base.items()}
    for name, number in (("outlier", 1e6), ("infinite", np.inf), ("not a number", np.nan)):
        for tensor in "qk":
            feeds = {key: x.copy() for key, x in base.items()}
            feeds[tensor][0, 17, 1, 3] = number
            yield f"{name} in {tensor}", feeds


def choose_alike(cpu):
    """Bounds leave out nothing that is chosen: the same as where all rows are measured, which a
    table of the run leads to."""
    sizes = dict(B=2, LQ=900, LK=900, H=3, D=40, E=8)
    table = rng.integers(0, 900, (900, 13))
    models = []
    for name, pinned in (("bounded", table), ("measured", None)):
        path = save(f"alike_{name}", Flat(sizes, (), pinned, 30, 13).build(0.3))
        folder = os.path.join(work, f"alike_{name}_{cpu}")
        models.append(open_winnow(compile_model(winnow, path, folder, f"--cpu={cpu}"), 2))
    for name, feeds in make_hostile(sizes):
        got, want = (next(iter(r(f).values())) for r, f in zip(models, (feeds, {**feeds, "table": table})))
        difference = np.nan_to_num(np.abs(got - want)).max()
        if difference > 1e-5 or not np.array_equal(np.isnan(got), np.isnan(want)):
            check.errors.append(f"{cpu}, {name}: expected the rows that floats choose, got {difference}")


for cpu in ("x86-64", "x86-64-v3", "native"):
    choose_alike(cpu)

# The same table for every run, another with another seed.
first = run("random", Flat, same, random=True, pinned=False)
again = run("random_again", Tuples, same, random=True, pinned=False, options=["--seed", "0"])
other = run("random_other", Flat, same, random=True, pinned=False, options=["--seed", "1"])
feeds = draw(same)
results = [next(iter(r(feeds).values())) for r in (first, again, other)]
check.close("random", results[0], results[1], 1e-5)
if np.abs(results[0] - results[2]).max() < 1e-3:
    check.errors.append("random: expected another seed to sample other keys")

# A number outside of the keys is told, not read.
model = open_winnow(os.path.join(work, "flat_input"))
feeds["table"] = np.full((37, 5), 37)
try:
    model(feeds)
    check.errors.append("expected a sampled key outside of the keys to fail")
except Exception as error:
    if "a sampled key outside of the keys" not in str(error):
        check.errors.append(f"expected an error of the sampled keys, got {error}")
check.finish()
