"""make_loop.py FILE.onnx: x, then 2 x, ... in n iterations, and the last of them."""

import sys

import onnx
from onnx import TensorProto, helper

body = helper.make_graph(
    [
        helper.make_node("Add", ["sum", "x"], ["next"]),
        helper.make_node("Identity", ["next"], ["row"]),
        helper.make_node("Identity", ["go"], ["go_on"]),
    ],
    "body",
    [
        helper.make_tensor_value_info("i", TensorProto.INT64, []),
        helper.make_tensor_value_info("go", TensorProto.BOOL, []),
        helper.make_tensor_value_info("sum", TensorProto.FLOAT, ["width"]),
    ],
    [
        helper.make_tensor_value_info("go_on", TensorProto.BOOL, []),
        helper.make_tensor_value_info("next", TensorProto.FLOAT, ["width"]),
        helper.make_tensor_value_info("row", TensorProto.FLOAT, ["width"]),
    ],
)
graph = helper.make_graph(
    [helper.make_node("Loop", ["n", "", "x"], ["last", "all"], name="loop", body=body)],
    "loop",
    [
        helper.make_tensor_value_info("n", TensorProto.INT64, []),
        helper.make_tensor_value_info("x", TensorProto.FLOAT, ["width"]),
    ],
    [
        helper.make_tensor_value_info("last", TensorProto.FLOAT, ["width"]),
        helper.make_tensor_value_info("all", TensorProto.FLOAT, ["iterations", "width"]),
    ],
)
opset = helper.make_opsetid("", 17)
onnx.save(helper.make_model(graph, opset_imports=[opset], ir_version=8), sys.argv[1])
