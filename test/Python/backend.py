# REQUIRES: python, winnow
# RUN: env PYTHONPATH=%src_root/python WINNOW=%winnow %python %s
"""winnow.backend: its own interface, and tests of onnx.backend.test through it."""

import unittest

import numpy as np
import onnx
import onnx.backend.test
from onnx.backend.base import Backend

import winnow
import winnow.backend

MODEL = onnx.parser.parse_model("""
    <ir_version: 8, opset_import: ["" : 18]>
    pair (float[n, 3] x, float[3] y) => (float[n, 3] sum, float[n, 3] product) {
        sum = Add(x, y)
        product = Mul(x, y)
    }
""")
X = np.arange(6, dtype=np.float32).reshape(2, 3)
Y = np.array([1, 2, 4], np.float32)


class BackendTest(unittest.TestCase):
    def test_interface(self):
        self.assertTrue(issubclass(winnow.backend.WinnowBackend, Backend))
        self.assertTrue(winnow.backend.supports_device("CPU"))
        self.assertTrue(winnow.backend.supports_device("CPU:0"))
        self.assertFalse(winnow.backend.supports_device("CUDA"))
        self.assertFalse(winnow.backend.supports_device("no device"))

    def test_prepare(self):
        rep = winnow.backend.prepare(MODEL, "CPU", threads=1)
        for inputs in ([X, Y], (X, Y), {"y": Y, "x": X}):
            outputs = rep.run(inputs)
            np.testing.assert_array_equal(outputs[0], X + Y)
            np.testing.assert_array_equal(outputs.product, X * Y)
        with self.assertRaisesRegex(winnow.InvalidArgumentError, "expected 2 inputs .*, got 1"):
            rep.run([X])
        with self.assertRaisesRegex(winnow.InvalidArgumentError, "expected the device 'CPU'"):
            winnow.backend.prepare(MODEL, "CUDA:1")

    def test_run_model(self):
        outputs = winnow.backend.run_model(MODEL, [X, Y], threads=1)
        np.testing.assert_array_equal(outputs["sum"], X + Y)

    def test_run_node(self):
        # An optional input that is left out.
        node = onnx.helper.make_node("Clip", ["x", "", "high"], ["y"])
        (y,) = winnow.backend.run_node(node, [X, np.array(3, np.float32)])
        np.testing.assert_array_equal(y, np.minimum(X, 3))
        # Until opset 12 softmax is over all dimensions from the axis on.
        node = onnx.helper.make_node("Softmax", ["x"], ["y"], axis=0)
        (y,) = winnow.backend.run_node(node, [X], opset_version=12)
        self.assertAlmostEqual(float(y.sum()), 1, places=6)
        (y,) = winnow.backend.run_node(node, [X], opset_version=13)
        self.assertAlmostEqual(float(y.sum()), 3, places=6)
        with self.assertRaisesRegex(winnow.InvalidArgumentError, "expected 1 inputs"):
            winnow.backend.run_node(node, [X, X])

    def test_compatible(self):
        self.assertTrue(winnow.backend.is_compatible(MODEL))
        strings = onnx.parser.parse_model("""
            <ir_version: 8, opset_import: ["" : 18]>
            main (string[2] x) => (string[2] y) { y = Identity(x) }
        """)
        self.assertFalse(winnow.backend.is_compatible(strings))
        with self.assertRaises(winnow.CompileError):
            winnow.backend.prepare(strings)


tests = onnx.backend.test.BackendTest(winnow.backend, __name__)
for pattern in ("test_softmax_axis_1_cpu$", "test_gather_[01]_cpu$", "test_add_bcast_cpu$"):
    tests.include(pattern)
# The tests that are left out would be thousands of skips.
for name, case in tests.test_cases.items():
    chosen = {
        key: value
        for key, value in vars(case).items()
        if not (key.startswith("test_") and getattr(value, "__unittest_skip__", False))
    }
    if any(key.startswith("test_") for key in chosen):
        globals()[name] = type(name, (unittest.TestCase,), chosen)

if __name__ == "__main__":
    assert "OnnxBackendNodeModelTest" in globals()
    unittest.main()
