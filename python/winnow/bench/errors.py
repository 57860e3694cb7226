"""What the benchmarks say when they cannot go on."""


class BenchError(Exception):
    """Something that is not to be had: a model, an input, a peer's help."""


class UsageError(BenchError):
    """The command line is at fault."""
