"""Batches of sequences of different lengths, padded on the right: what is drawn,
what is compared, and how much work the valid tokens are."""

import dataclasses

import numpy as np
import onnx

from . import signature, work
from .errors import UsageError


@dataclasses.dataclass(frozen=True)
class Ragged:
    """`model` is the file in which the number and the length of sequences are
    open; inputs and outputs of `tokens` are [batch, sequence, ...], those of
    `rows` are [batch, ...]. `counts` are the FLOPs of a sequence of 2, 3 and 4
    tokens, or None where they do not tell those of any other."""

    mask: str
    mean: float
    model: str
    tokens: list
    rows: list
    counts: list | None

    def draw_mask(self, rng, shape):
        """Lengths are uniform up to the longest, with a mean of `mean` of it."""
        count, longest = shape
        shortest = max(1, round((2 * self.mean - 1) * longest))
        lengths = rng.integers(shortest, longest + 1, count)
        return np.arange(longest) < lengths[:, None]

    def valid(self, feeds):
        return feeds[self.mask] != 0

    def flops(self, feeds):
        """Of valid tokens alone, each sequence attending to itself; or None."""
        if self.counts is None:
            return None
        return sum(_quadratic(self.counts, int(n)) for n in self.valid(feeds).sum(1))


def parse_lengths(text):
    """`MASK=MEAN` -> (mask, mean)"""
    try:
        ((mask, mean),) = signature.parse_pairs([text], "", float).items()
        if not 0.5 <= mean <= 1:
            raise UsageError
    except UsageError:
        raise UsageError(
            f"expected --lengths MASK=MEAN, the mean from 0.5 to 1, got '{text}'"
        ) from None
    return mask, mean


def _quadratic(counts, n):
    """The quadratic through (2, counts[0]), (3, counts[1]) and (4, counts[2])."""
    first, second, third = counts
    slope, bend = second - first, third - 2 * second + first
    return first + (n - 2) * slope + (n - 2) * (n - 3) // 2 * bend


def _open_dims(value):
    """The names of a value's leading dimensions that have no size."""
    names = []
    for dim in value.type.tensor_type.shape.dim:
        if dim.WhichOneof("value") == "dim_value":
            break
        names.append(dim.dim_param)
    return names


def _without_weights(model):
    small = onnx.ModelProto()
    small.CopyFrom(model)
    work.drop_weights(small)
    return small


def find(path, mask, mean, dims):
    """The Ragged of a model whose dimensions get the sizes `dims`."""
    model = _without_weights(signature.read(path))
    inputs = {value.name: value for value in signature.inputs_of(model.graph)}
    if mask not in inputs:
        raise UsageError(f"expected --lengths to name an input of {list(inputs)}, got '{mask}'")
    leading = _open_dims(inputs[mask])
    is_matrix = len(inputs[mask].type.tensor_type.shape.dim) == 2
    if not is_matrix or len(set(leading)) != 2 or "" in leading:
        raise UsageError(
            f"expected --lengths to name an input [batch, sequence] of dimensions that have "
            f"names and no sizes, as '{mask}' is not"
        )
    batch, seq = leading
    tokens = [name for name, value in inputs.items() if _open_dims(value)[:2] == leading]
    rows = [name for name, value in inputs.items() if _open_dims(value)[:1] == [batch]]
    for value in model.graph.output:
        # Exporters give dimensions of outputs names of their own.
        count = len(_open_dims(value))
        (tokens if count > 1 else rows if count else []).append(value.name)

    def flops(count, length):
        sized = _without_weights(model)
        signature.pin(sized, {**dims, batch: count, seq: length})
        return work.measure(sized)["flops"]

    # ONNX's shape inference does not follow sizes of 1 into Slice and Range.
    counts = [flops(2, length) for length in (2, 3, 4)]
    if None not in counts:
        counts = [count // 2 for count in counts]
    whole = flops(dims[batch], dims[seq])
    # Linear layers and attention are quadratic in the length; what is not shows.
    if None in counts or dims[batch] * _quadratic(counts, dims[seq]) != whole:
        counts = None
    rows = [name for name in rows if name not in tokens]
    return Ragged(mask, mean, path, tokens, rows, counts)
