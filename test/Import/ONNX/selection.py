# Compress, Unique and NonMaxSuppression: what data selects is counted first.
#
# RUN: %python %s %t
# RUN: %winnow compile %t/compress.onnx --stop-after=import -o - | FileCheck %s --check-prefix=COMPRESS
# RUN: %winnow compile %t/short.onnx --stop-after=import -o - | FileCheck %s --check-prefix=SHORT
# RUN: %winnow compile %t/unique.onnx --stop-after=import -o - | FileCheck %s --check-prefix=UNIQUE
# RUN: %winnow compile %t/rows.onnx --stop-after=import -o - | FileCheck %s --check-prefix=ROWS
# RUN: %winnow compile %t/suppression.onnx --stop-after=import -o - | FileCheck %s --check-prefix=SUPPRESSION
# RUN: not %winnow compile %t/condition.onnx -o %t/out 2>&1 | FileCheck %s --check-prefix=CONDITION
# RUN: not %winnow compile %t/scalar.onnx -o %t/out 2>&1 | FileCheck %s --check-prefix=SCALAR
# RUN: not %winnow compile %t/corners.onnx -o %t/out 2>&1 | FileCheck %s --check-prefix=CORNERS
# RUN: not %winnow compile %t/format.onnx -o %t/out 2>&1 | FileCheck %s --check-prefix=FORMAT

import sys

sys.path.insert(0, __file__.rsplit("/", 1)[0] + "/Inputs")
from build import BOOL, INT64, ints, node, save, value

X = value("x", ["n", 6])

# The last elements have no condition.
# COMPRESS-NOT: winnow.and
# COMPRESS: winnow.bind_size
# COMPRESS: winnow.gather {{.*}} {axis = 1 : i64}
save("compress", [node("Compress", "x c", "y", axis=-1)], [X, value("c", [4], BOOL)], ["y"])

# How many elements have a condition, only the run shows.
# SHORT: winnow.compare {{ *}}lt
# SHORT: winnow.and
# SHORT: winnow.bind_size
save("short", [node("Compress", "x c", "y")], [X, value("c", ["m"], BOOL)], ["y"])

# UNIQUE: winnow.topk {{.*}} {axis = 0 : i64}
# UNIQUE: winnow.bind_size
# UNIQUE: winnow.gather
save("unique", [node("Unique", "x", "y")], [X], ["y"])

# Columns are sorted one after the other.
# ROWS: scf.for
# ROWS: winnow.topk
# ROWS: scf.yield
save("rows", [node("Unique", "x", "y - inverse", axis=0)], [X], ["y", "inverse"])

# SUPPRESSION: winnow.bind_size %{{.*}} to #[[LIMIT:.*]] : tensor<i64>
# SUPPRESSION: scf.while
# SUPPRESSION: winnow.topk {{.*}} {axis = 2 : i64, largest}
# SUPPRESSION: scf.yield
# SUPPRESSION: winnow.bind_size
BOXES, SCORES = value("x", ["b", "n", 4]), value("s", ["b", "c", "n"])
save("suppression", [node("NonMaxSuppression", "x s limit", "y")], [BOXES, SCORES], ["y"],
     {"limit": ints(10)})  # fmt: skip

# CONDITION: expected a condition of rank 1, got rank 2
save("condition", [node("Compress", "x c", "y", axis=0)], [X, value("c", [1, 1], BOOL)], ["y"])

# SCALAR: expected an axis in [0, 0), got 0
save("scalar", [node("Unique", "x", "y", axis=0)], [value("x", [])], ["y"])

# CORNERS: expected the numbers of a box and 4 to match, got 6 and 4
save("corners", [node("NonMaxSuppression", "x s", "y")], [value("x", ["b", "n", 6]), SCORES], ["y"])

# FORMAT: expected a center_point_box of 0 or 1, got 2
save("format", [node("NonMaxSuppression", "x s", "y", center_point_box=2)], [BOXES, SCORES], ["y"])
