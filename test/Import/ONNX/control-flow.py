# Loops, scans and branches that depend on data.
#
# RUN: %python %s %t
# RUN: %winnow compile %t/counted.onnx --stop-after=import -o - | FileCheck %s --check-prefix=COUNTED
# RUN: %winnow compile %t/while.onnx --stop-after=import -o - | FileCheck %s --check-prefix=WHILE
# RUN: %winnow compile %t/if.onnx --stop-after=import -o - | FileCheck %s --check-prefix=IF
# RUN: %winnow compile %t/scan.onnx --stop-after=import -o - | FileCheck %s --check-prefix=SCAN
# RUN: not %winnow compile %t/growing.onnx -o %t/out 2>&1 | FileCheck %s --check-prefix=GROWING
# RUN: not %winnow compile %t/branches.onnx -o %t/out 2>&1 | FileCheck %s --check-prefix=BRANCHES
# RUN: not %winnow compile %t/unsupported.onnx -o %t/out 2>&1 | FileCheck %s --check-prefix=REFUSED

import sys

sys.path.insert(0, __file__.rsplit("/", 1)[0] + "/Inputs")
from build import BOOL, FLOAT, INT64, ints, node, save, value
from onnx import helper
import numpy as np

X = value("x", ["n", 4])
TRUE = {"m": np.int64(5), "true": np.array(True)}


def body(nodes, inputs, outputs):
    return helper.make_graph(nodes, "body", inputs, outputs)


def loop_body(nodes, *outputs):
    return body(nodes, [value("i", [], INT64), value("c", [], BOOL), value("v", None)],
                [value("c2", [], BOOL)] + [value(name, None) for name in outputs])


# A condition that stays true is a counted loop; stacked outputs are filled slice
# by slice.
# COUNTED: %[[END:.*]] = arith.constant 5 : index
# COUNTED: scf.for %[[I:.*]] = %{{.*}} to %[[END]] {{.*}} iter_args(%{{.*}} = %{{.*}}, %[[STACK:.*]] = %{{.*}})
# COUNTED: winnow.add
# COUNTED: winnow.insert_at %{{.*}} into %[[STACK]] at %[[I]]
save("counted", [node("Loop", "m true x", "y z", body=loop_body(
    [node("Identity", "c", "c2"), node("Add", "v x", "w"), node("Neg", "w", "s")], "w", "s"))],
    [X], ["y", "z"], TRUE)

# WHILE: scf.while
# WHILE: arith.cmpi slt
# WHILE: scf.condition
# WHILE: winnow.insert_at
# WHILE: winnow.bind_size %{{.*}} to
# WHILE: winnow.slice
save("while", [node("Loop", "m true x", "y z", body=loop_body(
    [node("ReduceSum", "v", "t", keepdims=0), node("Less", "t one", "c2"),
     node("Add", "v one", "w"), node("Neg", "w", "s")], "w", "s"))],
    [X], ["y", "z"], TRUE | {"one": np.float32(1)})

# IF: scf.if %{{.*}} -> (tensor<?x4xf32
# IF: winnow.neg
# IF: scf.yield
# IF: winnow.exp
# IF: scf.yield
save("if", [node("If", "p", "y", then_branch=body([node("Neg", "x", "a")], [], [value("a", None)]),
                 else_branch=body([node("Exp", "x", "b")], [], [value("b", None)]))],
     [X, value("p", [], BOOL)], ["y"])

# SCAN: scf.for
# SCAN: winnow.extract_at
# SCAN: winnow.insert_at
save("scan", [node("Scan", "h x", "hn y", num_scan_inputs=1, body=body(
    [node("Add", "a b", "a2"), node("Neg", "a2", "s")], [value("a", [4]), value("b", [4])],
    [value("a2", [4]), value("s", [4])]))], [value("h", [4]), X], ["hn", "y"])

# GROWING: node 'Loop#0' (Loop, opset 18): expected value 0 that one iteration hands to the next to have one shape, got [n, 4] and [n * 2, 4]
save("growing", [node("Loop", "m true x", "y", body=loop_body(
    [node("Identity", "c", "c2"), node("Concat", "v v", "w", axis=0)], "w"))], [X], ["y"], TRUE)

# BRANCHES: node 'If#0' (If, opset 18): expected output 0 of both branches to have one rank, got 2 and 1
save("branches", [node("If", "p", "y", then_branch=body([node("Neg", "x", "a")], [], [value("a", None)]),
                       else_branch=body([node("Reshape", "x flat", "b")], [], [value("b", None)]))],
     [X, value("p", [], BOOL)], ["y"], {"flat": ints(-1)})

# What a body lacks is listed once, by its path.
# REFUSED: error: 1 node is not supported
# REFUSED-NEXT: node 'Loop#0/Foo#1' (Foo, opset 18)
save("unsupported", [node("Loop", "m true x", "y", body=loop_body(
    [node("Identity", "c", "c2"), node("Foo", "v", "w")], "w"))], [X], ["y"], TRUE)
