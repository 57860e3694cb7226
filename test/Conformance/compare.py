"""How far an output is from the suite's, and whether that is near enough."""

import numpy as np

RTOL, ATOL = 1e-3, 1e-7  # the suite's own


def _is_float(dtype):
    # Most of the small floats of ml_dtypes are of kind V to numpy.
    return dtype.kind == "f" or "float" in dtype.name


def _digits(dtype):
    """-> (bits of the fraction, smallest normal exponent)."""
    if dtype.isbuiltin == 1:
        info = np.finfo(dtype)
    else:
        import ml_dtypes

        info = ml_dtypes.finfo(dtype)
    return info.nmant, info.minexp


def largest_ulp(got, want):
    """The largest error in units of the last place of the expected number."""
    bits, least = _digits(want.dtype)
    a, b = got.astype(np.float64), want.astype(np.float64)
    finite = np.isfinite(a) & np.isfinite(b)
    if not finite.any():
        return 0.0
    a, b = a[finite], b[finite]
    exponent = np.maximum(np.frexp(b)[1] - 1, least)
    return float(np.ldexp(np.abs(a - b), bits - exponent).max())


def compare(got, want):
    """-> (what is wrong or None, the largest ULP). Integers and booleans are
    equal or wrong. Floats are near by the suite's tolerances, the absolute one
    scaled by the largest expected value; NaN and infinities are where they
    should be."""
    if got.shape != want.shape:
        return f"expected shape {want.shape}, got {got.shape}", 0.0
    if got.dtype != want.dtype:
        return f"expected {want.dtype.name}, got {got.dtype.name}", 0.0
    if not want.size:
        return None, 0.0
    if not _is_float(want.dtype):
        wrong = int((got != want).sum())
        return (f"{wrong} of {want.size} elements differ" if wrong else None), 0.0
    a, b = got.astype(np.float64), want.astype(np.float64)
    finite = np.isfinite(b)
    largest = np.abs(b[finite]).max(initial=0.0)
    with np.errstate(invalid="ignore"):
        near = np.abs(a - b) <= ATOL * max(1.0, largest) + RTOL * np.abs(b)
    special = (a == b) | (np.isnan(a) & np.isnan(b))
    wrong = int((~np.where(finite, near, special)).sum())
    ulp = largest_ulp(got, want)
    if wrong:
        return f"{wrong} of {want.size} elements differ, by up to {ulp:.3g} ULP", ulp
    return None, ulp
