#!/usr/bin/env python3
"""Same input, same options: same bytes. Compiles twice into different folders
and compares every file.

    check_repeat.py WINNOW MODEL WORK_FOLDER
"""

import hashlib
import os
import subprocess
import sys


def digests(folder):
    result = {}
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), "rb") as file:
            result[name] = hashlib.sha256(file.read()).hexdigest()
    return result


def main():
    tool, model, work = sys.argv[1:]
    found = []
    for folder in ("first", os.path.join("another", "place")):
        folder = os.path.join(work, folder)
        # All kinds of artefacts, a working folder and an environment that differ.
        os.makedirs(folder, exist_ok=True)
        command = [tool, "compile", model, "-o", folder, "--quiet",
                   "--emit=obj,static,shared,exe,llvm-ir,asm,mlir"]  # fmt: skip
        environment = dict(os.environ, HOME=folder, TZ=f"UTC{len(found)}")
        subprocess.run(command, check=True, cwd=folder, env=environment)
        found.append(digests(folder))
    first, second = found
    if len(first) < 8:
        sys.exit(f"expected at least 8 files, got {sorted(first)}")
    different = [name for name in {*first, *second} if first.get(name) != second.get(name)]
    if different:
        sys.exit(f"these files differ between two compiles: {', '.join(sorted(different))}")
    print(f"{len(first)} files are the same")


if __name__ == "__main__":
    main()
