"""Indices that are out of range at run time: an error that says so and names the
node; nothing outside the data is read or written. With them the indices that
are just inside, from both ends."""
# REQUIRES: python, winnow
# RUN: env PYTHONPATH=%src_root/python WINNOW=%winnow %python %s %winnow %t

import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "Inputs"))
sys.argv[1:] = sys.argv[1:3]
from corpus import FLOAT, INT64, TensorProto, build, node, np, value

import winnow

sys.argv[1:] = []
INT32 = TensorProto.INT32
DATA = np.arange(12, dtype=np.float32).reshape(3, 4)
SIZES = DATA.shape
FAR = (2**31, -(2**31), 2**62, -(2**63), 2**63 - 1)


def make(op, index_shape, index_type=INT64, updates=None, **attributes):
    """A session whose inputs are data, indices i and, for scatters, updates u."""
    args = [value("x", ["a", "b"]), value("i", index_shape, index_type)]
    if updates:
        args.append(value("u", updates))
    names = " ".join(arg.name for arg in args)
    model = build([node(op, names, "y", name="/the/node", **attributes)], args, ["y"])
    return winnow.Session(model, threads=1)


class IndexTest(unittest.TestCase):
    def check(self, session, make_feed, bound, expect):
        """All indices in [-bound, bound) work, those outside do not."""
        for index in range(-bound, bound):
            (y,) = session.run(None, make_feed(index))
            np.testing.assert_array_equal(y, expect(index % bound))
        dtype = make_feed(0)["i"].dtype
        limits = np.iinfo(dtype)
        far = [index for index in FAR if limits.min <= index <= limits.max]
        for index in [bound, -bound - 1, limits.max, limits.min, *far]:
            with self.assertRaises(winnow.RunCheckError) as caught:
                session.run(None, make_feed(index))
            self.assertIn("/the/node", str(caught.exception))
            self.assertIn("outside", str(caught.exception))
        # The session is as good as before.
        np.testing.assert_array_equal(session.run(None, make_feed(0))[0], expect(0))

    def test_gather(self):
        for dtype, number in [(np.int64, INT64), (np.int32, INT32)]:
            for axis in (0, 1):
                session = make("Gather", ["k"], number, axis=axis)
                self.check(
                    session,
                    lambda i: {"x": DATA, "i": np.array([0, i, 0], dtype)},
                    SIZES[axis],
                    lambda i: DATA.take([0, i, 0], axis),
                )

    def test_gather_of_nothing(self):
        session = make("Gather", ["k"])
        (y,) = session.run(None, {"x": DATA[:0], "i": np.zeros(0, np.int64)})
        self.assertEqual(y.shape, (0, 4))
        with self.assertRaises(winnow.RunCheckError):
            session.run(None, {"x": DATA[:0], "i": np.zeros(1, np.int64)})

    def test_gather_nd(self):
        session = make("GatherND", ["k", 2])
        for at, bound in enumerate(SIZES):
            def pair(i):
                return np.insert(np.array([1]), at, i)

            self.check(
                session,
                lambda i: {"x": DATA, "i": np.stack([pair(0), pair(i)])},
                bound,
                lambda i: np.array([DATA[tuple(pair(0))], DATA[tuple(pair(i))]]),
            )

    def test_gather_nd_batches(self):
        session = make("GatherND", ["a", 1], batch_dims=1)
        self.check(
            session,
            lambda i: {"x": DATA, "i": np.array([[0], [i], [0]])},
            4,
            lambda i: DATA[range(3), [0, i, 0]],
        )

    def test_gather_elements(self):
        for axis in (0, 1):
            session = make("GatherElements", ["a", "b"], axis=axis)
            def feed(i):
                indices = np.zeros(SIZES, np.int64)
                indices[1, 2] = i
                return {"x": DATA, "i": indices}

            self.check(
                session, feed, SIZES[axis],
                lambda i: np.take_along_axis(DATA, feed(i)["i"], axis),
            )

    def test_scatter_elements(self):
        for reduction in ("none", "add", "mul", "max", "min"):
            session = make("ScatterElements", [1, "b"], updates=[1, "b"], axis=0, reduction=reduction)
            update = {"none": lambda a, b: b, "add": np.add, "mul": np.multiply,
                      "max": np.maximum, "min": np.minimum}[reduction]

            def expect(i):
                y = DATA.copy()
                for column, row in enumerate([0, i, 0, 0]):
                    y[row, column] = update(y[row, column], np.float32(5))
                return y

            self.check(
                session,
                lambda i: {"x": DATA, "i": np.array([[0, i, 0, 0]]), "u": np.full((1, 4), 5, np.float32)},
                3,
                expect,
            )

    def test_scatter_nd(self):
        session = make("ScatterND", ["k", 1], updates=["k", "b"])

        def expect(i):
            y = DATA.copy()
            y[i] = 5
            return y

        self.check(
            session,
            lambda i: {"x": DATA, "i": np.array([[i]]), "u": np.full((1, 4), 5, np.float32)},
            3,
            expect,
        )

    def test_scatter_nd_elements(self):
        session = make("ScatterND", ["k", 2], updates=["k"], reduction="add")

        def expect(i):
            y = DATA.copy()
            y[2, i] += 5
            return y

        self.check(
            session,
            lambda i: {"x": DATA, "i": np.array([[2, i]]), "u": np.float32([5])},
            4,
            expect,
        )


if __name__ == "__main__":
    unittest.main()
