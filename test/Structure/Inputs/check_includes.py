#!/usr/bin/env python3
"""Checks that no stage includes a later one (../shared/design: architecture,
section 1): the dialect, Support and earlier stages only.

    check_includes.py SOURCE_ROOT
"""

import os
import re
import sys

# In the order of the flow. Support is a leaf; every stage may use the dialect.
STAGES = [
    "Support",
    "Dialect/Winnow/IR",
    "Analysis",
    "Import",
    "Dialect/Winnow/Transforms",
    "Conversion",
    "Codegen",
    "Link",
    "Pipeline",
    "Driver",
]
# The runtime shares one header with the compiler, which only these may see.
ABI_USERS = {"Codegen", "Link", "Pipeline", "Driver"}
# The driver runs models by the runtime's public interface.
RUNTIME_USERS = {"Driver"}

INCLUDE = re.compile(r'^\s*(?:#\s*include|include)\s+["<](winnow/[^">]+)[">]', re.MULTILINE)


def stage_of(path):
    """The longest stage that a path below winnow/ belongs to, or None."""
    found = [stage for stage in STAGES if path == stage or path.startswith(stage + "/")]
    return max(found, key=len, default=None)


def sources(root):
    for tree in ("include/winnow", "lib"):
        top = os.path.join(root, tree)
        for folder, _, names in os.walk(top):
            for name in sorted(names):
                if name.endswith((".h", ".cpp", ".td", ".inc", ".c")):
                    path = os.path.join(folder, name)
                    yield path, os.path.relpath(path, top)


def complaint(source, include):
    """What is wrong with a file of stage tree `source` including `include`, or
    None."""
    stage, target = stage_of(source), include.removeprefix("winnow/")
    if target == "abi.h":
        if stage not in ABI_USERS:
            return f"only {', '.join(sorted(ABI_USERS))} may include winnow/abi.h"
        return None
    if target == "runtime.h":
        if stage not in RUNTIME_USERS:
            return f"only {', '.join(sorted(RUNTIME_USERS))} may include winnow/runtime.h"
        return None
    to = stage_of(target)
    if to is None:
        return f"'{include}' belongs to no stage"
    if STAGES.index(to) > STAGES.index(stage):
        return f"{stage} comes before {to}"
    halves = {part.split("/")[1] for part in (source, target) if part.startswith("Codegen/")}
    if halves == {"CPU", "GPU"}:
        return "Codegen/CPU and Codegen/GPU never include each other"
    return None


def main():
    root = sys.argv[1]
    errors, count = [], 0
    for path, source in sources(root):
        with open(path) as file:
            text = file.read()
        if stage_of(source) is None:
            errors.append(f"{os.path.relpath(path, root)}: the file belongs to no stage")
            continue
        for include in INCLUDE.findall(text):
            count += 1
            reason = complaint(source, include)
            if reason:
                errors.append(f"{os.path.relpath(path, root)}: {include}: {reason}")
    runtime = os.path.join(root, "runtime")
    for folder, _, names in os.walk(runtime):
        for name in sorted(names):
            if name.endswith((".h", ".c")):
                with open(os.path.join(folder, name)) as file:
                    for include in INCLUDE.findall(file.read()):
                        if not os.path.exists(os.path.join(runtime, "include", include)):
                            errors.append(f"runtime: {name}: {include}: not the runtime's own")
    if not count:
        errors.append(f"expected includes of winnow headers below {root}, found none")
    if errors:
        sys.exit("\n".join(errors))
    print(f"{count} includes follow the stages")


if __name__ == "__main__":
    main()
