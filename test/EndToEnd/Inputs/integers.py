"""Products of integers: all CPU levels, those that this machine runs, and operands."""

import json
import os

import numpy as np
from onnx import TensorProto
from support import compile_model

FLAGS = set(open("/proc/cpuinfo").read().split())
AVX2, AVX512 = {"avx2", "fma", "bmi2", "f16c"}, {"avx512f", "avx512bw", "avx512dq", "avx512vl", "avx512cd"}
LEVELS = {"x86-64-v4-vnni": AVX2 | AVX512 | {"avx512_vnni"}, "x86-64-v4": AVX2 | AVX512,
          "x86-64-v3-vnni": AVX2 | {"avx_vnni"}, "x86-64-v3": AVX2, "x86-64": set()}
HOST = [level for level, needs in LEVELS.items() if needs <= FLAGS]
TYPES = {np.dtype("uint8"): TensorProto.UINT8, np.dtype("int8"): TensorProto.INT8}


def compile_all(tool, work, name, path, *options):
    """The model for all levels that run here at once, with weights packed for the highest of all, and
    for the lowest that has vectors of 32 bytes alone."""
    highest = next(iter(LEVELS))
    together = ",".join(dict.fromkeys([highest, *HOST]))
    yield compile_model(tool, path, os.path.join(work, name), "--cpu=" + together, *options), HOST
    if "x86-64-v3" in HOST:
        yield compile_model(tool, path, os.path.join(work, name + "-v3"), "--cpu=x86-64-v3", *options), ["x86-64-v3"]


def raised(check, folder, name, code, count):
    report = json.load(open(os.path.join(folder, name + ".json")))
    found = json.dumps(report).count(code)
    if found < count:
        check.errors.append(f"{name}: expected {count} of {code}, found {found}")


def numbers(rng, dtype, *shape, extreme=False):
    """All of a type's numbers, or most of them the greatest and the others the least."""
    info = np.iinfo(dtype)
    if extreme:
        return np.where(rng.random(shape) < 0.9, info.max, info.min).astype(dtype)
    return rng.integers(info.min, info.max + 1, shape).astype(dtype)
