# Normalisations, softmax and the losses on top of it.
#
# RUN: %python %s %t
# RUN: %winnow compile %t/statistics.onnx --stop-after=import -o - | FileCheck %s --check-prefix=STATISTICS
# RUN: %winnow compile %t/lp.onnx --stop-after=import -o - | FileCheck %s --check-prefix=LP
# RUN: %winnow compile %t/lrn.onnx --stop-after=import -o - | FileCheck %s --check-prefix=LRN
# RUN: %winnow compile %t/mvn.onnx --stop-after=import -o - | FileCheck %s --check-prefix=MVN
# RUN: %winnow compile %t/hardmax.onnx --stop-after=import -o - | FileCheck %s --check-prefix=HARDMAX
# RUN: %winnow compile %t/logsoftmax.onnx --stop-after=import -o - | FileCheck %s --check-prefix=LOGSOFTMAX
# RUN: %winnow compile %t/nll.onnx --stop-after=import -o - | FileCheck %s --check-prefix=NLL
# RUN: %winnow compile %t/sce.onnx --stop-after=import -o - | FileCheck %s --check-prefix=SCE
# RUN: not %winnow compile %t/bad-p.onnx -o %t/x 2>&1 | FileCheck %s --check-prefix=BAD-P
# RUN: not %winnow compile %t/bad-target.onnx -o %t/x 2>&1 | FileCheck %s --check-prefix=BAD-TARGET
# RUN: not %winnow compile %t/bad-reduction.onnx -o %t/x 2>&1 | FileCheck %s --check-prefix=BAD-REDUCTION

import sys

sys.path.insert(0, __file__.rsplit("/", 1)[0] + "/Inputs")
from build import INT64, node, save, value
from onnx import TensorProto
import numpy as np

X = [value("x", ["n", 3, 4])]
TARGET = [value("t", ["n", 4], INT64)]
f = lambda *shape: np.ones(shape, np.float32)

# The statistics are computed only where they are used.
# STATISTICS: winnow.layer_norm
# STATISTICS: %[[MEAN:.*]] = winnow.reduce mean %{{.*}} [2] {keepdims}
# STATISTICS: %[[DEVIATION:.*]] = winnow.sqrt
# STATISTICS: %[[INVERSE:.*]] = winnow.reciprocal %[[DEVIATION]]
# STATISTICS: return %{{.*}}, %[[MEAN]], %[[INVERSE]]
save("statistics", [node("LayerNormalization", "x s", "y m d")], X, ["y", "m", "d"], {"s": f(4)})

# LP: winnow.abs
# LP: %[[NORM:.*]] = winnow.reduce sum
# LP: winnow.compare eq %[[NORM]]
# LP: winnow.select
save("lp", [node("LpNormalization", "x", "y", p=1, axis=0)], X, ["y"])

# LRN: winnow.concat {{.*}} tensor<?x6x4xf32
# LRN-COUNT-4: winnow.slice
# LRN: winnow.pow
save("lrn", [node("LRN", "x", "y", size=4)], X, ["y"])

# MVN: winnow.cast {{.*}} -> tensor<?x3x4xf32
# MVN: winnow.reduce mean %{{.*}} [0, 2] {keepdims}
# MVN: winnow.cast {{.*}} -> tensor<?x3x4xf16
save("mvn", [node("MeanVarianceNormalization", "x", "y", axes=[0, 2])],
     [value("x", ["n", 3, 4], TensorProto.FLOAT16)], ["y"])

# Before opset 13 everything from the axis on is one row.
# HARDMAX: winnow.reshape {{.*}} -> tensor<?x12xf32
# HARDMAX: winnow.reduce max
# HARDMAX: winnow.reduce min
# HARDMAX: winnow.reshape {{.*}} -> tensor<?x3x4xf32
save("hardmax", [node("Hardmax", "x", "y")], X, ["y"], opset=11)

# LOGSOFTMAX: winnow.reshape {{.*}} -> tensor<?x12xf32
# LOGSOFTMAX: winnow.log
save("logsoftmax", [node("LogSoftmax", "x", "y")], X, ["y"], opset=6)

# An ignored target reads class 0, and counts neither as a loss nor as a weight.
# NLL: %[[IGNORED:.*]] = winnow.compare eq %arg1
# NLL: %[[TARGET:.*]] = winnow.select %[[IGNORED]]
# NLL: winnow.gather_nd {{.*}} {batch_dims = 2 : i64}
# NLL: winnow.gather %{{.*}}, %[[TARGET]]
# NLL-COUNT-2: winnow.select %[[IGNORED]]
# NLL-COUNT-2: winnow.reduce sum %{{.*}} [0, 1]
# NLL: winnow.div
save("nll", [node("NegativeLogLikelihoodLoss", "x t w", "y", ignore_index=-1)], X + TARGET, ["y"],
     {"w": f(3)})

# SCE: winnow.log
# SCE: %[[LOG:.*]] = winnow.sub
# SCE: winnow.gather_nd
# SCE: %[[LOSS:.*]] = winnow.neg
# SCE: return %[[LOSS]], %[[LOG]]
save("sce", [node("SoftmaxCrossEntropyLoss", "x t", "y log", reduction="none")], X + TARGET,
     ["y", "log"])

# BAD-P: expected p to be 1 or 2, got 3
save("bad-p", [node("LpNormalization", "x", "y", p=3)], X, ["y"])

# BAD-TARGET: expected an input of rank 2 or more and a target of one rank less, got ranks 3 and 3
save("bad-target", [node("NegativeLogLikelihoodLoss", "x t", "y")],
     X + [value("t", ["n", 3, 4], INT64)], ["y"])

# BAD-REDUCTION: expected reduction none, sum or mean, got 'max'
save("bad-reduction", [node("NegativeLogLikelihoodLoss", "x t", "y", reduction="max")], X + TARGET,
     ["y"])
