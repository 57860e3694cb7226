"""Peak memory of ProbSparse attention as the sequence grows, beside dense attention:
python -m winnow.bench.memory [--output DIR]

Each model runs in a process of its own, which has made its queries, keys and values before it
opens the model. Leaves a table on the standard output and memory.json in the folder."""

import argparse
import json
import math
import os
import subprocess
import sys

import numpy as np
import onnx

from . import machine, probsparse, script
from .errors import BenchError

LENGTHS = (1024, 4096, 16384)
HEADS, SIZE = 8, 64
# Scores of more queries and keys than these would need 8 GiB.
LONGEST_DENSE = 4096


def peak():
    """Of this process, in bytes."""
    with open("/proc/self/status") as file:
        (line,) = [line for line in file if line.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024


def run_here(engine, path, length):
    """-> {before: the peak before the model is opened, after: behind two runs}"""
    if engine == "winnow":
        import winnow
    else:
        import onnxruntime
    rng = np.random.default_rng(0)
    feeds = {name: rng.standard_normal((1, length, HEADS, SIZE), np.float32) for name in "qkv"}
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")  # the peak is what is there now
    before = peak()
    if engine == "winnow":
        session = winnow.Session(path, threads=2)
    else:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 2
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    for _ in range(2):
        session.run(None, feeds)
    return {"before": before, "after": peak()}


def run_apart(engine, path, length):
    command = [sys.executable, "-m", "winnow.bench.memory", "--engine", engine, path, str(length)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise BenchError(f"{engine}, {length} tokens: {done.stderr.strip().splitlines()[-1:]}")
    return json.loads(done.stdout)


def table(results):
    lengths = list(results)
    row = lambda title, cell: f"| {title} | " + " | ".join(cell(results[length]) for length in lengths) + " |"
    mib = lambda count: f"{count / 2**20:.0f} MiB"
    taken = lambda measured: measured["after"] - measured["before"]
    yield "| tokens | " + " | ".join(map(str, lengths)) + " |"
    yield "|---|" + "---|" * len(lengths)
    yield row("queries, keys, values and result", lambda r: mib(r["tensors"]))
    yield row("the process before the model is opened", lambda r: mib(r["winnow"]["before"]))
    yield row("peak behind two runs", lambda r: mib(r["winnow"]["after"]))
    yield row("taken by model, result and intermediates", lambda r: mib(taken(r["winnow"])))
    yield row("the same for each L ln L", lambda r: f"{taken(r['winnow']) / r['l_log_l']:.0f} bytes")
    yield row("ONNX Runtime, dense attention: taken",
              lambda r: mib(taken(r["onnxruntime"])) if "onnxruntime" in r else "")  # fmt: skip


def run(folder, say=print):
    os.makedirs(folder, exist_ok=True)
    results = {}
    for length in LENGTHS:
        row = results[length] = {"tensors": 16 * length * HEADS * SIZE, "l_log_l": length * math.log(length)}
        path, compiled = (os.path.join(folder, f"probsparse-{length}{kind}") for kind in (".onnx", ""))
        onnx.save(probsparse.model(length, HEADS, SIZE), path)
        machine.compile_model(path, compiled)
        row["winnow"] = run_apart("winnow", compiled, length)
        if length <= LONGEST_DENSE and machine.package_version("onnxruntime"):
            path = os.path.join(folder, f"dense-{length}.onnx")
            onnx.save(probsparse.model(length, HEADS, SIZE, is_dense=True), path)
            row["onnxruntime"] = run_apart("onnxruntime", path, length)
    for line in table(results):
        say(line)
    with open(os.path.join(folder, "memory.json"), "w") as file:
        json.dump(results, file, indent=1)
    return results


def main():
    parser = script.make_parser("memory", __doc__)
    parser.add_argument("--engine", nargs=3, metavar=("NAME", "MODEL", "LENGTH"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.engine:
        name, path, length = arguments.engine
        print(json.dumps(run_here(name, path, int(length))))
        return
    with script.reporting():
        run(arguments.output)


if __name__ == "__main__":
    main()
