# Convolutions of groups of channels against ONNX Runtime: few, many, and one channel by several.
#
# RUN: %python %s %t %winnow

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../Import/ONNX/Inputs"), os.path.join(HERE, "Inputs")]
import numpy as np
from build import node, save, value
from support import Checker, compile_model, open_onnxruntime, open_winnow

rng = np.random.default_rng(29)
check = Checker()


def compare(name, op, channels, weights, shapes, **attrs):
    # Sums are about 1, however many products they are of.
    consts = {"w": rng.standard_normal(weights).astype(np.float32) / np.sqrt(np.prod(weights[1:]), dtype=np.float32)}
    outputs = weights[0] if op == "Conv" else weights[1] * attrs["group"]
    consts["b"] = rng.standard_normal(outputs).astype(np.float32)
    spatial = ["h", "w"][: len(weights) - 2]
    model = save(name, [node(op, "x w b", "y", **attrs)], [value("x", ["n", channels, *spatial])], ["y"], consts, opset=17)
    folder = compile_model(sys.argv[2], model, os.path.join(sys.argv[1], name))
    ours, peer = open_winnow(folder), open_onnxruntime(model)
    for shape in shapes:
        x = rng.standard_normal((shape[0], channels, *shape[1:])).astype(np.float32)
        check.close(f"{name}: {shape}", ours({"x": x})["y"], peer({"x": x})["y"], 1e-5)


IMAGES, LINES = ((1, 8, 8), (3, 11, 6)), ((2, 9), (1, 16))
PADS = {"pads": [1, 1, 1, 1]}
compare("few", "Conv", 12, (8, 3, 3, 3), IMAGES, group=4, strides=[2, 1], **PADS)
compare("many", "Conv", 144, (216, 2, 3, 3), IMAGES, group=72, strides=[2, 1], dilations=[1, 2], **PADS)
compare("many-patches", "Conv", 144, (72, 2, 2, 2), IMAGES, group=72, strides=[2, 2])
compare("many-points", "Conv", 144, (72, 2, 1), LINES, group=72)
compare("several", "Conv", 70, (210, 1, 3, 3), IMAGES, group=70, strides=[1, 2], **PADS)
compare("several-of-line", "Conv", 5, (10, 1, 3), LINES, group=5, pads=[2, 0])
compare("back-few", "ConvTranspose", 12, (12, 2, 3, 3), IMAGES, group=4, strides=[2, 1], **PADS)
compare("back-many", "ConvTranspose", 140, (140, 3, 3, 3), IMAGES, group=70, output_padding=[1, 0], strides=[2, 1])
compare("back-each", "ConvTranspose", 70, (70, 1, 4), LINES, group=70, strides=[2], pads=[1, 1])
# Windows that are too large to shift the input to each of their elements.
compare("large", "Conv", 3, (5, 3, 16, 16), ((2, 40, 32), (1, 19, 25)), strides=[8, 3], pads=[0, 2, 1, 0])
compare("large-groups", "Conv", 8, (12, 2, 128), LINES, group=4, pads=[64, 64], dilations=[1])
check.finish()
