# RUN: %python %s
# REQUIRES: python

# The innermost loops of the matrix product kernels must not touch the stack.

import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "Inputs"))
from kernels import LEVELS, Library, declare, run

# Rows and columns of a tile, and the columns of a panel.
TILES = [("x86-64", 4, 8, 8), ("x86-64-v3", 4, 24, 24), ("x86-64-v4", 8, 48, 48),
         ("x86-64", 4, 8, 48), ("x86-64-v3", 4, 24, 48), ("x86-64-v3", 6, 16, 32)]


def inner_loops(path):
    """The instructions of each loop without a jump inside."""
    code = []
    for line in run(["llvm-objdump", "-d", "--no-show-raw-insn", path], "").splitlines():
        if match := re.match(r"\s*([0-9a-f]+):\s+(.*)", line):
            code.append((int(match[1], 16), match[2]))
    position = {address: i for i, (address, _) in enumerate(code)}
    for i, (_, text) in enumerate(code):
        match = re.match(r"j\w+\s+0x([0-9a-f]+)", text)
        start = position.get(int(match[1], 16), i) if match else i
        body = [text for _, text in code[start:i]]
        if start < i and not any(text.startswith("j") for text in body):
            yield body


for level, mr, nr, panel in TILES:
    panels = -(-768 // panel)
    library = Library(declare("k", ["memref<?x768xf32>", f"memref<{panels}x768x{panel}xf32>",
                                    "memref<768xf32>", "memref<?x768xf32>"],
                              kind="linear", n=768, mr=mr, nr=nr, kc=768, mb=32 * mr,
                              activation="gelu", bias=True), level, load=False)
    full = mr * nr // LEVELS[level] * 4
    sizes = []
    for body in inner_loops(library.path):
        products = [text for text in body if re.match(r"v?(fmadd|mul)\w*ps", text)]
        sizes.append(len(products))
        stack = [text for text in body if "(%rsp" in text or "(%rbp" in text]
        if len(products) >= full and stack:
            sys.exit(f"{level}: the inner loop touches the stack: {stack}")
    if full not in sizes:
        sys.exit(f"{level}: no inner loop of {full} products, got {sizes}")
