# REQUIRES: python
# RUN: %python %S/Inputs/make_demo.py %cc %runtime_include %runtime_lib %S/../Runtime/Inputs/demo_model.c %t
# RUN: env PYTHONPATH=%src_root/python %python %s %t
"""The memory of a session's outputs: used again, and only when nobody holds it."""

import gc
import sys
import threading
import unittest

import numpy as np

import winnow
from winnow._memory import OutputMemory

FOLDER = sys.argv.pop(1)
TABLE = np.arange(1, 13, dtype=np.float32).reshape(3, 4)
FLOAT = np.dtype(np.float32)


def feeds(batch, seed):
    rng = np.random.default_rng(seed)
    return {
        "x": rng.standard_normal((batch, 4), np.float32),
        "in/ids": rng.integers(0, 3, batch),
    }


def address(array):
    return array.ctypes.data


class MemoryTest(unittest.TestCase):
    def setUp(self):
        self.memory = OutputMemory()
        self.memory.plan([1 << 20, 1 << 20, 100])

    def make(self, count=1 << 18):
        return self.memory.make_array((count,), FLOAT)

    def test_comes_back_with_the_last_view(self):
        array = self.make()
        first, view = address(array), array[7:].view(np.int32)
        self.assertEqual(first % 64, 0)
        del array
        second = self.make()
        self.assertFalse(np.shares_memory(view, second))
        del view
        self.assertEqual(address(self.make()), first)

    def test_comes_back_from_a_cycle_and_another_thread(self):
        cycle = [self.make()]
        first = address(cycle[0])
        cycle.append(cycle)
        thread = threading.Thread(target=lambda: (cycle.clear(), gc.collect()))
        thread.start()
        thread.join()
        self.assertEqual(address(self.make()), first)

    def test_keeps_no_more_than_a_call(self):
        arrays = [self.make() for _ in range(5)]
        self.assertEqual(len({address(a) for a in arrays}), 5)
        del arrays
        self.assertEqual([len(free) for free in self.memory._free.values()], [2])
        self.memory.plan([1 << 20])
        self.assertEqual([len(free) for free in self.memory._free.values()], [1])
        self.memory.clear()
        self.assertEqual(self.memory._free, {})

    def test_sizes_that_grow_share_room(self):
        self.memory.plan([(1 << 20) + 64])
        larger = address(self.make((1 << 18) + 16))
        self.memory.plan([(1 << 20) + 128])
        self.assertEqual(address(self.make((1 << 18) + 32)), larger)

    def test_small_ones_are_their_own(self):
        self.assertTrue(self.make(25).flags.owndata)


class SessionTest(unittest.TestCase):
    def test_never_shared_between_live_outputs(self):
        session, kept = winnow.Session(FOLDER, threads=2), []
        for seed in range(12):
            feed = feeds(20000 + 1000 * (seed % 3), seed)
            y, _ = session.run(None, feed)
            kept.append((y, feed["x"] * TABLE[feed["in/ids"]]))
            if seed % 4 == 3:
                del kept[::2]
            for array, expected in kept:
                np.testing.assert_array_equal(array, expected)

    def test_used_again(self):
        session, feed = winnow.Session(FOLDER, threads=1), feeds(20000, 0)
        first = address(session.run(["y"], feed)[0])
        self.assertEqual(address(session.run(["y"], feed)[0]), first)

    def test_outlives_the_session(self):
        session, feed = winnow.Session(FOLDER, threads=1), feeds(20000, 1)
        (y,) = session.run(["y"], feed)
        del session
        gc.collect()
        np.testing.assert_array_equal(y, feed["x"] * TABLE[feed["in/ids"]])

    def test_output_as_input(self):
        session, feed = winnow.Session(FOLDER, threads=1), feeds(20000, 2)
        x = expected = feed["x"]
        for _ in range(4):
            (x,) = session.run(["y"], {"x": x, "in/ids": feed["in/ids"]})
            expected = expected * TABLE[feed["in/ids"]]
            np.testing.assert_array_equal(x, expected)


if __name__ == "__main__":
    unittest.main()
