# Resize and Upsample of earlier opsets against ONNX Runtime, and the sizes and scales
# that exporters compute from shapes.
#
# RUN: %python %s %t %winnow

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../Import/ONNX/Inputs"), os.path.join(HERE, "Inputs")]
import numpy as np
import winnow
from build import ints, node, save, value
from onnx import TensorProto
from support import Checker, compile_model, open_onnxruntime, open_winnow

rng = np.random.default_rng(13)
check = Checker()
SCALES = {"up": np.array([1, 1, 2, 3], np.float32), "odd": np.array([1, 1, 1.7, 2.3], np.float32),
          "down": np.array([1, 1, 0.6, 0.5], np.float32)}  # fmt: skip
NONE = {"e": np.zeros(0, np.float32)}


def compare(name, opset, nodes, consts, outputs=None):
    outputs = outputs or [each.output[0] for each in nodes]
    model = save(name, nodes, [value("x", ["n", 3, "h", "w"])], outputs, consts, opset=opset)
    folder = compile_model(sys.argv[2], model, os.path.join(sys.argv[1], name))
    ours, peer = open_winnow(folder), open_onnxruntime(model)
    for shape in ((1, 3, 8, 8), (2, 3, 13, 9)):
        x = rng.standard_normal(shape).astype(np.float32)
        got, want = ours({"x": x}), peer({"x": x})
        for output in outputs:
            check.close(f"{name} {output}: {shape}", got[output], want[output], 1e-5)


MODES = ("nearest", "linear")
compare("upsample-8", 8, [node("Upsample", "x", mode, mode=mode, scales=[1.0, 1.0, 1.7, 2.0]) for mode in MODES], {})
compare("upsample-9", 9, [node("Upsample", f"x {s}", f"{mode}_{s}", mode=mode) for s in ("up", "odd") for mode in MODES], SCALES)
compare("resize-10", 10, [node("Resize", f"x {s}", f"{mode}_{s}", mode=mode) for s in SCALES for mode in MODES], SCALES)
compare("resize-11", 11, [node("Resize", "x e down", "y", coordinate_transformation_mode="tf_half_pixel_for_nn")],
        {**SCALES, **NONE})  # fmt: skip
compare("resize-13", 13, [node("Resize", "x e odd", mode, mode=mode) for mode in (*MODES, "cubic")], {**SCALES, **NONE})

# A skip connection has the size that its other side is resized to.
POOL = [node("MaxPool", "x", "p", kernel_shape=[2, 2], strides=[2, 2]),
        node("Shape", "x", "s"), node("Slice", "s two four", "hw"),
        node("Shape", "p", "ps"), node("Slice", "ps two four", "phw")]  # fmt: skip
AXES = {"zero": ints(0), "two": ints(2), "four": ints(4)}
compare("sizes-of-skip", 13, POOL + [
    node("Slice", "ps zero two", "nc"), node("Concat", "nc hw", "sizes", axis=0),
    node("Resize", "p - - sizes", "u", mode="linear", coordinate_transformation_mode="pytorch_half_pixel"),
    node("Add", "u x", "y")], AXES, ["y"])  # fmt: skip
compare("scales-of-skip", 11, POOL + [
    node("Cast", "hw", "f", to=1), node("Cast", "phw", "pf", to=1), node("Div", "f pf", "sc"),
    node("Concat", "one sc", "scales", axis=0), node("Resize", "p e scales", "u", mode="linear"),
    node("Add", "u x", "y")], {**AXES, **NONE, "one": np.ones(2, np.float32)}, ["y"])  # fmt: skip

# A size that no machine has ends the run, and no other.
model = save("hostile", [node("Resize", "x - - z", "y")],
             [value("x", [1, 3, "h", "w"]), value("z", [4], TensorProto.INT64)], ["y"], opset=19)  # fmt: skip
ours, peer = open_winnow(compile_model(sys.argv[2], model, os.path.join(sys.argv[1], "hostile"))), open_onnxruntime(model)
x = rng.standard_normal((1, 3, 4, 5)).astype(np.float32)
for sizes in ([1, 3, 2, 9], [1, 3, 2**62, 7], [1, 3, 5, 1]):
    feeds = {"x": x, "z": ints(*sizes)}
    try:
        check.equal(f"sizes {sizes}", ours(feeds)["y"], peer(feeds)["y"])
    except winnow.InvalidArgumentError:
        if sizes[2] < 100:
            raise
check.finish()
