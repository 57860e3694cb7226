# The forms of Attention against ONNX Runtime, all in one model.
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

rng = np.random.default_rng(23)
HEADS, KV_HEADS, SIZE, VALUE_SIZE = 6, 2, 8, 5
nodes = []


def add(outputs, mask="-", past=False, lengths=False, packed=False, name="", **attributes):
    """`outputs` are letters: y, k and v (the cache), s(cores)."""
    kind = name + ("3" if packed else "4")
    cache = (f"p{name}k", f"p{name}v") if past else ("-", "-")
    inputs = [f"q{kind}", f"k{kind}", f"v{kind}", mask, *cache]
    if lengths:
        inputs.append("lengths")
    if packed:
        attributes |= {"q_num_heads": HEADS, "kv_num_heads": KV_HEADS}
    results = [f"{key}_{len(nodes)}" if key in outputs else "-" for key in "ykvs"]
    nodes.append(node("Attention", " ".join(inputs), " ".join(results), **attributes))


for packed in (False, True):
    add("y", packed=packed)
    add("y", "m2", packed=packed, is_causal=1)
    add("y", "b4", packed=packed, scale=0.3)
    add("ykv", past=True, packed=packed, is_causal=1)
    add("ykv", "pm4", past=True, packed=packed)
    add("ykv", "pb2", past=True, packed=packed, is_causal=1, softcap=1.5)
    for mode in range(4):
        add("ykvs", "pm4", past=True, packed=packed, qk_matmul_output_mode=mode)
        add("ys", "b4", packed=packed, qk_matmul_output_mode=mode, is_causal=1)
    add("y", "b4", lengths=True, packed=packed)
    add("y", lengths=True, packed=packed, softcap=0.7)
add("y", "m3")
# A query that sees no key.
add("y", "hidden")
add("y", "hidden", softcap=2.0)
add("y", "h4", name="h")
# Each head has keys of its own: attention copies the cache itself.
add("ykv", past=True, name="m")
add("ykv", "pm4", past=True, name="m", is_causal=1)
add("ykv", "pb2", past=True, name="m")


def shapes(batch, new, past):
    total = past + new if isinstance(new, int) else "total"
    half, boolean = TensorProto.FLOAT16, TensorProto.BOOL
    result = {"lengths": ([batch], TensorProto.INT64)}
    sizes = {"q": (HEADS, SIZE), "k": (KV_HEADS, SIZE), "v": (KV_HEADS, VALUE_SIZE)}
    for key, (heads, size) in sizes.items():
        result[f"{key}4"] = ([batch, heads, new, size], TensorProto.FLOAT)
        result[f"{key}3"] = ([batch, new, heads * size], TensorProto.FLOAT)
        result[f"{key}h4"] = ([batch, heads, new, size], half)
        result[f"{key}m4"] = ([batch, HEADS, new, size], TensorProto.FLOAT)
    result["pk"] = ([batch, KV_HEADS, past, SIZE], TensorProto.FLOAT)
    result["pv"] = ([batch, KV_HEADS, past, VALUE_SIZE], TensorProto.FLOAT)
    result["pmk"] = ([batch, HEADS, past, SIZE], TensorProto.FLOAT)
    result["pmv"] = ([batch, HEADS, past, VALUE_SIZE], TensorProto.FLOAT)
    result["m2"] = ([new, new], TensorProto.FLOAT)
    result["m3"] = ([HEADS, new, new], TensorProto.FLOAT)
    result["b4"] = ([batch, 1, new, new], boolean)
    result["h4"] = ([1, HEADS, new, new], half)
    result["hidden"] = ([new, new], boolean)
    result["pm4"] = ([batch, HEADS, new, total], TensorProto.FLOAT)
    result["pb2"] = ([new, total], boolean)
    return result


def make_feeds(batch, new, past):
    feeds = {}
    for name, (shape, dtype) in shapes(batch, new, past).items():
        if name == "lengths":
            feeds[name] = rng.integers(1, new + 1, batch)
        elif dtype == TensorProto.BOOL:
            feeds[name] = rng.random(shape) < (0.2 if name == "hidden" else 0.7)
            if name != "hidden":
                feeds[name][..., 0] = True
        else:
            feeds[name] = rng.standard_normal(shape)
            feeds[name] = feeds[name].astype(np.float16 if "h" in name else np.float32)
    feeds["hidden"][0] = False
    feeds["pm4"][..., -1] = -np.inf if past + new > 1 else 0
    return feeds


def main():
    inputs = [value(name, *rest) for name, rest in shapes("batch", "new", "past").items()]
    outputs = [name for each in nodes for name in each.output if name]
    model = save("attention", nodes, inputs, outputs, opset=24)
    folder = compile_model(sys.argv[2], model, os.path.join(sys.argv[1], "attention"))
    ours, peer = open_winnow(folder, threads=2), open_onnxruntime(model)
    check = Checker()
    for sizes in ((2, 5, 3), (1, 1, 7), (3, 17, 0), (1, 33, 31)):
        feeds = make_feeds(*sizes)
        got, want = ours(feeds), peer(feeds)
        for name in outputs:
            each = nodes[int(name.split("_")[1])]
            # The peer's hidden scores are the lowest float or minus infinity.
            a, b = (np.maximum(x.astype(np.float32), -1e4) for x in (got[name], want[name]))
            tolerance = 2e-3 if "h" in each.input[0] else 1e-5
            form = " ".join(each.input) + "".join(f" {x.name}" for x in each.attribute)
            check.close(f"Attention: {name}, {form}, {sizes}", a, b, tolerance)
    check.finish()


main()
