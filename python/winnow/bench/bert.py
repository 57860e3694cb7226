"""BERT of a chosen size, both exporters' forms, beside ONNX Runtime."""

import dataclasses
import os
import subprocess
import sys
import tempfile

import numpy as np

from . import machine, models, stats, text
from .peers import Peer, interleave, summary


def add_arguments(parser):
    shape = models.BASE
    for field in dataclasses.fields(shape):
        parser.add_argument(f"--{field.name}", type=int, default=getattr(shape, field.name))
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--seq", type=int, default=128)
    parser.add_argument(
        "--form", nargs="+", choices=models.FORMS, default=["ts17", "dy20"],
        help="exporter and opset (default: ts17 dy20)",
    )  # fmt: skip


def feeds_for(shape, batch, seq, seed=1):
    rng = np.random.default_rng(seed)
    return {
        "input_ids": rng.integers(0, shape.vocab, (batch, seq)),
        "attention_mask": np.ones((batch, seq), np.int64),
        "token_type_ids": np.zeros((batch, seq), np.int64),
    }


def make_model(form, shape, work):
    """Writes the model in a process of its own, whose memory goes with it."""
    sizes = "-".join(str(value) for value in dataclasses.astuple(shape))
    path = os.path.join(work, f"bert-{form}-{sizes}.onnx")
    if not os.path.exists(path):
        code = (
            "import sys, onnx; from winnow.bench import models\n"
            "shape = models.BertShape(*map(int, sys.argv[3:]))\n"
            "onnx.save(models.bert_model(sys.argv[2], shape), sys.argv[1])\n"
        )
        values = map(str, dataclasses.astuple(shape))
        subprocess.run([sys.executable, "-c", code, path + ".part", form, *values], check=True)
        os.replace(path + ".part", path)
    return path


def run_peak(folder, feeds, threads):
    """Peak memory of `winnow run` itself, without Python."""
    with tempfile.TemporaryDirectory() as scratch:
        given, got = os.path.join(scratch, "in.npz"), os.path.join(scratch, "out.npz")
        np.savez(given, **feeds)
        command = [machine.winnow_tool(), "run", folder, "--inputs", given, "--outputs", got]
        return machine.measured(command + ["--threads", threads])["peak_bytes"]


def run_form(form, shape, arguments):
    model = make_model(form, shape, arguments.work)
    folder = os.path.splitext(model)[0]
    result = {"form": form, "compile": machine.compile_model(model, folder, arguments.option)}
    feeds = feeds_for(shape, arguments.batch, arguments.seq)
    with Peer("winnow", folder, arguments.threads) as ours, Peer(
        "onnxruntime", model, arguments.threads
    ) as theirs:
        mine, reference = ours.outputs(feeds), theirs.outputs(feeds)
        result["difference"] = {
            name: stats.largest_difference(mine[name], reference[name]) for name in reference
        }
        worst = max(result["difference"].values())
        if not worst <= arguments.tolerance:
            raise SystemExit(
                f"winnow.bench: error: {form}: expected outputs within "
                f"{arguments.tolerance:g} of ONNX Runtime's, got {worst:g}; nothing was timed"
            )
        rows = interleave(
            ours, theirs, arguments.threads, arguments.rounds, arguments.runs,
            tick=text.tick,
        )  # fmt: skip
        result["rounds"] = rows
        result.update(summary(rows))
        result["load_seconds"] = {"winnow": ours.load_seconds, "onnxruntime": theirs.load_seconds}
        result["python_peak_bytes"] = {
            "winnow": ours.peak_bytes(),
            "onnxruntime": theirs.peak_bytes(),
        }
    result["run_peak_bytes"] = run_peak(folder, feeds, arguments.threads)
    flops = shape.gemm_flops(arguments.batch * arguments.seq)
    result["linear_gflops"] = flops / result["winnow_seconds"] * 1e-9
    return result


def print_form(result):
    print(f"{result['form']}")
    text.compile_cost(result["compile"])
    text.row("largest difference", f"{max(result['difference'].values()):.2e}")
    text.row("Winnow", f"{text.milliseconds(result['winnow_seconds'])} wall, "
             f"{text.milliseconds(result['winnow_cpu_seconds'])} CPU")  # fmt: skip
    text.row("ONNX Runtime", f"{text.milliseconds(result['onnxruntime_seconds'])} wall, "
             f"{text.milliseconds(result['onnxruntime_cpu_seconds'])} CPU")  # fmt: skip
    text.row("ratio of wall times", f"{text.interval(result['ratio'])} (95 % interval)")
    text.row("ratio of CPU times", f"{text.interval(result['cpu_ratio'])}")
    share = result["linear_gflops"] / result["fma_gflops"]
    text.row("linear layers' FLOPs", f"{result['linear_gflops']:.0f} GFLOP/s over the whole run, "
             f"{share:.2f} of the probe's {result['fma_gflops']:.0f}")  # fmt: skip
    peak = result["python_peak_bytes"]
    text.row("peak memory of a run", f"{text.mebibytes(result['run_peak_bytes'])} by winnow run; "
             f"in Python {text.mebibytes(peak['winnow'])}, "
             f"ONNX Runtime {text.mebibytes(peak['onnxruntime'])}")  # fmt: skip


def main(arguments):
    names = [field.name for field in dataclasses.fields(models.BertShape)]
    shape = models.BertShape(**{name: getattr(arguments, name) for name in names})
    title = (
        f"BERT, {shape.layers} layers, {shape.width} wide, {shape.heads} heads, "
        f"batch {arguments.batch}, sequence {arguments.seq}"
    )
    result = text.header(title, arguments.threads)
    result.update(shape=dataclasses.asdict(shape), batch=arguments.batch, seq=arguments.seq)
    result["forms"] = []
    for form in arguments.form:
        result["forms"].append(run_form(form, shape, arguments))
        print_form(result["forms"][-1])
    return result
