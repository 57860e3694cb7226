"""From the words of the command line to models that can be measured."""

import hashlib
import os
import shutil

import numpy as np
import onnx

from . import machine, ragged, signature, work, workloads
from .errors import BenchError, UsageError
from .measure import Subject, Twin

HERE = os.path.dirname(os.path.abspath(__file__))


def _stamp():
    """Changes when a workload's file must be written again."""
    digest = hashlib.sha256()
    for name in ("workloads.py", "torch_models.py", "models.py", "graph.py", "kat.py", "kans.py",
                 "shuffle.py", "sparse.py", "probsparse.py", "informer.py"):  # fmt: skip
        with open(os.path.join(HERE, name), "rb") as file:
            digest.update(file.read())
    for package in ("torch", "transformers", "onnxscript", "onnx"):
        digest.update(str(machine.package_version(package)).encode())
    return digest.hexdigest()


def _written(write, folder, name="model"):
    """A workload's model file, from an earlier run if nothing changed."""
    path, mark = (os.path.join(folder, f"{name}.{kind}") for kind in ("onnx", "stamp"))
    if os.path.exists(path) and os.path.exists(mark):
        with open(mark) as file:
            if file.read() == _stamp():
                return path
    for old in (path, mark):
        if os.path.lexists(old):
            os.remove(old)
    write(path)
    with open(mark, "w") as file:
        file.write(_stamp())
    return path


def _pinned(path, dims, folder):
    """All engines get one file, in which every dimension has its size."""
    model = signature.read(path)
    if signature.pin(model, dims):
        path = os.path.join(folder, "pinned.onnx")
        onnx.save(model, path)
    return path, model


def of_workload(workload, folder):
    folder = os.path.join(folder, workload.name)
    os.makedirs(folder, exist_ok=True)
    written = _written(workload.write, folder)
    twin = None
    if workload.write_twin:
        path = _written(workload.write_twin, folder, "twin")
        twin = Twin(path, work.measure(signature.read(path)), workload.reference)
    path, model = _pinned(written, workload.dims, folder)
    sequences = ragged.find(written, *workload.lengths, workload.dims) if workload.lengths else None
    draw = signature.Signature(model.graph, workload.ranges, sequences).draw
    job = {
        "workload": workload.name,
        "model_type": workload.family,
        "heads": workload.heads,
        "width": workload.width,
    }
    counts = work.measure(model)
    return Subject(workload.name, workload.title, path, folder, draw, job, counts,
                   workload.has_module, sequences, workload.is_sparse, workload.tolerance, twin,
                   _approximations(workload, folder))  # fmt: skip


def _approximations(workload, folder):
    """What tells Winnow's compiler which techniques that change results it may use."""
    options = [f"--approximate={workload.approximate}"] if workload.approximate else []
    if workload.calibrate:
        data = os.path.join(folder, "calibration")
        shutil.rmtree(data, ignore_errors=True)
        os.makedirs(data)
        workload.calibrate(data)
        options.append(f"--calibration={data}")
    return options


def of_file(path, folder, arguments):
    name = os.path.splitext(os.path.basename(path))[0]
    key = hashlib.sha256(os.path.abspath(path).encode()).hexdigest()[:8]
    folder = os.path.join(folder, f"{name}-{key}")
    os.makedirs(folder, exist_ok=True)
    dims = signature.parse_pairs(arguments.dim, "--dim NAME=N", signature.parse_size)
    ranges = signature.parse_pairs(
        arguments.range, "--range NAME=A..B, B left out, or NAME=A", signature.parse_range
    )
    feeds = sequences = None
    if arguments.inputs and arguments.lengths:
        raise UsageError("expected --inputs or --lengths, got both")
    if arguments.inputs:
        try:
            with np.load(arguments.inputs) as file:
                feeds = {key: file[key] for key in file.files}
        except (OSError, ValueError) as error:
            raise BenchError(f"cannot read '{arguments.inputs}': {error}") from None
        model = signature.read(path)
        dims = {**signature.dims_of(model, feeds), **dims}
        feeds = {value.name: feeds[value.name] for value in signature.inputs_of(model.graph)}
    pinned, model = _pinned(path, dims, folder)
    if arguments.lengths:
        sequences = ragged.find(path, *ragged.parse_lengths(arguments.lengths), dims)
    if feeds is None:
        draw = signature.Signature(model.graph, ranges, sequences).draw
    else:
        draw = lambda rng: feeds
    job = {"workload": "", "model_type": arguments.model_type, "heads": 0, "width": 0}
    return Subject(name, path, pinned, folder, draw, job, work.measure(model), ragged=sequences)


def find(word, folder, arguments):
    """-> functions that make the subjects of a word, so that each is made when
    its turn comes"""
    if word.endswith(".onnx") or os.path.sep in word:
        if not os.path.exists(word):
            raise BenchError(f"cannot open '{word}': no such file")
        return [lambda: of_file(word, folder, arguments)]
    found = workloads.find(word)
    if not found:
        names = ", ".join(workloads.WORKLOADS)
        raise UsageError(f"expected a model.onnx, all, or a workload of {names}; got '{word}'")
    return [lambda w=workload: of_workload(w, folder) for workload in found]
