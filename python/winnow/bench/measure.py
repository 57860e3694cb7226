"""One model through all engines: built, loaded, compared, then timed in turns."""

import contextlib
import dataclasses
import hashlib
import json
import os
import re
import shutil

import numpy as np

from . import engines, machine, stats
from .errors import BenchError
from .peers import Peer
from .ragged import Ragged


@dataclasses.dataclass
class Twin:
    """What peers run in a model's place, where it computes something else: its file and its
    work. `reference(feeds)` is what the model itself gives."""

    model: str
    work: dict
    reference: object


@dataclasses.dataclass
class Subject:
    """A model to measure. `draw(rng)` makes inputs; `job` holds what engines
    want to know besides (see engines/__init__.py)."""

    name: str
    title: str
    model: str
    folder: str
    draw: object
    job: dict
    work: dict
    has_module: bool = False
    ragged: Ragged | None = None
    is_sparse: bool = False
    tolerance: float | None = None
    twin: Twin | None = None
    # Options of techniques that change results, for Winnow itself and not for its other forms.
    approximations: list = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Settings:
    peers: list
    threads: int
    rounds: int
    runs: int
    tolerance: float
    options: list
    real_time: bool = False


# ---- building ----------------------------------------------------------------


def file_hash(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def build(name, job, folder):
    """Builds what an engine loads, or finds it from an earlier time: of the same
    model, version, settings and CPU -> what it cost, or None."""
    engine = engines.engine(name)
    if not hasattr(engine, "build"):
        return None
    key = [file_hash(job["model"]), file_hash(engine.__file__), engines.version(name)]
    key += [machine.cpu_name()]
    key += [job[part] for part in ("threads", "model_type", "heads", "width")]
    # Our own compiler changes without a new version.
    is_ours = name in engines.OURS
    key = hashlib.sha256(json.dumps(key).encode()).hexdigest()[:16]
    job["artifact"] = os.path.join(folder, name if is_ours else f"{name}-{key}")
    costs = os.path.join(job["artifact"], "build.json")
    if os.path.exists(costs) and not is_ours:
        with open(costs) as file:
            return json.load(file)
    part = {**job, "artifact": job["artifact"] + ".part"}
    # What other versions left takes room.
    for entry in os.listdir(folder):
        if re.fullmatch(f"{name}(-[0-9a-f]{{16}})?(\\.part)?", entry):
            shutil.rmtree(os.path.join(folder, entry))
    os.makedirs(part["artifact"])
    with _open_log(folder, name) as log, Peer(name, log) as peer:
        cost = peer.build(part)
    with open(os.path.join(part["artifact"], "build.json"), "w") as file:
        json.dump(cost, file)
    os.replace(part["artifact"], job["artifact"])
    return cost


def _open_log(folder, name):
    return open(os.path.join(folder, f"{name}.log"), "a")


# ---- comparing ---------------------------------------------------------------


def compare(got, want, rows=None):
    """Two lists of outputs -> {difference: the largest, scale: of what was
    wanted, at the output that is off by most of its scale}. `rows` has for each
    output a mask of what is compared, or None for all."""
    if len(got) != len(want):
        raise BenchError(f"expected {len(want)} outputs, got {len(got)}")
    worst = {"difference": 0.0, "scale": 1.0}
    for mine, theirs, some in zip(got, want, rows or [None] * len(want)):
        if mine.shape != theirs.shape:
            raise BenchError(f"expected an output of {theirs.shape}, got {mine.shape}")
        difference = stats.largest_difference(mine, theirs, some)
        scale = max(1.0, stats.largest_difference(theirs, np.zeros((), theirs.dtype), some))
        if difference / scale >= worst["difference"] / worst["scale"]:
            worst = {"difference": difference, "scale": scale}
    return worst


# ---- timing ------------------------------------------------------------------


# A peer that takes so many times as long as Winnow sits out all rounds but the first.
SLOW = 10


def probe(threads, probes, real_time=False):
    """Measures what the machine can do now, into lists by name."""
    with machine.real_time(real_time):
        now = machine.probe(threads)
    for key in ("fma", "read"):
        probes.setdefault(key, []).append(now[key]["wall"] * 1e-9)
        probes.setdefault(f"{key}_cpu", []).append(now[key]["cpu"] * 1e-9)


def time_turns(peers, draw, rounds, runs, before=lambda number: None):
    """Times loaded peers in turns; `draw()` makes the inputs of a round and
    `before` is called at its start; -> {engine: {wall, cpu, threads: lists over
    the first rounds}}, or {engine: {reason}} for one that failed."""
    rows = {name: {"wall": [], "cpu": [], "threads": []} for name in peers}
    order = list(peers)
    for number in range(rounds):
        before(number)
        feeds = draw()
        # Who is first moves on, and who follows whom turns round.
        turn = order[number % len(order) :] + order[: number % len(order)]
        for name in turn if number % 2 == 0 else reversed(turn):
            if "reason" in rows[name] or len(rows[name]["wall"]) < number:
                continue
            try:
                peers[name].feed(feeds)
                for key, value in peers[name].time(runs).items():
                    rows[name][key].append(value)
            except BenchError as error:
                rows[name] = {"reason": str(error)}
        if number == 0:
            order = [name for name in order if not _is_slow(rows, name)]
    return rows


def _is_slow(rows, name):
    ours, theirs = rows.get("winnow", {}).get("wall"), rows[name].get("wall")
    return bool(ours and theirs and theirs[0] > SLOW * ours[0])


def summarize(rows, probes, own, threads, twin=None):
    """Medians and ratios; times in seconds. A ratio is a peer's time over ours
    in the same round: above 1, we are faster. Work is a number, or one a round."""
    summary = {}
    for name, row in rows.items():
        work = twin.work if twin and name not in engines.OURS else own
        count = len(row["wall"])
        one = summary[name] = {
            "seconds": stats.interval(row["wall"]),
            "cpu_seconds": stats.interval(row["cpu"]),
            "thread_cpu_seconds": median_threads(row["threads"]),
            "rounds": row,
        }
        if "winnow" in rows and name != "winnow":
            ours = rows["winnow"]
            one["ratio"] = stats.ratio(ours["wall"][:count], row["wall"])
            one["cpu_ratio"] = stats.ratio(ours["cpu"][:count], row["cpu"])
        for key, amount in (("fma", work["flops"]), ("read", work["weight_bytes"])):
            if np.any(amount):
                done = np.broadcast_to(amount, len(probes[key]))[:count] * 1e-9
                rate = done / np.asarray(row["wall"])
                one[f"of_{key}"] = stats.interval(rate / np.asarray(probes[key][:count]))
                # CPU seconds of all threads, so the probe's rate of one.
                rate = done / np.asarray(row["cpu"])
                alone = np.asarray(probes[f"{key}_cpu"][:count]) / threads
                one[f"of_{key}_cpu"] = stats.interval(rate / alone)
    return summary


def median_threads(rounds):
    """CPU seconds of a run by thread, the busiest first, medians over rounds."""
    width = max(map(len, rounds), default=0)
    padded = [threads + [0.0] * (width - len(threads)) for threads in rounds]
    return [float(value) for value in np.median(padded, axis=0)] if width else []


# ---- all of it ---------------------------------------------------------------


def measure(subject, settings, say=lambda text: None):
    """-> the result of a subject, in which each engine is `timed`, or has the
    reason why it is not."""
    tolerance = settings.tolerance
    if subject.tolerance is not None:
        tolerance = max(tolerance, subject.tolerance)
    result = {
        "name": subject.name,
        "title": subject.title,
        "model_bytes": os.path.getsize(subject.model),
        "tolerance": tolerance,
        **subject.work,
        "engines": {},
    }
    rng = np.random.default_rng(1)
    feeds = subject.draw(rng)
    with contextlib.ExitStack() as stack:
        peers, (names, want) = {}, _reference(subject, settings, feeds)
        ours = list(subject.twin.reference(feeds).values()) if subject.twin else want
        valid = _compared(subject, names, feeds)
        for name in ["winnow", *_peers(subject, settings)]:
            say(f"{subject.name}: {engines.title(name)}")
            row = result["engines"][name] = {
                "title": engines.title(name), "version": engines.version(name), "state": "refused",
            }  # fmt: skip
            try:
                peer = _open(name, subject, settings, row, stack)
                wanted = ours if name in engines.OURS else want
                row.update(compare(list(peer.outputs(feeds).values()), wanted, valid))
                row["load_seconds"] = peer.load_seconds
            except BenchError as error:
                row["reason"] = str(error)
                continue
            if not row["difference"] <= tolerance * row["scale"]:
                row["state"] = "untimed"
                row["reason"] = (
                    f"outputs differ by {row['difference']:.1e} where the largest is "
                    f"{row['scale']:.1e}"
                )
                peer.close()
                continue
            row["state"], peers[name] = "timed", peer
        if peers:
            probes = result["probes"] = {}

            def before(number):
                say(f"{subject.name}: round {number + 1}/{settings.rounds}")
                probe(settings.threads, probes, settings.real_time)

            counts = []

            def draw():
                feeds = subject.draw(rng)
                counts.append(subject.ragged.flops(feeds) if subject.ragged else None)
                return feeds

            rows = time_turns(peers, draw, settings.rounds, settings.runs, before)
            say("")
            done = subject.work
            if None not in counts:
                # Padding is not work, whoever does it.
                done = {**done, "flops": counts}
                padded = np.full(len(counts), subject.work["flops"])
                result["valid_flops"] = float(np.median(counts))
                result["flop_ratio"] = stats.ratio(counts, padded)
            for name in [name for name in rows if "reason" in rows[name]]:
                result["engines"][name].update(rows.pop(name), state="untimed")
            if subject.twin:
                ratio = subject.twin.work["flops"] / done["flops"]
                result["twin_flops"], result["flop_ratio"] = subject.twin.work["flops"], [ratio] * 3
            for name, one in summarize(rows, probes, done, settings.threads, subject.twin).items():
                result["engines"][name].update(one, peak_bytes=peers[name].peak_bytes())
                if subject.twin and "ratio" in one:
                    share = [value / result["flop_ratio"][0] for value in one["ratio"]]
                    result["engines"][name]["of_flop_ratio"] = share
                elif "flop_ratio" in result and "ratio" in one:
                    theirs = rows[name]["wall"]
                    ratios = np.divide(theirs, rows["winnow"]["wall"][: len(theirs)])
                    share = stats.ratio((padded / counts)[: len(theirs)], ratios)
                    result["engines"][name]["of_flop_ratio"] = share
    return result


def _peers(subject, settings):
    """Those asked for, or all but those that are for other subjects."""
    if settings.peers is not None:
        return settings.peers
    has = {"ragged": bool(subject.ragged), "sparse": subject.is_sparse}
    return [n for n in engines.PEERS if all(has.get(need, True) for need in engines.engine(n).NEEDS)]


def _compared(subject, names, feeds):
    """What of each output is compared: padded tokens mean nothing."""
    if not subject.ragged:
        return None
    valid = subject.ragged.valid(feeds)
    return [valid if name in subject.ragged.tokens else None for name in names]


def _job(subject, settings, name="onnxruntime"):
    has_twin = subject.twin and name not in engines.OURS
    return {
        "model": subject.twin.model if has_twin else subject.model,
        "artifact": "",
        "threads": settings.threads,
        "options": settings.options + (subject.approximations if name == "winnow" else []),
        "ragged": dataclasses.asdict(subject.ragged) if subject.ragged else None,
        **subject.job,
    }


def _reference(subject, settings, feeds):
    """-> names and arrays of what ONNX Runtime makes of the inputs, whether it is
    among the peers or not"""
    with Peer("onnxruntime") as peer:
        peer.load(_job(subject, settings))
        outputs = peer.outputs(feeds)
        return list(outputs), list(outputs.values())


def _open(name, subject, settings, row, stack):
    engine = engines.engine(name)
    if row["version"] is None:
        raise BenchError(engines.why_absent(name))
    if "module" in engine.NEEDS and not subject.has_module:
        raise BenchError("it runs PyTorch modules, and this model comes from none")
    if "ragged" in engine.NEEDS and not subject.ragged:
        raise BenchError("it is for sequences of different lengths, which --lengths makes")
    job = _job(subject, settings, name)
    cost = build(name, job, subject.folder)
    if cost:
        row["build"] = cost
    log = stack.enter_context(_open_log(subject.folder, name))
    peer = stack.enter_context(Peer(name, log, settings.real_time))
    peer.load(job)
    return peer
