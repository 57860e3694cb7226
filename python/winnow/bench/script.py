"""What the modules that are commands of their own have in common: python -m winnow.bench.NAME."""

import argparse
import contextlib
import sys

from . import machine
from .errors import BenchError


def make_parser(name, description):
    """The parser of module `name`, which leaves its results in the folder --output."""
    parser = argparse.ArgumentParser(prog=f"python -m winnow.bench.{name}", description=description,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--output", default=name, metavar="DIR", help=f"default {name}")
    return parser


def require(*packages):
    """Packages that only the benchmarks' own environment has."""
    for package in packages:
        if not machine.package_version(package):
            raise BenchError(f"{package} is not installed here; run tools/bench-setup.sh")


@contextlib.contextmanager
def reporting():
    """What cannot go on ends the command with a line."""
    try:
        yield
    except BenchError as error:
        sys.exit(f"winnow: error: {error}")
