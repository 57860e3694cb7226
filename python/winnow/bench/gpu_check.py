"""Checks and times on a machine with a GPU what winnow.bench.gpu_cases made elsewhere.

    tools/gpu_check.sh FOLDER [--json FILE] [--table FILE] [options]

Builds nothing. Every case runs in a process that is replaced when it dies or hangs. Needs NumPy; what is
timed needs PyTorch, and compute-sanitizer is run where it is on the PATH or in /usr/local/cuda.
"""

import argparse
import datetime
import json
import lzma
import os
import platform
import queue
import shutil
import subprocess
import sys
import threading
import time

import numpy as np

import winnow

from . import stats

# What is timed: of a chain of `counts` products or attentions the difference, so that copies from and to
# the host and the start of the run are left out; of BERT whole runs, from host to host.
TIMED = {
    "gemm-8192": {"kind": "gemm", "n": 8192, "counts": (2, 18), "precision": "bf16"},
    "attention-2048": {"kind": "attention", "shape": (4, 2048, 16, 64), "counts": (2, 18), "precision": "bf16"},
    "bert-1-128": {"kind": "bert", "batch": 1, "tokens": 128, "fill": 1.0, "precision": "bf16"},
    "bert-16-512": {"kind": "bert", "batch": 16, "tokens": 512, "fill": 0.6, "precision": "bf16"},
}


# ---- Numbers ----------------------------------------------------------------


def open_session(root, folder):
    """Weights are packed until they are needed."""
    folder = os.path.join(root, folder)
    weights = os.path.join(folder, "model.weights")
    if os.path.exists(weights + ".xz") and not os.path.exists(weights):
        with lzma.open(weights + ".xz") as source, open(weights + ".part", "wb") as target:
            shutil.copyfileobj(source, target)
        os.replace(weights + ".part", weights)
    return winnow.Session(folder, threads=1)


def check_case(root, case):
    """-> {"error": largest difference in parts of the largest result, "seconds": of a second run}"""
    arrays = np.load(os.path.join(root, case["data"]))
    feeds = {name[3:]: arrays[name] for name in arrays.files if name.startswith("in:")}
    want = {name[4:]: arrays[name] for name in arrays.files if name.startswith("out:")}
    session = open_session(root, case["folder"])
    got = session.run(list(want), feeds)
    start = time.perf_counter()
    again = session.run(list(want), feeds)
    seconds = time.perf_counter() - start
    error = 0.0
    for name, first, second in zip(want, got, again):
        if not np.array_equal(first, second, equal_nan=True):
            raise ValueError(f"output '{name}' differs between two runs on the same inputs")
        if first.shape != want[name].shape:
            raise ValueError(f"output '{name}': expected the shape {want[name].shape}, got {first.shape}")
        finite = want[name][np.isfinite(want[name])]
        scale = max(float(np.abs(finite).max(initial=0.0)), 1e-30)
        expected = np.asarray(want[name], np.float64)
        # Equal infinities and NaN are no difference, one alone is an infinite one.
        same = (expected == first) | (np.isnan(expected) & np.isnan(first))
        with np.errstate(invalid="ignore"):
            difference = np.where(same, 0, np.abs(expected - first))
        error = max(error, float(np.nan_to_num(difference, nan=np.inf).max(initial=0.0)) / scale)
    return {"error": error, "seconds": seconds}


def serve(root):
    """Reads cases, a line of JSON each, and answers each with a line."""
    for line in sys.stdin:
        try:
            answer = check_case(root, json.loads(line))
        except Exception as error:  # whatever it was, it is the case's result
            answer = {"failure": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


class Worker:
    """A process that checks cases one by one."""

    def __init__(self, root):
        self.root, self.process = root, None

    def check(self, case, timeout):
        if not self.process:
            command = [sys.executable, "-m", "winnow.bench.gpu_check", self.root, "--serve"]
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        answers = queue.Queue()
        try:
            self.process.stdin.write(json.dumps(case) + "\n")
            self.process.stdin.flush()
            threading.Thread(target=lambda out: answers.put(out.readline()), args=(self.process.stdout,), daemon=True).start()
            answer = answers.get(timeout=timeout)
        except queue.Empty:
            self.close()
            return {"failure": f"no answer within {timeout} s"}
        except BrokenPipeError:
            answer = ""
        if answer:
            return json.loads(answer)
        code = self.process.wait()
        self.close()
        return {"failure": f"the process ended with {code}"}

    def close(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None


def check_cases(root, cases, deadline, timeout):
    worker, rows = Worker(root), []
    for case in cases:
        row = {key: case[key] for key in ("name", "precision", "tolerance", "reference")}
        if time.monotonic() > deadline:
            row["status"] = "not run: the time was up"
        else:
            row |= worker.check(case, timeout)
            passed = "error" in row and row["error"] <= case["tolerance"]
            row["status"] = "pass" if passed else "fail"
            if not passed:
                said = row.get("failure") or f"error {row['error']:.3g}, expected at most {case['tolerance']:.3g}"
                print(f"gpu_check: {case['name']} {case['precision']}: {said}", flush=True)
            if "failure" in row:
                worker.close()  # an error of the driver stays with the process
        rows.append(row)
    worker.close()
    return rows


def sanitize(root, cases, deadline, timeout):
    """One case of each name and precision class, small enough for compute-sanitizer."""
    tool = shutil.which("compute-sanitizer", path=os.environ.get("PATH", "") + ":/usr/local/cuda/bin")
    if not tool:
        return "compute-sanitizer is not here"
    rows = []
    for case in cases:
        for check in ("memcheck", "racecheck", "synccheck"):
            if time.monotonic() > deadline:
                return rows
            command = [tool, "--tool", check, "--error-exitcode", "99", sys.executable, "-m", "winnow.bench.gpu_check",
                       root, "--one", f"{case['name']}.{case['precision']}"]  # fmt: skip
            try:
                done = subprocess.run(command, capture_output=True, text=True, timeout=timeout)
                status = "pass" if done.returncode == 0 else f"exit {done.returncode}"
                said = "" if done.returncode == 0 else (done.stdout + done.stderr)[-2000:]
            except subprocess.TimeoutExpired:
                status, said = f"no answer within {timeout} s", ""
            rows.append({"name": case["name"], "precision": case["precision"], "tool": check, "status": status, "said": said})
            if status != "pass":
                print(f"gpu_check: {check} of {case['name']} {case['precision']}: {status}", flush=True)
    return rows


# ---- Times ------------------------------------------------------------------


def clock(run):
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


class Chain:
    """Seconds of one link of a chain: the difference of a long and a short one."""

    def __init__(self, run, counts):
        self.run, self.counts = run, counts

    def measure(self):
        short, long = (clock(lambda count=count: self.run(count)) for count in self.counts)
        return (long - short) / (self.counts[1] - self.counts[0])


class Whole:
    def __init__(self, run):
        self.run = run

    def measure(self):
        return clock(self.run)


def chain_subjects(root, spec, parts, torch):
    rng = np.random.default_rng(0)
    normal = lambda *shape: rng.standard_normal(shape).astype(np.float32)
    device, narrow = "cuda", torch.bfloat16
    sessions = {count: open_session(root, parts[str(count)]) for count in spec["counts"]}
    if spec["kind"] == "gemm":
        n = spec["n"]
        feeds = {"a": normal(n, 1) / 90, "b": normal(1, n)}
        w = torch.randn(n, n, device=device, dtype=narrow) / 90
        x = torch.randn(n, n, device=device, dtype=narrow)

        def theirs(count):
            y = x
            for _ in range(count):
                y = y @ w
            torch.cuda.synchronize()

        flops = 2.0 * n**3
    else:
        b, s, h, d = spec["shape"]
        feeds = {key: normal(b, s, h, d) for key in ("x", "k", "v")}
        q, k, v = (torch.randn(b, h, s, d, device=device, dtype=narrow) for _ in range(3))

        def theirs(count):
            y = q
            for _ in range(count):
                y = torch.nn.functional.scaled_dot_product_attention(y, k, v)
            torch.cuda.synchronize()

        flops = 4.0 * b * h * s * s * d
    subjects = {"winnow": Chain(lambda count: sessions[count].run(None, feeds), spec["counts"]),
                "torch": Chain(theirs, spec["counts"])}  # fmt: skip
    return subjects, flops


def _varlen_bert(torch, model, narrow):
    """A transformers BERT's layers over the valid tokens alone, one after another; None where this
    PyTorch has no attention of varying lengths."""
    try:
        from torch.nn.attention.varlen import varlen_attn
    except ImportError:
        return None
    F = torch.nn.functional
    heads = model.config.num_attention_heads

    def run(ids, mask):
        lengths = mask.sum(1)
        starts = F.pad(lengths.cumsum(0), (1, 0)).to(torch.int32)
        longest = int(lengths.max())
        x = model.embeddings(input_ids=ids)[mask.bool()]
        for layer in model.encoder.layer:
            a = layer.attention
            q, k, v = (part(x).view(x.shape[0], heads, -1) for part in (a.self.query, a.self.key, a.self.value))
            y = varlen_attn(q, k, v, starts, starts, longest, longest).reshape(x.shape)
            x = a.output.LayerNorm(a.output.dense(y) + x)
            x = layer.output.LayerNorm(layer.output.dense(F.gelu(layer.intermediate.dense(x))) + x)
        return x

    return run


def bert_subjects(root, spec, parts, torch):
    import transformers

    rng = np.random.default_rng(0)
    batch, tokens = spec["batch"], spec["tokens"]
    lengths = np.full(batch, tokens)
    if spec["fill"] < 1:
        lengths = rng.integers(round((2 * spec["fill"] - 1) * tokens), tokens + 1, batch)
    mask = (np.arange(tokens) < lengths[:, None]).astype(np.int64)
    ids = rng.integers(1, 30000, (batch, tokens))
    feeds = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
    session = open_session(root, parts["model"])
    model = transformers.BertModel(transformers.BertConfig(), add_pooling_layer=True).eval().to("cuda", torch.bfloat16)
    compiled = torch.compile(model, mode="reduce-overhead" if batch == 1 else "default")

    def padded(which):
        with torch.no_grad():
            on_device = {key: torch.from_numpy(value).cuda() for key, value in feeds.items()}
            which(**on_device).last_hidden_state.float().cpu()

    subjects = {"winnow": Whole(lambda: session.run(None, feeds)), "torch": Whole(lambda: padded(model)),
                "torch-compile": Whole(lambda: padded(compiled))}  # fmt: skip
    packed = _varlen_bert(torch, model, torch.bfloat16) if spec["fill"] < 1 else None
    if packed:

        def varlen():
            with torch.no_grad():
                packed(torch.from_numpy(ids).cuda(), torch.from_numpy(mask).cuda()).float().cpu()

        subjects["torch-varlen"] = Whole(varlen)
    return subjects, None


def time_workload(root, workload, rounds):
    """In turns, round by round. -> a row"""
    import torch

    name, spec = workload["name"], TIMED[workload["name"]]
    make = bert_subjects if spec["kind"] == "bert" else chain_subjects
    subjects, flops = make(root, spec, workload["parts"], torch)
    row, times = {"name": name, "rounds": rounds}, {}
    for key, subject in list(subjects.items()):
        try:
            for _ in range(3):
                subject.measure()
            times[key] = []
        except Exception as error:  # a peer that does not run is said so, the others go on
            row.setdefault("failures", {})[key] = f"{type(error).__name__}: {error}"[:500]
    for _ in range(rounds):
        for key in times:
            times[key].append(subjects[key].measure())
    row["milliseconds"] = {key: stats.interval(np.array(values) * 1e3) for key, values in times.items()}
    if flops:
        row["tflops"] = {key: flops / 1e12 / float(np.median(values)) for key, values in times.items()}
    if "winnow" in times:
        row["ratios"] = {key: stats.ratio(times["winnow"], times[key]) for key in times if key != "winnow"}
    return row


# ---- The whole --------------------------------------------------------------


def facts():
    found = {"date": datetime.date.today().isoformat(), "python": platform.python_version()}
    try:
        query = ["nvidia-smi", "--query-gpu=name,driver_version", "--format=csv,noheader"]
        found["gpu"] = subprocess.run(query, capture_output=True, text=True, timeout=60).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        found["gpu"] = ""
    return found


def make_table(result):
    """A page of Markdown."""
    facts, cases = result["facts"], result["cases"]
    lines = [f"{facts['gpu'] or 'unknown GPU'}, {facts['date']}, commit {result['commit']}, {result['chip']}.", ""]
    lines += ["| precision | cases | pass | fail | largest error / tolerance |", "|---|---|---|---|---|"]
    for precision in dict.fromkeys(row["precision"] for row in cases):
        rows = [row for row in cases if row["precision"] == precision]
        failed = [row for row in rows if row["status"] == "fail"]
        share = max((row["error"] / row["tolerance"] for row in rows if "error" in row), default=float("nan"))
        passed = sum(row["status"] == "pass" for row in rows)
        lines.append(f"| {precision} | {len(rows)} | {passed} | {len(failed)} | {share:.2g} |")
    lines += [f"- {row['name']} {row['precision']}: {row.get('failure') or row.get('error')}" for row in cases if row["status"] == "fail"]
    if isinstance(result["sanitizer"], list):
        passed = sum(row["status"] == "pass" for row in result["sanitizer"])
        lines += ["", f"compute-sanitizer: {passed} of {len(result['sanitizer'])} runs say nothing."]
    else:
        lines += ["", f"compute-sanitizer: {result['sanitizer']}."]
    if result["timed"]:
        lines += ["", "| workload | engine | ms | TFLOP/s | times ours |", "|---|---|---|---|---|"]
    for row in result["timed"]:
        if "failure" in row:
            lines.append(f"| {row['name']} | - | {row['failure']} | | |")
            continue
        for key, (median, low, high) in row["milliseconds"].items():
            speed = f"{row['tflops'][key]:.0f}" if "tflops" in row else ""
            ratio = "{:.2f} [{:.2f}, {:.2f}]".format(*row["ratios"][key]) if key in row.get("ratios", {}) else ""
            lines.append(f"| {row['name']} | {key} | {median:.3f} [{low:.3f}, {high:.3f}] | {speed} | {ratio} |")
        lines += [f"| {row['name']} | {key} | {text} | | |" for key, text in row.get("failures", {}).items()]
    return "\n".join(lines) + "\n"


def main(argv=None):
    parser = argparse.ArgumentParser(prog="tools/gpu_check.sh", description=__doc__.split("\n")[0])
    parser.add_argument("folder", help="of winnow.bench.gpu_cases")
    parser.add_argument("--json", default="gpu-check.json", help="results (default: %(default)s)")
    parser.add_argument("--table", default="gpu-check.md", help="the same to read (default: %(default)s)")
    parser.add_argument("--filter", default="", help="only what has this in its name")
    parser.add_argument("--seconds", type=float, default=560, help="for all of it (default: %(default)s)")
    parser.add_argument("--timeout", type=float, default=60, help="for a case (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=15, help="of what is timed (default: %(default)s)")
    parser.add_argument("--skip", default="", help="any of cases, sanitizer and timed, with commas")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--timed", help=argparse.SUPPRESS)
    arguments = parser.parse_args(argv)
    root = arguments.folder
    if arguments.serve:
        return serve(root)
    try:
        with open(os.path.join(root, "manifest.json")) as file:
            manifest = json.load(file)
    except OSError as error:
        sys.exit(f"gpu_check: error: expected a folder of python -m winnow.bench.gpu_cases, got '{root}': {error.strerror}")
    if arguments.one:
        (case,) = (c for c in manifest["cases"] if f"{c['name']}.{c['precision']}" == arguments.one)
        return print(check_case(root, case))
    if arguments.timed:
        (workload,) = (w for w in manifest["timed"] if w["name"] == arguments.timed)
        return print(json.dumps(time_workload(root, workload, arguments.rounds)))
    skipped = set(filter(None, arguments.skip.split(",")))
    if unknown := skipped - {"cases", "sanitizer", "timed"}:
        sys.exit(f"gpu_check: error: expected --skip of cases, sanitizer and timed, got '{min(unknown)}'")
    chosen = lambda rows: [row for row in rows if arguments.filter in row["name"]]
    begin = time.monotonic()
    # Times last longest and are worth most; numbers come first, since without them times mean nothing.
    at = lambda share: begin + share * arguments.seconds
    cases = chosen(manifest["cases"])
    result = {"facts": facts(), "commit": manifest["commit"], "chip": manifest["chip"], "cases": [], "timed": []}
    if "cases" not in skipped:
        result["cases"] = check_cases(root, cases, at(0.5), arguments.timeout)
    if "timed" not in skipped:
        for workload in chosen(manifest["timed"]):
            command = [sys.executable, "-m", "winnow.bench.gpu_check", root, "--timed", workload["name"], "--rounds", str(arguments.rounds)]
            try:
                done = subprocess.run(command, capture_output=True, text=True, timeout=max(at(0.85) - time.monotonic(), 1))
                last = done.stdout.strip().rsplit("\n", 1)[-1]
                row = json.loads(last) if done.returncode == 0 else {"failure": done.stderr.strip().rsplit("\n", 1)[-1][:500]}
            except subprocess.TimeoutExpired:
                row = {"failure": "the time was up"}
            result["timed"].append({"name": workload["name"]} | row)
            if "failure" in row:
                print(f"gpu_check: {workload['name']}: {row['failure']}", flush=True)
    result["sanitizer"] = "skipped"
    if "sanitizer" not in skipped:
        own = [case for case in cases if case["reference"] == "float64" and case["precision"] in ("fp32", "bf16")]
        result["sanitizer"] = sanitize(root, own, at(1), 2 * arguments.timeout)
    table = make_table(result)
    for path, text in ((arguments.json, json.dumps(result, indent=1)), (arguments.table, table)):
        with open(path, "w") as file:
            file.write(text)
    print(table, end="")
    failed = any(row["status"] == "fail" for row in result["cases"]) or any("failure" in row for row in result["timed"])
    if isinstance(result["sanitizer"], list):
        failed |= any(row["status"] != "pass" for row in result["sanitizer"])
    return 1 if failed or not result["cases"] and "cases" not in skipped else 0


if __name__ == "__main__":
    sys.exit(main())
