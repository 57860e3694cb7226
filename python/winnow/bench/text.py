"""How the benchmarks print."""

import json
import sys

from . import machine


def milliseconds(seconds):
    return f"{seconds * 1e3:.3f} ms"


def mebibytes(count):
    return f"{count / 2**20:.1f} MiB"


def interval(triple, digits=3):
    median, low, high = triple
    return f"{median:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def row(label, text):
    print(f"  {label:<26} {text}")


def header(title, threads):
    """Prints and returns what a measurement depends on."""
    facts = {
        "versions": machine.versions(),
        "cpu": machine.cpu_name(),
        "cpus": machine.cpus(),
        "threads": threads,
        "fma_isa": machine.fma_isa(),
    }
    print(title)
    print(f"  {facts['cpu']}, {facts['cpus']} CPUs, {threads} threads, probe {facts['fma_isa']}")
    print("  " + ", ".join(f"{name} {version}" for name, version in facts["versions"].items()))
    return facts


def tick(done, total):
    """A counter on a terminal; nothing in a log."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r  round {done}/{total}" + ("\r\033[K" if done == total else ""))
        sys.stderr.flush()


def compile_cost(cost):
    row("compile", f"{cost['seconds']:.2f} s, peak memory {mebibytes(cost['peak_bytes'])} "
        f"for a model of {mebibytes(cost['model_bytes'])}")  # fmt: skip
    row("library without weights", mebibytes(cost["library_bytes"]))
    row("weights file", mebibytes(cost["weights_bytes"]))


def write_json(path, result):
    if path:
        with open(path, "w") as file:
            json.dump(result, file, indent=1)
            file.write("\n")
