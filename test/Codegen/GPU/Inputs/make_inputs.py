"""Writes random inputs for a compiled model, 3 for each symbol: REPORT.json IN.npz"""

import json
import sys

import numpy as np

report = json.load(open(sys.argv[1]))
random = np.random.default_rng(0)
arrays = {}
for tensor in report["inputs"]:
    shape = [size if isinstance(size, int) else 3 for size in tensor["shape"]]
    arrays[tensor["name"]] = random.standard_normal(shape).astype(tensor["dtype"])
np.savez(sys.argv[2], **arrays)
