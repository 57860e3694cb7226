"""One peer of a benchmark in a process of its own: reads one JSON request a
line, writes one JSON answer a line. See peers.py."""

import ctypes
import glob
import importlib
import json
import os
import signal
import sys
import time

from . import engines, machine

PR_SET_PDEATHSIG = 1
# The kernel counts the CPU time of other threads from tick to tick, of some
# milliseconds, so a turn lasts for many.
LEAST_SECONDS = 0.05


def peak_bytes():
    with open("/proc/self/status") as file:
        for line in file:
            if line.startswith("VmHWM"):
                return int(line.split()[1]) * 1024
    return 0


def thread_seconds():
    """-> {thread: CPU seconds}"""
    seconds = {}
    for path in glob.glob("/proc/self/task/*/schedstat"):
        try:
            with open(path) as file:
                seconds[path] = int(file.read().split()[0]) * 1e-9
        except OSError:
            pass  # it ended meanwhile
    return seconds


class Worker:
    def __init__(self, name):
        self.engine = engines.engine(name)
        self.loaded = self.feeds = self.prepared = None
        self.last_seconds = 0.0

    def build(self, job):
        begin = time.monotonic()
        cost = self.engine.build(job) or {}
        return {"seconds": time.monotonic() - begin, "peak_bytes": peak_bytes(), **cost}

    def load(self, job):
        importlib.import_module(self.engine.IMPORT)
        getattr(self.engine, "setup", lambda _: None)(job)
        begin = time.monotonic()
        self.loaded = self.engine.load(job)
        return {"seconds": time.monotonic() - begin, "outputs": self.loaded.names}

    def feed(self, path):
        import numpy as np

        # Numbered as outputs are: an ONNX name may hold a slash.
        with np.load(path) as file:
            names = json.loads(str(file["names"]))
            self.feeds = {name: file[f"array_{i}"] for i, name in enumerate(names)}
        self.prepared = self.loaded.prepare(self.feeds)
        return {}

    def outputs(self, path):
        import numpy as np

        begin = time.monotonic()
        results = self.loaded.run(self.prepared)
        self.last_seconds = time.monotonic() - begin
        np.savez(path, *self.loaded.arrays(results))
        return {"seconds": self.last_seconds}

    def time(self, runs, warm_up, patience, real_time=False):
        with machine.real_time(real_time):
            return self._time(runs, warm_up, patience)

    def _time(self, runs, warm_up, patience):
        """At least one run each to warm up and to count; no further one is begun
        after `patience` seconds. A run that takes so long needs no warming up.
        More than `runs` where they are short. CPU seconds are a mean."""
        run, prepared = self.loaded.run, self.prepared
        limit = time.monotonic() + patience
        for number in range(warm_up if self.last_seconds < patience else 0):
            if number == 0 or time.monotonic() < limit:
                run(prepared)
        wall, before, cpu = [], thread_seconds(), time.process_time()
        enough = min(time.monotonic() + LEAST_SECONDS, limit)
        while not wall or time.monotonic() < (limit if len(wall) < runs else enough):
            run_begin = time.perf_counter()
            results = run(prepared)
            wall.append(time.perf_counter() - run_begin)
            del results
        cpu = (time.process_time() - cpu) / len(wall)
        after = thread_seconds()
        threads = [(after[key] - before.get(key, 0.0)) / len(wall) for key in after]
        threads = sorted((seconds for seconds in threads if seconds > 0), reverse=True)
        return {"wall": wall, "cpu": cpu, "threads": threads}

    def peak(self):
        return {"bytes": peak_bytes()}


def main():
    # A stopped process does not see that nobody asks any more.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    # Answers keep the real stdout to themselves, whatever a library prints.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    worker = Worker(sys.argv[1])
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = getattr(worker, request.pop("do"))(**request)
        except Exception as error:
            said = str(error).strip().split("\n")[0]
            answer = {"error": f"{type(error).__name__}: {said}" if said else repr(error)}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
