"""Builds the small models of these tests: one call, one file."""

import os
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FLOAT, INT64, BOOL = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL


def folder():
    """The folder that the RUN line names, made."""
    os.makedirs(sys.argv[1], exist_ok=True)
    return sys.argv[1]


def value(name, shape, dtype=FLOAT):
    return helper.make_tensor_value_info(name, dtype, shape)


def node(op, inputs, outputs, **attributes):
    """Inputs and outputs are space-separated; '-' is one that is left out."""
    names = lambda text: ["" if name == "-" else name for name in text.split()]
    return helper.make_node(op, names(inputs), names(outputs), **attributes)


def build(nodes, inputs, outputs, constants=None, opset=18, domains=(), functions=()):
    """`outputs` are names, whose shapes are left out; `constants` arrays by name."""
    initializers = [
        numpy_helper.from_array(np.asarray(array), name)
        for name, array in (constants or {}).items()
    ]
    outs = [
        out if not isinstance(out, str) else helper.make_tensor_value_info(out, 0, None)
        for out in outputs
    ]
    for out in outs:
        if not out.type.tensor_type.elem_type:
            out.type.Clear()
    graph = helper.make_graph(nodes, "test", inputs, outs, initializers)
    imports = [helper.make_opsetid("", opset)] + [helper.make_opsetid(d, 1) for d in domains]
    return helper.make_model(graph, opset_imports=imports, ir_version=8, functions=functions)


def save(name, *args, **kwargs):
    model = args[0] if isinstance(args[0], onnx.ModelProto) else build(*args, **kwargs)
    path = os.path.join(folder(), name + ".onnx")
    with open(path, "wb") as file:
        file.write(model.SerializeToString())
    return path


def ints(*values):
    return np.array(values, dtype=np.int64)


class Graph:
    """Nodes and constants under fresh names."""

    def __init__(self):
        self.nodes, self.constants = [], {}

    def op(self, name, *inputs, **attributes):
        out = f"v{len(self.nodes)}"
        self.nodes.append(node(name, " ".join(inputs), out, **attributes))
        return out

    def const(self, array):
        name = f"c{len(self.constants)}"
        self.constants[name] = np.asarray(array)
        return name

    def f32(self, array):
        return self.const(np.asarray(array, np.float32))
