# Operators that are called step by step.
#
# RUN: %python %s %t
# RUN: %winnow compile %t/linear.onnx --stop-after=import -o - | FileCheck %s --check-prefix=LINEAR
# RUN: %winnow compile %t/circular.onnx --stop-after=import -o - | FileCheck %s --check-prefix=CIRCULAR
# RUN: %winnow compile %t/conv.onnx --stop-after=import -o - | FileCheck %s --check-prefix=CONV
# RUN: not %winnow compile %t/batch.onnx -o %t/x 2>&1 | FileCheck %s --check-prefix=BATCH

import sys

sys.path.insert(0, __file__.rsplit("/", 1)[0] + "/Inputs")
from build import INT64, node, save, value

CACHE = [value("cache", ["b", 2, "max", 8]), value("update", ["b", 2, "s", 8])]

# One tuple for every row of the update.
# LINEAR-NOT: winnow.mod
# LINEAR: winnow.scatter_nd %arg0, %{{.*}}, %arg1 {{.*}}3xi64
save("linear", [node("TensorScatter", "cache update", "y")], CACHE, ["y"], opset=24)

# CIRCULAR: %[[SIZE:.*]] = winnow.dim_values
# CIRCULAR: winnow.mod %{{.*}}, %[[SIZE]]
# CIRCULAR: winnow.scatter_nd
save("circular", [node("TensorScatter", "cache update at", "y", mode="circular")],
     CACHE + [value("at", ["b"], INT64)], ["y"], opset=24)

# The state is the end of what the filters read.
# CONV: %[[PADDED:.*]] = winnow.concat %arg2, %arg0 {axis = 2
# CONV: %[[STATE:.*]] = winnow.slice %[[PADDED]] {{.*}} -> tensor<?x4x2xf32
# CONV-COUNT-3: winnow.mul
# CONV: winnow.sigmoid
# CONV: return %{{.*}}, %[[STATE]]
save("conv", [node("CausalConvWithState", "x w - past", "y state", activation="silu")],
     [value("x", ["b", 4, "t"]), value("w", [4, 1, 3]), value("past", ["b", 4, 2])],
     ["y", "state"], opset=27)

# BATCH: expected an axis other than 0, the batch's
save("batch", [node("TensorScatter", "cache update", "y", axis=0)], CACHE, ["y"], opset=24)
