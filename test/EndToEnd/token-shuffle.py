# Shuffled tokens in the forms in which models have them, beside ONNX Runtime: nothing is moved for
# the shuffle, as the report says.
#
# RUN: %python %s %t %winnow

import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../Import/ONNX/Inputs"), os.path.join(HERE, "Inputs")]
import numpy as np
from build import Graph, build, ints, save, value
from support import Checker, compile_model, open_onnxruntime, open_winnow

SIDE, S, WIDTH = 8, 2, 64
rng = np.random.default_rng(41)
check = Checker()


class Model(Graph):
    def linear(self, x, inputs, outputs, activation=None):
        weight = rng.standard_normal((inputs, outputs)) / inputs**0.5
        y = self.op("Add", self.op("MatMul", x, self.f32(weight)), self.f32(rng.standard_normal(outputs)))
        return self.op(activation, y) if activation else y

    def norm(self, x, width):
        scale, bias = self.f32(1 + rng.standard_normal(width) / 8), self.f32(rng.standard_normal(width))
        return self.op("LayerNormalization", x, scale, bias)

    def residual(self, x, width):
        return self.op("Add", x, self.linear(self.linear(x, width, width, "Tanh"), width, width))

    def reshape(self, x, *dims):
        return self.op("Reshape", x, self.const(ints(*dims)))

    def shuffle(self, x, width, s=S, side=SIDE):
        """[batch, h s w s, width] as [batch, h w, s s width]"""
        x = self.reshape(x, -1, side // s, s, side // s, s, width)
        x = self.op("Transpose", x, perm=[0, 1, 3, 2, 4, 5])
        return self.reshape(x, -1, (side // s) ** 2, s * s * width)

    def unshuffle(self, x, width, s=S, side=SIDE):
        x = self.reshape(x, -1, side // s, side // s, s, s, width // (s * s))
        x = self.op("Transpose", x, perm=[0, 1, 3, 2, 4, 5])
        return self.reshape(x, -1, side * side, width // (s * s))

    def roll(self, x, shift, axis, length):
        parts = (shift, length), (0, shift)
        cut = lambda a, b: self.op("Slice", x, *(self.const(ints(i)) for i in (a, b, axis)))
        return self.op("Concat", *(cut(a, b) for a, b in parts), axis=axis)


def compressed(g, x):
    x = g.shuffle(g.linear(x, WIDTH, WIDTH // 4), WIDTH // 4)
    x = g.norm(g.residual(x, WIDTH), WIDTH)
    return g.linear(g.unshuffle(g.residual(x, WIDTH), WIDTH), WIDTH // 4, WIDTH)


def expanded_first(g, x):
    x = g.residual(g.shuffle(g.linear(x, WIDTH, WIDTH // 4), WIDTH // 4), WIDTH)
    x = g.linear(g.reshape(x, 0, 0, 4, WIDTH // 4), WIDTH // 4, WIDTH)
    return g.unshuffle(g.reshape(x, 0, 0, 4 * WIDTH), 4 * WIDTH)


def joined(g, x):
    x = g.residual(g.linear(g.shuffle(x, WIDTH), 4 * WIDTH, WIDTH), WIDTH)
    x = g.unshuffle(g.linear(x, WIDTH, 4 * WIDTH), 4 * WIDTH)
    return g.linear(x, WIDTH, 100)


def read_twice(g, x):
    return g.norm(g.residual(g.shuffle(x, WIDTH), 4 * WIDTH), 4 * WIDTH)


def put_back(g, x):
    """A wide layer's rows are put back for an output."""
    return g.unshuffle(g.residual(g.shuffle(x, WIDTH), 4 * WIDTH), 4 * WIDTH)


def put_back_wide(g, x):
    x = g.linear(g.shuffle(x, WIDTH), 4 * WIDTH, WIDTH)
    return g.unshuffle(g.linear(x, WIDTH, 4 * WIDTH, "Tanh"), 4 * WIDTH)


def to_depth(g, x):
    """SpaceToDepth of images in planes, whose windows have s x s fastest, as PixelUnshuffle gives
    them; and DepthToSpace."""
    width = WIDTH // 4
    x = g.op("Transpose", g.linear(x, WIDTH, width), perm=[0, 2, 1])
    x = g.reshape(x, -1, width, SIDE // 2, 2, SIDE // 2, 2)
    x = g.op("Transpose", x, perm=[0, 1, 3, 5, 2, 4])
    x = g.op("Transpose", g.reshape(x, -1, WIDTH, SIDE * SIDE // 4), perm=[0, 2, 1])
    x = g.norm(g.residual(g.residual(x, WIDTH), WIDTH), WIDTH)
    x = g.reshape(g.op("Transpose", g.residual(x, WIDTH), perm=[0, 2, 1]), -1, WIDTH, SIDE // 2, SIDE // 2)
    x = g.reshape(g.op("DepthToSpace", x, blocksize=2, mode="CRD"), -1, width, SIDE * SIDE)
    return g.linear(g.op("Transpose", x, perm=[0, 2, 1]), width, WIDTH)


def depth_first(g, x):
    x = g.reshape(g.op("Transpose", x, perm=[0, 2, 1]), -1, WIDTH, SIDE, SIDE)
    x = g.reshape(g.op("SpaceToDepth", x, blocksize=2), -1, 4 * WIDTH, SIDE * SIDE // 4)
    return g.linear(g.op("Transpose", x, perm=[0, 2, 1]), 4 * WIDTH, WIDTH)


def merged(g, x):
    """Swin's patch merging."""
    x = g.reshape(x, -1, SIDE, SIDE, WIDTH)
    cut = lambda i, j: g.op("Slice", x, *map(g.const, (ints(i, j), ints(SIDE, SIDE), ints(1, 2), ints(2, 2))))
    x = g.op("Concat", cut(0, 0), cut(1, 0), cut(0, 1), cut(1, 1), axis=3)
    return g.linear(g.norm(g.reshape(x, -1, SIDE * SIDE // 4, 4 * WIDTH), 4 * WIDTH), 4 * WIDTH, WIDTH)


def windows(g, x):
    """Swin's windows of 4 x 4, rolled by 2, and back."""
    y = g.reshape(g.norm(x, WIDTH), -1, SIDE, SIDE, WIDTH)
    for axis in (1, 2):
        y = g.roll(y, 2, axis, SIDE)
    y = g.shuffle(g.reshape(y, -1, SIDE * SIDE, WIDTH), WIDTH, 4)
    y = g.linear(g.reshape(y, -1, 16, WIDTH), WIDTH, WIDTH, "Tanh")
    y = g.linear(y, WIDTH, WIDTH)
    y = g.unshuffle(g.reshape(y, -1, SIDE * SIDE // 16, 16 * WIDTH), 16 * WIDTH, 4)
    y = g.reshape(y, -1, SIDE, SIDE, WIDTH)
    for axis in (1, 2):
        y = g.roll(y, SIDE - 2, axis, SIDE)
    return g.op("Add", x, g.reshape(y, -1, SIDE * SIDE, WIDTH))


def single(g, x):
    """s = 1 moves nothing."""
    x = g.linear(x, WIDTH, WIDTH)
    return g.linear(g.unshuffle(g.shuffle(x, WIDTH, 1), WIDTH, 1), WIDTH, WIDTH)


def inverse(g, x):
    x = g.linear(x, WIDTH, WIDTH)
    return g.linear(g.unshuffle(g.shuffle(x, WIDTH), 4 * WIDTH), WIDTH, WIDTH)


def inverse_forms(g, x):
    """Merged by slices, put back by a transpose, for what is no linear or norm."""
    x = g.reshape(x, -1, SIDE, SIDE, WIDTH)
    cut = lambda i, j: g.op("Slice", x, *map(g.const, (ints(i, j), ints(SIDE, SIDE), ints(1, 2), ints(2, 2))))
    y = g.op("Concat", cut(0, 0), cut(0, 1), cut(1, 0), cut(1, 1), axis=3)
    y = g.unshuffle(g.reshape(y, -1, SIDE * SIDE // 4, 4 * WIDTH), 4 * WIDTH)
    return g.op("Tanh", g.op("ReduceMax", y, g.const(ints(1))))


def copies(folder):
    name = os.path.basename(folder)
    with open(os.path.join(folder, name + ".json")) as file:
        report = json.load(file)
    found = []

    def visit(part):
        if isinstance(part, dict) and part.get("code") == "copy.remains":
            found.append(part["sentence"])
        for value in part.values() if isinstance(part, dict) else part if isinstance(part, list) else []:
            visit(value)

    visit(report)
    return found


for form in (compressed, expanded_first, joined, read_twice, put_back, put_back_wide,
             to_depth, depth_first, merged, windows, single, inverse, inverse_forms):
    for batch in (1, "batch"):
        g = Model()
        out = form(g, "x")
        name = f"{form.__name__}_{batch}"
        model = save(name, build(g.nodes, [value("x", [batch, SIDE * SIDE, WIDTH])], [out], g.constants))
        folder = compile_model(sys.argv[2], model, os.path.join(sys.argv[1], name))
        for copy in copies(folder):
            check.errors.append(f"{name}: {copy}")
        ours, theirs = open_winnow(folder), open_onnxruntime(model)
        for count in (1,) if batch == 1 else (1, 3):
            x = rng.standard_normal((count, SIDE * SIDE, WIDTH)).astype(np.float32)
            want = theirs({"x": x})
            for key, got in ours({"x": x}).items():
                check.close(f"{form.__name__}: {count}", got, want[key], 5e-5, 1e-5)
check.finish()
