# Elements that are stored and moved only: every operator that takes them, on
# inputs and on constants, packed in the file's two ways, small and large; and
# quantization to and from them.
#
# RUN: %python %s %t %winnow

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../Import/ONNX/Inputs"), os.path.join(HERE, "Inputs")]
import ml_dtypes
import numpy as np
from build import BOOL, FLOAT, INT64, build, ints, node, save, value
from onnx import TensorProto as T
from onnx import helper, numpy_helper
from support import compile_model, open_winnow

np.seterr(all="ignore")
rng = np.random.default_rng(11)
F8 = [T.FLOAT8E4M3FN, T.FLOAT8E4M3FNUZ, T.FLOAT8E5M2, T.FLOAT8E5M2FNUZ]
SMALL_INTS = [T.INT4, T.UINT4, T.INT2, T.UINT2]
WIDTH = {T.FLOAT4E2M1: 4, T.INT4: 4, T.UINT4: 4, T.INT2: 2, T.UINT2: 2}
RANGES = {T.INT4: (-8, 7), T.UINT4: (0, 15), T.INT2: (-2, 1), T.UINT2: (0, 3),
          T.INT8: (-128, 127), T.UINT16: (0, 65535)}  # fmt: skip
STORAGE = [*F8, T.FLOAT4E2M1, T.FLOAT8E8M0, *SMALL_INTS]
to_numpy = helper.tensor_dtype_to_np_dtype
wrong = []


def random(dtype, *shape):
    bits = rng.integers(0, 1 << WIDTH.get(dtype, 8), shape, dtype=np.uint8)
    return bits.view(to_numpy(dtype))


def packed(name, dtype, array, raw):
    """An initializer of a type with its bytes in raw_data or in int32_data."""
    per_byte = 8 // WIDTH.get(dtype, 8)
    flat = np.append(array.reshape(-1).view(np.uint8), np.zeros(-array.size % per_byte, np.uint8))
    groups = flat.reshape(-1, per_byte).astype(np.int32)
    data = (groups << (np.arange(per_byte) * (8 // per_byte))).sum(axis=1)
    tensor = T(name=name, data_type=dtype, dims=array.shape)
    if raw:
        tensor.raw_data = data.astype(np.uint8).tobytes()
    else:
        tensor.int32_data.extend(data)
    return tensor


def compiled(name, model):
    path = save(name, model)
    return open_winnow(compile_model(sys.argv[2], path, path + ".out"))


def check(what, got, want):
    if got.dtype != want.dtype or got.shape != want.shape:
        return wrong.append(f"{what}: {got.dtype}{got.shape}, not {want.dtype}{want.shape}")
    if want.dtype in map(to_numpy, STORAGE):
        got, want = got.view(np.uint8), want.view(np.uint8)
    got, want = got.astype(np.float64), want.astype(np.float64)
    if not np.array_equal(got, want, equal_nan=True):
        wrong.append(f"{what}: {int((got != want).sum())} of {want.size} differ")


# ---- Movement ----


def movement(dtype):
    name = helper.tensor_dtype_to_string(dtype).split(".")[1]
    small, large = random(dtype, 3, 5), random(dtype, 33, 65)
    constants = {"perm": ints(2, 4, 0), "shape": ints(5, -1), "two": ints(2, 1), "sizes": ints(4, 3, 5),
                 "starts": ints(4), "ends": ints(-6), "axes": ints(1), "steps": ints(-2), "zero": ints(0),
                 "at": ints(1, 0, 2, 1, 1).reshape(1, 5), "pads": ints(1, 0, 0, 2), "one": ints(1),
                 "tuples": ints(0, 4, 2, 2).reshape(2, 2)}  # fmt: skip
    want, nodes = {}, []

    def add(array, op, inputs, **attributes):
        out = f"y{len(nodes)}"
        nodes.append(node(op, inputs, out, **attributes))
        want[out] = array

    x, w, flag = random(dtype, 3, 5), small, np.array([[True], [False], [True]])
    bits = x.view(np.uint8)
    as_type = lambda array: np.ascontiguousarray(array).view(to_numpy(dtype))
    both = lambda f: as_type(f(bits, w.view(np.uint8)))
    add(x, "Identity", "x")
    add(x.reshape(5, 3), "Reshape", "x shape")
    add(as_type(bits.T), "Transpose", "x")
    add(x.reshape(1, 15), "Flatten", "x", axis=0)
    add(x.reshape(3, 1, 5), "Unsqueeze", "x one")
    add(both(lambda a, b: np.concatenate([a, b])), "Concat", "x w", axis=0)
    add(as_type(bits[:, 4:-6:-2]), "Slice", "x starts ends axes steps")
    add(as_type(bits[:, [2, 4, 0]]), "Gather", "x perm", axis=1)
    add(as_type(np.take_along_axis(bits, constants["at"], 0)), "GatherElements", "x at", axis=0)
    add(as_type(bits[[0, 2], [4, 2]]), "GatherND", "x tuples")
    add(both(lambda a, b: np.where(flag, a, b)), "Where", "flag x w")
    add(as_type(np.broadcast_to(bits, (4, 3, 5))), "Expand", "x sizes")
    add(as_type(np.tile(bits, (2, 1))), "Tile", "x two")
    add(both(lambda a, b: np.pad(a, [(1, 0), (0, 2)], constant_values=b[0, 0])), "Pad", "x pads fill")
    scattered = bits.copy()
    scattered[[0, 2], [4, 2]] = w.view(np.uint8)[0, :2]
    add(as_type(scattered), "ScatterND", "x tuples updates")
    add(ints(3, 5), "Shape", "x")
    add(np.array(15), "Size", "x")
    add(w, "Identity", "w")
    add(large, "Identity", "large")
    add(as_type(large.view(np.uint8)[:, [2, 4, 0]]), "Gather", "large perm", axis=1)
    add(as_type(large.view(np.uint8)[[2, 4, 0]].T), "Transpose", "rows")
    nodes.append(node("Gather", "large perm", "rows"))
    order = [*range(len(nodes) - 2), len(nodes) - 1, len(nodes) - 2]
    add(np.full((4, 3, 5), x.reshape(-1)[0], x.dtype), "Expand", "first sizes")
    nodes.insert(0, node("Gather", "flat zero", "first"))
    nodes.insert(0, node("Flatten", "x", "flat0", axis=0))
    nodes.insert(1, node("Squeeze", "flat0 zero", "flat"))
    nodes.sort(key=lambda n: n.output[0] in ("y20",))
    value_of = packed("", dtype, w[0, :1], raw=True)
    nodes.append(node("ConstantOfShape", "sizes", "filled", value=value_of))
    want["filled"] = np.full((4, 3, 5), w[0, 0], x.dtype)
    # A branch, and a loop that stacks what it carries.
    branch = lambda output: helper.make_graph(
        [node("Identity", output, "b")], "branch", [], [value("b", None, dtype)])  # fmt: skip
    nodes.append(helper.make_node("If", ["yes"], ["chosen"], then_branch=branch("x"),
                                  else_branch=branch("w")))  # fmt: skip
    want["chosen"] = x
    body = helper.make_graph(
        [node("Identity", "keep", "keep_out"), node("Concat", "tail head", "c", axis=0),
         node("Identity", "c", "state_out"), node("Identity", "state", "stacked"),
         node("Slice", "state b0 b1", "head"), node("Slice", "state b1 b3", "tail")],
        "body", [value("i", [], INT64), value("keep", [], BOOL), value("state", [3, 5], dtype)],
        [value("keep_out", [], BOOL), value("state_out", [3, 5], dtype), value("stacked", [3, 5], dtype)])  # fmt: skip
    body.node.sort(key=lambda n: ["head", "tail", "c", "keep_out", "stacked", "state_out"].index(n.output[0]))
    nodes.append(helper.make_node("Loop", ["trips", "", "x"], ["last", "all"], body=body))
    constants.update(trips=np.array(4), b0=ints(0), b1=ints(1), b3=ints(3))
    states = [as_type(np.roll(bits, -i, axis=0)) for i in range(5)]
    want["last"], want["all"] = states[4], np.stack(states[:4])
    model = build(nodes, [value("x", ["n", 5], dtype), value("flag", ["n", 1], BOOL), value("yes", [], BOOL)],
                  list(want), constants, opset=25)  # fmt: skip
    model.graph.initializer.extend([
        packed("w", dtype, w, raw=False), packed("large", dtype, large, raw=True),
        packed("fill", dtype, w[0, :1].reshape(()), raw=True), packed("updates", dtype, w[0, :2], raw=True)])  # fmt: skip
    out = compiled("move-" + name, model)({"x": x, "flag": flag, "yes": np.array(True)})
    for output, array in want.items():
        check(f"{name} {output}", out[output], array)


for dtype in STORAGE:
    movement(dtype)

# ---- Quantization ----

X = (rng.standard_normal((6, 8)) * 40).astype(np.float32)
FLOAT_TYPES = {FLOAT: np.float32, T.FLOAT16: np.float16, T.BFLOAT16: ml_dtypes.bfloat16}


def quantization(dtype, scale_type, kind):
    """Quantize and dequantize by one parameter, one a row, or one a block."""
    name = f"{to_numpy(dtype).name}-{np.dtype(FLOAT_TYPES[scale_type]).name}-{kind}"
    numpy_type = FLOAT_TYPES[scale_type]
    shape, attributes = {"tensor": ((), {}), "axis": ((6,), {"axis": 0}),
                         "blocks": ((6, 3), {"axis": 1, "block_size": 3})}[kind]  # fmt: skip
    scale = rng.uniform(0.5, 8, shape).astype(numpy_type)
    is_integer = dtype in RANGES
    zero = random(dtype, *shape) if dtype in SMALL_INTS else (
        rng.integers(0, 100, shape).astype(to_numpy(dtype)) if is_integer else np.zeros(shape, to_numpy(dtype)))  # fmt: skip
    x, q = X.astype(numpy_type), random(dtype, 6, 8) if dtype in STORAGE else rng.integers(
        0, 100, (6, 8)).astype(to_numpy(dtype))  # fmt: skip
    nodes = [node("QuantizeLinear", "x s z", "q0", **attributes),
             node("QuantizeLinear", "x s", "q1", output_dtype=dtype, **attributes),
             node("QuantizeLinear", "x s z", "q2", precision=FLOAT, **attributes),
             node("DequantizeLinear", "q s z", "d0", **attributes),
             node("DequantizeLinear", "q s", "d1", output_dtype=FLOAT, **attributes),
             node("DequantizeLinear", "q s", "d2", output_dtype=T.FLOAT16, **attributes)]  # fmt: skip
    if dtype in F8:
        nodes.append(node("QuantizeLinear", "x s z", "q3", saturate=0, **attributes))
    names = [n.output[0] for n in nodes]
    inputs = [value("x", [6, 8], scale_type), value("q", [6, 8], dtype),
              value("s", list(shape), scale_type), value("z", list(shape), dtype)]  # fmt: skip
    model = build(nodes, inputs, names, opset=25)
    feeds = {"x": x, "q": q, "s": scale, "z": zero}
    wide = lambda p: np.repeat(p, 3, axis=1)[:, :8] if kind == "blocks" else p.reshape(*p.shape, 1)

    def quantized(precision, zero, saturate=True):
        x0 = x.astype(precision) / wide(scale).astype(precision)
        if is_integer:
            low, high = RANGES[dtype]
            x0 = np.rint(x0.astype(np.float64)) + wide(zero).astype(np.float64)
            return np.clip(x0, low, high).astype(np.int64).astype(to_numpy(dtype))
        x0 = x0.astype(np.float32)
        if dtype in F8 and saturate:
            limit = float(ml_dtypes.finfo(to_numpy(dtype)).max)
            x0 = np.clip(x0, -limit, limit)
        return x0.astype(to_numpy(dtype))

    def dequantized(zero, output):
        difference = q.astype(np.float32) - wide(zero).astype(np.float32)
        return (difference * wide(scale).astype(np.float32)).astype(output)

    none = np.zeros_like(zero)
    want = {"q0": quantized(numpy_type, zero), "q1": quantized(numpy_type, none),
            "q2": quantized(np.float32, zero), "q3": quantized(numpy_type, zero, saturate=False),
            "d0": dequantized(zero, numpy_type), "d1": dequantized(none, np.float32),
            "d2": dequantized(none, np.float16)}  # fmt: skip
    # Sizes that are known at run time only, and parameters in the model.
    for i in inputs:
        for axis, dim in enumerate(i.type.tensor_type.shape.dim):
            dim.dim_param = f"{'x' if i.name == 'q' else i.name}{axis}"
    dynamic = build(nodes, inputs, names, opset=25)
    constant = build(nodes, inputs[:2], names, opset=25)
    constant.graph.initializer.extend([numpy_helper.from_array(scale, "s"), packed("z", dtype, zero, True)]
                                      if dtype in STORAGE else
                                      [numpy_helper.from_array(scale, "s"), numpy_helper.from_array(zero, "z")])  # fmt: skip
    for form, m in (("static", model), ("dynamic", dynamic), ("constant", constant)):
        if form == "constant" and kind == "blocks":
            for i in m.graph.input:
                i.type.tensor_type.shape.dim[1].dim_value = 8
        run = compiled(f"{name}-{form}", m)
        out = run({key: feeds[key] for key in run.inputs})
        for output in names:
            check(f"{name} {form} {output}", out[output], want[output])


for dtype in [*F8, T.FLOAT4E2M1, *SMALL_INTS, T.INT8, T.UINT16]:
    for kind in ("tensor", "axis", "blocks"):
        quantization(dtype, FLOAT, kind)
for dtype in (T.FLOAT8E4M3FN, T.FLOAT4E2M1, T.INT4):
    for scale_type in (T.FLOAT16, T.BFLOAT16):
        quantization(dtype, scale_type, "blocks")

# ---- Scales that are powers of two, and the other operators of float8 ----

scale = np.array([[0.5, 2.0, 8.0]] * 6).astype(ml_dtypes.float8_e8m0fnu)
q, x8 = random(T.FLOAT4E2M1, 6, 8), np.arange(256, dtype=np.uint8).view(ml_dtypes.float8_e5m2)
a, b = (rng.standard_normal((4, 8)) * 20).astype(ml_dtypes.float8_e4m3fn), (
    rng.standard_normal((8, 3)) * 20).astype(ml_dtypes.float8_e4m3fn)  # fmt: skip
mx = build(
    [node("DequantizeLinear", "q s", "d", axis=1, block_size=3, output_dtype=FLOAT),
     node("QuantizeLinear", "d s", "e", axis=1, block_size=3, output_dtype=T.FLOAT4E2M1),
     node("IsNaN", "x", "nan"), node("IsInf", "x", "inf"),
     node("BitCast", "x", "bits", to=T.UINT8), node("BitCast", "q", "nibbles", to=T.INT4),
     node("QLinearMatMul", "a as az b as az as az", "m")],
    [value("q", [6, 8], T.FLOAT4E2M1), value("s", [6, 3], T.FLOAT8E8M0), value("x", ["k"], T.FLOAT8E5M2),
     value("a", [4, 8], T.FLOAT8E4M3FN), value("b", [8, 3], T.FLOAT8E4M3FN)],
    ["d", "e", "nan", "inf", "bits", "nibbles", "m"], {"as": np.float32(0.25)}, opset=26)  # fmt: skip
mx.graph.initializer.append(packed("az", T.FLOAT8E4M3FN, np.zeros((), ml_dtypes.float8_e4m3fn), True))
out = compiled("mx", mx)({"q": q, "s": scale, "x": x8, "a": a, "b": b})
values = q.astype(np.float32)
d = values * np.repeat(scale.astype(np.float32), 3, axis=1)[:, :8]
check("powers of two", out["d"], d)
check("and back", out["e"], q)
check("IsNaN", out["nan"], np.isnan(x8.astype(np.float32)))
check("IsInf", out["inf"], np.isinf(x8.astype(np.float32)))
check("BitCast", out["bits"], x8.view(np.uint8))
check("BitCast", out["nibbles"], q.view(ml_dtypes.int4))
product = a.astype(np.float32) @ b.astype(np.float32) * np.float32(0.25)
check("QLinearMatMul", out["m"], np.clip(product, -448, 448).astype(ml_dtypes.float8_e4m3fn))

if wrong:
    sys.exit("\n".join(wrong))
