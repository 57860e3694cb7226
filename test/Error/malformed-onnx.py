"""Malformed, hostile and odd models: each gets one clear error and no crash."""
# RUN: %python %s %winnow %t

import os
import subprocess
import sys

winnow, work = sys.argv[1:]
sys.argv[1:] = [work]
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "Import", "ONNX", "Inputs"))
from build import BOOL, FLOAT, INT64, build, ints, node, save, value
from onnx import TensorProto, helper
import numpy as np
import onnx

os.makedirs(work, exist_ok=True)
X = [value("x", ["n", 4])]
W = np.ones((4, 4), np.float32)


def relu(**kwargs):
    return build([node("Relu", "x", "y")], X, ["y"], **kwargs)


def with_weight(change, **kwargs):
    model = build([node("MatMul", "x w", "y")], X, ["y"], {"w": W}, **kwargs)
    change(model.graph.initializer[0])
    return model


def external(**entries):
    def change(tensor):
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        for key, text in entries.items():
            entry = tensor.external_data.add()
            entry.key, entry.value = key, str(text)

    return with_weight(change)


def edit(model, change):
    change(model)
    return model


def set_attr(tensor, **fields):
    for name, field in fields.items():
        setattr(tensor, name, field)


def dims(*sizes):
    def change(tensor):
        del tensor.dims[:]
        tensor.dims.extend(sizes)

    return with_weight(change)


def one(op, constants=None, inputs="x", opset=18, args=X, **attributes):
    return build([node(op, inputs, "y", **attributes)], args, ["y"], constants, opset=opset)


def field(number, payload):
    """A length-delimited protobuf field."""
    size, text = len(payload), b""
    while size > 127:
        text, size = text + bytes([size & 127 | 128]), size >> 7
    return bytes([number << 3 | 2]) + text + bytes([size]) + payload


def nested(depth):
    """A graph in an attribute of a node in a graph ..., which Python's protobuf
    refuses to build."""
    graph = b""
    for _ in range(depth):
        graph = field(1, field(4, b"If") + field(5, field(6, graph)))
    return b"\x08\x08" + field(7, graph)


def recursive():
    call = node("F", "a", "b", domain="local")
    function = helper.make_function("local", "F", ["a"], ["b"], [call],
                                    [helper.make_opsetid("", 18), helper.make_opsetid("local", 1)])
    return build([node("F", "x", "y", domain="local")], X, ["y"], domains=["local"],
                 functions=[function])


# External data that must not be read.
secret = os.path.join(work, "secret.bin")
open(secret, "wb").write(b"\0" * 64)
folder = os.path.join(work, "folder")
os.makedirs(os.path.join(folder, "sub"), exist_ok=True)
open(os.path.join(folder, "good.bin"), "wb").write(b"\0" * 64)
for name, target in [("link.bin", secret), ("dir", os.path.join(folder, "sub"))]:
    if not os.path.lexists(os.path.join(folder, name)):
        os.symlink(target, os.path.join(folder, name))
open(os.path.join(folder, "sub", "w.bin"), "wb").write(b"\0" * 64)
for name in ("hard", "hard2"):
    if os.path.lexists(os.path.join(folder, name)):
        os.remove(os.path.join(folder, name))
open(os.path.join(folder, "hard"), "wb").write(b"\0" * 64)
os.link(os.path.join(folder, "hard"), os.path.join(folder, "hard2"))
if not os.path.lexists(os.path.join(folder, "fifo")):
    os.mkfifo(os.path.join(folder, "fifo"))

BIG = 2**62
CASES = {
    # The file.
    "empty file": (b"", "expected an ONNX model, got an empty file"),
    "text": (b"hello, world", "not an ONNX model, truncated"),
    "truncated": (relu().SerializeToString()[:-9], "not an ONNX model, truncated"),
    "no graph": (onnx.ModelProto(ir_version=8).SerializeToString(), "expected a model with a graph"),
    "deep messages": (nested(60), "nested deeper than 100 messages"),
    # Versions.
    "ir version": (edit(relu(), lambda m: setattr(m, "ir_version", 999)), "expected an IR version from 1 to"),
    "no opset": (edit(relu(), lambda m: m.ClearField("opset_import")), "imports an opset"),
    "opset 0": (relu(opset=0), "expected an opset from 1 to"),
    "opset 999": (relu(opset=999), "expected an opset from 1 to"),
    "two opsets": (edit(relu(), lambda m: m.opset_import.append(helper.make_opsetid("", 17))),
                   "expected one opset version for domain ''"),
    # The graph.
    "dangling input": (build([node("Add", "x z", "y")], X, ["y"]), "reads 'z', which no input"),
    "cycle": (build([node("Add", "x b", "a"), node("Relu", "a", "b")], X, ["b"]), "sorted and free of cycles"),
    "duplicate output": (build([node("Relu", "x", "y"), node("Relu", "x", "y")], X, ["y"]), "'y' is defined twice"),
    "duplicate input": (build([node("Relu", "x", "y")], X + X, ["y"]), "'x' is defined twice"),
    "duplicate initializer": (edit(build([node("Relu", "x", "y")], X, ["y"], {"w": W}),
                                   lambda m: m.graph.initializer.append(m.graph.initializer[0])),
                              "'w' is defined twice"),
    "missing output": (build([node("Relu", "x", "y")], X, ["z"]), "output 'z' is not computed by any node"),
    "no outputs": (build([node("Relu", "x", "y")], X, []), "expected a graph with outputs"),
    "output type": (build([node("Relu", "x", "y")], X, [value("y", ["n", 4], INT64)]), "expected elements of INT64"),
    "no shape": (build([node("Relu", "x", "y")], [value("x", None)], ["y"]), "expected a shape, got none"),
    "negative dim": (build([node("Relu", "x", "y")], [value("x", [-4])], ["y"]), "expected dimensions of 0 or more"),
    "string input": (build([node("Identity", "x", "y")], [value("x", [1], TensorProto.STRING)], ["y"]),
                     "elements of type STRING are not supported"),
    "recursive function": (recursive(), "function 'F' calls itself"),
    # Tensors.
    "dtype 0": (with_weight(lambda t: setattr(t, "data_type", 0)), "UNDEFINED are not supported"),
    "unknown dtype": (with_weight(lambda t: setattr(t, "data_type", 77)), "data type 77 are not supported"),
    "short raw data": (with_weight(lambda t: setattr(t, "raw_data", b"\0" * 63)), "expected 64 bytes of data for shape [4, 4] of FLOAT, got 63"),
    "raw and typed": (with_weight(lambda t: t.float_data.append(1)), "both raw and typed data"),
    "negative tensor dim": (dims(4, -4), "expected dimensions of 0 or more, got -4"),
    "huge tensor": (dims(BIG, BIG), "overflows 64 bits"),
    "large tensor": (dims(2**40), "expected 4398046511104 bytes of data"),
    # Nodes.
    "missing attribute": (one("Concat"), "Concat, opset 18: expected attribute 'axis', got none"),
    "attribute type": (one("Softmax", axis=1.5), "expected attribute 'axis' of type INT, got FLOAT"),
    "axis range": (one("Softmax", axis=7), "expected an axis in [-2, 2), got 7"),
    "missing input": (one("Add"), "expected input 1, got none"),
    "too many inputs": (one("Relu", inputs="x x x"), "expected at most 1 inputs, got 3"),
    "huge perm": (one("Transpose", perm=[0, 2**40]), "expected an axis in [-2, 2)"),
    "repeated perm": (one("Transpose", perm=[0, 0]), "expected distinct axes"),
    "two -1": (one("Reshape", {"s": ints(-1, -1)}, "x s"), "at most one -1"),
    "bad reshape": (one("Reshape", {"s": ints(3, 5)}, "x s", args=[value("x", [4, 4])]), "expected the numbers of elements before and after to match, got 16 and 15"),
    "reshape 0": (one("Reshape", {"s": ints(4, -1, 0)}, "x s"), "expected a 0 in the target shape to name an input dimension"),
    "step 0": (one("Slice", {"a": ints(0), "e": ints(1), "s": ints(0)}, "x a e a s"), "expected a step other than 0"),
    "huge expand": (one("Expand", {"s": ints(BIG, BIG, 1, 1)}, "x s"), "does not fit in memory"),
    "huge tile": (one("Tile", {"s": ints(BIG, BIG)}, "x s", args=[value("x", [2, 2])]), "does not fit in memory"),
    "huge fill": (one("ConstantOfShape", {"s": ints(BIG)}, "s", args=[]), "does not fit in memory"),
    "negative fill": (one("ConstantOfShape", {"s": ints(-1)}, "s", args=[]), "expected dimensions of 0 or more"),
    "broadcast": (one("Add", {"w": np.ones(3, np.float32)}, "x w"), "expected dimension 1 of the operands to match, got 4 and 3"),
    "types": (one("Add", {"w": np.ones(4, np.int64)}, "x w"), "expected operand element types to match, got 'f32' and 'i64'"),
    "softmax of ints": (one("Softmax", inputs="i", args=[value("i", [4], INT64)]), "Softmax, opset 18"),
    "gather range": (build([node("Shape", "x", "s"), node("Gather", "s i", "y")], X, ["y"], {"i": np.int64(9)}), "expected indices in [-2, 2)"),
    "if without branch": (one("If", {"c": np.array(True)}, "c"), "expected a graph in attribute 'then_branch', got none"),
    "constant without value": (build([node("Constant", "", "y")], [], ["y"]), "expected exactly one value attribute, got 0"),
    "cast to 0": (one("Cast", to=0), "UNDEFINED are not supported"),
    "odd einsum": (one("Einsum", equation="ab->c"), "expected the output's letters in the inputs"),
    "conv ranks": (one("Conv", {"w": W}, "x w"), "expected input and weights of one rank of 3 or more"),
    "conv groups": (one("Conv", {"w": np.ones((4, 1, 1), np.float32)}, "x w", args=[value("x", [1, 3, 8])], group=2), "expected group to divide the channels"),
    "pool window": (one("MaxPool", args=[value("x", [1, 1, 4])], kernel_shape=[9]), "expected dimension 2 of at least 9 elements"),
    "zero stride": (one("MaxPool", args=[value("x", [1, 1, 4])], kernel_shape=[2], strides=[0]), "expected strides of 1 or more, got 0"),
    "min of one": (build([node("Shape", "x", "s"), node("Min", "s", "a"), node("Reshape", "x a", "b"), node("Foo", "b", "y")], X, ["y"]), "node 'Foo#3' (Foo, opset 18)"),
    # Unsupported, all in one list.
    "unsupported": (build([node("Baz", "x", "a"), node("Foo", "x", "b"), node("Bar", "x", "c", domain="com.microsoft"),
                           node("Add", "a b", "y")], X, ["y", "c"], domains=["com.microsoft"]),
                    "3 nodes are not supported:\n  node 'Baz#0' (Baz, opset 18): the operator is not supported\n  node 'Foo#1'"),
    "control characters": (build([helper.make_node("Foo", ["x"], ["y"], name="a\n\x1b[31m'b")], X, ["y"]), r"node 'a\0A\1B[31m'b'"),
    # External data.
    "external parent": (external(location="../secret.bin"), "contains '..'"),
    "external hidden parent": (external(location="sub/../../secret.bin"), "contains '..'"),
    "external absolute": (external(location=secret), "is absolute"),
    "external empty": (external(location=""), "is empty"),
    "external backslash": (external(location="a\\b"), "contains a backslash"),
    "external symlink": (external(location="link.bin"), "passes a symbolic link"),
    "external parent symlink": (external(location="dir/w.bin"), "passes a symbolic link"),
    "external hard link": (external(location="hard"), "is a hard link"),
    "external fifo": (external(location="fifo"), "is not a regular file"),
    "external folder": (external(location="sub"), "is not a regular file"),
    "external missing": (external(location="nothing.bin"), "No such file"),
    "external no location": (external(offset=0), "has no location"),
    "external length": (external(location="good.bin", length=60), "expected 64 bytes of external data for the tensor's type, got 60"),
    "external end": (external(location="good.bin", offset=8, length=64), "ends at byte 64"),
    "external wrap": (external(location="good.bin", offset=8, length=2**64 - 8), "ends at byte 64"),
    "external negative": (external(location="good.bin", offset=-8), "expected external data's offset to be a non-negative number"),
    "external key": (external(location="good.bin", address=1), "unknown key 'address'"),
}

failures = 0
for number, (what, (model, expected)) in enumerate(CASES.items()):
    path = os.path.join(folder, f"{number}.onnx")
    with open(path, "wb") as file:
        file.write(model if isinstance(model, bytes) else model.SerializeToString())
    command = [winnow, "compile", path, "--stop-after=import", "-o", "-"]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=60)
    if done.returncode != 1 or expected not in done.stderr:
        failures += 1
        print(f"{what}: expected exit status 1 and\n  {expected}\ngot {done.returncode} and\n  {done.stderr[:1000]}")
print(f"{len(CASES) - failures} of {len(CASES)} models are refused as they should be")
sys.exit(failures != 0)
