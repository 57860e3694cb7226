#!/usr/bin/env python3
"""Runs the ONNX suite's tests through compiled libraries and holds the results
against the list of expected failures. docs/conformance.md says how to use it."""

import argparse
import collections
import multiprocessing
import os
import sys
import tempfile
import time

import winnow
from cases import MODES, find_cases
from outcome import PASS, run_case
from table import write_table

HERE = os.path.dirname(os.path.abspath(__file__))


def list_path(mode):
    return os.path.join(HERE, f"expected-failures-{mode}.txt")


def read_list(mode):
    """-> {name: reason}, and the lines above the first name."""
    expected, header = {}, []
    if os.path.exists(list_path(mode)):
        with open(list_path(mode)) as file:
            for line in file:
                if line.startswith("#"):
                    header.append(line)
                elif line.strip():
                    name, reason = line.split()
                    expected[name] = reason
    return expected, header


def write_list(mode, expected, header):
    with open(list_path(mode), "w") as file:
        file.writelines(header)
        file.writelines(f"{name} {reason}\n" for name, reason in sorted(expected.items()))


def _run(task):
    global _scratch
    if not _scratch:
        _scratch = tempfile.mkdtemp(prefix="worker-", dir=task[-1])
    return run_case(*task[:-1], _scratch)


_scratch = None


def run_cases(names, mode, jobs, folder):
    """Yields (name, reason, detail, ulp) in the order of `names`."""
    driver = os.path.abspath(winnow.find_driver())
    tasks = [(name, mode, driver, folder) for name in names]
    with multiprocessing.get_context("fork").Pool(jobs) as pool:
        yield from pool.imap(_run, tasks)


def read_results(path):
    """The lines that an earlier run left; the last may be cut off."""
    done = {}
    if path and os.path.exists(path):
        with open(path) as file:
            for line in file:
                fields = line.rstrip("\n").split("\t")
                if len(fields) == 4 and line.endswith("\n"):
                    done[fields[0]] = (fields[0], fields[1], fields[3], float(fields[2]))
    return done


def judge(results, expected):
    """-> lines that say what is not as listed."""
    problems = []
    for name, reason, detail, _ in results:
        listed = expected.get(name, PASS)
        if reason != listed:
            line = f"{name}: expected {listed}, got {reason}"
            problems.append(f"{line}: {detail}" if detail else line)
    return problems


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mode", choices=(*MODES, "all"), default="static")
    parser.add_argument("--filter", default="", help="only tests whose name contains this")
    parser.add_argument("--every", type=int, default=1, help="only every Nth test")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument(
        "--results",
        help="write a line for each test: name, result, ULP, detail; of all modes to FILE.MODE",
    )
    parser.add_argument("--resume", action="store_true", help="skip what --results already has")
    parser.add_argument("--update", action="store_true", help="write the list of expected failures")
    parser.add_argument("--table", help="write a page with a row for each operator; of all modes")
    options = parser.parse_args()
    if options.table and options.mode != "all":
        parser.error("--table needs all modes")
    return options


def run_mode(names, mode, path, options):
    """-> the results in the order of `names`; prints their numbers."""
    start, results = time.monotonic(), []
    done = read_results(path) if options.resume else {}
    log = open(path, "w") if path else None
    with tempfile.TemporaryDirectory(prefix="winnow-conformance-") as folder:
        fresh = run_cases([n for n in names if n not in done], mode, options.jobs, folder)
        for name in names:
            result = done.get(name) or next(fresh)
            results.append(result)
            if log:
                name, reason, detail, ulp = result
                print(name, reason, f"{ulp:.3g}", detail, sep="\t", file=log, flush=True)
        for _ in fresh:
            pass
    for reason, count in sorted(collections.Counter(r[1] for r in results).items()):
        print(f"{count:5} {reason}")
    print(f"{len(results)} tests, {mode} mode, {time.monotonic() - start:.0f} s", flush=True)
    return results


def find_problems(names, mode, results):
    """Holds results against the mode's list. -> lines."""
    expected, _ = read_list(mode)
    problems = judge(results, expected)
    if len(names) == len(find_cases()):
        gone = set(expected) - set(names)
        problems += [f"{name}: listed, but there is no such test" for name in sorted(gone)]
    return problems


def update_list(mode, results):
    expected, header = read_list(mode)
    for name, reason, _, _ in results:
        expected.pop(name, None)
        if reason != PASS:
            expected[name] = reason
    write_list(mode, expected, header)


def main():
    options = parse_arguments()
    names = [name for name in find_cases() if options.filter in name][:: options.every]
    modes = MODES if options.mode == "all" else [options.mode]
    results, problems = {}, []
    for mode in modes:
        path = options.results
        if path and options.mode == "all":
            path += "." + mode
        results[mode] = run_mode(names, mode, path, options)
        if options.update:
            update_list(mode, results[mode])
        else:
            problems += find_problems(names, mode, results[mode])
    for line in problems:
        print(line)
    if options.table:
        write_table(options.table, results)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
