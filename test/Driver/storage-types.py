# REQUIRES: python, winnow
# RUN: env PYTHONPATH=%src_root/python %python %s %winnow %t
"""Elements that numpy knows by ml_dtypes only: what winnow.Session, winnow run and
an executable take and give for them."""

import os
import subprocess
import sys
import unittest

import ml_dtypes
import numpy as np
import onnx

import winnow

WINNOW, FOLDER = sys.argv.pop(1), sys.argv.pop(1)
NIBBLES = np.array([-8, -1, 0, 7]).astype(ml_dtypes.int4)
FLOATS = np.array([1.5, -448, np.nan, 0.0625]).astype(ml_dtypes.float8_e4m3fn)


def path(name):
    return os.path.join(FOLDER, name)


class StorageTypesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        os.makedirs(FOLDER, exist_ok=True)
        T, helper = onnx.TensorProto, onnx.helper
        value = helper.make_tensor_value_info
        graph = helper.make_graph(
            [helper.make_node("Identity", ["i"], ["same"]),
             helper.make_node("CastLike", ["f", "i"], ["nibbles"]),
             helper.make_node("CastLike", ["i", "f"], ["floats"])], "g",
            [value("i", T.INT4, ["n"]), value("f", T.FLOAT8E4M3FN, ["n"])],
            [value("same", T.INT4, ["n"]), value("nibbles", T.INT4, ["n"]),
             value("floats", T.FLOAT8E4M3FN, ["n"])])  # fmt: skip
        onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)]), path("m.onnx"))
        subprocess.run([WINNOW, "compile", path("m.onnx"), "-o", path("m"), "--quiet",
                        "--emit=shared,exe"], check=True)  # fmt: skip
        cls.feeds = {"i": NIBBLES, "f": FLOATS}
        # A NaN is 0 as an integer, and -448 keeps its low bits.
        cls.want = [NIBBLES, np.array([1, 0, 0, 0]).astype(ml_dtypes.int4), NIBBLES.astype(FLOATS.dtype)]

    def check(self, outputs):
        for got, want in zip(outputs, self.want, strict=True):
            np.testing.assert_array_equal(got.view(np.uint8), want.view(np.uint8), strict=True)

    def test_session(self):
        session = winnow.Session(path("m"))
        self.assertEqual([i.type for i in session.get_inputs()], ["tensor(int4)", "tensor(float8e4m3fn)"])
        outputs = session.run(None, self.feeds)
        self.assertEqual([o.dtype for o in outputs], [w.dtype for w in self.want])
        self.check(outputs)
        # Bits, of which those beside the element do not count.
        bits = {"i": NIBBLES.view(np.uint8) | 0x50, "f": FLOATS.view(np.uint8)}
        self.check([NIBBLES, *session.run(None, bits)[1:]])
        for wrong in (NIBBLES.astype(np.int8), NIBBLES.view(ml_dtypes.uint4)):
            with self.assertRaisesRegex(winnow.InvalidArgumentError, "expected int4, got u?int"):
                session.run(None, {**self.feeds, "i": wrong})

    def run_winnow(self, *arguments):
        done = subprocess.run([WINNOW, "run", path("m"), *arguments], capture_output=True, text=True)
        return done.stderr

    def test_files(self):
        np.savez(path("opaque.npz"), **self.feeds)
        np.savez(path("bits.npz"), **{k: v.view(np.uint8) for k, v in self.feeds.items()})
        for name in ("opaque", "bits"):
            said = self.run_winnow("--inputs", path(name + ".npz"), "--outputs", path("out.npz"))
            self.assertEqual(said, "")
            with np.load(path("out.npz")) as arrays:
                self.assertEqual([arrays[n].dtype for n in arrays], [np.dtype("V1")] * 3)
                self.check([arrays[n] for n in ("same", "nibbles", "floats")])
        np.savez(path("wrong.npz"), i=NIBBLES.astype(np.int8), f=FLOATS)
        self.assertIn("int4, got int8", self.run_winnow("--inputs", path("wrong.npz")))

    def test_executable(self):
        """Bits in and out."""
        files = []
        for name, array in self.feeds.items():
            np.save(path(name + ".npy"), array.view(np.uint8))
            files += ["--input", f"{name}={path(name)}.npy"]
        names = ("same", "nibbles", "floats")
        for name in names:
            files += ["--output", f"{name}={path(name)}.npy"]
        subprocess.run([path("m/m"), *files], check=True)
        outputs = [np.load(path(name + ".npy")) for name in names]
        self.assertEqual([o.dtype for o in outputs], [np.uint8] * 3)
        self.check(outputs)


if __name__ == "__main__":
    unittest.main()
