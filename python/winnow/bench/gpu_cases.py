"""Makes what tools/gpu_check.sh runs on a machine with a GPU, where there is a compiler.

    python -m winnow.bench.gpu_cases FOLDER [--models DIR] [options]

Kernels of each family and small models, with inputs and results in float64 by NumPy; real exports
of --models with their stored results; and what is timed. FOLDER is small enough to be carried:
weights that are timed repeat after some thousand numbers, and are packed.
"""

import argparse
import dataclasses
import glob
import json
import lzma
import math
import os
import shutil
import subprocess
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from . import machine, models, reference
from .gpu_check import TIMED

FLOAT, INT64 = TensorProto.FLOAT, TensorProto.INT64
PRECISIONS = ("fp32", "tf32", "bf16", "fp16")
# Of what a factor of a product is rounded to.
UNIT = {"fp32": 2.0**-24, "tf32": 2.0**-11, "fp16": 2.0**-11, "bf16": 2.0**-8}
# Sums of up to some thousand products in f32, in any order: the root of their number.
SUM = 64 * 2.0**-24


@dataclasses.dataclass
class Case:
    """`want`: float64 by name. `products`: how many follow on each other, each with 2 rounded factors."""

    name: str
    model: onnx.ModelProto
    feeds: dict
    want: dict
    products: int = 1
    precisions: tuple = PRECISIONS

    def tolerance(self, precision):
        """Of the largest difference, in parts of the largest result."""
        return self.products * (4 * UNIT[precision] + SUM)


def _model(nodes, feeds, outputs, constants=None, opset=18):
    kinds = {np.dtype(np.float32): FLOAT, np.dtype(np.int64): INT64, np.dtype(bool): TensorProto.BOOL}
    inputs = [helper.make_tensor_value_info(k, kinds[v.dtype], v.shape) for k, v in feeds.items()]
    results = [helper.make_tensor_value_info(name, kind, None) for name, kind in outputs]
    weights = [numpy_helper.from_array(v, k) for k, v in (constants or {}).items()]
    graph = helper.make_graph(nodes, "case", inputs, results, weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)


def _node(kind, inputs, output, **attributes):
    return helper.make_node(kind, inputs.split(), [output], **attributes)


def _softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def _repeated(shape, deviation):
    """Numbers that repeat: their file packs to almost nothing."""
    pattern = np.random.default_rng(0).standard_normal(4093) * deviation
    return np.resize(pattern.astype(np.float32), shape)


_erf = np.vectorize(math.erf, otypes=[float])


def _linears(rng):
    normal = lambda *shape: rng.standard_normal(shape).astype(np.float32)
    for m, k, n in ((1, 768, 768), (7, 64, 40), (33, 50, 97), (128, 768, 3072), (197, 768, 768), (300, 1027, 72)):
        x, w, b = normal(m, k), _repeated((k, n), 1 / math.sqrt(k)), normal(n)
        nodes = [_node("MatMul", "x w", "p"), _node("Add", "p b", "y")]
        want = x.astype(float) @ w + b
        yield Case(f"linear-{m}-{k}-{n}", _model(nodes, {"x": x}, [("y", FLOAT)], {"w": w, "b": b}), {"x": x}, {"y": want})
    x, w, r = normal(50, 96), normal(96, 80) / np.float32(10), normal(50, 80)
    half, one, root = np.float32(0.5), np.float32(1), np.float32(math.sqrt(2))
    nodes = [_node("MatMul", "x w", "p"), _node("Div", "p root", "a"), _node("Erf", "a", "e"), _node("Add", "e one", "f"),
             _node("Mul", "p f", "g"), _node("Mul", "g half", "h"), _node("Add", "h r", "y")]  # fmt: skip
    p = x.astype(float) @ w
    model = _model(nodes, {"x": x, "r": r}, [("y", FLOAT)], {"w": w, "half": half, "one": one, "root": root})
    yield Case("linear-gelu-residual", model, {"x": x, "r": r}, {"y": 0.5 * p * (1 + _erf(p / math.sqrt(2))) + r})
    for a_shape, b_shape in (((3, 4, 33, 65), (3, 4, 65, 47)), ((2, 1, 128, 64), (2, 5, 64, 128))):
        a, b = normal(*a_shape), normal(*b_shape)
        name = "matmul-" + "x".join(map(str, a_shape))
        yield Case(name, _model([_node("MatMul", "a b", "y")], {"a": a, "b": b}, [("y", FLOAT)]), {"a": a, "b": b},
                   {"y": a.astype(float) @ b})  # fmt: skip


def _attention(name, rng, head, queries, keys, heads=3, batch=2, mask=None):
    normal = lambda *shape: rng.standard_normal(shape).astype(np.float32)
    feeds = {"q": normal(batch, queries, heads * head), "k": normal(batch, keys, heads * head),
             "v": normal(batch, keys, heads * head)}  # fmt: skip
    scale = np.float32(1 / math.sqrt(head))
    nodes, constants = [], {"scale": scale, "out": np.array([batch, queries, heads * head])}
    for key, length in (("q", queries), ("k", keys), ("v", keys)):
        constants["shape_" + key] = np.array([batch, length, heads, head])
        nodes += [_node("Reshape", f"{key} shape_{key}", key + "4"),
                  _node("Transpose", key + "4", key + "h", perm=[0, 2, 3, 1] if key == "k" else [0, 2, 1, 3])]  # fmt: skip
    nodes += [_node("MatMul", "qh kh", "s0"), _node("Mul", "s0 scale", "s1")]
    added = np.zeros((1, 1, queries, keys))
    if mask == "causal":
        added = np.where(np.tril(np.ones((queries, keys), bool)), 0, -1e9)[None, None]
        constants["mask"] = added.astype(np.float32)
    elif mask == "keys":
        feeds["valid"] = (np.arange(keys) < rng.integers(1, keys + 1, (batch, 1))).astype(np.int64)
        added = np.where(feeds["valid"] != 0, 0, -1e9)[:, None, None, :]
        constants |= {"axes": np.array([1, 2]), "one": np.float32(1), "low": np.float32(-1e9)}
        nodes += [_node("Cast", "valid", "vf", to=FLOAT), _node("Unsqueeze", "vf axes", "v4d"),
                  _node("Sub", "one v4d", "inv"), _node("Mul", "inv low", "mask")]  # fmt: skip
    if mask:
        nodes.append(_node("Add", "s1 mask", "s2"))
    nodes += [_node("Softmax", "s2" if mask else "s1", "p", axis=-1), _node("MatMul", "p vh", "o"),
              _node("Transpose", "o", "ot", perm=[0, 2, 1, 3]), _node("Reshape", "ot out", "y")]  # fmt: skip
    apart = lambda x: x.astype(float).reshape(batch, -1, heads, head).transpose(0, 2, 1, 3)
    q, k, v = (apart(feeds[key]) for key in "qkv")
    p = _softmax(q @ k.swapaxes(-1, -2) * float(scale) + added)
    want = (p @ v).transpose(0, 2, 1, 3).reshape(batch, queries, heads * head)
    # Scores are exponents: their error is that of the probabilities.
    return Case("attention-" + name, _model(nodes, feeds, [("y", FLOAT)], constants), feeds, {"y": want}, products=4)


def _attentions(rng):
    for head in (16, 64, 72, 128, 256):
        yield _attention(f"head-{head}", rng, head, 77, 77)
    yield _attention("long", rng, 64, 520, 520, heads=2)
    yield _attention("cross", rng, 64, 5, 133)
    yield _attention("causal", rng, 64, 100, 100, mask="causal")
    yield _attention("keys", rng, 64, 96, 96, mask="keys")


def _rows(rng):
    x = rng.standard_normal((37, 200)).astype(np.float32)
    x64 = x.astype(float)
    g, b = (rng.standard_normal(200).astype(np.float32) for _ in range(2))
    exact = {"products": 1, "precisions": ("fp32",)}
    norm = (x64 - x64.mean(-1, keepdims=True)) / np.sqrt(x64.var(-1, keepdims=True) + 1e-5) * g + b
    yield Case("layer-norm", _model([_node("LayerNormalization", "x g b", "y", axis=-1, epsilon=1e-5)], {"x": x},
               [("y", FLOAT)], {"g": g, "b": b}), {"x": x}, {"y": norm}, **exact)  # fmt: skip
    yield Case("softmax", _model([_node("Softmax", "x", "y", axis=-1)], {"x": x}, [("y", FLOAT)]), {"x": x}, {"y": _softmax(x64)}, **exact)
    for kind, want in (("ReduceSum", x64.sum(0)), ("ReduceMax", x64.max(0)), ("ReduceMean", x64.mean(0))):
        model = _model([_node(kind, "x axes", "y", keepdims=0)], {"x": x}, [("y", FLOAT)], {"axes": np.array([0])})
        yield Case(kind, model, {"x": x}, {"y": want}, **exact)
    positive = np.abs(x) + np.float32(0.1)
    p64 = positive.astype(float)
    nodes = [_node("Log", "x", "l"), _node("Sqrt", "x", "s"), _node("Tanh", "l", "t"), _node("Exp", "t", "e"),
             _node("Sigmoid", "s", "g"), _node("Mul", "e g", "m"), _node("Erf", "m", "y")]  # fmt: skip
    want = _erf(np.exp(np.tanh(np.log(p64))) / (1 + np.exp(-np.sqrt(p64))))
    yield Case("elementwise", _model(nodes, {"x": positive}, [("y", FLOAT)]), {"x": positive}, {"y": want}, **exact)


def _movement(rng):
    x = rng.standard_normal((6, 10, 16)).astype(np.float32)
    i = rng.integers(-10, 10, 7)
    exact = {"products": 1, "precisions": ("fp32",)}
    yield Case("gather", _model([_node("Gather", "x i", "y", axis=1)], {"x": x, "i": i}, [("y", FLOAT)]), {"x": x, "i": i},
               {"y": x[:, i].astype(float)}, **exact)  # fmt: skip
    where, u = rng.permutation(6)[:3][:, None], rng.standard_normal((3, 10, 16)).astype(np.float32)
    want = x.astype(float)
    want[where[:, 0]] = u
    yield Case("scatter", _model([_node("ScatterND", "x w u", "y")], {"x": x, "w": where, "u": u}, [("y", FLOAT)]),
               {"x": x, "w": where, "u": u}, {"y": want}, **exact)  # fmt: skip
    nodes = [_node("Transpose", "x", "t", perm=[2, 0, 1]), _node("Concat", "t t", "y", axis=1)]
    turned = x.astype(float).transpose(2, 0, 1)
    yield Case("transpose-concat", _model(nodes, {"x": x}, [("y", FLOAT)]), {"x": x}, {"y": np.concatenate([turned] * 2, 1)}, **exact)
    nodes = [helper.make_node("TopK", ["x", "k"], ["y", "at"], axis=2)]
    order = np.argsort(-x, 2, kind="stable")[..., :5]
    yield Case("topk", _model(nodes, {"x": x}, [("y", FLOAT), ("at", INT64)], {"k": np.array([5])}), {"x": x},
               {"y": np.take_along_axis(x, order, 2).astype(float), "at": order.astype(float)}, **exact)  # fmt: skip
    nodes = [_node("CumSum", "x axis", "y")]
    yield Case("cumsum", _model(nodes, {"x": x}, [("y", FLOAT)], {"axis": np.array(1)}), {"x": x}, {"y": x.astype(float).cumsum(1)}, **exact)


def _berts(rng):
    shape = models.TINY
    ids = rng.integers(1, 99, (4, 12))
    mask = (np.arange(12) < np.array([[12], [5], [1], [9]])).astype(np.int64)
    feeds = {"input_ids": ids, "attention_mask": mask, "token_type_ids": ids % 2}
    weights = models.bert_weights(shape)
    hidden, pooled = reference.bert(shape, weights, **feeds)
    for form in ("ts17", "dy20"):
        model = models.bert_model(form, shape, weights)
        names = [output.name for output in model.graph.output]
        # Rows of padded tokens mean nothing: the first token of each sequence is compared.
        yield Case("bert-" + form, model, feeds, {names[1]: pooled}, products=8 * shape.layers)


def make_cases():
    rng = np.random.default_rng(0)
    for make in (_linears, _attentions, _rows, _movement, _berts):
        yield from make(rng)


# ---- What is timed ----------------------------------------------------------


def _chain(count, build):
    """`build(input, output)` -> nodes, `count` times one after another; the result is reduced, so that all
    of it is computed and little is copied."""
    nodes = []
    for i in range(count):
        nodes += build("x" if i == 0 else f"y{i - 1}", f"y{i}", i)
    return [*nodes, _node("ReduceMax", f"y{count - 1} last", "y", keepdims=0)]


def timed_models(name):
    """-> {name of the part: model} of a workload of gpu_check.TIMED."""
    spec = TIMED[name]
    if spec["kind"] == "gemm":
        n = spec["n"]
        feeds = {"a": np.zeros((n, 1), np.float32), "b": np.zeros((1, n), np.float32)}
        outer = [_node("Add", "a b", "x"), _node("Mul", "a b", "w")]
        multiply = lambda x, y, i: [_node("MatMul", f"{x} w", y)]
        return {str(count): _model(outer + _chain(count, multiply), feeds, [("y", FLOAT)], {"last": np.array([1])})
                for count in spec["counts"]}  # fmt: skip
    if spec["kind"] == "attention":
        b, s, h, d = spec["shape"]
        feeds = {key: np.zeros((b, s, h, d), np.float32) for key in ("x", "k", "v")}
        start = [_node("Transpose", "k", "kh", perm=[0, 2, 3, 1]), _node("Transpose", "v", "vh", perm=[0, 2, 1, 3])]

        def attend(x, y, i):
            return [_node("Transpose", x, f"q{i}", perm=[0, 2, 1, 3]), _node("MatMul", f"q{i} kh", f"s{i}"),
                    _node("Mul", f"s{i} scale", f"t{i}"), _node("Softmax", f"t{i}", f"p{i}", axis=-1),
                    _node("MatMul", f"p{i} vh", f"o{i}"), _node("Transpose", f"o{i}", y, perm=[0, 2, 1, 3])]  # fmt: skip

        constants = {"last": np.array([1, 2, 3]), "scale": np.float32(1 / math.sqrt(d))}
        return {str(count): _model(start + _chain(count, attend), feeds, [("y", FLOAT)], constants) for count in spec["counts"]}
    weights = {key: _repeated(array.shape, 0.02) for key, array in models.bert_weights(models.BASE).items()}
    return {"model": models.bert_model("dy20", models.BASE, weights)}


# ---- Writing ----------------------------------------------------------------


def _compile(model, folder, options):
    path = folder + ".onnx"
    onnx.save(model, path)
    _compile_file(path, folder, options)
    os.remove(path)


def _compile_file(path, folder, options):
    command = [machine.winnow_tool(), "compile", path, "-o", folder, "--name=model", "--target=cuda", "--quiet", *options]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"gpu_cases: {path}: {done.stderr.strip()}")
    weights = os.path.join(folder, "model.weights")
    if os.path.getsize(weights):
        with open(weights, "rb") as source, lzma.open(weights + ".xz", "wb", preset=1) as target:
            shutil.copyfileobj(source, target)
        os.remove(weights)


def _write(name, feeds, want, folder):
    np.savez_compressed(os.path.join(folder, "data", name + ".npz"),
             **{"in:" + k: v for k, v in feeds.items()}, **{"out:" + k: v for k, v in want.items()})  # fmt: skip


def _stored(folder):
    """The first input and result of an export, and its own tolerance."""
    about = json.load(open(os.path.join(folder, "about.json")))
    arrays = np.load(os.path.join(folder, "io_0.npz"))
    feeds, want = ({name.split(":", 1)[1]: arrays[name] for name in arrays.files if name.startswith(kind)}
                   for kind in ("in:", "out:"))  # fmt: skip
    return feeds, want, about["tolerance"]


def main(argv=None):
    parser = argparse.ArgumentParser(prog="winnow.bench.gpu_cases", description=__doc__.split("\n")[0])
    parser.add_argument("folder")
    parser.add_argument("--chip", default="sm_90a")
    parser.add_argument("--models", help="a folder of exports, each with model.onnx, io_0.npz and about.json")
    parser.add_argument("--exports", default="*", help="which of them (default: %(default)s)")
    parser.add_argument("--filter", default="", help="only what has this in its name")
    parser.add_argument("--precision", default=",".join(PRECISIONS))
    parser.add_argument("--emit", default="shared", help="what is compiled (default: %(default)s)")
    arguments = parser.parse_args(argv)
    root, precisions = arguments.folder, arguments.precision.split(",")
    shutil.rmtree(root, ignore_errors=True)
    for name in ("cases", "data", "timed"):
        os.makedirs(os.path.join(root, name))
    options = lambda precision: [f"--chip={arguments.chip}", f"--precision={precision}", f"--emit={arguments.emit}"]
    manifest = {"commit": machine.commit(), "chip": arguments.chip, "cases": [], "timed": []}

    def add(name, precision, tolerance, kind):
        manifest["cases"].append({"name": name, "precision": precision, "folder": f"cases/{name}.{precision}",
                                  "data": f"data/{name}.npz", "tolerance": tolerance, "reference": kind})  # fmt: skip

    for case in make_cases():
        if arguments.filter not in case.name:
            continue
        _write(case.name, case.feeds, case.want, root)
        for precision in (p for p in precisions if p in case.precisions):
            _compile(case.model, os.path.join(root, "cases", f"{case.name}.{precision}"), options(precision))
            add(case.name, precision, case.tolerance(precision), "float64")
    exports = sorted(glob.glob(os.path.join(arguments.models, arguments.exports))) if arguments.models else []
    for path in exports:
        name = os.path.basename(path)
        if arguments.filter not in name:
            continue
        feeds, want, tolerance = _stored(path)
        _write(name, feeds, want, root)
        for precision in precisions:
            _compile_file(os.path.join(path, "model.onnx"), os.path.join(root, "cases", f"{name}.{precision}"), options(precision))
            # Some layers one after another; their own tolerance is that of f32.
            add(name, precision, max(tolerance["rtol"], tolerance["atol"]) + 32 * 4 * UNIT[precision], "stored")
    for name, spec in TIMED.items():
        if arguments.filter not in name or spec["precision"] not in precisions:
            continue
        parts = {}
        for part, model in timed_models(name).items():
            folder = os.path.join(root, "timed", f"{name}.{part}")
            _compile(model, folder, options(spec["precision"]))
            parts[part] = f"timed/{name}.{part}"
        manifest["timed"].append({"name": name, "parts": parts})
    with open(os.path.join(root, "manifest.json"), "w") as file:
        json.dump(manifest, file, indent=1)
    size = sum(os.path.getsize(os.path.join(folder, name)) for folder, _, names in os.walk(root) for name in names)
    print(f"{len(manifest['cases'])} cases, {len(manifest['timed'])} to be timed, {size / 2**20:.1f} MiB in {root}")


if __name__ == "__main__":
    main()
