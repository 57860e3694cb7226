# RUN: %python %s
"""FLOPs and bytes of weights: of each weight once, also where it is transposed."""

import onnx
from onnx import TensorProto, helper

from winnow.bench import work


def info(name, *dims):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, dims)


# A table of 10 rows of 4 is gathered from and makes the output layer.
table = helper.make_tensor("table", TensorProto.FLOAT, [10, 4], [0.0] * 40)
nodes = [
    helper.make_node("Gather", ["table", "ids"], ["x"]),
    helper.make_node("Transpose", ["table"], ["turned"], perm=[1, 0]),
    helper.make_node("MatMul", ["x", "turned"], ["y"]),
    helper.make_node("MatMul", ["x", "turned"], ["z"]),
]
ids = helper.make_tensor_value_info("ids", TensorProto.INT64, [3])
graph = helper.make_graph(nodes, "g", [ids], [info("y", 3, 10), info("z", 3, 10)], [table])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
onnx.checker.check_model(model)
assert work.measure(model) == {"flops": 2 * 2 * 3 * 10 * 4, "weight_bytes": 160}
