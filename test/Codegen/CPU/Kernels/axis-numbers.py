# RUN: %python %s
# REQUIRES: python

# Running sums, sorting and scattering.

import ctypes
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "Inputs"))
import numpy as np
from kernels import Library, Output, close, declare, host_levels, memref, strided

generator = np.random.default_rng(0)
SHAPES = ((1, 5, 1), (3, 1, 7), (2, 33, 67), (5, 0, 3), (0, 4, 4))


def check_cumsum(level, element, dtype, exclusive, reverse):
    free = memref(None, None, None, element=element)
    library = Library(declare("k", [free, free], kind="cumsum", exclusive=exclusive,
                              reverse=reverse), level)
    for shape in SHAPES:
        x = generator.integers(-9, 9, shape).astype(dtype)
        out = np.full(shape, 99, dtype)
        library("k", x, out)
        turned = x[:, ::-1] if reverse else x
        expected = np.cumsum(turned, 1, dtype=np.float64) - (turned if exclusive else 0)
        expected = expected[:, ::-1] if reverse else expected
        close(out.astype(np.float64), expected, 0, f"{level} {element} cumsum {shape}")


for level in host_levels():
    for exclusive in (False, True):
        for reverse in (False, True):
            check_cumsum(level, "f32", np.float32, exclusive, reverse)
            check_cumsum(level, "i64", np.int64, exclusive, reverse)
    check_cumsum(level, "f64", np.float64, False, False)
    check_cumsum(level, "i32", np.int32, False, True)
