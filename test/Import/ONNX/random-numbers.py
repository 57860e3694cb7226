# Random operators: their streams, distributions and types.
#
# RUN: %python %s %t
# RUN: %winnow compile %t/streams.onnx --stop-after=import -o - 2>%t/said | FileCheck %s --check-prefix=STREAMS
# RUN: FileCheck %s --check-prefix=SAID <%t/said
# RUN: %winnow compile %t/streams.onnx --seed 7 --stop-after=import -o - --quiet | FileCheck %s --check-prefix=SEED
# RUN: %winnow compile %t/loop.onnx --stop-after=import -o - --quiet | FileCheck %s --check-prefix=LOOP
# RUN: %winnow compile %t/bernoulli.onnx --stop-after=import -o - --quiet | FileCheck %s --check-prefix=BERNOULLI
# RUN: %winnow compile %t/multinomial.onnx --stop-after=import -o - --quiet | FileCheck %s --check-prefix=MULTINOMIAL
# RUN: not %winnow compile %t/dtype.onnx -o %t/out 2>&1 | FileCheck %s --check-prefix=DTYPE
# RUN: not %winnow compile %t/shape.onnx -o %t/out 2>&1 | FileCheck %s --check-prefix=SHAPE

import sys

sys.path.insert(0, __file__.rsplit("/", 1)[0] + "/Inputs")
from build import BOOL, INT64, build, node, save, value
import numpy as np

# Nodes without a seed are numbered; a seed is its float's bits, whoever has it.
# STREAMS: winnow.random uniform {seed = 0 : i32, stream = 1 : i32} : () -> tensor<2x3xf32>
# STREAMS: winnow.random normal {seed = 1065353216 : i32, stream = 0 : i32} : () -> tensor<?x4xf16
# STREAMS: winnow.mul
# STREAMS: winnow.add
# STREAMS: winnow.random normal {seed = 0 : i32, stream = 2 : i32} : () -> tensor<4xf64>
# SAID: note: the model's random numbers are the same in every run; compile it with another --seed
# SEED: winnow.random uniform {seed = 7 : i32, stream = 1 : i32}
# SEED: winnow.random normal {seed = 1065353216 : i32, stream = 0 : i32}
save("streams", [
    node("RandomUniform", "", "a", shape=[2, 3]),
    node("RandomNormalLike", "x", "b", dtype=10, mean=3.0, scale=2.0, seed=1.0),
    node("RandomNormal", "", "c", shape=[4], dtype=11),
], [value("x", ["n", 4])], ["a", "b", "c"])

# Every round of a loop has numbers of its own.
# LOOP: scf.for [[I:%[a-z0-9]+]] =
# LOOP: [[NUMBER:%[a-z0-9]+]] = arith.index_cast [[I]] : index to i64
# LOOP: [[ROUND:%[a-z0-9_]+]] = tensor.from_elements [[NUMBER]] : tensor<i64>
# LOOP: winnow.random uniform iteration(%{{[a-z0-9_]+}})
body = build([node("Identity", "c", "d"), node("RandomUniform", "", "u", shape=[2])],
             [value("i", [], INT64), value("c", [], BOOL)], [value("d", [], BOOL), value("u", [2])])
save("loop", [node("Loop", "m -", "y", body=body.graph)], [value("x", [3])], ["y"],
     {"m": np.int64(4)})

# BERNOULLI: [[U:%.*]] = winnow.random uniform {{.*}} -> tensor<3xf32>
# BERNOULLI: [[LESS:%.*]] = winnow.compare lt [[U]], %arg0
# BERNOULLI: winnow.cast [[LESS]] : (tensor<3xi1>) -> tensor<3xi32>
save("bernoulli", [node("Bernoulli", "p", "y", dtype=6)], [value("p", [3])], ["y"])

# MULTINOMIAL: winnow.cumsum
# MULTINOMIAL: winnow.random uniform {{.*}} -> tensor<?x5xf32
# MULTINOMIAL: winnow.compare le {{.*}} -> tensor<?x5x9xi1
# MULTINOMIAL: return {{.*}} : tensor<?x5xi64
save("multinomial", [node("Multinomial", "x", "y", sample_size=5, dtype=7)],
     [value("x", ["n", 9])], ["y"])

# DTYPE: expected dtype to be a float
save("dtype", [node("RandomUniformLike", "x", "y")], [value("x", [3], INT64)], ["y"])
# SHAPE: expected attribute 'shape', got none
save("shape", [node("RandomNormal", "", "y")], [value("x", [3])], ["y"])
