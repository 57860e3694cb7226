# Bounds and equations of dimensions that a model implies.
#
# RUN: %python %s %t
# RUN: %winnow compile %t/position.onnx --stop-after=import -o - 2>%t/position.txt | FileCheck %s --check-prefix=POSITION
# RUN: FileCheck %s --check-prefix=POSITION-REMARK < %t/position.txt
# RUN: %winnow compile %t/unify.onnx --stop-after=import -o - 2>%t/unify.txt | FileCheck %s --check-prefix=UNIFY
# RUN: FileCheck %s --check-prefix=UNIFY-REMARK < %t/unify.txt
# RUN: %winnow compile %t/sum.onnx --stop-after=import -o - 2>%t/sum.txt | FileCheck %s --check-prefix=SUM
# RUN: FileCheck %s --check-prefix=SUM-REMARK < %t/sum.txt
# RUN: %winnow compile %t/position.onnx --dim seq=16 --stop-after=import -o - | FileCheck %s --check-prefix=PIN
# RUN: %winnow compile %t/position.onnx --dim seq=2..16 --stop-after=import -o - | FileCheck %s --check-prefix=BOUND
# RUN: not %winnow compile %t/position.onnx --dim seq=600 --stop-after=import -o - 2>&1 | FileCheck %s --check-prefix=LARGE
# RUN: not %winnow compile %t/position.onnx --dim length=4 --stop-after=import -o - 2>&1 | FileCheck %s --check-prefix=NAME
# RUN: %winnow compile %t/unnamed.onnx --stop-after=import -o - | FileCheck %s --check-prefix=UNNAMED
# RUN: %winnow compile %t/multiple.onnx --stop-after=import -o - 2>%t/multiple.txt | FileCheck %s --check-prefix=MULTIPLE
# RUN: FileCheck %s --check-prefix=MULTIPLE-REMARK < %t/multiple.txt
# RUN: %winnow compile %t/multiple.onnx --dim seq=8 --stop-after=import -o - | FileCheck %s --check-prefix=MULTIPLE-PIN
# RUN: %winnow compile %t/multiple.onnx --dim seq=5..21 --stop-after=import -o - | FileCheck %s --check-prefix=MULTIPLE-BOUND
# RUN: not %winnow compile %t/multiple.onnx --dim seq=6 --stop-after=import -o - 2>&1 | FileCheck %s --check-prefix=MULTIPLE-ODD
# RUN: not %winnow compile %t/multiple.onnx --dim seq=5..7 --stop-after=import -o - 2>&1 | FileCheck %s --check-prefix=MULTIPLE-NONE
# RUN: %winnow compile %t/quotient.onnx --stop-after=import -o - | FileCheck %s --check-prefix=QUOTIENT
# RUN: %winnow compile %t/checked.onnx --stop-after=import -o - | FileCheck %s --check-prefix=CHECKED
# RUN: %winnow compile %t/window.onnx --stop-after=import -o - 2>&1 | FileCheck %s --check-prefix=WINDOW
# RUN: not %winnow compile %t/conflict.onnx --stop-after=import -o - 2>&1 | FileCheck %s --check-prefix=CONFLICT

import sys

sys.path.insert(0, __file__.rsplit("/", 1)[0] + "/Inputs")
from build import INT64, ints, node, save, value
import numpy as np

# position_ids[:, :seq] of a table of 512 bounds the sequence.
# POSITION: {max = 512 : i64, min = 0 : i64, name = "seq"}
# POSITION: winnow.slice {{.*}} : (tensor<1x512xi64>) -> tensor<1x?xi64
# POSITION-REMARK: dimension 'seq' is at most 512: node 'positions' (Slice) takes that many elements
# PIN-NOT: name = "seq"
# PIN: winnow.slice {{.*}} : (tensor<1x512xi64>) -> tensor<1x16xi64>
# BOUND: {max = 16 : i64, min = 2 : i64, name = "seq"}
# LARGE: node 'Add#2': Add, opset 18: expected dimension 1 of the operands to match, got 600 and 512
# NAME: error: no dimension is called 'length'; the model has 'batch', 'seq'
positions = node("Slice", "table zero end one", "p")
positions.name = "positions"
save("position", [node("Shape", "x", "end", start=1, end=2), positions, node("Add", "x p", "y")],
     [value("x", ["batch", "seq"], INT64)], ["y"],
     {"table": np.arange(512, dtype=np.int64)[None], "zero": ints(0), "one": ints(1)})

# Two names that must agree become one symbol.
# UNIFY: func.func @main(%{{.*}}: tensor<?x4xf32, #[[MAP:map[0-9]*]]> {{.*}}, %{{.*}}: tensor<?x4xf32, #[[MAP]]>
# UNIFY: winnow.symbols = [{max = {{[0-9]+}} : i64, min = 0 : i64, name = "a"}]
# UNIFY-REMARK: dimensions 'a' and 'b' are one: node 'Add#0' (Add) needs dimension 0 of the operands to match
save("unify", [node("Add", "x y", "z")], [value("x", ["a", 4]), value("y", ["b", 4])], ["z"])

# A mask over the past and the new tokens.
# SUM-DAG: #[[SUM:.*]] = affine_map<()[s0, s1] -> (s0 + s1)>
# SUM: %{{.*}}: tensor<?xf32, #[[SUM]]> {{.*}}"mask"
# SUM-REMARK: dimension 'total' is past + new:
save("sum", [node("Concat", "x y", "all", axis=0), node("Add", "all mask", "z")],
     [value("x", ["past"]), value("y", ["new"]), value("mask", ["total"])], ["z"])

# UNNAMED: name = "x_dim0"
save("unnamed", [node("Relu", "x", "y")], [value("x", [None, 4])], ["y"])

# CONFLICT: node 'MatMul#0': MatMul, opset 18: expected the inner dimensions to match, got 4 and 5
save("conflict", [node("MatMul", "x y", "z")], [value("x", ["a", 4]), value("y", [5, 2])], ["z"])

# A dimension that is divided becomes a multiple.
# MULTIPLE: func.func @main(%{{.*}}: tensor<?x?x6xf32, #[[MAP:.*]]> {
# MULTIPLE: {max = 9223372036854775807 : i64, min = 0 : i64, name = "seq/4"}
# MULTIPLE-REMARK: dimension 'seq' is a multiple of 4: node 'Reshape#0' (Reshape) needs the number of elements that a -1 divides to be a multiple of batch * 24
# MULTIPLE-PIN: (tensor<?x8x6xf32, {{.*}}>) -> tensor<?x2x4x6xf32
# MULTIPLE-BOUND: {max = 5 : i64, min = 2 : i64, name = "seq/4"}
# MULTIPLE-ODD: expected the number of elements that a -1 divides to be a multiple of batch * 24, got batch * 36
# MULTIPLE-NONE: no multiple of 4 within the bounds of dimension 'seq'
save("multiple", [node("Reshape", "x target", "y")], [value("x", ["batch", "seq", 6])], ["y"],
     {"target": ints(0, -1, 4, 6)})

# Of two factors, either may be the multiple: the run tells.
# QUOTIENT: winnow.symbols = [{{.*}}data{{.*}}name = "Reshape#0.quotient"
# QUOTIENT: winnow.bind_size
# QUOTIENT: winnow.bind_size
save("quotient", [node("Reshape", "x target", "y")], [value("x", ["a", "b"])], ["y"],
     {"target": ints(-1, 4)})

# Products are equal or not in the run.
# CHECKED: winnow.bind_size
# CHECKED: winnow.add
save("checked", [node("Reshape", "x flat", "u"), node("Reshape", "z flat", "v"),
                 node("Add", "u v", "y")],
     [value("x", ["a", "b"]), value("z", ["c", "d"])], ["y"], {"flat": ints(-1)})

# The least size that a window deep in a network needs.
# WINDOW: dimension 'seq' is at least 9: node 'MaxPool#1' (MaxPool) has a window of 5
save("window", [node("MaxPool", "x", "u", kernel_shape=[1], strides=[2]),
                node("MaxPool", "u", "y", kernel_shape=[5])],
     [value("x", [1, 2, "seq"])], ["y"])
