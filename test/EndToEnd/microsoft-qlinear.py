# ONNX Runtime's own operators on 8-bit tensors against it: at most one step apart,
# where a value lies between two.
#
# RUN: %python %s %t %winnow

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../Import/ONNX/Inputs"), os.path.join(HERE, "Inputs")]
import numpy as np
from build import node, save, value
from onnx import TensorProto
from support import Checker, compile_model, open_onnxruntime, open_winnow

rng = np.random.default_rng(2)
check = Checker()
U8, I8 = TensorProto.UINT8, TensorProto.INT8
SCALES = {"as": np.float32(0.02), "bs": np.float32(0.03), "cs": np.float32(0.05)}
SMALL = {"cs": np.float32(1 / 256)}


def compare(name, op, inputs, shapes, dtype=U8, constants=None, most=1, **attributes):
    np_dtype, low, high = (np.uint8, 0, 256) if dtype == U8 else (np.int8, -128, 128)
    middle = 120 if dtype == U8 else 7
    zeros = {f"{key}z": np_dtype(middle + i) for i, key in enumerate("abc")}
    given = {key: array for key, array in {**SCALES, **zeros, **(constants or {})}.items()
             if key in inputs.split()}  # fmt: skip
    feeds = {key: rng.integers(low, high, shape).astype(np_dtype) for key, shape in shapes.items()}
    kinds = {key: dtype for key in shapes}
    if "m" in inputs.split():
        feeds["m"], kinds["m"] = rng.random(shapes["a"]) < 0.5, TensorProto.BOOL
    graph = [value(key, [f"{key}{i}" for i in range(array.ndim)], kinds[key])
             for key, array in feeds.items()]  # fmt: skip
    nodes = [node(op, inputs, "y", domain="com.microsoft", **attributes)]
    model = save(name, nodes, graph, ["y"], given, opset=17, domains=["com.microsoft"])
    folder = compile_model(sys.argv[2], model, os.path.join(sys.argv[1], name))
    got, want = open_winnow(folder)(feeds)["y"], open_onnxruntime(model, unsigned_weights=True)(feeds)["y"]
    if got.dtype != want.dtype:
        check.errors.append(f"{name}: expected {want.dtype}, got {got.dtype}")
    check.close(name, got.astype(np.float64), want.astype(np.float64), most)


PAIR = {"a": (3, 4, 5), "b": (3, 4, 5)}
for dtype, tag in ((U8, "u8"), (I8, "i8")):
    compare(f"add-{tag}", "QLinearAdd", "a as az b bs bz cs cz", PAIR, dtype)
    compare(f"mul-{tag}", "QLinearMul", "a as az b bs bz cs cz", PAIR, dtype)
    compare(f"sigmoid-{tag}", "QLinearSigmoid", "a as az cs cz", {"a": (6, 7)}, dtype, SMALL)
    compare(f"leaky-{tag}", "QLinearLeakyRelu", "a as az cs cz", {"a": (6, 7)}, dtype, alpha=0.2)
    compare(f"softmax-{tag}", "QLinearSoftmax", "a as az cs cz", {"a": (2, 3, 9)}, dtype, SMALL,
            opset=13, axis=-1)  # fmt: skip
compare("no-zero-point", "QLinearSigmoid", "a as - cs cz", {"a": (6, 7)}, constants=SMALL)
compare("flat-softmax", "QLinearSoftmax", "a as az cs cz", {"a": (2, 3, 4)}, constants=SMALL,
        opset=11, axis=1)  # fmt: skip
compare("concat", "QLinearConcat", "cs cz a as az b bs bz", {"a": (2, 3), "b": (2, 3)}, axis=1)
compare("mean", "QLinearGlobalAveragePool", "a as az cs cz", {"a": (2, 3, 4, 5)}, channels_last=0)
compare("where", "QLinearWhere", "m a as az b bs bz cs cz", {"a": (4, 5), "b": (4, 5)})
weights = {"w": rng.integers(-128, 128, (6, 4)).astype(np.int8), "wz": np.zeros(4, np.int8),
           "ws": rng.uniform(0.01, 0.02, 4).astype(np.float32),
           "d": rng.integers(-999, 999, 4, dtype=np.int32)}  # fmt: skip
compare("gemm", "QGemm", "a as az w ws wz d cs cz", {"a": (5, 6)}, constants=weights)
turned = {**weights, "w": np.ascontiguousarray(weights["w"].T)}
compare("gemm-float", "QGemm", "a as az w ws wz d", {"a": (5, 6)}, constants=turned, transB=1,
        alpha=0.5, most=1e-4)  # fmt: skip
check.finish()
