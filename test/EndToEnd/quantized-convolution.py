# ConvInteger and QLinearConv against ONNX Runtime, equal but for ties of rounding,
# where the order of the scales' products matters.
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

rng = np.random.default_rng(11)
check = Checker()
U8 = TensorProto.UINT8
FORMS = {
    "plain": dict(),
    "padded": dict(pads=[1, 2, 0, 1], strides=[2, 1]),
    "grouped": dict(group=2, dilations=[1, 2]),
    "depthwise": dict(group=4, auto_pad="SAME_UPPER"),
}


def compare(name, nodes, constants, exactly):
    model = save(name, nodes, [value("x", ["n", 4, "h", 9], U8)], ["y"], constants)
    folder = compile_model(sys.argv[2], model, os.path.join(sys.argv[1], name))
    ours, peer = open_winnow(folder), open_onnxruntime(model, unsigned_weights=True)
    feeds = {"x": rng.integers(0, 256, (2, 4, 7, 9), dtype=np.uint8)}
    got, want = ours(feeds)["y"], peer(feeds)["y"]
    if exactly:
        check.equal(name, got, want)
    else:
        check.close(name, got.astype(np.int64), want.astype(np.int64), 1)


for form, attributes in FORMS.items():
    group = attributes.get("group", 1)
    shape = (8 if group < 4 else 4, 4 // group, 3, 2)
    weights = rng.integers(0, 256, shape, dtype=np.uint8)
    compare(f"integer-{form}", [node("ConvInteger", "x w xz wz", "y", **attributes)],
            {"w": weights, "xz": np.uint8(131), "wz": np.uint8(7)}, exactly=True)  # fmt: skip
    compare(f"linear-{form}", [node("QLinearConv", "x xs xz w ws wz ys yz b", "y", **attributes)],
            {"w": rng.integers(-127, 128, shape, dtype=np.int8), "xs": np.float32(0.02),
             "xz": np.uint8(120), "ws": rng.uniform(0.001, 0.01, shape[0]).astype(np.float32),
             "wz": np.zeros(shape[0], np.int8), "ys": np.float32(0.03), "yz": np.uint8(100),
             "b": rng.integers(-999, 999, shape[0], dtype=np.int32)}, exactly=False)  # fmt: skip
check.finish()
