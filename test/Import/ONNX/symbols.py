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
