"""ProbSparse attention as exporters write it, and in float64."""

import numpy as np
from build import FLOAT, INT64, Graph, build, ints, value
from onnx import helper

LOWEST = float(np.finfo(np.float32).min)


def attend(q, k, v, table, kept, scale, divisor=None, causal=False, mask=None, cumsum=False):
    """[B, L, H, D] -> the result, and how far the last query that is kept is from the next."""
    q, k, v = (x.astype(np.float64).transpose(0, 2, 1, 3) for x in (q, k, v))
    queries, keys = q.shape[2], k.shape[2]
    table = np.broadcast_to(table, (queries, table.shape[-1]))
    sampled = np.einsum("bhid,bhijd->bhij", q, k[:, :, table])
    measure = sampled.max(-1) - sampled.sum(-1) / (divisor or keys)
    order = np.argsort(-measure, axis=-1, kind="stable")
    sizes = -np.sort(-measure, axis=-1)
    gap = np.inf if kept == queries else (sizes[..., kept - 1] - sizes[..., kept]).min()
    scores = np.einsum("bhid,bhjd->bhij", q, k) * scale
    if mask is not None:
        scores = scores + mask
    if causal:
        scores = np.where(np.tri(queries, keys, dtype=bool), scores, -np.inf)
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    dense = weights / weights.sum(-1, keepdims=True) @ v
    rest = v.cumsum(2) if cumsum else np.broadcast_to(v.mean(2, keepdims=True), dense.shape)
    result = rest.copy()
    for b, h in np.ndindex(*order.shape[:2]):
        result[b, h, order[b, h, :kept]] = dense[b, h, order[b, h, :kept]]
    return result.transpose(0, 2, 1, 3), gap


class Form:
    """One way to write it: `sizes` are B, LQ, LK, H, D and E, `symbols` names for some."""

    def __init__(self, sizes, symbols=(), table=None, kept=4, samples=5, **options):
        self.g, self.sizes, self.kept, self.samples = Graph(), dict(sizes), kept, samples
        self.dims = {key: key if key in symbols else size for key, size in sizes.items()}
        self.table, self.options = table, options
        self.inputs = [value(name, [self.dims[d] for d in dims])
                       for name, dims in (("q", "B LQ H D".split()), ("k", "B LK H D".split()),
                                          ("v", "B LK H E".split()))]

    def op(self, *args, **kwargs):
        return self.g.op(*args, **kwargs)

    def const(self, *numbers):
        return self.g.const(ints(*numbers))

    def size(self, name, d):
        """The number of a dimension, [1]."""
        tensor, axis = {"B": ("q", 0), "LQ": ("q", 1), "LK": ("k", 1)}.get(d, (None, 0))
        if isinstance(self.dims[d], int):
            return self.const(self.dims[d])
        return self.op("Shape", tensor, start=axis, end=axis + 1)

    def shape(self, *dims):
        parts = [self.const(d) if isinstance(d, int) else self.size(None, d) for d in dims]
        return self.op("Concat", *parts, axis=0)

    def reshape(self, x, *dims):
        return self.op("Reshape", x, self.shape(*dims))

    def expand(self, x, *dims):
        return self.op("Expand", x, self.shape(*dims))

    def transpose(self, x, *order):
        return self.op("Transpose", x, perm=list(order))

    def range(self, d):
        scalar = self.op("Squeeze", self.size(None, d), self.const(0))
        return self.op("Range", self.g.const(np.int64(0)), scalar, self.g.const(np.int64(1)))

    def numbers(self, rows=True):
        """The table of sampled keys."""
        shape = [self.sizes["LQ"], self.samples] if rows else [self.samples]
        if self.table is not None:
            return self.g.const(self.table)
        if self.options.get("random"):
            uniform = self.op("RandomUniform", shape=shape)
            scaled = self.op("Mul", uniform, self.g.f32(self.sizes["LK"]))
            return self.op("Cast", self.op("Floor", scaled), to=INT64)
        self.inputs.append(value("table", shape, INT64))
        return "table"

    def divisor(self):
        if self.options.get("divisor"):
            return self.g.f32(self.options["divisor"])
        if isinstance(self.dims["LK"], int):
            return self.g.f32(self.dims["LK"])
        return self.op("Cast", self.size(None, "LK"), to=FLOAT)

    def topk(self, products, axis=-1):
        total = self.op("Div", self.op("ReduceSum", products, self.const(-1), keepdims=0), self.divisor())
        measure = self.op("Sub", self.op("ReduceMax", products, self.const(-1), keepdims=0), total)
        self.g.nodes[-1].name = "measure"
        # [.., LQ]
        out = f"t{len(self.g.nodes)}"
        self.g.nodes.append(
            helper.make_node("TopK", [measure, self.const(self.kept)], [out + "v", out],
                                                name="topk", axis=axis, largest=1, sorted=0))
        return out

    def rest(self, v, axis):
        """[.., LK, E] with keys along `axis`."""
        if self.options.get("cumsum"):
            return self.op("CumSum", v, self.g.const(np.int64(axis)))
        return self.op("ReduceMean", v, self.const(axis), keepdims=1)

    def attention(self, rows, k, v, mask=None, scale=None):
        """[.., kept, D], [.., LK, D] and [.., LK, E]."""
        order = list(range(len(self.shape_of_rows)))
        order[-2:] = order[-1], order[-2]
        scores = self.op("MatMul", rows, self.transpose(k, *order))
        if scale is not None:
            scores = self.op("Mul", scores, self.g.f32(scale))
        if mask is not None:
            scores = mask(scores)
        return self.op("MatMul", self.op("Softmax", scores, axis=-1), v)

    def model(self, result):
        result = self.op("Identity", result)
        return build(self.g.nodes, self.inputs, [result], self.g.constants)


class Flat(Form):
    """TorchScript: keys repeated for all queries, rows by flat numbers."""

    def build(self, scale):
        b, lq, lk, h, d, e = "B", "LQ", "LK", self.dims["H"], self.dims["D"], self.dims["E"]
        self.shape_of_rows = [b, h, self.kept, d]
        q, k, v = (self.transpose(x, 0, 2, 1, 3) for x in "qkv")
        queries, keys = self.sizes["LQ"], self.sizes["LK"]
        wide = self.expand(self.op("Unsqueeze", k, self.const(2)), b, h, lq, lk, d)
        flat = self.op("Flatten", self.transpose(wide, 2, 3, 0, 1, 4), axis=2)
        offsets = (np.arange(queries) * keys)[:, None]
        sampled = self.op("Gather", flat, self.op("Add", self.numbers(), self.g.const(offsets)), axis=0)
        sampled = self.reshape(sampled, queries, self.samples, b, h, d)
        sampled = self.transpose(self.transpose(sampled, 2, 3, 0, 1, 4), 0, 1, 2, 4, 3)
        products = self.op("MatMul", self.op("Unsqueeze", q, self.const(3)), sampled)
        top = self.topk(self.op("Squeeze", products, self.const(3)))

        batches = self.op("Unsqueeze", self.range("B"), self.const(1, 2))
        heads = self.g.const(np.arange(h)[None, :, None])
        row = self.op("Add", self.op("Add", top, self.op("Mul", heads, self.const(queries))),
                      self.op("Mul", batches, self.const(h * queries)))
        rows = self.op("Gather", self.op("Flatten", q, axis=3), row, axis=0)

        def hide(scores):
            later = self.g.const(np.triu(np.ones((1, 1, queries, keys), bool), 1))
            later = self.op("Flatten", self.expand(later, b, h, queries, keys), axis=3)
            return self.op("Where", self.op("Gather", later, row, axis=0), self.g.f32(-np.inf), scores)

        values = self.attention(rows, k, v, hide if self.options.get("causal") else None, scale)
        rest = self.rest(v, 2)
        if not self.options.get("cumsum"):
            rest = self.expand(rest, b, h, lq, e)
        tuples = []
        columns = self.g.const(np.arange(e)[None, None, None, :, None])
        for number in (self.op("Unsqueeze", batches, self.const(3, 4)),
                       self.op("Unsqueeze", heads, self.const(3, 4)),
                       self.op("Unsqueeze", top, self.const(3, 4)), columns):
            tuples.append(self.expand(number, b, h, self.kept, e, 1))
        out = self.op("ScatterND", rest, self.op("Concat", *tuples, axis=-1), values)
        return self.model(self.transpose(out, 0, 2, 1, 3))


class Tuples(Form):
    """Dynamo: GatherND and ScatterND of batch, head and row."""

    def build(self, scale):
        b, lq, lk, h, d, e = "B", "LQ", "LK", self.dims["H"], self.dims["D"], self.dims["E"]
        self.shape_of_rows = [b, h, self.kept, d]
        q, k, v = (self.transpose(x, 0, 2, 1, 3) for x in "qkv")
        wide = self.expand(self.op("Unsqueeze", k, self.const(2)), b, h, lq, lk, d)
        own = self.op("Unsqueeze", self.range("LQ"), self.const(1, 2))
        pairs = self.op("Concat", self.expand(own, lq, self.samples, 1),
                        self.op("Unsqueeze", self.numbers(), self.const(2)), axis=-1)
        sampled = self.op("GatherND", self.transpose(wide, 2, 3, 0, 1, 4), pairs)
        sampled = self.transpose(sampled, 2, 3, 0, 4, 1)
        products = self.op("MatMul", self.op("Unsqueeze", q, self.const(-2)), sampled)
        top = self.topk(self.op("Squeeze", products, self.const(-2)))
        tuples = [self.expand(self.op("Unsqueeze", self.range("B"), self.const(1, 2, 3)), b, h, self.kept, 1),
                  self.expand(self.g.const(np.arange(h).reshape(1, h, 1, 1)), b, h, self.kept, 1),
                  self.op("Unsqueeze", top, self.const(3))]
        tuples = self.op("Concat", *tuples, axis=-1)
        rows = self.op("GatherND", q, tuples)

        def hide(scores):
            seen = self.op("LessOrEqual", self.range("LK"), self.op("Unsqueeze", self.range("LQ"), self.const(1)))
            later = self.expand(self.op("Not", seen), b, h, lq, lk)
            return self.op("Where", self.op("GatherND", later, tuples), self.g.f32(-np.inf), scores)

        values = self.attention(rows, k, v, hide if self.options.get("causal") else None, scale)
        rest = self.rest(v, 2)
        if not self.options.get("cumsum"):
            rest = self.expand(rest, b, h, lq, e)
        out = self.op("ScatterND", rest, tuples, values)
        return self.model(self.transpose(out, 0, 2, 1, 3))


class Shared(Form):
    """Hugging Face: batch and heads as one, one row of keys for all queries, queries scaled
    first, a mask that is added."""

    def build(self, scale):
        b, lq, lk, h, d, e = "B", "LQ", "LK", self.dims["H"], self.dims["D"], self.dims["E"]
        q = self.op("Mul", "q", self.g.f32(scale))
        joint = lambda x, l, size: self.reshape(self.transpose(x, 0, 2, 1, 3), -1, l, size)
        q, k, v = joint(q, lq, d), joint("k", lk, d), joint("v", lk, e)
        self.shape_of_rows = [None, self.kept, d]
        sampled = self.op("Gather", k, self.numbers(rows=False), axis=1)
        top = self.topk(self.op("MatMul", q, self.transpose(sampled, 0, 2, 1)))
        count = self.op("Mul", self.size(None, "B"), self.const(h))
        numbers = self.op("Range", self.g.const(np.int64(0)), self.op("Squeeze", count, self.const(0)),
                          self.g.const(np.int64(1)))
        wide = self.op("Expand", self.op("Unsqueeze", numbers, self.const(1, 2)),
                       self.op("Concat", count, self.const(self.kept, 1), axis=0))
        pairs = self.op("Concat", wide, self.op("Unsqueeze", top, self.const(2)), axis=-1)
        rows = self.op("GatherND", q, pairs)

        def add(scores):
            if self.options.get("causal"):
                mask = self.g.f32(np.triu(np.full((1, self.sizes["LQ"], self.sizes["LK"]), LOWEST), 1))
                mask = self.op("Expand", mask, self.op("Concat", count, self.shape(lq, lk), axis=0))
            else:
                self.inputs.append(value("mask", [self.dims["B"], 1, self.dims["LQ"], self.dims["LK"]]))
                mask = self.reshape(self.expand("mask", b, h, lq, lk), -1, lq, lk)
            return self.op("Add", scores, self.op("GatherND", mask, pairs))

        has_mask = self.options.get("causal") or self.options.get("mask")
        values = self.attention(rows, k, v, add if has_mask else None)
        rest = self.rest(v, 1)
        if not self.options.get("cumsum"):
            rest = self.op("Expand", rest, self.op("Concat", count, self.shape(lq, e), axis=0))
        out = self.reshape(self.op("ScatterND", rest, pairs, values), b, h, lq, e)
        return self.model(self.transpose(out, 0, 2, 1, 3))


class Elements(Form):
    """By hand: GatherElements and ScatterElements, sampled keys without repeating them, an
    elementwise product and a mean of all samples."""

    def topk(self, products, axis=-1):
        measure = self.op("Sub", self.op("ReduceMax", products, self.const(-1), keepdims=0),
                          self.op("ReduceMean", products, self.const(-1), keepdims=0))
        self.g.nodes.append(
            helper.make_node("TopK", [measure, self.const(self.kept)], ["tv", "t"],
                                                name="topk", axis=1, largest=1))
        return "t"

    def build(self, scale):
        b, lq, lk, h, d, e = "B", "LQ", "LK", self.dims["H"], self.dims["D"], self.dims["E"]
        # Rows stay [B, L, H, D].
        sampled = self.op("Gather", "k", self.numbers(), axis=1)
        products = self.op("ReduceSum", self.op("Mul", self.op("Unsqueeze", "q", self.const(2)), sampled),
                           self.const(-1), keepdims=0)
        top = self.op("Unsqueeze", self.topk(self.transpose(products, 0, 1, 3, 2)), self.const(3))
        rows = self.op("GatherElements", "q", self.expand(top, b, self.kept, h, d), axis=1)
        self.shape_of_rows = [b, h, self.kept, d]
        rows, k, v = (self.transpose(x, 0, 2, 1, 3) for x in (rows, "k", "v"))
        values = self.transpose(self.attention(rows, k, v, None, scale), 0, 2, 1, 3)
        rest = self.expand(self.rest("v", 1), b, lq, h, e)
        out = self.op("ScatterElements", rest, self.expand(top, b, self.kept, h, e), values, axis=1)
        return self.model(out)
