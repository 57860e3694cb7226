#!/usr/bin/env python3
"""Runs the lit tests of build/test, or those that its arguments select, and
closes with a line that counts them. Called by tools/test.sh."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PASSED = {"PASS", "XFAIL", "FLAKYPASS"}
SKIPPED = {"UNSUPPORTED", "SKIPPED", "EXCLUDED"}


def find_lit():
    """LLVM 22's own lit; WINNOW_LIT names another."""
    candidates = [
        os.environ.get("WINNOW_LIT"),
        "/usr/lib/llvm-22/bin/lit",
        shutil.which("llvm-lit-22"),
        shutil.which("lit"),
    ]
    for path in candidates:
        if path and os.path.exists(path):
            return path
    sys.exit("run-tests: error: lit not found; install llvm-22-tools or set WINNOW_LIT")


def main():
    build = os.path.join(ROOT, "build", "test")
    with tempfile.TemporaryDirectory() as folder:
        results = os.path.join(folder, "results.json")
        jobs = str(os.cpu_count() or 2)
        command = [find_lit(), "-v", "--no-progress-bar", "-j", jobs, "-o", results]
        status = subprocess.call(command + sys.argv[1:] + [build])
        if not os.path.exists(results):
            print("winnow: 0 passed, 1 failed, 0 skipped")
            return status or 1
        with open(results) as file:
            codes = Counter(test["code"] for test in json.load(file)["tests"])
    passed = sum(n for code, n in codes.items() if code in PASSED)
    skipped = sum(n for code, n in codes.items() if code in SKIPPED)
    failed = sum(codes.values()) - passed - skipped
    print(f"winnow: {passed} passed, {failed} failed, {skipped} skipped")
    return status or (1 if failed or not passed else 0)


if __name__ == "__main__":
    sys.stdout.reconfigure(line_buffering=True)
    sys.exit(main())
