# RUN: %python %s
# REQUIRES: python

# The bases of KAN layers, with parameters of all channels and of each.

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "Inputs"))
import numpy as np
from kernels import LEVELS, Library, Output, declare, host_levels, memref, strided

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


def make(level, kind, n, bases, table, is_sum, **config):
    """The kernel; `table` is [parameters, 1 or n], to which coefficients are added."""
    coefficients = generator.standard_normal((bases, table.shape[1])).astype(np.float32)
    table = np.concatenate([table, coefficients]) if is_sum else np.ascontiguousarray(table)
    width = n if is_sum else n * bases
    types = [memref(None, n), f"memref<{len(table)}x{table.shape[1]}xf32>", memref(None, width)]
    library = Library(declare("k", types, kind=kind, bases=bases, coefficients=is_sum, **config), level)

    def run(x, expected, tolerance):
        """`expected` is [rows, bases, n]."""
        out = Output(generator, len(x), width)
        library("k", x, table, out.array)
        if is_sum:
            expected = (expected * coefficients).sum(1)
        out.check(expected.reshape(len(x), width), tolerance, f"{level} {kind} {x.shape} {is_sum} {config}")

    return run


def check_spline(level, n, degree, count, shared, is_sum):
    knots = np.sort(generator.standard_normal((1 if shared else n, count)), 1).astype(np.float32)
    knots += np.arange(count, dtype=np.float32) / 4
    table = [knots] + [1 / (knots[:, k:] - knots[:, :-k]) for k in range(1, degree + 1)]
    table = np.concatenate(table, 1).T
    for zero_nan in (False, True):
        run = make(level, "bspline", n, count - 1 - degree, table, is_sum, degree=degree, zero_nan=zero_nan)
        for m in (0, 1, 9):
            x = 2 * strided(generator, m, n)
            if m > 1:
                x[0], x[1, 0], x[2] = -1e30, np.nan, 1e30
            expected = de_boor(x, np.broadcast_to(knots, (n, count)), degree)
            if zero_nan:
                expected = np.nan_to_num(expected)
            elif m > 1:  # which stands for all bases of its channel
                expected[1, :, 0] = np.nan
            run(x, expected, 3e-6)


def check_gaussian(level, n, count, shared, is_sum):
    centers = generator.standard_normal((1 if shared else n, count)).astype(np.float32)
    run = make(level, "gaussian_basis", n, count, centers.T, is_sum, factor=1.75)
    for m in (0, 1, 9):
        x = strided(generator, m, n)
        if m > 1:
            x[0], x[1, 0] = np.inf, np.nan
        run(x, np.exp(-((1.75 * (x.astype(np.float64)[:, None] - centers.T)) ** 2)), 2e-6)


def check_linear(level, n, bases, channels, columns):
    """Linear layers of Gaussians, more channels than a pass has or not, one block of rows or several."""
    lanes = LEVELS[level]
    mr, nr = (8, 3 * lanes) if lanes == 16 else (4, 2 * lanes)
    k, panels = n * bases, -(-columns // nr)
    types = [memref(None, n), f"memref<{panels}x{k}x{nr}xf32>", f"memref<{bases}x1xf32>",
             f"memref<{columns}xf32>", memref(None, columns), memref(None, columns)]  # fmt: skip
    library = Library(declare("k", types, kind="basis_linear", basis="gaussian_basis", bases=bases, factor=0.75,
                              channels=channels, n=columns, mr=mr, nr=nr, kc=8, mb=4 * mr, activation="relu",
                              bias=True, residual=True), level)  # fmt: skip
    centers = generator.standard_normal((bases, 1)).astype(np.float32)
    weight = (generator.standard_normal((bases, n, columns)) / k**0.5).astype(np.float32)
    shift = generator.standard_normal(columns).astype(np.float32)
    parts = [weight[:, first : first + channels].reshape(-1, columns) for first in range(0, n, channels)]
    padded = np.zeros((k, panels * nr), np.float32)
    padded[:, :columns] = np.concatenate(parts)
    packed = np.ascontiguousarray(padded.reshape(k, panels, nr).transpose(1, 0, 2))
    for m in (0, 1, 3, 4 * mr, 4 * mr + 1, 12 * mr - 3):
        x, out, skip = strided(generator, m, n), Output(generator, m, columns), strided(generator, m, columns)
        library("k", x, packed, centers, shift, skip, out.array)
        made = np.exp(-((0.75 * (x.astype(np.float64)[:, None] - centers)) ** 2))
        expected = np.maximum(np.einsum("mbn,bnc->mc", made, weight) + shift, 0) + skip
        out.check(expected, 5e-6, f"{level} linear of {bases} bases of {n} channels by {channels} {m} {columns}")


for level in host_levels():
    for shape in ((5, 3, 16, 7), (33, 8, 16, 50), (64, 5, 32, 97), (70, 2, 48, 33), (1, 8, 16, 1)):
        check_linear(level, *shape)
    for shared in (True, False):
        for is_sum in (False, True):
            for n, degree, count in ((1, 1, 4), (5, 3, 12), (48, 2, 9), (100, 3, 7)):
                check_spline(level, n, degree, count, shared, is_sum)
                check_gaussian(level, n, count, shared, is_sum)
