"""Peers run in processes of their own, and only one at a time runs at all: the
others are stopped, so that a pool that spins while idle disturbs nobody."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading

import numpy as np

from .errors import BenchError

# A peer that compiles or loads for longer, or whose first run takes longer, is given up.
PATIENCE_SECONDS = 1800
RUN_PATIENCE_SECONDS = 120


class Peer:
    """The process of an engine. Its methods raise BenchError with the reason
    where the engine refuses or its process ends."""

    def __init__(self, engine, log=None, real_time=False):
        self.engine, self.real_time = engine, real_time
        self.load_seconds, self.names, self.has_run = 0.0, [], False
        self.process = subprocess.Popen(
            [sys.executable, "-m", "winnow.bench.worker", engine],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log or subprocess.DEVNULL,
            text=True,
        )

    def ask(self, do, limit=PATIENCE_SECONDS, **request):
        timer = threading.Timer(limit, self.process.kill)
        timer.start()
        try:
            self.process.stdin.write(json.dumps({"do": do, **request}) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        finally:
            late = not timer.is_alive()
            timer.cancel()
        if not line:
            status = self.process.wait()
            how = f"signal {signal.Signals(-status).name}" if status < 0 else f"status {status}"
            how = f"no answer in {limit} s" if late else f"its process ended with {how}"
            raise BenchError(f"{do}: {how}")
        answer = json.loads(line)
        if "error" in answer:
            raise BenchError(f"{do}: {answer['error']}")
        return answer

    @contextlib.contextmanager
    def running(self):
        self.process.send_signal(signal.SIGCONT)
        try:
            yield self
        finally:
            if self.process.poll() is None:
                self.process.send_signal(signal.SIGSTOP)

    def build(self, job):
        """-> {seconds, peak_bytes, ...}"""
        with self.running():
            return self.ask("build", job=job)

    def load(self, job):
        with self.running():
            loaded = self.ask("load", job=job)
        self.load_seconds, self.names = loaded["seconds"], loaded["outputs"]

    def feed(self, feeds):
        with self.running(), tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "in.npz")
            arrays = {f"array_{i}": array for i, array in enumerate(feeds.values())}
            np.savez(path, names=json.dumps(list(feeds)), **arrays)
            self.ask("feed", path=path)

    def outputs(self, feeds):
        """-> {output name: array}. What an engine leaves to the first run is
        counted as loading."""
        self.feed(feeds)
        with self.running(), tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "out.npz")
            seconds = self.ask("outputs", RUN_PATIENCE_SECONDS, path=path)["seconds"]
            self.load_seconds += 0.0 if self.has_run else seconds
            self.has_run = True
            with np.load(path) as file:
                return dict(zip(self.names, [file[f"arr_{i}"] for i in range(len(self.names))]))

    def time(self, runs, warm_up=2, patience=3.0):
        """-> {wall: median seconds of a run, cpu: CPU seconds of one, threads: the
        same by thread, the busiest first}"""
        with self.running():
            answer = self.ask("time", runs=runs, warm_up=warm_up, patience=patience,
                              real_time=self.real_time)  # fmt: skip
        return {
            "wall": float(np.median(answer["wall"])),
            "cpu": answer["cpu"],
            "threads": answer["threads"],
        }

    def peak_bytes(self):
        with self.running():
            return self.ask("peak")["bytes"]

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.stdin.close()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
