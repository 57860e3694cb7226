# REQUIRES: python
# RUN: %python %S/Inputs/make_demo.py %cc %runtime_include %runtime_lib %S/../Runtime/Inputs/data_model.c %t
# RUN: env PYTHONPATH=%src_root/python %python %s %t
"""winnow.Session on a model whose outputs' shapes depend on data."""

import sys
import threading
import unittest

import numpy as np

import winnow
from winnow import _session

FOLDER = sys.argv.pop(1)


class DataSymbolsTest(unittest.TestCase):
    def setUp(self):
        self.session = winnow.Session(FOLDER, threads=2)

    def check(self, x):
        x = np.array(x, np.int64)
        positive, rest, repeated, total = self.session.run(None, {"x": x})
        want = np.repeat(x[x > 0], x[x > 0])
        for got, array in [(positive, x[x > 0]), (rest, x[x <= 0]), (repeated, want)]:
            np.testing.assert_array_equal(got, array, strict=True)
            # A caller may keep it: it does not keep a large buffer alive.
            self.assertLessEqual(got.nbytes if got.base is None else got.base.nbytes, 2 * got.nbytes)
        self.assertEqual(total, want.sum())

    def test_description(self):
        shapes = {output.name: output.shape for output in self.session.get_outputs()}
        self.assertEqual(
            shapes, {"positive": ["count"], "rest": [None], "repeated": ["total"], "sum": []}
        )

    def test_growth(self):
        for x in ([0, 0], [5, -7], [1], [], [300, 20], [2, 2, 2], [1000, 3000], [301, 21], [0, 1]):
            self.check(x)

    def test_chosen_outputs(self):
        repeated, positive = self.session.run(["repeated", "positive"], {"x": np.array([2, 0, 3])})
        self.assertEqual(repeated.tolist(), [2, 2, 3, 3, 3])
        self.assertEqual(positive.tolist(), [2, 3])

    def test_failed_check(self):
        for x, message in [([5, -2], "an element is -1 or -2"), ([5, -3], "a size is out of")]:
            with self.assertRaisesRegex(winnow.RunCheckError, message):
                self.session.run(None, {"x": np.array(x)})
        self.check([5, 4])

    def test_no_memory_for_outputs(self):
        make = np.empty

        def fail(shape, dtype):
            if shape and shape[0] >= 500:
                raise MemoryError
            return make(shape, dtype)

        _session.np.empty = fail
        try:
            with self.assertRaisesRegex(winnow.OutOfMemoryError, r"of the shapes .*\(700,\)"):
                self.session.run(None, {"x": np.array([400, 300])})
            self.check([1, 2])
        finally:
            _session.np.empty = make
        self.check([400, 300])

    def test_threads(self):
        errors = []

        def work(seed):
            try:
                random = np.random.default_rng(seed)
                for _ in range(50):
                    self.check(5 * random.integers(-9, 9, random.integers(0, 20)))
            except Exception as error:
                errors.append(error)

        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(errors, [])


if __name__ == "__main__":
    unittest.main()
