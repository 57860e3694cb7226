"""What the numeric tests share: compiling, running, comparing."""

import os
import shutil
import subprocess
import sys

import numpy as np
import onnxruntime

import winnow


def compile_model(tool, model, folder, *options):
    shutil.rmtree(folder, ignore_errors=True)
    subprocess.run([tool, "compile", model, "-o", folder, "--quiet", *options], check=True)
    return folder


class Runner:
    """An opened model that answers {output name: array}."""

    def __init__(self, session):
        self.session = session
        self.names = [output.name for output in session.get_outputs()]
        self.inputs = [value.name for value in session.get_inputs()]

    def __call__(self, feeds):
        return dict(zip(self.names, self.session.run(None, feeds)))


def open_winnow(folder, threads=1):
    return Runner(winnow.Session(folder, threads=threads))


def open_onnxruntime(model, unsigned_weights=False):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    # Its products of unsigned and signed bytes saturate on CPUs without VNNI: not so where QuantizeLinear and
    # DequantizeLinear stay floats, nor with weights made unsigned (each of which only one node may read).
    if unsigned_weights:
        options.add_session_config_entry("session.x64quantprecision", "1")
    options.add_session_config_entry("session.disable_quant_qdq", "1")
    return Runner(
        onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    )


def meaningful(output, mask):
    """The rows of an output that mean something: those of valid tokens; for one
    row a sequence, those of sequences whose first token, which poolers read, is
    valid."""
    if mask is None or output.shape[:1] != mask.shape[:1]:
        return output
    if output.ndim == 3 and output.shape[:2] == mask.shape:
        return output[mask != 0]
    return output[mask[:, 0] != 0]


class Checker:
    """Compares, remembers the worst, fails at the end with all that differed."""

    def __init__(self):
        self.worst, self.errors = {}, []

    def close(self, what, got, want, atol, rtol=0.0, mask=None):
        if got.shape != want.shape:
            self.errors.append(f"{what}: expected shape {want.shape}, got {got.shape}")
            return
        got = meaningful(got, mask).astype(np.float64)
        want = meaningful(want, mask).astype(np.float64)
        difference = np.nan_to_num(np.abs(got - want), nan=np.inf)
        largest = float(difference.max(initial=0.0))
        key = what.split(":")[0]
        self.worst[key] = max(self.worst.get(key, 0.0), largest)
        count = int((difference > atol + rtol * np.abs(want)).sum())
        if count:
            self.errors.append(
                f"{what}: {count} of {difference.size} elements differ, by up to {largest:.2e}"
            )

    def equal(self, what, got, want):
        if got.dtype != want.dtype or not np.array_equal(got, want):
            self.errors.append(f"{what}: expected equal arrays")

    def finish(self):
        for what, largest in self.worst.items():
            print(f"{what}: largest difference {largest:.2e}")
        if self.errors:
            sys.exit("\n".join(self.errors))


def masks(rng, batch, seq):
    """-> (kind, mask [batch, seq]) of every kind of padding; each row keeps at
    least one token."""
    place = np.arange(seq)
    lengths = rng.integers(1, seq + 1, (batch, 1))
    yield "none", np.ones((batch, seq), np.int64)
    yield "right", (place < lengths).astype(np.int64)
    yield "left", (place >= seq - lengths).astype(np.int64)
    scattered = rng.random((batch, seq)) < 0.6
    scattered[np.arange(batch), rng.integers(0, seq, batch)] = True
    yield "scattered", scattered.astype(np.int64)


def folder_of(path):
    os.makedirs(path, exist_ok=True)
    return path
