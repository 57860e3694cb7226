# RUN: %python %s
"""Comparing, summarizing, regressions and tables, on made-up measurements."""

import os
import tempfile

import numpy as np

from winnow.bench import measure, page, plot, regressions, text
from winnow.bench.errors import BenchError

# Differences count by the scale of what was wanted; other shapes are refused.
one, big = np.ones(3, np.float32), np.full(3, 100, np.float32)
assert measure.compare([one, big + 1], [one, big]) == {"difference": 1.0, "scale": 100.0}
assert measure.compare([one * 0, big], [one, big])["difference"] == 1.0
for got in ([one], [one, big[:2]]):
    try:
        measure.compare(got, [one, big])
        assert False
    except BenchError as error:
        assert "expected" in str(error)


class Peer:
    """Takes a second and a half of CPU on two threads more for each letter."""

    def __init__(self, name, log):
        self.name, self.log = name, log

    def feed(self, feeds):
        self.feeds = feeds

    def time(self, runs):
        self.log.append((self.name, self.feeds))
        wall = float(len(self.name))
        return {"wall": wall, "cpu": 1.5 * wall, "threads": [wall, 0.5 * wall]}


class Ending(Peer):
    def time(self, runs):
        raise BenchError("time: its process ended")


# Every round has new inputs, the same for all; each is first, and follows each.
log, draws, starts = [], iter(range(100)), []
peers = {name: Peer(name, log) for name in ("winnow", "other-peer", "third")}
rows = measure.time_turns(peers, lambda: next(draws), 6, 1, starts.append)
assert starts == list(range(6))
rounds = [log[i : i + 3] for i in range(0, 18, 3)]
assert all(len({feeds for _, feeds in turn}) == 1 for turn in rounds)
assert {feeds for _, feeds in log} == set(range(6))
assert {turn[0][0] for turn in rounds} == set(peers)
assert len({(a[0], b[0]) for turn in rounds for a, b in zip(turn, turn[1:])}) == 6

# A peer that fails is out, with its reason, and the others go on.
two = measure.time_turns({"ours": Peer("ours", []), "x": Ending("x", [])}, int, 3, 1)
assert two["x"] == {"reason": "time: its process ended"} and len(two["ours"]["wall"]) == 3

# One that takes ten times as long, whoever is first, is timed once.
slow = measure.time_turns({"slow" * 20: Peer("slow" * 20, []), "winnow": Peer("winnow", [])}, int, 3, 1)
assert [len(row["wall"]) for row in slow.values()] == [1, 3]
probes = {"fma": [1.0] * 3, "fma_cpu": [1.0] * 3, "read": [2.0] * 3}
summary = measure.summarize(slow, probes, {"flops": [6e9] * 3, "weight_bytes": 0}, 2)
assert summary["slow" * 20]["ratio"] == (80 / 6,) * 3
assert summary["slow" * 20]["of_fma"] == (6 / 80,) * 3

probes = {"fma": [1.0] * 6, "fma_cpu": [1.0] * 6, "read": [2.0] * 6}
summary = measure.summarize(rows, probes, {"flops": 6e9, "weight_bytes": 0}, 2)
assert summary["other-peer"]["ratio"] == (10 / 6,) * 3
assert summary["third"]["cpu_ratio"] == (5 / 6,) * 3
assert summary["winnow"]["of_fma"] == (1.0,) * 3
assert summary["winnow"]["of_fma_cpu"] == (2 / 1.5,) * 3 and "of_read" not in summary["winnow"]
assert summary["third"]["thread_cpu_seconds"] == [5.0, 2.5]
assert measure.median_threads([[3.0, 1.0], [5.0], [4.0]]) == [4.0, 0.0]


def result(low, high, **third):
    """A result in which other-peer's ratio is in [low, high]."""
    common = {"version": "1", "load_seconds": 1.0, "peak_bytes": 1 << 20, "difference": 0.0}
    engines = {
        name: {"title": name.title(), "state": "timed", **common, **summary[name]} for name in peers
    }
    engines["other-peer"]["ratio"] = ((low + high) / 2, low, high)
    engines["third"].update(third)
    if third:
        engines["third"].pop("ratio", None)
    return {"name": "m", "title": "A model", "flops": 6e9, "weight_bytes": 0, "probes": probes,
            "engines": engines}  # fmt: skip


# The whole interval has to be below what is kept; what is gone is a regression.
stored = {"m": {"other-peer": 1.2}, "not-run": {"other-peer": 9.0}}
assert regressions.check(stored, [result(1.1, 1.3)]) == []
assert regressions.check(stored, [result(1.3, 1.5)]) == []
assert regressions.check(stored, [result(1.0, 1.1)]) == [
    "m: the ratio to other-peer was 1.200 and is 1.050, 95 % interval [1.000, 1.100]"
]
broken = result(1.1, 1.3, state="refused", reason="load: no")
assert regressions.check({"m": {"third": 0.5}}, [broken]) == [
    "m: the ratio to third was 0.500 and is none: load: no"
]

# No peer is dropped in silence.
table = text.table(broken)
assert "m: A model" in table and "1.20 [1.10, 1.30]" in table
assert "Third: not run: load: no" in table
assert "the fastest peer is Other-Peer: ratio 1.20 [1.10, 1.30]" in table
facts = {"cpu": "C", "cpus": 2, "threads": 2, "fma_isa": "avx2", "commit": "abc", "versions": {"a": "1"}}
run = lambda command: facts | {"command": command, "date": "2026-12-01", "models": [broken]}
made = page.figures([run("winnow bench m")], "x.svg")
assert "- `winnow bench m` on 2026-12-01: C, " in made and "commit abc" in made
assert text.fastest(result(1, 2))["title"] == "Third"
assert "- Third: not run: load: no" in made and "![the ratios](x.svg)" in made

# Only the part between the marks of a page is written, again and again.
plot.write = lambda path, results, facts: open(path, "w").close()
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "page.md")
    with open(path, "w") as file:
        file.write(f"before\n{page.BEGIN}\nstale\n{page.END}\nafter\n")
    for command in ("first", "second"):
        page.write(path, [run(command)])
    with open(path) as file:
        written = file.read()
    assert written.startswith("before\n<!--") and written.endswith("-->\nafter\n")
    assert "`second`" in written and "`first`" not in written and "stale" not in written
    assert os.path.exists(os.path.join(folder, "page.svg"))
    with open(path, "w") as file:
        file.write("no marks")
    try:
        page.write(path, [run("third")])
        assert False
    except BenchError as error:
        assert "expected" in str(error)
