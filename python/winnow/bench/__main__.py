"""winnow bench, or python -m winnow.bench: Winnow beside its peers."""

import argparse
import json
import os
import shlex
import sys
import time

from . import engines, machine, page, plot, regressions, subjects, text
from .errors import BenchError, UsageError
from .measure import Settings, measure


def positive(value):
    number = int(value)
    if number < 1:
        raise ValueError
    return number


def make_parser():
    parser = argparse.ArgumentParser(
        prog="winnow bench",
        usage="winnow bench MODEL.onnx|WORKLOAD... [options]",
        description="measures Winnow beside its peers, see docs/benchmarks.md",
        formatter_class=lambda prog: argparse.HelpFormatter(prog, max_help_position=22, width=79),
    )
    add = parser.add_argument
    add("subjects", nargs="*", metavar="MODEL|WORKLOAD", help="or a family, or all; --list lists")
    add("--list", action="store_true", help="list workloads and peers instead")
    add("--peers", default="all", metavar="LIST", help="of --list, by commas (default all)")
    add("--threads", type=positive, default=machine.cpus(), metavar="N", help="default all cores")
    add("--rounds", type=positive, default=20, metavar="N", help="in turns (default 20)")
    add("--runs", type=positive, default=5, metavar="N", help="of each in a round (default 5)")
    add("--real-time", action="store_true", help="before other programs; for root")
    add("--dim", action="append", default=[], metavar="NAME=N", help="size of a dimension")
    add("--range", action="append", default=[], metavar="NAME=A..B", help="integers of an input, without B")
    add("--lengths", default="", metavar="MASK=MEAN", help="sequences of random lengths; MEAN of 1, as 0.6")
    add("--inputs", metavar="FILE.npz", help="inputs in place of random ones")
    add("--tolerance", type=float, default=1e-3, metavar="X", help="of outputs, by their scale (default 1e-3)")
    add("--model-type", default="", metavar="TYPE", help="for ONNX Runtime's optimiser (default bert)")
    add("--option", action="append", default=[], metavar="OPT", help="of winnow compile, as --option=--cpu=x86-64")
    add("--work", default=os.path.join("build", "bench"), metavar="DIR", help="for models (default build/bench)")
    add("--json", metavar="FILE", help="write all that was measured")
    add("--plot", metavar="FILE.svg", help="draw the ratios")
    add("--store", metavar="FILE", help="keep the ratios")
    add("--assert", dest="stored", metavar="FILE", help="fail where a ratio is below what was kept")
    add("--from", dest="earlier", action="append", default=[], metavar="FILE",
        help="add what --json wrote to --docs and --plot")
    add("--docs", metavar="FILE.md", help="write the figures into docs/benchmarks.md")
    return parser  # fmt: skip


def parse_peers(words):
    """-> names in the order of the tables, or None for all that apply"""
    if words == "all":
        return None
    names = [name for name in words.split(",") if name]
    for name in names:
        if name not in engines.PEERS:
            raise UsageError(f"expected --peers all or some of {', '.join(engines.PEERS)}; got '{name}'")
    return [name for name in engines.PEERS if name in names]


def print_list():
    from .workloads import WORKLOADS

    print("workloads")
    for workload in WORKLOADS.values():
        print(f"  {workload.name:<18} {workload.title}")
    print("peers")
    for name in engines.PEERS:
        version = engines.version(name)
        print(f"  {name:<18} {version or 'not installed; tools/bench-setup.sh installs it'}")


def run(arguments):
    peers = parse_peers(arguments.peers)
    if arguments.list:
        print_list()
        return []
    if not arguments.subjects and not arguments.earlier:
        raise UsageError("expected a model or a workload; winnow bench --list lists them")
    settings = Settings(
        peers, arguments.threads, arguments.rounds, arguments.runs, arguments.tolerance,
        arguments.option, arguments.real_time,
    )  # fmt: skip
    makers = []
    for word in arguments.subjects:
        makers += subjects.find(word, os.path.abspath(arguments.work), arguments)
    # What would be missed after hours is asked for now.
    if arguments.real_time:
        machine.require_real_time()
    if arguments.plot or arguments.docs:
        plot.require()
    if arguments.docs:
        page.read(arguments.docs)
    stored = regressions.read(arguments.stored, arguments.threads) if arguments.stored else None
    runs = [read_run(path, arguments.threads) for path in arguments.earlier]
    if not arguments.subjects:
        return report(arguments, runs, [], None, None)

    facts = machine.facts(arguments.threads)
    print("\n".join(text.machine_lines(facts)), flush=True)
    results = []
    for make in makers:
        result = measure(make(), settings, text.progress)
        results.append(result)
        print(text.table(result), flush=True)
        if arguments.json:
            # After each model: a run of hours may be ended before its end.
            text.write_json(arguments.json, as_run(facts, results))
    return report(arguments, [*runs, as_run(facts, results)], results, facts, stored)


def as_run(facts, results):
    """What --json writes and --from reads."""
    date = time.strftime("%Y-%m-%d", time.gmtime())
    command = "winnow bench " + shlex.join(sys.argv[1:])
    return {**facts, "date": date, "command": command, "models": results}


def read_run(path, threads):
    try:
        with open(path) as file:
            run = json.load(file)
        if not {"date", "command", "cpu", "commit", "threads"} <= run.keys() or not run["models"]:
            raise ValueError("it lacks what a run consists of")
    except (OSError, ValueError, AttributeError, KeyError) as error:
        raise BenchError(f"--from: expected '{path}' to be what --json writes: {error}") from None
    if run["threads"] != threads:
        raise BenchError(f"--from: '{path}' was measured with {run['threads']} threads, and not with {threads}")
    return run


def report(arguments, runs, results, facts, stored):
    """Writes what was asked for -> what is wrong."""
    if arguments.plot:
        plot.write(arguments.plot, [result for run in runs for result in run["models"]], runs[-1])
    if arguments.docs:
        page.write(arguments.docs, runs)
    if arguments.store:
        regressions.store(arguments.store, results, facts)
    wrong = [
        f"{result['name']}: Winnow: {result['engines']['winnow']['reason']}"
        for result in results
        if result["engines"]["winnow"]["state"] != "timed"
    ]
    return wrong + (regressions.check(stored, results) if stored else [])


def main():
    arguments = make_parser().parse_args()
    try:
        wrong = run(arguments)
    except UsageError as error:
        print(f"winnow: error: {error}; see winnow bench --help", file=sys.stderr)
        return 2
    except BenchError as error:
        print(f"winnow: error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    for sentence in wrong:
        print(f"winnow: error: {sentence}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
