# RUN: %python %s
"""The BERT models in all forms are valid ONNX, agree with float64, and are the
same for the same seed."""

import numpy as np
import onnx
import onnxruntime

from winnow.bench import models, reference

weights = models.bert_weights(models.TINY)
again = models.bert_weights(models.TINY)
assert all(np.array_equal(weights[name], again[name]) for name in weights)

rng = np.random.default_rng(1)
feeds = {
    "input_ids": rng.integers(0, models.TINY.vocab, (3, 9)),
    "attention_mask": (np.arange(9) < [[9], [4], [1]]).astype(np.int64),
    "token_type_ids": rng.integers(0, 2, (3, 9)),
}
hidden, pooled = reference.bert(models.TINY, weights, **feeds)
valid = feeds["attention_mask"] != 0
kinds = {}
for form in models.FORMS:
    model = models.bert_model(form, models.TINY, weights)
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    got = session.run(None, feeds)
    assert np.abs(got[0] - hidden)[valid].max() < 1e-5, form
    assert np.abs(got[1] - pooled).max() < 1e-5, form
    kinds[form] = {node.op_type for node in model.graph.node}

# What tells the forms apart, as in the exporters' own graphs.
assert "LayerNormalization" not in kinds["ts14"] and "ReduceMean" in kinds["ts14"]
assert {"IsNaN", "Flatten", "LayerNormalization"} <= kinds["ts17"]
assert "GatherND" in kinds["dy18"] and "Erf" in kinds["dy18"]
assert "Gelu" in kinds["dy20"] and "Attention" not in kinds["dy20"]
assert "Attention" in kinds["dy23"] and "Softmax" not in kinds["dy23"]
