"""Medians of per-round ratios with bootstrap intervals."""

import numpy as np


def ratio(ours, theirs, resamples=4000, seed=0):
    """theirs / ours, round by round (above 1: we are faster)
    -> (median, low, high) with a 95 % bootstrap interval of the median."""
    values = np.asarray(theirs, float) / np.asarray(ours, float)
    return interval(values, resamples, seed)


def interval(values, resamples=4000, seed=0):
    values = np.asarray(values, float)
    rng = np.random.default_rng(seed)
    picks = rng.integers(0, len(values), (resamples, len(values)))
    medians = np.median(values[picks], axis=1)
    low, high = np.percentile(medians, [2.5, 97.5])
    return float(np.median(values)), float(low), float(high)


def largest_difference(ours, theirs, rows=None):
    """Largest absolute difference, over the rows of a Boolean mask if given."""
    difference = np.abs(np.asarray(ours, np.float64) - np.asarray(theirs, np.float64))
    if rows is not None:
        difference = difference[rows]
    # A NaN on one side only is a difference that max must not lose.
    return float(np.nan_to_num(difference, nan=np.inf).max(initial=0.0))
