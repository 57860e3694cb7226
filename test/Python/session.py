# REQUIRES: python
# RUN: %python %S/Inputs/make_demo.py %cc %runtime_include %runtime_lib %S/../Runtime/Inputs/demo_model.c %t
# RUN: env PYTHONPATH=%src_root/python %python %s %t
"""winnow.Session on the hand-written model: names, types, errors, threads."""

import gc
import os
import shutil
import sys
import threading
import unittest

import numpy as np

import winnow

FOLDER = sys.argv.pop(1)
TABLE = np.arange(1, 13, dtype=np.float32).reshape(3, 4)


def feeds(batch=3):
    x = np.arange(4 * batch, dtype=np.float32).reshape(batch, 4) / 8
    return {"x": x, "in/ids": np.arange(batch) % 3}


def expected(feed):
    return feed["x"] * TABLE[feed["in/ids"]]


class Duck:
    """Not an array, but one that DLPack can take."""

    def __init__(self, array):
        self.array = array

    def __dlpack__(self, **options):
        return self.array.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.array.__dlpack_device__()


class SessionTest(unittest.TestCase):
    def setUp(self):
        self.session = winnow.Session(FOLDER, threads=2)

    def refuses(self, message, names, feed, cls=winnow.InvalidArgumentError):
        with self.assertRaises(cls) as caught:
            self.session.run(names, feed)
        self.assertEqual(str(caught.exception), message)
        self.assertEqual(caught.exception.code, cls.code)

    def test_description(self):
        inputs, outputs = self.session.get_inputs(), self.session.get_outputs()
        self.assertEqual([i.name for i in inputs], ["x", "in/ids"])
        self.assertEqual([i.type for i in inputs], ["tensor(float)", "tensor(int64)"])
        self.assertEqual(inputs[0].shape, ["batch", 4])
        self.assertEqual([o.name for o in outputs], ["y", "total"])
        self.assertEqual(outputs[1].shape, ["batch"])
        self.assertEqual(self.session.threads, 2)
        self.assertEqual(self.session.name, "demo")

    def test_run(self):
        for batch in (3, 1, 0, 50, 3):
            feed = feeds(batch)
            y, total = self.session.run(None, feed)
            np.testing.assert_array_equal(y, expected(feed))
            np.testing.assert_allclose(total, expected(feed).sum(1))
            self.assertEqual(total.shape, (batch,))

    def test_output_names(self):
        total, y = self.session.run(["total", "y"], feeds())
        self.assertEqual(y.shape, (3, 4))
        self.assertEqual(total.shape, (3,))
        self.assertEqual(self.session.run([], feeds()), [])
        self.refuses("unknown output 'z'; the model's outputs are 'y', 'total'", ["z"], feeds())

    def test_names_of_inputs(self):
        self.refuses(
            "unknown input 'ids'; the model's inputs are 'x', 'in/ids'",
            None,
            {"ids": 0, **feeds()},
        )
        self.refuses(
            "expected all inputs ('x', 'in/ids'), got none for 'in/ids'",
            None,
            {"x": feeds()["x"]},
        )

    def test_types_are_not_cast(self):
        feed = feeds()
        feed["x"] = feed["x"].astype(np.float64)
        self.refuses(
            "input 'x': expected float32, got float64; convert it with .astype('float32') if "
            "that is what you mean",
            None,
            feed,
        )
        feed["x"] = feeds()["x"].astype(">f4")
        self.refuses(
            "input 'x': expected float32, got float32 in the other byte order; convert it with "
            ".astype('float32') if that is what you mean",
            None,
            feed,
        )

    def test_shapes(self):
        feed = feeds()
        self.refuses(
            "input 'x': expected rank 2, got 1", None, {**feed, "x": np.zeros(4, np.float32)}
        )
        self.refuses(
            "input 'in/ids': expected dimension 0 ('batch') to be 3 as in input 'x', got 2",
            None,
            {**feed, "in/ids": feed["in/ids"][:2]},
        )
        # A refusal leaves nothing behind.
        self.session.run(None, feed)

    def test_run_check(self):
        feed = feeds()
        feed["in/ids"] = np.array([0, 3, 1])
        self.refuses(
            "node '/embed/Gather': an index is outside the table of 3 rows",
            None,
            feed,
            winnow.RunCheckError,
        )

    def test_layouts(self):
        feed = feeds(6)
        want = expected(feed)
        wide = np.zeros((6, 8), np.float32)
        wide[:, ::2] = feed["x"]
        unaligned = np.frombuffer(b"\0" + feed["x"].tobytes(), np.uint8)[1:].view(np.float32)
        for x in (np.asfortranarray(feed["x"]), wide[:, ::2], unaligned.reshape(6, 4)):
            y = self.session.run(["y"], {**feed, "x": x})[0]
            np.testing.assert_array_equal(y, want)

    def test_dlpack_and_lists(self):
        feed = feeds()
        given = {"x": Duck(feed["x"]), "in/ids": feed["in/ids"].tolist()}
        y = self.session.run(["y"], given)[0]
        np.testing.assert_array_equal(y, expected(feed))
        np.testing.assert_array_equal(np.from_dlpack(y), y)

    def test_threads(self):
        feed, failures = feeds(64), []
        want = self.session.run(None, feed)[0]

        def call():
            for _ in range(200):
                if not np.array_equal(self.session.run(None, feed)[0], want):
                    failures.append(1)

        threads = [threading.Thread(target=call) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertFalse(failures)

    def test_fork(self):
        self.session.run(None, feeds())
        child = os.fork()
        if child == 0:
            status = 1
            try:
                feed = feeds()
                if np.array_equal(self.session.run(None, feed)[0], expected(feed)):
                    del self.session
                    gc.collect()
                    status = 0
            finally:
                os._exit(status)
        self.assertEqual(os.waitpid(child, 0)[1], 0)


class OpenTest(unittest.TestCase):
    def copy(self):
        folder = FOLDER + ".copy"
        shutil.rmtree(folder, ignore_errors=True)
        return shutil.copytree(FOLDER, folder)

    def test_library_path(self):
        session = winnow.Session(os.path.join(FOLDER, "demo.so"), threads=1)
        self.assertEqual(session.threads, 1)

    def test_all_cores(self):
        session = winnow.Session(FOLDER)
        self.assertEqual(session.threads, len(os.sched_getaffinity(0)))

    def test_threads(self):
        with self.assertRaisesRegex(winnow.InvalidArgumentError, "0 or more, got -1"):
            winnow.Session(FOLDER, threads=-1)

    def test_weights(self):
        folder = self.copy()
        with open(os.path.join(folder, "demo.weights"), "r+b") as file:
            file.write(b"\1")
        with self.assertRaisesRegex(winnow.WeightsError, "expected the SHA-256 of"):
            winnow.Session(folder)
        os.remove(os.path.join(folder, "demo.weights"))
        with self.assertRaisesRegex(winnow.WeightsError, "cannot open weights file"):
            winnow.Session(folder)

    def test_missing(self):
        folder = self.copy()
        os.remove(os.path.join(folder, "demo.so"))
        with self.assertRaisesRegex(winnow.NotFoundError, "expected the shared library"):
            winnow.Session(folder)
        os.remove(os.path.join(folder, "demo.json"))
        with self.assertRaisesRegex(winnow.NotFoundError, "expected one compiled model .* none"):
            winnow.Session(folder)

    def test_not_a_model(self):
        folder = self.copy()
        os.remove(os.path.join(folder, "demo.so"))
        with open(os.path.join(folder, "demo.so"), "w") as file:
            file.write("not a library")
        with self.assertRaisesRegex(winnow.FileError, "cannot load the model"):
            winnow.Session(folder)


if __name__ == "__main__":
    unittest.main()
