"""Images that are resized or sampled by what cannot be."""
# RUN: %python %s %winnow %t

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "Inputs"))
from corpus import BOOL, INT64, build, ints, node, np, one, refuse, value

IMAGE = [value("x", [1, 4, 8, 8])]
BITS = [value("x", [1, 4, 8, 8], BOOL)]
REGIONS = [*IMAGE, value("r", ["k", 4]), value("b", ["k"], INT64)]
WEIGHTS = {"w": np.ones((4, 4, 3, 3), np.float32)}


def floats(*values):
    return np.array(values, np.float32)


def resize(inputs, constants, args=IMAGE, **attributes):
    return one("Resize", constants, inputs, args=args, **attributes)


def sample(grid=(1, 2, 2, 2), args=IMAGE, **attributes):
    return build([node("GridSample", "x g", "y", **attributes)], [*args, value("g", grid)], ["y"], opset=20)


def regions(args=REGIONS, **attributes):
    return build([node("RoiAlign", "x r b", "y", **attributes)], args, ["y"])


def deform(offset=(1, 18, 6, 6), constants=WEIGHTS, **attributes):
    return build([node("DeformConv", "x w o", "y", **attributes)], [*IMAGE, value("o", offset)], ["y"], constants, opset=19)


TWO, RESIZE = {"s": floats(1, 1, 2, 2)}, "node 'Resize#0': Resize, opset 18: "
SAMPLE, ROI, DEFORM = "node 'GridSample#0': GridSample, opset 20: ", "node 'RoiAlign#0': RoiAlign, opset 18: ", "node 'DeformConv#0': DeformConv, opset 19: "
refuse({
    "resize to nothing": (resize("x", {}), RESIZE + "expected scales or sizes, got none"),
    "resize by an empty vector": (resize("x - s", {"s": floats()}), RESIZE + "expected scales or sizes, got none"),
    "resize by two": (resize("x - s z", {**TWO, "z": ints(1, 4, 2, 2)}), RESIZE + "expected scales or sizes, got both"),
    "number of scales": (resize("x - s", {"s": floats(1, 2)}), RESIZE + "expected the number of scales and of dimensions to match, got 2 and 4"),
    "number of resized sizes": (resize("x - - z", {"z": ints(1, 2)}), RESIZE + "expected 4 sizes, one for each dimension, got 2"),
    "scale of 0": (resize("x - s", {"s": floats(1, 1, 0, 2)}), RESIZE + "expected scales above 0, got 0.000000"),
    "scale that is no number": (resize("x - s", {"s": floats(1, 1, np.nan, 2)}), RESIZE + "expected scales above 0, got nan"),
    "scale without end": (resize("x - s", {"s": floats(1, 1, np.inf, 2)}), RESIZE + "expected scales above 0, got inf"),
    "huge scale": (resize("x - s", {"s": floats(1, 1, 1e30, 2)}), RESIZE + "a dimension of 8 elements, scaled by 1000000015047466219876688855040.000000, does not fit in memory"),
    "negative resized size": (resize("x - - z", {"z": ints(1, 4, -1, 2)}), RESIZE + "expected sizes of 0 or more, got -1"),
    "resized from nothing": (resize("x - - z", {"z": ints(1, 4, 2, 8)}, [value("x", [1, 4, 0, 8])]), RESIZE + "expected dimension 2 of 1 or more elements, got 0"),
    "scales that are integers": (resize("x - s", {"s": ints(1, 1, 2, 2)}), RESIZE + "expected floats as scales, got int64"),
    "resize mode": (resize("x - s", TWO, mode="area"), RESIZE + "expected mode nearest, linear or cubic, got 'area'"),
    "coordinate transformation": (resize("x - s", TWO, coordinate_transformation_mode="other"), RESIZE + "expected a coordinate_transformation_mode of the standard, got 'other'"),
    "nearest mode": (resize("x - s", TWO, nearest_mode="up"), RESIZE + "expected a nearest_mode of the standard, got 'up'"),
    "aspect ratio": (resize("x - - z", {"z": ints(1, 4, 2, 2)}, keep_aspect_ratio_policy="keep"), RESIZE + "expected keep_aspect_ratio_policy stretch, not_larger or not_smaller, got 'keep'"),
    "crop without region": (resize("x - s", TWO, coordinate_transformation_mode="tf_crop_and_resize"), RESIZE + "expected a roi for tf_crop_and_resize, got none"),
    "resize axes": (resize("x - s", {"s": floats(2)}, axes=[4]), RESIZE + "expected an axis in [-4, 4), got 4"),
    "interpolated booleans": (resize("x - s", TWO, BITS, mode="linear"), "1 node is not supported:\n  node 'Resize#0' (Resize, opset 18): interpolation of booleans"),
    "upsampled scales": (one("Upsample", opset=8, args=IMAGE, scales=[2.0]), "node 'Upsample#0': Upsample, opset 8: expected 4 scales, one for each dimension, got 1"),
    "grid of another rank": (sample((1, 2, 2)), SAMPLE + "expected an input of rank 3 to 5 and a grid of the same, got ranks 4 and 3"),
    "grid coordinates": (sample((1, 2, 2, 3)), SAMPLE + "expected the grid's last dimension and the number of the image's dimensions to match, got 3 and 2"),
    "grid batch": (sample((2, 2, 2, 2)), SAMPLE + "expected the batch sizes of input and grid to match, got 2 and 1"),
    "grid of an empty image": (sample(args=[value("x", [1, 4, 8, 0])]), SAMPLE + "expected dimension 3 of 1 or more elements, got 0"),
    "sample mode": (sample(mode="area"), SAMPLE + "expected mode linear, nearest or cubic, got 'area'"),
    "sample padding": (sample(padding_mode="one"), SAMPLE + "expected padding_mode zeros, border or reflection, got 'one'"),
    "sampled booleans": (sample(args=BITS), "1 node is not supported:\n  node 'GridSample#0' (GridSample, opset 20): interpolation of booleans"),
    "affine grid of another rank": (build([node("AffineGrid", "t s", "y")], [value("t", [2, 3])], ["y"], {"s": ints(1, 1, 2, 2)}, opset=20), "node 'AffineGrid#0': AffineGrid, opset 20: expected theta of rank 3, got rank 2"),
    "affine grid sizes": (build([node("AffineGrid", "t s", "y")], [value("t", [1, 2, 3])], ["y"], {"s": ints(1, 1, 2)}, opset=20), "node 'AffineGrid#0': AffineGrid, opset 20: expected 4 sizes, got 3"),
    "ranks of regions": (regions([*IMAGE, value("r", [4]), value("b", ["k"], INT64)]), ROI + "expected inputs of ranks 4, 2 and 1, got 4, 1 and 1"),
    "numbers of a region": (regions([*IMAGE, value("r", ["k", 5]), value("b", ["k"], INT64)]), ROI + "expected dimension 1 of the regions and 4 to match, got 5 and 4"),
    "region mode": (regions(mode="sum"), ROI + "expected mode avg or max, got 'sum'"),
    "region size": (regions(output_width=0), ROI + "expected sizes of 1 or more and a sampling_ratio of 0 or more, got 1, 0 and 0"),
    "rank of offsets": (deform((1, 18, 6)), DEFORM + "expected input, weights and offset of one rank of 3 or more, got ranks 4, 4 and 3"),
    "channels of offsets": (deform((1, 9, 6, 6)), DEFORM + "expected the offset's dimension 1 and offset_group times the kernel's coordinates to match, got 9 and 18"),
    "size of offsets": (deform((1, 18, 5, 6)), DEFORM + "expected the offset's and the output's dimension 2 to match, got 5 and 6"),
})
