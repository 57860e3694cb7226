"""ONNX Runtime on what its transformer optimiser makes of the model."""

import os

from . import Loaded
from .onnxruntime import open_session

TITLE = "ONNX Runtime, fused"
PACKAGE, IMPORT, NEEDS = "onnxruntime", "onnxruntime", ()


def build(job):
    from onnxruntime.transformers import optimizer

    # At level 0 the optimiser's own patterns see the exporter's graph; what the
    # session fuses, it fuses when it loads the result.
    fused = optimizer.optimize_model(
        job["model"],
        model_type=job["model_type"] or "bert",
        num_heads=job["heads"] or 0,
        hidden_size=job["width"] or 0,
        opt_level=0,
    )
    fused.save_model_to_file(os.path.join(job["artifact"], "model.onnx"))
    counts = fused.get_fused_operator_statistics()
    return {"fused": {name: count for name, count in counts.items() if count}}


def load(job) -> Loaded:
    return open_session(os.path.join(job["artifact"], "model.onnx"), job["threads"])
