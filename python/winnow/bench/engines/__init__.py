"""What runs models: Winnow and its peers, a module each.

A module of an engine has

  TITLE        its name in tables
  PACKAGE      the package of requirements-bench.txt that brings it, or None
  IMPORT       the Python package that it runs on
  NEEDS        "module" if it runs a PyTorch module, which only workloads have,
               "ragged" if it wants sequences of different lengths (ragged.py), "sparse"
               if it is for models with sparse activations
  build(job)   optional: writes what is loaded later into the folder job["artifact"]
  setup(job)   optional: what precedes loading and does not count as its time
  load(job)    -> a Loaded

is set as docs/benchmarks.md says, and imports what it runs on inside its
functions, in the process of its own that worker.py is. A job is a dict: model
(the .onnx file), artifact, threads, workload, model_type, heads, width, options,
and ragged: the fields of a Ragged, or None.
"""

import dataclasses
import importlib
import os
import sys
from typing import Any, Callable

from winnow import __version__ as OUR_VERSION

from .. import machine

# Ours first, then in the order of the tables.
NAMES = (
    "winnow",
    "winnow-padded",
    "winnow-dense",
    "onnxruntime",
    "onnxruntime-each",
    "onnxruntime-fused",
    "openvino",
    "iree",
    "tvm",
    "torch",
    "torch-packed",
    "torch-compile",
)
PEERS = NAMES[1:]
# Built by this repository: they change without a version and are no rivals.
OURS = NAMES[:3]


@dataclasses.dataclass
class Loaded:
    """A model that is ready to run. `prepare` turns arrays by name into what
    `run` takes, once for inputs; `arrays` turns what it returns into arrays."""

    names: list
    run: Callable[[Any], Any]
    prepare: Callable[[dict], Any] = lambda feeds: feeds
    arrays: Callable[[Any], list] = list


def engine(name):
    return importlib.import_module("." + name.replace("-", "_"), __package__)


def title(name):
    return engine(name).TITLE


def why_absent(name):
    """Why the engine's package is not installed here."""
    package = engine(name).PACKAGE
    try:
        # What tools/bench-setup.sh leaves where pip fails.
        with open(os.path.join(sys.prefix, "winnow-parts", f"{package}.failed")) as file:
            return f"{package} could not be installed: {file.read().strip()}"
    except OSError:
        return f"{package} is not installed here; tools/bench-setup.sh installs it"


def version(name):
    """The version of what the engine runs on, or None where it is not installed."""
    package = engine(name).PACKAGE
    return machine.package_version(package) if package else OUR_VERSION
