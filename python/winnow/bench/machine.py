"""What the machine is and what it can do at this moment."""

import contextlib
import importlib.metadata
import json
import os
import platform
import re
import shutil
import subprocess
import sys

import winnow

from .errors import BenchError, UsageError

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))


def package_version(package):
    """The version of an installed package, or None."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def versions():
    found = {"python": platform.python_version(), "winnow": winnow.__version__}
    for package in ("onnx", "numpy"):
        found[package] = package_version(package)
    return found


def commit():
    """The repository's commit, with + after it if files differ, or None."""

    def git(*arguments):
        command = ["git", "-C", ROOT, *arguments]
        return subprocess.run(command, capture_output=True, text=True).stdout.strip()

    try:
        number = git("rev-parse", "--short=10", "HEAD")
        return number + ("+" if number and git("status", "--porcelain", "-uno") else "") or None
    except OSError:
        return None


def cpu_name():
    with open("/proc/cpuinfo") as file:
        for line in file:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or "unknown CPU"


def cpus():
    return len(os.sched_getaffinity(0))


def _schedule(policy, priority):
    for thread in os.listdir("/proc/self/task"):
        with contextlib.suppress(ProcessLookupError):  # it has ended
            os.sched_setscheduler(int(thread), policy, os.sched_param(priority))


@contextlib.contextmanager
def real_time(wanted=True):
    """All threads of this process, and those that they start, before all other
    programs. In turns: who spins does not keep out who it waits for."""
    if wanted:
        _schedule(os.SCHED_RR, 1)
    try:
        yield
    finally:
        if wanted:
            _schedule(os.SCHED_OTHER, 0)


def require_real_time():
    try:
        with real_time():
            pass
    except PermissionError:
        raise UsageError("expected the right to run in real time for --real-time, got none") from None


def probe(threads, milliseconds=50):
    """What `winnow probe` says -> {isa, fma: {wall, cpu} in FLOP/s of float32 on
    registers, read: {wall, cpu} in bytes/s of memory, read_bytes}, of `threads`
    threads together by wall time and by CPU time"""
    command = [winnow_tool(), "probe", "--threads", str(threads),
               "--milliseconds", str(milliseconds)]  # fmt: skip
    return json.loads(subprocess.check_output(command, text=True))


def facts(threads):
    """What a measurement depends on besides the peers."""
    now = probe(threads, milliseconds=1)
    return {
        "versions": versions(),
        "commit": commit(),
        "cpu": cpu_name(),
        "cpus": cpus(),
        "threads": threads,
        "fma_isa": now["isa"],
        "read_mebibytes": now["read_bytes"] >> 20,
    }


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


def measured(command, environment=None):
    """Runs a command -> {seconds, peak_bytes}; raises BenchError with what it
    said last if it fails.

    A small process starts it, because Linux counts the peak of the process
    that started a child as the child's own.
    """
    done = subprocess.run(
        [sys.executable, "-S", "-c", _MEASURE, *map(str, command)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        env={**os.environ, **(environment or {})},
    )
    result = json.loads(done.stdout) if done.returncode == 0 else {"status": 1}
    status = result.pop("status")
    if status:
        said = [line.strip() for line in done.stderr.splitlines()]
        wrong = [line for line in said if "error" in line.lower()] or said[-1:]
        raise BenchError(wrong[0] if wrong else f"it ended with status {status}")
    return result


def compile_model(model, folder, options=()):
    """Compiles into a fresh folder -> what it cost and what it left."""
    shutil.rmtree(folder, ignore_errors=True)
    result = measured([winnow_tool(), "compile", model, "-o", folder, *options])
    result["model_bytes"] = os.path.getsize(model)
    sizes = {name: os.path.getsize(os.path.join(folder, name)) for name in os.listdir(folder)}
    result["library_bytes"] = sum(n for f, n in sizes.items() if f.endswith(".so"))
    result["weights_bytes"] = sum(n for f, n in sizes.items() if f.endswith(".weights"))
    approximations = _approximations(folder)
    if approximations:
        result["approximations"] = approximations
    return result


def _approximations(folder):
    """What the report says of techniques that change results: the error, and the worst recall of
    predictors."""
    reports = []
    for name in os.listdir(folder):
        if name.endswith(".json"):
            with open(os.path.join(folder, name)) as file:
                reports += json.load(file)["passes"]
    said = [site["sentence"] for site in reports if site["code"].startswith("accuracy.")]
    predicted = [site["sentence"] for site in reports if site["code"].startswith("predict-activation.")]
    if predicted:
        recall = lambda text: float(re.search(r"finds ([\d.]+) %|$", text)[1] or 0)
        said.append(f"of {len(predicted)} layers, the least recall: {min(predicted, key=recall)}")
    return said
