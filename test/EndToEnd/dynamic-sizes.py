# Operators whose every dimension is dynamic, against ONNX Runtime: sizes that are
# divided, compared, cut and padded in the run.
#
# RUN: %python %s %t %winnow

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../Import/ONNX/Inputs"), os.path.join(HERE, "Inputs")]
import numpy as np
from build import ints, node, save, value
from onnx import TensorProto
from support import Checker, compile_model, open_onnxruntime, open_winnow

import winnow

rng = np.random.default_rng(3)
check = Checker()
DTYPES = {TensorProto.FLOAT: np.float32, TensorProto.INT64: np.int64}


def run(name, nodes, inputs, shapes, constants=None, given=None, outputs=("y",), **options):
    """Compares for each list of shapes; an expected failure is a message. `given` are
    arrays by name for inputs that are no random numbers."""
    inputs = [value(key, dims, (given or {}).get(key, (TensorProto.FLOAT,))[0])
              for key, dims in inputs.items()]  # fmt: skip
    model = save(name, nodes, inputs, list(outputs), constants, **options)
    folder = compile_model(sys.argv[2], model, os.path.join(sys.argv[1], name))
    ours, peer = open_winnow(folder), open_onnxruntime(model)
    for shape, *failure in shapes:
        feeds = {}
        for key, dims in shape.items():
            if given and key in given:
                feeds[key] = np.array(dims, DTYPES[given[key][0]])
            else:
                feeds[key] = rng.standard_normal(dims).astype(np.float32)
        if failure:
            try:
                ours(feeds)
                check.errors.append(f"{name} {shape}: expected a failure")
            except winnow.Error as error:
                if failure[0] not in str(error):
                    check.errors.append(f"{name}: expected '{failure[0]}', got '{error}'")
            continue
        got, want = ours(feeds), peer(feeds)
        for key in outputs:
            check.close(f"{name}: {shape}", got[key], want[key], 1e-5)


run("divide", [node("Reshape", "x target", "y")], {"x": ["batch", "seq", 6]},
    [({"x": (2, 8, 6)},), ({"x": (1, 12, 6)},), ({"x": (1, 0, 6)},),
     ({"x": (2, 7, 6)}, "input 'x': expected dimension 1 to be a multiple of 4, got 7")],
    {"target": ints(0, -1, 4, 6)})  # fmt: skip
run("quotient", [node("Reshape", "x target", "y")], {"x": ["a", "b"]},
    [({"x": (2, 6)},), ({"x": (4, 9)},), ({"x": (3, 5)}, "Reshape#0")],
    {"target": ints(-1, 4)})  # fmt: skip
run("products", [node("Reshape", "x flat", "u"), node("Reshape", "z flat", "v"),
                 node("Add", "u v", "y")], {"x": ["a", "b"], "z": ["c", "d"]},
    [({"x": (2, 6), "z": (3, 4)},), ({"x": (2, 6), "z": (3, 5)}, "Add#2")],
    {"flat": ints(-1)})  # fmt: skip
run("slice", [node("Shape", "z", "end"), node("Slice", "x zero end one", "y")],
    {"x": [4, "a"], "z": ["b"]},
    [({"x": (4, 3), "z": (2,)},), ({"x": (4, 3), "z": (3,)},), ({"x": (4, 0), "z": (0,)},)],
    {"zero": ints(0), "one": ints(1)})  # fmt: skip
run("half", [node("Shape", "z", "n"), node("Div", "n two", "end"),
             node("Slice", "x zero end one", "y")], {"x": [4, "a"], "z": ["b"]},
    [({"x": (4, 3), "z": (2,)},), ({"x": (4, 3), "z": (6,)},), ({"x": (4, 3), "z": (60,)},)],
    {"zero": ints(0), "one": ints(1), "two": ints(2)})  # fmt: skip
run("conv", [node("Conv", "x w b", "y", pads=[1, 0, 0, 1], strides=[2, 1], dilations=[1, 2])],
    {"x": ["n", "c", "h", "w"], "w": ["m", "c2", "kh", "kw"], "b": ["m2"]},
    [({"x": (2, 3, 7, 8), "w": (4, 3, 3, 2), "b": (4,)},),
     ({"x": (1, 1, 5, 5), "w": (2, 1, 1, 3), "b": (2,)},),
     ({"x": (1, 1, 2, 5), "w": (2, 1, 4, 3), "b": (2,)}, "Conv#0")])  # fmt: skip
run("grouped", [node("Conv", "x w", "y", group=3, kernel_shape=[3], pads=[1, 1])],
    {"x": ["n", "c", "h"], "w": ["m", "c2", "k"]},
    [({"x": (2, 6, 9), "w": (3, 2, 3)},), ({"x": (1, 3, 4), "w": (6, 1, 3)},),
     ({"x": (1, 4, 4), "w": (6, 1, 3)}, "to be a multiple of 3, got 4")])  # fmt: skip
run("transposed", [node("ConvTranspose", "x w b", "y", group=2, kernel_shape=[3], strides=[2])],
    {"x": ["n", "c", "h"], "w": ["c2", "m", "k"], "b": ["m2"]},
    [({"x": (2, 4, 5), "w": (4, 3, 3), "b": (6,)},)])  # fmt: skip
run("reduce", [node("ReduceSum", "x axes", "y")], {"x": ["a", "b", "c"], "axes": ["n"]},
    [({"x": (2, 3, 4), "axes": (0, 2)},), ({"x": (2, 3, 4), "axes": (-2,)},),
     ({"x": (2, 3, 4), "axes": ()},)], given={"axes": (TensorProto.INT64,)})  # fmt: skip
run("split", [node("Split", "x", "y z w", num_outputs=3)], {"x": ["a", 2]},
    [({"x": (7, 2)},), ({"x": (6, 2)},), ({"x": (1, 2)}, "Split#0")],
    outputs=("y", "z", "w"))  # fmt: skip
# An array of one element may stand for a scalar.
run("scalar", [node("Add", "x s", "y")], {"x": ["a"], "s": []},
    [({"x": (3,), "s": ()},), ({"x": (3,), "s": (1,)},),
     ({"x": (3,), "s": (2,)}, "input 's': expected rank 0, got 1")])  # fmt: skip
for interleaved in (0, 1):
    run(f"rotary{interleaved}",
        [node("RotaryEmbedding", "x cos sin ids", "y", interleaved=interleaved, num_heads=3)],
        {"x": ["b", "s", "h"], "cos": ["p", "r"], "sin": ["p2", "r2"], "ids": ["b2", "s2"]},
        [({"x": (2, 3, 24), "cos": (5, 4), "sin": (5, 4), "ids": ((0, 1, 2), (2, 3, 4))},)],
        given={"ids": (TensorProto.INT64,)}, opset=23)  # fmt: skip
run("norm", [node("GroupNormalization", "x s b", "y", num_groups=2)],
    {"x": ["n", "c", "h"], "s": ["c2"], "b": ["c3"]},
    [({"x": (2, 6, 5), "s": (6,), "b": (6,)},),
     ({"x": (2, 5, 5), "s": (5,), "b": (5,)}, "to be a multiple of 2, got 5")],
    opset=21)  # fmt: skip
run("training", [node("BatchNormalization", "x s b m v", "y rm rv", training_mode=1)],
    {"x": ["n", "c", "h"], "s": ["c1"], "b": ["c2"], "m": ["c3"], "v": ["c4"]},
    [({"x": (3, 4, 5), "s": (4,), "b": (4,), "m": (4,), "v": (4,)},)],
    outputs=("y", "rm", "rv"), opset=15)  # fmt: skip
check.finish()
