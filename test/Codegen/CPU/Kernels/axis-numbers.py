# RUN: %python %s
# REQUIRES: python

# Running sums and products, determinants, sorting and scattering.

import ctypes
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "Inputs"))
import numpy as np
from kernels import Library, Output, close, declare, host_levels, memref, strided

generator = np.random.default_rng(0)
SHAPES = ((1, 5, 1), (3, 1, 7), (2, 33, 67), (5, 0, 3), (0, 4, 4))


def check_cumulative(level, kind, element, dtype, exclusive, reverse):
    free = memref(None, None, None, element=element)
    library = Library(declare("k", [free, free], kind=kind, exclusive=exclusive,
                              reverse=reverse), level)
    function, neutral = (np.cumsum, 0) if kind == "cumsum" else (np.cumprod, 1)
    for shape in SHAPES:
        x = generator.integers(-9, 9, shape).astype(dtype)
        if kind == "cumprod":
            # Few enough primes that the product stays exact.
            x = np.where(generator.random(shape) < 0.1, 3, np.where(x < 0, -1, 1)).astype(dtype)
        out = np.full(shape, 99, dtype)
        library("k", x, out)
        turned = x[:, ::-1] if reverse else x
        if exclusive:
            turned = np.insert(turned, 0, neutral, 1)[:, :-1]
        expected = function(turned, 1, dtype=np.float64)
        expected = expected[:, ::-1] if reverse else expected
        close(out.astype(np.float64), expected, 0, f"{level} {element} {kind} {shape}")


def check_det(level, element, dtype, tolerance):
    free = memref(None, None, None, element=element)
    library = Library(declare("k", [free, free, memref(None, element=element)], kind="det"), level)
    for count, size in ((3, 1), (2, 2), (4, 7), (1, 33), (2, 0), (0, 3)):
        x = generator.standard_normal((count, size, size)).astype(dtype)
        if count == 4:
            x[0, 3] = 0
            x[1, :, 2] = x[1, :, 5]
            x[2, 1, 1] = np.nan
            x[3, 0, 0] = 0
        work, out = np.full(x.shape, 99, dtype), np.full(count, 99, dtype)
        library("k", x, work, out)
        expected = np.linalg.det(x.astype(np.float64))
        close(out / np.maximum(1, np.abs(expected)), expected / np.maximum(1, np.abs(expected)),
              tolerance, f"{level} {element} det {x.shape}")


def ranks(x, largest):
    """Row numbers that sort by value, then by index; NaN is the greatest."""
    order, sign = np.empty(x.shape, np.int64), -1 if largest else 1
    for o, i in np.ndindex(x.shape[0], x.shape[2]):
        column = [(sign, 0) if v != v else (0, sign * v) for v in x[o, :, i].tolist()]
        order[o, :, i] = sorted(range(len(column)), key=lambda n: (column[n], n))
    return order


def check_topk(level, element, dtype, largest, unsigned=False):
    free = memref(None, None, None, element=element)
    found = memref(None, None, None, element="i64")
    library = Library(declare("k", [free, free, found], kind="topk", largest=largest,
                              unsigned=unsigned), level)
    for shape in SHAPES + ((2, 300, 3),):
        low = 0 if unsigned else -20
        x = generator.integers(low, 20, shape).astype(dtype)
        if unsigned:
            x[x > 9] += 200
        elif np.issubdtype(dtype, np.floating) and shape[1] > 4:
            x[0, :4, 0] = np.nan, np.inf, -np.inf, np.nan
        for k in sorted({0, 1, 2, shape[1] // 2, shape[1]}):
            if k > shape[1]:
                continue
            values = np.full((shape[0], k, shape[2]), 99, dtype)
            indices = np.full(values.shape, 99, np.int64)
            library("k", x, values, indices)
            order = ranks(x, largest)[:, :k]
            what = f"{level} {element} topk {shape} {k}"
            close(indices.astype(float), order.astype(float), 0, what)
            expected = np.take_along_axis(x, order, 1)
            if not np.array_equal(values, expected, equal_nan=values.dtype.kind == "f"):
                sys.exit(f"{what}: wrong values")


COMBINE = {"none": lambda a, b: b, "add": lambda a, b: a + b, "mul": lambda a, b: a * b,
           "max": max, "min": min}


def check_scatter(level, reduction, whole_rows, index, index_dtype):
    free, rank = memref(None, None, None), 2 if whole_rows else 3
    positions = memref(*[None] * rank, element=index)
    library = Library(declare("k", [positions, free, free, "i32"], kind="scatter",
                              reduction=reduction, unsigned=False), level)
    for outer, extent, count, inner in ((1, 5, 7, 67), (3, 4, 9, 2), (2, 6, 0, 1), (2, 0, 3, 4)):
        shape = (outer, count, inner)[:rank]
        rows = generator.integers(-max(extent, 1), max(extent, 1), shape).astype(index_dtype)
        if count > 3:
            rows[0, :3] = np.reshape([extent, -extent - 1, np.iinfo(index_dtype).min],
                                     (3,) + (1,) * (rank - 2))
        updates = strided(generator, outer, count, inner)
        out = Output(generator, outer, extent, inner)
        expected = out.array.astype(np.float32)
        bad = 0
        for o, m in np.ndindex(outer, count):
            for i in range(inner):
                row = int(rows[o, m] if whole_rows else rows[o, m, i])
                row += extent if row < 0 else 0
                if 0 <= row < extent:
                    expected[o, row, i] = COMBINE[reduction](expected[o, row, i], updates[o, m, i])
                else:
                    bad += 1
        before = library.library.fail_count()
        library("k", rows, updates, out.array, ctypes.c_int32(42))
        if (library.library.fail_count() > before) != (bad > 0):
            sys.exit(f"{level} scatter {reduction}: {bad} bad indices not reported")
        if bad and library.library.fail_site() != 42:
            sys.exit(f"{level} scatter: wrong site")
        out.check(expected, 1e-6, f"{level} scatter {reduction} {outer}x{extent}x{inner}")


for level in host_levels():
    check_topk(level, "f32", np.float32, True)
    check_topk(level, "f32", np.float32, False)
    check_topk(level, "i64", np.int64, True)
    check_topk(level, "i8", np.uint8, True, unsigned=True)
    for reduction in COMBINE:
        check_scatter(level, reduction, False, "i64", np.int64)
        check_scatter(level, reduction, True, "i32", np.int32)
    for exclusive in (False, True):
        for reverse in (False, True):
            check_cumulative(level, "cumsum", "f32", np.float32, exclusive, reverse)
            check_cumulative(level, "cumprod", "i64", np.int64, exclusive, reverse)
    check_cumulative(level, "cumsum", "i64", np.int64, True, False)
    check_cumulative(level, "cumsum", "f64", np.float64, False, False)
    check_cumulative(level, "cumsum", "i32", np.int32, False, True)
    check_cumulative(level, "cumprod", "f32", np.float32, True, True)
    check_det(level, "f32", np.float32, 2e-5)
    check_det(level, "f64", np.float64, 1e-12)
