"""Models for check.test: make_check_models.py FOLDER."""

import os
import sys

import onnx
from onnx import TensorProto, helper


def save(name, nodes, inputs=(("x", TensorProto.FLOAT, ["batch", 4]),)):
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info(*value) for value in inputs],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, None)],
    )
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid("com.microsoft", 1)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=9)
    onnx.save(model, os.path.join(sys.argv[1], name))


gelu = helper.make_node("FuzzGelu", ["x"], ["g"], name="/head/gelu\n", domain="com.microsoft")
gelu.metadata_props.add(key="namespace", value="model.head")
relu = helper.make_node("Relu", ["x"], ["r"])
save("good.onnx", [relu, helper.make_node("Exp", ["r"], ["out"])])
save(
    "bad.onnx",
    [
        helper.make_node("ImageDecoder", ["x"], ["n"], name="/head/nms"),
        gelu,
        helper.make_node("Exp", ["x"], ["e"]),
        helper.make_node("Missing", ["g"], ["m"]),
        helper.make_node("Exp", ["m"], ["out"]),
    ],
)
save(
    "strings.onnx",
    [helper.make_node("Missing", ["x"], ["m"]), helper.make_node("Exp", ["x"], ["out"])],
    [("x", TensorProto.FLOAT, [4]), ("names", TensorProto.STRING, [4])],
)
save(
    "cyclic.onnx",
    [helper.make_node("Relu", ["y"], ["z"]), helper.make_node("Relu", ["z"], ["y"])],
)
