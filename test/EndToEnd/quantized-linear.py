# Linear layers of integers: exact on every CPU level, whatever the operands.
#
# RUN: %python %s %t %winnow

import itertools
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../Import/ONNX/Inputs"), os.path.join(HERE, "Inputs")]
import numpy as np
from build import node, save, value
from integers import TYPES, compile_all, numbers, raised
from onnx import TensorProto
from support import Checker, compile_model, open_onnxruntime, open_winnow

work, tool = sys.argv[1:]
rng = np.random.default_rng(10)
check = Checker()
# MatMulInteger, Cast, Mul: each operation of floats rounds once, as in numpy. Columns fill panels
# and vectors in part; depths are no multiple of four; extremes would saturate sums of 16 bits.
for x_type, w_type in itertools.product((np.uint8, np.int8), repeat=2):
    nodes, constants, wants = [], {}, []
    shapes = [(4, 1), (7, 16), (33, 50), (64, 97), (130, 48)]
    for i, (k, n) in enumerate(shapes):
        w = numbers(rng, w_type, k, n, extreme=i % 2)
        # Of unsigned weights, a zero in the middle fits bytes, and others do not.
        zero = np.array([128, 37, 0, 128, 255][i] if w_type == np.uint8 else [0, 0, -3, 0, 100][i], w_type)
        constants |= {f"w{i}": w, f"z{i}": zero, f"b{i}": rng.standard_normal(n).astype(np.float32),
                      f"s{i}": rng.random(n if i % 2 else ()).astype(np.float32)}
        nodes += [node("MatMulInteger", f"x{i} w{i} xz{i} z{i}", f"i{i}"),
                  node("Cast", f"i{i}", f"f{i}", to=TensorProto.FLOAT),
                  node("Mul", f"f{i} s{i}", f"m{i}"), node("Add", f"m{i} b{i}", f"a{i}"),
                  node("Relu", f"a{i}", f"r{i}"), node("Add", f"r{i} res{i}", f"y{i}")]
    inputs = [v for i, (k, n) in enumerate(shapes)
              for v in (value(f"x{i}", ["rows", k], TYPES[np.dtype(x_type)]), value(f"res{i}", ["rows", n]),
                        value(f"xz{i}", [], TYPES[np.dtype(x_type)]))]
    name = f"integers_{np.dtype(x_type).name}_{np.dtype(w_type).name}"
    path = save(name, nodes, inputs, [f"y{i}" for i in range(len(shapes))], constants, opset=18)
    for folder, levels in compile_all(tool, work, name, path):
        raised(check, folder, name, "quantized-linear.raised", len(shapes))
        for level, rows in itertools.product(levels, (1, 2, 13, 40)):
            os.environ["WINNOW_CPU"] = level
            feeds = {}
            for i, (k, n) in enumerate(shapes):
                feeds |= {f"x{i}": numbers(rng, x_type, rows, k, extreme=i % 2), f"xz{i}": numbers(rng, x_type),
                          f"res{i}": rng.standard_normal((rows, n)).astype(np.float32)}
            got = open_winnow(folder, threads=2)(feeds)
            for i in range(len(shapes)):
                x, w = (feeds[f"x{i}"].astype(np.int64) - feeds[f"xz{i}"],
                        constants[f"w{i}"].astype(np.int64) - constants[f"z{i}"])
                want = (x @ w).astype(np.float32) * constants[f"s{i}"] + constants[f"b{i}"]
                want = np.maximum(want, 0) + feeds[f"res{i}"]
                check.equal(f"{name} {level} {rows} rows {i}", got[f"y{i}"], want)

# Zeros of each column, all the same or not, of so many columns that they are kept beside the model's text.
k, n = 20, 3000
for name, zeros in (("same_zeros", np.zeros(n, np.uint8)), ("zeros_of_columns", numbers(rng, np.uint8, n))):
    constants = {"w": numbers(rng, np.uint8, k, n), "wz": zeros, "s": rng.random(n).astype(np.float32)}
    path = save(name, [node("MatMulInteger", "x w xz wz", "i"), node("Cast", "i", "f", to=TensorProto.FLOAT), node("Mul", "f s", "y")],
                [value("x", ["rows", k], TensorProto.UINT8), value("xz", [], TensorProto.UINT8)], ["y"], constants, opset=18)  # fmt: skip
    folder = compile_model(tool, path, os.path.join(work, name))
    raised(check, folder, name, "quantized-linear.raised", 1)
    os.environ.pop("WINNOW_CPU", None)
    feeds = {"x": numbers(rng, np.uint8, 3, k), "xz": numbers(rng, np.uint8)}
    x, w = feeds["x"].astype(np.int64) - feeds["xz"], constants["w"].astype(np.int64) - constants["wz"]
    check.equal(name, open_winnow(folder)(feeds)["y"], (x @ w).astype(np.float32) * constants["s"])

# Numbers that fewer bits hold are packed, and the sums are the same: numbers of 4 and of 6 bits, and
# of 4 bits with a multiplier for each 32 inputs of a column.
def of_few_bits(form, k, n):
    if form == "6":
        return rng.integers(-32, 32, (k, n)).astype(np.int8)
    w = rng.integers(-8, 8, (k, n))
    multipliers = rng.integers(1, 17, (-(-k // 32), n)) if form == "blocks" else np.ones((-(-k // 32), n), int)
    return (w * np.repeat(multipliers, 32, axis=0)[:k]).astype(np.int8)


for form, share in (("4", 0.5), ("blocks", 0.5 + 1 / 32), ("6", 0.75)):
    nodes, constants = [], {"s": np.float32(0.5)}
    shapes = [(4, 1), (7, 16), (33, 50), (64, 97), (130, 48), (250, 96)]
    for i, (k, n) in enumerate(shapes):
        constants[f"w{i}"] = of_few_bits(form, k, n)
        nodes += [node("MatMulInteger", f"x{i} w{i} xz", f"i{i}"), node("Cast", f"i{i}", f"f{i}", to=TensorProto.FLOAT),
                  node("Mul", f"f{i} s", f"y{i}")]
    for x_type in (np.uint8, np.int8):
        inputs = [value(f"x{i}", ["rows", k], TYPES[np.dtype(x_type)]) for i, (k, n) in enumerate(shapes)]
        inputs.append(value("xz", [], TYPES[np.dtype(x_type)]))
        name = f"packed_{form}_{np.dtype(x_type).name}"
        path = save(name, nodes, inputs, [f"y{i}" for i in range(len(shapes))], constants, opset=18)
        for folder, levels in compile_all(tool, work, name, path):
            # Beside the weights: sums of columns, and panels and groups that are filled in part.
            size = os.path.getsize(os.path.join(folder, name + ".weights"))
            most = sum(max(share * -(-k // 16) * 16 * -(-n // 48) * 48 + 4 * n + 256, 256) for k, n in shapes)
            if size > most:
                check.errors.append(f"{name}: expected at most {most} bytes of weights, got {size}")
            for level, rows in itertools.product(levels, (1, 2, 3, 13, 40)):
                os.environ["WINNOW_CPU"] = level
                feeds = {f"x{i}": numbers(rng, x_type, rows, k, extreme=i % 2) for i, (k, n) in enumerate(shapes)}
                feeds["xz"] = numbers(rng, x_type)
                got = open_winnow(folder, threads=2)(feeds)
                for i in range(len(shapes)):
                    x, w = feeds[f"x{i}"].astype(np.int64) - feeds["xz"], constants[f"w{i}"].astype(np.int64)
                    check.equal(f"{name} {level} {rows} rows {i}", got[f"y{i}"], (x @ w).astype(np.float32) / 2)

# DequantizeLinear on both sides, with a scale for each column, and a weight that is transposed;
# weights of bytes with Cast and Mul. ONNX's floats are rounded in each of 96 sums.
k, n = 96, 50
constants = {"xs": np.float32(0.03), "xz": np.uint8(117), "w": numbers(rng, np.int8, k, n), "wt": numbers(rng, np.int8, n, k),
             "ws": rng.random(n).astype(np.float32) / 50, "wz": np.zeros(n, np.int8), "wc": np.float32(0.01),
             "wcol": (rng.random((n, 1)) / 50).astype(np.float32)}  # fmt: skip
nodes = [node("QuantizeLinear", "x xs xz", "q"), node("DequantizeLinear", "q xs xz", "d"),
         node("DequantizeLinear", "w ws wz", "wd", axis=1), node("MatMul", "d wd", "y0"),
         node("DequantizeLinear", "wt ws wz", "wtd", axis=0), node("Gemm", "d2 wtd", "y1", transB=1),
         node("Reshape", "d shape", "d2"),
         node("Cast", "wt", "wtf", to=TensorProto.FLOAT), node("Mul", "wtf wcol", "wtm"),
         node("Transpose", "wtm", "wtt", perm=[1, 0]), node("MatMul", "d wtt", "y2")]  # fmt: skip
constants["shape"] = np.array([-1, k])
order = [0, 1, 2, 3, 6, 4, 5, 7, 8, 9, 10]
path = save("qdq", [nodes[i] for i in order], [value("x", ["batch", 5, k])], ["y0", "y1", "y2"], constants, opset=18)
peer = open_onnxruntime(path)
for folder, levels in compile_all(tool, work, "qdq", path):
    raised(check, folder, "qdq", "quantized-linear.raised", 3)
    for level in levels:
        os.environ["WINNOW_CPU"] = level
        feeds = {"x": 2 * rng.standard_normal((3, 5, k)).astype(np.float32)}
        got, want = open_winnow(folder)(feeds), peer(feeds)
        for output in want:
            check.close(f"qdq {level} {output}", got[output], want[output], 2e-5 * np.abs(want[output]).max())

# Floats in 8 bits, by name: the sums are exact, so that what is left is the rounding of floats.
k, n = 70, 50
constants = {"w": rng.standard_normal((k, n)).astype(np.float32), "b": rng.standard_normal(n).astype(np.float32)}
path = save("floats", [node("MatMul", "x w", "m"), node("Add", "m b", "y")], [value("x", ["rows", k])], ["y"], constants, opset=18)


def by_definition(x):
    x, w = x.astype(np.float32), constants["w"]
    low, high = np.minimum(x.min(1, keepdims=True), 0), np.maximum(x.max(1, keepdims=True), 0)
    scale = np.where(high > low, (high - low) / np.float32(255), np.float32(1))
    zero = np.rint(-low / scale)
    q = np.clip(np.rint(x / scale) + zero, 0, 255)
    steps = np.abs(w).max(0) / np.float32(127)
    weight = np.clip(np.rint(w / steps), -127, 127)
    return ((q - zero).astype(np.int64) @ weight.astype(np.int64)) * (scale * steps) + constants["b"]


for folder, levels in compile_all(tool, work, "floats", path, "--approximate=quantize=8"):
    for level in levels:
        os.environ["WINNOW_CPU"] = level
        x = rng.standard_normal((9, k)).astype(np.float32)
        x[3] = 0
        x[4] = np.abs(x[4])
        x[5] *= 1e-30
        got = open_winnow(folder)({"x": x})["y"]
        check.close(f"floats {level}", got, by_definition(x), 2e-6 * np.abs(got).max())

# Weights of 4 and 8 bits in blocks, and an input of floats: columns fill panels in part, the last
# block and the last word are not whole, zeros are one for all, none, or one for each block. With accuracy
# level 4, blocks of the input are rounded to 8 bits first.


def round_blocks(x, block):
    padded = np.pad(x, ((0, 0), (0, -x.shape[1] % block))).reshape(len(x), -1, block)
    steps = np.abs(padded).max(-1, keepdims=True) / np.float32(127)
    inverse = np.divide(np.float32(1), steps, where=steps > 0, out=np.zeros_like(steps))
    numbers = np.clip(np.rint(padded * inverse), -127, 127)
    return (numbers.astype(np.float64) * steps).reshape(len(x), -1)[:, : x.shape[1]]


for bits, block, accuracy in ((4, 16, 0), (4, 32, 0), (8, 16, 0), (8, 128, 0), (4, 16, 4), (4, 64, 4), (8, 32, 4), (4, 256, 4)):
    nodes, constants, reals = [], {}, {}
    shapes = [(5, 1), (64, 50), (100, 97), (130, 48)]
    for i, (k, n) in enumerate(shapes):
        blocks = -(-k // block)
        numbers_of = rng.integers(0, 1 << bits, (n, blocks * block))
        zeros = rng.integers(0, 1 << bits, (n, blocks)) if i % 2 else np.full((n, blocks), 1 << (bits - 1))
        scales = rng.random((n, blocks)).astype(np.float32) / (1 << bits)
        pack = lambda a: (a.reshape(n, -1, 2) * [1, 16]).sum(-1).astype(np.uint8) if bits == 4 else a.astype(np.uint8)
        padded = np.pad(zeros, ((0, 0), (0, blocks % 2))) if bits == 4 else zeros
        constants |= {f"w{i}": pack(numbers_of).reshape(n, blocks, -1), f"s{i}": scales.reshape(-1),
                      f"z{i}": pack(padded).reshape(-1), f"b{i}": rng.standard_normal(n).astype(np.float32)}
        spread = lambda a: np.repeat(a, block, axis=1)[:, :k]
        reals[i] = (numbers_of[:, :k] - spread(zeros)) * spread(scales).astype(np.float64)
        nodes += [node("MatMulNBits", f"x{i} w{i} s{i}" + (f" z{i}" if i % 2 else ""), f"m{i}", K=k, N=n, bits=bits,
                       block_size=block, accuracy_level=accuracy, domain="com.microsoft"),
                  node("Add", f"m{i} b{i}", f"a{i}"), node("Relu", f"a{i}", f"y{i}")]
    name = f"blocks_{bits}_{block}_{accuracy}"
    path = save(name, nodes, [value(f"x{i}", ["rows", k]) for i, (k, n) in enumerate(shapes)],
                [f"y{i}" for i in range(len(shapes))], constants, opset=18, domains=["com.microsoft"])
    for folder, levels in compile_all(tool, work, name, path):
        # 4 bits of each weight, and panels that are filled in part.
        for level, rows in itertools.product(levels, (1, 2, 13, 40)):
            os.environ["WINNOW_CPU"] = level
            feeds = {f"x{i}": rng.standard_normal((rows, k)).astype(np.float32) for i, (k, n) in enumerate(shapes)}
            feeds["x1"][0, :block] = 0
            if rows > 2:
                feeds["x2"][2] *= 1e-42 if accuracy else 1
            got = open_winnow(folder, threads=2)(feeds)
            for i in range(len(shapes)):
                x = round_blocks(feeds[f"x{i}"], block) if accuracy else feeds[f"x{i}"].astype(np.float64)
                want = np.maximum(x @ reals[i].T + constants[f"b{i}"], 0)
                # Rounding of up to 130 terms and of their sums.
                check.close(f"{name} {level} {i}", got[f"y{i}"], want, 5e-6 * max(np.abs(want).max(), 1))

    if accuracy:
        feeds["x0"][0, 3] = np.nan
        y = open_winnow(folder)(feeds)["y0"]
        if not np.isnan(y[0]).all() or np.isnan(y[1:]).any():
            check.errors.append(f"{name}: expected NaN in the row that has one, got it elsewhere or not")

# DequantizeLinear on a weight of 4 bits in blocks, along either dimension, and of 8 bits by columns.
k, n, block = 80, 50, 16
import ml_dtypes

constants, nodes, reals = {}, [], {}
for i, (dtype, low, axis) in enumerate(((ml_dtypes.int4, -8, 0), (ml_dtypes.uint4, 0, 0), (ml_dtypes.uint4, 0, 1))):
    shape, counts = ((k, n), (k // block, n)) if axis == 0 else ((n, k), (n, k // block))
    w, z = rng.integers(low, low + 16, shape), rng.integers(low, low + 16, counts) if i else np.zeros(counts, int)
    s = (rng.random(counts) / 16).astype(np.float32)
    constants |= {f"w{i}": w.astype(dtype), f"s{i}": s}
    if i:
        constants[f"z{i}"] = z.astype(dtype)
    spread = lambda a: np.repeat(a, block, axis=axis)
    real = (w - spread(z)) * spread(s).astype(np.float64)
    reals[i] = real if axis == 0 else real.T
    nodes.append(node("DequantizeLinear", f"w{i} s{i}" + (f" z{i}" if i else ""), f"d{i}", axis=axis, block_size=block))
    nodes.append(node("MatMul", f"x d{i}", f"y{i}") if axis == 0 else node("Gemm", f"x d{i}", f"y{i}", transB=1))
w, s = rng.integers(-128, 128, (k, n)), (rng.random(n) / 128).astype(np.float32)
constants |= {"w3": w.astype(np.int8), "s3": s}
nodes += [node("DequantizeLinear", "w3 s3", "d3", axis=1), node("MatMul", "x d3", "y3")]
reals[3] = w * s.astype(np.float64)
w, z, s = rng.integers(0, 256, (k, n)), rng.integers(0, 256, n), (rng.random(n) / 128).astype(np.float32)
constants |= {"w4": w.astype(np.uint8), "z4": z.astype(np.uint8), "s4": s}
nodes += [node("DequantizeLinear", "w4 s4 z4", "d4", axis=1), node("MatMul", "x d4", "y4")]
reals[4] = (w - z) * s.astype(np.float64)
path = save("dequantized_weights", nodes, [value("x", ["rows", k])], [f"y{i}" for i in range(5)], constants, opset=21)
for folder, levels in compile_all(tool, work, "dequantized_weights", path):
    report = json.dumps(json.load(open(os.path.join(folder, "dequantized_weights.json"))))
    if report.count("quantized-linear.weight-raised") != 5:
        check.errors.append("dequantized_weights: expected 5 weights that stay integers")
    for level, rows in itertools.product(levels, (1, 9)):
        os.environ["WINNOW_CPU"] = level
        x = rng.standard_normal((rows, k)).astype(np.float32)
        got = open_winnow(folder)({"x": x})
        for i, real in reals.items():
            want = x.astype(np.float64) @ real
            check.close(f"dequantized_weights {level} {i}", got[f"y{i}"], want, 5e-6 * np.abs(want).max())

check.finish()
