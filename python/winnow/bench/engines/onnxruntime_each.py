"""ONNX Runtime, a call for each sequence, none of which is padded."""

from . import Loaded
from .onnxruntime import open_session

TITLE = "ONNX Runtime, each"
PACKAGE, IMPORT, NEEDS = "onnxruntime", "onnxruntime", ("ragged",)


def load(job):
    import numpy as np

    ragged = job["ragged"]
    session = open_session(ragged["model"], job["threads"])
    for name in session.names:
        if name not in ragged["tokens"] + ragged["rows"]:
            raise ValueError(f"output '{name}' has no part for each sequence")

    def part(name, array, i, length):
        if name in ragged["tokens"]:
            return np.ascontiguousarray(array[i : i + 1, :length])
        return array[i : i + 1] if name in ragged["rows"] else array

    def prepare(feeds):
        mask = feeds[ragged["mask"]]
        calls = []
        for i, row in enumerate(mask):
            length = np.count_nonzero(row)
            calls.append({name: part(name, feeds[name], i, length) for name in feeds})
        return calls, mask.shape[1]

    def run(prepared):
        calls, longest = prepared
        return [session.run(feeds) for feeds in calls], longest

    def arrays(results):
        results, longest = results
        whole = []
        for name, parts in zip(session.names, zip(*results)):
            if name in ragged["tokens"]:
                rest = [(0, 0)] * (parts[0].ndim - 2)
                parts = [np.pad(x, [(0, 0), (0, longest - x.shape[1]), *rest]) for x in parts]
            whole.append(np.concatenate(parts))
        return whole

    return Loaded(session.names, run, prepare, arrays)
