# Loops, branches and sizes that depend on data, against ONNX Runtime.
#
# RUN: %python %s %t %winnow

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../Import/ONNX/Inputs"))
import numpy as np
import onnxruntime
import winnow
from build import BOOL as B, FLOAT as F, INT64 as I, build, folder, ints, node
from onnx import helper, numpy_helper

rng = np.random.default_rng(0)
os.environ["WINNOW"] = sys.argv[2]


def graph(nodes, inputs, outputs, consts=None):
    return helper.make_graph(nodes, "body", inputs, outputs, [numpy_helper.from_array(np.asarray(a), n) for n, a in (consts or {}).items()])
CASES = {}
def case(f): CASES[f.__name__] = f; return f
def V(n, t=F, s=None):
    return helper.make_tensor_value_info(n, t, s)
@case
def loop_count():
    body = graph([node("Add", "v x", "v2"), node("Identity", "c", "c2"), node("Mul", "v2 v2", "s")],
                 [V("i", I, []), V("c", B, []), V("v", F, ["n", 4])], [V("c2", B, []), V("v2", F, ["n", 4]), V("s", F, ["n", 4])])
    return build([node("Loop", "m - v0", "r st", body=body)], [V("v0", F, ["n", 4]), V("x", F, [4])], ["r", "st"], {"m": np.int64(5)}), \
        [dict(v0=rng.normal(size=(n, 4)).astype("f4"), x=rng.normal(size=4).astype("f4")) for n in (3, 1, 0)]
@case
def loop_while():
    body = graph([node("Add", "v one", "v2"), node("ReduceSum", "v2", "t", keepdims=0), node("Less", "t lim", "c2"), node("Cast", "i", "fi", to=F), node("Add", "v2 fi", "s")],
                 [V("i", I, []), V("c", B, []), V("v", F, [4])], [V("c2", B, []), V("v2", F, [4]), V("s", F, [4])], {"one": np.float32(1), "lim": np.float32(30)})
    return build([node("Loop", "m c0 v0", "r st", body=body)], [V("v0", F, [4])], ["r", "st"], {"m": np.int64(20), "c0": np.array(True)}), \
        [dict(v0=np.full(4, x, "f4")) for x in (0, 5, 100, -100)]
@case
def loop_dynamic_trip():
    body = graph([node("Identity", "c", "c2"), node("Add", "v x", "v2"), node("Identity", "v2", "s")],
                 [V("i", I, []), V("c", B, []), V("v", F, [4])], [V("c2", B, []), V("v2", F, [4]), V("s", F, [4])])
    return build([node("Loop", "m c0 v0", "r st", body=body)], [V("m", I, []), V("v0", F, [4]), V("x", F, [4])], ["r", "st"], {"c0": np.array(True)}), \
        [dict(m=np.int64(m), v0=np.zeros(4, "f4"), x=np.ones(4, "f4")) for m in (3, 0, 7, 2, -1)]
@case
def loop_swap():
    body = graph([node("Identity", "c", "c2"), node("Identity", "a", "b2"), node("Add", "b a", "a2")],
                 [V("i", I, []), V("c", B, []), V("a", F, [4]), V("b", F, [4])], [V("c2", B, []), V("a2", F, [4]), V("b2", F, [4])])
    return build([node("Loop", "m c0 a0 b0", "ra rb", body=body)], [V("a0", F, [4]), V("b0", F, [4])], ["ra", "rb"], {"m": np.int64(6), "c0": np.array(True)}), \
        [dict(a0=np.ones(4, "f4"), b0=np.arange(4, dtype="f4"))]
@case
def loop_matmul_if():
    th = graph([node("Relu", "h", "o1")], [], [V("o1", F, [2, 8])])
    el = graph([node("Neg", "h", "o2")], [], [V("o2", F, [2, 8])])
    body = graph([node("Identity", "c", "c2"), node("MatMul", "v w", "h"), node("ReduceSum", "h", "t", keepdims=0), node("Greater", "t zero", "cc"),
                  node("If", "cc", "v2", then_branch=th, else_branch=el)],
                 [V("i", I, []), V("c", B, []), V("v", F, [2, 8])], [V("c2", B, []), V("v2", F, [2, 8])], {"zero": np.float32(0), "w": rng.normal(size=(8, 8)).astype("f4") / 3})
    return build([node("Loop", "m c0 v0", "r", body=body)], [V("v0", F, [2, 8])], ["r"], {"m": np.int64(6), "c0": np.array(True)}), \
        [dict(v0=rng.normal(size=(2, 8)).astype("f4")) for _ in range(3)]
@case
def if_data():
    th = graph([node("MatMul", "x w", "o1"), node("Identity", "x", "p1")], [], [V("o1", F, ["n", 8]), V("p1")])
    el = graph([node("Identity", "x", "o2"), node("Mul", "x x", "p2")], [], [V("o2", F, ["n", 8]), V("p2")])
    return build([node("If", "c", "y z", then_branch=th, else_branch=el)], [V("c", B, []), V("x", F, ["n", 8])], ["y", "z"], {"w": rng.normal(size=(8, 8)).astype("f4")}), \
        [dict(c=np.array(c), x=rng.normal(size=(n, 8)).astype("f4")) for c in (True, False) for n in (3, 5)]
@case
def scan_rnn():
    body = graph([node("MatMul", "hs w", "hw"), node("Add", "hw xt", "p"), node("Tanh", "p", "h2"), node("Identity", "h2", "yt")],
                 [V("hs", F, ["b", 8]), V("xt", F, ["b", 8])], [V("h2", F, ["b", 8]), V("yt", F, ["b", 8])])
    return build([node("Scan", "h0 x", "hn y", body=body, num_scan_inputs=1)], [V("h0", F, ["b", 8]), V("x", F, ["t", "b", 8])], ["hn", "y"], {"w": rng.normal(size=(8, 8)).astype("f4")}), \
        [dict(h0=rng.normal(size=(b, 8)).astype("f4"), x=rng.normal(size=(t, b, 8)).astype("f4")) for t, b in ((5, 2), (1, 3), (9, 1))]
@case
def scan_batched():
    body = graph([node("Add", "s a", "t"), node("Mul", "t b", "s2"), node("Sub", "t a", "o")],
                 [V("s", F, [3]), V("a", F, [3]), V("b", F, [3])], [V("s2", F, [3]), V("o", F, [3])])
    return build([node("Scan", "l s0 x y", "r st", body=body, num_scan_inputs=2, directions=[1, 0])],
                 [V("l", I, ["b"]), V("s0", F, ["b", 3]), V("x", F, ["b", "t", 3]), V("y", F, ["b", "t", 3])], ["r", "st"], opset=8), \
        [dict(l=rng.integers(1, t + 1, b), s0=rng.normal(size=(b, 3)).astype("f4"), x=rng.normal(size=(b, t, 3)).astype("f4"), y=rng.normal(size=(b, t, 3)).astype("f4")) for b, t in ((3, 5), (1, 1))]
@case
def scan_axes():
    body = graph([node("Add", "a xt", "a2"), node("Mul", "a2 zt", "yt")],
                 [V("a", F, [3]), V("xt", F, [3]), V("zt", F, [3])], [V("a2", F, [3]), V("yt", F, [3])])
    return build([node("Scan", "a0 x z", "an y", body=body, num_scan_inputs=2, scan_input_axes=[1, 0], scan_input_directions=[1, 0], scan_output_axes=[-1], scan_output_directions=[1])],
                 [V("a0", F, [3]), V("x", F, [3, "t"]), V("z", F, ["t", 3])], ["an", "y"]), \
        [dict(a0=rng.normal(size=3).astype("f4"), x=rng.normal(size=(3, t)).astype("f4"), z=rng.normal(size=(t, 3)).astype("f4")) for t in (4, 1)]
@case
def loop_fib_nested():
    inner = graph([node("Identity", "ci", "ci2"), node("Add", "u v", "u2")], [V("j", I, []), V("ci", B, []), V("u", F, [3])], [V("ci2", B, []), V("u2", F, [3])])
    body = graph([node("Loop", "k - v", "v2", body=inner), node("Identity", "c", "c2"), node("Identity", "i", "s")],
                 [V("i", I, []), V("c", B, []), V("v", F, [3])], [V("c2", B, []), V("v2", F, [3]), V("s", I, [])])
    return build([node("Loop", "m - v0", "r st", body=body)], [V("v0", F, [3])], ["r", "st"], {"m": np.int64(3), "k": np.int64(2)}), [dict(v0=np.ones(3, "f4"))]
@case
def nonzero():
    return build([node("NonZero", "x", "y")], [V("x", F, ["a", "b"])], ["y"]), [dict(x=(rng.random((3, 5)) > t).astype("f4")) for t in (.5, 1, -1)]
@case
def nonzero_gather():
    return build([node("NonZero", "m", "nz"), node("Transpose", "nz", "idx", perm=[1, 0]), node("GatherND", "x idx", "g"), node("MatMul", "g w", "y"), node("ReduceSum", "y", "s", keepdims=0)],
                 [V("m", B, ["a", "b"]), V("x", F, ["a", "b", 8])], ["y", "s"], {"w": rng.normal(size=(8, 4)).astype("f4")}), [dict(m=rng.random((3, 5)) > t, x=rng.normal(size=(3, 5, 8)).astype("f4")) for t in (.5, 1, -1)]
@case
def reshape_data():
    return build([node("Reshape", "x s", "r"), node("Add", "r one", "y")], [V("x", F, ["a", "b"]), V("s", I, [3])], ["y"], {"one": np.float32(1)}), \
        [dict(x=rng.normal(size=(4, 6)).astype("f4"), s=np.array(s)) for s in ([2, 3, 4], [-1, 2, 3], [0, 0, -1], [4, 6, 1])]
@case
def slice_data():
    return build([node("Slice", "x st en ax sp", "y")], [V("x", F, ["a", "b"]), V("st", I, [2]), V("en", I, [2])], ["y"], {"ax": ints(0, 1), "sp": ints(1, 2)}), \
        [dict(x=rng.normal(size=(4, 6)).astype("f4"), st=np.array(s), en=np.array(e)) for s, e in (([0, 0], [4, 6]), ([1, -3], [3, 100]), ([-2, 1], [-1, -1]), ([3, 3], [1, 1]))]
@case
def slice_truncated():
    return build([node("Slice", "x st en ax sp", "y")], [V("x", F, ["a", "b"])], ["y"], {"st": ints(-40, -3), "en": ints(20, -9), "ax": ints(0, 1), "sp": ints(1, -2)}), \
        [dict(x=rng.normal(size=s).astype("f4")) for s in ((4, 6), (20, 9), (50, 20), (61, 1))]
@case
def slice_window():
    return build([node("Shape", "cache", "past", end=1), node("Concat", "cache x", "all", axis=0), node("Shape", "all", "total", end=1),
                  node("Slice", "table past total", "rows"), node("Add", "x rows", "y")],
                 [V("cache", F, ["past", 4]), V("x", F, ["new", 4])], ["y"], {"table": rng.normal(size=(16, 4)).astype("f4")}), \
        [dict(cache=np.zeros((p, 4), "f4"), x=np.ones((n, 4), "f4")) for p, n in ((0, 1), (3, 4), (15, 1), (0, 16), (16, 0))]
@case
def expand_range():
    return build([node("Expand", "x s", "e"), node("Range", "z n one", "r"), node("Cast", "r", "rf", to=F), node("ReduceSum", "rf", "y2", keepdims=0)],
                 [V("x", F, [3, 1]), V("s", I, [2]), V("n", I, [])], ["e", "y2", "r"], {"z": np.int64(0), "one": np.int64(1)}), \
        [dict(x=rng.normal(size=(3, 1)).astype("f4"), s=np.array(s), n=np.int64(n)) for s, n in (([3, 4], 5), ([1, 1], 0), ([3, 7], 9))]
@case
def max_range():
    return build([node("ReduceMax", "len", "mx", keepdims=0), node("Range", "z mx one", "r"), node("Unsqueeze", "len ax", "l2"), node("Less", "r l2", "y")],
                 [V("len", I, ["b"])], ["y"], {"z": np.int64(0), "one": np.int64(1), "ax": ints(1)}), \
        [dict(len=np.array(l)) for l in ([3, 5, 2], [1], [7, 9])]
@case
def topk_data():
    return build([node("TopK", "x k", "v i")], [V("x", F, ["a", "b"]), V("k", I, [1])], ["v", "i"]), [dict(x=rng.normal(size=(4, 6)).astype("f4"), k=np.array([k])) for k in (2, 6, 1)]

def check(name):
    """-> the largest difference; names the model and the inputs if outputs differ."""
    model, feeds = CASES[name]()
    data = model.SerializeToString()
    path = os.path.join(folder(), name + ".onnx")
    with open(path, "wb") as file:
        file.write(data)
    reference, session = onnxruntime.InferenceSession(data), winnow.Session(path, threads=2)
    for feed in feeds:
        feed = {key: np.asarray(array) for key, array in feed.items()}
        for want, got in zip(reference.run(None, feed), session.run(None, feed), strict=True):
            where = f"{name}, inputs {({key: array.shape for key, array in feed.items()})}"
            want = np.asarray(want)
            assert (want.shape, want.dtype) == (got.shape, got.dtype), f"{where}: {want.shape}, {got.shape}"
            # Sums of at most a hundred terms of size 1, rounded differently.
            np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5, err_msg=where)


def check_refused():
    """Data that does not fit fails the run, with the node's name, and no later one."""
    model, feeds = CASES["reshape_data"]()
    path = os.path.join(folder(), "refused.onnx")
    with open(path, "wb") as file:
        file.write(model.SerializeToString())
    session = winnow.Session(path)
    x = np.ones((4, 6), np.float32)
    for shape in ([5, 5, 1], [-2, -3, 4], [1 << 40, 1, 1]):
        try:
            session.run(None, {"x": x, "s": np.array(shape)})
        except winnow.Error as error:
            assert "Reshape#0" in str(error), error
        else:
            raise AssertionError(f"expected an error for {shape}")
    assert session.run(None, {"x": x, "s": np.array([2, 3, 4])})[0].shape == (2, 3, 4)


def check_short_table():
    """More rows than a table has fail the run before any is read."""
    model, _ = CASES["slice_window"]()
    path = os.path.join(folder(), "short.onnx")
    with open(path, "wb") as file:
        file.write(model.SerializeToString())
    session = winnow.Session(path)
    for past, new in ((3, 14), (16, 1), (10, 1000)):
        try:
            session.run(None, {"cache": np.zeros((past, 4), "f4"), "x": np.ones((new, 4), "f4")})
        except winnow.Error as error:
            assert "Slice#3" in str(error), error
        else:
            raise AssertionError(f"expected an error for {new} rows after {past}")


for name in CASES:
    check(name)
check_refused()
check_short_table()
