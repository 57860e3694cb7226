# RUN: %python %s %t.onnx
"""Sequences of different lengths: their masks, work, outputs, and what a peer
makes of each alone."""

import sys

import numpy as np
import onnx

from winnow.bench import measure, models, ragged, signature, workloads
from winnow.bench.engines import onnxruntime, onnxruntime_each

path = sys.argv[1]
shape, dims = models.TINY, {"batch": 5, "seq": 20}
ranges = {"input_ids": (0, shape.vocab), "token_type_ids": (0, 2)}
for form in models.FORMS:
    onnx.save(models.bert_model(form, shape), path)
    sequences = ragged.find(path, "attention_mask", 0.6, dims)
    tokens = {*ranges, "attention_mask", "last_hidden_state"}
    assert set(sequences.tokens) == tokens, sequences
    assert sequences.rows == ["pooler_output"], sequences

    model = onnx.load(path)
    signature.pin(model, dims)
    pinned = path + ".pinned"
    onnx.save(model, pinned)
    drawn = signature.Signature(model.graph, ranges, sequences)
    feeds = drawn.draw(np.random.default_rng(0))
    mask = feeds["attention_mask"]
    assert mask.shape == (5, 20) and mask.dtype == np.int64
    assert (np.diff(mask) <= 0).all() and mask[:, 0].all(), "padding is on the right"

    # Each alone gives what padded ones give where they are valid, and zeros.
    whole = onnxruntime.load({"model": pinned, "threads": 1})
    each = onnxruntime_each.load({"threads": 1, "ragged": vars(sequences)})
    assert each.names == whole.names
    want = whole.run(feeds)
    got = each.arrays(each.run(each.prepare(feeds)))
    rows = [sequences.valid(feeds), None]
    assert measure.compare(got, want, rows)["difference"] < 1e-5, form
    assert not got[0][mask == 0].any()
    assert measure.compare(got, want)["difference"] > 1e-2, "padding was compared"

# The work of valid tokens is that of each sequence alone.
linear = 2 * shape.layers * (4 * shape.width**2 + 2 * shape.width * shape.ffn)
onnx.save(models.bert_model("dy20", shape), path)
sequences = ragged.find(path, "attention_mask", 0.6, dims)
lengths = mask.sum(1)
attention = 2 * shape.layers * 2 * shape.width
pooler = 2 * shape.width**2
want = linear * lengths.sum() + attention * (lengths**2).sum() + pooler * len(lengths)
assert sequences.flops(feeds) == want, (sequences.flops(feeds), want)

# Lengths are uniform up to the longest and have the mean that is asked for.
rng = np.random.default_rng(1)
for mean, shortest in ((0.6, 20), (1.0, 100), (0.5, 1)):
    sequences = ragged.Ragged("m", mean, "", [], [], None)
    lengths = sequences.draw_mask(rng, (20000, 100)).sum(1)
    assert lengths.min() == shortest and lengths.max() == 100
    assert abs(lengths.mean() - 100 * mean) < 1.0, lengths.mean()

# The workloads.
for name, mean in (("bert-ragged-128", 0.6), ("bert-ragged-512", 0.6), ("bert-full-128", 1.0)):
    workload = workloads.WORKLOADS[name]
    assert workload.lengths == ("attention_mask", mean)
    assert workload.dims == {"batch": 16, "seq": int(name[-3:])}
assert [w.name for w in workloads.find("bert-ragged")] == ["bert-ragged-128", "bert-ragged-512"]
