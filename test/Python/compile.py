# REQUIRES: python
# RUN: %python %S/Inputs/make_demo.py %cc %runtime_include %runtime_lib %S/../Runtime/Inputs/demo_model.c %t
# RUN: env PYTHONPATH=%src_root/python %python %s %t
"""winnow.compile and `python -m winnow` with a driver that only notes how it was
called."""

import os
import stat
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

import winnow

FOLDER = sys.argv.pop(1)
DRIVER = f"""#!/bin/sh
printf '%s\\n' "$@" > "$NOTES"
case "$2" in *bad.onnx) echo "winnow: error: node 'a': expected b" >&2; exit 1;; esac
while [ $# -gt 0 ]; do [ "$1" = -o ] && cp {FOLDER}/* "$2"; shift; done
exit 0
"""


class CompileTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.driver = os.path.join(self.folder.name, "driver")
        self.notes = os.path.join(self.folder.name, "notes")
        self.out = os.path.join(self.folder.name, "out")
        os.mkdir(self.out)
        with open(self.driver, "w") as file:
            file.write(DRIVER)
        os.chmod(self.driver, stat.S_IRWXU)
        patch = mock.patch.dict(os.environ, WINNOW=self.driver, NOTES=self.notes)
        patch.start()
        self.addCleanup(patch.stop)

    def called(self):
        with open(self.notes) as file:
            return file.read().splitlines()

    def test_options(self):
        result = winnow.compile(
            "m.onnx",
            self.out,
            cpu="x86-64-v3",
            embed_weights=True,
            emit=["obj", "shared"],
            dim={"batch": (1, 8), "seq": 128},
            name=None,
        )
        self.assertEqual(result, self.out)
        self.assertEqual(
            self.called(),
            ["compile", "m.onnx", "-o", self.out, "--cpu=x86-64-v3", "--embed-weights",
             "--emit=obj,shared", "--dim=batch=1..8", "--dim=seq=128", "--quiet"],
        )  # fmt: skip

    def test_failure(self):
        with self.assertRaises(winnow.CompileError) as caught:
            winnow.compile("bad.onnx", self.out)
        self.assertEqual(str(caught.exception), "winnow: error: node 'a': expected b")
        self.assertEqual(caught.exception.returncode, 1)

    def test_session_of_a_model(self):
        for model in ("m.onnx", b"bytes of a model"):
            session = winnow.Session(model, threads=1)
            folder = self.called()[3]
            self.assertFalse(os.path.exists(folder))
            self.assertEqual(session.get_inputs()[0].name, "x")

    def test_no_driver(self):
        os.environ["WINNOW"] = "/nonexistent"
        with self.assertRaisesRegex(winnow.NotFoundError, "expected .WINNOW to name"):
            winnow.compile("m.onnx", self.out)

    def test_command_line(self):
        done = subprocess.run([sys.executable, "-m", "winnow", "run", "a b", "--x"])
        self.assertEqual(done.returncode, 0)
        self.assertEqual(self.called(), ["run", "a b", "--x"])
        os.environ["WINNOW"] = "/nonexistent"
        done = subprocess.run([sys.executable, "-m", "winnow"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertTrue(done.stderr.startswith("winnow: error: expected $WINNOW"))

    def test_version(self):
        self.assertRegex(winnow.__version__, r"^\d+\.\d+\.\d+")


if __name__ == "__main__":
    unittest.main()
