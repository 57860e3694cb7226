import os
import shutil
import sys

sys.path.insert(0, os.path.join(config.winnow_src_root, "test"))
from lit_format import ShTestWithRunLines  # noqa: E402

config.name = "Winnow"
config.test_format = ShTestWithRunLines(execute_external=False)
config.suffixes = [".mlir", ".test", ".py", ".c"]
config.excludes = ["Inputs", "lit.cfg.py", "lit.site.cfg.py", "lit.local.cfg"]
config.test_source_root = os.path.join(config.winnow_src_root, "test")
config.test_exec_root = os.path.join(config.winnow_obj_root, "test")

bin_dir = os.path.join(config.winnow_obj_root, "bin")
config.environment["PATH"] = os.pathsep.join(
    [bin_dir, config.llvm_tools_dir, os.environ.get("PATH", "")]
)
# Compilers must not change their output, or the tests, by who runs them.
for name in ("HOME", "LD_LIBRARY_PATH", "CCACHE_DIR", "ASAN_OPTIONS", "UBSAN_OPTIONS"):
    if name in os.environ:
        config.environment[name] = os.environ[name]

# %runtime_lib is the folder of the static libraries, for -L.
shared = os.path.normpath(config.shared)
config.substitutions += [
    ("%python", config.python),
    ("%winnow", os.path.join(bin_dir, "winnow")),
    ("%cc", config.cc),
    ("%runtime_include", os.path.join(config.winnow_src_root, "runtime", "include")),
    ("%runtime_lib", os.path.join(config.winnow_obj_root, "lib")),
    ("%shared", shared),
    ("%src_root", config.winnow_src_root),
]

# What a machine may lack; a test that REQUIRES it is reported as unsupported.
if os.path.isdir(os.path.join(shared, "models")):
    config.available_features.add("shared-models")
if os.path.exists(config.python):
    config.available_features.add("python")
if os.path.exists(os.path.join(bin_dir, "winnow")):
    config.available_features.add("winnow")
# Where the compiler looks for it, too.
if shutil.which("ptxas", path=config.environment["PATH"] + ":/usr/local/cuda/bin"):
    config.available_features.add("ptxas")
try:
    with open("/proc/cpuinfo") as file:
        flags = set(file.read().split())
    for flag in ("avx2", "fma", "avx512f", "amx_tile"):
        if flag in flags:
            config.available_features.add(flag)
except OSError:
    pass
