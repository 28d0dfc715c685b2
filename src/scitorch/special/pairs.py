"""Arithmetic on unevaluated sums of two doubles, which carry 32 digits, for series whose terms cancel.

References: T. J. Dekker, "A floating-point technique for extending the available precision", Numer. Math. 18 (1971);
Y. Hida, X. S. Li and D. H. Bailey, "Algorithms for quad-double precision floating point arithmetic" (2001).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

UNIT = 2.0**-102  # relative error of one operation
_SPLIT = 2.0**27 + 1  # cuts a double into two halves, the products of which are exact


class Pair:
    """Arrays of numbers high + low, where low is below the last digit of high.

    Attributes
    ----------
    high, low : ndarray
        The two parts.
    """

    __slots__ = ("high", "low")

    def __init__(self, high: Any, low: Any = 0.0) -> None:
        self.high, self.low = np.asarray(high, dtype=np.float64), np.asarray(low, dtype=np.float64)

    def __getitem__(self, index: Any) -> Pair:
        return Pair(self.high[index], self.low[index])

    def __add__(self, other: Any) -> Pair:
        if not isinstance(other, Pair):
            s, e = _sum(self.high, other)
            return _renormalised(s, e + self.low)
        s, e = _sum(self.high, other.high)
        t, f = _sum(self.low, other.low)
        return _renormalised(*_fast_sum(s, e + t), f)

    def __neg__(self) -> Pair:
        return Pair(-self.high, -self.low)

    def __sub__(self, other: Any) -> Pair:
        return self + (-other)

    def __mul__(self, other: Any) -> Pair:
        if not isinstance(other, Pair):
            p, e = _product(self.high, other)
            return _renormalised(p, e + self.low * other)
        p, e = _product(self.high, other.high)
        return _renormalised(p, e + (self.high * other.low + self.low * other.high))

    def __truediv__(self, other: Any) -> Pair:
        """Quotient by long division, of which the third digit mends the second."""
        divisor = other if isinstance(other, Pair) else Pair(other)
        first: Any = self.high / divisor.high
        rest = self - divisor * first
        second: Any = rest.high / divisor.high
        third = (rest - divisor * second).high / divisor.high
        return _renormalised(*_fast_sum(first, second), third)


def _fast_sum(x: Any, y: Any) -> tuple[Any, Any]:
    """The sum and its rounding error, for |x| ≥ |y|."""
    s = x + y
    return s, y - (s - x)


def _renormalised(high: Any, *low: Any) -> Pair:
    return Pair(*_fast_sum(high, sum(low[1:], low[0])))


def _sum(x: Any, y: Any) -> tuple[Any, Any]:
    s = x + y
    v = s - x
    return s, (x - (s - v)) + (y - v)


def _halves(x: Any) -> tuple[Any, Any]:
    t = _SPLIT * x
    high = t - (t - x)
    return high, x - high


def _product(x: Any, y: Any) -> tuple[Any, Any]:
    p = x * y
    (a, b), (c, d) = _halves(x), _halves(y)
    return p, ((a * c - p) + a * d + b * c) + b * d
