# RUN: %python %s
"""The statistics that benchmarks print."""

import numpy as np

from winnow.bench import stats

# Above 1 means that ours is faster; a constant ratio has no spread.
assert stats.ratio([1.0, 2.0, 4.0], [2.0, 4.0, 8.0]) == (2.0, 2.0, 2.0)

# The interval holds the median, narrows with more rounds, and is repeatable.
rng = np.random.default_rng(0)
few, many = rng.normal(1.0, 0.1, 10), rng.normal(1.0, 0.1, 1000)
for values in (few, many):
    median, low, high = stats.interval(values)
    assert low <= median <= high and median == np.median(values)
width = lambda values: np.ptp(stats.interval(values)[1:])
assert width(many) < width(few)
assert stats.interval(few) == stats.interval(few)

# The median of three drawn from three is each of them often enough.
assert stats.interval([3.0, 1.0, 2.0]) == (2.0, 1.0, 3.0)
assert stats.interval([5.0]) == (5.0, 5.0, 5.0)

# A ratio is taken within a round: a machine that slows down for both hides nothing.
drift = np.linspace(1.0, 3.0, 20)
assert np.isclose(stats.ratio(drift, 1.5 * drift)[0], 1.5)

# A NaN on one side is a difference, and rows that are not compared are none.
x = np.array([[1.0, np.nan], [2.0, 5.0]])
y = np.array([[1.0, 1.0], [2.0, 4.0]])
assert stats.largest_difference(x, y) == np.inf
assert stats.largest_difference(x, y, np.array([False, True])) == 1.0
assert stats.largest_difference(x[:0], y[:0]) == 0.0
