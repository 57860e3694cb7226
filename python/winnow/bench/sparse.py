"""Feed-forward layers of which a known share of the hidden units fires."""

import os
import statistics

import numpy as np

from .graph import FLOAT, Graph


# Of what is predicted: the dimensions that decide most, and their share of the variance.
RANK, SHARE = 64, 0.9


def feed_forward(form, width, hidden, rows, density, layers, predictable=False, seed=0):
    """`layers` times x + down(relu(first(norm(x)))) (relu), or with relu(first) as the gate
    of another layer (reglu). Rows of norm(x) have mean 0 and variance 1 and the weights variance
    1 / width, so that a bias of the normal quantile lets a share `density` of the units fire.
    Random weights make all directions alike; where what fires is `predictable`, 64 of them have nine
    tenths of the variance of the first layer's sums, and noise in all of them has the rest."""
    rng = np.random.default_rng(seed)
    g = Graph(17)
    shift = np.full(hidden, statistics.NormalDist().inv_cdf(density), np.float32)
    ones, zeros = (g.weight(name, np.full(width, value, np.float32)) for name, value in (("ones", 1), ("zeros", 0)))
    x = "x"
    for i in range(layers):

        def linear(name, inputs, k, n):
            weight = rng.standard_normal((k, n), dtype=np.float32) * np.float32(k**-0.5)
            if predictable and name == "first":
                sides = (rng.standard_normal(shape, dtype=np.float32) for shape in ((k, RANK), (RANK, n)))
                low = np.matmul(*sides) * np.float32((SHARE / (k * RANK)) ** 0.5)
                weight = low + np.float32((1 - SHARE) ** 0.5) * weight
                weight /= np.linalg.norm(weight, axis=0)
            return g.op("MatMul", inputs, g.weight(f"{name}_{i}", weight))

        normed = g.op("LayerNormalization", x, ones, zeros, axis=-1)
        h = g.op("Relu", g.op("Add", linear("first", normed, width, hidden), g.shared(shift, np.float32)))
        if form == "reglu":
            h = g.op("Mul", h, linear("up", normed, width, hidden))
        x = g.op("Add", linear("down", h, hidden, width), x, out="y" if i == layers - 1 else None)
    shape = [rows, width]
    return g.model("ffn", [("x", FLOAT, shape)], [("y", FLOAT, shape)])


def calibrate(folder, rows, width, runs=1200, seed=7):
    """Inputs of so many runs, drawn as the benchmark draws its own."""
    rng = np.random.default_rng(seed)
    for number in range(runs):
        np.savez(os.path.join(folder, f"{number:04}.npz"), x=rng.standard_normal((rows, width), np.float32))
