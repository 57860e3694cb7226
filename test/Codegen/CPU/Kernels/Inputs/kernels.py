"""Builds kernels serially with LLVM's tools and calls them on numpy arrays."""

import ctypes
import os
import re
import subprocess
import sys
import tempfile

import numpy as np

LEVELS = {"x86-64": 4, "x86-64-v3": 8, "x86-64-v4": 16}  # without VNNI
STRIDED = {rank: f"strided<[{'?, ' * (rank - 1)}1], offset: ?>" for rank in (1, 2, 3, 4)}


def host_levels():
    flags = set(open("/proc/cpuinfo").read().split())
    levels = ["x86-64"]
    if {"avx2", "fma", "bmi2", "f16c"} <= flags:
        levels.append("x86-64-v3")
        if {"avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512cd"} <= flags:
            levels.append("x86-64-v4")
    return levels


def memref(*shape, element="f32"):
    """A memref type with dynamic strides and offset; None is a dynamic extent."""
    extents = "x".join("?" if d is None else str(d) for d in shape)
    return f"memref<{extents}x{element}, {STRIDED[len(shape)]}>"


def declare(name, arguments, **config):
    """A kernel declaration. Python values become attributes."""

    def attribute(value):
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, float):
            return f"{value:.9e} : f32"
        return str(value) if isinstance(value, int) else f'"{value}"'

    entries = ", ".join(f"{key} = {attribute(value)}" for key, value in config.items())
    return (
        f"func.func private @{name}({', '.join(arguments)}) "
        f"attributes {{llvm.emit_c_interface, winnow.kernel = {{{entries}}}}}\n"
    )


def run(command, text):
    done = subprocess.run(command, input=text, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stderr[:4000]}")
    return done.stdout


def hoist_scratch(text):
    """Moves scratch in front of its parallel loop, as one thread may share it;
    in a loop, stack memory would pile up."""
    result, begin, indent = [], None, ""
    for line in text.splitlines(keepends=True):
        if begin is None and line.lstrip().startswith("scf.parallel"):
            begin, indent = len(result), line[: -len(line.lstrip())]
        if begin is not None and re.match(r" *%\S+ = memref\.alloca\(\)", line):
            result.insert(begin, line)
            begin += 1
            continue
        result.append(line)
        if begin is not None and line.startswith(indent + "}"):
            begin = None
    return "".join(result)


FAIL = """
static int count, last;
void winnow_rt_fail(int site) { ++count; last = site; }
int fail_count(void) { return count; }
int fail_site(void) { return last; }
"""


class Library:
    def __init__(self, text, level, load=True):
        folder = tempfile.mkdtemp(prefix="winnow-kernels-")
        text = run(["winnow-opt", f"--winnow-generate-kernels=cpu={level}",
                    "--winnow-expand-math", "--canonicalize", "--cse"], text)
        text = run(["winnow-opt", "--convert-scf-to-cf", "--expand-strided-metadata",
                    "--lower-affine", "--convert-vector-to-llvm", "--convert-math-to-llvm",
                    "--finalize-memref-to-llvm", "--convert-arith-to-llvm",
                    "--convert-func-to-llvm", "--convert-cf-to-llvm", "--canonicalize",
                    "--reconcile-unrealized-casts"], hoist_scratch(text))
        text = run(["mlir-translate", "--mlir-to-llvmir"], text)
        self.path = path = os.path.join(folder, "kernels.so")
        for name, source in (("kernels.ll", text), ("fail.c", FAIL)):
            with open(os.path.join(folder, name), "w") as file:
                file.write(source)
        run(["clang", "-O1", f"-march={level}", "-shared", "-fPIC", "-Wno-override-module",
             os.path.join(folder, "kernels.ll"), os.path.join(folder, "fail.c"), "-o", path], "")
        self.library = ctypes.CDLL(path) if load else None

    def __call__(self, name, *arguments):
        views = [descriptor(a) if isinstance(a, np.ndarray) else a for a in arguments]
        getattr(self.library, "_mlir_ciface_" + name)(
            *(ctypes.byref(v) if isinstance(v, ctypes.Structure) else v for v in views))


def descriptor(array):
    class MemRef(ctypes.Structure):
        _fields_ = [("base", ctypes.c_void_p), ("data", ctypes.c_void_p),
                    ("offset", ctypes.c_int64), ("shape", ctypes.c_int64 * array.ndim),
                    ("strides", ctypes.c_int64 * array.ndim)]

    strides = [s // array.itemsize for s in array.strides]
    return MemRef(array.ctypes.data, array.ctypes.data, 0,
                  (ctypes.c_int64 * array.ndim)(*array.shape),
                  (ctypes.c_int64 * array.ndim)(*strides))


class Output:
    """A strided window of random numbers; `check` sees that nothing around it
    was written."""

    def __init__(self, generator, *shape):
        self.around = generator.standard_normal([d + 2 for d in shape]).astype(np.float32)
        self.window = tuple(slice(1, 1 + d) for d in shape)
        self.before = self.around.copy()
        self.array = self.around[self.window]

    def check(self, reference, tolerance, what):
        after = self.around.copy()
        after[self.window] = self.before[self.window]
        if not (after == self.before).all():
            sys.exit(f"{what}: wrote outside of the output")
        close(self.array, reference, tolerance, what)


def strided(generator, *shape):
    return Output(generator, *shape).array


def close(result, reference, tolerance, what):
    if (np.isnan(result) != np.isnan(reference)).any():
        sys.exit(f"{what}: NaN in other places than the reference")
    error = np.abs(result - reference)
    error = np.nanmax(error) if error.size and not np.isnan(error).all() else 0.0
    if error > tolerance:
        sys.exit(f"{what}: error {error:.2e} exceeds {tolerance:.2e}")


def rational(kind, table, degree, x):
    """The functions of a table [coefficient, channel]: P of a degree, then Q's without its 1."""
    table, base = table.astype(np.float64), np.abs(x) if kind == "sum_abs_absx" else x
    top = sum(c * x**i for i, c in enumerate(table[: degree + 1]))
    bottom = sum(c * base**i for i, c in enumerate(table[degree + 1 :], 1))
    return top / (1 + (np.abs(bottom) if kind == "abs_sum" else bottom))
