# RoiAlign, MaxRoiPool, DeformConv, GridSample and AffineGrid against ONNX Runtime: regions,
# offsets and grids in and outside the image.
#
# RUN: %python %s %t %winnow

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../Import/ONNX/Inputs"), os.path.join(HERE, "Inputs")]
import numpy as np
import winnow
from build import node, save, value
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator
from support import Checker, compile_model, open_onnxruntime, open_winnow

rng = np.random.default_rng(5)
check = Checker()
normal = lambda *shape: rng.standard_normal(shape).astype(np.float32)


def compare(name, nodes, inputs, feeds, constants=None, opset=16):
    model = save(name, nodes, inputs, ["y"], constants, opset=opset)
    folder = compile_model(sys.argv[2], model, os.path.join(sys.argv[1], name))
    got, want = open_winnow(folder)(feeds)["y"], open_onnxruntime(model)(feeds)["y"]
    check.close(name, got, want, 1e-5)


REGIONS = [value("x", ["n", "c", "h", "w"]), value("r", ["k", 4]),
           value("b", ["k2"], TensorProto.INT64)]  # fmt: skip
rois = np.array([[0, 0, 4, 5], [2.3, 1.1, 11.7, 6.4], [-3, -2, 3, 2], [8, 6, 20, 30],
                 [5, 5, 5, 5], [3, 3, 3.5, 9]], np.float32)  # fmt: skip
for mode in ("avg", "max"):
    for ratio in (0, 2):
        for transformation in ("half_pixel", "output_half_pixel"):
            compare(f"align-{mode}-{ratio}-{transformation}",
                    [node("RoiAlign", "x r b", "y", mode=mode, sampling_ratio=ratio, output_height=3,
                          output_width=2, spatial_scale=0.75,
                          coordinate_transformation_mode=transformation)],
                    REGIONS, {"x": normal(2, 3, 7, 9), "r": rois,
                              "b": np.array([0, 1, 1, 0, 1, 0])})  # fmt: skip

batched = np.c_[np.array([0, 1, 1, 0, 1, 0], np.float32), rois]
for scale in (1.0, 0.6):
    compare(f"pool-{scale}", [node("MaxRoiPool", "x r", "y", pooled_shape=[3, 4], spatial_scale=scale)],
            [REGIONS[0], value("r", ["k", 5])], {"x": normal(2, 3, 7, 9), "r": batched})  # fmt: skip

for name, attributes, channels, parts, extra in (
    ("plain", dict(), 4, 1, "- m"),
    ("padded", dict(pads=[1, 0, 2, 1], strides=[2, 1], dilations=[1, 2]), 4, 2, "b m"),
    ("grouped", dict(group=2, kernel_shape=[3, 2]), 2, 4, "b"),
):
    pads, stride = attributes.get("pads", [0] * 4), attributes.get("strides", [1, 1])
    dilation = attributes.get("dilations", [1, 1])
    size = [(s + pads[i] + pads[i + 2] - d * (k - 1) - 1) // t + 1
            for i, (s, k, d, t) in enumerate(zip((7, 8), (3, 2), dilation, stride))]  # fmt: skip
    feeds = {"x": normal(2, 4, 7, 8), "o": 2 * normal(2, 12 * parts, *size),
             "m": normal(2, 6 * parts, *size)}  # fmt: skip
    inputs = [value("x", ["n", 4, "h", "w"]), value("o", ["n2", "p", "oh", "ow"])]
    if "m" in extra:
        inputs.append(value("m", ["n3", "q", "mh", "mw"]))
    else:
        del feeds["m"]
    compare(f"deformed-{name}",
            [node("DeformConv", f"x w o {extra}", "y", offset_group=parts, **attributes)],
            inputs, feeds, {"w": normal(6, channels, 3, 2), "b": normal(6)}, opset=19)  # fmt: skip
for sizes, modes in (((5, 4), ("nearest", "linear", "cubic")), ((3, 4, 2), ("nearest", "linear"))):
    names = [f"d{i}" for i in range(len(sizes))]
    inputs = [value("x", ["n", "c", *names]), value("g", ["n2", *[p + "o" for p in names], "r"])]
    for mode in modes:
        for padding in ("zeros", "border", "reflection"):
            for align in (0, 1):
                compare(f"grid-{mode}-{padding}-{align}-{len(sizes)}",
                        [node("GridSample", "x g", "y", mode=mode, padding_mode=padding,
                              align_corners=align)], inputs,
                        {"x": normal(2, 3, *sizes),
                         "g": 1.5 * normal(2, *[s + 1 for s in sizes], len(sizes))},
                        opset=20)  # fmt: skip
for count in (2, 3):
    for align in (0, 1):
        compare(f"affine-{count}-{align}", [node("AffineGrid", "t s", "y", align_corners=align)],
                [value("t", ["n", count, "r"]), value("s", ["k"], TensorProto.INT64)],
                {"t": normal(2, count, count + 1), "s": np.array([2, 3, 4, 5, 6][: count + 2])},
                opset=20)  # fmt: skip


# What ONNX Runtime has no kernels for, against the standard's reference, which has
# coordinates of f32 and weights of the image's type.
kind = lambda dtype: helper.np_dtype_to_tensor_dtype(np.dtype(dtype))


def refer(name, x, grid, tolerance, exact, **attributes):
    nodes = [node("GridSample", "x g", "y", **attributes)]
    build = lambda name, dtype: save(name, nodes, [value("x", x.shape, kind(dtype)), value("g", grid.shape)], ["y"], opset=22)
    model = build(name, x.dtype)
    got = open_winnow(compile_model(sys.argv[2], model, os.path.join(sys.argv[1], name)))({"x": x, "g": grid})["y"]
    wide = ReferenceEvaluator(build(name + "-exact", exact))
    want = wide.run(None, {"x": x.astype(exact), "g": grid})[0]
    check.close(name, got, np.asarray(want).astype(x.dtype), tolerance)


grid = 1.2 * normal(1, 4, 3, 2)
x = rng.integers(0, 100, (1, 2, 5, 4))
# Numbers that no float holds.
refer("grid-int64", x + (1 << 60), grid, 0, np.int64, mode="nearest")
refer("grid-bool", x > 50, grid, 0, np.bool_, mode="nearest")
refer("grid-uint8", x.astype(np.uint8), grid, 1, np.float64)
refer("grid-float16", x.astype(np.float16), grid, 0.1, np.float64)
refer("grid-float64", x.astype(np.float64), grid, 1e-3, np.float64, mode="cubic")
refer("grid-cubic-3", normal(1, 2, 3, 4, 5), normal(1, 2, 3, 2, 3), 1e-5, np.float32,
      mode="cubic", padding_mode="reflection")  # fmt: skip
# What data may not ask for ends the run, and no other.
aligned = open_winnow(compile_model(sys.argv[2], save(
    "hostile", [node("RoiAlign", "x r b", "y")], REGIONS, ["y"]), os.path.join(sys.argv[1], "hostile")))  # fmt: skip
image = normal(1, 2, 4, 5)
for corner, batch, error in ((2, 1, winnow.RunCheckError), (2, -2, winnow.RunCheckError),
                             (np.inf, 0, winnow.InvalidArgumentError), (2, 0, None)):  # fmt: skip
    feeds = {"x": image, "r": np.array([[0, 0, corner, 2]], np.float32), "b": np.array([batch])}
    try:
        aligned(feeds)
        got = None
    except winnow.Error as raised:
        got = type(raised)
    if got != error:
        sys.exit(f"corner {corner}, batch {batch}: expected {error}, got {got}")

# What is infinite counts only where it is read.
x, grid = np.full((1, 1, 3, 3), np.inf, np.float32), np.full((1, 1, 2, 2), 5, np.float32)
x[0, 0, 1, 1], grid[0, 0, 0] = 1, 0
compare("grid-infinite", [node("GridSample", "x g", "y", mode="nearest")],
        [value("x", x.shape), value("g", grid.shape)], {"x": x, "g": grid}, opset=20)  # fmt: skip

# Without offsets a deformed convolution is one.
for count in (1, 3):
    x, w = normal(2, 4, *[7, 6, 5][:count]), normal(6, 2, *[3, 2, 2][:count])
    sizes = [4, 6, 5][:count]
    window = dict(group=2, pads=[1] * count + [1, 0, 1][:count], strides=[2, 1, 1][:count])
    sizes = [(s + 1 + (1, 0, 1)[i] - w.shape[2 + i]) // window["strides"][i] + 1 for i, s in enumerate(x.shape[2:])]
    taps = int(np.prod(w.shape[2:]))
    deformed = save(f"deformed-{count}", [node("DeformConv", "x w o", "y", **window)], [value("x", x.shape), value("o", [2, taps * count, *sizes])],
                    ["y"], {"w": w}, opset=19)  # fmt: skip
    plain = save(f"plain-{count}", [node("Conv", "x w", "y", **window)], [value("x", x.shape)], ["y"], {"w": w}, opset=19)
    got = open_winnow(compile_model(sys.argv[2], deformed, os.path.join(sys.argv[1], f"deformed-{count}")))
    got = got({"x": x, "o": np.zeros((2, taps * count, *sizes), np.float32)})["y"]
    check.close(f"deformed-{count}", got, open_onnxruntime(plain)({"x": x})["y"], 1e-5)
check.finish()
