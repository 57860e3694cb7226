"""Malformed models and what is said of them: each file of this folder's tests
is a table of cases."""

import concurrent.futures
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "Import", "ONNX", "Inputs"))

import numpy as np
import onnx
from build import BOOL, FLOAT, INT64, build, ints, node, value  # noqa: F401
from onnx import TensorProto, helper

WINNOW, WORK = sys.argv[1:3]
# build.py's idea of the folder.
sys.argv[1:] = [WORK]
FOLDER = os.path.join(WORK, "models")
os.makedirs(FOLDER, exist_ok=True)

X = [value("x", ["n", 4])]
W = np.ones((4, 4), np.float32)
BIG = 2**62


def shorten(name):
    """A long name as messages show it."""
    return name if len(name) <= 400 else name[:200] + "..." + name[-200:]


def relu(**kwargs):
    return build([node("Relu", "x", "y")], X, ["y"], **kwargs)


def one(op, constants=None, inputs="x", opset=18, args=X, **attributes):
    """A model of one node, which computes y."""
    return build([node(op, inputs, "y", **attributes)], args, ["y"], constants, opset=opset)


def edit(model, change):
    change(model)
    return model


def with_weight(change, array=W):
    """x times the weight w, which `change` has changed."""
    model = build([node("MatMul", "x w", "y")], X, ["y"], {"w": array})
    change(model.graph.initializer[0])
    return model


def tensor(dtype=TensorProto.FLOAT, dims=(4, 4), name="w", **fields):
    return TensorProto(name=name, data_type=dtype, dims=dims, **fields)


def graph(nodes, outputs, initializers=(), inputs=()):
    """A branch or body."""
    outs = [onnx.ValueInfoProto(name=name) for name in outputs.split()]
    return helper.make_graph(nodes, "branch", inputs, outs, initializers)


def choose(then, otherwise=None):
    """A model whose If takes the branch `then`."""
    otherwise = otherwise or graph([node("Neg", "x", "e")], "e")
    nodes = [node("If", "c", "y", then_branch=then, else_branch=otherwise)]
    return build(nodes, X, ["y"], {"c": np.array(True)})


def function(name, inputs, outputs, nodes, opset=18, domain="local"):
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("local", 1)]
    return helper.make_function(domain, name, inputs.split(), outputs.split(), nodes, opsets)


def call(functions, name="F", inputs="x", outputs="y"):
    """A model that calls a function."""
    return build([node(name, inputs, outputs, domain="local")], X, outputs.split(),
                 domains=["local"], functions=functions)


def _run(case):
    number, (model, expected, *options) = case
    path = model
    if not isinstance(model, str):
        path = os.path.join(FOLDER, f"{number}.onnx")
        with open(path, "wb") as file:
            file.write(model if isinstance(model, bytes) else model.SerializeToString())
    command = [WINNOW, "compile", path, "--stop-after=import", "-o", "-", "--quiet", *options]
    try:
        done = subprocess.run(command, capture_output=True, timeout=120)
    except subprocess.TimeoutExpired:
        return "a hang"
    said = done.stderr.decode(errors="replace").replace(path, "MODEL").removesuffix("\n")
    wanted = "winnow: error: " + expected
    if done.returncode == 1 and said == wanted and not done.stdout:
        return None
    return f"exit status {done.returncode} and\n  {said[:5000]}"


def refuse(cases):
    """Imports the models and ends the test. `cases` are, by description, a model
    (bytes or a path too), the whole message, in which MODEL is the file, and
    options. Nothing may follow the message, and nothing is written."""
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        results = list(pool.map(_run, enumerate(cases.values())))
    failures = 0
    for (what, (_, expected, *_)), result in zip(cases.items(), results):
        if result:
            failures += 1
            print(f"{what}: expected exit status 1 and\n  winnow: error: {expected}\ngot {result}")
    print(f"{len(cases) - failures} of {len(cases)} models are refused as they should be")
    sys.exit(failures != 0)
