"""One test: compile, run in a process of its own, compare, and say in one word
how it went."""

import os
import re
import shutil
import signal
import subprocess
import traceback

import onnx

import winnow
from cases import (
    fed_inputs,
    find_model,
    load_data_sets,
    make_constant,
    make_dynamic,
    out_of_scope,
)
from compare import compare
from random_tests import check_statistics, enlarge, find_random

COMPILE_SECONDS, RUN_SECONDS = 120, 30

PASS = "pass"
# What the importer says when a model is beyond it, the most telling first.
UNSUPPORTED = (
    ("unsupported-type", r"elements of type|type .* (is|are) not supported"),
    ("unsupported-domain", r"the operator's domain is not supported"),
    ("unsupported-opset", r"the operator is not supported at opset"),
    ("unsupported-operator", r"the operator is not supported"),
    ("unsupported-dynamic", r"depends? on data or on dynamic dimensions|depends? on data"),
    ("unsupported-form", r"nodes? (is|are) not supported"),
)


def classify_refusal(status, said):
    """The reason for a compile that ended with `status`."""
    if status < 0 or status > 2:
        return "compile-crash"
    for reason, pattern in UNSUPPORTED:
        if re.search(pattern, said):
            return reason
    return "refused"


def _shorten(text):
    lines = [line.strip() for line in text.strip().splitlines() if line.strip()]
    lines = [line for line in lines if not re.search(r"nodes? (is|are) not supported:$", line)]
    return (lines[0] if lines else "")[:300].replace("\t", " ")


def _run_all(folder, model, data_sets, mode, random):
    """In the child: -> (reason, detail, ulp). `random` is the test's own model if
    that draws random numbers, whose values are not compared."""
    session = winnow.Session(folder, threads=1)
    names = [value.name for value in fed_inputs(model)]
    worst = 0.0
    for inputs, outputs in data_sets:
        feed = {} if mode == "constant" else dict(zip(names, inputs))
        results = session.run(None, feed)
        if random:
            wrong = check_statistics(random, inputs, results, outputs)
            if wrong:
                return "wrong-result", wrong, 0.0
            continue
        for value, got, want in zip(model.graph.output, results, outputs):
            wrong, ulp = compare(got, want)
            worst = max(worst, ulp)
            if wrong:
                return "wrong-result", f"output '{value.name}': {wrong}", ulp
    return PASS, "", worst


def _in_child(function):
    """The function's result, whatever it does to its process."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        # Compiled code that hangs holds the interpreter, so that no handler runs.
        signal.alarm(RUN_SECONDS)
        try:
            result = function()
        except winnow.Error as error:
            result = ("run-error", _shorten(str(error)), 0.0)
        except BaseException:
            result = ("runner-error", _shorten(traceback.format_exc().splitlines()[-1]), 0.0)
        os.write(writer, "\t".join(map(str, result)).encode(errors="replace"))
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as file:
        text = file.read().decode()
    status = os.waitpid(child, 0)[1]
    if os.WIFSIGNALED(status):
        name = signal.Signals(os.WTERMSIG(status)).name
        return ("run-timeout" if name == "SIGALRM" else "run-crash"), name, 0.0
    reason, detail, ulp = text.split("\t")
    return reason, detail, float(ulp)


def run_case(name, mode, driver, scratch):
    """-> (name, reason, detail, ulp)."""
    path = find_model(name)
    model = onnx.load(path)
    scope = out_of_scope(model)
    try:
        data_sets = load_data_sets(name, model)
    except Exception as error:  # sequences and optionals are no tensors
        reason = f"out-of-scope:{scope}" if scope else "runner-error"
        return name, reason, _shorten(repr(error)), 0.0
    random = None
    if find_random(model):
        data_sets = enlarge(model, data_sets)
        random = onnx.ModelProto.FromString(model.SerializeToString())
    if mode == "dynamic":
        model = make_dynamic(model)
    elif mode == "constant":
        model = make_constant(model, data_sets[0][0])
    if mode != "static" or random:
        path = os.path.join(scratch, "model.onnx")
        with open(path, "wb") as file:
            file.write(model.SerializeToString())
    target = os.path.join(scratch, "out")
    shutil.rmtree(target, ignore_errors=True)
    command = [driver, "compile", path, "-o", target, "--emit=shared", "--quiet"]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=COMPILE_SECONDS,
            cwd=scratch,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return name, "compile-timeout", "", 0.0
    if done.returncode:
        said = done.stderr.decode(errors="replace")
        reason = classify_refusal(done.returncode, said)
        if scope and reason != "compile-crash":
            reason = f"out-of-scope:{scope}"
        return name, reason, _shorten(said), 0.0
    # Constants are the first set's.
    used = data_sets[:1] if mode == "constant" else data_sets
    return name, *_in_child(lambda: _run_all(target, model, used, mode, random))
