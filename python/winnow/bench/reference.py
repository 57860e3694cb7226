"""BERT in float64 numpy, written from the equations and not from any graph:
the numeric tests' second opinion beside ONNX Runtime."""

import math

import numpy as np

from .models import EPSILON

_erf = np.frompyfunc(math.erf, 1, 1)


def _norm(x, weight, bias):
    mean = x.mean(-1, keepdims=True)
    variance = ((x - mean) ** 2).mean(-1, keepdims=True)
    return (x - mean) / np.sqrt(variance + EPSILON) * weight + bias


def _gelu(x):
    return 0.5 * x * (1.0 + _erf(x / math.sqrt(2.0)).astype(np.float64))


def _softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def bert(shape, weights, input_ids, attention_mask, token_type_ids):
    """-> (last_hidden_state, pooler_output). Each row of attention_mask must
    keep a key; rows of padded queries mean nothing."""
    w = {name: array.astype(np.float64) for name, array in weights.items()}

    def linear(x, name):
        return x @ w[f"{name}.weight"] + w[f"{name}.bias"]

    def norm(x, name):
        return _norm(x, w[f"{name}.weight"], w[f"{name}.bias"])

    batch, seq = input_ids.shape

    def heads(x):
        return x.reshape(batch, seq, shape.heads, shape.head_dim).transpose(0, 2, 1, 3)

    x = (
        w["embeddings.word_embeddings.weight"][input_ids]
        + w["embeddings.token_type_embeddings.weight"][token_type_ids]
        + w["embeddings.position_embeddings.weight"][:seq]
    )
    x = norm(x, "embeddings.LayerNorm")
    mask = np.where(attention_mask[:, None, None, :] != 0, 0.0, -np.inf)
    for i in range(shape.layers):
        layer = f"encoder.layer.{i}"
        query, key, value = (
            heads(linear(x, f"{layer}.attention.self.{part}"))
            for part in ("query", "key", "value")
        )
        scores = query @ key.swapaxes(-1, -2) / math.sqrt(shape.head_dim) + mask
        context = (_softmax(scores) @ value).transpose(0, 2, 1, 3)
        context = context.reshape(batch, seq, shape.width)
        x = norm(
            linear(context, f"{layer}.attention.output.dense") + x,
            f"{layer}.attention.output.LayerNorm",
        )
        inner = _gelu(linear(x, f"{layer}.intermediate.dense"))
        x = norm(linear(inner, f"{layer}.output.dense") + x, f"{layer}.output.LayerNorm")
    return x, np.tanh(linear(x[:, 0], "pooler.dense"))
