# RUN: %python %s
# REQUIRES: python

# The bases of KAN layers, with parameters of all channels and of each.

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "Inputs"))
import numpy as np
from kernels import Library, Output, declare, host_levels, memref, strided

generator = np.random.default_rng(0)


def de_boor(x, knots, degree):
    """[rows, bases, channels] for knots [channels, knots], in f64."""
    x, t = x.astype(np.float64)[:, None], knots.astype(np.float64).T
    bases = ((x >= t[:-1]) & (x < t[1:])).astype(float)
    for k in range(1, degree + 1):
        left = (x - t[: -k - 1]) / (t[k:-1] - t[: -k - 1])
        right = (t[k + 1 :] - x) / (t[k + 1 :] - t[1:-k])
        bases = left * bases[:, :-1] + right * bases[:, 1:]
    return bases


def declare_basis(n, bases, rows, shared, **config):
    types = [memref(None, n), f"memref<{rows}x{1 if shared else n}xf32>", memref(None, n * bases)]
    return declare("k", types, **config)


def check_spline(level, n, degree, count, shared):
    knots = np.sort(generator.standard_normal((1 if shared else n, count)), 1).astype(np.float32)
    knots += np.arange(count, dtype=np.float32) / 4
    table = [knots] + [1 / (knots[:, k:] - knots[:, :-k]) for k in range(1, degree + 1)]
    table = np.ascontiguousarray(np.concatenate(table, 1).T)
    bases = count - 1 - degree
    for zero_nan in (False, True):
        library = Library(declare_basis(n, bases, len(table), shared, kind="bspline", degree=degree,
                                        knots=count, zero_nan=zero_nan), level)  # fmt: skip
        for m in (0, 1, 9):
            x, out = 2 * strided(generator, m, n), Output(generator, m, n * bases)
            if m > 1:
                x[0], x[1, 0], x[2] = -1e30, np.nan, 1e30
            library("k", x, table, out.array)
            expected = de_boor(x, np.broadcast_to(knots, (n, count)), degree).reshape(m, n * bases)
            expected = np.nan_to_num(expected) if zero_nan else expected
            if m > 1 and not zero_nan:  # which stands for all bases of its channel
                expected.reshape(m, bases, n)[1, :, 0] = np.nan
            out.check(expected, 3e-6, f"{level} bspline {m}x{n} {degree} {count} {shared}")


def check_gaussian(level, n, count, shared):
    centers = generator.standard_normal((1 if shared else n, count)).astype(np.float32)
    library = Library(declare_basis(n, count, count, shared, kind="gaussian_basis", factor=1.75), level)
    for m in (0, 1, 9):
        x, out = strided(generator, m, n), Output(generator, m, n * count)
        if m > 1:
            x[0], x[1, 0] = np.inf, np.nan
        library("k", x, np.ascontiguousarray(centers.T), out.array)
        expected = np.exp(-((1.75 * (x.astype(np.float64)[:, None] - centers.T)) ** 2))
        out.check(expected.reshape(m, n * count), 2e-6, f"{level} gaussian_basis {m}x{n} {shared}")


for level in host_levels():
    for shared in (True, False):
        for n, degree, count in ((1, 1, 4), (5, 3, 12), (48, 2, 9), (100, 3, 7)):
            check_spline(level, n, degree, count, shared)
            check_gaussian(level, n, count, shared)
