"""TVM's Relax, compiled ahead of time for the host's CPU."""

import os

from . import Loaded

TITLE = "TVM"
PACKAGE, IMPORT, NEEDS = "apache-tvm", "tvm", ()


def build(job):
    import onnx
    import tvm
    from tvm import relax
    from tvm.relax.frontend.onnx import from_onnx

    cpu = tvm.target.codegen.llvm_get_system_cpu()
    target = tvm.target.Target({"kind": "llvm", "mcpu": cpu, "num-cores": job["threads"]})
    module = from_onnx(onnx.load(job["model"]), keep_params_in_input=False)
    pipeline = relax.get_default_pipeline(target)
    with target:
        program = tvm.compile(module, target=target, relax_pipeline=pipeline)
    program.export_library(os.path.join(job["artifact"], "model.so"))
    return {}


def load(job):
    # Read when TVM's pool starts.
    os.environ["TVM_NUM_THREADS"] = str(job["threads"])
    import onnx
    import tvm
    from tvm import relax

    graph = onnx.load(job["model"], load_external_data=False).graph
    weights = {tensor.name for tensor in graph.initializer}
    inputs = [value.name for value in graph.input if value.name not in weights]
    names = [value.name for value in graph.output]
    del graph
    library = tvm.runtime.load_module(os.path.join(job["artifact"], "model.so"))
    function = relax.VirtualMachine(library, tvm.cpu())["main"]

    def prepare(feeds):
        return [tvm.runtime.tensor(feeds[name]) for name in inputs]

    def arrays(results):
        # One output comes alone, several in an array.
        results = [results] if hasattr(results, "numpy") else list(results)
        return [result.numpy() for result in results]

    return Loaded(names, lambda arguments: function(*arguments), prepare, arrays)
