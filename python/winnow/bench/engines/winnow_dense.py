"""Winnow, made to compute with zeros too: what sparsity is measured by."""

from . import winnow as ours

TITLE = "Winnow, dense"
PACKAGE, IMPORT, NEEDS = ours.PACKAGE, ours.IMPORT, ("sparse",)
load = ours.load


def build(job):
    return ours.build({**job, "options": [*job["options"], "--exploit-sparsity=off"]})
