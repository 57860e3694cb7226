"""Winnow, made to compute padding too: what its removal is measured by."""

from . import winnow as ours

TITLE = "Winnow, padded"
PACKAGE, IMPORT, NEEDS = ours.PACKAGE, ours.IMPORT, ("ragged",)
load = ours.load


def build(job):
    return ours.build({**job, "options": [*job["options"], "--remove-padding=off"]})
