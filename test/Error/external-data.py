"""External data that must not be read, in every place that can hold a tensor."""
# RUN: %python %s %winnow %t

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "Inputs"))
from corpus import (FOLDER, INT64, WORK, TensorProto, X, build, call, choose, function, graph, helper,
                    node, np, onnx, refuse, shorten, tensor, value, with_weight)

secret = os.path.join(WORK, "secret.bin")


def write(path, size=64):
    with open(path, "wb") as file:
        file.write(bytes(size))


def link(make, target, name):
    path = os.path.join(FOLDER, name)
    if os.path.lexists(path):
        os.remove(path)
    make(target, path)


os.makedirs(os.path.join(FOLDER, "sub"), exist_ok=True)
os.makedirs(os.path.join(WORK, "outside"), exist_ok=True)
for path in (secret, "good.bin", "hard", "sub/w.bin", "../outside/w.bin"):
    write(os.path.join(FOLDER, path))
write(os.path.join(FOLDER, "empty.bin"), 0)
link(os.symlink, secret, "link.bin")
link(os.symlink, "good.bin", "near.bin")
link(os.symlink, os.path.join(FOLDER, "sub"), "dir")
link(os.symlink, os.path.join(WORK, "outside"), "away")
link(os.symlink, "/dev/zero", "zero")
link(os.link, os.path.join(FOLDER, "hard"), "hard2")
link(lambda _, path: os.mkfifo(path), "", "fifo")


def locate(proto, **entries):
    """The tensor with its data elsewhere."""
    proto.data_location = TensorProto.EXTERNAL
    for key, text in entries.items():
        proto.external_data.add(key=key, value=text if isinstance(text, bytes) else str(text))
    return proto


def external(**entries):
    def change(t):
        t.ClearField("raw_data")
        locate(t, **entries)

    return with_weight(change)


def attribute(name, kind, field, *protos):
    attr = onnx.AttributeProto(name=name, type=kind)
    target = getattr(attr, field)
    (target.extend if hasattr(target, "extend") else lambda p: target.CopyFrom(p[0]))(protos)
    return attr


BAD = dict(location="../secret.bin")
REFUSED = ("MODEL: external data '../secret.bin' contains '..': only plain relative paths below the "
           "model's folder are read")
KINDS = onnx.AttributeProto


def bad(dtype=TensorProto.FLOAT, dims=(4, 4), name="w"):
    return locate(tensor(dtype, dims, name), **BAD)


def sparse(values, indices):
    return onnx.SparseTensorProto(values=values, indices=indices, dims=[4, 4])


def with_attribute(attr, op="Relu", **kwargs):
    relu = node(op, "x", "y", **kwargs)
    relu.attribute.append(attr)
    return build([relu], X, ["y"])


def constant(attr):
    c = node("Constant", "", "w")
    c.attribute.append(attr)
    return build([c, node("MatMul", "x w", "y")], X, ["y"])


def with_sparse(proto):
    model = build([node("MatMul", "x w", "y")], X, ["y"])
    model.graph.sparse_initializer.append(proto)
    return model


def unused():
    model = build([node("Relu", "x", "y")], X, ["y"])
    model.graph.initializer.append(bad())
    return model


def training():
    model = build([node("Relu", "x", "y")], X, ["y"])
    model.training_info.add().initialization.initializer.append(bad())
    return model


VALUES = tensor(dims=[1], name="w", float_data=[1])
INDICES = tensor(INT64, [1], "", int64_data=[1])
VALUE = attribute("value", KINDS.TENSOR, "t", bad())

refuse({
    # What the location says.
    "parent": (external(location="../secret.bin"), REFUSED),
    "hidden parent": (external(location="sub/../../secret.bin"), "MODEL: external data 'sub/../../secret.bin' contains '..': only plain relative paths below the model's folder are read"),
    "parent alone": (external(location=".."), "MODEL: external data '..' contains '..': only plain relative paths below the model's folder are read"),
    "absolute": (external(location="/etc/passwd"), "MODEL: external data '/etc/passwd' is absolute: only plain relative paths below the model's folder are read"),
    "empty": (external(location=""), "MODEL: external data '' is empty: only plain relative paths below the model's folder are read"),
    "backslash": (external(location="a\\b"), "MODEL: external data 'a\\\\b' contains a backslash: only plain relative paths below the model's folder are read"),
    "NUL": (external(location="good.bin\0.txt"), "MODEL: external data 'good.bin\\00.txt' contains a NUL: only plain relative paths below the model's folder are read"),
    "empty component": (external(location="sub//w.bin"), "MODEL: external data 'sub//w.bin' has an empty component: only plain relative paths below the model's folder are read"),
    "trailing slash": (external(location="sub/"), "MODEL: external data 'sub/' has an empty component: only plain relative paths below the model's folder are read"),
    "no UTF-8": (external(location="caf\u00e9"), "node 'MatMul#0': MatMul, opset 18: constant 'w': external data 'caf\\C3\\A9' cannot be opened: No such file or directory"),
    "a name with control characters": (external(location="a\n\x1b[31m"), "node 'MatMul#0': MatMul, opset 18: constant 'w': external data 'a\\0A\\1B[31m' cannot be opened: No such file or directory"),
    "too long a name": (external(location="a" * 5000), f"node 'MatMul#0': MatMul, opset 18: constant 'w': external data '{shorten('a' * 5000)}' cannot be opened: File name too long"),
    # What the file is.
    "symlink": (external(location="link.bin"), "node 'MatMul#0': MatMul, opset 18: constant 'w': external data 'link.bin' passes a symbolic link or leaves the model's folder"),
    "symlink to a neighbour": (external(location="near.bin"), "node 'MatMul#0': MatMul, opset 18: constant 'w': external data 'near.bin' passes a symbolic link or leaves the model's folder"),
    "parent symlink inside": (external(location="dir/w.bin"), "node 'MatMul#0': MatMul, opset 18: constant 'w': external data 'dir/w.bin' passes a symbolic link or leaves the model's folder"),
    "parent symlink outside": (external(location="away/w.bin"), "node 'MatMul#0': MatMul, opset 18: constant 'w': external data 'away/w.bin' passes a symbolic link or leaves the model's folder"),
    "symlink to a device": (external(location="zero"), "node 'MatMul#0': MatMul, opset 18: constant 'w': external data 'zero' passes a symbolic link or leaves the model's folder"),
    "hard link": (external(location="hard"), "node 'MatMul#0': MatMul, opset 18: constant 'w': external data 'hard' is a hard link, expected a file of one name, got 2 names"),
    "fifo": (external(location="fifo"), "node 'MatMul#0': MatMul, opset 18: constant 'w': external data 'fifo' is not a regular file"),
    "folder": (external(location="sub"), "node 'MatMul#0': MatMul, opset 18: constant 'w': external data 'sub' is not a regular file"),
    "the folder itself": (external(location="."), "node 'MatMul#0': MatMul, opset 18: constant 'w': external data '.' is not a regular file"),
    "file as a folder": (external(location="good.bin/x"), "node 'MatMul#0': MatMul, opset 18: constant 'w': external data 'good.bin/x' passes a symbolic link or leaves the model's folder"),
    "missing": (external(location="nothing.bin"), "node 'MatMul#0': MatMul, opset 18: constant 'w': external data 'nothing.bin' cannot be opened: No such file or directory"),
    "another case": (external(location="GOOD.BIN"), "node 'MatMul#0': MatMul, opset 18: constant 'w': external data 'GOOD.BIN' cannot be opened: No such file or directory"),
    "empty file": (external(location="empty.bin"), "node 'MatMul#0': MatMul, opset 18: constant 'w': expected 64 bytes of external data for the tensor's type, got 0"),
    # The other keys.
    "no location": (external(offset=0), "node 'MatMul#0': MatMul, opset 18: constant 'w': external data has no location"),
    "two locations": (with_weight(lambda t: (t.ClearField("raw_data"), locate(t, location="good.bin"), locate(t, location="hard"))), "node 'MatMul#0': MatMul, opset 18: constant 'w': external data has two locations"),
    "length of another shape": (external(location="good.bin", length=60), "node 'MatMul#0': MatMul, opset 18: constant 'w': expected 64 bytes of external data for the tensor's type, got 60"),
    "no length, end of another shape": (external(location="good.bin", offset=4), "node 'MatMul#0': MatMul, opset 18: constant 'w': expected 64 bytes of external data for the tensor's type, got 60"),
    "beyond the end": (external(location="good.bin", offset=8, length=64), "node 'MatMul#0': MatMul, opset 18: constant 'w': external data 'good.bin' ends at byte 64, expected 64 bytes from 8"),
    "offset beyond the end": (external(location="good.bin", offset=65), "node 'MatMul#0': MatMul, opset 18: constant 'w': external data 'good.bin' ends at byte 64, expected 64 bytes from 65"),
    "petabytes": (external(location="good.bin", length=2**50), "node 'MatMul#0': MatMul, opset 18: constant 'w': external data 'good.bin' ends at byte 64, expected 1125899906842624 bytes from 0"),
    "sum that wraps": (external(location="good.bin", offset=8, length=2**64 - 8), "node 'MatMul#0': MatMul, opset 18: constant 'w': external data 'good.bin' ends at byte 64, expected 18446744073709551608 bytes from 8"),
    "more than 64 bits": (external(location="good.bin", offset=2**64), "node 'MatMul#0': MatMul, opset 18: constant 'w': expected external data's offset to be a non-negative number, got '18446744073709551616'"),
    "negative offset": (external(location="good.bin", offset=-8), "node 'MatMul#0': MatMul, opset 18: constant 'w': expected external data's offset to be a non-negative number, got '-8'"),
    "negative length": (external(location="good.bin", length=-1), "node 'MatMul#0': MatMul, opset 18: constant 'w': expected external data's length to be a non-negative number, got '-1'"),
    "no number": (external(location="good.bin", offset="0x10"), "node 'MatMul#0': MatMul, opset 18: constant 'w': expected external data's offset to be a non-negative number, got '0x10'"),
    "unknown key": (external(location="good.bin", address=1), "node 'MatMul#0': MatMul, opset 18: constant 'w': external data has the unknown key 'address'"),
    "memory address": (external(location="*/_ORT_MEM_ADDR_/*", offset=140000000000000, length=64), "node 'MatMul#0': MatMul, opset 18: constant 'w': external data '*/_ORT_MEM_ADDR_/*' cannot be opened: No such file or directory"),
    "data in both places": (with_weight(lambda t: locate(t, location="good.bin")), "node 'MatMul#0': MatMul, opset 18: constant 'w': the tensor has both external data and data in the model"),
    "typed data in both places": (
        with_weight(lambda t: (t.ClearField("raw_data"), t.float_data.append(1), locate(t, location="good.bin"))), "node 'MatMul#0': MatMul, opset 18: constant 'w': the tensor has both external data and data in the model"),
    # Where it can stand, used or not.
    "unused initializer": (unused(), REFUSED),
    "sparse values": (with_sparse(sparse(bad(dims=[1]), INDICES)), REFUSED),
    "sparse indices": (with_sparse(sparse(VALUES, bad(INT64, [1], ""))), REFUSED),
    "sparse values by symlink": (
        with_sparse(sparse(locate(tensor(dims=[1]), location="link.bin", length=4), INDICES)), "sparse initializer 'w': external data 'link.bin' passes a symbolic link or leaves the model's folder"),
    "sparse indices by symlink": (
        with_sparse(sparse(VALUES, locate(tensor(INT64, [1], ""), location="link.bin", length=8))), "sparse initializer 'w': external data 'link.bin' passes a symbolic link or leaves the model's folder"),
    "Constant": (constant(VALUE), REFUSED),
    "Constant by symlink": (
        constant(attribute("value", KINDS.TENSOR, "t", locate(tensor(), location="link.bin"))), "node 'MatMul#1': MatMul, opset 18: constant 'w': external data 'link.bin' passes a symbolic link or leaves the model's folder"),
    "sparse Constant": (
        constant(attribute("sparse_value", KINDS.SPARSE_TENSOR, "sparse_tensor", sparse(VALUES, bad(INT64, [1], "")))), REFUSED),
    "ConstantOfShape by symlink": (
        build([helper.make_node("ConstantOfShape", ["s"], ["y"],
                                value=locate(tensor(dims=[1]), location="link.bin", length=4))],
              [], ["y"], {"s": np.array([4])}), "node 'ConstantOfShape#0': ConstantOfShape, opset 18: external data 'link.bin' passes a symbolic link or leaves the model's folder"),
    "any tensor attribute": (with_attribute(attribute("a", KINDS.TENSOR, "t", bad())), REFUSED),
    "any tensors attribute": (with_attribute(attribute("a", KINDS.TENSORS, "tensors", VALUES, bad())), REFUSED),
    "any sparse tensors attribute": (
        with_attribute(attribute("a", KINDS.SPARSE_TENSORS, "sparse_tensors", sparse(bad(dims=[1]), INDICES))), REFUSED),
    "any graphs attribute": (
        with_attribute(attribute("a", KINDS.GRAPHS, "graphs", graph([], "", [bad()]))), REFUSED),
    "an attribute of an unknown operator": (
        with_attribute(attribute("a", KINDS.TENSOR, "t", bad()), "Foo"), REFUSED),
    "branch": (choose(graph([node("MatMul", "x w", "t")], "t", [bad()])), REFUSED),
    "branch that is not taken": (
        choose(graph([node("Neg", "x", "t")], "t"), graph([node("MatMul", "x w", "t")], "t", [bad()])), REFUSED),
    "branch by symlink": (
        choose(graph([node("MatMul", "x w", "t")], "t", [locate(tensor(), location="link.bin")])), "node 'If#0/MatMul#0': MatMul, opset 18: constant 'w': external data 'link.bin' passes a symbolic link or leaves the model's folder"),
    "function": (
        call([function("F", "a", "b", [constant(VALUE).graph.node[0], node("MatMul", "a w", "b")])]), REFUSED),
    "function that is not called": (
        call([function("F", "a", "b", [node("Neg", "a", "b")]),
              function("G", "a", "b", [constant(VALUE).graph.node[0], node("MatMul", "a w", "b")])]), REFUSED),
    "training": (training(), REFUSED),
})
