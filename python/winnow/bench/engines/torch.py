"""PyTorch, the module as it is."""

from . import Loaded

TITLE = "PyTorch"
PACKAGE, IMPORT, NEEDS = "torch", "torch", ("module",)


def setup(job):
    """Making the module and its weights is not loading a model."""
    import torch

    from .. import torch_models

    torch.set_num_threads(job["threads"])
    torch.set_float32_matmul_precision("highest")
    job["made"] = torch_models.make(job["workload"])


def load(job, transform=None):
    """`transform` makes something to call of the module."""
    import torch

    made = job["made"]
    function = transform(made.module) if transform else made.module

    def prepare(feeds):
        return [torch.from_numpy(feeds[name]) for name in made.inputs]

    def run(arguments):
        with torch.inference_mode():
            return function(*arguments)

    def arrays(results):
        return [result.numpy() for result in results]

    return Loaded(list(made.outputs), run, prepare, arrays)
