"""Peers run in processes of their own, and only one at a time runs at all: the
others are stopped, so that a pool that spins while idle disturbs nobody."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile

import numpy as np

from . import machine, stats


class Peer:
    def __init__(self, engine, model, threads):
        self.engine = engine
        self.process = subprocess.Popen(
            [sys.executable, "-m", "winnow.bench.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.load_seconds = 0.0
        with self.running():
            loaded = self.ask("load", engine=engine, model=model, threads=threads)
        self.load_seconds, self.names = loaded["seconds"], loaded["outputs"]

    def ask(self, do, **request):
        try:
            self.process.stdin.write(json.dumps({"do": do, **request}) + "\n")
            self.process.stdin.flush()
            line = self.process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise SystemExit(f"winnow.bench: error: the {self.engine} process ended during '{do}'")
        return json.loads(line)

    @contextlib.contextmanager
    def running(self):
        self.process.send_signal(signal.SIGCONT)
        try:
            yield self
        finally:
            if self.process.poll() is None:
                self.process.send_signal(signal.SIGSTOP)

    def outputs(self, feeds):
        """-> {output name: array}"""
        with self.running(), tempfile.TemporaryDirectory() as folder:
            self._give(feeds, folder)
            path = os.path.join(folder, "out.npz")
            self.ask("outputs", path=path)
            with np.load(path) as file:
                return dict(zip(self.names, [file[f"arr_{i}"] for i in range(len(self.names))]))

    def _give(self, feeds, folder):
        path = os.path.join(folder, "in.npz")
        np.savez(path, **feeds)
        self.ask("feeds", path=path)

    def feed(self, feeds):
        with self.running(), tempfile.TemporaryDirectory() as folder:
            self._give(feeds, folder)

    def time(self, runs, warm_up=2):
        """-> (median wall, median CPU) seconds of a run"""
        with self.running():
            answer = self.ask("time", runs=runs, warm_up=warm_up)
        return float(np.median(answer["wall"])), float(np.median(answer["cpu"]))

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

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def interleave(ours, theirs, threads, rounds, runs, isa="", tick=None):
    """Times two loaded and fed peers in turns, the first one of a round
    changing, with a probe of the FMA rate in each round -> a dict of lists."""
    rows = {"ours": [], "theirs": [], "ours_cpu": [], "theirs_cpu": [], "probe": []}
    for number in range(rounds):
        order = [("ours", ours), ("theirs", theirs)]
        for key, peer in order if number % 2 == 0 else reversed(order):
            wall, cpu = peer.time(runs)
            rows[key].append(wall)
            rows[f"{key}_cpu"].append(cpu)
        rows["probe"].append(machine.fma_rates(threads, isa=isa)[0])
        if tick:
            tick(number + 1, rounds)
    return rows


def summary(rows):
    """Medians and ratios of what `interleave` measured; times in seconds."""
    median = {key: float(np.median(values)) for key, values in rows.items()}
    return {
        "winnow_seconds": median["ours"],
        "onnxruntime_seconds": median["theirs"],
        "winnow_cpu_seconds": median["ours_cpu"],
        "onnxruntime_cpu_seconds": median["theirs_cpu"],
        "ratio": stats.ratio(rows["ours"], rows["theirs"]),
        "cpu_ratio": stats.ratio(rows["ours_cpu"], rows["theirs_cpu"]),
        "fma_gflops": median["probe"],
    }
