"""What an ONNX model takes: sizes for its dimensions, arrays for its inputs."""

import os

import numpy as np
import onnx
from onnx import helper

from .errors import BenchError, UsageError


def parse_pairs(texts, option, parse):
    """["NAME=VALUE", ...] -> {name: parse(value)}"""
    result = {}
    for text in texts:
        name, equals, value = text.rpartition("=")
        try:
            if not equals or not name:
                raise ValueError
            result[name] = parse(value)
        except ValueError:
            raise UsageError(f"expected {option}, got '{text}'") from None
    return result


def parse_size(text):
    size = int(text)
    if size < 0:
        raise ValueError
    return size


def parse_range(text):
    """`A..B` without B, or `A` alone."""
    low, dots, high = text.partition("..")
    low = int(low)
    high = int(high) if dots else low + 1
    if high <= low:
        raise ValueError
    return low, high


def inputs_of(graph):
    weights = {tensor.name for tensor in graph.initializer}
    return [value for value in graph.input if value.name not in weights]


def pin(model, dims):
    """Gives each named dimension of the inputs its size, in place, and forgets
    what was said of the shapes that follow from them."""
    changed = False
    for value in inputs_of(model.graph):
        if value.type.WhichOneof("value") != "tensor_type":
            raise BenchError(f"input '{value.name}' is no tensor")
        for axis, dim in enumerate(value.type.tensor_type.shape.dim):
            if dim.WhichOneof("value") == "dim_value":
                continue
            name = dim.dim_param
            # A dimension without a name goes by its place.
            name = name or f"{value.name}.{axis}"
            if name not in dims:
                raise UsageError(
                    f"input '{value.name}' needs a size for its dimension '{name}'; "
                    f"give --dim {name}=N or --inputs FILE.npz"
                )
            dim.dim_value, changed = dims[name], True
    if changed:
        del model.graph.value_info[:]
        for value in model.graph.output:
            for dim in value.type.tensor_type.shape.dim:
                if dim.WhichOneof("value") == "dim_param" and dim.dim_param in dims:
                    dim.dim_value = dims[dim.dim_param]
    return changed


def dims_of(model, feeds):
    """The sizes that given arrays say, by the names of `pin`."""
    dims = {}
    for value in inputs_of(model.graph):
        if value.name not in feeds:
            raise UsageError(f"expected --inputs to hold '{value.name}', got {sorted(feeds)}")
        sizes = feeds[value.name].shape
        if len(sizes) != len(value.type.tensor_type.shape.dim):
            raise UsageError(
                f"expected input '{value.name}' to have "
                f"{len(value.type.tensor_type.shape.dim)} dimensions, got {len(sizes)}"
            )
        for axis, dim in enumerate(value.type.tensor_type.shape.dim):
            if dim.WhichOneof("value") != "dim_value":
                dims[dim.dim_param or f"{value.name}.{axis}"] = sizes[axis]
    return dims


def read(path):
    if not os.path.exists(path):
        raise BenchError(f"cannot open '{path}': no such file")
    try:
        return onnx.load(path)
    except Exception as error:
        raise BenchError(f"cannot read '{path}': {str(error).splitlines()[0]}") from None


class Signature:
    """Random inputs for a model whose dimensions all have sizes. `ranges` bound
    integers: name -> (low, high), high left out. `ragged` says how the mask is
    drawn, if there is one."""

    def __init__(self, graph, ranges, ragged=None):
        self.inputs, self.ragged = [], ragged
        mask = ragged.mask if ragged else None
        names = [value.name for value in inputs_of(graph)]
        for name in ranges:
            if name not in names:
                raise UsageError(f"expected --range to name an input of {names}, got '{name}'")
        for value in inputs_of(graph):
            tensor = value.type.tensor_type
            dtype = helper.tensor_dtype_to_np_dtype(tensor.elem_type)
            if dtype.kind in "iu" and value.name not in ranges and value.name != mask:
                raise UsageError(
                    f"input '{value.name}' of {dtype} needs a range; give "
                    f"--range {value.name}=A..B or --inputs FILE.npz"
                )
            shape = [dim.dim_value for dim in tensor.shape.dim]
            self.inputs.append((value.name, dtype, shape, ranges.get(value.name)))

    def draw(self, rng):
        feeds = {}
        for name, dtype, shape, bounds in self.inputs:
            if self.ragged and name == self.ragged.mask:
                feeds[name] = self.ragged.draw_mask(rng, shape).astype(dtype)
            elif bounds:
                feeds[name] = rng.integers(*bounds, shape).astype(dtype)
            elif dtype.kind == "b":
                feeds[name] = rng.integers(0, 2, shape).astype(dtype)
            else:
                feeds[name] = rng.standard_normal(shape, np.float32).astype(dtype)
        return feeds
