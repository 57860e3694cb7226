"""Finding and calling the `winnow` driver."""

import contextlib
import json
import os
import shutil
import subprocess
import tempfile

import numpy as np

from ._errors import CompileError, InvalidArgumentError, NotFoundError

_PACKAGE = os.path.dirname(os.path.abspath(__file__))


def find_driver():
    """The driver's path: $WINNOW, else the one inside the package, else the
    repository's build/bin for an editable install, else the PATH's."""
    chosen = os.environ.get("WINNOW")
    if chosen:
        if os.access(chosen, os.X_OK) and os.path.isfile(chosen):
            return chosen
        raise NotFoundError(f"expected $WINNOW to name the winnow driver, got '{chosen}'")
    repository = os.path.dirname(os.path.dirname(_PACKAGE))
    for path in (
        os.path.join(_PACKAGE, "bin", "winnow"),
        os.path.join(repository, "build", "bin", "winnow"),
        shutil.which("winnow"),
    ):
        if path and os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    raise NotFoundError(
        "expected the winnow driver in build/bin or on the PATH, found none; "
        "build it or set WINNOW to its path"
    )


def _spell_dim(name, value):
    if isinstance(value, (tuple, list)):
        low, high = value
        return f"{name}={low}..{high}"
    return f"{name}={value}"


def option_arguments(options):
    """Keyword options as the driver's: cpu="x86-64-v3" is --cpu=x86-64-v3,
    embed_weights=True is --embed-weights, lists of emit and cpu are one option,
    dim={"batch": (1, 8)} is --dim=batch=1..8, accuracy_budget={"rel-l2": 0.01} is
    --accuracy-budget=rel-l2=0.01, other lists repeat the option."""
    arguments = []
    for key, value in options.items():
        option = "--" + key.replace("_", "-")
        if value is None or value is False:
            continue
        if value is True:
            arguments.append(option)
            continue
        if key in ("emit", "cpu") and not isinstance(value, str):
            value = ",".join(value)
        if isinstance(value, dict):
            value = [_spell_dim(name, size) for name, size in value.items()]
        values = value if isinstance(value, (list, tuple)) else [value]
        arguments += [f"{option}={os.fspath(v) if hasattr(v, '__fspath__') else v}" for v in values]
    return arguments


@contextlib.contextmanager
def _model_path(model):
    """The path of a model that is a path, bytes or an onnx.ModelProto."""
    if hasattr(model, "SerializeToString"):
        model = model.SerializeToString()
    if not isinstance(model, (bytes, bytearray, memoryview)):
        yield os.fspath(model)
        return
    with tempfile.TemporaryDirectory(prefix="winnow-") as folder:
        path = os.path.join(folder, "model.onnx")
        with open(path, "wb") as file:
            file.write(model)
        yield path


@contextlib.contextmanager
def _calibration_path(calibration):
    """The path of calibration data that is a path, or feeds."""
    if calibration is None or isinstance(calibration, (str, os.PathLike)):
        yield calibration
        return
    with tempfile.TemporaryDirectory(prefix="winnow-") as folder:
        count = 0
        for count, feeds in enumerate(calibration, 1):
            np.savez(os.path.join(folder, f"{count:08}.npz"), **feeds)
        if count == 0:
            raise InvalidArgumentError("expected calibration data, got no feeds")
        yield folder


def _run_driver(arguments):
    command = [find_driver(), *arguments]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True)


def _raise_compile_error(done):
    said = done.stderr.decode(errors="replace").strip()
    said = said or f"the driver ended with status {done.returncode} and said nothing"
    raise CompileError(said, done.returncode)


def compile(model, output_dir, **options):
    """Compiles a model into `output_dir` and returns that folder's path.

    `model` is the path of an .onnx file, the file's bytes, or an
    onnx.ModelProto. `options` are those of `winnow compile` with underscores,
    see option_arguments; `calibration` may also be feeds, {input: array}, one for
    each run. Raises CompileError with what the driver said."""
    output_dir = os.fspath(output_dir)
    options.setdefault("quiet", True)
    with _model_path(model) as path, _calibration_path(options.pop("calibration", None)) as data:
        options["calibration"] = data
        done = _run_driver(["compile", path, "-o", output_dir, *option_arguments(options)])
    if done.returncode:
        _raise_compile_error(done)
    return output_dir


def calibrate(model, data, **options):
    """What `winnow calibrate` finds out about a model's layers, as docs/precision.md lists it.

    `data` is {input: array} with samples along the first dimension, any iterable of such, or the
    path of an .npz file or of a folder of them. `options` are those of `winnow calibrate`; with
    output="FILE.json" the result is written there too, to be edited and given to
    winnow.compile(calibration_result=...)."""
    if hasattr(data, "keys"):
        data = [data]
    output = options.pop("output", None)
    options.setdefault("quiet", True)
    with _model_path(model) as path, _calibration_path(data) as data:
        words = ["calibrate", path, f"--data={os.fspath(data)}", *option_arguments(options)]
        done = _run_driver(words)
    if done.returncode:
        _raise_compile_error(done)
    if output is not None:
        with open(output, "wb") as file:
            file.write(done.stdout)
    return json.loads(done.stdout)


def check(model, **options):
    """What `winnow check --json` says of a model, as docs/check.md lists it:
    check(model)["supported"] says whether it compiles. `model` is what
    winnow.compile takes, `options` are those of `winnow check`."""
    with _model_path(model) as path:
        done = _run_driver(["check", path, "--json", *option_arguments(options)])
    if not done.stdout:
        _raise_compile_error(done)
    return json.loads(done.stdout)
