# Loops, scans and branches that depend on data.
#
# RUN: %python %s %t
# RUN: %winnow compile %t/counted.onnx --stop-after=import -o - | FileCheck %s --check-prefix=COUNTED
# RUN: %winnow compile %t/while.onnx --stop-after=import -o - | FileCheck %s --check-prefix=WHILE
# RUN: %winnow compile %t/if.onnx --stop-after=import -o - | FileCheck %s --check-prefix=IF
# RUN: %winnow compile %t/scan.onnx --stop-after=import -o - | FileCheck %s --check-prefix=SCAN
# RUN: %winnow compile %t/growing.onnx --stop-after=import -o - | FileCheck %s --check-prefix=GROWING
# RUN: %winnow compile %t/appended.onnx --stop-after=import -o - | FileCheck %s --check-prefix=APPENDED
# RUN: %winnow compile %t/slices.onnx --stop-after=import -o - | FileCheck %s --check-prefix=SLICES
# RUN: %winnow compile %t/endless.onnx --stop-after=import -o - | FileCheck %s --check-prefix=ENDLESS
# RUN: %winnow compile %t/sizes.onnx --stop-after=import -o - | FileCheck %s --check-prefix=SIZES
# RUN: %winnow compile %t/mixed.onnx --stop-after=import -o - | FileCheck %s --check-prefix=MIXED
# RUN: not %winnow compile %t/branches.onnx -o %t/out 2>&1 | FileCheck %s --check-prefix=BRANCHES
# RUN: %winnow compile %t/branch.onnx --stop-after=import -o - 2>&1 | FileCheck %s --check-prefix=BRANCH
# RUN: not %winnow compile %t/inner.onnx -o %t/out 2>&1 | FileCheck %s --check-prefix=INNER
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

# A value that grows is packed: the run has room for so many elements, and begins
# anew with more if they do not suffice.
# GROWING-DAG: {data, {{.*}}name = "Loop#0.state0.space"}
# GROWING-DAG: {{.*}}name = "Loop#0.state0.last.0"}
# GROWING: %[[CAPACITY:.*]] = winnow.capacity
# GROWING: %[[ROOM:.*]] = winnow.maximum %[[CAPACITY]]
# GROWING: winnow.bind_size %[[ROOM]] to #{{.*}} :
# GROWING: scf.for {{.*}} -> (tensor<?xf32, #{{.*}}>, tensor<1xi64>)
# GROWING: winnow.bind_size
# GROWING: winnow.slice
# GROWING: winnow.concat
# GROWING: winnow.bind_size
# GROWING: scf.yield
# GROWING: winnow.bind_size
save("growing", [node("Loop", "m true x", "y", body=loop_body(
    [node("Identity", "c", "c2"), node("Concat", "v v", "w", axis=0)], "w"))], [X], ["y"], TRUE)

# What an iteration only appends is stacked, and joined after the loop.
# APPENDED: scf.for {{.*}} -> (tensor<5x2x4xf32>)
# APPENDED: winnow.insert_at
# APPENDED: winnow.reshape %{{.*}} : (tensor<5x2x4xf32>) -> tensor<10x4xf32>
# APPENDED: winnow.concat %arg0, %{{.*}} {axis = 0 : i64}
save("appended", [node("Loop", "m true x", "y", body=loop_body(
    [node("Identity", "c", "c2"), node("Cast", "i", "f", to=FLOAT), node("Expand", "f shape", "s"),
     node("Concat", "v s", "w", axis=0)], "w"))], [X], ["y"], TRUE | {"shape": ints(2, 4)})

# Slices whose size only the body knows are packed, and must be equal.
# SLICES: winnow.capacity
# SLICES: scf.for {{.*}} -> (tensor<5x?xi64, #{{.*}}>, tensor<5x1xi64>)
# SLICES: scf.yield
# SLICES: winnow.reduce max %{{.*}} [0]
# SLICES: winnow.reshape %{{.*}} -> tensor<5x2x?xi64, #{{.*}}>
save("slices", [node("Loop", "m true", "y", body=helper.make_graph(
    [node("Identity", "c", "c2"), node("NonZero", "x", "s")], "body",
    [value("i", [], INT64), value("c", [], BOOL)], [value("c2", [], BOOL), value("s", None)]))],
    [X], ["y"], TRUE)

# Without a trip count the stack has as many rows as the run has room for.
# ENDLESS: %[[CAPACITY:.*]] = winnow.capacity
# ENDLESS: winnow.bind_size %[[CAPACITY]]
# ENDLESS: scf.while
# ENDLESS: arith.cmpi slt
# ENDLESS: scf.condition
# ENDLESS: arith.select
# ENDLESS: winnow.bind_size
save("endless", [node("Loop", "- true x", "y z", body=loop_body(
    [node("ReduceSum", "v", "t", keepdims=0), node("Less", "t one", "c2"),
     node("Add", "v one", "w"), node("Neg", "w", "s")], "w", "s"))],
    [X], ["y", "z"], TRUE | {"one": np.float32(1)})

# Branches that give other shapes: the larger one says how much room there is.
# SIZES-NOT: winnow.capacity
# SIZES: winnow.maximum
# SIZES: winnow.bind_size
# SIZES: scf.if {{.*}} -> (tensor<?xf32, #{{.*}}>, tensor<1xi64>)
# SIZES: winnow.bind_size
# SIZES: winnow.reshape %{{.*}} -> tensor<?x4xf32, #{{.*}}>
P = value("p", [], BOOL)
give = lambda name, *nodes: body([*nodes, node("Identity", name, "r")], [], [value("r", None)])
save("sizes", [node("If", "p", "y", then_branch=give("x"), else_branch=give("x2"))],
     [X, value("x2", ["m", 4]), P], ["y"])

# What only a branch knows is packed there.
# MIXED: winnow.capacity
# MIXED: winnow.bind_size
# MIXED: scf.if
# MIXED: winnow.bind_size
# MIXED: } else {
# MIXED: winnow.bind_size
save("mixed", [node("If", "p", "y", then_branch=give("a", node("NonZero", "x", "a")),
                    else_branch=give("two"))], [X, P], ["y"], {"two": np.ones((2, 3), np.int64)})

# BRANCHES: node 'If#0' (If, opset 18): expected output 0 of both branches to have one rank, got 2 and 1; where dimensions decide it, fix them with --dim NAME=SIZE
save("branches", [node("If", "p", "y", then_branch=body([node("Neg", "x", "a")], [], [value("a", None)]),
                       else_branch=body([node("Reshape", "x flat", "b")], [], [value("b", None)]))],
     [X, value("p", [], BOOL)], ["y"], {"flat": ints(-1)})

# What a branch needs of a dimension, it needs only where it is taken.
# BRANCH-NOT: dimension 'n'
# BRANCH: scf.if
# BRANCH: winnow.bind_size
# BRANCH: winnow.reshape %arg0 : (tensor<?x4xf32, #{{.*}}>) -> tensor<4xf32>
# BRANCH: winnow.bind_size
# BRANCH: winnow.add %{{.*}} -> tensor<3x4xf32>
save("branch", [node("If", "p", "y z",
                     then_branch=body([node("Squeeze", "x zero", "a"), node("Add", "x three", "b")], [],
                                      [value("a", None), value("b", None)]),
                     else_branch=body([node("Identity", "four", "a2"), node("Identity", "three", "b2")], [],
                                      [value("a2", None), value("b2", None)]))],
     [X, value("p", [], BOOL)], ["y", "z"],
     {"zero": ints(0), "three": np.ones((3, 4), np.float32), "four": np.ones(4, np.float32)})

# Others leave more than a check.
# INNER: node 'If#0/Einsum#0' (Einsum, opset 18): expected dimensions of one letter to match, got 3 and n, in a branch that data decides on; fix the dimension with --dim NAME=SIZE
save("inner", [node("If", "p", "y", then_branch=body([node("Einsum", "w x", "a", equation="ij,jk->ik")], [], [value("a", None)]),
                    else_branch=body([node("Identity", "x", "b")], [], [value("b", None)]))],
     [X, value("p", [], BOOL)], ["y"], {"w": np.ones((4, 3), np.float32)})

# What a body lacks is listed once, by its path.
# REFUSED: error: 1 node is not supported
# REFUSED-NEXT: node 'Loop#0/Foo#1' (Foo, opset 18)
save("unsupported", [node("Loop", "m true x", "y", body=loop_body(
    [node("Identity", "c", "c2"), node("Foo", "v", "w")], "w"))], [X], ["y"], TRUE)
