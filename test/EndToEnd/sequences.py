# Sequences and optionals inside the graph, against ONNX Runtime.
#
# RUN: %python %s %t %winnow

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../Import/ONNX/Inputs"))
import numpy as np
import onnxruntime
import winnow
from build import BOOL, FLOAT, INT64, build, ints, node, save, value
from onnx import helper

rng = np.random.default_rng(3)
os.environ["WINNOW"] = sys.argv[2]


def floats(*shape):
    return rng.standard_normal(shape).astype(np.float32)


def check(name, model, feeds):
    """All outputs are equal, element by element: nothing is computed that could round."""
    path = save(name, model)
    reference, session = onnxruntime.InferenceSession(path), winnow.Session(path, threads=2)
    for feed in feeds:
        for want, got in zip(reference.run(None, feed), session.run(None, feed), strict=True):
            np.testing.assert_array_equal(got, np.asarray(want), err_msg=f"{name}: {feed}", strict=True)
    return session


XYZ = [value("x", ["a", 3]), value("y", ["b", 3]), value("z", [2, 3])]


def feeds(*others):
    sizes = ((1, 4), (2, 2), (0, 5))
    return [dict(x=floats(a, 3), y=floats(b, 3), z=floats(2, 3), **rest)
            for (a, b), rest in zip(sizes * len(others), np.repeat(others, 3))]  # fmt: skip


def changes():
    """Elements of several sizes at places that are constants or data."""
    nodes = [node("SequenceConstruct", "x y", "s2"), node("SequenceInsert", "s2 z p", "s3"),
             node("SequenceErase", "s3 q", "s4"), node("SequenceAt", "s4 r", "chosen"),
             node("SequenceInsert", "s4 x", "s5"), node("SequenceErase", "s5", "s6"),
             node("SequenceLength", "s6", "length"), node("ConcatFromSequence", "s6", "all", axis=0)]  # fmt: skip
    places = [dict(p=np.array(p), q=np.array(q), r=np.array(r))
              for p, q, r in ((0, 2, 1), (-2, -3, -1), (2, 0, -2), (1, 1, 0))]  # fmt: skip
    outputs = ["chosen", "length", "all"]
    session = check("changes-data", build(nodes, XYZ + [value(p, [], INT64) for p in "pqr"], outputs),
                    feeds(*places))  # fmt: skip
    for i, constants in enumerate(places[:2]):
        check(f"changes-{i}", build(nodes, XYZ, outputs, constants), feeds({}))
    for wrong in (dict(p=3), dict(q=-4), dict(r=2)):
        feed = feeds(places[0])[0] | {name: np.array(at) for name, at in wrong.items()}
        try:
            session.run(None, feed)
        except winnow.Error as error:
            assert "Sequence" in str(error), error
        else:
            raise AssertionError(f"expected an error for {wrong}")


def parts():
    """Lists and, where the number of parts is dynamic, stacks."""
    nodes = [node("SplitToSequence", "x", "rows", axis=0, keepdims=0),
             node("SequenceLength", "rows", "count"), node("SequenceAt", "rows i", "row"),
             node("ConcatFromSequence", "rows", "columns", axis=-1, new_axis=1),
             node("SplitToSequence", "x", "slices"), node("SequenceAt", "slices i", "slice"),
             node("ConcatFromSequence", "slices", "same", axis=0),
             node("ConcatFromSequence", "slices", "wide", axis=1),
             node("SplitToSequence", "x two", "pairs", axis=1), node("SequenceAt", "pairs one", "second"),
             node("SplitToSequence", "x sizes", "uneven", axis=1), node("SequenceAt", "uneven j", "picked")]  # fmt: skip
    outputs = ["count", "row", "columns", "slice", "same", "wide", "second", "picked"]
    inputs = [value("i", [], INT64), value("j", [], INT64), value("sizes", [2], INT64)]
    for rows in (4, "n"):
        check(f"parts-{rows}",
              build(nodes, [value("x", [rows, 5])] + inputs, outputs,
                    {"two": np.int64(2), "one": np.int64(1)}),
              [dict(x=floats(4, 5), i=np.array(i), j=np.array(j), sizes=ints(size, 5 - size))
               for i, j, size in ((0, 1, 2), (3, -1, 5), (-1, 0, 1))])  # fmt: skip


def shapes():
    """Shape arithmetic by way of sequences stays shape arithmetic."""
    nodes = [node("Shape", "x", "shape"), node("SplitToSequence", "shape", "dims", keepdims=0),
             node("SequenceAt", "dims zero", "n"), node("SequenceAt", "dims one", "m"),
             node("Mul", "n m", "nm"), node("SequenceConstruct", "nm two", "target"),
             node("ConcatFromSequence", "target", "to", axis=0, new_axis=1), node("Reshape", "x to", "y")]  # fmt: skip
    model = build(nodes, [value("x", ["n", "m", 2])], ["y"],
                  {"zero": np.int64(0), "one": np.int64(1), "two": np.int64(2)})  # fmt: skip
    check("shapes", model, [dict(x=floats(3, 4, 2)), dict(x=floats(1, 5, 2))])


def optionals():
    kind = helper.make_tensor_type_proto(FLOAT, ["n"])
    branch = lambda *nodes: helper.make_graph(list(nodes), "branch", [], [value("r", None)])
    nodes = [node("Optional", "x", "full"), node("Optional", "", "empty", type=kind),
             node("OptionalHasElement", "full", "yes"), node("OptionalHasElement", "empty", "no"),
             node("If", "yes", "y", then_branch=branch(node("OptionalGetElement", "full", "r")),
                  else_branch=branch(node("Neg", "x", "r"))),
             node("If", "no", "z", then_branch=branch(node("OptionalGetElement", "empty", "r")),
                  else_branch=branch(node("Neg", "x", "r")))]  # fmt: skip
    check("optionals", build(nodes, [value("x", ["n"])], ["yes", "no", "y", "z"]), [dict(x=floats(3))])


def body(nodes, state, outputs):
    kind = lambda name: (helper.make_tensor_sequence_value_info(name, FLOAT, None) if name[0] == "q"
                         else value(name, None, {"b": BOOL}.get(name[0], FLOAT)))  # fmt: skip
    inputs = [value("i", [], INT64), value("b", [], BOOL)] + [kind(name) for name in state.split()]
    return helper.make_graph(nodes, "body", inputs, [kind(name) for name in outputs.split()])


def loops():
    """Lists that a loop appends to, as TorchScript writes them; one starts empty."""
    counted = body([node("Identity", "b", "b2"), node("Mul", "v half", "w"), node("Add", "w x", "t"),
                    node("SequenceInsert", "q w", "q1"), node("SequenceInsert", "q1 t", "q2")], "v q", "b2 w q2")  # fmt: skip
    until = body([node("Mul", "u half", "v2"), node("ReduceMax", "v2", "most", keepdims=0),
                  node("Greater", "most low", "b3"), node("SequenceInsert", "qq v2", "qq2"), node("Neg", "most", "stacked")],
                 "u qq", "b3 v2 qq2 stacked")  # fmt: skip
    nodes = [node("SequenceEmpty", "", "none"), node("SequenceConstruct", "x x", "two"),
             node("Loop", "m - x none", "last list", body=counted), node("ConcatFromSequence", "list", "all", axis=0),
             node("SequenceLength", "list", "length"), node("SequenceAt", "list one", "first"),
             node("Loop", "- yes x two", "rest list2 stack", body=until),
             node("ConcatFromSequence", "list2", "all2", axis=1, new_axis=1)]  # fmt: skip
    check("loops", build(nodes, [value("x", ["n", 3]), value("m", [], INT64)],
                         ["last", "all", "length", "first", "rest", "all2", "stack"],
                         {"half": np.float32(0.5), "low": np.float32(0.1), "one": np.int64(1), "yes": np.array(True)}),
          [dict(x=floats(n, 3), m=np.array(m)) for n, m in ((2, 1), (3, 5), (1, 2))])  # fmt: skip


def maps():
    """ONNX Runtime takes the body apart as the standard does."""
    each = helper.make_graph([node("Mul", "e f", "t"), node("Add", "t g", "r"), node("Shape", "e", "s")], "body",
                             [value("e", None), value("f", None), value("g", None)],
                             [value("r", None), value("s", None, INT64)])  # fmt: skip
    nodes = [node("SequenceConstruct", "x y", "q"), node("SequenceMap", "q q z", "p s", body=each),
             node("ConcatFromSequence", "p", "all", axis=0), node("ConcatFromSequence", "s", "sizes", axis=0)]  # fmt: skip
    model = build(nodes, [value("x", ["a", 3]), value("y", ["b", 3]), value("z", [3])], ["all", "sizes"])
    x, y, z = floats(2, 3), floats(1, 3), floats(3)
    session = winnow.Session(save("maps", model))
    results = session.run(None, dict(x=x, y=y, z=z))
    np.testing.assert_array_equal(results[0], np.concatenate([x * x + z, y * y + z]))
    np.testing.assert_array_equal(results[1], [2, 3, 1, 3])


changes()
parts()
shapes()
optionals()
loops()
maps()
