"""What the machine is and what it can do at this moment."""

import functools
import importlib.metadata
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile

import winnow

HERE = os.path.dirname(os.path.abspath(__file__))


def versions():
    found = {"python": platform.python_version(), "winnow": winnow.__version__}
    for package in ("onnxruntime", "onnx", "numpy"):
        found[package] = importlib.metadata.version(package)
    return found


def cpu_name():
    with open("/proc/cpuinfo") as file:
        for line in file:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or "unknown CPU"


def cpus():
    return len(os.sched_getaffinity(0))


@functools.lru_cache(None)
def _probe():
    """Builds probe.c, once a process. It needs clang: GCC spills the chains."""
    compiler = next(filter(None, map(shutil.which, ("clang-22", "clang"))), None)
    if not compiler:
        raise SystemExit("winnow.bench: error: clang not found; install clang-22")
    folder = tempfile.TemporaryDirectory(prefix="winnow-probe-")
    path = os.path.join(folder.name, "probe")
    source = os.path.join(HERE, "probe.c")
    subprocess.run([compiler, "-O2", "-pthread", source, "-o", path], check=True)
    return path, folder


def fma_rates(threads, milliseconds=40, isa=""):
    """-> GFLOP/s of `threads` threads together, in float32 FMAs on registers, by
    wall time and by CPU time"""
    command = [_probe()[0], str(threads), str(milliseconds)] + ([isa] if isa else [])
    _, wall, cpu = subprocess.check_output(command, text=True).split()
    return float(wall), float(cpu)


def fma_isa():
    return subprocess.check_output([_probe()[0], "1", "1"], text=True).split()[0]


def winnow_tool():
    return os.path.abspath(winnow.find_driver())


_MEASURE = """
import json, os, subprocess, sys, time
begin = time.monotonic()
child = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, stdout=sys.stderr)
_, status, usage = os.wait4(child.pid, 0)
print(json.dumps({"status": os.waitstatus_to_exitcode(status),
                  "seconds": time.monotonic() - begin,
                  "peak_bytes": usage.ru_maxrss * 1024}))
"""


def measured(command):
    """Runs a command -> {status, seconds, peak_bytes}; fails if it fails.

    A small process starts it, because Linux counts the peak of the process
    that started a child as the child's own.
    """
    done = subprocess.run(
        [sys.executable, "-S", "-c", _MEASURE, *map(str, command)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    result = json.loads(done.stdout) if done.returncode == 0 else {"status": 1}
    if result["status"] != 0:
        sys.stderr.write(done.stderr)
        raise SystemExit(f"winnow.bench: error: failed: {' '.join(map(str, command))}")
    return result


def compile_model(model, folder, options=()):
    """Compiles into a fresh folder -> what it cost and what it left."""
    shutil.rmtree(folder, ignore_errors=True)
    tool = winnow_tool()
    result = measured([tool, "compile", model, "-o", folder, *options])
    del result["status"]
    result["model_bytes"] = os.path.getsize(model)
    sizes = {name: os.path.getsize(os.path.join(folder, name)) for name in os.listdir(folder)}
    result["library_bytes"] = sum(n for f, n in sizes.items() if f.endswith(".so"))
    result["weights_bytes"] = sum(n for f, n in sizes.items() if f.endswith(".weights"))
    return result
