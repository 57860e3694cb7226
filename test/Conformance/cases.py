"""The tests of the ONNX suite: a model, and data sets of inputs and outputs."""

import os

import numpy as np
import onnx
import onnx.backend.test
from onnx import numpy_helper

DATA = os.path.join(os.path.dirname(onnx.backend.test.__file__), "data")
KINDS = ("node", "simple", "pytorch-converted", "pytorch-operator")
# Networks whose weights are made when they run; a file each.
LIGHT = "light"
MODES = ("static", "dynamic", "constant")

# What Winnow leaves out for good. Named by what a model uses, so that a test
# is out of scope by its contents and not by its name.
STRING_OPERATORS = {"RegexFullMatch", "TfIdfVectorizer"}
IMAGE_OPERATORS = {"ImageDecoder"}
TRAINING_DOMAINS = {"ai.onnx.preview.training", "ai.onnx.training"}


def find_cases():
    """-> the names of all tests, such as node/test_add, in order."""
    names = [
        f"{kind}/{name}"
        for kind in KINDS
        for name in sorted(os.listdir(os.path.join(DATA, kind)))
        if os.path.exists(os.path.join(DATA, kind, name, "model.onnx"))
    ]
    files = sorted(os.listdir(os.path.join(DATA, LIGHT)))
    return names + [f"{LIGHT}/{f[:-5]}" for f in files if f.endswith(".onnx")]


def find_model(name):
    """-> the path of a test's model."""
    path = os.path.join(DATA, name)
    return path + ".onnx" if name.startswith(LIGHT + "/") else os.path.join(path, "model.onnx")


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


def _load_light(name, model):
    """The input that onnx's own runner makes for these, and the stored output."""
    inputs = []
    for value in fed_inputs(model):
        shape = [dim.dim_value for dim in value.type.tensor_type.shape.dim]
        count = int(np.prod(shape))
        inputs.append((np.arange(count).reshape(shape) / count).astype(np.float32))
    return [(inputs, [_load_tensor(os.path.join(DATA, f"{name}_output_0.pb"))])]


def load_data_sets(name, model):
    """-> lists of (inputs, outputs); raises on what is no tensor."""
    if name.startswith(LIGHT + "/"):
        return _load_light(name, model)
    folder, sets = os.path.join(DATA, name), []
    for data_set in sorted(os.listdir(folder)):
        if not data_set.startswith("test_data_set"):
            continue
        files = os.listdir(os.path.join(folder, data_set))
        loaded = []
        for kind in ("input", "output"):
            count = sum(file.startswith(kind + "_") for file in files)
            loaded.append(
                [_load_tensor(os.path.join(folder, data_set, f"{kind}_{i}.pb")) for i in range(count)]
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
        for dim in value.type.tensor_type.shape.dim:
            dim.Clear()
    del model.graph.value_info[:]
    return model


def make_constant(model, arrays):
    """Puts the inputs into the model."""
    for value, array in zip(fed_inputs(model), arrays):
        model.graph.initializer.append(numpy_helper.from_array(np.asarray(array), value.name))
    del model.graph.input[:]
    return model
