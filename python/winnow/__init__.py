"""Winnow: ONNX transformer models as small native libraries.

    winnow.compile("bert.onnx", "build/bert")
    session = winnow.Session("build/bert", threads=2)
    logits, = session.run(["logits"], {"input_ids": ids, "attention_mask": mask})
"""

from ._driver import calibrate, check, compile, find_driver
from ._errors import (
    BusyError,
    CapacityError,
    CompileError,
    CPUUnsupportedError,
    Error,
    FileError,
    InvalidArgumentError,
    NotFoundError,
    OutOfMemoryError,
    RunCheckError,
    VersionError,
    WeightsError,
)
from ._session import Session, TensorInfo
from ._version import __version__

__all__ = [
    "BusyError",
    "CPUUnsupportedError",
    "CapacityError",
    "CompileError",
    "Error",
    "FileError",
    "InvalidArgumentError",
    "NotFoundError",
    "OutOfMemoryError",
    "RunCheckError",
    "Session",
    "TensorInfo",
    "VersionError",
    "WeightsError",
    "__version__",
    "calibrate",
    "check",
    "compile",
    "find_driver",
]
