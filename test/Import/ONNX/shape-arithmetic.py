# What exporters write to compute shapes becomes types.
#
# RUN: %python %s %t
# RUN: %winnow compile %t/view.onnx --stop-after=import -o - | FileCheck %s --check-prefix=VIEW
# RUN: %winnow compile %t/expand.onnx --stop-after=import -o - | FileCheck %s --check-prefix=EXPAND
# RUN: %winnow compile %t/slices.onnx --stop-after=import -o - | FileCheck %s --check-prefix=SLICES
# RUN: %winnow compile %t/whole.onnx --stop-after=import -o - | FileCheck %s --check-prefix=WHOLE
# RUN: %winnow compile %t/data.onnx --stop-after=import -o - | FileCheck %s --check-prefix=DATA
# RUN: %winnow compile %t/infer.onnx --stop-after=import -o - | FileCheck %s --check-prefix=INFER
# RUN: %winnow compile %t/branch.onnx --stop-after=import -o - | FileCheck %s --check-prefix=BRANCH
# RUN: %winnow compile %t/arange.onnx --stop-after=import -o - | FileCheck %s --check-prefix=ARANGE

import sys

sys.path.insert(0, __file__.rsplit("/", 1)[0] + "/Inputs")
from build import BOOL, FLOAT, INT64, build, ints, node, save, value
from onnx import helper
import numpy as np

X = [value("x", ["batch", "seq", 64])]

# A TorchScript view: Shape, Gather, Unsqueeze, Concat, Reshape.
# VIEW-DAG: #[[IN:.*]] = affine_map<()[s0, s1] -> (s0, s1, 64)>
# VIEW-DAG: #[[OUT:.*]] = affine_map<()[s0, s1] -> (s0, s1, 4, 16)>
# VIEW: func.func @main(%[[X:.*]]: tensor<?x?x64xf32, #[[IN]]> {winnow.name = "x"}
# VIEW-NOT: winnow.constant
# VIEW-NOT: winnow.dim_values
# VIEW: %[[Y:.*]] = winnow.reshape %[[X]] {{.*}} -> tensor<?x?x4x16xf32, #[[OUT]]>
# VIEW-NEXT: return %[[Y]]
save("view", [
    node("Shape", "x", "shape"),
    node("Gather", "shape zero", "b", axis=0),
    node("Gather", "shape one", "s", axis=0),
    node("Unsqueeze", "b axis", "b1"),
    node("Unsqueeze", "s axis", "s1"),
    node("Concat", "b1 s1 heads rest", "target", axis=0),
    node("Reshape", "x target", "y"),
], X, ["y"], {"zero": np.int64(0), "one": np.int64(1), "axis": ints(0), "heads": ints(4),
              "rest": ints(-1)})

# torch.expand: Where(Equal(shape, -1), 1, shape).
# EXPAND-DAG: #[[OUT:.*]] = affine_map<()[s0, s1] -> (s0, s1)>
# EXPAND: winnow.broadcast_to %{{.*}} -> tensor<?x?xf32, #[[OUT]]>
# EXPAND-NOT: winnow.select
save("expand", [
    node("Shape", "x", "shape"),
    node("Slice", "shape zero two", "target"),
    node("Shape", "target", "rank"),
    node("ConstantOfShape", "rank", "ones", value=helper.make_tensor("v", INT64, [1], [1])),
    node("Mul", "ones minus", "marks"),
    node("Equal", "target marks", "keep"),
    node("Where", "keep ones target", "shape2"),
    node("Expand", "row shape2", "y"),
], X, ["y"], {"zero": ints(0), "two": ints(2), "minus": np.int64(-1),
              "row": np.ones((1, 1), np.float32)})

# Starts, ends, negative indices and steps.
# SLICES-DAG: #[[LAST:.*]] = affine_map<()[s0, s1] -> (0, s1 - 1, 0)>
# SLICES: winnow.symbols = [{max = {{[0-9]+}} : i64, min = 0 : i64, name = "batch"}, {max = {{[0-9]+}} : i64, min = 1 : i64, name = "seq"}]
# SLICES: winnow.slice {{.*}}#[[LAST]] {{.*}}[1, 1, 1] {{.*}} -> tensor<?x1x64xf32
# SLICES: winnow.slice {{.*}}[1, 1, 2] {{.*}} -> tensor<?x?x32xf32
# SLICES: winnow.slice {{.*}}[1, 1, -1] {{.*}} -> tensor<?x?x64xf32
save("slices", [
    node("Slice", "x minus max one", "last"),
    node("Slice", "x zero max two two", "even"),
    node("Slice", "x minus min two minus", "reverse"),
], X, ["last", "even", "reverse"],
     {"zero": ints(0), "one": ints(1), "two": ints(2), "minus": ints(-1),
      "max": ints(2**63 - 1), "min": ints(-(2**63))})

# The last `seq` of `seq` elements are all of them, be there none at all.
# WHOLE-DAG: #[[ALL:.*]] = affine_map<()[s0, s1] -> (s0, s1, 64)>
# WHOLE-DAG: #[[FIRST:.*]] = affine_map<()[s0, s1] -> (0, 0, 0)>
# WHOLE: winnow.symbols = [{max = {{[0-9]+}} : i64, min = 0 : i64, name = "batch"}, {max = {{[0-9]+}} : i64, min = 0 : i64, name = "seq"}]
# WHOLE: winnow.slice {{.*}} at #[[FIRST]] {{.*}} -> tensor<?x?x64xf32, #[[ALL]]>
save("whole", [
    node("Shape", "x", "seq", start=1, end=2),
    node("Neg", "seq", "start"),
    node("Slice", "x start max one", "y"),
], X, ["y"], {"one": ints(1), "max": ints(2**63 - 1)})

# A dimension that is used as data.
# DATA: winnow.dim_values #{{.*}} : tensor<1xi64>
# DATA: winnow.cast
# DATA: winnow.sqrt
save("data", [
    node("Shape", "x", "s", start=1, end=2),
    node("Cast", "s", "f", to=FLOAT),
    node("Sqrt", "f", "y"),
], X, ["y"])

# -1 and 0 in a target shape, over products of symbols.
# INFER-DAG: #[[FLAT:.*]] = affine_map<()[s0, s1] -> (s0 * s1, 64)>
# INFER-DAG: #[[PAIRS:.*]] = affine_map<()[s0, s1] -> (s0, s1 * 32, 2)>
# INFER: winnow.reshape {{.*}} -> tensor<?x64xf32, #[[FLAT]]>
# INFER: winnow.reshape {{.*}} -> tensor<?x?x2xf32, #[[PAIRS]]>
save("infer", [
    node("Reshape", "x flat", "y"),
    node("Reshape", "x pairs", "z"),
], X, ["y", "z"], {"flat": ints(-1, 64), "pairs": ints(0, -1, 2)})

# A branch whose condition shapes decide is no branch.
# BRANCH-NOT: winnow.relu
# BRANCH: winnow.tanh {{.*}}
then = helper.make_graph([node("Relu", "x", "t")], "then", [], [value("t", None)])
other = helper.make_graph([node("Tanh", "x", "e")], "else", [], [value("e", None)])
save("branch", [
    node("Shape", "x", "shape"),
    node("Gather", "shape two", "width", axis=0),
    node("Equal", "width one", "is_one"),
    node("If", "is_one", "y", then_branch=then, else_branch=other),
], X, ["y"], {"two": np.int64(2), "one": np.int64(1)})

# Positions have a dynamic length.
# ARANGE: winnow.iota {start = 0 : i64, step = 1 : i64} : tensor<?xi64
save("arange", [
    node("Shape", "x", "s", start=1, end=2),
    node("Squeeze", "s", "length"),
    node("Range", "zero length one", "y"),
], X, ["y"], {"zero": np.int64(0), "one": np.int64(1)})
