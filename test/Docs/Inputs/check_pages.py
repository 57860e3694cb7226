#!/usr/bin/env python3
"""Checks that every page with examples is run by a test of this folder, and
that links between pages and to files lead somewhere.

    check_pages.py SOURCE_ROOT
"""

import glob
import os
import re
import sys


def main():
    root = sys.argv[1]
    tests = ""
    for path in glob.glob(os.path.join(root, "test", "Docs", "*.test")):
        with open(path) as file:
            tests += file.read()
    pages = glob.glob(os.path.join(root, "docs", "**", "*.md"), recursive=True)
    errors = []
    for page in sorted(pages + [os.path.join(root, "README.md")]):
        name = os.path.relpath(page, root)
        with open(page) as file:
            text = file.read()
        runs = re.search(r"^```\w+ (?:run|winnow-opt)\b", text, re.MULTILINE)
        if runs and f"%src_root/{name} " not in tests:
            errors.append(f"{name}: no test in test/Docs runs its examples")
        for target in re.findall(r"\]\(([^)#\s]+)", text):
            if "://" not in target and not os.path.exists(
                os.path.join(os.path.dirname(page), target)
            ):
                errors.append(f"{name}: the link to {target} leads nowhere")
    if errors:
        sys.exit("\n".join(errors))
    print(f"{len(pages) + 1} pages are in order")


if __name__ == "__main__":
    main()
