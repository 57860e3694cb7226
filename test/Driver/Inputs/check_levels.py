#!/usr/bin/env python3
"""Checks which vector registers the functions of each CPU level use: their names
end in the level.

    check_levels.py OBJECT
"""

import collections
import re
import subprocess
import sys

WIDEST = {"x86-64": "xmm", "x86-64-v3": "ymm", "x86-64-v4": "zmm"}
REGISTERS = ["xmm", "ymm", "zmm"]

used = collections.defaultdict(collections.Counter)
command = ["llvm-objdump", "-d", "--no-show-raw-insn", sys.argv[1]]
for line in subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines():
    if name := re.match(r"[0-9a-f]+ <(.*)>:", line):
        level = re.search(r"\.(x86-64(-v\d)?)$", name[1])
        if not level:
            sys.exit(f"expected the name of a function to end in a level, got {name[1]}")
        level = level[1]
    elif instruction := re.match(r"\s*[0-9a-f]+:\s+(\w+)(.*)", line):
        opcode, operands = instruction.groups()
        widest = next((r for r in reversed(REGISTERS) if f"%{r}" in operands), "none")
        used[level][widest] += 1
        used[level]["fma " + widest] += opcode.startswith("vfm")
        used[level]["VEX"] += opcode.startswith("v")

if set(used) != set(WIDEST):
    sys.exit(f"expected code for {', '.join(WIDEST)}, got {', '.join(used)}")
for level, widest in WIDEST.items():
    beyond = REGISTERS[REGISTERS.index(widest) + 1 :]
    if any(used[level][register] for register in beyond) or not used[level][widest]:
        sys.exit(f"{level}: expected registers up to {widest}, got {dict(used[level])}")
    if level == "x86-64" and used[level]["VEX"]:
        sys.exit(f"{level}: expected no AVX, got {dict(used[level])}")
    if level != "x86-64" and not used[level]["fma " + widest]:
        sys.exit(f"{level}: expected fused multiply-adds of {widest}, got {dict(used[level])}")
