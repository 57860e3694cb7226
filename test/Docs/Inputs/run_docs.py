#!/usr/bin/env python3
"""Runs the examples of one page of documentation, in the order of the page and
in one folder, which holds a trained sentence encoder as encoder.onnx.

    run_docs.py SOURCE_ROOT PAGE.md WINNOW RUNTIME_LIB WORK_FOLDER

The word after a fenced block's language says what to do with it:

    ```c file=embed.c      writes the file
    ```sh run              runs it; `winnow`, `python` and $WINNOW_ROOT are set
    ```python run          runs it
    ```text output         is what the block before it has to print; `...` stands
                           for any text, on its own line for any lines
    ```mlir winnow-opt ... runs winnow-opt with the words that follow

Blocks without such a word are not run. A page with nothing to run fails.
"""

import os
import re
import shutil
import subprocess
import sys

from winnow.bench import minilm

BLOCK = re.compile(r"^```(\w+)[ \t]*([^\n`]*)\n(.*?)^```\s*?$", re.MULTILINE | re.DOTALL)


def matches(expected, got):
    """Whether the output is as expected, where `...` stands for any text, and on
    a line of its own for any lines."""
    lines = [
        r"(?s:.*)" if line == "..." else re.escape(line).replace(re.escape("..."), ".*")
        for line in expected.strip("\n").split("\n")
    ]
    pattern = "\n".join(lines)
    return re.fullmatch(pattern, got.strip("\n")) is not None


def run(command, folder, environment, text):
    done = subprocess.run(
        command, input=text, cwd=folder, env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    sys.stdout.write(done.stdout)
    sys.stderr.write(done.stderr)
    if done.returncode:
        sys.exit(f"the block above ended with {done.returncode}")
    return done.stdout


def main():
    root, page, winnow, runtime_lib, work = map(os.path.abspath, sys.argv[1:])
    shutil.rmtree(work, ignore_errors=True)
    os.makedirs(work)
    os.symlink(minilm.model_path(), os.path.join(work, "encoder.onnx"))
    tools = [os.path.dirname(winnow), os.path.dirname(sys.executable)]
    environment = dict(
        os.environ,
        PATH=os.pathsep.join(tools + [os.environ["PATH"]]),
        WINNOW_ROOT=root,
        WINNOW_LIB=runtime_lib,
        WINNOW_INCLUDE=os.path.join(root, "runtime", "include"),
    )
    with open(page) as file:
        blocks = BLOCK.findall(file.read())

    count, printed = 0, ""
    for language, words, text in blocks:
        action, _, rest = words.strip().partition(" ")
        if action.startswith("file="):
            with open(os.path.join(work, action.removeprefix("file=")), "w") as file:
                file.write(text)
            continue
        if action == "output":
            if not matches(text, printed):
                sys.exit(f"expected this output:\n{text}\ngot:\n{printed}")
            continue
        if action == "run":
            print(f"--- {language}\n{text}", flush=True)
            command = ["bash", "-euo", "pipefail", "-s"] if language == "sh" else [sys.executable, "-"]
        elif action == "winnow-opt":
            command = [os.path.join(tools[0], "winnow-opt"), *rest.split()]
        else:
            continue
        printed = run(command, work, environment, text)
        count += 1
    if not count:
        sys.exit(f"expected examples to run in {page}")
    print(f"{count} examples ran")


if __name__ == "__main__":
    main()
