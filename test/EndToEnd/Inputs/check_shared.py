#!/usr/bin/env python3
"""Cases of shared/models against the outputs that PyTorch gave.

    check_shared.py WINNOW MODELS_FOLDER WORK_FOLDER PATTERN... KIND=SITES...

Each case's report must say SITES for the kind, `norm=5 layer_norm` for example. A kind
with a dot is a code, and SITES how often it applied.
"""

import fnmatch
import glob
import json
import os
import sys

import numpy as np
from support import Checker, compile_model, folder_of, open_winnow


def check_sites(case, folder, sites, check):
    with open(glob.glob(os.path.join(folder, "*.json"))[0], encoding="utf-8") as file:
        passes = json.load(file)["passes"]
    reported = {site["code"]: site["sentence"] for site in passes}
    for kind, expected in sites.items():
        if "." in kind:
            got = str(sum(site["code"] == kind and site["applied"] for site in passes))
        else:
            got = reported.get(f"sites.{kind}")
        if got != expected:
            check.errors.append(f"{os.path.basename(case)}: expected {expected}, got {got}")


def check_case(tool, case, folder, sites, check, model=None):
    with open(os.path.join(case, "about.json")) as file:
        tolerance = json.load(file)["tolerance"]
    model = model or os.path.join(case, "model.onnx")
    run = open_winnow(compile_model(tool, model, folder), 2)
    check_sites(case, folder, sites, check)
    for path in sorted(glob.glob(os.path.join(case, "io_*.npz"))):
        with np.load(path) as file:
            arrays = {name: file[name] for name in file.files}
        feeds = {name[3:]: array for name, array in arrays.items() if name.startswith("in:")}
        got = run(feeds)
        mask = feeds.get("attention_mask")
        for name, want in arrays.items():
            if name.startswith("out:"):
                what = f"{os.path.basename(case)}: {os.path.basename(path)}: {name[4:]}"
                check.close(
                    what, got[name[4:]], want, tolerance["atol"], tolerance["rtol"], mask
                )


def main():
    tool, models, work, *arguments = sys.argv[1:]
    patterns = [argument for argument in arguments if "=" not in argument]
    sites = dict(argument.split("=") for argument in arguments if "=" in argument)
    cases = sorted(
        name
        for name in os.listdir(models)
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
        and "fp16" not in name
    )
    if not cases:
        sys.exit(f"expected cases named {' '.join(patterns)} in {models}")
    check = Checker()
    for name in cases:
        try:
            folder = os.path.join(folder_of(work), name)
            check_case(tool, os.path.join(models, name), folder, sites, check)
        except Exception as error:  # the other cases still run
            check.errors.append(f"{name}: {type(error).__name__}: {error}")
    check.finish()


if __name__ == "__main__":
    main()
