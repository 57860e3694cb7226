# RUN: %python %s
# REQUIRES: python

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "Inputs"))
import numpy as np
from kernels import Library, Output, declare, host_levels, memref, strided

generator = np.random.default_rng(0)
CASES = [  # batch, m, k, n, one b for all
    (2, 3, 5, 7, False), (3, 33, 100, 49, True), (2, 17, 600, 100, False),
    (1, 129, 1100, 20, False), (1, 0, 4, 4, False), (1, 4, 0, 4, False),
    (2, 50, 16, 1, False), (2, 8, 1030, 96, False),
]

for level in host_levels():
    for transposed in (False, True):
        for shared in (False, True):
            b_type = memref(1 if shared else None, None, None)
            free = memref(None, None, None)
            library = Library(declare("k", [free, b_type, free], kind="matmul",
                                      transpose_b=transposed), level)
            for batch, m, k, n, one in CASES:
                if one != shared:
                    continue
                a = strided(generator, batch, m, k)
                b = strided(generator, 1 if shared else batch, *((n, k) if transposed else (k, n)))
                out = Output(generator, batch, m, n)
                library("k", a, b, out.array)
                right = b.transpose(0, 2, 1) if transposed else b
                out.check(a.astype(np.float64) @ right, 3e-7 * k + 2e-6,
                          f"{level} {batch}x{m}x{k}x{n} transposed={transposed}")
