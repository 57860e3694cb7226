# A whole BERT as ONNX Runtime's optimiser writes it, against ONNX Runtime.
#
# RUN: %python %s %t %winnow

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../Import/ONNX/Inputs"), os.path.join(HERE, "Inputs")]
import numpy as np
from build import node, save, value
from onnx import TensorProto
from support import Checker, compile_model, open_onnxruntime, open_winnow

HIDDEN, HEADS, INNER, LAYERS, WORDS, LONGEST = 48, 4, 96, 2, 100, 64
rng = np.random.default_rng(29)
nodes, weights = [], {}


def weight(*shape, scale=0.2):
    name = f"w{len(weights)}"
    weights[name] = (rng.standard_normal(shape) * scale).astype(np.float32)
    return name


def norm():
    return f"{weight(HIDDEN, scale=1)} {weight(HIDDEN)}"


def add(op, inputs, outputs, domain="com.microsoft", **attributes):
    nodes.append(node(op, inputs, outputs, domain=domain, **attributes))


tables = f"{weight(WORDS, HIDDEN)} {weight(LONGEST, HIDDEN)} {weight(2, HIDDEN)}"
add("EmbedLayerNormalization", f"ids types {tables} {norm()} mask", "x0 lengths", epsilon=1e-6)
for i in range(LAYERS):
    add("Attention", f"x{i} {weight(HIDDEN, 3 * HIDDEN)} {weight(3 * HIDDEN)} lengths", f"a{i}",
        num_heads=HEADS)  # fmt: skip
    add("MatMul", f"a{i} {weight(HIDDEN, HIDDEN)}", f"o{i}", "")
    add("SkipLayerNormalization", f"o{i} x{i} {norm()} {weight(HIDDEN)}", f"n{i}", epsilon=1e-6)
    add("MatMul", f"n{i} {weight(HIDDEN, INNER)}", f"i{i}", "")
    add("BiasGelu", f"i{i} {weight(INNER)}", f"g{i}")
    add("MatMul", f"g{i} {weight(INNER, HIDDEN)}", f"d{i}", "")
    add("SkipLayerNormalization", f"d{i} n{i} {norm()} {weight(HIDDEN)}", f"x{i + 1}", epsilon=1e-6)
weights["zero"] = np.array(0)
add("Gather", f"x{LAYERS} zero", "first", "", axis=1)
add("FusedGemm", f"first {weight(HIDDEN, HIDDEN)} {weight(HIDDEN)}", "pooled", activation="Tanh")


def main():
    inputs = [value(name, ["batch", "seq"], TensorProto.INT32) for name in ("ids", "types", "mask")]
    outputs = [f"x{LAYERS}", "pooled"]
    model = save("bert", nodes, inputs, outputs, weights, 17, ["com.microsoft"])
    folder = compile_model(sys.argv[2], model, os.path.join(sys.argv[1], "bert"))
    ours, peer = open_winnow(folder, threads=2), open_onnxruntime(model)
    check = Checker()
    for batch, seq in ((1, 1), (3, 17), (2, 64)):
        mask = np.arange(seq) < rng.integers(1, seq + 1, (batch, 1))
        feeds = {"ids": rng.integers(0, WORDS, (batch, seq)), "types": rng.integers(0, 2, (batch, seq)),
                 "mask": mask}  # fmt: skip
        feeds = {name: array.astype(np.int32) for name, array in feeds.items()}
        got, want = ours(feeds), peer(feeds)
        for name in outputs:
            check.close(f"{name}: {batch} x {seq}", got[name], want[name], 1e-5, mask=mask)
    check.finish()


main()
