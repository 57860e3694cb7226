"""Tests of the suite's runner itself."""

import os
import sys
import unittest

import numpy as np
import onnx

from cases import DATA, find_model, load_data_sets
from random_tests import REPEATS, check_statistics, enlarge, find_random
from table import write_table

WORK = sys.argv.pop(1)


def load(name):
    """-> the enlarged model, its inputs and the suite's outputs."""
    model = onnx.load(find_model("node/" + name))
    (data,) = enlarge(model, load_data_sets("node/" + name, model))
    return model, *data


class RandomTest(unittest.TestCase):
    def test_selection(self):
        names = [
            name
            for name in sorted(os.listdir(os.path.join(DATA, "node")))
            if find_random(onnx.load(os.path.join(DATA, "node", name, "model.onnx")))
        ]
        self.assertEqual(len([name for name in names if "bernoulli" in name]), 6)
        self.assertTrue(all("bernoulli" in n or "training_dropout" in n for n in names), names)

    def check_bernoulli(self, name, draw):
        model, inputs, want = load(name)
        uniform = np.random.default_rng(7).random(inputs[0].shape)
        got = draw(uniform, inputs[0]).astype(want[0].dtype)
        return check_statistics(model, inputs, [got], want)

    def test_bernoulli(self):
        check = self.check_bernoulli
        self.assertIsNone(check("test_bernoulli", lambda u, p: u < p))
        self.assertIsNone(check("test_bernoulli_double", lambda u, p: u < p))
        self.assertIsNone(check("test_bernoulli_seed_expanded", lambda u, p: u > p))
        self.assertIn("off", check("test_bernoulli", lambda u, p: u > p))
        self.assertIn("off", check("test_bernoulli", lambda u, p: u[0] < p))
        self.assertIn("off", check("test_bernoulli", lambda u, p: u < 0.8 * p))
        self.assertIn("zeros and ones", check("test_bernoulli", lambda u, p: 2 * (u < p)))
        self.assertIn("shape", check("test_bernoulli", lambda u, p: u[1:] < p[1:]))

    def test_dropout(self):
        model, inputs, want = load("test_training_dropout_mask")
        x, ratio = inputs[0], float(inputs[1])
        self.assertEqual(len(x), REPEATS * len(want[0]))
        for probability, is_right in [(1 - ratio, True), (0.9 * (1 - ratio), False)]:
            mask = np.random.default_rng(7).random(x.shape) < probability
            y = np.where(mask, x / (1 - ratio), 0).astype(x.dtype)
            said = check_statistics(model, inputs, [y, mask], want)
            self.assertEqual(said is None, is_right, said)
        said = check_statistics(model, inputs, [2 * y, mask], want)
        self.assertEqual(said, "expected elements that are 0 or scaled")


class TableTest(unittest.TestCase):
    def test_table(self):
        def line(name, reason, ulp=0.0):
            return name, reason, "", ulp

        results = {
            "static": [line("node/test_relu", "pass"), line("node/test_elu_default", "pass", 1.25)],
            "dynamic": [line("node/test_relu", "pass", 300.4), line("node/test_elu_default", "refused")],
            "constant": [line("node/test_relu", "pass"), line("node/test_elu_default", "run-crash", 9)],
        }
        os.makedirs(WORK, exist_ok=True)
        path = os.path.join(WORK, "table.md")
        write_table(path, results)
        with open(path) as file:
            rows = file.read().splitlines()[-2:]
        self.assertEqual(
            rows,
            [
                "| Elu | 1 | 1 | 0 | 0 | 1.2 | refused, run-crash |",
                "| Relu | 1 | 1 | 1 | 1 | 300 |  |",
            ],
        )


if __name__ == "__main__":
    unittest.main()
