"""The loops over points beneath the operators of piecewise polynomials: compiled, or in NumPy."""

from __future__ import annotations

from collections.abc import Iterator
from math import perm
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scitorch._kernels import piecewise

Array = NDArray[Any]

_BLOCK = 8192  # points at a time, so that what is computed about them stays in the processor's cache
_BUCKETS = 4  # for each knot
_STEPS = 8  # from a bucket's first knot to the right one, at most


def locate(knots: Array, x: Array) -> Array:
    """How many of the sorted knots lie at or below each point; all of them, of NaN."""
    if piecewise.available(x.dtype):
        return piecewise.locate(knots, x)
    search, result = Search(knots, len(x)), np.empty(len(x), np.int64)
    for block in _blocks(len(x)):
        result[block] = search(x[block])
    return result


def sample(c: Array, breaks: Array, x: Array, nu: int) -> Array:
    """Values (p, r) at p points of r polynomials with coefficients (k, m, r), or of their derivatives."""
    if _compiled(c.shape[1], breaks, x, nu):
        return piecewise.sample(c, breaks, x, nu)
    result = np.empty((len(x), c.shape[2]), c.dtype)
    powers, search = _powers(c, nu), Search(breaks[1:-1], len(x))
    for block in _blocks(len(x)):
        place = search(x[block])
        result[block] = _evaluated(powers, place, x[block] - breaks[place], c.dtype)
    return result


def scatter(g: Array, breaks: Array, x: Array, k: int, nu: int) -> Array:
    """The transpose of `sample` in its coefficients."""
    m = len(breaks) - 1
    if _compiled(m, breaks, x, nu):
        return piecewise.scatter(g, breaks, x, k, nu)
    search, sums = Search(breaks[1:-1], len(x)), _sums(k, m, g)
    for block in _blocks(len(x)):
        place = search(x[block])
        _scatter(sums, g[block], place, x[block] - breaks[place], nu)
    return _gathered(sums, m, g)


def pull(g: Array, c: Array, breaks: Array, x: Array, nu: int) -> tuple[Array, Array, Array]:
    """The gradients of `c`, of `breaks` and of `x` from those of their samples."""
    k, m, _ = c.shape
    if _compiled(m, breaks, x, nu):
        return piecewise.pull(g, c, breaks, x, nu)
    search, sums, powers = Search(breaks[1:-1], len(x)), _sums(k, m, g), _powers(c, nu + 1)
    ends, slope = np.zeros(len(breaks)), np.empty_like(x)
    for block in _blocks(len(x)):
        place = search(x[block])
        step = x[block] - breaks[place]
        _scatter(sums, g[block], place, step, nu)
        slope[block] = np.real(g[block] * _evaluated(powers, place, step, c.dtype).conj()).sum(-1)
        np.add.at(ends, place, -slope[block])
    return _gathered(sums, m, g), ends.astype(x.dtype), slope


def _compiled(m: int, breaks: Array, x: Array, nu: int) -> bool:
    """Whether they may go to the compiled loops, which rely on what is passed; NumPy raises for what doesn't fit."""
    return nu >= 0 and m == len(breaks) - 1 > 0 and piecewise.available(x.dtype)


def _blocks(count: int) -> Iterator[slice]:
    return (slice(start, start + _BLOCK) for start in range(0, count, _BLOCK))


def _powers(c: Array, nu: int) -> list[Array]:
    """The coefficients of each power of the derivative, the highest first."""
    return [np.ascontiguousarray(c[j] * perm(k, nu)) for j, k in enumerate(range(len(c) - 1, nu - 1, -1))]


def _evaluated(powers: list[Array], place: Array, step: Array, dtype: np.dtype[Any]) -> Array:
    step = step[:, None]
    value = powers[0].take(place, 0) if powers else np.zeros(step.shape, dtype)
    for coefficients in powers[1:]:
        value *= step
        value += coefficients.take(place, 0)
    # A constant doesn't show that a point is NaN.
    return value if len(powers) > 1 else np.where(np.isnan(step), step, value)


# Of sums, real and imaginary parts are columns of their own.


def _sums(k: int, m: int, g: Array) -> Array:
    return np.zeros((k, m * g.shape[1] * (g.itemsize // np.finfo(g.dtype).dtype.itemsize)))


def _gathered(sums: Array, m: int, g: Array) -> Array:
    return sums.astype(np.finfo(g.dtype).dtype).view(g.dtype).reshape(len(sums), m, g.shape[1])


def _scatter(sums: Array, g: Array, place: Array, step: Array, nu: int) -> None:
    """Add what some of the points give."""
    parts = np.ascontiguousarray(g).view(np.finfo(g.dtype).dtype).reshape(len(g), -1).astype(float)
    where = (place[:, None] * parts.shape[1] + np.arange(parts.shape[1])).ravel()
    for power in range(nu, len(sums)):
        np.add.at(sums[len(sums) - 1 - power], where, perm(power, nu) * parts.ravel())
        parts *= step[:, None]


class Search:
    """How many of the sorted knots lie at or below each of many points, where that isn't compiled.

    A search by bisection mispredicts half of its branches where points are in no order: a step of it takes as long as
    all of this. The knots are counted in advance for buckets of equal width, and from the count of its bucket each
    point goes on knot by knot. Where knots crowd in a bucket, bisection takes over.
    """

    def __init__(self, knots: Array, points: int) -> None:
        self._knots = knots
        self._counts: Array | None = None
        if points < 1024 or not 2 <= len(knots) < points or not knots[0] < knots[-1]:
            return
        count = _BUCKETS * len(knots)
        width = (knots[-1] - knots[0]) / count
        # Lower than the buckets begin by more than what their arithmetic may round off.
        margin = 16 * np.finfo(knots.dtype).eps * np.abs(knots[[0, -1]]).max()
        edges = knots[0] + width * np.arange(count + 1) - margin
        if np.isfinite(edges).all() and width > margin:
            self._width, self._beyond = width, np.append(knots, np.nan)
            self._counts = np.searchsorted(knots, edges, side="right")

    def __call__(self, x: Array) -> Array:
        """The counts for some of the points."""
        if np.all(x[1:] >= x[:-1]):  # then it's the points that are searched for the few knots between them
            first, last = np.searchsorted(self._knots, x[[0, -1]], side="right")
            starts = np.searchsorted(x, self._knots[first:last], side="left")
            return np.repeat(np.arange(first, last + 1), np.diff(starts, prepend=0, append=len(x)))
        if self._counts is None:
            return np.searchsorted(self._knots, x, side="right")
        bucket = np.fmin(np.fmax((x - self._knots[0]) / self._width, 0), len(self._counts) - 1)
        place = self._counts[bucket.astype(np.int64)]
        for _ in range(_STEPS):
            beyond = self._beyond[place] <= x
            if not beyond.any():
                return np.where(np.isnan(x), len(self._knots), place)  # as bisection has it
            place += beyond
        return np.searchsorted(self._knots, x, side="right")
