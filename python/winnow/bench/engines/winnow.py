"""Winnow: compiled by this repository's driver."""

from .. import machine
from . import Loaded

TITLE = "Winnow"
PACKAGE, IMPORT, NEEDS = None, "winnow", ()


def build(job):
    return machine.compile_model(job["model"], job["artifact"], job["options"])


def load(job):
    import winnow

    session = winnow.Session(job["artifact"], threads=job["threads"])
    names = [output.name for output in session.get_outputs()]
    return Loaded(names, lambda feeds: session.run(None, feeds))
