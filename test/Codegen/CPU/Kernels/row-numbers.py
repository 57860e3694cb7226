# RUN: %python %s
# REQUIRES: python

# Softmax, layer norm and gather.

import ctypes
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "Inputs"))
import numpy as np
from kernels import Library, Output, close, declare, host_levels, memref, rational, strided

generator = np.random.default_rng(0)
LENGTHS = (1, 5, 64, 100)


def check_softmax(level, static):
    row = memref(None, static)
    library = Library(declare("k", [row, row], kind="softmax"), level)
    for n in [static] if static else LENGTHS:
        for m in (0, 5):
            x, out = 5 * strided(generator, m, n), Output(generator, m, n)
            if m:
                x[0], x[1], x[2, 0], x[3, n // 2] = -np.inf, np.finfo(np.float32).min, -np.inf, np.nan
            library("k", x, out.array)
            with np.errstate(all="ignore"):
                power = np.exp(x.astype(np.float64) - x.max(1, keepdims=True, initial=-np.inf))
                expected = power / power.sum(1, keepdims=True)
            out.check(expected, 4e-7, f"{level} softmax {m}x{n}")


def check_layer_norm(level, static, residual, scale, bias, kind=None):
    row = memref(None, static)
    vector = memref(static)
    types = [row] + [row] * residual + [vector] * (scale + bias)
    types += [f"memref<5x{static}xf32>"] * bool(kind) + [row]
    functions = dict(denominator_kind=kind, numerator_degree=2) if kind else {}
    library = Library(declare("k", types, kind="layer_norm", epsilon=1e-5, residual=residual,
                              scale=scale, bias=bias, **functions), level)
    for n in [static] if static else LENGTHS:
        for m in (0, 1, 9):
            # A mean far from zero: a sum of squares would cancel.
            x = strided(generator, m, n) + np.float32(30)
            skip, out = strided(generator, m, n), Output(generator, m, n)
            gain, shift = strided(generator, n), strided(generator, n)
            table = np.abs(generator.standard_normal((5, n))).astype(np.float32)
            library("k", x, *[skip] * residual, *[gain] * scale, *[shift] * bias,
                    *[table] * bool(kind), out.array)  # fmt: skip
            total = (x + skip if residual else x).astype(np.float64)
            expected = total - total.mean(1, keepdims=True)
            expected /= np.sqrt(total.var(1, keepdims=True) + 1e-5)
            expected = expected * gain if scale else expected
            expected = expected + shift if bias else expected
            if kind:
                expected = rational(kind, table, 2, expected)
            out.check(expected, 5e-5, f"{level} layer_norm {m}x{n}")


def check_rms_norm(level, static, residual, scale):
    row = memref(None, static)
    types = [row] + [row] * residual + [memref(static)] * scale + [row]
    library = Library(declare("k", types, kind="rms_norm", epsilon=1e-6, residual=residual,
                              scale=scale), level)
    for n in [static] if static else LENGTHS:
        for m in (0, 1, 9):
            x, skip = strided(generator, m, n), strided(generator, m, n)
            gain, out = strided(generator, n), Output(generator, m, n)
            library("k", x, *[skip] * residual, *[gain] * scale, out.array)
            total = (x + skip if residual else x).astype(np.float64)
            expected = total / np.sqrt((total**2).mean(1, keepdims=True) + 1e-6)
            out.check(expected * gain if scale else expected, 2e-6, f"{level} rms_norm {m}x{n}")


def check_norm_rows(level, kind, n, piece, residual_piece):
    """Rows by number, in pieces."""
    types = [memref(None, piece), memref(None, residual_piece), "memref<?xi64>", "memref<?xi64>",
             memref(None, n)]  # fmt: skip
    library = Library(declare("k", types, kind=kind, epsilon=1e-5, residual=True, rows=True,
                              residual_rows=True), level)  # fmt: skip
    x, skip = strided(generator, 20, piece), strided(generator, 30, residual_piece)
    for m in (0, 1, 9):
        out = Output(generator, m, n)
        rows = generator.integers(0, 20, m * (n // piece))
        residual_rows = generator.integers(0, 30, m * (n // residual_piece))
        library("k", x, skip, rows, residual_rows, out.array)
        total = x[rows].reshape(m, n).astype(np.float64) + skip[residual_rows].reshape(m, n)
        if kind == "layer_norm":
            total -= total.mean(1, keepdims=True)
        expected = total / np.sqrt((total**2).mean(1, keepdims=True) + 1e-5)
        out.check(expected, 5e-6, f"{level} {kind} of {m} rows by number of {piece}")


def check_gather(level, element, dtype, index, index_dtype):
    free = lambda e: f"memref<?x?x?x{e}>"
    library = Library(declare("k", [free(element), f"memref<?x{index}>", free(element), "i32"],
                              kind="gather"), level)
    for outer, extent, count, length in ((1, 5, 7, 67), (3, 4, 0, 2), (2, 6, 5, 1), (2, 0, 3, 4)):
        data = (50 * generator.standard_normal((outer, extent, length))).astype(dtype)
        rows = generator.integers(-extent, extent, count).astype(index_dtype) if extent \
            else np.zeros(count, index_dtype)
        if count > 3:
            rows[:3] = extent, -extent - 1, np.iinfo(index_dtype).min
        out = np.zeros((outer, count, length), dtype)
        before = library.library.fail_count()
        library("k", data, rows, out, ctypes.c_int32(42))
        valid = (rows >= -extent) & (rows < extent)
        failures = library.library.fail_count() - before
        if failures != outer * (~valid).sum():
            sys.exit(f"{level} gather: {failures} failures reported")
        if failures and library.library.fail_site() != 42:
            sys.exit(f"{level} gather: wrong site")
        if extent:
            close(out.astype(float), data[:, np.where(valid, rows, 0)].astype(float), 0, "gather")


def check_packed_gather(level, n, k, width):
    """Rows that lie as the columns of panels."""
    panels = -(-n // width)
    library = Library(declare("k", [f"memref<{panels}x{k}x{width}xf32>", "memref<?xi64>",
                                    f"memref<1x?x{k}xf32>", "i32"], kind="gather", n=n), level)
    data = generator.standard_normal((n, k)).astype(np.float32)
    padded = np.zeros((panels * width, k), np.float32)
    padded[:n] = data
    packed = np.ascontiguousarray(padded.reshape(panels, width, k).transpose(0, 2, 1))
    for rows in (np.array([], np.int64), np.array([0, n - 1, -1, -n, n // 2]), np.array([n, 1])):
        out = np.zeros((1, len(rows), k), np.float32)
        before = library.library.fail_count()
        library("k", packed, rows.astype(np.int64), out, ctypes.c_int32(7))
        valid = (rows >= -n) & (rows < n)
        if library.library.fail_count() - before != (~valid).sum():
            sys.exit(f"{level} packed gather: failures")
        close(out[0].astype(float), data[np.where(valid, rows, 0)].astype(float), 0, "packed gather")


for level in host_levels():
    for static in LENGTHS + (None,):
        check_softmax(level, static)
        check_layer_norm(level, static, False, True, True)
        check_rms_norm(level, static, False, True)
    check_layer_norm(level, None, True, True, True)
    check_rms_norm(level, None, True, True)
    check_rms_norm(level, None, False, False)
    check_layer_norm(level, 100, True, False, False)
    for kind in ("abs_sum", "sum_abs_absx"):
        check_layer_norm(level, 100, True, True, True, kind)
    check_gather(level, "f32", np.float32, "i64", np.int64)
    check_packed_gather(level, 50, 20, 24)
    check_packed_gather(level, 48, 7, 48)
    check_gather(level, "i1", np.bool_, "i32", np.int32)
    check_gather(level, "i64", np.int64, "i32", np.int32)
for level in host_levels():
    for kind in ("layer_norm", "rms_norm"):
        check_norm_rows(level, kind, 37, 37, 37)
        check_norm_rows(level, kind, 96, 16, 32)
