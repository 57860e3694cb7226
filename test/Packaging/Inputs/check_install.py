#!/usr/bin/env python3
"""Installs the build, moves the tree, and builds an outside CMake project and
a pkg-config program against it.

    check_install.py WINNOW WORK_FOLDER
"""

import os
import shlex
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
MAKE_MODEL = os.path.join(HERE, "..", "..", "models", "make_model.py")
# One and the same for both programs; see consumer.c.
EXPECTED = ["20 11 2, doubled 40 22 4", "10 1 0, doubled 20 2 0"]


def run(*command, **options):
    print("+", *command, flush=True)
    return subprocess.run(command, check=True, text=True, **options)


def output(*command):
    return run(*command, stdout=subprocess.PIPE).stdout


def check(lines):
    if lines != EXPECTED:
        sys.exit(f"expected {EXPECTED}, got {lines}")


def main():
    winnow, work = sys.argv[1:]
    build = os.path.dirname(os.path.dirname(os.path.abspath(winnow)))
    shutil.rmtree(work, ignore_errors=True)
    models = os.path.join(work, "models")
    os.makedirs(models)
    run(sys.executable, MAKE_MODEL, "affine", os.path.join(models, "one.onnx"), "1")
    run(sys.executable, MAKE_MODEL, "affine", os.path.join(models, "two.onnx"), "2")

    first, prefix = os.path.join(work, "first"), os.path.join(work, "moved here")
    run("cmake", "--install", build, "--prefix", first, stdout=subprocess.DEVNULL)
    os.rename(first, prefix)

    project = os.path.join(work, "build")
    run(
        "cmake", "-G", "Ninja", "-S", os.path.join(HERE, "consumer"), "-B", project,
        f"-DCMAKE_PREFIX_PATH={prefix}", f"-DMODELS={models}",
    )  # fmt: skip
    run("cmake", "--build", project)
    check(output(os.path.join(project, "consumer")).splitlines())
    again = output("cmake", "--build", project)
    if "no work to do" not in again:
        sys.exit(f"expected nothing to be rebuilt, got:\n{again}")

    # The same program without CMake.
    tool = os.path.join(prefix, "bin", "winnow")
    plain = os.path.join(work, "plain")
    run(tool, "compile", os.path.join(models, "one.onnx"), "-o", plain,
        "--emit=static", "--quiet")  # fmt: skip
    run(tool, "compile", os.path.join(models, "two.onnx"), "-o", plain, "--name=doubled",
        "--emit=static", "--embed-weights", "--quiet")  # fmt: skip
    os.environ["PKG_CONFIG_PATH"] = os.path.join(prefix, "lib", "pkgconfig")
    flags = shlex.split(output("pkg-config", "--cflags", "--libs", "winnow"))
    program = os.path.join(work, "plain-consumer")
    weights = os.path.join(plain, "one.weights")
    run(
        "cc", os.path.join(HERE, "consumer", "consumer.c"), f'-DONE_WEIGHTS="{weights}"',
        f"-I{plain}", os.path.join(plain, "one.a"), os.path.join(plain, "doubled.a"),
        *flags, "-o", program,
    )  # fmt: skip
    check(output(program).splitlines())


if __name__ == "__main__":
    main()
