"""Assembles all kernels of models for all chips that ptxas knows, and reads what it says.

assemble_models.py WINNOW FOLDER PRECISION MODEL.onnx... -- fails where a kernel spills, waits for products of
a warpgroup one by one (C75..), or needs more registers or shared memory than a block may have.
"""

import glob
import os
import re
import shutil
import subprocess
import sys

CHIPS = ["sm_80", "sm_90a"]
MOST_REGISTERS = 255
# Shared memory that needs no permission of the launch; what is dynamic is checked by the launch.
MOST_SHARED = 48 * 1024

tool, folder, precision, *patterns = sys.argv[1:]
ptxas = shutil.which("ptxas") or "/usr/local/cuda/bin/ptxas"
models = sorted(path for pattern in patterns for path in glob.glob(pattern))
missing = [pattern for pattern in patterns if not glob.glob(pattern)]
errors = [f"no model matches {pattern}" for pattern in missing]
kernels = 0
for number, model in enumerate(models):
    out = os.path.join(folder, str(number))
    command = [tool, "compile", model, "--target=cuda", "--chip=" + ",".join(CHIPS), "--precision=" + precision,
               "--emit=ptx", "--name=model", "--quiet", "-o", out]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        errors.append(f"{model}: {done.stderr.strip()}")
        continue
    for chip in CHIPS:
        ptx = os.path.join(out, f"model.{chip}.ptx")
        done = subprocess.run([ptxas, "-v", "-arch=" + chip, ptx, "-o", os.devnull], capture_output=True, text=True)
        log = done.stdout + done.stderr
        if done.returncode:
            errors.append(f"{model}, {chip}: {log.strip()}")
        kernel = ""
        for line in log.splitlines():
            if entry := re.search(r"Compiling entry function '([^']*)'", line):
                kernel = entry[1]
                kernels += 1
            spills = re.search(r"(\d+) bytes spill stores, (\d+) bytes spill loads", line)
            used = re.search(r"Used (\d+) registers", line)
            shared = re.search(r"(\d+) bytes smem", line)
            if ("C75" in line or (spills and (int(spills[1]) or int(spills[2])))
                    or (used and int(used[1]) > MOST_REGISTERS) or (shared and int(shared[1]) > MOST_SHARED)):  # fmt: skip
                errors.append(f"{model}, {chip}, {kernel}: {line.strip()}")
print(f"{kernels} kernels of {len(models)} models")
if not kernels:
    errors.append("no kernel was assembled")
sys.exit("\n".join(errors) if errors else 0)
