#!/usr/bin/env python3
"""A tiny BERT in one exporter's form against ONNX Runtime and float64.

    check_bert.py WINNOW FORM WORK_FOLDER [OPTION ...]
"""

import os
import sys

import numpy as np
import onnx
from support import Checker, compile_model, folder_of, masks, open_onnxruntime, open_winnow

from winnow.bench import models, reference

# ONNX Runtime itself differs by up to 1.3e-6 from float64 on these models, whose
# outputs stay below 5: rounding and the order of sums through two layers. Ten
# times that covers another order and our exp and erf (2e-7 relative), and is a
# thousandth of what one forgotten bias or masked key makes.
TOLERANCE = 1.3e-5


def main():
    tool, form, work, *options = sys.argv[1:]
    shape = models.TINY
    weights = models.bert_weights(shape)
    path = os.path.join(folder_of(work), "bert.onnx")
    onnx.save(models.bert_model(form, shape, weights), path)
    folder = compile_model(tool, path, os.path.join(work, "bert"), *options)
    one, two = open_winnow(folder, 1), open_winnow(folder, 2)
    peer = open_onnxruntime(path)

    check = Checker()
    rng = np.random.default_rng(7)
    for batch, seq in ((1, 1), (1, 2), (2, 7), (1, 16), (5, 17), (3, 33), (2, shape.positions)):
        for kind, mask in masks(rng, batch, seq):
            feeds = {
                "input_ids": rng.integers(0, shape.vocab, (batch, seq)),
                "attention_mask": mask,
                "token_type_ids": rng.integers(0, 2, (batch, seq)),
            }
            got, parallel, want = one(feeds), two(feeds), peer(feeds)
            exact = dict(zip(want, reference.bert(shape, weights, **feeds)))
            case = f"{batch}x{seq}, {kind} padding"
            for name in want:
                check.equal(f"1 and 2 threads: {name}, {case}", parallel[name], got[name])
                check.close(f"ONNX Runtime: {name}, {case}", got[name], want[name],
                            TOLERANCE, mask=mask)  # fmt: skip
                check.close(f"float64: {name}, {case}", got[name], exact[name],
                            TOLERANCE, mask=mask)  # fmt: skip
    check.finish()


if __name__ == "__main__":
    main()
