"""Piecewise polynomials at given points, and the transpose of that: two operators, each the other's derivative."""

from __future__ import annotations

from collections.abc import Iterator
from math import perm
from typing import Any

import numpy as np
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from scitorch.core import Sample, operator, zero

Array = NDArray[Any]

_BLOCK = 8192  # points at a time, so that what is computed about them stays in the processor's cache
_BUCKETS = 4  # for each knot
_STEPS = 8  # from a bucket's first knot to the right one, at most


class Search:
    """How many of the sorted knots lie at or below each of many points.

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


@operator("(n),(p)->(p)", dtype="integer")
def count_knots(knots: Array, x: Array) -> Array:
    """How many of the sorted knots lie at or below each point.

    Parameters
    ----------
    knots : Tensor of shape (..., n)
    x : Tensor of shape (..., p)

    Returns
    -------
    Tensor of shape (..., p)
        Whole numbers.

    Notes
    -----
    Constant but for jumps: it has no derivative.

    References
    ----------
    `numpy.searchsorted`.

    Examples
    --------
    >>> import torch
    >>> count_knots(torch.tensor([0.0, 1.0]), torch.tensor([-1.0, 0.0, 3.0]))
    tensor([0, 1, 2])
    """
    search, result = Search(knots, len(x)), np.empty(len(x), np.int64)
    for block in _blocks(len(x)):
        result[block] = search(x[block])
    return result


@operator("(k,m,r),(n),(p)->(p,r)", real=("breaks", "x"))
def sample_pieces(c: Array, breaks: Array, x: Array, *, nu: int) -> Array:
    """Values, or derivatives, of piecewise polynomials.

    Parameters
    ----------
    c : Tensor of shape (..., k, m, r)
        Coefficients of r polynomials on m intervals, the highest power first.
    breaks : Tensor of shape (..., m+1)
        Where the intervals end; increasing.
    x : Tensor of shape (..., p)
        Points; those outside belong to the first or the last interval.
    nu : int
        Order of the derivative.

    Returns
    -------
    Tensor of shape (..., p, r)

    Notes
    -----
    ``Σ c[j, i] (x - breaks[i])^(k-1-j)`` with i the interval of x, or its derivative. With ``g`` the incoming gradient
    ``c`` gets `scatter_pieces`; ``x`` gets ``g`` times the next derivative, and each break the negative sum of those
    over its interval. To any order.

    References
    ----------
    `scipy.interpolate.PPoly`.

    Examples
    --------
    >>> import torch
    >>> c = torch.tensor([[[1.0], [2.0]], [[0.0], [1.0]]])
    >>> sample_pieces(c, torch.tensor([0.0, 1.0, 2.0]), torch.tensor([0.5, 1.5]), nu=0).flatten()
    tensor([0.5000, 2.0000])
    """
    result = np.zeros((len(x), c.shape[2]), c.dtype)
    powers = [np.ascontiguousarray(c[j] * perm(k, nu)) for j, k in enumerate(range(len(c) - 1, nu - 1, -1))]
    search = Search(breaks[1:-1], len(x))
    for block in _blocks(len(x)) if powers else ():
        place = search(x[block])
        step = (x[block] - breaks[place])[:, None]
        value = powers[0].take(place, 0)
        for coefficients in powers[1:]:
            value *= step
            value += coefficients.take(place, 0)
        result[block] = value
    if len(powers) < 2:  # a constant doesn't show that a point is NaN
        result[np.isnan(x)] = np.nan
    return result


@operator("(p,r),(n),(p)->(k,n-1,r)", real=("breaks", "x"))
def scatter_pieces(values: Array, breaks: Array, x: Array, *, k: int, nu: int) -> Array:
    """Transpose of `sample_pieces` in its coefficients.

    Parameters
    ----------
    values : Tensor of shape (..., p, r)
    breaks : Tensor of shape (..., m+1)
    x : Tensor of shape (..., p)
    k, nu : int
        How many coefficients a piece has, and the order of the derivative.

    Returns
    -------
    Tensor of shape (..., k, m, r)

    Notes
    -----
    ``Σ values (x - breaks[i])^(k-1-j)`` over the points in interval i, or with the power's derivative. ``values`` gets
    `sample_pieces` of the incoming gradient; x and breaks get what that gives to them.

    References
    ----------
    As for `sample_pieces`.

    Examples
    --------
    >>> import torch
    >>> breaks, x = torch.tensor([0.0, 1.0, 2.0]), torch.tensor([0.5, 1.5])
    >>> scatter_pieces(torch.ones(2, 1), breaks, x, k=2, nu=0)[..., 0]
    tensor([[0.5000, 0.5000],
            [1.0000, 1.0000]])
    """
    m = len(breaks) - 1
    # Real and imaginary parts are columns of their own.
    parts = np.ascontiguousarray(values).view(np.finfo(values.dtype).dtype).reshape(len(values), -1)
    result = np.zeros((k, m * parts.shape[1]))
    search = Search(breaks[1:-1], len(x))
    columns = np.arange(parts.shape[1])
    for block in _blocks(len(x)):
        place = search(x[block])
        step, term = (x[block] - breaks[place])[:, None], parts[block].astype(float)
        where = (place[:, None] * len(columns) + columns).ravel()
        for power in range(nu, k):
            np.add.at(result[k - 1 - power], where, perm(power, nu) * term.ravel())
            term *= step
    return result.astype(parts.dtype).view(values.dtype).reshape(k, m, values.shape[1])


def _blocks(count: int) -> Iterator[slice]:
    return (slice(start, start + _BLOCK) for start in range(0, count, _BLOCK))


def _slope(values: Tensor, c: Tensor, breaks: Tensor, x: Tensor, nu: int) -> Tensor:
    """The derivative in x of the inner product of values with samples of c."""
    product = values * sample_pieces(c, breaks, x, nu=nu + 1).conj()
    return (product.real if product.is_complex() else product).sum(-1)


def _on_breaks(slope: Tensor, breaks: Tensor, x: Tensor) -> Tensor:
    """What every interval's left end gets, of what its points get."""
    return F.pad(-scatter_pieces(slope[..., None], breaks, x, k=1, nu=0)[..., 0, :, 0], (0, 1))


count_knots.vjp(knots=zero, x=zero)
sample_pieces.vjp(
    c=lambda g, c, breaks, x, nu: scatter_pieces(g, breaks, x, k=c.shape[-3], nu=nu),
    breaks=lambda g, c, breaks, x, nu: _on_breaks(_slope(g, c, breaks, x, nu), breaks, x),
    x=lambda g, c, breaks, x, nu: _slope(g, c, breaks, x, nu),
)
scatter_pieces.vjp(
    values=lambda g, breaks, x, nu: sample_pieces(g, breaks, x, nu=nu),
    breaks=lambda g, values, breaks, x, nu: _on_breaks(_slope(values, g, breaks, x, nu), breaks, x),
    x=lambda g, values, breaks, x, nu: _slope(values, g, breaks, x, nu),
)


def _points(rng: np.random.Generator, *batch: int) -> tuple[Array, Array]:
    """Three intervals, and points beside and within them, away from the breaks."""
    breaks = np.arange(4.0) + rng.uniform(-0.2, 0.2, size=(*batch, 4))
    return breaks, rng.integers(-1, 4, size=3) + rng.uniform(0.3, 0.7, size=(*batch, 3))


count_knots.samples(lambda rng: [Sample(*_points(rng)), Sample(*_points(rng, 2))])
sample_pieces.samples(
    lambda rng: [
        Sample(rng.normal(size=(3, 3, 1)), *_points(rng), nu=0),
        Sample(rng.normal(size=(2, 1, 4, 3, 2)), *_points(rng, 2), nu=1),
        Sample(rng.normal(size=(2, 3, 1)) * (1 + 1j), *_points(rng), nu=0),
    ]
)
scatter_pieces.samples(
    lambda rng: [
        Sample(rng.normal(size=(3, 2)), *_points(rng), k=3, nu=0),
        Sample(rng.normal(size=(2, 3, 1)), *_points(rng, 2), k=4, nu=1),
        Sample(rng.normal(size=(3, 1)) * (1 + 1j), *_points(rng), k=2, nu=0),
    ]
)
