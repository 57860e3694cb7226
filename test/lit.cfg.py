import os
import shutil

import lit.formats


class PythonWithRunLines(lit.formats.ShTest):
    """ShTest that takes a .py file as a test only if it has a RUN line."""

    def getTestsInDirectory(self, suite, path, litConfig, localConfig):
        for test in super().getTestsInDirectory(suite, path, litConfig, localConfig):
            source = test.getSourcePath()
            if source.endswith(".py"):
                with open(source, encoding="utf-8", errors="replace") as file:
                    if "RUN:" not in file.read():
                        continue
            yield test


config.name = "Winnow"
config.test_format = PythonWithRunLines(execute_external=False)
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
if shutil.which("ptxas", path=config.environment["PATH"]):
    config.available_features.add("ptxas")
try:
    with open("/proc/cpuinfo") as file:
        flags = set(file.read().split())
    for flag in ("avx2", "fma", "avx512f", "amx_tile"):
        if flag in flags:
            config.available_features.add(flag)
except OSError:
    pass
