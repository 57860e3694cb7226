# Shape operands that are data: sizes are bound, positions computed.
#
# RUN: %python %s %t
# RUN: %winnow compile %t/reshape.onnx --stop-after=import -o - | FileCheck %s --check-prefix=RESHAPE
# RUN: %winnow compile %t/expand.onnx --stop-after=import -o - 2>&1 | FileCheck %s --check-prefix=EXPAND
# RUN: %winnow compile %t/slice.onnx --stop-after=import -o - | FileCheck %s --check-prefix=SLICE
# RUN: %winnow compile %t/truncate.onnx --stop-after=import -o - | FileCheck %s --check-prefix=TRUNCATE
# RUN: %winnow compile %t/window.onnx --stop-after=import -o - 2>&1 | FileCheck %s --check-prefix=WINDOW
# RUN: %winnow compile %t/pad.onnx --stop-after=import -o - | FileCheck %s --check-prefix=PAD
# RUN: %winnow compile %t/reduce.onnx --stop-after=import -o - | FileCheck %s --check-prefix=REDUCE
# RUN: %winnow compile %t/split.onnx --stop-after=import -o - 2>&1 | FileCheck %s --check-prefix=SPLIT
# RUN: %winnow compile %t/split.onnx --dim Split#0.split.0=2 --stop-after=import -o - 2>&1 | FileCheck %s --check-prefix=PINNED
# RUN: %winnow compile %t/squeeze.onnx --stop-after=import -o - 2>&1 | FileCheck %s --check-prefix=SQUEEZE
# RUN: %winnow compile %t/fixed.onnx --stop-after=import -o - 2>&1 | FileCheck %s --check-prefix=FIXED
# RUN: not %winnow compile %t/rank.onnx -o %t/out 2>&1 | FileCheck %s --check-prefix=RANK

import sys

sys.path.insert(0, __file__.rsplit("/", 1)[0] + "/Inputs")
import numpy as np
from build import INT64, ints, node, save, value
import numpy as np

X = [value("x", ["n", 6])]

# Sizes are bounded symbols of their own; the product is checked.
# RESHAPE: winnow.symbols = [{{.*}}name = "n"{{.*}}, {data, {{.*}}name = "Reshape#0.shape.0"}, {data
# RESHAPE-COUNT-3: winnow.bind_size
# RESHAPE: winnow.reshape
save("reshape", [node("Reshape", "x s", "y")], X + [value("s", [2], INT64)], ["y"])

# A size that must be the input's own is a check.
# EXPAND-DAG: dimension 'Expand#0.shape.1' is 6
# EXPAND-DAG: dimensions 'n' and 'Expand#0.shape.0' are one
# EXPAND-DAG: winnow.bind_size %{{.*}} to #{{.*}} : tensor<i64>
save("expand", [node("Expand", "x s", "y")], X + [value("s", [2], INT64)], ["y"])

# SLICE: winnow.bind_size
# SLICE: winnow.gather {{.*}} {axis = 0 : i64}
# SLICE: winnow.bind_size
# SLICE: winnow.gather {{.*}} {axis = 1 : i64}
save("slice", [node("Slice", "x s e", "y")],
     X + [value("s", [2], INT64), value("e", [2], INT64)], ["y"])

# What lies in both 20 elements and the dimension.
# TRUNCATE: winnow.bind_size
# TRUNCATE: winnow.gather {{.*}} {axis = 1 : i64}
save("truncate", [node("Slice", "x zero end one", "y")], [value("x", [3, "seq"])], ["y"],
     {"zero": ints(0), "end": ints(20), "one": ints(1)})

# A table's rows from `past` on: as many as there are new ones, or the run fails.
# WINDOW-DAG: #[[PAST:.*]] = affine_map<()[s0, s1] -> (s0, 0)>
# WINDOW-DAG: dimensions 'new' and 'Slice#3.size.0' are one: node 'Add#4' (Add) needs dimension 0 of the operands to match
# WINDOW: winnow.bind_size
# WINDOW: winnow.slice {{.*}}#[[PAST]]
save("window", [node("Shape", "cache", "past", end=1), node("Concat", "cache x", "all", axis=0),
                node("Shape", "all", "total", end=1), node("Slice", "table past total", "rows"),
                node("Add", "x rows", "y")],
     [value("cache", ["past", 4]), value("x", ["new", 4])], ["y"],
     {"table": np.zeros((64, 4), np.float32)})

# PAD: winnow.gather
# PAD: winnow.select
save("pad", [node("Pad", "x p", "y")], X + [value("p", [4], INT64)], ["y"])

# Elements meet at position 0 of a dimension that is reduced.
# REDUCE: winnow.scatter_elements {{.*}} {axis = 0 : i64, reduction = #winnow<scatter_reduction add>}
# REDUCE: winnow.scatter_elements {{.*}} {axis = 1 : i64, reduction = #winnow<scatter_reduction add>}
save("reduce", [node("ReduceSum", "x a", "y")], X + [value("a", [1], INT64)], ["y"])

# The last size follows from the others.
# SPLIT: dimension 'Split#0.split.1' is {{.*}}Split#0.split.0{{.*}} the sum of the sizes to match
# SPLIT: winnow.slice
# PINNED: dimension 'Split#0.split.1' is 4
save("split", [node("Split", "x s", "a b", axis=1)], X + [value("s", [2], INT64)], ["a", "b"])

# A dimension that may or may not be dropped stays.
# SQUEEZE: dimension 'Range#0.length' is at least 2: node 'Squeeze#2' (Squeeze) would drop the dimension
# SQUEEZE: winnow.reshape %{{.*}} : (tensor<1x?xi64, #{{.*}}>) -> tensor<?xi64, #{{.*}}>
RANGE = [value("r", [], INT64)]
save("squeeze", [node("Range", "zero r one", "range"), node("Unsqueeze", "range axes", "u"),
                 node("Squeeze", "u", "y")], RANGE, ["y"],
     {"zero": np.int64(0), "one": np.int64(1), "axes": ints(0)})  # fmt: skip

# Two bounds that leave one value are an equation.
# FIXED: dimension 'Range#0.length' is at most 2
# FIXED: dimension 'Range#0.length' is at least 2
# FIXED: dimension 'Range#0.length' is 2
# FIXED: winnow.gather_nd
save("fixed", [node("Range", "zero r one", "range"), node("Unsqueeze", "range axes", "i"),
               node("GatherElements", "d i", "g", axis=1), node("Squeeze", "g", "s"),
               node("GatherElements", "d i", "y", axis=1)], RANGE, ["s", "y"],
     {"zero": np.int64(0), "one": np.int64(1), "axes": ints(1), "d": np.ones((2, 3), np.float32)})  # fmt: skip

# RANK: the rank of its result depends on the length m of input 1; fix the dimension with --dim NAME=SIZE
save("rank", [node("Reshape", "x s", "y")], X + [value("s", ["m"], INT64)], ["y"])
