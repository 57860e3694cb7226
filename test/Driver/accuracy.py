# RUN: %python %s %S/../models/make_model.py %winnow %t
"""The accuracy contract: reported errors against numpy's, budgets, what is undone, refusals."""

import json
import os
import re
import subprocess
import sys

import numpy as np

import winnow

MAKE_MODEL, TOOL, WORK = sys.argv[1:]
os.environ["WINNOW"] = TOOL
os.makedirs(WORK, exist_ok=True)
MODEL = os.path.join(WORK, "bert.onnx")
DATA = os.path.join(WORK, "data")
DIM = {"batch": 2, "seq": 12}
ERRORS = []


def expect(condition, what):
    if not condition:
        ERRORS.append(what)


def make_feeds():
    rng = np.random.default_rng(7)
    for _ in range(5):
        ids = rng.integers(1, 99, (2, 12))
        yield {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": ids % 2}


def compile(name, **options):
    folder = winnow.compile(MODEL, os.path.join(WORK, name), dim=DIM, **options)
    with open(os.path.join(folder, "bert.json"), encoding="utf-8") as file:
        reports = [site for site in json.load(file)["passes"] if site["pass"] == "merge-tokens"]
    return winnow.Session(folder, threads=1), reports


def measure(got, exact):
    """rel-l2, max-abs, cosine and top1 of lists of arrays."""
    x, y = (np.concatenate([a.astype(np.float64).ravel() for a in arrays]) for arrays in (got, exact))
    top = [a.argmax(-1) == b.argmax(-1) for a, b in zip(got, exact)]
    return (np.linalg.norm(x - y) / np.linalg.norm(y), np.abs(x - y).max(),
            x @ y / np.linalg.norm(x) / np.linalg.norm(y), np.concatenate(top, axis=None).mean())  # fmt: skip


def errors_on(session, exact, feeds):
    """The metrics of each output."""
    pairs = [(session.run(None, feed), exact.run(None, feed)) for feed in feeds]
    names = [output.name for output in session.get_outputs()]
    return {name: measure([p[0][i] for p in pairs], [p[1][i] for p in pairs])
            for i, name in enumerate(names)}  # fmt: skip


def read_errors(sentence):
    found = re.findall(r"output '([^']+)': relative L2 (\S+?),? (?:\([^)]*\), )?max abs (\S+?),? "
                       r"(?:\([^)]*\), )?cosine (\S+?),? (?:\([^)]*\), )?top-1 agreement ([^;( ]+)",
                       sentence)  # fmt: skip
    return {name: tuple(map(float, values)) for name, *values in found}


def check_close(what, got, want):
    expect(got.keys() == want.keys(), f"{what}: expected outputs {list(want)}, got {list(got)}")
    for name in got:
        # Four digits are printed.
        close = np.allclose(got[name], want[name], rtol=1e-3, atol=1e-6)
        expect(close, f"{what}: '{name}': expected {want[name]}, got {got[name]}")


def check_reports(feeds, exact):
    _, reports = compile("by-name", approximate="merge-tokens")
    codes = [site["code"] for site in reports]
    expect(codes == ["merge-tokens.merged"] * 2 + ["accuracy.not-measured"], f"by name: {codes}")

    session, reports = compile("measured", approximate={"merge-tokens": 2}, calibration=feeds)
    said = reports[-1]["sentence"]
    expect("2 of 2 sites are kept" in said and "on 2 inputs that did not choose" in said, said)
    check_close("measured", read_errors(said), errors_on(session, exact, feeds[1::2]))

    _, reports = compile("one", approximate="merge-tokens", calibration=os.path.join(DATA, "0.npz"))
    expect("on 1 input, which chose as well" in reports[-1]["sentence"], reports[-1]["sentence"])


def check_budgets(feeds, exact):
    both, _ = compile("both", approximate="merge-tokens")
    both = errors_on(both, exact, feeds[0::2])["last_hidden_state"][0]
    # One of the two sites fits into a little less.
    budget = {"last_hidden_state:rel-l2": 0.95 * both}
    session, reports = compile("budget", approximate="merge-tokens", accuracy_budget=budget, calibration=DATA)
    kept = [site for site in reports if site["code"] == "merge-tokens.merged"]
    undone = [site for site in reports if site["code"] == "accuracy.undone"]
    expect(len(kept) == 1 and len(undone) == 1, f"budget: {reports}")
    expect("over the accuracy budget, and undone" in undone[0]["sentence"], f"budget: {undone}")
    # Each was measured alone, with what it saves.
    alone = [site for site in reports if "with it alone" in site["sentence"]]
    expect(len(alone) == 2 or "and what saves more" in undone[0]["sentence"], f"budget: {reports}")
    expect(all("% of the work is saved" in site["sentence"] for site in alone), f"budget: {alone}")
    error = errors_on(session, exact, feeds[0::2])["last_hidden_state"][0]
    expect(0 < error <= 0.95 * both, f"budget: {error} of {both}")

    session, reports = compile("nothing", accuracy_budget={"max-abs": 0}, calibration=DATA)
    expect([site["code"] for site in reports] == ["accuracy.undone"] * 2, f"nothing: {reports}")
    same = [np.array_equal(a, b) for feed in feeds
            for a, b in zip(session.run(None, feed), exact.run(None, feed))]  # fmt: skip
    expect(all(same), "nothing: expected the exact model")


def with_targets(feeds, exact):
    """The exact outputs with noise, as what one of them should be in truth."""
    rng = np.random.default_rng(3)
    for feed in feeds:
        (output,) = exact.run(["last_hidden_state"], feed)
        noise = rng.normal(0, 0.2, output.shape).astype(np.float32)
        yield feed | {"last_hidden_state": output + noise}


def losses(session, feeds):
    """MSE and MAE against the targets."""
    differences = [session.run(["last_hidden_state"], {k: v for k, v in feed.items() if k != "last_hidden_state"})[0]
                   .astype(np.float64) - feed["last_hidden_state"] for feed in feeds]  # fmt: skip
    return np.mean(np.square(differences)), np.mean(np.abs(differences))


def check_targets(feeds, exact):
    feeds = list(with_targets(feeds, exact))
    session, reports = compile("targets", approximate="merge-tokens", calibration=feeds)
    said = re.findall(r"(MSE|MAE) growth (\S+), from (\S+) to ([^\s;,]+)", reports[-1]["sentence"])
    expect([name for name, *_ in said] == ["MSE", "MAE"], f"targets: {reports[-1]}")
    before, after = losses(exact, feeds[1::2]), losses(session, feeds[1::2])
    for (_, *got), *want in zip(said, np.divide(after, before) - 1, before, after):
        close = np.allclose(np.array(got, float), want, rtol=1e-3)
        expect(close, f"targets: expected {want}, got {got}")

    growths = [np.divide(losses(session, part), losses(exact, part)) - 1 for part in (feeds[0::2], feeds[1::2])]
    highest = max(growth[0] for growth in growths)
    _, reports = compile("enough", calibration=feeds, approximate="merge-tokens",
                         accuracy_budget={"mse-growth": 1.01 * highest})  # fmt: skip
    expect("2 of 2 sites are kept" in reports[-1]["sentence"], f"enough: {reports}")
    _, reports = compile("none", calibration=feeds, approximate="merge-tokens",
                         accuracy_budget={"last_hidden_state:mae-growth": 0})  # fmt: skip
    expect([site["code"] for site in reports] == ["accuracy.undone"] * 2, f"none: {reports}")

    for name, broken in (("missing", feeds[:1] + list(make_feeds())[1:]),
                         ("shape", [feeds[0] | {"last_hidden_state": np.zeros((2, 12), np.float32)}])):  # fmt: skip
        folder = os.path.join(WORK, name)
        os.makedirs(folder, exist_ok=True)
        for i, feed in enumerate(broken):
            np.savez(os.path.join(folder, f"{i}.npz"), **feed)


def check_order(feeds):
    """Under a budget what saves most of the work comes first, and each says what it saved."""
    asked = ["merge-tokens=2", "quantize=8", "topk-activation=0.5"]
    orders = []
    for budget in ({}, {"accuracy_budget": {"rel-l2": 1}}):
        folder = winnow.compile(MODEL, os.path.join(WORK, "order"), dim=DIM, approximate=asked,
                                calibration=feeds, **budget)  # fmt: skip
        with open(os.path.join(folder, "bert.json"), encoding="utf-8") as file:
            said = [site for site in json.load(file)["passes"] if site["code"] == "accuracy.measured"]
        orders.append([site["pass"] for site in said])
        saved = [re.search(r"kept: (\S+) % of the work is saved", site["sentence"]) for site in said]
        expect(all(saved), f"order: {said}")
    expect(orders[0] == ["merge-tokens", "quantize", "topk-activation"], f"by name: {orders[0]}")
    # Half of all products, those of half of the layers for half of the tokens, a half of a quarter.
    expect(orders[1] == ["quantize", "merge-tokens", "topk-activation"], f"by work: {orders[1]}")


def check_refusals():
    cases = (
        (["--approximate=faster"], 2, "expected --approximate group-functions or fit-functions or probsparse or merge-tokens or topk-activation or statistical-topk or predict-activation or quantize or assign-precision, got 'faster'"),
        (["--approximate=merge-tokens=1"], 2, "expected --approximate=merge-tokens=SIDE"),
        (["--accuracy-budget=rel-l2=1"], 2, "expected --calibration with --accuracy-budget"),
        ([f"--calibration={DATA}"], 2, "expected --approximate or --accuracy-budget with"),
        ([f"--calibration={DATA}", "--accuracy-budget=l2=1"], 2, "METRIC is rel-l2, max-abs"),
        ([f"--calibration={DATA}", "--accuracy-budget=mse-growth=0.01"], 1, "expected targets in the calibration data"),
        ([f"--calibration={WORK}/missing", "--accuracy-budget=mse-growth=0.01"], 1, "1.npz': expected a target 'last_hidden_state' as in"),
        ([f"--calibration={WORK}/shape", "--accuracy-budget=mse-growth=0.01"], 1, "expected a target 'last_hidden_state' of the output's shape [2, 12, "),
        ([f"--calibration={DATA}", "--accuracy-budget=cosine=2"], 2, "got 'cosine=2'"),
        ([f"--calibration={DATA}", "--accuracy-budget=z:cosine=1"], 1, "the model has no output 'z'"),
        (["--calibration=/nonexistent", "--accuracy-budget=cosine=1"], 1, "cannot open"),
        ([f"--calibration={WORK}", "--accuracy-budget=cosine=1"], 1, "expected .npz files in"),
        ([f"--calibration={WORK}/few", "--accuracy-budget=cosine=1"], 1, "'attention_mask'"),
    )
    os.makedirs(os.path.join(WORK, "few"), exist_ok=True)
    np.savez(os.path.join(WORK, "few", "0.npz"), input_ids=np.ones((2, 12), np.int64))
    for arguments, code, message in cases:
        done = subprocess.run([TOOL, "compile", MODEL, "-o", os.path.join(WORK, "refused"),
                               "--dim=batch=2", "--dim=seq=12", *arguments],
                              capture_output=True, text=True)  # fmt: skip
        right = done.returncode == code and message in done.stderr
        expect(right, f"{arguments}: expected {code} and '{message}', got {done.returncode} and '{done.stderr}'")


def main():
    subprocess.run([sys.executable, MAKE_MODEL, "bert", "ts17", MODEL], check=True)
    feeds = list(make_feeds())
    os.makedirs(DATA, exist_ok=True)
    for i, feed in enumerate(feeds):
        np.savez(os.path.join(DATA, f"{i}.npz"), **feed)
    exact, _ = compile("exact")
    check_reports(feeds, exact)
    check_budgets(feeds, exact)
    check_targets(feeds, exact)
    check_order(feeds)
    check_refusals()
    # What comes after an approximation is verified against it.
    compile("verified", approximate="merge-tokens", verify=True)
    if ERRORS:
        sys.exit("\n".join(ERRORS))


main()
