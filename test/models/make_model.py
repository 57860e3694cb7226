#!/usr/bin/env python3
"""Writes a small test model.

    make_model.py bert FORM OUT.onnx     a tiny BERT, see winnow.bench.models
    make_model.py affine OUT.onnx [K]    y = relu(x w + b) * K, x [batch, 4]
"""

import sys

import numpy as np
import onnx

from winnow.bench import models
from winnow.bench.graph import FLOAT, Graph


def affine(scale):
    """Small enough to check by hand: w[i, j] = i - j, b[j] = j."""
    g = Graph(17)
    weight = np.arange(4, dtype=np.float32)[:, None] - np.arange(3, dtype=np.float32)
    product = g.op("MatMul", "x", g.weight("w", weight))
    total = g.op("Add", product, g.weight("b", np.arange(3, dtype=np.float32)))
    factor = g.weight("scale", np.float32(scale))
    g.op("Mul", g.op("Relu", total), factor, out="y")
    return g.model("affine", [("x", FLOAT, ["batch", 4])], [("y", FLOAT, ["batch", 3])])


def main():
    kind, *rest = sys.argv[1:]
    if kind == "bert":
        form, path = rest
        model = models.bert_model(form, models.TINY)
    else:
        path, *scale = rest
        model = affine(float(scale[0]) if scale else 1.0)
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)


if __name__ == "__main__":
    main()
