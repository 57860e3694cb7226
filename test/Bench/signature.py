# RUN: %python %s
"""Random inputs fit a model's signature, and its work is counted."""

import numpy as np
import onnx
from onnx import TensorProto, helper

from winnow.bench import models, signature, work
from winnow.bench.errors import UsageError

model = models.bert_model("dy20", models.TINY)
assert signature.pin(model, {"batch": 2, "seq": 5})
assert not signature.pin(model, {}), "nothing is left to pin"
ranges = {
    "input_ids": signature.parse_range("0..100"),
    "attention_mask": signature.parse_range("1"),
    "token_type_ids": signature.parse_range("0..2"),
}
drawn = signature.Signature(model.graph, ranges)
feeds, more = (drawn.draw(np.random.default_rng(seed)) for seed in (0, 1))
assert list(feeds) == ["input_ids", "attention_mask", "token_type_ids"]
for name, (low, high) in ranges.items():
    assert feeds[name].shape == (2, 5) and feeds[name].dtype == np.int64
    assert feeds[name].min() >= low and feeds[name].max() < high
assert not np.array_equal(feeds["input_ids"], more["input_ids"]), "each draw is new"

# Sizes that arrays say, for dimensions with and without a name.
unnamed = helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, "n", 3])
graph = helper.make_graph([], "g", [unnamed], [])
dims = signature.dims_of(helper.make_model(graph), {"x": np.zeros((7, 9, 3))})
assert dims == {"x.0": 7, "n": 9}, dims

for text in ("3..3", "4..1", "a..b", ""):
    try:
        signature.parse_pairs([f"x={text}"], "--range", signature.parse_range)
        assert False, text
    except UsageError as error:
        assert f"got 'x={text}'" in str(error)

# 10 tokens through 2 layers and the pooler; scores and contexts of 4 heads by 12.
width, ffn = models.TINY.width, models.TINY.ffn
linear = 2 * 10 * 2 * (4 * width * width + 2 * width * ffn)
attention = 2 * 2 * 2 * (2 * 4 * 5 * 5 * 12)
pooler = 2 * 2 * width * width
counted = work.measure(model)
assert counted["flops"] == linear + attention + pooler, counted
matrices = 2 * (4 * width * width + 2 * width * ffn) + width * width
assert 4 * matrices <= counted["weight_bytes"] < 4 * matrices + 4 * 8 * width

convolution = helper.make_node("Conv", ["x", "w"], ["y"])
product = helper.make_node("Gemm", ["a", "b"], ["c"], transA=1)
unknown = helper.make_node("MatMul", ["x", "z"], ["t"])
floats = lambda name, shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
weight = onnx.numpy_helper.from_array(np.zeros((8, 3, 4, 4), np.float32), "w")


def count(*nodes):
    inputs = [floats("x", [1, 3, 16, 16]), floats("a", [5, 2]), floats("b", [5, 7])]
    inputs.append(floats("z", ["n", 16]))
    graph = helper.make_graph(list(nodes), "g", inputs, [], [weight])
    return work.measure(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]))


assert count(convolution) == {
    "flops": 2 * (8 * 13 * 13) * (3 * 4 * 4),
    "weight_bytes": 4 * (8 * 3 * 4 * 4),
}
assert count(product)["flops"] == 2 * 2 * 7 * 5
assert count(product, unknown)["flops"] is None
