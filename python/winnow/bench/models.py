"""BERT encoders of any size with seeded random weights, in the forms that
PyTorch's exporters give them.

The forms are keyed by exporter and opset, and are those of real exports:

  ts14   TorchScript: layer norm taken apart, GELU by Erf, mask (1 - m) * lowest
  ts17   TorchScript: LayerNormalization, scaled_dot_product_attention taken
         apart with a guard against NaN, mask by an index calculation
  dy18   the newer exporter, eager attention: mask by Range and GatherND
  dy20   the newer exporter, scaled_dot_product_attention taken apart, Gelu
  dy23   the newer exporter: Attention with a Boolean mask
"""

import dataclasses

import numpy as np
from onnx import numpy_helper

from .graph import BOOL, F32_MIN, FLOAT, INT64, Graph

FORMS = ("ts14", "ts17", "dy18", "dy20", "dy23")


@dataclasses.dataclass(frozen=True)
class BertShape:
    layers: int = 12
    width: int = 768
    heads: int = 12
    ffn: int = 3072
    vocab: int = 30522
    positions: int = 512

    @property
    def head_dim(self):
        return self.width // self.heads

    def gemm_flops(self, tokens):
        """Floating-point operations of the linear layers, pooler left out."""
        per_token = 4 * self.width * self.width + 2 * self.width * self.ffn
        return 2 * self.layers * per_token * tokens


BASE = BertShape()
TINY = BertShape(layers=2, width=48, heads=4, ffn=96, vocab=100, positions=64)
EPSILON = 1e-12


def bert_weights(shape, seed=0):
    """Name to float32 array. Linear weights are [in, out] and scaled so that
    attention scores have unit variance; no bias, scale or shift is trivial."""
    rng = np.random.default_rng(seed)
    weights = {}

    def normal(name, *dims, std=0.1, mean=0.0):
        values = rng.standard_normal(dims, dtype=np.float32)
        values *= np.float32(std)
        if mean:
            values += np.float32(mean)
        weights[name] = values

    def linear(name, n_in, n_out):
        normal(f"{name}.weight", n_in, n_out, std=n_in**-0.5)
        normal(f"{name}.bias", n_out)

    def norm(name):
        normal(f"{name}.weight", shape.width, mean=1.0)
        normal(f"{name}.bias", shape.width)

    width = shape.width
    normal("embeddings.word_embeddings.weight", shape.vocab, width, std=0.5)
    normal("embeddings.position_embeddings.weight", shape.positions, width, std=0.2)
    normal("embeddings.token_type_embeddings.weight", 2, width, std=0.2)
    norm("embeddings.LayerNorm")
    for i in range(shape.layers):
        layer = f"encoder.layer.{i}"
        for part in ("query", "key", "value"):
            linear(f"{layer}.attention.self.{part}", width, width)
        linear(f"{layer}.attention.output.dense", width, width)
        norm(f"{layer}.attention.output.LayerNorm")
        linear(f"{layer}.intermediate.dense", width, shape.ffn)
        linear(f"{layer}.output.dense", shape.ffn, width)
        norm(f"{layer}.output.LayerNorm")
    linear("pooler.dense", width, width)
    return weights


def bert_model(form, shape=BASE, weights=None, seed=0):
    """An onnx.ModelProto with inputs input_ids, attention_mask and
    token_type_ids [batch, seq] and outputs last_hidden_state, pooler_output."""
    if form not in FORMS:
        raise ValueError(f"expected a form of {', '.join(FORMS)}, got {form}")
    weights = weights or bert_weights(shape, seed)
    writer = TorchScript if form.startswith("ts") else Dynamo
    return writer(int(form[2:]), shape, weights).build()


class _Bert:
    """What the two exporters have in common: the order of the layers."""

    def __init__(self, opset, shape, weights):
        self.g, self.shape, self.weights = Graph(opset), shape, weights
        self.known = {}

    def at(self, module):
        self.g.scope = self.root + "/" + module.replace(".", "/").replace(
            "/layer/", "/layer."
        )

    def param(self, name):
        if name not in self.known:
            self.known[name] = self.g.weight("m." + name, self.weights[name])
        return self.known[name]

    def build(self):
        g = self.g
        self.at("embeddings")
        hidden = self.embeddings()
        self.at("embeddings.LayerNorm")
        hidden = self.norm(hidden, "embeddings.LayerNorm")
        self.begin(hidden)
        for i in range(self.shape.layers):
            layer = f"encoder.layer.{i}"
            last = i == self.shape.layers - 1
            self.at(f"{layer}.attention.self")
            context = self.attention(hidden, f"{layer}.attention.self")
            self.at(f"{layer}.attention.output")
            attended = self.add_norm(context, hidden, f"{layer}.attention.output")
            self.at(f"{layer}.intermediate")
            inner = self.gelu(self.linear(attended, f"{layer}.intermediate.dense"))
            self.at(f"{layer}.output")
            hidden = self.add_norm(
                inner, attended, f"{layer}.output", "last_hidden_state" if last else None
            )
        self.at("pooler")
        first = g.op("Gather", hidden, self.scalar(0), axis=1)
        weight = g.weight("m.pooler.dense.weight", self.weights["pooler.dense.weight"].T)
        bias = self.param("pooler.dense.bias")
        pooled = g.op("Gemm", first, weight, bias, alpha=1.0, beta=1.0, transB=1)
        g.op("Tanh", pooled, out="pooler_output")

        ids = ["input_ids", "attention_mask", "token_type_ids"]
        return g.model(
            "main_graph",
            [(name, INT64, ["batch", "seq"]) for name in ids],
            [
                ("last_hidden_state", FLOAT, self.out_dims + [self.shape.width]),
                ("pooler_output", FLOAT, self.out_dims[:1] + [self.shape.width]),
            ],
        )

    def add_norm(self, x, residual, module, out=None):
        dense = self.linear(x, f"{module}.dense")
        total = self.g.op("Add", dense, residual)
        self.at(f"{module}.LayerNorm")
        return self.norm(total, f"{module}.LayerNorm", out)

    def fused_norm(self, x, module, out=None):
        return self.g.op(
            "LayerNormalization",
            x,
            self.param(f"{module}.weight"),
            self.param(f"{module}.bias"),
            out=out,
            axis=-1,
            epsilon=EPSILON,
        )


class TorchScript(_Bert):
    root = "/m"
    out_dims = ["Addlast_hidden_state_dim_0", "Addlast_hidden_state_dim_1"]

    def scalar(self, value):
        return self.g.constant(value, np.int64)

    def vector(self, *values):
        return self.g.constant(values, np.int64)

    def real(self, value):
        return self.g.constant(value, np.float32)

    def size(self, x, axis):
        return self.g.op("Gather", self.g.op("Shape", x), self.scalar(axis), axis=0)

    def dims(self, *sizes):
        """A shape made of scalars (names) and constants, one Concat."""
        parts = [
            self.g.op("Unsqueeze", size, self.vector(0))
            if isinstance(size, str)
            else self.vector(size)
            for size in sizes
        ]
        return self.g.op("Concat", *parts, axis=0)

    def expand(self, x, dims):
        """torch's expand, with its test for sizes of -1."""
        g = self.g
        dims = g.op("Reshape", dims, self.vector(-1))
        tensor = _tensor([1])
        ones = g.op("ConstantOfShape", g.op("Shape", dims), value=tensor)
        minus = g.op("Mul", ones, self.scalar(-1))
        chosen = g.op("Where", g.op("Equal", dims, minus), ones, dims)
        return g.op("Expand", x, chosen)

    def embeddings(self):
        g = self.g
        self.seq = self.size("input_ids", 1)
        table = np.arange(self.shape.positions, dtype=np.int64)[None]
        table = g.constant(table, np.int64)
        stop = g.op("Unsqueeze", self.seq, self.vector(0))
        axes, start, step = self.vector(1), self.vector(0), self.vector(1)
        positions = g.op("Slice", table, start, stop, axes, step)
        word = g.op("Gather", self.param("embeddings.word_embeddings.weight"), "input_ids")
        kind = g.op(
            "Gather", self.param("embeddings.token_type_embeddings.weight"), "token_type_ids"
        )
        place = g.op(
            "Gather", self.param("embeddings.position_embeddings.weight"), positions
        )
        return g.op("Add", g.op("Add", word, kind), place)

    def begin(self, hidden):
        self.g.scope = self.root
        self.batch = self.size(hidden, 0)
        if self.g.opset < 17:
            self.mask = self.additive_mask()
        else:
            self.mask = self.indexed_mask(hidden)

    def additive_mask(self):
        """(1 - mask) * lowest, as transformers did up to version 4.4x."""
        g = self.g
        mask = g.op("Unsqueeze", "attention_mask", self.vector(1))
        mask = g.op("Unsqueeze", mask, self.vector(2))
        mask = g.op("Cast", mask, to=FLOAT)
        return g.op("Mul", g.op("Sub", self.real(1.0), mask), self.real(F32_MIN))

    def indexed_mask(self, hidden):
        """mask[batch_index, key_index], as transformers 5 writes it."""
        g = self.g
        mask = g.op("Cast", "attention_mask", to=BOOL)
        queries, keys = self.size(hidden, 1), self.size(mask, 1)

        def arange(count, *axes):
            x = g.op("Range", self.scalar(0), g.op("Cast", count, to=INT64), self.scalar(1))
            for axis in axes:
                x = g.op("Unsqueeze", x, self.vector(axis))
            return x

        batch_index = arange(self.batch, 1, 2, 3)
        query_index = arange(queries, 0, 1, 3)
        key_index = arange(keys, 0, 1, 2)
        empty = g.constant(np.zeros(0, np.int64), np.int64)
        true = g.op("ConstantOfShape", empty, value=_tensor([True]))
        ahead = g.op("GreaterOrEqual", query_index, self.scalar(0))
        seen = g.op("And", true, g.op("Cast", ahead, to=BOOL))
        row = g.op("Gather", g.op("Shape", mask), self.vector(1), axis=0)
        flat = g.op("Flatten", mask, axis=2)
        index = g.op("Add", key_index, g.op("Mul", batch_index, row))
        picked = g.op("Gather", flat, index, axis=0)
        back = g.op("Concat", g.op("Shape", index), axis=0)
        picked = g.op("Reshape", picked, self.vector(-1))
        picked = g.op("Cast", g.op("Reshape", picked, back), to=BOOL)
        seen = g.op("And", seen, picked)
        return self.expand(seen, self.dims(self.batch, -1, queries, keys))

    def linear(self, x, module):
        count = len(self.known)
        name = f"onnx::MatMul_{count}"
        self.known[name] = self.g.weight(name, self.weights[f"{module}.weight"])
        product = self.g.op("MatMul", x, name)
        return self.g.op("Add", self.param(f"{module}.bias"), product)

    def norm(self, x, module, out=None):
        if self.g.opset >= 17:
            return self.fused_norm(x, module, out)
        g = self.g
        centred = g.op("Sub", x, g.op("ReduceMean", x, axes=[-1]))
        square = g.op("Pow", centred, self.real(2.0))
        variance = g.op("ReduceMean", square, axes=[-1])
        deviation = g.op("Sqrt", g.op("Add", variance, self.real(EPSILON)))
        scaled = g.op("Mul", g.op("Div", centred, deviation), self.param(f"{module}.weight"))
        return g.op("Add", scaled, self.param(f"{module}.bias"), out=out)

    def gelu(self, x):
        g = self.g
        erf = g.op("Erf", g.op("Div", x, self.real(2.0**0.5)))
        return g.op("Mul", g.op("Mul", x, g.op("Add", erf, self.real(1.0))), self.real(0.5))

    def attention(self, hidden, module):
        g, shape = self.g, self.shape

        def heads(part, perm):
            x = self.linear(hidden, f"{module}.{part}")
            dims = self.dims(self.batch, self.seq, -1, shape.head_dim)
            return g.op("Transpose", g.op("Reshape", x, dims), perm=perm)

        query = heads("query", [0, 2, 1, 3])
        value = heads("value", [0, 2, 1, 3])
        key = heads("key", [0, 2, 3, 1])
        if g.opset < 17:
            scores = g.op("MatMul", query, key)
            scores = g.op("Div", scores, self.real(shape.head_dim**0.5))
            weights = g.op("Softmax", g.op("Add", scores, self.mask), axis=-1)
        else:
            root = shape.head_dim**-0.25
            query = g.op("Mul", query, self.real(root))
            key = g.op("Mul", key, self.real(root))
            minus = g.constant([-np.inf], np.float32)
            mask = g.op("Where", self.mask, g.constant([0.0], np.float32), minus)
            scores = g.op("Add", g.op("MatMul", query, key), mask)
            weights = g.op("Softmax", scores, axis=-1)
            zero = g.constant([0.0], np.float32)
            weights = g.op("Where", g.op("IsNaN", weights), zero, weights)
        context = g.op("Transpose", g.op("MatMul", weights, value), perm=[0, 2, 1, 3])
        if g.opset < 17:
            # Tensor.view(context.size()[:-2] + (width,))
            sizes = [self.size(context, 0), self.size(context, 1), shape.width]
            return g.op("Reshape", context, self.dims(*sizes))
        return g.op("Reshape", context, self.dims(self.batch, self.seq, -1))


class Dynamo(_Bert):
    root = "m"
    out_dims = ["batch", "seq"]

    def at(self, module):
        self.g.scope = module  # values of the newer exporter carry no path

    def scalar(self, value):
        return self.g.shared(value, np.int64)

    def vector(self, *values):
        return self.g.shared(values, np.int64)

    def real(self, value):
        return self.g.shared(value, np.float32)

    def embeddings(self):
        g = self.g
        self.batch = g.op("Shape", "token_type_ids", start=0, end=1)
        self.seq = g.op("Shape", "token_type_ids", start=1, end=2)
        table = g.weight(
            "m.embeddings.position_ids",
            np.arange(self.shape.positions, dtype=np.int64)[None],
        )
        one = self.vector(1)
        positions = g.op("Slice", table, self.vector(0), self.seq, one, one)

        def lookup(name, index):
            weight = self.param(f"embeddings.{name}_embeddings.weight")
            return g.op("Gather", weight, index, axis=0)

        total = g.op("Add", lookup("word", "input_ids"), lookup("token_type", "token_type_ids"))
        return g.op("Add", total, lookup("position", positions))

    def begin(self, hidden):
        g = self.g
        g.scope = "mask"
        mask = g.op("Cast", "attention_mask", to=BOOL)
        zero, one = self.scalar(0), self.scalar(1)
        rows = g.op("Range", zero, g.op("Squeeze", self.batch), one)
        keys = g.op("Range", zero, g.op("Squeeze", self.seq), one)
        rows = g.op("Unsqueeze", g.op("Unsqueeze", rows, self.vector(1, 2)), self.vector(3))
        keys = g.op("Unsqueeze", keys, self.vector(0, 1))
        queries = g.op("Unsqueeze", keys, self.vector(3))
        keys = g.op("Unsqueeze", keys, self.vector(2))
        true = g.shared(True, np.bool_)
        seen = g.op("And", true, g.op("GreaterOrEqual", queries, zero))
        dims = g.op("Shape", g.op("Max", rows, keys), start=0)
        last = self.vector(-1)
        index = g.op(
            "Concat",
            *[g.op("Unsqueeze", g.op("Expand", x, dims), last) for x in (rows, keys)],
            axis=-1,
        )
        picked = g.op("GatherND", mask, index, batch_dims=0)
        self.seen = g.op("And", seen, picked)
        if g.opset < 20:
            self.mask = self.where_mask()

    def where_mask(self):
        return self.g.op("Where", self.seen, self.real(0.0), self.real(F32_MIN))

    def linear(self, x, module):
        weight = self.g.shared(self.weights[f"{module}.weight"], np.float32)
        product = self.g.op("MatMul", x, weight)
        return self.g.op("Add", product, self.param(f"{module}.bias"))

    def norm(self, x, module, out=None):
        return self.fused_norm(x, module, out)

    def gelu(self, x):
        g = self.g
        if g.opset >= 20:
            return g.op("Gelu", x, approximate="none")
        erf = g.op("Erf", g.op("Div", x, self.real(2.0**0.5)))
        half = g.op("Mul", self.real(0.5), g.op("Add", erf, self.real(1.0)))
        return g.op("Mul", x, half)

    def attention(self, hidden, module):
        g, shape = self.g, self.shape
        last = self.vector(-1)
        split = g.op("Concat", self.batch, self.seq, last, self.vector(shape.head_dim), axis=0)

        def heads(part, perm=(0, 2, 1, 3)):
            x = self.linear(hidden, f"{module}.{part}")
            return g.op("Transpose", g.op("Reshape", x, split, allowzero=1), perm=perm)

        query = heads("query")
        if g.opset >= 23:
            key, value = heads("key"), heads("value")
            context = g.op(
                "Attention", query, key, value, self.seen,
                scale=shape.head_dim**-0.5, is_causal=0, softcap=0.0,
                qk_matmul_output_mode=0,
            )  # fmt: skip
        elif g.opset >= 20:
            key, value = heads("key"), heads("value")
            root = self.real(shape.head_dim**-0.25)
            query = g.op("Mul", query, root)
            key = g.op("Mul", self.swap_last_two(key), root)
            scores = g.op("Add", g.op("MatMul", query, key), self.where_mask())
            weights = g.op("Softmax", scores, axis=-1)
            weights = g.op("Where", g.op("IsNaN", weights), self.real(0.0), weights)
            context = g.op("MatMul", weights, value)
        else:
            key, value = heads("key", (0, 2, 3, 1)), heads("value")
            scores = g.op("Mul", g.op("MatMul", query, key), self.real(shape.head_dim**-0.5))
            weights = g.op("Softmax", g.op("Add", scores, self.mask), axis=-1)
            context = g.op("MatMul", weights, value)
        context = g.op("Transpose", context, perm=[0, 2, 1, 3])
        merged = g.op("Concat", self.batch, self.seq, last, axis=0)
        return g.op("Reshape", context, merged, allowzero=1)

    def swap_last_two(self, x):
        """transpose(-2, -1) by way of three dimensions, as the exporter does."""
        g = self.g
        last, second = self.vector(-1), self.vector(-2)
        limits = np.iinfo(np.int64)
        dims = g.op("Shape", x, start=0)
        columns = g.op("Slice", dims, last, self.vector(limits.max))
        rows = g.op("Slice", dims, second, last)
        outer = g.op("Slice", dims, self.vector(limits.min), second)
        flat = g.op("Reshape", x, g.op("Concat", last, rows, columns, axis=0), allowzero=0)
        flat = g.op("Transpose", flat, perm=[0, 2, 1])
        return g.op(
            "Reshape", flat, g.op("Concat", outer, columns, rows, axis=0), allowzero=0
        )


def _tensor(values):
    return numpy_helper.from_array(np.asarray(values))


def matmul_chain_model(m, shapes, seed=0):
    """x[m, k] through linear layers without bias, `shapes` = [(k, n), ...]."""
    rng = np.random.default_rng(seed)
    g = Graph(17)
    x = "x"
    for i, (k, n) in enumerate(shapes):
        weight = rng.standard_normal((k, n), dtype=np.float32) * np.float32(k**-0.5)
        last = i == len(shapes) - 1
        x = g.op("MatMul", x, g.weight(f"weight_{i}", weight), out="y" if last else None)
    ends = ("x", FLOAT, [m, shapes[0][0]]), ("y", FLOAT, [m, shapes[-1][1]])
    return g.model("gemm", [ends[0]], [ends[1]])


def matmul_model(m, k, n, seed=0):
    """One linear layer, x[m, k] times constant weights [k, n]."""
    return matmul_chain_model(m, [(k, n)], seed)
