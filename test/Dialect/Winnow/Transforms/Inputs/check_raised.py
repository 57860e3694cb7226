"""Checks that the raising pipeline leaves nothing to raise in encoders.

usage: check_raised.py WINNOW SCRATCH MODELS NAME...
"""

import collections
import os
import re
import subprocess
import sys

# What an encoder layer is taken apart into, and one op each stands for.
LEFT_OVER = ("matmul", "softmax", "transpose", "erf", "tanh", "sqrt", "is_nan", "gelu")


def main():
    winnow, scratch, models, *names = sys.argv[1:]
    failures = []
    for name in names:
        folder = f"{scratch}-{name}"
        command = [winnow, "compile", os.path.join(models, name, "model.onnx")]
        command += ["-o", folder, "--stop-after=raise", "--quiet"]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            failures.append(f"{name}: {done.stderr.strip()}")
            continue
        path = folder
        if os.path.isdir(folder):
            path = next(os.path.join(folder, f) for f in os.listdir(folder) if f.endswith(".mlir"))
        with open(path, encoding="utf-8", errors="replace") as file:
            counts = collections.Counter(re.findall(r"= winnow\.(\w+)", file.read()))
        left = {op: counts[op] for op in LEFT_OVER if counts[op]}
        if left or not counts["attention"] or not counts["layer_norm"]:
            failures.append(f"{name}: {dict(counts)}")
    print("\n".join(failures) or f"{len(names)} encoders raised")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
