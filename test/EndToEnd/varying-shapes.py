# Values whose shape depends on the branch, or changes from one iteration to the
# next, against ONNX Runtime.
#
# RUN: %python %s %t %winnow

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../Import/ONNX/Inputs"))
import numpy as np
import onnxruntime
import winnow
from build import BOOL, FLOAT, INT64, build, ints, node, numpy_helper, save, value
from onnx import helper

rng = np.random.default_rng(5)
os.environ["WINNOW"] = sys.argv[2]
onnxruntime.set_default_logger_severity(3)
CASES = []


def case(function):
    CASES.append(function)
    return function


def graph(nodes, inputs, outputs, constants=()):
    """Outputs are names, of INT64 if they begin with i, BOOL with b; sequences with q."""
    kinds = {"i": INT64, "b": BOOL}
    make = lambda name: (helper.make_tensor_sequence_value_info(name, FLOAT, None) if name[0] == "q"
                         else value(name, None, kinds.get(name[0], FLOAT)))  # fmt: skip
    return helper.make_graph(nodes, "body", inputs, [make(name) for name in outputs],
                             [numpy_helper.from_array(np.asarray(array), name) for name, array in dict(constants).items()])  # fmt: skip


def body(nodes, state, outputs, constants=(), kinds=None):
    """A Loop's: its inputs are the iteration, the condition and the state."""
    inputs = [value("i", [], INT64), value("b", [], BOOL)]
    inputs += [value(name, None, (kinds or {}).get(name, FLOAT)) for name in state.split()]
    return graph(nodes, inputs, outputs.split(), constants)


def floats(*shape):
    return rng.standard_normal(shape).astype(np.float32)


X, P, M = value("x", ["n", 4]), value("p", [], BOOL), value("m", [], INT64)
GO_ON = node("Identity", "b", "b2")


#===--- Branches ---===#


@case
def branch_of_static_shapes():
    then = graph([node("Slice", "x zero two", "r")], [], ["r"], {"zero": ints(0), "two": ints(2)})
    other = graph([node("Neg", "x", "s")], [], ["s"])
    return build([node("If", "p", "y", then_branch=then, else_branch=other), node("Add", "y y", "z")],
                 [value("x", [5, 3]), P], ["z"]), [dict(x=floats(5, 3), p=p) for p in (True, False)]  # fmt: skip


@case
def branch_of_a_scalar():
    """It broadcasts as the vector of one element of the other branch does."""
    then = graph([node("ReduceSum", "x", "r", keepdims=0)], [], ["r"])
    other = graph([node("Slice", "w zero one", "s")], [], ["s"], {"zero": ints(0), "one": ints(1)})
    return build([node("If", "p", "y", then_branch=then, else_branch=other), node("Mul", "x y", "z")],
                 [X, value("w", [5]), P], ["z"]), [
        dict(x=floats(3, 4), w=floats(5), p=p) for p in (True, False)]  # fmt: skip


@case
def branch_for_one_size():
    """What one branch needs of a dimension, the other does not."""
    then = graph([node("Squeeze", "x zero", "r0"), node("Add", "x three", "r1"), node("ReduceSum", "r1 zero", "r2", keepdims=0),
                  node("Add", "r0 r2", "r")], [], ["r"], {"zero": ints(0), "three": floats(1, 4)})  # fmt: skip
    other = graph([node("ReduceMax", "x first", "s", keepdims=0)], [], ["s"], {"first": ints(0)})
    return build([node("If", "p", "y", then_branch=then, else_branch=other)], [X, P], ["y"]), [
        dict(x=floats(1, 4), p=True), dict(x=floats(3, 4), p=False), dict(x=floats(1, 4), p=False)]  # fmt: skip


@case
def branch_of_symbolic_shapes():
    """Two dimensions differ, and one of two outputs."""
    then = graph([node("Transpose", "x", "r"), node("Identity", "x", "r1")], [], ["r", "r1"])
    other = graph([node("Neg", "w", "s"), node("Abs", "x", "s1")], [], ["s", "s1"])
    return build([node("If", "p", "y z", then_branch=then, else_branch=other)],
                 [X, value("w", ["m", "k"]), P], ["y", "z"]), [
        dict(x=floats(n, 4), w=floats(m, k), p=p) for n, m, k in ((3, 2, 5), (0, 1, 1)) for p in (True, False)]  # fmt: skip


@case
def branch_of_data_shapes():
    """The sizes of both branches are known in them only, and what follows uses them."""
    then = graph([node("NonZero", "x", "i0"), node("Transpose", "i0", "i1"), node("GatherND", "x i1", "r")], [], ["r"])
    other = graph([node("Greater", "x half", "b1"), node("Reshape", "b1 flat", "b2"), node("Compress", "x b2", "s")], [],
                  ["s"], {"half": np.float32(0.5), "flat": ints(-1)})  # fmt: skip
    nodes = [node("If", "p", "y", then_branch=then, else_branch=other), node("Shape", "y", "shape"),
             node("ReduceSum", "y", "sum", keepdims=0), node("Unsqueeze", "y one", "column"), node("MatMul", "column row", "z")]  # fmt: skip
    return build(nodes, [X, P], ["y", "shape", "sum", "z"], {"one": ints(1), "row": floats(1, 3)}), [
        dict(x=(floats(n, 4) * (rng.random((n, 4)) < rate)).astype("f4"), p=p)
        for n, rate in ((3, 0.5), (7, 0.9), (2, 0)) for p in (True, False)]  # fmt: skip


@case
def branch_of_sequences():
    then = graph([node("SequenceConstruct", "x y", "qr")], [], ["qr"])
    other = graph([node("SequenceConstruct", "y x", "qs")], [], ["qs"])
    return build([node("If", "p", "l", then_branch=then, else_branch=other), node("SequenceAt", "l zero", "a"),
                  node("ConcatFromSequence", "l", "c", axis=0)], [X, value("y", ["m", 4]), P], ["a", "c"],
                 {"zero": np.int64(0)}), [dict(x=floats(2, 4), y=floats(3, 4), p=p) for p in (True, False)]  # fmt: skip


@case
def branch_in_a_loop():
    """A branch that halves or repeats the state."""
    then = graph([node("Slice", "v zero end", "r")], [], ["r"], {"zero": ints(0), "end": ints(2)})
    other = graph([node("Concat", "v x", "s", axis=0)], [], ["s"])
    step = body([GO_ON, node("Mod", "i three", "i1"), node("Equal", "i1 two", "b1"),
                 node("If", "b1", "w", then_branch=then, else_branch=other)], "v", "b2 w",
                {"three": np.int64(3), "two": np.int64(2)})  # fmt: skip
    return build([node("Loop", "m - x", "y", body=step)], [X, M], ["y"]), [
        dict(x=floats(n, 4), m=m) for n, m in ((3, 0), (2, 4), (1, 8))]  # fmt: skip


#===--- What a loop carries ---===#


@case
def loop_that_doubles():
    step = body([GO_ON, node("Concat", "v v", "w", axis=0)], "v", "b2 w")
    return build([node("Loop", "m - x", "y", body=step), node("MatMul", "y k", "z")], [X, M], ["y", "z"],
                 {"k": floats(4, 2)}), [dict(x=floats(n, 4), m=m) for n, m in ((3, 2), (1, 6), (2, 0), (0, 3))]  # fmt: skip


@case
def loop_that_shrinks():
    """Down to nothing; another value stays as it is."""
    step = body([GO_ON, node("ReduceMax", "v one", "u", keepdims=0), node("Greater", "u low", "b1"),
                 node("Compress", "v b1", "w0", axis=0), node("Mul", "w0 low", "w"), node("Add", "a low", "a2")],
                "v a", "b2 w a2", {"one": ints(1), "low": np.float32(0.3)})  # fmt: skip
    return build([node("Loop", "m - x start", "y z", body=step)], [X, value("start", []), M], ["y", "z"]), [
        dict(x=floats(n, 4), start=np.float32(n), m=m) for n, m in ((8, 1), (8, 2), (5, 4), (3, 0))]  # fmt: skip


@case
def loop_in_two_dimensions():
    step = body([GO_ON, node("Concat", "v v", "t", axis=1), node("Pad", "t pads", "w")], "v", "b2 w",
                {"pads": ints(0, 1, 1, 0)})  # fmt: skip
    return build([node("Loop", "m - x", "y", body=step)], [value("x", ["n", "k"]), M], ["y"]), [
        dict(x=floats(n, k), m=m) for n, k, m in ((3, 2, 2), (1, 1, 4), (2, 3, 0))]  # fmt: skip


@case
def loop_that_appends():
    """In front and behind, along either axis, to values that are read nowhere."""
    step = body([GO_ON, node("Cast", "i", "f", to=FLOAT), node("Mul", "x f", "t"), node("Concat", "v t", "v2", axis=0),
                 node("Concat", "t w", "w2", axis=1), node("ReduceSum", "t", "s", keepdims=0)], "v w", "b2 v2 w2 s")  # fmt: skip
    return build([node("Loop", "m - x x", "y z r", body=step)], [X, M], ["y", "z", "r"]), [
        dict(x=floats(n, 4), m=m) for n, m in ((3, 2), (1, 6), (2, 0))]  # fmt: skip


@case
def loop_that_appends_what_it_reads():
    step = body([GO_ON, node("ReduceSum", "v zero", "t", keepdims=1), node("Concat", "v t", "w", axis=0)], "v", "b2 w",
                {"zero": ints(0)})  # fmt: skip
    return build([node("Loop", "m - x", "y", body=step)], [X, M], ["y"]), [
        dict(x=floats(n, 4), m=m) for n, m in ((3, 2), (1, 6), (2, 0))]  # fmt: skip


@case
def loop_of_growing_loops():
    inner = graph([node("Identity", "b3", "b4"), node("Concat", "u x", "u2", axis=0)],
                  [value("j", [], INT64), value("b3", [], BOOL), value("u", None)], ["b4", "u2"])  # fmt: skip
    step = body([GO_ON, node("Loop", "i - v", "w", body=inner), node("Shape", "w", "i1")], "v", "b2 w")
    return build([node("Loop", "m - x", "y", body=step)], [X, M], ["y"]), [
        dict(x=floats(n, 4), m=m) for n, m in ((3, 2), (1, 4), (2, 0))]  # fmt: skip


@case
def loop_that_grows_until():
    """A condition that reads the growing value, which is appended to a list of sizes."""
    step = body([node("Shape", "v", "i1", end=1), node("Concat", "v x", "w", axis=0), node("ReduceSum", "w", "t", keepdims=0),
                 node("Less", "t limit", "b2"), node("Concat", "sizes i1", "i2", axis=0)], "v sizes", "b2 w i2",
                {"limit": np.float32(20)}, {"sizes": INT64})  # fmt: skip
    return build([node("Loop", "- p x none", "y sizes", body=step)], [X, P], ["y", "sizes"], {"none": ints(7)}), [
        dict(x=np.abs(floats(n, 4)), p=p) for n in (3, 1, 2) for p in (True, False)]  # fmt: skip


#===--- What a loop stacks ---===#


@case
def stack_without_a_trip_count():
    step = body([node("Add", "v one", "w"), node("ReduceSum", "w", "t", keepdims=0), node("Less", "t limit", "b2"),
                 node("Neg", "t", "s")], "v", "b2 w s", {"one": np.float32(1)})  # fmt: skip
    nodes = [node(f"Loop", f"{trips} p x", f"y{k} s{k}", body=step) for k, trips in enumerate(("-", "most", "m"))]
    return build(nodes, [X, P, M, value("limit", [])], [f"{name}{k}" for name in "ys" for k in range(3)],
                 {"most": np.int64(2**63 - 1)}), [
        dict(x=np.full((1, 4), start, "f4"), p=p, m=m, limit=np.float32(limit))
        for start, p, m, limit in ((0, True, 9, 30), (0, True, 5, 300), (7, True, 3, 0), (0, False, 3, 9), (-20, True, 0, 0))]  # fmt: skip


@case
def stack_of_data_shapes():
    """Slices of a size that only the body knows."""
    step = body([GO_ON, node("NonZero", "x", "i0"), node("Add", "i0 i", "i1"), node("Range", "zero k one", "i2")], "", "b2 i1 i2",
                {"zero": np.int64(0), "one": np.int64(1)})  # fmt: skip
    return build([node("Loop", "m -", "y z", body=step)], [X, M, value("k", [], INT64)], ["y", "z"]), [
        dict(x=(floats(n, 4) * (rng.random((n, 4)) < 0.5)).astype("f4"), m=m, k=k)
        for n, m, k in ((3, 2, 5), (1, 1, 0), (5, 4, 2))]  # fmt: skip


@case
def scan_of_data_shapes():
    step = graph([node("Add", "u t", "s"), node("NonZero", "mask", "i0")], [value("u", [4]), value("t", [4])], ["s", "i0"])
    return build([node("Scan", "v x", "w y", num_scan_inputs=1, body=step)], [value("v", [4]), X, value("mask", ["k"])],
                 ["w", "y"]), [dict(v=floats(4), x=floats(n, 4), mask=np.array(mask, "f4"))
                               for n, mask in ((3, [1, 0, 1]), (1, [0, 0]), (2, [1] * 9))]  # fmt: skip


@case
def windows_of_data_shapes():
    """A convolution and a pool of as many positions as the data says."""
    nodes = [node("Slice", "s zero e two", "part"), node("Conv", "part w", "c", pads=[1, 0], strides=[2]),
             node("MaxPool", "c", "y", kernel_shape=[2])]  # fmt: skip
    inputs = [value("s", [1, 2, "n"]), value("e", [1], INT64)]
    return build(nodes, inputs, ["y"], {"zero": ints(0), "two": ints(2), "w": floats(3, 2, 3)}), [
        dict(s=floats(1, 2, 9), e=[e]) for e in (4, 7, 9)]  # fmt: skip


def check(function):
    model, feeds = function()
    path = save(function.__name__, model)
    reference, session = onnxruntime.InferenceSession(path), winnow.Session(path, threads=2)
    for feed in feeds:
        feed = {key: np.asarray(array) for key, array in feed.items()}
        for want, got in zip(reference.run(None, feed), session.run(None, feed), strict=True):
            where = f"{function.__name__}, {({key: a.shape if a.ndim else a for key, a in feed.items()})}"
            want = np.asarray(want)
            assert (want.shape, want.dtype) == (got.shape, got.dtype), f"{where}: {want.shape}, {got.shape}"
            # Sums of at most a hundred terms of size 1, rounded differently.
            np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5, err_msg=where)


def fails(session, feed, message):
    try:
        session.run(None, {key: np.asarray(array) for key, array in feed.items()})
    except winnow.Error as error:
        assert message in str(error), error
    else:
        raise AssertionError(f"expected an error: {message}")


def check_bounds():
    """The user bounds what grows; slices of several sizes are no stack."""
    path = os.path.join(sys.argv[1], "stack_without_a_trip_count.onnx")
    session = winnow.Session(winnow.compile(path, sys.argv[1] + "/bounded", dim={"Loop#0.iterations": (0, 16)}))
    feed = dict(x=np.zeros((1, 4), np.float32), p=True, m=3, limit=np.float32(40))
    assert session.run(None, feed | dict(m=np.array(3), p=np.array(True)))[3].shape == (10,)
    fails(session, feed | dict(limit=np.float32(400)),
          "expected the size 'Loop#0.iterations' that the data gives to be in [0, 16]")  # fmt: skip
    session = winnow.Session(os.path.join(sys.argv[1], "branch_for_one_size.onnx"))
    fails(session, dict(x=np.zeros((2, 4), np.float32), p=True), "node 'If#0/Squeeze#0': expected a size that fits")
    session = winnow.Session(os.path.join(sys.argv[1], "windows_of_data_shapes.onnx"))
    fails(session, dict(s=np.zeros((1, 2, 9), np.float32), e=[1]), "node 'Conv#1': expected a size that fits")
    fails(session, dict(s=np.zeros((1, 2, 9), np.float32), e=[3]), "node 'MaxPool#2': expected a size that fits")
    step = body([GO_ON, node("Range", "zero i one", "i0")], "", "b2 i0", {"zero": np.int64(0), "one": np.int64(1)})
    session = winnow.Session(save("ragged", build([node("Loop", "m -", "y", body=step)], [M], ["y"])))
    assert session.run(None, dict(m=np.array(1)))[0].shape == (1, 0)
    fails(session, dict(m=2), "node 'Loop#0': expected a size that fits the other dimensions")


for function in CASES:
    check(function)
check_bounds()
