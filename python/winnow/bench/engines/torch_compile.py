"""PyTorch's compiler on the module."""

from . import torch as eager

TITLE = "PyTorch, compiled"
PACKAGE, IMPORT, NEEDS = "torch", "torch", ("module",)
setup = eager.setup


def load(job):
    import torch
    from torch._inductor import config

    config.freezing = True
    config.force_disable_caches = True
    options = {"dynamic": False, "fullgraph": True, "mode": "max-autotune"}
    return eager.load(job, lambda module: torch.compile(module, **options))
