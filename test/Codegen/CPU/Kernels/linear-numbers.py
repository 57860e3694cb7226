# RUN: %python %s
# REQUIRES: python

import math
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "Inputs"))
import numpy as np
from kernels import LEVELS, Library, Output, declare, host_levels, memref, rational, strided

generator = np.random.default_rng(0)
erf = np.vectorize(math.erf, otypes=[float])
ACTIVATIONS = {
    "none": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "gelu": lambda x: x * (1 + erf(x / 2**0.5)) / 2,
    "gelu_tanh": lambda x: x * (1 + np.tanh((2 / np.pi) ** 0.5 * (x + 0.044715 * x**3))) / 2,
    "tanh": np.tanh,
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "silu": lambda x: x / (1 + np.exp(-x)),
}
ROWS = [0, 1, 2, 3, 5, 7, 8, 9, 33, 129]


def pack(weight, nr):
    k, n = weight.shape
    panels = -(-n // nr)
    padded = np.zeros((k, panels * nr), np.float32)
    padded[:, :n] = weight
    return np.ascontiguousarray(padded.reshape(k, panels, nr).transpose(1, 0, 2))


def check(level, n, k, kc, activation, bias, residual, strips=1):
    lanes = LEVELS[level]
    mr, nr = (8, 3 * lanes) if lanes == 16 else (4, 2 * lanes)
    panel = strips * nr
    x_type, out_type = memref(None, k), memref(None, n)
    types = [x_type, f"memref<{-(-n // panel)}x{k}x{panel}xf32>"]
    types += [f"memref<{n}xf32>"] * bias + [out_type] * residual + [out_type]
    library = Library(declare("k", types, kind="linear", n=n, mr=mr, nr=nr, kc=kc, mb=4 * mr,
                              activation=activation, bias=bias, residual=residual), level)
    weight = (generator.standard_normal((k, n)) / k**0.5).astype(np.float32)
    shift = generator.standard_normal(n).astype(np.float32)
    for m in ROWS:
        x, out, skip = strided(generator, m, k), Output(generator, m, n), strided(generator, m, n)
        arguments = [x, pack(weight, panel)] + [shift] * bias + [skip] * residual + [out.array]
        library("k", *arguments)
        reference = x.astype(np.float64) @ weight
        reference = ACTIVATIONS[activation](reference + shift if bias else reference)
        out.check(reference + skip if residual else reference, 5e-6,
                  f"{level} {m}x{k}x{n} kc={kc} {activation} {strips} strips")


def check_rows(level, n, k, kc, piece, residual_piece):
    """Rows by number, some of them twice, in pieces, beside a residual by number."""
    lanes = LEVELS[level]
    mr, nr = (8, 3 * lanes) if lanes == 16 else (4, 2 * lanes)
    types = [memref(None, piece), f"memref<{-(-n // nr)}x{k}x{nr}xf32>", memref(None, residual_piece),
             "memref<?xi64>", "memref<?xi64>", memref(None, n)]  # fmt: skip
    library = Library(declare("k", types, kind="linear", n=n, mr=mr, nr=nr, kc=kc, mb=4 * mr,
                              activation="none", bias=False, residual=True, residual_rows=True,
                              rows=True), level)  # fmt: skip
    weight = (generator.standard_normal((k, n)) / k**0.5).astype(np.float32)
    x, skip = strided(generator, 50, piece), strided(generator, 60, residual_piece)
    for m in ROWS:
        out = Output(generator, m, n)
        rows = generator.integers(0, 50, m * (k // piece))
        residual_rows = generator.integers(0, 60, m * (n // residual_piece))
        library("k", x, pack(weight, nr), skip, rows, residual_rows, out.array)
        expected = x.astype(np.float64)[rows].reshape(m, k) @ weight
        out.check(expected + skip[residual_rows].reshape(m, n), 5e-6,
                  f"{level} {m} rows by number of {piece} and {residual_piece}")


def check_out_rows(level, n, k, kc, piece):
    """Pieces of the result go where numbers say, through passes, beside a residual in order."""
    lanes = LEVELS[level]
    mr, nr = (8, 3 * lanes) if lanes == 16 else (4, 2 * lanes)
    types = [memref(None, k), f"memref<{-(-n // nr)}x{k}x{nr}xf32>", f"memref<{n}xf32>", memref(None, n),
             "memref<?xi64>", memref(None, piece)]  # fmt: skip
    library = Library(declare("k", types, kind="linear", n=n, mr=mr, nr=nr, kc=kc, mb=4 * mr,
                              activation="gelu", bias=True, residual=True, out_rows=True), level)  # fmt: skip
    weight = (generator.standard_normal((k, n)) / k**0.5).astype(np.float32)
    shift = generator.standard_normal(n).astype(np.float32)
    for m in ROWS:
        x, skip = strided(generator, m, k), strided(generator, m, n)
        out, places = Output(generator, m * (n // piece), piece), generator.permutation(m * (n // piece))
        library("k", x, pack(weight, nr), shift, skip, places, out.array)
        expected = np.empty((m * (n // piece), piece))
        expected[places] = (ACTIVATIONS["gelu"](x.astype(np.float64) @ weight + shift) + skip).reshape(-1, piece)
        out.check(expected, 5e-6, f"{level} {m} rows to places, in pieces of {piece}")


def check_rational(level, kind, n=49, k=16, degree=3):
    """Between a bias and a residual, with functions of its own for each channel."""
    lanes = LEVELS[level]
    mr, nr = (8, 3 * lanes) if lanes == 16 else (4, 2 * lanes)
    row, out_type, vector = memref(None, k), memref(None, n), f"memref<{n}xf32>"
    types = [row, f"memref<{-(-n // nr)}x{k}x{nr}xf32>", vector, f"memref<{degree + 3}x{n}xf32>",
             out_type, out_type]  # fmt: skip
    library = Library(declare("k", types, kind="linear", n=n, mr=mr, nr=nr, kc=k, mb=4 * mr,
                              activation="group_rational", bias=True, residual=True,
                              denominator_kind=kind, numerator_degree=degree), level)  # fmt: skip
    weight = (generator.standard_normal((k, n)) / k**0.5).astype(np.float32)
    shift = generator.standard_normal(n).astype(np.float32)
    table = generator.standard_normal((degree + 3, n)).astype(np.float32)
    # No pole: b1 x + b2 x^2 stays above b1 x's lowest, -b1^2 / 4 b2.
    table[-2:] = np.abs(table[-2:]) * [[0.1], [1]] + [[0], [0.1]]
    for m in ROWS:
        x, out, skip = strided(generator, m, k), Output(generator, m, n), strided(generator, m, n)
        library("k", x, pack(weight, nr), shift, table, skip, out.array)
        total = x.astype(np.float64) @ weight + shift
        out.check(rational(kind, table, degree, total) + skip, 5e-5, f"{level} {m} {kind}")


for level in host_levels():
    # Whole rows; passes of a part of a piece, of one, and of several.
    check_rows(level, 49, 40, 16, 40, 49)
    for kc in (10, 20, 40, 80):
        check_rows(level, 48, 80, kc, 20, 16)
    check_out_rows(level, 49, 40, 16, 49)
    check_out_rows(level, 96, 40, 16, 32)
    check_out_rows(level, 32, 40, 40, 16)
    for kind in ("abs_sum", "sum_abs_absx", "sum_abs_signed", "polynomial"):
        check_rational(level, kind)
    for n, k, bias, residual in ((1, 1, True, False), (7, 5, False, True), (47, 64, True, True),
                                 (48, 5, False, False)):
        check(level, n, k, k, "none", bias, residual)
    for activation in ACTIVATIONS:
        check(level, 49, 64, 64, activation, True, True)
    check(level, 100, 70, 32, "gelu", True, True)
    # The last strip of the last panel is padding only, or in part.
    for n in (97, 100, 200):
        check(level, n, 70, 32, "gelu", True, True, strips=3)
