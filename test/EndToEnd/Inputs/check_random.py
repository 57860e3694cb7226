#!/usr/bin/env python3
"""Random operators: the numbers are those that the dialect's description says,
and distributed as they should be.

    check_random.py WINNOW WORK_FOLDER
"""

import math
import os
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper
from support import Checker, compile_model, folder_of, open_winnow

SHAPE = (200, 250)
COUNT = math.prod(SHAPE)
SEED, STREAM_SEED = 11, 2.5


def philox(counter, key):
    """Philox4x32-10: [n, 4] words from counters [n, 4]."""
    c = [counter[:, i].astype(np.uint64) for i in range(4)]
    key = [np.uint64(k) for k in key]
    low = np.uint64(0xFFFFFFFF)
    for _ in range(10):
        a, b = c[0] * np.uint64(0xD2511F53), c[2] * np.uint64(0xCD9E8D57)
        c = [(b >> np.uint64(32)) ^ c[1] ^ key[0], b & low,
             (a >> np.uint64(32)) ^ c[3] ^ key[1], a & low]  # fmt: skip
        key = [(key[0] + np.uint64(0x9E3779B9)) & low, (key[1] + np.uint64(0xBB67AE85)) & low]
    return np.stack(c, -1)


def check_philox():
    """The known answers of the paper's library."""
    for counter, key, words in [
        ("00000000 00000000 00000000 00000000", "00000000 00000000",
         "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff",
         "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0",
         "d16cfe09 94fdcceb 5001e420 24126ea1"),
    ]:  # fmt: skip
        counter, key, words = ([int(word, 16) for word in text.split()]
                               for text in (counter, key, words))  # fmt: skip
        got = philox(np.array([counter], np.uint64), key)
        assert got.tolist() == [words], (got, words)


def words(stream, seed=SEED):
    counter = np.zeros((COUNT, 4), np.uint64)
    counter[:, 0] = np.arange(COUNT)
    return philox(counter, (seed, stream))


def uniform(w, dtype):
    if dtype == np.float64:
        wide = (w[:, 1] << np.uint64(32)) | w[:, 0]
        return (wide >> np.uint64(11)).astype(dtype) * dtype(2.0**-53)
    bits = np.finfo(dtype).nmant + 1
    return ((w[:, 0] >> np.uint64(32 - bits)) * 2.0**-bits).astype(dtype)


def normal(w, dtype):
    if dtype == np.float64:
        u = uniform(w, dtype) + 2.0**-53
        v = uniform(w[:, 2:], dtype)
    else:
        half = (w[:, 0] >> np.uint64(1)).astype(np.float32)
        u = (half * np.float32(2.0**-31) + np.float32(2.0**-32)).astype(np.float64)
        v = uniform(w[:, 1:], np.float32).astype(np.float64)
    return np.sqrt(-2 * np.log(u)) * np.cos(2 * np.pi * v)


def distance(x, cdf):
    """The Kolmogorov-Smirnov distance, scaled so that 1.95 is rare (0.1 %)."""
    x = np.sort(x.ravel().astype(np.float64))
    steps = np.arange(len(x) + 1) / len(x)
    p = cdf(x)
    return max(np.abs(p - steps[1:]).max(), np.abs(p - steps[:-1]).max()) * math.sqrt(len(x))


def normal_cdf(x):
    return 0.5 * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))


def build(path):
    floats = {"f": TensorProto.FLOAT, "d": TensorProto.DOUBLE, "h": TensorProto.FLOAT16}
    nodes = [helper.make_node("RandomUniform", [], [f"uniform_{k}"], shape=SHAPE, dtype=t)
             for k, t in floats.items()]  # fmt: skip
    nodes += [helper.make_node("RandomNormal", [], [f"normal_{k}"], shape=SHAPE, dtype=t)
              for k, t in floats.items()]  # fmt: skip
    nodes += [
        helper.make_node("RandomNormal", [], ["seeded"], shape=SHAPE, seed=STREAM_SEED),
        helper.make_node("RandomUniformLike", ["p"], ["like"], low=-1.0, high=3.0),
        helper.make_node("Bernoulli", ["p"], ["coins"], dtype=TensorProto.INT32),
        helper.make_node("Multinomial", ["logits"], ["classes"], sample_size=COUNT // 2),
    ]
    outputs = []
    for name in [output for node in nodes for output in node.output]:
        outputs.append(helper.make_tensor_value_info(name, 0, None))
        outputs[-1].type.Clear()
    inputs = [helper.make_tensor_value_info("p", TensorProto.FLOAT, ["rows", SHAPE[1]]),
              helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", 4])]  # fmt: skip
    graph = helper.make_graph(nodes, "random", inputs, outputs)
    opset = [helper.make_opsetid("", 18)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), path)


def main():
    tool, work = sys.argv[1:]
    check_philox()
    model = os.path.join(folder_of(work), "random.onnx")
    build(model)
    folder = compile_model(tool, model, os.path.join(work, "random"), "--seed", str(SEED))
    probabilities = np.full(SHAPE, 0.3, np.float32)
    probabilities[0], probabilities[1] = 0, 1
    weights = np.array([[0.1, 0.2, 0.0, 0.7], [0.25, 0.25, 0.25, 0.25]])
    with np.errstate(divide="ignore"):
        feeds = {"p": probabilities, "logits": np.log(weights).astype(np.float32) + 5}
    one, two = open_winnow(folder, 1), open_winnow(folder, 2)
    got = {name: np.array(value) for name, value in one(feeds).items()}
    check = Checker()
    for name, again in [*one(feeds).items(), *two(feeds).items()]:
        check.equal(f"{name}, another run", np.array(again), got[name])

    dtypes = {"f": np.float32, "d": np.float64, "h": np.float16}
    for stream, (kind, dtype) in enumerate(dtypes.items(), 1):
        x = got[f"uniform_{kind}"]
        check.equal(f"uniform {kind}", x.ravel(), uniform(words(stream), dtype))
        far = distance(x, lambda x: np.clip(x, 0, 1)) if kind != "h" else 0
        assert 0 <= x.min() and x.max() < 1 and far < 1.95, (kind, x.min(), x.max(), far)
    limits = {"f": 4e-6, "d": 1e-13, "h": 2e-3}
    for stream, (kind, dtype) in enumerate(dtypes.items(), 4):
        x = got[f"normal_{kind}"]
        check.close(f"normal {kind}", x.ravel(), normal(words(stream), dtype), limits[kind])
        mean, variance = x.mean(dtype=np.float64), x.var(dtype=np.float64)
        far = distance(x, normal_cdf)
        assert abs(mean) < 0.015 and abs(variance - 1) < 0.02, (kind, mean, variance)
        assert far < 1.95 or kind == "h", (kind, far)
    bits = int(np.float32(STREAM_SEED).view(np.uint32))
    check.close("seeded", got["seeded"].ravel(), normal(words(0, bits), np.float32), limits["f"])
    check.close("like", got["like"].ravel(), 4 * uniform(words(7), np.float32) - 1, 1e-6)
    coins = uniform(words(8), np.float32).reshape(SHAPE) < probabilities
    check.equal("coins", got["coins"], coins.astype(np.int32))
    assert not coins[0].any() and coins[1].all() and abs(coins[2:].mean() - 0.3) < 0.01
    for row, weight in zip(got["classes"], weights):
        share = np.bincount(row, minlength=4) / row.size
        assert np.abs(share - weight).max() < 0.01 and share[weight == 0].sum() == 0, share

    other = open_winnow(compile_model(tool, model, os.path.join(work, "other"), "--seed", "12"))
    changed = other(feeds)
    assert not np.array_equal(changed["uniform_f"], got["uniform_f"])
    check.equal("seeded, another seed", np.array(changed["seeded"]), got["seeded"])
    check.finish()


if __name__ == "__main__":
    main()
