# RUN: %python %s %t
"""Feed-forward layers of which a known share fires, and can be predicted or not; and what tells
the compiler to predict it."""

import os
import sys

import numpy as np
from onnx import numpy_helper

from winnow.bench import sparse, subjects, workloads

WIDTH, HIDDEN = 256, 512
rng = np.random.default_rng(5)
x = rng.standard_normal((2000, WIDTH))
x = (x - x.mean(-1, keepdims=True)) / x.std(-1, keepdims=True)
for predictable in (False, True):
    model = sparse.feed_forward("relu", WIDTH, HIDDEN, 1, 0.05, 1, predictable)
    tensors = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    (first,) = [array for array in tensors.values() if array.shape == (WIDTH, HIDDEN)]
    z = x @ first
    assert abs((z > 1.6449).mean() - 0.05) < 0.005, (z > 1.6449).mean()
    values = np.linalg.svd(z, compute_uv=False) ** 2
    share = values[: sparse.RANK].sum() / values.sum()
    # Of random weights the first quarter of the directions has about a half.
    assert abs(share - (0.93 if predictable else 0.52)) < 0.05, (predictable, share)

workload = workloads.WORKLOADS["ffn-predicted-relu-768-1-5"]
approximate, calibration = subjects._approximations(workload, sys.argv[1])
assert approximate == "--approximate=predict-activation", approximate
folder = calibration.removeprefix("--calibration=")
assert len(os.listdir(folder)) == 1200
assert np.load(os.path.join(folder, "0000.npz"))["x"].shape == (1, 768)
assert subjects._approximations(workloads.WORKLOADS["ffn-relu-768-1-5"], sys.argv[1]) == []
