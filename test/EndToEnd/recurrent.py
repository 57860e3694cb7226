# The forms of RNN, GRU and LSTM against ONNX Runtime, all in one model.
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

rng = np.random.default_rng(7)
INPUT, HIDDEN, GATES = 5, 9, {"RNN": 1, "GRU": 3, "LSTM": 4}
nodes, consts = [], {}


def weight(*shape):
    consts[f"c{len(consts)}"] = (rng.standard_normal(shape) / 2).astype(np.float32)
    return list(consts)[-1]


def add(op, inputs="b", outputs="yhc", direction="forward", **attributes):
    """`inputs` are the optional ones: b(ias), l(engths), h and c (initial states), p(eepholes)."""
    directions, gates = 1 + (direction == "bidirectional"), GATES[op]
    names = ["x", weight(directions, gates * HIDDEN, INPUT),
             weight(directions, gates * HIDDEN, HIDDEN)]  # fmt: skip
    optional = {"b": lambda: weight(directions, 2 * gates * HIDDEN), "l": lambda: "lengths",
                "h": lambda: f"h{directions}", "c": lambda: f"c_{directions}",
                "p": lambda: weight(directions, 3 * HIDDEN)}  # fmt: skip
    for key in "blhcp" if op == "LSTM" else "blh":
        names.append(optional[key]() if key in inputs else "-")
    results = [f"{key}_{len(nodes)}" if key in outputs else "-"
               for key in ("yhc" if op == "LSTM" else "yh")]  # fmt: skip
    nodes.append(node(op, " ".join(names), " ".join(results), hidden_size=HIDDEN,
                      direction=direction, **attributes))  # fmt: skip


for op in GATES:
    add(op)
    add(op, "lh", direction="bidirectional")
    add(op, "blhcp", direction="reverse", clip=0.8)
    add(op, "hc", outputs="h")
add("RNN", activations=["Affine"], activation_alpha=[0.3], activation_beta=[0.1])
add("RNN", "bl", direction="bidirectional", activations=["Relu", "ScaledTanh"],
    activation_alpha=[0.7], activation_beta=[0.9])  # fmt: skip
add("GRU", linear_before_reset=1)
add("GRU", "blh", direction="reverse", linear_before_reset=1, activations=["HardSigmoid", "Softsign"])
add("GRU", direction="bidirectional", activations=["Sigmoid", "Elu", "HardSigmoid", "LeakyRelu"],
    activation_alpha=[0.5, 0.25, 0.1], activation_beta=[0.4])  # fmt: skip
add("LSTM", "bcp", input_forget=1)
add("LSTM", outputs="c", activations=["Sigmoid", "Softplus", "ThresholdedRelu"],
    activation_alpha=[0.2])  # fmt: skip


def main():
    inputs = [value("x", ["seq", "batch", INPUT]), value("lengths", ["batch"], TensorProto.INT32)]
    inputs += [value(f"{name}{d}", [d, "batch", HIDDEN]) for d in (1, 2) for name in ("h", "c_")]
    outputs = [name for each in nodes for name in each.output if name]
    model = save("recurrent", nodes, inputs, outputs, consts, opset=14)
    folder = compile_model(sys.argv[2], model, os.path.join(sys.argv[1], "recurrent"))
    ours, peer = open_winnow(folder, threads=2), open_onnxruntime(model)
    check = Checker()
    for seq, batch in ((6, 4), (1, 1), (17, 2)):
        feeds = {"x": rng.standard_normal((seq, batch, INPUT)).astype(np.float32),
                 "lengths": rng.integers(1, seq + 1, batch).astype(np.int32)}  # fmt: skip
        for shape in inputs[2:]:
            size = (int(shape.name[-1]), batch, HIDDEN)
            feeds[shape.name] = rng.standard_normal(size).astype(np.float32)
        got, want = ours(feeds), peer(feeds)
        for name in outputs:
            op = nodes[int(name.split("_")[1])].op_type
            check.close(f"{op}: {name}, {seq} x {batch}", got[name], want[name], 1e-5)
    check.finish()


main()
