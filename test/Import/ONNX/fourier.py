# Discrete Fourier transforms as matrix products.
#
# RUN: %python %s %t
# RUN: %winnow compile %t/real.onnx --stop-after=import -o - | FileCheck %s --check-prefix=REAL
# RUN: %winnow compile %t/inverse.onnx --stop-after=import -o - | FileCheck %s --check-prefix=INVERSE
# RUN: %winnow compile %t/fit.onnx --stop-after=import -o - | FileCheck %s --check-prefix=FIT
# RUN: %winnow compile %t/symbolic.onnx --stop-after=import -o - | FileCheck %s --check-prefix=SYMBOLIC
# RUN: %winnow compile %t/factors.onnx --stop-after=import -o - | FileCheck %s --check-prefix=FACTORS
# RUN: %winnow compile %t/prime.onnx --stop-after=import -o - | FileCheck %s --check-prefix=PRIME
# RUN: %winnow compile %t/frames.onnx --stop-after=import -o - | FileCheck %s --check-prefix=FRAMES
# RUN: %winnow compile %t/data.onnx --stop-after=import -o - | FileCheck %s --check-prefix=DATA
# RUN: %winnow compile %t/unknown.onnx --stop-after=import -o - | FileCheck %s --check-prefix=UNKNOWN
# RUN: %winnow compile %t/either.onnx --stop-after=import -o %t/either.mlir 2>&1 | FileCheck %s --check-prefix=EITHER
# RUN: not %winnow compile %t/parts.onnx -o %t/out 2>&1 | FileCheck %s --check-prefix=PARTS
# RUN: not %winnow compile %t/axis.onnx -o %t/out 2>&1 | FileCheck %s --check-prefix=AXIS
# RUN: not %winnow compile %t/short.onnx -o %t/out 2>&1 | FileCheck %s --check-prefix=SHORT

import sys

sys.path.insert(0, __file__.rsplit("/", 1)[0] + "/Inputs")
from build import INT64, ints, node, save, value
import numpy as np

i = np.int64

# One product, and no sine at run time; half of the spectrum.
# REAL-NOT: winnow.sin
# REAL: winnow.linear {{.*}} : (tensor<?x8xf32{{.*}}>, tensor<8x10xf32>)
# REAL: return {{.*}} : tensor<?x5x2xf32
save("real", [node("DFT", "x", "y", onesided=1)], [value("x", ["n", 8, 1])], ["y"], opset=20)

# From half a spectrum to real numbers, along an axis that is moved.
# INVERSE: winnow.transpose {{.*}} [0, 2, 1, 3]
# INVERSE: winnow.linear {{.*}} : (tensor<2x3x10xf32>, tensor<10x8xf32>)
# INVERSE: winnow.transpose {{.*}} [0, 2, 1, 3]
# INVERSE: return {{.*}} : tensor<2x8x3x1xf32>
save("inverse", [node("DFT", "x", "y", onesided=1, inverse=1)], [value("x", [2, 5, 3, 2])], ["y"],
     opset=17)

# A length that is longer, or may be.
# FIT: winnow.concat {{.*}} -> tensor<1x12x1xf32>
# FIT: winnow.concat
# FIT: winnow.slice {{.*}} -> tensor<1x12x1xf32>
save("fit", [node("DFT", "x n", "y"), node("DFT", "z n", "w")],
     [value("x", [1, 8, 1]), value("z", [1, "t", 1])], ["y", "w"], {"n": i(12)})

# The matrix from integer products modulo the length.
# SYMBOLIC: winnow.mod {{.*}}xi64
# SYMBOLIC: winnow.cos
# SYMBOLIC: winnow.matmul
# SYMBOLIC: return {{.*}} : tensor<2x?x2xf32
save("symbolic", [node("DFT", "x", "y", onesided=1)], [value("x", [2, "t", 2])], ["y"])

# 2048 = 64 * 32: no matrix of 2048 rows.
# FACTORS-NOT: tensor<2048x
# FACTORS: winnow.linear {{.*}}, tensor<64x128xf32>)
# FACTORS: winnow.linear {{.*}}, tensor<64x64xf32>)
# FACTORS: return {{.*}} : tensor<1x1025x2xf32>
save("factors", [node("DFT", "x", "y", onesided=1)], [value("x", [1, 2048, 1])], ["y"])

# A long prime is a convolution of length 4096.
# PRIME-COUNT-4: winnow.linear {{.*}}, tensor<128x128xf32>)
# PRIME-NOT: winnow.linear
save("prime", [node("DFT", "x", "y")], [value("x", [1, 2039, 1])], ["y"])

# Frames of five blocks of 80, every second block.
# FRAMES: winnow.reshape {{.*}} -> tensor<?x?x80x1xf32
# FRAMES: winnow.constant dense<2> : tensor<i64>
# FRAMES: winnow.gather
# FRAMES: winnow.mul
# FRAMES: winnow.linear {{.*}}, tensor<400x402xf32>)
save("frames", [node("STFT", "x step window", "y")], [value("x", ["n", "t", 1])], ["y"],
     {"step": i(160), "window": np.ones(400, np.float32)})

# An axis that data gives: what is before it and after it is one dimension each.
# DATA-COUNT-3: winnow.bind_size
# DATA: winnow.reshape {{.*}} -> tensor<?x?x?x2xf32
# DATA: winnow.matmul
save("data", [node("DFT", "x - a", "y")], [value("x", [3, 5, 4, 2]), value("a", [], INT64)], ["y"],
     opset=20)

# Frames that may not fit: only the run shows how many there are.
# UNKNOWN: winnow.bind_size {{.*}} to {{.*}}
# UNKNOWN-NOT: winnow.slice
# UNKNOWN: winnow.gather
save("unknown", [node("STFT", "x step window", "y")],
     [value("x", [1, "t", 1]), value("window", ["n"])], ["y"], {"step": i(4)})

# Real and complex numbers alike, where there may be either.
# EITHER: note: dimension 'p' is at least 1
# EITHER: note: dimension 'p' is at most 2
save("either", [node("DFT", "x", "y")], [value("x", [1, 8, "p"])], ["y"])

# PARTS: expected a last dimension of 1 (real) or 2 (complex), got 3
save("parts", [node("DFT", "x", "y")], [value("x", [1, 8, 3])], ["y"])
# AXIS: expected an axis that is not the last, which holds the parts of the numbers
save("axis", [node("DFT", "x - a", "y")], [value("x", [1, 8, 2])], ["y"], {"a": i(-1)}, opset=20)
# SHORT: expected a signal of at least 16 elements, got 8
save("short", [node("STFT", "x step - n", "y")], [value("x", [1, 8, 1])], ["y"],
     {"step": i(4), "n": i(16)})
