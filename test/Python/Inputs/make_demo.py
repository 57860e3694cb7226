"""make_demo.py CC RUNTIME_INCLUDE RUNTIME_LIB NAME_model.c DIR: a hand-written
model as `winnow compile` would leave it, so that no compiler is needed."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np


def main(cc, include, lib, source, folder):
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    name = os.path.basename(source).removesuffix("_model.c")
    runtime = ["-Wl,--whole-archive", os.path.join(lib, "libwinnow_rt.a"), "-Wl,--no-whole-archive"]
    subprocess.run(
        [cc, "-shared", "-fPIC", "-O1", "-I", include, source, *runtime, "-pthread",
         "-Wl,-Bsymbolic", "-o", os.path.join(folder, name + ".so")],
        check=True,
    )  # fmt: skip
    np.arange(1, 13, dtype=np.float32).tofile(os.path.join(folder, name + ".weights"))
    with open(os.path.join(folder, name + ".json"), "w") as file:
        json.dump({"format": "winnow-report", "format_version": 2, "name": name}, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
