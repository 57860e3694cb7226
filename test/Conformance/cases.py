"""The tests of the ONNX suite: a model, and data sets of inputs and outputs."""

import os

import numpy as np
import onnx
import onnx.backend.test
from onnx import numpy_helper

DATA = os.path.join(os.path.dirname(onnx.backend.test.__file__), "data")
KINDS = ("node", "simple", "pytorch-converted", "pytorch-operator")
MODES = ("static", "dynamic", "constant")

# What Winnow leaves out for good. Named by what a model uses, so that a test
# is out of scope by its contents and not by its name.
STRING_OPERATORS = {"RegexFullMatch", "TfIdfVectorizer"}
IMAGE_OPERATORS = {"ImageDecoder"}
TRAINING_DOMAINS = {"ai.onnx.preview.training", "ai.onnx.training"}


def find_cases():
    """-> the names of all tests, such as node/test_add, in order."""
    return [
        f"{kind}/{name}"
        for kind in KINDS
        for name in sorted(os.listdir(os.path.join(DATA, kind)))
        if os.path.exists(os.path.join(DATA, kind, name, "model.onnx"))
    ]


def _types(model):
    nested = [a.g for n in model.graph.node for a in n.attribute if a.HasField("g")]
    for graph in [model.graph, *nested]:
        for value in [*graph.input, *graph.output, *graph.value_info]:
            yield value.type


def out_of_scope(model):
    """-> what the model uses that Winnow leaves out for good, or None."""
    for node in model.graph.node:
        if node.domain in TRAINING_DOMAINS:
            return "training"
        if node.domain.startswith("ai.onnx.ml"):
            return "ml"
        if node.op_type.startswith("String") or node.op_type in STRING_OPERATORS:
            return "strings"
        if node.op_type in IMAGE_OPERATORS:
            return "images"
        if node.op_type in ("Dropout", "BatchNormalization"):
            mode = [a.i for a in node.attribute if a.name == "training_mode"]
            if mode == [1] or (node.op_type == "Dropout" and len(node.input) > 2 and node.input[2]):
                return "training"
    for type in _types(model):
        kind = type.WhichOneof("value")
        if kind == "tensor_type":
            if type.tensor_type.elem_type == onnx.TensorProto.STRING:
                return "strings"
        elif kind:
            return kind.removesuffix("_type") + "s"
    return None


def _load_tensor(path):
    with open(path, "rb") as file:
        return numpy_helper.to_array(onnx.TensorProto.FromString(file.read()))


def load_data_sets(folder):
    """-> lists of (inputs, outputs); raises on what is no tensor."""
    sets = []
    for name in sorted(os.listdir(folder)):
        if not name.startswith("test_data_set"):
            continue
        files = os.listdir(os.path.join(folder, name))
        loaded = []
        for kind in ("input", "output"):
            count = sum(file.startswith(kind + "_") for file in files)
            loaded.append(
                [_load_tensor(os.path.join(folder, name, f"{kind}_{i}.pb")) for i in range(count)]
            )
        sets.append(tuple(loaded))
    return sets


def fed_inputs(model):
    """-> the inputs that a caller gives: those without an initializer."""
    constants = {tensor.name for tensor in model.graph.initializer}
    return [value for value in model.graph.input if value.name not in constants]


def make_dynamic(model):
    """Gives every dimension but those of 0 and 1, whose broadcasting depends on
    the size, a symbol of its own."""
    for value in fed_inputs(model):
        for axis, dim in enumerate(value.type.tensor_type.shape.dim):
            if dim.HasField("dim_value") and dim.dim_value > 1:
                dim.dim_param = f"{value.name}.{axis}"
    for value in model.graph.output:
        value.type.tensor_type.ClearField("shape")
    del model.graph.value_info[:]
    return model


def make_constant(model, arrays):
    """Puts the inputs into the model."""
    for value, array in zip(fed_inputs(model), arrays):
        model.graph.initializer.append(numpy_helper.from_array(np.asarray(array), value.name))
    del model.graph.input[:]
    return model
