# Windows and filter banks: functions of sizes, computed in double precision.
#
# RUN: %python %s %t
# RUN: %winnow compile %t/hann.onnx --stop-after=import -o - | FileCheck %s --check-prefix=HANN
# RUN: %winnow compile %t/blackman.onnx --stop-after=raise -o - | FileCheck %s --check-prefix=BLACKMAN
# RUN: %winnow compile %t/mel.onnx --stop-after=raise -o - | FileCheck %s --check-prefix=MEL
# RUN: %winnow compile %t/data.onnx --stop-after=import -o - | FileCheck %s --check-prefix=DATA

import sys

sys.path.insert(0, __file__.rsplit("/", 1)[0] + "/Inputs")
from build import INT64, node, save, value
import numpy as np

# The size may be a dimension.
# HANN: %[[SIZE:.*]] = winnow.dim_values #{{.*}} : tensor<i64>
# HANN: winnow.cast %[[SIZE]] : (tensor<i64>) -> tensor<f64>
# HANN: winnow.cos
# HANN: winnow.cast {{.*}} -> tensor<?xf32
save("hann", [node("Shape", "x", "shape"), node("Squeeze", "shape", "n"), node("HannWindow", "n", "y")],
     [value("x", ["n"])], ["y"])

# BLACKMAN: winnow.constant dense<[{{.*}}, 3.400000e-01, 1.000000e+00, 3.400000e-01]> : tensor<4xf32>
save("blackman", [node("BlackmanWindow", "n", "y")], [], ["y"], {"n": np.int64(4)})

# MEL: winnow.constant dense<{{.*}}> : tensor<9x3xf32>
# MEL-NEXT: return
save("mel", [node("MelWeightMatrix", "mels length rate low high", "y")], [], ["y"],
     {"mels": np.int64(3), "length": np.int64(16), "rate": np.int64(8192), "low": np.float32(0),
      "high": np.float32(4096)})

# The size may be data.
# DATA: winnow.bind_size
# DATA: winnow.cos
save("data", [node("HannWindow", "n", "y")], [value("n", [], INT64)], ["y"])
