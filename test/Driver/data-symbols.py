# REQUIRES: python, winnow
# RUN: %python %S/../Python/Inputs/make_demo.py %cc %runtime_include %runtime_lib %S/../Runtime/Inputs/data_model.c %t
# RUN: %cc -I%runtime_include %S/../Runtime/Inputs/data_model.c -L%runtime_lib -lwinnow_cli -lwinnow_rt -lm -pthread -Wl,--defsym=winnow_cli_model=data_model -o %t/program
# RUN: %python %s %winnow %t
"""Outputs whose shapes depend on data, from winnow run and from a program."""

import os
import subprocess
import sys
import unittest

import numpy as np

FOLDER, WINNOW = sys.argv.pop(2), sys.argv.pop(1)
OUTPUTS = ["positive", "rest", "repeated", "sum"]


def path(name):
    return os.path.join(FOLDER, name)


class DataSymbolsTest(unittest.TestCase):
    def check(self, x, *command, options=()):
        np.save(path("x.npy"), np.array(x, np.int64))
        outputs = [f"--output={name}={path(name)}.npy" for name in OUTPUTS]
        if command == (path("program"),):
            outputs = [part for option in outputs for part in option.split("=", 1)]
        subprocess.run(
            [*command, "--input", f"x={path('x.npy')}", *outputs, *options],
            check=True, stdout=subprocess.PIPE, timeout=60,
        )  # fmt: skip
        x = np.array(x, np.int64)
        repeated = np.repeat(x[x > 0], x[x > 0])
        for name, want in zip(OUTPUTS, [x[x > 0], x[x <= 0], repeated, repeated.sum()]):
            np.testing.assert_array_equal(np.load(path(name + ".npy")), want, strict=True)

    def test_run(self):
        for x in ([], [0, -5], [3, -1 - 3, 2000, 0, 500]):
            self.check(x, WINNOW, "run", FOLDER, options=["--repeat", "3"])

    def test_program(self):
        for x in ([], [0, -5], [3, -1 - 3, 2000, 0, 500]):
            self.check(x, path("program"))

    def test_program_lists_shapes(self):
        said = subprocess.run([path("program"), "--help"], capture_output=True, text=True).stdout
        self.assertIn("  positive: int64[count]\n  rest: int64[?]\n", said)


if __name__ == "__main__":
    unittest.main()
