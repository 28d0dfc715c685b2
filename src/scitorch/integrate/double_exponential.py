"""The double exponential rule, which bears algebraic and logarithmic singularities at the ends of an interval."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def double_exponential_rule(edges: Array, a: float, b: float) -> tuple[Array, Array]:
    """Points and weights on the intervals; the last one weighs nothing: a batch repeats it."""
    s, v = _on_the_unit_interval()
    gauss = np.polynomial.legendre.leggauss(len(s))
    infinite = np.isinf([a, b]).any()
    at_infinity = infinite & (edges == 0).any(1)[:, None]
    # Where a function of the far away is evaluated, it must not overflow: no nearer than SciPy does.
    s, v = np.where(at_infinity, gauss[0] / 2 + 0.5, s), np.where(at_infinity, gauss[1] / 2, v)
    low, length = edges[:, :1], np.diff(edges)
    t = low + length * s
    w = length * v
    w = np.where((t == low) | (t == edges[:, 1:]), 0.0, w)  # there, the function may be infinite
    t = np.where(w == 0, low + length / 2, t)
    sign = 1.0
    if infinite:
        x = (1 - np.abs(t)) / t
        w = w / t**2
        if np.isinf([a, b]).all():
            sign = -1.0 if b < a else 1.0
        else:
            start, sign = (a, math.copysign(1.0, b)) if np.isfinite(a) else (b, -math.copysign(1.0, a))
            x = start + (sign if np.isfinite(a) else -sign) * x
    else:
        x, sign = t, -1.0 if b < a and edges[0, 0] <= edges[0, 1] else 1.0
    x, w = x.ravel(), sign * w.ravel()
    return np.append(x, x[len(x) // 2]), np.append(w, 0.0)


@cache
def _on_the_unit_interval() -> tuple[Array, Array]:
    """The rule for (0, 1), down to 1e-20 from either end."""
    u, h = np.linspace(-3.4, 3.4, 61, retstep=True)
    s = 1 / (1 + np.exp(-np.pi * np.sinh(u)))
    return s, h * np.pi * np.cosh(u) * s / (1 + np.exp(np.pi * np.sinh(u)))
