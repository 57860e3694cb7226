"""IREE, compiled ahead of time for the host's CPU."""

import os
import sys

from .. import machine
from . import Loaded

TITLE = "IREE"
PACKAGE, IMPORT, NEEDS = "iree-base-compiler", "iree.runtime", ()
FLAGS = (
    "--iree-hal-target-device=local",
    "--iree-hal-local-target-device-backends=llvm-cpu",
    "--iree-llvmcpu-target-cpu=host",
    "--iree-opt-level=O3",
    "--iree-opt-data-tiling=true",
    # Odd lengths need more than the default of 32 KiB, or do not compile.
    "--iree-llvmcpu-stack-allocation-limit=1048576",
)
WORKER_STACK_BYTES = 4 << 20


def build(job):
    folder = job["artifact"]
    source, result = os.path.join(folder, "model.mlir"), os.path.join(folder, "model.vmfb")

    def tool(name, *arguments):
        module = f"iree.compiler.tools.{name}"
        return machine.measured([sys.executable, "-m", module, *arguments])

    imported = tool("import_onnx", job["model"], "-o", source, "--opset-version=17")
    compiled = tool("scripts.iree_compile", source, "-o", result, *FLAGS)
    os.remove(source)
    return {
        "seconds": imported["seconds"] + compiled["seconds"],
        "peak_bytes": max(imported["peak_bytes"], compiled["peak_bytes"]),
    }


def load(job):
    import numpy as np
    import onnx
    from iree import runtime

    graph = onnx.load(job["model"], load_external_data=False).graph
    weights = {tensor.name for tensor in graph.initializer}
    inputs = [value.name for value in graph.input if value.name not in weights]
    names, entry = [value.name for value in graph.output], graph.name
    del graph
    runtime.flags.parse_flags(
        f"--task_topology_group_count={job['threads']}",
        f"--task_worker_stack_size={WORKER_STACK_BYTES}",
    )
    config = runtime.Config("local-task")
    path = os.path.join(job["artifact"], "model.vmfb")
    module = runtime.VmModule.mmap(config.vm_instance, path)
    functions = runtime.load_vm_module(module, config)
    exported = [name for name in module.function_names if not name.startswith("__")]
    function = functions[entry if entry in exported else exported[0]]

    def prepare(feeds):
        return [runtime.asdevicearray(config.device, feeds[name]) for name in inputs]

    def run(arguments):
        results = function(*arguments)
        return results if isinstance(results, (tuple, list)) else (results,)

    def arrays(results):
        return [np.asarray(result.to_host()) for result in results]

    return Loaded(names, run, prepare, arrays)
