"""ONNX Runtime on the model as it is."""

from . import Loaded

TITLE = "ONNX Runtime"
PACKAGE, IMPORT, NEEDS = "onnxruntime", "onnxruntime", ()


def open_session(path, threads):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return Loaded(names, lambda feeds: session.run(None, feeds))


def load(job):
    return open_session(job["model"], job["threads"])
