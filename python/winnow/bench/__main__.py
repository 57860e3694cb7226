"""python -m winnow.bench gemm|bert|minilm"""

import argparse
import os

from . import bert, gemm, minilm, text

BENCHMARKS = {"gemm": gemm, "bert": bert, "minilm": minilm}


def main():
    parser = argparse.ArgumentParser(
        prog="python -m winnow.bench",
        description="Measures Winnow beside ONNX Runtime; see docs/benchmarks.md.",
    )
    commands = parser.add_subparsers(dest="benchmark", required=True)
    for name, module in BENCHMARKS.items():
        command = commands.add_parser(name, help=module.__doc__.split("\n")[0])
        command.add_argument("--threads", type=int, default=2)
        command.add_argument("--rounds", type=int, default=30, help="default 30")
        command.add_argument("--runs", type=int, default=5, help="runs in a round (default 5)")
        command.add_argument("--tolerance", type=float, default=1e-3,
                             help="largest difference of outputs that is timed at all")  # fmt: skip
        command.add_argument("--option", action="append", default=[],
                             help="passed to winnow compile, e.g. --option=--cpu=x86-64-v3")  # fmt: skip
        command.add_argument("--work", default=os.path.join("build", "bench"),
                             help="folder for models and libraries (default build/bench)")  # fmt: skip
        command.add_argument("--json", metavar="FILE", help="writes all that was measured")
        module.add_arguments(command)
    arguments = parser.parse_args()
    arguments.work = os.path.abspath(arguments.work)
    os.makedirs(arguments.work, exist_ok=True)
    result = BENCHMARKS[arguments.benchmark].main(arguments)
    text.write_json(arguments.json, result)


if __name__ == "__main__":
    main()
