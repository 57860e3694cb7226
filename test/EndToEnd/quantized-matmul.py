# Products of two variable matrices of bytes: exact on every CPU level, whatever the operands.
#
# RUN: %python %s %t %winnow

import itertools
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../Import/ONNX/Inputs"), os.path.join(HERE, "Inputs")]
import numpy as np
from build import node, save, value
from integers import TYPES, compile_all, numbers, raised
from onnx import TensorProto
from support import Checker, open_onnxruntime, open_winnow

work, tool = sys.argv[1:]
rng = np.random.default_rng(11)
check = Checker()

# MatMulInteger, Cast, Mul. Sizes are known or not; the right matrix is read as it is or turned, is one
# for each batch or for all. Depths fill words, vectors and passes in part.
CASES = [  # name, batch, M, K, N
    ("small", (2,), 3, 5, 2),
    ("whole", (1, 2), 40, 64, 96),
    ("tails", (2, 3), 29, 197, 50),
    ("passes", (), 9, 2130, 33),
    ("shared", (3,), 7, 66, 20),
]
for x_type, w_type in itertools.product((np.uint8, np.int8), repeat=2):
    # Sizes that are known change the loops and not the bytes.
    for known, turned in itertools.product((True, False) if x_type != w_type == np.int8 else (False,), (True, False)):
        nodes, inputs = [], []
        for name, batch, m, k, n in CASES:
            def dims(letter, *sizes):
                return [size if known else f"{name}_{letter}{i}" for i, size in enumerate(sizes)]

            left = (["B0", "B1"][: len(batch)] if not known else list(batch)) + dims("m", m) + dims("k", k)
            lead = [1] if name == "shared" else left[: len(batch)]
            right = lead + (dims("n", n) + dims("k", k) if turned else dims("k", k) + dims("n", n))
            if not known:
                left[: len(batch)] = right[: len(lead)] = [f"{name}_b{i}" for i in range(len(batch))]
                if name == "shared":
                    right[0] = 1
            inputs += [value(f"x_{name}", left, TYPES[np.dtype(x_type)]), value(f"w_{name}", right, TYPES[np.dtype(w_type)])]
            w = f"w_{name}"
            if turned:
                order = list(range(len(right)))
                order[-2:] = order[-1], order[-2]
                nodes.append(node("Transpose", w, f"t_{name}", perm=order))
                w = f"t_{name}"
            # No zeros, both, or one of them.
            zeros = {"whole": "", "small": "xz wz", "tails": "xz wz", "passes": "xz", "shared": "- wz"}[name]
            nodes += [node("MatMulInteger", f"x_{name} {w} {zeros}", f"i_{name}"),
                      node("Cast", f"i_{name}", f"f_{name}", to=TensorProto.FLOAT), node("Mul", f"f_{name} s", f"y_{name}")]
        inputs += [value("xz", [], TYPES[np.dtype(x_type)]), value("wz", [], TYPES[np.dtype(w_type)]), value("s", [])]
        name = "_".join([np.dtype(x_type).name, np.dtype(w_type).name, "known" if known else "symbols", "turned" if turned else "plain"])
        path = save(name, nodes, inputs, [f"y_{case[0]}" for case in CASES], {}, opset=18)
        for folder, levels in compile_all(tool, work, name, path):
            raised(check, folder, name, "quantized-matmul.raised", len(CASES))
            for level, extreme in itertools.product(levels, (False, True)):
                os.environ["WINNOW_CPU"] = level
                feeds = {"xz": numbers(rng, x_type), "wz": numbers(rng, w_type), "s": np.float32(0.25)}
                for case, batch, m, k, n in CASES:
                    lead = (1,) if case == "shared" else batch
                    feeds[f"x_{case}"] = numbers(rng, x_type, *batch, m, k, extreme=extreme)
                    feeds[f"w_{case}"] = numbers(rng, w_type, *lead, *((n, k) if turned else (k, n)), extreme=extreme)
                got = open_winnow(folder, threads=2)(feeds)
                for case, *_ in CASES:
                    x, w = feeds[f"x_{case}"].astype(np.int64), feeds[f"w_{case}"].astype(np.int64)
                    if case in ("small", "tails", "passes"):
                        x = x - feeds["xz"]
                    if case in ("small", "tails", "shared"):
                        w = w - feeds["wz"]
                    want = (x @ (w.swapaxes(-1, -2) if turned else w)).astype(np.float32) * np.float32(0.25)
                    check.equal(f"{name} {level} {case}", got[f"y_{case}"], want)

# Attention between QuantizeLinear and DequantizeLinear, the heads apart. ONNX Runtime adds up rounded floats, and
# where a weight lies between two steps it may be rounded to the other one: a step of 1/255 of a value of up to 3.
heads, size = 4, 24
constants = {"qs": np.float32(0.02), "qz": np.uint8(128), "ks": np.float32(0.025), "kz": np.int8(-3), "vs": np.float32(0.03),
             "vz": np.uint8(120), "ps": np.float32(1 / 255), "pz": np.uint8(0), "root": np.float32(size**-0.5),
             "shape": np.array([0, 0, heads, size])}  # fmt: skip
nodes = []
for letter, order in (("q", [0, 2, 1, 3]), ("k", [0, 2, 3, 1]), ("v", [0, 2, 1, 3])):
    nodes += [node("Reshape", f"{letter} shape", f"{letter}r"), node("Transpose", f"{letter}r", f"{letter}t", perm=order),
              node("QuantizeLinear", f"{letter}t {letter}s {letter}z", f"{letter}q"),
              node("DequantizeLinear", f"{letter}q {letter}s {letter}z", f"{letter}d")]  # fmt: skip
nodes += [node("MatMul", "qd kd", "scores"), node("Mul", "scores root", "scaled"), node("Softmax", "scaled", "p", axis=-1),
          node("QuantizeLinear", "p ps pz", "pq"), node("DequantizeLinear", "pq ps pz", "pd"), node("MatMul", "pd vd", "y")]  # fmt: skip
path = save("attention", nodes, [value(letter, ["batch", "tokens", heads * size]) for letter in "qkv"], ["y"], constants, opset=18)
peer = open_onnxruntime(path)
for folder, levels in compile_all(tool, work, "attention", path):
    raised(check, folder, "attention", "quantized-matmul.raised", 2)
    for level, tokens in itertools.product(levels, (1, 19, 70)):
        os.environ["WINNOW_CPU"] = level
        feeds = {letter: rng.standard_normal((2, tokens, heads * size)).astype(np.float32) for letter in "qkv"}
        got, want = open_winnow(folder)(feeds)["y"], peer(feeds)["y"]
        check.close(f"attention {level} {tokens}", got, want, 3.2 / 255)
        if np.mean(np.abs(got - want) > 1e-5) > 0.02:
            check.errors.append(f"attention {level} {tokens}: more than 2 % of the numbers differ by a step")
check.finish()
