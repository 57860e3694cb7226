# REQUIRES: python, winnow
# RUN: %python %S/../Python/Inputs/make_demo.py %cc %runtime_include %runtime_lib %S/../Runtime/Inputs/demo_model.c %t
# RUN: %python %s %winnow %t
"""winnow run on the hand-written model: files of every form, and what is said
about wrong ones."""

import json
import os
import re
import struct
import subprocess
import sys
import unittest
import zipfile

import numpy as np

FOLDER, WINNOW = sys.argv.pop(2), sys.argv.pop(1)
TABLE = np.arange(1, 13, dtype=np.float32).reshape(3, 4)
X = np.arange(24, dtype=np.float32).reshape(6, 4)
IDS = np.arange(6) % 3
WANT = X * TABLE[IDS]


def path(name):
    return os.path.join(FOLDER, name)


def contents(file_path):
    with open(file_path, "rb") as file:
        return file.read()


class RunTest(unittest.TestCase):
    def call(self, *arguments, status=0):
        done = subprocess.run(
            [WINNOW, "run", FOLDER, *arguments], capture_output=True, text=True, timeout=60
        )
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stdout if status == 0 else done.stderr

    def refuses(self, message, *arguments, status=1):
        said = self.call(*arguments, status=status)
        self.assertIn("winnow: error: ", said)
        self.assertRegex(said, message)

    def works(self, *arguments):
        out = path("out.npz")
        if os.path.exists(out):
            os.remove(out)
        said = self.call("--outputs", out, *arguments)
        with np.load(out) as arrays:
            self.assertEqual(arrays.files, ["y", "total"])
            np.testing.assert_array_equal(arrays["y"], WANT)
            np.testing.assert_allclose(arrays["total"], WANT.sum(1))
        return said

    def save(self, name="in.npz", save=np.savez, **changes):
        arrays = {"x": X, "in/ids": IDS, **changes}
        save(path(name), **{k: v for k, v in arrays.items() if v is not None})
        return path(name)

    def npy(self, array, name="one.npy", version=(1, 0)):
        with open(path(name), "wb") as file:
            np.lib.format.write_array(file, np.asanyarray(array), version=version)
        return path(name)

    # ---- What works ----

    def test_profile(self):
        trace = path("trace.json")
        said = self.works("--inputs", self.save(), "--profile", "--repeat", "3", "--threads", "2", "--trace", trace)
        self.assertRegex(said, r"medians of 3 runs on 2 threads, together [\d.]+ ms, with code for x86-64; FMA: [1-9][\d.]* GFLOP/s, mem: [1-9][\d.]* GB/s")
        row = r"\n +[\d.]+ +[\d.]+ +1 +[\d.]+ +[\d.]+ +[\d.]+ +[\d.]+ +[\d.]+  rows"
        self.assertRegex(said, row + "\n")
        self.assertRegex(said, row + "  /Mul, /ReduceSum\n")
        with open(trace) as file:
            events = json.load(file)["traceEvents"]
        names = [event["args"]["name"] for event in events if event["ph"] == "M"]
        self.assertEqual(names, ["operations", "thread 0", "thread 1"])
        ops = [event for event in events if event["ph"] == "X" and event["tid"] == 0]
        self.assertEqual([op["name"] for op in ops], 3 * ["(start)", "rows"])
        self.assertEqual(ops[1]["args"], {"nodes": "/Mul, /ReduceSum", "flops": 24, "bytes": 264,
                                          "elements": 24, "active": 6, "computed": 12})
        self.assertEqual(ops[0]["ts"], 0)
        for before, after in zip(ops, ops[1:]):
            self.assertGreaterEqual(after["ts"] + 1e-6, before["ts"] + before["dur"])
        parts = [event for event in events if event["ph"] == "X" and event["tid"] > 0]
        self.assertTrue(parts and all(part["name"] == "rows" for part in parts))
        # A trace alone prints nothing.
        self.assertEqual(self.works("--inputs", self.save(), "--trace", trace), "")
        self.refuses("nowhere", "--inputs", self.save(), "--trace", path("nowhere/trace.json"))

    def test_stats(self):
        said = self.works("--inputs", self.save(), "--stats", "--repeat", "3")
        self.assertIn("what is not zero, in 3 runs\n\n"
                      " density   least    most  computed  operation\n"
                      "   0.250   0.250   0.250     0.500  rows  /Mul, /ReduceSum\n", said)

    def test_npz(self):
        self.works("--inputs", self.save())
        self.works("--inputs", self.save(save=np.savez_compressed))
        self.works("--inputs", self.save(x=np.asfortranarray(X)))

    def test_npy(self):
        ids = self.npy(IDS, "ids=1.npy")
        for version in ((1, 0), (2, 0), (3, 0)):
            x = self.npy(X, "x.npy", version)
            self.works("--input", "x=" + x, "--input", "in/ids=" + ids)
        # One file goes before the same array in --inputs.
        self.works("--inputs", self.save(x=X + 1), "--input", "x=" + x)

    def test_output_files(self):
        self.call("--inputs", self.save(), "--output", "total=" + path("t.npy"), "--threads", "1")
        total = np.load(path("t.npy"))
        self.assertEqual((total.dtype, total.shape), (np.float32, (6,)))
        np.testing.assert_allclose(total, WANT.sum(1))

    def test_empty_batch(self):
        inputs = self.save(x=X[:0], **{"in/ids": IDS[:0]})
        self.call("--inputs", inputs, "--outputs", path("empty.npz"))
        with np.load(path("empty.npz")) as arrays:
            self.assertEqual(arrays["y"].shape, (0, 4))

    def test_repeat(self):
        said = self.works("--inputs", self.save(), "--repeat", "5", "--threads", "2")
        self.assertTrue(re.fullmatch(r"median of 5 runs: \d+\.\d+ ms on 2 threads, with code for x86-64\S*\n", said), said)

    def test_same_bytes(self):
        written = []
        for name in ("a.npz", "b.npz"):
            self.call("--inputs", self.save(), "--outputs", path(name))
            written.append(contents(path(name)))
        self.assertEqual(*written)
        self.assertIsNone(zipfile.ZipFile(path("a.npz")).testzip())

    # ---- Names, types, shapes ----

    def test_names(self):
        self.refuses(
            "unknown input 'ids'; the model's inputs are 'x', 'in/ids'",
            "--inputs", self.save(ids=IDS),
        )  # fmt: skip
        self.refuses(
            "expected all inputs, got none for 'x'; give them in --inputs",
            "--inputs", self.save(x=None),
        )  # fmt: skip
        self.refuses("unknown input 'z'", "--input", "z=" + self.npy(X))
        self.refuses("expected --input NAME=FILE.npy, got 'x'", "--input", "x")
        self.refuses(
            "unknown output 'z'; the model's outputs are 'y', 'total'",
            "--inputs", self.save(), "--output", "z=z.npy",
        )  # fmt: skip

    def test_arrays(self):
        self.refuses(
            "input 'x': expected float32, got float64",
            "--inputs", self.save(x=X.astype(np.float64)),
        )  # fmt: skip
        self.refuses(
            "expected dimension 0 \\('batch'\\) to be 6 as in input 'x', got 5",
            "--inputs", self.save(**{"in/ids": IDS[:5]}),
        )  # fmt: skip
        self.refuses(
            "node '/embed/Gather': an index is outside the table",
            "--inputs", self.save(**{"in/ids": IDS + 1}),
        )  # fmt: skip

    def test_options(self):
        self.refuses("expected --threads to be a ", "--threads", "two", status=2)
        self.refuses("expected --repeat to be a ", "--repeat", "0", status=2)
        self.refuses("cannot open '.*/none.npz': No such file", "--inputs", path("none.npz"))
        self.refuses(
            "cannot write '/nonexistent/out.npz'",
            "--inputs", self.save(), "--outputs", "/nonexistent/out.npz",
        )  # fmt: skip

    # ---- Hostile files ----

    def header(self, text, data=b"", version=1):
        text = text.encode() + b"\n"
        length = struct.pack("<H" if version == 1 else "<I", len(text))
        with open(path("bad.npy"), "wb") as file:
            file.write(b"\x93NUMPY" + bytes([version, 0]) + length + text + data)
        return "x=" + path("bad.npy")

    def test_bad_npy(self):
        def dictionary(descr="'<f4'", order="False", shape="(2, 4)"):
            return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}}}"

        for message, text in (
            ("got dtype '>f4'; convert it", dictionary("'>f4'")),
            ("got dtype '.O'", dictionary("'|O'")),
            ("got dtype '<U5'", dictionary("'<U5'")),
            ("arrays of records", dictionary("[('a', '<f4')]")),
            ("expected a size that is not negative", dictionary(shape="(-1, 4)")),
            ("expected a size that is not negative", dictionary(shape="(99999999999999999999,)")),
            ("got only 32 bytes", dictionary(shape="(4611686018427387904, 4)")),
            ("got only 32 bytes of 48", dictionary(shape="(3, 4)")),
            ("expected at most 64 dimensions", dictionary(shape="(" + "1," * 65 + ")")),
            ("expected True or False", dictionary(order="Maybe")),
            ("expected a shape", dictionary(shape="8")),
            ("expected the keys", "{}"),
            ("expected the keys", "{'descr': '<f4'}"),
            ("got 'evil'", "{'evil': 1}"),
            ("expected '{'", "__import__('os')"),
            ("expected a quoted string", "{"),
            ("expected a quoted string", "{'descr"),
        ):
            self.refuses(message, "--input", self.header(text, b"\0" * 32))
        self.refuses("version 1, 2 or 3, got 9", "--input", self.header("{}", version=9))
        whole = contents(self.npy(X, "x.npy"))
        for length in (0, 5, 8, 9, 10, 60, 127, 140):
            with open(path("cut.npy"), "wb") as file:
                file.write(whole[:length])
            self.refuses("expected", "--input", "x=" + path("cut.npy"))

    def test_bad_npz(self):
        whole = contents(self.save(save=np.savez_compressed))
        bad = path("bad.npz")

        def check(data, message="expected|unknown"):
            with open(bad, "wb") as file:
                file.write(data)
            self.refuses(message, "--inputs", bad)

        check(b"", "expected a zip archive")
        check(b"PK\5\6", "expected a zip archive")
        check(whole[:-30])
        for length in range(1, len(whole) - 22, 197):
            check(whole[:length] + whole[-22:])
        # Any byte of the end record and the directory may change: the answer is
        # an error, or the arrays if the byte does not matter.
        for at in range(len(whole) - 160, len(whole), 4):
            with open(bad, "wb") as file:
                file.write(whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
            done = subprocess.run([WINNOW, "run", FOLDER, "--inputs", bad], capture_output=True)
            self.assertIn(done.returncode, (0, 1), (at, done.stderr))
        # A size that deflate cannot reach is not allocated.
        directory = whole.rindex(b"PK\1\2")
        lie = bytearray(whole)
        struct.pack_into("<I", lie, directory + 24, 0xF0000000)
        check(bytes(lie), "cannot be as large as it says")
        with zipfile.ZipFile(bad, "w", zipfile.ZIP_BZIP2) as file:
            file.writestr("x.npy", b"abc")
        self.refuses("stored or deflated, got method 12", "--inputs", bad)
        with self.assertWarns(UserWarning), zipfile.ZipFile(bad, "w") as file:
            for _ in range(2):
                file.write(self.npy(X), "x.npy")
        self.refuses("expected each array once, got 'x' twice", "--inputs", bad)

    # ---- The model's folder ----

    def test_folder(self):
        for artifact, message in (
            ("/nonexistent", "no such file or folder"),
            (os.path.dirname(os.path.abspath(__file__)), "got no report of one"),
            (__file__, "expected the folder of a compiled model or its .so"),
        ):
            done = subprocess.run([WINNOW, "run", artifact], capture_output=True, text=True)
            self.assertEqual(done.returncode, 1)
            self.assertIn(message, done.stderr)


if __name__ == "__main__":
    unittest.main()
