"""Changes a result that is expected, and adds a case whose library kills its process: FOLDER CC"""

import glob
import json
import os
import shutil
import subprocess
import sys

import numpy as np

root, compiler = sys.argv[1:]
(data,) = glob.glob(os.path.join(root, "data", "*.npz"))
arrays = dict(np.load(data))
arrays["out:y"] = arrays["out:y"] + 1e-3
np.savez(data, **arrays)
path = os.path.join(root, "manifest.json")
manifest = json.load(open(path))
case = dict(manifest["cases"][0], name="killed", folder="cases/killed.fp32")
shutil.copytree(os.path.join(root, manifest["cases"][0]["folder"]), os.path.join(root, case["folder"]))
source = os.path.join(root, "killed.c")
with open(source, "w") as file:
    file.write("#include <signal.h>\n__attribute__((constructor)) static void end(void) { raise(SIGKILL); }\n")
library = os.path.join(root, case["folder"], "model.so")
subprocess.run([compiler, "-shared", "-fPIC", source, "-o", library], check=True)
manifest["cases"].append(case)
with open(path, "w") as file:
    json.dump(manifest, file)
