# Resize in its modes against ONNX Runtime: all nodes in one model, whose sizes are
# static, symbols, or data.
#
# RUN: %python %s %t %winnow

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../Import/ONNX/Inputs"), os.path.join(HERE, "Inputs")]
import numpy as np
from build import INT64, node, save, value
from onnx import TensorProto, helper
from support import Checker, compile_model, open_onnxruntime, open_winnow

rng = np.random.default_rng(11)
SCALES = [0.6, 2.3, 0.37, 1.7, 3, 0.5, 1 / 3, 1.0]
TYPES = {"x": np.float32, "u": np.uint8, "i": np.int32}
nodes, consts = [], {}


def constant(array):
    consts[f"c{len(consts)}"] = array
    return list(consts)[-1]


def add(kind, data="x", roi=None, **attributes):
    """`kind` says what is given: scales, sizes, or scales of last dimensions only."""
    axes = [2, 3]
    if kind == "scales":
        given = [1, 1, *rng.choice(SCALES, 2)]
    elif kind == "axes":
        attributes["axes"] = [3, 2]
        given = rng.choice(SCALES, 2)
    else:
        # Not the input's: ONNX Runtime does nothing then, whatever the roi.
        given = [2, 3, *rng.choice([1, 2, 4, 6, 8, 10, 13, 18, 23], 2)]
        if attributes.get("keep_aspect_ratio_policy", "stretch") != "stretch":
            attributes["axes"] = axes
            given = given[2:]
    given = constant(np.array(given, np.int64 if kind == "sizes" else np.float32))
    roi = constant(np.array(roi, np.float32)) if roi else "-"
    inputs = f"{data} {roi} - {given}" if kind == "sizes" else f"{data} {roi} {given}"
    nodes.append(node("Resize", inputs, f"y{len(nodes)}", **attributes))


COORDINATES = ["half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "asymmetric", "align_corners"]
for coordinates in COORDINATES:
    # Of a fractional size ONNX Runtime rounds first, against the standard.
    kinds = ["sizes"] if coordinates == "align_corners" else ["scales", "sizes", "axes"]
    for rounding in ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil"):
        add(rng.choice(kinds), coordinate_transformation_mode=coordinates, nearest_mode=rounding)
    for kind in kinds:
        add(kind, mode="linear", coordinate_transformation_mode=coordinates)
        add(kind, mode="cubic", coordinate_transformation_mode=coordinates,
            exclude_outside=int(rng.integers(2)), cubic_coeff_a=float(rng.choice([-0.5, -0.75])))  # fmt: skip
for kind in ("scales", "sizes", "axes") * 2:
    add(kind, mode="linear", antialias=1, exclude_outside=int(rng.integers(2)))
    add(kind, mode="cubic", antialias=1, exclude_outside=int(rng.integers(2)))
for policy in ("not_larger", "not_smaller"):
    add("sizes", keep_aspect_ratio_policy=policy)
    add("sizes", mode="linear", keep_aspect_ratio_policy=policy)
for mode in ("nearest", "linear", "cubic"):
    for roi in ([0, 0, 0.21, 0.33, 1, 1, 0.7, 0.8], [0, 0, -0.3, 0.1, 1, 1, 0.9, 1.2]):
        add("sizes", mode=mode, roi=roi, coordinate_transformation_mode="tf_crop_and_resize",
            extrapolation_value=3.5)  # fmt: skip
for data in "ui":
    add("scales", data)
    add("sizes", data, mode="linear")
    add("scales", data, mode="linear", coordinate_transformation_mode="asymmetric")
    add("scales", data, mode="linear", antialias=1)
    add("sizes", data, mode="cubic", antialias=1)


def describe(each):
    return " ".join(a.name + "=" + str(a.s.decode() or a.i or a.f or list(a.ints)) for a in each.attribute)


def check(check, name, nodes, inputs, shapes, constants):
    outputs = [each.output[0] for each in nodes]
    model = save(name, nodes, inputs, outputs, constants, opset=19)
    folder = compile_model(sys.argv[2], model, os.path.join(sys.argv[1], name))
    ours, peer = open_winnow(folder, threads=2), open_onnxruntime(model)
    for shape in shapes:
        feeds = {}
        for data, dtype in TYPES.items():
            feeds[data] = (rng.standard_normal(shape) * 20 + 100 * (dtype in (np.uint8, np.int32))).astype(dtype)
        feeds.update({key: array for key, array in consts.items() if key not in constants})
        feeds = {key: array for key, array in feeds.items() if key in [i.name for i in inputs]}
        got, want = ours(feeds), peer(feeds)
        for each in nodes:
            output = each.output[0]
            label = f"{describe(each)}: {name} {shape}"
            dtype = want[output].dtype
            if "mode=" not in describe(each):
                check.equal(label, got[output], want[output])
            # What is cut off or rounded depends on the last bit.
            elif dtype.kind in "iu":
                check.close(label, got[output], want[output], 1)
            else:
                check.close(label, got[output], want[output], 2e-4)


def main():
    data = lambda shape: [value(name, shape, helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))
                          for name, dtype in TYPES.items()]  # fmt: skip
    given = lambda keys: [value(k, [len(consts[k])], INT64 if consts[k].dtype == np.int64 else TensorProto.FLOAT) for k in keys]
    checker = Checker()
    check(checker, "static", nodes, data([2, 3, 11, 7]), [(2, 3, 11, 7)], consts)
    shapes = [(2, 3, 11, 7), (2, 3, 25, 5), (2, 3, 3, 26)]
    check(checker, "symbols", nodes[::2], data([2, 3, "h", "w"]), shapes, consts)
    check(checker, "data", nodes[1::2], data([2, 3, "h", "w"]) + given(consts), [(2, 3, 25, 26)], {})
    checker.finish()


main()
