#!/usr/bin/env python3
"""The trained sentence encoder against ONNX Runtime, on random sentences.

    check_minilm.py WINNOW WORK_FOLDER
"""

import os
import sys

import numpy as np
from support import Checker, compile_model, folder_of, open_onnxruntime, open_winnow

from winnow.bench import minilm


def main():
    tool, work = sys.argv[1:]
    folder = os.path.join(folder_of(work), "minilm")
    compile_model(tool, minilm.model_path(), folder)
    ours, peer = open_winnow(folder, 2), open_onnxruntime(minilm.model_path())
    check = Checker()
    assert ours.inputs == ["input_ids", "attention_mask"], ours.inputs
    assert ours.names == ["output", "463", minilm.TOKENS, minilm.SENTENCE], ours.names
    rng = np.random.default_rng(3)
    batches = list(minilm.random_batches(24, seed=3))
    batches += [minilm.random_batch(rng, 1, longest=1), minilm.random_batch(rng, 16, longest=8)]
    for feeds in batches:
        got, want = ours(feeds), peer(feeds)
        case = "x".join(map(str, feeds["input_ids"].shape))
        check.equal(f"output, {case}", got["output"], feeds["input_ids"])
        check.equal(f"463, {case}", got["463"], feeds["attention_mask"])
        check.close(f"sentence: {case}", got[minilm.SENTENCE], want[minilm.SENTENCE],
                    minilm.SENTENCE_LIMIT)  # fmt: skip
        check.close(f"tokens: {case}", got[minilm.TOKENS], want[minilm.TOKENS],
                    minilm.TOKEN_LIMIT, mask=feeds["attention_mask"])  # fmt: skip
    check.finish()


if __name__ == "__main__":
    main()
