# Large constants behind transposes and reshapes: as operands, joined, and as weights that are
# packed. They are moved when the weights file is written.
#
# RUN: %python %s %t %winnow

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../Import/ONNX/Inputs"), os.path.join(HERE, "Inputs")]
import json

import numpy as np
from build import node, save, value
from support import Checker, compile_model, open_onnxruntime, open_winnow

rng = np.random.default_rng(6)
check = Checker()
normal = lambda *shape: rng.standard_normal(shape).astype(np.float32)
ints = lambda *numbers: np.array(numbers)


def compare(name, nodes, inputs, constants):
    model = save(name, nodes, inputs, ["y"], constants, opset=18)
    feeds = {x.name: normal(*(d.dim_value or 3 for d in x.type.tensor_type.shape.dim)) for x in inputs}
    folder = compile_model(sys.argv[2], model, os.path.join(sys.argv[1], name))
    got, want = open_winnow(folder)(feeds)["y"], open_onnxruntime(model)(feeds)["y"]
    check.close(name, got, want, 1e-5 * np.abs(want).max())
    with open(os.path.join(folder, f"{name}.json")) as file:
        copies = [p["sentence"] for p in json.load(file)["passes"] if p["code"] == "copy.remains"]
    check.errors += [f"{name}: {copy}" for copy in copies if "of a constant" in copy]


compare("operand", [node("Transpose", "w", "t", perm=[2, 0, 1]), node("Reshape", "t s", "r"), node("Add", "x r", "y")],
        [value("x", ["n", 96, 700])], {"w": normal(70, 10, 96), "s": ints(96, 700)})  # fmt: skip
compare("joined", [node("Transpose", "v", "t", perm=[1, 0]), node("Concat", "w t", "c", axis=0), node("Mul", "x c", "y")],
        [value("x", ["n", 500, 64])], {"w": normal(300, 64), "v": normal(64, 200)})  # fmt: skip
compare("weight", [node("Transpose", "w", "t", perm=[1, 2, 0]), node("Reshape", "t s", "r"), node("MatMul", "x r", "y")],
        [value("x", ["n", 300])], {"w": normal(77, 20, 15), "s": ints(300, 77)})  # fmt: skip
compare("convolution", [node("Conv", "x w b", "y", pads=[1, 1], strides=[2])],
        [value("x", ["n", 40, 51])], {"w": normal(130, 40, 3), "b": normal(130)})  # fmt: skip
compare("convolution2d", [node("Conv", "x w", "y", pads=[1, 0, 2, 1], dilations=[1, 2])],
        [value("x", ["n", 24, 9, 11])], {"w": normal(70, 24, 3, 4)})  # fmt: skip
check.finish()
