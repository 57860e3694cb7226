"""Odd models that are right: they compile, and give what ONNX says."""
# REQUIRES: python, winnow
# RUN: env PYTHONPATH=%src_root/python WINNOW=%winnow %python %s %winnow %t

import concurrent.futures
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "Inputs"))
from corpus import (BOOL, FLOAT, FOLDER, INT64, TensorProto, W, build, call, choose, edit, function,
                    graph, helper, ints, node, np, onnx, tensor, value)

import winnow

T = TensorProto
A = np.arange(12, dtype=np.float32).reshape(3, 4) - 5
X = [value("x", ["n", 4])]
FEED = {"x": A}
RELU = np.maximum(A, 0)


def model(op, constants=None, inputs="x", opset=18, args=X, **attributes):
    return build([node(op, inputs, "y", **attributes)], args, ["y"], constants, opset=opset)


def with_initializers(model, *tensors):
    model.graph.initializer.extend(tensors)
    return model


def sparse(values, indices, dims):
    proto = onnx.SparseTensorProto(dims=dims)
    proto.values.CopyFrom(tensor(FLOAT, [len(values)], "w", raw_data=np.float32(values).tobytes()))
    proto.indices.CopyFrom(tensor(INT64, np.shape(indices), "", int64_data=np.ravel(indices)))
    return proto


def with_sparse(*args):
    m = model("MatMul", inputs="x w")
    m.graph.sparse_initializer.append(sparse(*args))
    return m


def sparse_constant(*args):
    constant = node("Constant", "", "w")
    attr = constant.attribute.add(name="sparse_value", type=onnx.AttributeProto.SPARSE_TENSOR)
    attr.sparse_tensor.CopyFrom(sparse(*args))
    return build([constant, node("MatMul", "x w", "y")], X, ["y"])


def in_pieces(m):
    """The graph as two fields, which protobuf joins."""
    first, second = onnx.ModelProto.FromString(m.SerializeToString()), onnx.ModelProto()
    second.graph.node.extend(first.graph.node)
    second.graph.initializer.extend(first.graph.initializer)
    first.graph.ClearField("node")
    first.graph.ClearField("initializer")
    return first.SerializeToString() + second.SerializeToString()


def external(**entries):
    with open(os.path.join(FOLDER, "w.bin"), "wb") as file:
        file.write(bytes(8) + (2 * W).tobytes() + bytes(8))
    t = tensor(data_location=T.EXTERNAL)
    for key, text in {"location": "w.bin", "offset": 8, "length": 64, **entries}.items():
        t.external_data.add(key=key, value=str(text))
    return with_initializers(model("MatMul", inputs="x w"), t)


LARGE = np.random.default_rng(1).standard_normal((4, 512)).astype(np.float32)
SPARSE = np.zeros((4, 4), np.float32)
SPARSE[0, 1], SPARSE[2, 3] = 5, 7
# Alignment follows from the lengths of the names before the data.
ODD = [f"w{'_' * i}" for i in range(4)]

# By description: a model, its inputs, and outputs by name.
CASES = {
    # Graphs.
    "no nodes": (build([], X, [value("x", ["n", 4])]), FEED, {"x": A}),
    "an input that is an output, and more": (
        build([node("Relu", "x", "y")], X, ["x", "y"]), FEED, {"x": A, "y": RELU}),
    "an initializer that is an output": (build([], [], ["w"], {"w": W}), {}, {"w": W}),
    "an initializer that is an output and used": (
        build([node("MatMul", "x w", "y")], X, ["w", "y"], {"w": W}), FEED, {"w": W, "y": A @ W}),
    "a constant that is an output": (
        build([node("Constant", "", "y", value_floats=[1.0, 2.0])], [], ["y"]), {},
        {"y": np.float32([1, 2])}),
    "an input that no node reads": (
        build([node("Relu", "x", "y")], X + [value("z", [2])], ["y"]), {**FEED, "z": np.ones(2, np.float32)},
        {"y": RELU}),
    "a result that no node reads": (
        build([node("Relu", "x", "y"), node("Exp", "x", "z")], X, ["y"]), FEED, {"y": RELU}),
    "an unsupported result that no node reads": (
        build([node("MaxPool", "x", "y i", kernel_shape=[2])], [value("x", [1, 1, 4])], ["y"]),
        {"x": A[:1, None]}, {"y": np.float32([[[-4, -3, -2]]])}),
    "unused initializers, of odd types too": (
        with_initializers(model("Relu"), tensor(T.STRING, [1], "s", string_data=[b"a"]),
                          tensor(FLOAT, [4], "f", float_data=[1] * 4)), FEED, {"y": RELU}),
    "initializers as inputs, IR version 3": (
        edit(build([node("MatMul", "x w", "y")], X + [value("w", [4, 4])], ["y"], {"w": W}),
             lambda m: setattr(m, "ir_version", 3)), FEED, {"y": A @ W}),
    "optional inputs left out": (
        build([node("Clip", "x - h", "y")], X, ["y"], {"h": np.float32(2)}), FEED, {"y": np.minimum(A, 2)}),
    "trailing inputs left out": (build([node("Clip", "x - -", "y")], X, ["y"]), FEED, {"y": A}),
    "no IR that is new, no names": (
        edit(model("Relu"), lambda m: (m.graph.ClearField("name"), m.ClearField("producer_name"))), FEED, {"y": RELU}),
    "the default domain by its other name": (
        edit(model("Relu"), lambda m: (setattr(m.graph.node[0], "domain", "ai.onnx"),
                                       setattr(m.opset_import[0], "domain", "ai.onnx"))), FEED, {"y": RELU}),
    "one opset twice": (
        edit(model("Relu"), lambda m: m.opset_import.append(helper.make_opsetid("", 18))), FEED, {"y": RELU}),
    "domains that no node uses": (
        edit(model("Relu"), lambda m: m.opset_import.append(helper.make_opsetid("com.acme", 77))), FEED, {"y": RELU}),
    "a graph in pieces": (
        in_pieces(model("MatMul", {"w": LARGE}, "x w")), FEED, {"y": A @ LARGE}),
    "attributes that say what is so": (model("Softmax", axis=-1, opset=12), FEED,
                                       {"y": np.exp(A - A.max(1, keepdims=True)) / np.exp(A - A.max(1, keepdims=True)).sum(1, keepdims=True)}),
    "an attribute that the operator lacks": (model("Relu", alpha=2.0), FEED, {"y": RELU}),
    "a function in the name of an operator": (
        edit(model("Relu"), lambda m: m.functions.append(
            function("Relu", "a", "b", [node("Neg", "a", "b")], domain="local"))), FEED, {"y": RELU}),
    "a function without nodes": (call([function("F", "a", "a", [])]), FEED, {"y": A}),
    "a function that is called twice": (
        build([node("F", "x", "t", domain="local"), node("F", "t", "y", domain="local")], X, ["y"], domains=["local"],
              functions=[function("F", "a", "b", [node("Add", "a a", "b")])]), FEED, {"y": 4 * A}),
    "a branch that forwards": (choose(graph([], "x")), FEED, {"y": A}),
    "a branch that is wrong but not taken": (
        choose(graph([node("Neg", "x", "t")], "t"), graph([node("Foo", "nothing", "u")], "u")), FEED, {"y": -A}),
    "a branch with initializers": (
        choose(graph([node("Mul", "x k", "t")], "t", [tensor(FLOAT, [1], "k", float_data=[3])])), FEED, {"y": 3 * A}),
    # Data.
    "raw data of no elements": (
        with_initializers(model("Concat", inputs="x w", axis=0), tensor(FLOAT, [0, 4], raw_data=b"")), FEED, {"y": A}),
    "no data of no elements": (
        with_initializers(model("Concat", inputs="x w", axis=0), tensor(FLOAT, [0, 4])), FEED, {"y": A}),
    "no rows": (model("Relu"), {"x": A[:0]}, {"y": A[:0]}),
    "typed data of small types": (
        with_initializers(model("Gather", inputs="w i", args=[value("i", [2], INT64)]),
                          tensor(T.UINT8, [3], int32_data=[1, 200, 255])),
        {"i": ints(1, -1)}, {"y": np.uint8([200, 255])}),
    "half floats as bits": (
        with_initializers(model("Cast", inputs="w", args=[], to=FLOAT), tensor(T.FLOAT16, [2], int32_data=[0x3C00, 0xC000])),
        {}, {"y": np.float32([1, -2])}),
    "an odd number of nibbles": (
        with_initializers(model("Cast", inputs="w", args=[], to=FLOAT), tensor(T.INT4, [3], raw_data=b"\x2f\x08")),
        {}, {"y": np.float32([-1, 2, -8])}),
    "NaN, infinities and denormal numbers": (
        build([node("Add", "x w", "y")], X, ["y"], {"w": np.float32([np.nan, np.inf, -np.inf, 1e-45])}), FEED,
        {"y": A + np.float32([np.nan, np.inf, -np.inf, 1e-45])}),
    "large data at any alignment": (
        build([node("MatMul", f"x {w}", f"y{i}") for i, w in enumerate(ODD)], X, [f"y{i}" for i in range(4)],
              {w: LARGE + i for i, w in enumerate(ODD)}), FEED,
        {f"y{i}": A @ (LARGE + i) for i in range(4)}),
    "external data": (external(), FEED, {"y": A @ (2 * W)}),
    "external data of a subfolder that is this one": (external(location="./w.bin"), FEED, {"y": A @ (2 * W)}),
    "external data with a checksum": (external(checksum="0123"), FEED, {"y": A @ (2 * W)}),
    "sparse, positions": (with_sparse([5, 7], [1, 11], [4, 4]), FEED, {"y": A @ SPARSE}),
    "sparse, pairs": (with_sparse([5, 7], [[0, 1], [2, 3]], [4, 4]), FEED, {"y": A @ SPARSE}),
    "sparse, no values": (with_sparse([], ints(), [4, 4]), FEED, {"y": 0 * A}),
    "sparse constant": (sparse_constant([5, 7], [[0, 1], [2, 3]], [4, 4]), FEED, {"y": A @ SPARSE}),
    # Shapes and values at the edge of what is allowed.
    "rank 0": (model("Exp", args=[value("x", [])]), {"x": np.float32(0)}, {"y": np.float32(1)}),
    "rank 12": (model("Neg", args=[value("x", [1] * 11 + [2])]), {"x": np.ones([1] * 11 + [2], np.float32)},
                {"y": -np.ones([1] * 11 + [2], np.float32)}),
    "slice from and to the ends of the number line": (
        model("Slice", {"a": ints(-(2**63)), "e": ints(2**63 - 1), "d": ints(1), "s": ints(2)}, "x a e d s"), FEED,
        {"y": A[:, ::2]}),
    "slice backwards over all": (
        model("Slice", {"a": ints(2**63 - 1), "e": ints(-(2**63)), "d": ints(1), "s": ints(-1)}, "x a e d s"), FEED,
        {"y": A[:, ::-1]}),
    "slice by a huge step": (
        model("Slice", {"a": ints(1), "e": ints(4), "d": ints(1), "s": ints(2**62)}, "x a e d s"), FEED, {"y": A[:, 1:2]}),
    "slice of nothing": (model("Slice", {"a": ints(3), "e": ints(1), "d": ints(1)}, "x a e d"), FEED, {"y": A[:, :0]}),
    "reshape by 0 and -1": (model("Reshape", {"s": ints(0, -1)}, "x s"), FEED, {"y": A}),
    "reshape to no elements": (
        model("Reshape", {"s": ints(4, 0)}, "x s", args=[value("x", [0, 4])], allowzero=1), {"x": A[:0]},
        {"y": A[:0].reshape(4, 0)}),
    "nothing expanded": (
        model("Expand", {"s": ints(0, 4)}, "x s", args=[value("x", [1, 4])]), {"x": A[:1]}, {"y": A[:0]}),
    "no repeats": (model("Tile", {"r": ints(0, 1)}, "x r", args=[value("x", [3, 4])]), FEED, {"y": A[:0]}),
    "negative and positive pads": (
        model("Pad", {"p": ints(0, -1, 0, 1)}, "x p"), FEED, {"y": np.pad(A[:, 1:], ((0, 0), (0, 1)))}),
    "no axes to reduce": (
        model("ReduceSum", {"a": ints()}, "x a", noop_with_empty_axes=1), FEED, {"y": A}),
    "k of all": (build([node("TopK", "x k", "y i", axis=1)], X, ["i"], {"k": ints(4)}), FEED,
                 {"i": np.int64([[3, 2, 1, 0]] * 3)}),
    "k of none": (build([node("TopK", "x k", "y i", axis=1)], X, ["y"], {"k": ints(0)}), FEED, {"y": A[:, :0]}),
    "concat of one": (model("Concat", axis=0), FEED, {"y": A}),
    "integers divided by 0": (
        build([node("Div", "i z", "q"), node("Add", "q z", "y")], [value("i", [2], INT64), value("z", [2], INT64)], ["y"]),
        {"i": ints(7, -(2**63)), "z": ints(2, 1)}, {"y": ints(5, -(2**63) + 1)}),
    # Names.
    "odd names": (
        build([helper.make_node("Relu", ['"x"\n%d'], ["../y'é\\"], name="\t%s\x01")], [value('"x"\n%d', ["a b\n%", 4])],
              ["../y'é\\"]), {'"x"\n%d': A}, {"../y'é\\": RELU}),
    "names that are keywords": (
        build([node("Relu", "int", "return")], [value("int", ["struct", 4])], ["return"]), {"int": A}, {"return": RELU}),
    "names that differ in signs only": (
        build([node("Add", "a.b a/b", "y")], [value("a.b", [2]), value("a/b", [2])], ["y"]),
        {"a.b": np.ones(2, np.float32), "a/b": np.ones(2, np.float32)}, {"y": np.float32([2, 2])}),
    "names of one dimension in two inputs": (
        build([node("Add", "a b", "y")], [value("a", ["n"]), value("b", ["n"])], ["y"]),
        {"a": np.ones(3, np.float32), "b": np.ones(3, np.float32)}, {"y": np.full(3, 2, np.float32)}),
}


def check(case):
    number, (proto, feed, wanted) = case
    path = os.path.join(FOLDER, f"accepted-{number}.onnx")
    with open(path, "wb") as file:
        file.write(proto if isinstance(proto, bytes) else proto.SerializeToString())
    try:
        session = winnow.Session(path, threads=1)
        got = dict(zip((o.name for o in session.get_outputs()), session.run(None, feed)))
    except winnow.Error as error:
        return f"got {error}"
    if got.keys() != wanted.keys():
        return f"got the outputs {list(got)}"
    for name, array in wanted.items():
        array = np.asarray(array)
        if got[name].dtype != array.dtype or got[name].shape != array.shape or not np.allclose(
                got[name], array, rtol=1e-5, atol=1e-5, equal_nan=True):
            return f"expected {name!r}\n  {array.dtype} {array.tolist()}\ngot\n  {got[name].dtype} {got[name].tolist()}"
    return None


with concurrent.futures.ThreadPoolExecutor(2) as pool:
    results = list(pool.map(check, enumerate(CASES.values())))
failures = 0
for what, result in zip(CASES, results):
    if result:
        failures += 1
        print(f"{what}: {result}")
print(f"{len(CASES) - failures} of {len(CASES)} odd models run")
sys.exit(failures != 0)
