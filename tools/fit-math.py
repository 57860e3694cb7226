#!/usr/bin/env python3
"""Fits the coefficients in lib/Codegen/CPU/Kernels/Math.cpp.

Minimax fits by Lawson's method: weighted least squares, in float64, whose
weights grow where the error is large. Rational functions are made linear by
iterating on the last denominator (Sanathanan and Koerner). Prints C arrays,
lowest power first, and the fit's error before rounding to float32; what the
emitted code reaches is measured by test/Codegen/CPU/Kernels/math-error.py.
"""
import math

import numpy as np


def nodes(lo, hi, count=4000):
    t = np.cos(np.pi * (np.arange(count) + 0.5) / count)
    return (hi - lo) / 2 * t + (hi + lo) / 2


def fit(x, f, weight, num, den=0, first=None):
    """Coefficients p, q of p(x)/q(x), q(0) = 1, minimising max |w (p/q - f)|.

    `first` fixes p(0).
    """
    lam = np.full_like(x, 1 / len(x))
    skip = 0 if first is None else 1
    start = 0.0 if first is None else first
    powers_p = np.stack([x**i for i in range(skip, num + 1)], 1)
    powers_q = np.stack([x**i for i in range(1, den + 1)], 1) if den else np.zeros((len(x), 0))
    q_last = np.ones_like(x)
    best = (np.inf, None, None)
    for _ in range(400):
        s = np.sqrt(lam) * weight / q_last
        matrix = np.concatenate([powers_p, -f[:, None] * powers_q], 1) * s[:, None]
        scale = np.abs(matrix).max(0)
        c, *_ = np.linalg.lstsq(matrix / scale, (f - start) * s, rcond=1e-15)
        c = c / scale
        p, q = c[: powers_p.shape[1]], c[powers_p.shape[1] :]
        q_last = 1 + powers_q @ q
        error = np.abs((start + powers_p @ p) / q_last - f) * weight
        if error.max() < best[0] and q_last.min() > 0:
            best = (error.max(), p, q)
        lam = lam * error
        lam /= lam.sum()
    error, p, q = best
    if skip:
        p = np.concatenate([[first], p])
    return error, p, np.concatenate([[1.0], q])


def show(name, coefficients):
    body = ", ".join(f"{c:.10e}" for c in coefficients)
    print(f"constexpr double {name}[] = {{{body}}};")


def main():
    # The results of exp and exp2 are scaled by 2^(n-1): twice the fit.
    x = nodes(-0.5, 0.5)
    error, p, _ = fit(x, 2.0**x, 2.0**-x, 6, first=1.0)
    show("exp2Poly", 2 * p)
    print(f"// exp2 on [-1/2, 1/2]: relative error {error:.2e}")
    error, p, _ = fit(x, 2.0**x, 2.0**-x, 5, first=1.0)
    show("fastExp2Poly", 2 * p)
    print(f"// exp2 of degree 5: relative error {error:.2e}")
    half = math.log(2) / 2 * 1.001
    x = nodes(-half, half)
    error, p, _ = fit(x, np.exp(x), np.exp(-x), 6, first=1.0)
    show("expPoly", 2 * p)
    print(f"// exp on [-ln2/2, ln2/2]: relative error {error:.2e}")

    # x P(x^2) / Q(x^2) up to where the function rounds to 1 in float32. Both
    # fits pass 1 soon after, where the code clamps: so the ends are exact.
    x = nodes(1e-4, 3.92)
    f = np.array([math.erf(v) for v in x])
    error, p, q = fit_even(x, f, 1 / f, 5, 5)
    show("erfNum", p)
    show("erfDen", q)
    print(f"// erf: relative error {error:.2e}")

    x = nodes(1e-4, 9.02)
    f = np.tanh(x)
    error, p, q = fit_even(x, f, 1 / f, 4, 4)
    show("tanhNum", p)
    show("tanhDen", q)
    print(f"// tanh: relative error {error:.2e}")

    # log(1 + f) = f - f^2/2 + f^3 R(f) on [sqrt(1/2) - 1, sqrt(2) - 1].
    x = nodes(math.sqrt(0.5) - 1, math.sqrt(2) - 1)
    x = x[np.abs(x) > 1e-3]
    f = (np.log1p(x) - x + x * x / 2) / x**3
    weight = np.abs(x**3 / np.log1p(x))
    error, p, _ = fit(x, f, weight, 8)
    show("logPoly", p)
    print(f"// log: relative error {error:.2e}")


def fit_even(x, f, weight, num, den):
    return fit(x * x, f / x, weight * x, num, den)


if __name__ == "__main__":
    main()
