"""Tests of operators that draw random numbers. What the suite expects are one
generator's numbers; any other generator is as right if its numbers have the
same statistics. Ten draws have none, so that a test runs on its input repeated
many times."""

import numpy as np

REPEATS = 1000
# Standard errors that a mean may be off: by chance once in a million tests.
MOST_ERRORS = 6
GENERATORS = {"Bernoulli", "RandomUniformLike"}


def find_random(model):
    """-> the node that draws, or None."""
    for node in model.graph.node:
        if node.op_type in GENERATORS or (node.op_type == "Dropout" and len(node.input) > 2):
            return node
    return None


def enlarge(model, data_sets):
    """Repeats the input that decides the draws along its first dimension. -> the
    data sets, the outputs of which are the suite's still."""
    name = find_random(model).input[0]
    position = [value.name for value in model.graph.input].index(name)
    dim = model.graph.input[position].type.tensor_type.shape.dim[0]
    dim.dim_value *= REPEATS
    for output in model.graph.output:
        output.type.tensor_type.ClearField("shape")
    del model.graph.value_info[:]
    result = []
    for inputs, outputs in data_sets:
        inputs = list(inputs)
        inputs[position] = np.concatenate([inputs[position]] * REPEATS)
        result.append((inputs, outputs))
    return result


def _count_wrong(hits, probability):
    """How many shares of hits along the first axis are off; the whole counts as
    one more, for which a smaller error is enough."""
    variance = probability * (1 - probability) / REPEATS
    error = hits.mean(axis=0) - probability
    wrong = np.abs(error) > MOST_ERRORS * np.sqrt(variance) + 1e-12
    whole = np.abs(error.sum()) > MOST_ERRORS * np.sqrt(variance.sum()) + 1e-9
    return int(wrong.sum() + whole)


def _check_bernoulli(model, node, inputs, got, want):
    """Zeros and ones, ones with the given probability."""
    probability = inputs[0][: len(want[0])].astype(np.float64)
    # The operator's body in the standard compares the other way round.
    if any(other.op_type == "Greater" for other in model.graph.node):
        probability = 1 - probability
    draws = got[0].reshape(REPEATS, *want[0].shape)
    if not np.isin(draws, (0, 1)).all():
        return "expected zeros and ones"
    wrong = _count_wrong(draws, probability)
    return f"{wrong} of {probability.size + 1} probabilities are off" if wrong else None


def _check_dropout(model, node, inputs, got, want):
    """Elements are 0 with probability `ratio` or scaled by 1 / (1 - ratio)."""
    feed = dict(zip([value.name for value in model.graph.input], inputs))
    ratio = float(feed[node.input[1]]) if node.input[1] else 0.5
    x = feed[node.input[0]]
    kept = got[1] if len(got) > 1 else got[0] != 0
    scaled = np.where(kept, x / (1 - ratio), 0)
    if not np.allclose(got[0], scaled, rtol=1e-5, atol=1e-6):
        return "expected elements that are 0 or scaled"
    shares = kept.reshape(REPEATS, -1).astype(np.float64)
    wrong = _count_wrong(shares, np.full(shares.shape[1], 1 - ratio))
    return f"{wrong} of {shares.shape[1] + 1} ratios are off" if wrong else None


def check_statistics(model, inputs, got, want):
    """-> what is wrong with the outputs, or None."""
    for array, expected in zip(got, want):
        shape = (REPEATS * expected.shape[0], *expected.shape[1:])
        if array.shape != shape or array.dtype != expected.dtype:
            return (
                f"expected {expected.dtype.name} of shape {shape}, got {array.dtype.name} of "
                f"shape {array.shape}"
            )
    node = find_random(model)
    check = _check_dropout if node.op_type == "Dropout" else _check_bernoulli
    return check(model, node, inputs, got, want)
