# RUN: %python %s
# REQUIRES: python

# Checks the errors that Math.h states, on a prime stride through all floats;
# `math-error.py 1` takes every float.

import math
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "Inputs"))
import numpy as np
from kernels import Library, host_levels

FUNCTION = """
func.func @{0}(%x: memref<?xf32>, %out: memref<?xf32>) attributes {{llvm.emit_c_interface}} {{
  %zero = arith.constant 0 : index
  %step = arith.constant 16 : index
  %count = memref.dim %x, %zero : memref<?xf32>
  scf.for %i = %zero to %count step %step {{
    %in = vector.load %x[%i] : memref<?xf32>, vector<16xf32>
    %result = math.{0} %in : vector<16xf32>
    vector.store %result, %out[%i] : memref<?xf32>, vector<16xf32>
  }}
  return
}}
"""
# Greatest relative error.
BOUNDS = {"exp": 1.2e-7, "exp2": 1.2e-7, "log": 1.0e-7, "erf": 3.6e-7, "tanh": 4.0e-7}
FLUSHED = 2.0**-125.4
STEP = int(sys.argv[1]) if len(sys.argv) > 1 else 30011


def exact(name, x):
    with np.errstate(all="ignore"):
        x = x.astype(np.float64)
        if name == "erf":
            return np.fromiter(map(math.erf, x), np.float64, len(x))
        return getattr(np, name)(x)


def check(library, level, name, x):
    out = np.empty_like(x)
    library(name, x, out)
    reference = exact(name, x)
    with np.errstate(all="ignore"):
        rounded = reference.astype(np.float32)
        error = np.abs(out - reference)
        relative = error / np.abs(reference)
    special = ~np.isfinite(rounded)
    if not np.array_equal(out[special], rounded[special], equal_nan=True):
        sys.exit(f"{level} {name}: NaN or infinity in other places than the reference")
    tiny = ~special & (np.abs(reference) < FLUSHED)
    if (error[tiny] > FLUSHED).any():
        sys.exit(f"{level} {name}: tiny results are not tiny")
    worst = relative[~special & ~tiny].max(initial=0)
    if not worst <= BOUNDS[name]:
        sys.exit(f"{level} {name}: relative error {worst:.2e} exceeds {BOUNDS[name]:.2e}")
    if name in ("erf", "tanh") and (np.abs(out[~special]) > 1).any():
        sys.exit(f"{level} {name}: result beyond 1")
    return worst


for level in host_levels():
    library = Library("".join(FUNCTION.format(name) for name in BOUNDS), level)
    for name in BOUNDS:
        worst = 0.0
        ends = np.array([0, -0.0, 1, 128, -126, np.inf, -np.inf, np.nan] * 2, np.float32)
        check(library, level, name, ends)
        chunk = 2**22 * STEP
        for first in range(0, 2**32, chunk):
            bits = np.arange(first, min(first + chunk, 2**32), STEP, dtype=np.uint64)
            bits = bits[: len(bits) // 16 * 16].astype(np.uint32)
            worst = max(worst, check(library, level, name, bits.view(np.float32)))
        print(f"{level} {name}: relative error {worst:.2e}")
