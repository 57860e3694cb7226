# Cast to and from floats of 8 and 4 bits and integers of 4 and 2, bit for bit:
# every code, every tie between two of them and its neighbours, overflow,
# subnormals, infinities and NaN, from every type; at run time and folded.
#
# RUN: %python %s %t %winnow

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../Import/ONNX/Inputs"), os.path.join(HERE, "Inputs")]
import ml_dtypes
import numpy as np
from build import node, save, value
from onnx import TensorProto as T
from onnx import helper, numpy_helper
from support import compile_model, open_winnow

np.seterr(all="ignore")
rng = np.random.default_rng(5)
F8 = [T.FLOAT8E4M3FN, T.FLOAT8E4M3FNUZ, T.FLOAT8E5M2, T.FLOAT8E5M2FNUZ]
SMALL_INTS = [T.INT4, T.UINT4, T.INT2, T.UINT2]
STORAGE = [*F8, T.FLOAT4E2M1, T.FLOAT8E8M0, *SMALL_INTS]
FLOATS = [T.FLOAT, T.DOUBLE, T.FLOAT16, T.BFLOAT16]
INTS = [T.INT8, T.UINT8, T.INT16, T.UINT16, T.INT32, T.UINT32, T.INT64, T.UINT64, T.BOOL]
to_numpy = helper.tensor_dtype_to_np_dtype


def codes(dtype):
    """All bit patterns, also those with other bits set in the byte."""
    return np.arange(256, dtype=np.uint8).view(to_numpy(dtype))


def clear(x, dtype):
    """Without the bits that do not count, which ml_dtypes takes for signs of float4e2m1."""
    width = {T.FLOAT4E2M1: 4, T.INT4: 4, T.UINT4: 4, T.INT2: 2, T.UINT2: 2}.get(dtype)
    return (x.view(np.uint8) & ((1 << width) - 1)).view(x.dtype) if width else x


def interesting(dtype):
    """What casts from this type to any small one may get wrong."""
    numpy_type = to_numpy(dtype)
    if dtype in (T.FLOAT16, T.BFLOAT16):
        return np.arange(65536, dtype=np.uint16).view(numpy_type)
    bits = {T.FLOAT: np.uint32, T.DOUBLE: np.uint64}[dtype]
    numbers = np.unique(np.concatenate(
        [codes(small)[:255 if small == T.FLOAT8E8M0 else 256].astype(np.float64)
         for small in [*F8, T.FLOAT4E2M1, T.FLOAT8E8M0]]))  # fmt: skip
    numbers = numbers[np.isfinite(numbers)]
    between = np.concatenate([(small[1:] + small[:-1]) / 2 for small in (
        np.unique(codes(t).astype(np.float64)[np.isfinite(codes(t).astype(np.float64))])
        for t in [*F8, T.FLOAT4E2M1, T.FLOAT8E8M0])])  # fmt: skip
    limits = [448, 464, 480, 240, 248, 256, 57344, 61440, 65536, 6, 7, 8, 1.5 * 2.0**127]
    near = np.concatenate([numbers, between, limits]).astype(numpy_type).view(bits)
    near = np.concatenate([near + bits(d) for d in (0, 1, 2)] + [near - bits(d) for d in (1, 2)])
    anything = rng.integers(0, 2 ** (8 * bits().itemsize), 20000, dtype=bits)
    middle = (rng.standard_normal(20000) * np.exp2(rng.integers(-20, 20, 20000))).astype(numpy_type)
    special = np.array([0.0, -0.0, np.inf, -np.inf, np.nan, -np.nan], numpy_type)
    return np.concatenate([near.view(numpy_type), anything.view(numpy_type), middle, special])


def to_power(x, saturate, mode):
    """The standard's table; signs, which it leaves open, are dropped. Its own
    function differs on numbers that are subnormal in f32 and beyond the largest."""
    x = np.abs(x.astype(np.float64))
    mantissa, exponent = np.frexp(np.clip(x, 2.0**-127, 2.0**127))
    up = {"up": mantissa > 0.5, "down": False, "nearest": mantissa >= 0.75}[mode]
    result = (exponent - 1 + 127 + up).clip(0, 254).astype(np.uint8)
    result[np.isnan(x)] = 255
    if not saturate:
        result[(x < 2.0**-127) | (x > 2.0**127)] = 255
    return result.view(ml_dtypes.float8_e8m0fnu)


def round_to(x, to):
    """ml_dtypes rounds f64 to f32 first, which moves what is next to a tie onto
    it. Such numbers are moved away from it, to what f32 can tell from the tie."""
    x32 = x.astype(np.float32)
    below = np.where(np.abs(x32) > np.abs(x), np.nextafter(x32, np.float32(0)), x32)
    odd = (below.view(np.uint32) | 1).view(np.float32)
    return np.where((x32 != x) & np.isfinite(x32), odd, x32).astype(to_numpy(to))


def expected(x, to, saturate=True, mode="up"):
    numpy_type = to_numpy(to)
    if to == T.FLOAT8E8M0:
        return to_power(x, saturate, mode)
    if x.dtype.kind in "iub" and to in (*F8, T.FLOAT4E2M1):
        x = x.astype(np.float64)
    if to in (*F8, T.FLOAT4E2M1):
        x = x.astype(np.float64)
        limit = float(ml_dtypes.finfo(numpy_type).max)
        return round_to(np.clip(x, -limit, limit) if saturate and to in F8 else x, to)
    if "float" in x.dtype.name and to in (*SMALL_INTS, *INTS) and to != T.BOOL:
        # Saturates in 32 bits or the type's own, the low bits of which are kept.
        wide = np.dtype(np.int32) if to in SMALL_INTS else numpy_type
        info = np.iinfo(wide)
        x = np.trunc(np.nan_to_num(x.astype(np.float64), nan=0.0))
        # The largest of 64 bits is none of f64.
        low = x < info.min
        high = x >= float(info.max) + (0 if info.bits == 64 else 1)
        x = np.where(low | high, 0, x).astype(wide)
        x = np.where(low, info.min, np.where(high, info.max, x)).astype(wide)
        return x.astype(numpy_type) if to in SMALL_INTS else x
    if to == T.BOOL and "float" not in x.dtype.name:
        return x.astype(np.int64) != 0
    if x.dtype in map(to_numpy, STORAGE):
        x = x.astype(np.int64 if x.dtype in map(to_numpy, SMALL_INTS) else np.float64)
    return x.astype(numpy_type)


def same(got, want):
    if got.dtype != want.dtype or got.shape != want.shape:
        return np.zeros(want.shape, bool)
    if want.dtype.isbuiltin == 1 or want.dtype == ml_dtypes.bfloat16:
        bits = np.dtype(f"u{want.dtype.itemsize}")
        return (got.view(bits) == want.view(bits)) | ((got != got) & (want != want))
    # Which of its NaNs a saturating cast gives is open.
    both = np.isnan(got.astype(np.float32)) & np.isnan(want.astype(np.float32))
    return (got.view(np.uint8) == want.view(np.uint8)) | both


def casts(x, source):
    """-> (target, attributes) for all that the standard allows."""
    for to in [*STORAGE, *((*FLOATS, *INTS) if source in STORAGE else ())]:
        if to == source:
            continue
        yield to, {}
        if to in F8:
            yield to, {"saturate": 0}
        if to == T.FLOAT8E8M0:
            for mode in ("up", "down", "nearest"):
                for saturate in (0, 1):
                    yield to, {"saturate": saturate, "round_mode": mode}


wrong = []


def check(folder, source, x, constant):
    todo = list(casts(x, source))
    nodes = [node("Cast", "x", f"y{i}", to=to, **attributes)
             for i, (to, attributes) in enumerate(todo)]  # fmt: skip
    names = [f"y{i}" for i in range(len(todo))]
    constants = {"x": x} if constant else {}
    inputs = [] if constant else [value("x", ["n"], source)]
    path = save(folder, nodes, inputs, names, constants, opset=25)
    out = open_winnow(compile_model(sys.argv[2], path, path + ".out"))({} if constant else {"x": x})
    for name, (to, attributes) in zip(names, todo):
        want = expected(clear(x, source), to, attributes.get("saturate", 1), attributes.get("round_mode", "up"))
        bad = np.flatnonzero(~same(out[name], want))
        if bad.size:
            first = ", ".join(f"{x[i]!r} -> {out[name][i]!r}, not {want[i]!r}" for i in bad[:4])
            wrong.append(f"{x.dtype} to {want.dtype.name} {attributes}, constant={constant}: "
                         f"{bad.size} of {x.size} differ: {first}")  # fmt: skip


count = 0
for source in [*STORAGE, *FLOATS, *INTS]:
    if source in STORAGE:
        x = codes(source)
    elif source in FLOATS:
        x = interesting(source)
    elif source == T.BOOL:
        x = np.array([False, True])
    else:
        info = np.iinfo(to_numpy(source))
        every = np.arange(info.min, info.max + 1) if info.bits <= 16 else np.concatenate([
            rng.integers(info.min, info.max, 5000, to_numpy(source), endpoint=True),
            np.arange(-70000, 70000)[-70000 if info.min == 0 else 0 :]])  # fmt: skip
        x = every.astype(to_numpy(source))
    name = helper.tensor_dtype_to_string(source).split(".")[1]
    check(name, source, x, constant=False)
    part = x if x.size <= 4096 else rng.choice(x, 4096)
    # A constant has no bits beside its own.
    if source in (T.FLOAT4E2M1, *SMALL_INTS):
        part = part[: {4: 16, 2: 4}[2 if "INT2" in name else 4]]
    check(name + "-constant", source, part, constant=True)
    count += x.size
print(f"{count} numbers")
if wrong:
    sys.exit("\n".join(wrong))
