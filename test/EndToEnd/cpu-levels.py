# One library for several CPU levels: each level's code computes what ONNX Runtime
# does, from the one set of weights that was packed for the highest.
#
# RUN: %python %s %t %winnow

import ctypes
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../Import/ONNX/Inputs"), os.path.join(HERE, "Inputs"),
                os.path.join(HERE, "../Codegen/CPU/Kernels/Inputs")]  # fmt: skip
import numpy as np
import onnx
from build import node, save, value
from kernels import host_levels
from support import Checker, compile_model, open_onnxruntime, open_winnow

import winnow
from winnow.bench import models

work, tool = sys.argv[1:]
LEVELS = ["x86-64-v4", "x86-64-v3", "x86-64"]
HOST = host_levels()  # from the lowest on
rng = np.random.default_rng(3)
check = Checker()


def code_at(folder, name):
    """-> {level: address of its entry in the library's file}, by the names."""
    text = subprocess.run(["llvm-nm", os.path.join(folder, name + ".so")], check=True,
                          capture_output=True, text=True).stdout  # fmt: skip
    symbols = {words[2]: int(words[0], 16) for words in map(str.split, text.splitlines()) if len(words) == 3}
    return {level: symbols["winnow.run." + level] - symbols[name + "_model"] for level in LEVELS}


def compare(model, shapes, tolerance, *options):
    name = os.path.splitext(os.path.basename(model))[0]
    folder = compile_model(tool, model, os.path.join(work, "-".join([name, "levels", *options])), "--cpu=" + ",".join(LEVELS), *options)
    peer = open_onnxruntime(model)
    for level in HOST + [""]:
        os.environ["WINNOW_CPU"] = level
        run, expected = open_winnow(folder, threads=2), level or HOST[-1]
        session = run.session
        if session.cpu_level != expected or session.cpu_levels != LEVELS:
            check.errors.append(f"{name}: expected {expected}, got {session.cpu_level} of {session.cpu_levels}")
        library = session._model.library
        entry = library.model_code(session._model.handle).contents.run
        if entry - ctypes.addressof(library.descriptor) != code_at(folder, name)[expected]:
            check.errors.append(f"{name}: the entry of {expected} is not the one of that name")
        for feeds in shapes:
            got, want = run(feeds), peer(feeds)
            for output in want:
                check.close(f"{expected}: {name} {output}", got[output], want[output], tolerance)
    del os.environ["WINNOW_CPU"]


# Products of widths whose panels are of 48, 32 and 16 columns, partly filled, as deep
# as several passes. ONNX Runtime adds in another order: 1e-7 for each of 5000 terms
# of about 1/70, which has a random sign.
WIDTHS = [96, 50, 64, 30, 16, 1, 200]
for rows in ("rows", 3):
    weights = {f"w{n}": (rng.standard_normal((4999, n)) / 70).astype(np.float32) for n in WIDTHS}
    weights |= {f"b{n}": rng.standard_normal(n).astype(np.float32) for n in WIDTHS}
    path = save(f"products_{rows}", [node("Gemm", f"x w{n} b{n}", f"y{n}") for n in WIDTHS],
                [value("x", [rows, 4999])], [f"y{n}" for n in WIDTHS], weights, opset=18)  # fmt: skip
    compare(path, [{"x": rng.standard_normal((m, 4999)).astype(np.float32)}
                   for m in ([1, 2, 7, 130] if rows == "rows" else [rows])], 2e-5)  # fmt: skip

# Attention, normalisations and elementwise code; the tolerance of check_bert.py.
path = os.path.join(work, "bert.onnx")
onnx.save(models.bert_model("ts17", models.TINY), path)
feeds = [{"input_ids": rng.integers(0, 100, (b, s)), "attention_mask": np.ones((b, s), np.int64),
          "token_type_ids": rng.integers(0, 2, (b, s))} for b, s in ((1, 1), (2, 17), (3, 64))]  # fmt: skip
compare(path, feeds, 1.3e-5)
compare(path, feeds[:1], 1.3e-5, "--embed-weights")

# A level that is not there, and one that the machine has not.
for level, error in (("x86-64-v2", winnow.InvalidArgumentError), ("x86-64-v4", winnow.CPUUnsupportedError)):
    if level in HOST:
        continue
    os.environ["WINNOW_CPU"] = level
    try:
        open_winnow(os.path.join(work, "bert-levels"))
        check.errors.append(f"WINNOW_CPU={level}: expected an error, got none")
    except error as refusal:
        print(refusal)
check.finish()
