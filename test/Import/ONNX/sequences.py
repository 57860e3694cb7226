# Sequences and optionals are the importer's own: nothing is left of them.
#
# RUN: %python %s %t
# RUN: %winnow compile %t/list.onnx --stop-after=import -o - | FileCheck %s --check-prefix=LIST
# RUN: %winnow compile %t/sizes.onnx --stop-after=import -o - | FileCheck %s --check-prefix=SIZES
# RUN: %winnow compile %t/stack.onnx --stop-after=import -o - | FileCheck %s --check-prefix=STACK
# RUN: %winnow compile %t/optional.onnx --stop-after=import -o - | FileCheck %s --check-prefix=OPTIONAL
# RUN: not %winnow compile %t/refused.onnx -o %t/out 2>&1 | FileCheck %s --check-prefix=REFUSED
# RUN: not %winnow compile %t/border.onnx -o %t/out 2>&1 | FileCheck %s --check-prefix=BORDER
# RUN: not %winnow compile %t/tensor.onnx -o %t/out 2>&1 | FileCheck %s --check-prefix=TENSOR
# RUN: not %winnow compile %t/kind.onnx -o %t/out 2>&1 | FileCheck %s --check-prefix=KIND
# RUN: not %winnow compile %t/types.onnx -o %t/out 2>&1 | FileCheck %s --check-prefix=TYPES
# RUN: not %winnow compile %t/range.onnx -o %t/out 2>&1 | FileCheck %s --check-prefix=RANGE
# RUN: not %winnow compile %t/none.onnx -o %t/out 2>&1 | FileCheck %s --check-prefix=NONE
# RUN: not %winnow compile %t/empty.onnx -o %t/out 2>&1 | FileCheck %s --check-prefix=EMPTY

import sys

sys.path.insert(0, __file__.rsplit("/", 1)[0] + "/Inputs")
import numpy as np
from build import BOOL, FLOAT, INT64, node, save, value
from onnx import helper

X, Y, Z = value("x", ["n", 3]), value("y", ["m", 3]), value("z", [3])
LAST = {"last": np.int64(-1)}

# LIST: func.func @main(%arg0: [[X:.*]] {{.*}}, %arg1: [[Y:tensor<[^ ]*]]
# LIST-NEXT: return %arg1
save("list", [node("SequenceEmpty", "", "s0"), node("SequenceInsert", "s0 x", "s1"),
              node("SequenceConstruct", "x y", "s2"), node("SequenceAt", "s2 last", "z")],
     [X, Y], ["z"], LAST)  # fmt: skip

# What data chooses has the size that data gives.
# SIZES: name = "SequenceAt#1.size.0"
# SIZES: winnow.bind_size
# SIZES: winnow.bind_size
# SIZES: winnow.concat
# SIZES: winnow.gather
save("sizes", [node("SequenceConstruct", "x y", "s"), node("SequenceAt", "s i", "z")],
     [X, Y, value("i", [], INT64)], ["z"])  # fmt: skip

# STACK: winnow.transpose %arg0 [0, 1]
# STACK-NEXT: winnow.gather %0, %arg1 {axis = 0 : i64}
save("stack", [node("SplitToSequence", "x", "s", keepdims=0), node("SequenceAt", "s i", "z")],
     [X, value("i", [], INT64)], ["z"])  # fmt: skip

# OPTIONAL: func.func
# OPTIONAL-NEXT: winnow.constant dense<true>
# OPTIONAL-NEXT: return %arg0, %0
save("optional", [node("Optional", "x", "o"), node("OptionalHasElement", "o", "b"),
                  node("OptionalGetElement", "o", "y")], [X], ["y", "b"])  # fmt: skip

# REFUSED: 8 nodes are not supported
# REFUSED: node 'SequenceErase#1' (SequenceErase, opset 18): a sequence of n elements; fix the dimension with --dim NAME=SIZE
# REFUSED: node 'SplitToSequence#2' (SplitToSequence, opset 18): dimension n in parts of 2 elements; fix the dimension with --dim NAME=SIZE
# REFUSED: node 'SequenceAt#4' (SequenceAt, opset 18): data chooses between tensors of ranks 2 and 1
# REFUSED: node 'If#5' (If, opset 18): data chooses between branches that give sequences of other lengths
# REFUSED: node 'Loop#6' (Loop, opset 18): a loop hands on a tensor in the place of a sequence
# REFUSED: node 'Loop#7/SequenceAt#1' (SequenceAt, opset 18): it reads a sequence that its loop carries; only appending to such a sequence is supported
# REFUSED: node 'Loop#8' (Loop, opset 18): a loop appends tensors of several shapes to a sequence
# REFUSED: node 'SequenceMap#9' (SequenceMap, opset 18): the length of a sequence is not known; fix its dimension with --dim NAME=SIZE
branch = lambda name: helper.make_graph([node("SequenceConstruct", name, "r")], "branch", [], [value("r", None)])
def loop_body(*nodes):
    return helper.make_graph([node("Identity", "c", "d"), *nodes], "body",
                             [value("k", [], INT64), value("c", [], BOOL), value("q", None)],
                             [value("d", [], BOOL), value("q2", None)])  # fmt: skip
replaces = loop_body(node("Neg", "x", "q2"))
reads = loop_body(node("SequenceAt", "q k", "e"), node("SequenceInsert", "q e", "q2"))
mixes = loop_body(node("SequenceInsert", "q x", "q1"), node("SequenceInsert", "q1 y", "q2"))
each = helper.make_graph([node("Neg", "e", "r")], "body", [value("e", None)], [value("r", None)])
save("refused", [node("SplitToSequence", "x", "rows"), node("SequenceErase", "rows", "r1"),
                 node("SplitToSequence", "x two", "r2"), node("SequenceConstruct", "x z", "s"),
                 node("SequenceAt", "s i", "r3"),
                 node("If", "p", "r4", then_branch=branch("x"), else_branch=branch("x y")),
                 node("Loop", "two - s", "r5", body=replaces), node("Loop", "two - s", "r7", body=reads),
                 node("Loop", "two - s", "r8", body=mixes), node("SequenceMap", "rows", "r9", body=each),
                 node("SequenceLength", "r1", "r6")],
     [X, Y, Z, value("i", [], INT64), value("p", [], BOOL)], ["r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9"],
     {"two": np.int64(2)})  # fmt: skip

# BORDER: error: 2 parts of the model are not supported:
# BORDER-NEXT: output 's': expected a tensor, got a sequence
# BORDER-NEXT: output 'o': expected a tensor, got an empty optional
kind = helper.make_tensor_type_proto(FLOAT, ["n"])
save("border", [node("SequenceConstruct", "x y", "s"), node("Optional", "", "o", type=kind)], [X, Y], ["s", "o"])

# TENSOR: SequenceAt, opset 18: expected a sequence as input 0, got a tensor
save("tensor", [node("SequenceAt", "x last", "y")], [X], ["y"], LAST)

# KIND: Neg, opset 18: expected a tensor as input 0, got a sequence
save("kind", [node("SequenceConstruct", "x", "s"), node("Neg", "s", "y")], [X], ["y"])

# TYPES: SequenceConstruct, opset 18: expected elements of float32 in input 1, got int64
save("types", [node("SequenceConstruct", "x last", "s"), node("SequenceLength", "s", "y")], [X], ["y"], LAST)

# RANGE: SequenceAt, opset 18: expected one position in [-1, 1), got -2
save("range", [node("SequenceConstruct", "x", "s"), node("SequenceAt", "s i", "y")], [X], ["y"],
     {"i": np.int64(-2)})  # fmt: skip

# NONE: ConcatFromSequence, opset 18: expected a sequence of at least one element, got none
save("none", [node("SequenceEmpty", "", "s"), node("ConcatFromSequence", "s", "y", axis=0)], [X], ["y"])

# EMPTY: OptionalGetElement, opset 18: expected an optional with an element, got an empty optional
save("empty", [node("Optional", "", "o", type=kind), node("OptionalGetElement", "o", "y")], [X], ["y"])
