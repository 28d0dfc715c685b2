"""Splines in the B-spline basis."""

from __future__ import annotations

import math
from typing import Self

import torch
from torch import Tensor

from scitorch.core.errors import ArgumentError
from scitorch.interpolate.checks import as_data, as_knots, as_points, checked, count_at_most, in_precision, real_of
from scitorch.interpolate.piecewise import Extrapolate, integral, placed


class BSpline:
    """A spline: a piecewise polynomial as a sum of B-splines.

    Parameters
    ----------
    t : Tensor of shape (n+k+1,)
        Knots, in non-decreasing order, at least 2k+2 of them.
    c : Tensor
        Coefficients, at least n of them along `axis`; real or complex.
    k : int
        The degree.
    extrapolate : bool or "periodic", optional
        Whether the first and the last polynomial go on outside ``t[k] .. t[n]``, or NaN comes out there, or the
        function repeats.
    axis : int, optional
        Along which axis the coefficients are those of one spline.

    Raises
    ------
    ArgumentError
        For shapes that don't fit, and knots that decrease.

    Notes
    -----
    Evaluated by de Boor's recursion in torch operations, of which every denominator spans the interval that the point
    lies in: differentiable to any order in the knots, the coefficients and the points, repeated knots included. At a
    knot the derivative is that of the interval on its right.

    References
    ----------
    `scipy.interpolate.BSpline`; C. de Boor, "A Practical Guide to Splines" (Springer, 2001), chapters 9 and 10.

    Examples
    --------
    >>> import torch
    >>> spline = BSpline(torch.arange(7.0), torch.tensor([-1.0, 2.0, 0.0, -1.0]), 2)
    >>> spline(2.5)
    tensor(1.3750)
    """

    def __init__(self, t: Tensor, c: Tensor, k: int, extrapolate: bool | str = True, axis: int = 0) -> None:
        (t,), (c,) = as_data(t), as_data(c)
        n = len(t) - k - 1 if t.ndim == 1 else 0
        if k < 0 or n < k + 1 or not -c.ndim <= axis < c.ndim or c.shape[axis] < n:
            got = f"shapes {tuple(t.shape)} and {tuple(c.shape)}, axis {axis}, degree {k}"
            raise ArgumentError("BSpline", "t, c, k", "n+k+1 knots and n coefficients, n > k >= 0", got)
        precision = torch.promote_types(t.dtype, real_of(c.dtype))
        self.t = as_knots("BSpline", "t", t.to(precision), "sorted")
        self.c = in_precision(precision, c.movedim(axis, 0))
        self.k = k
        self.extrapolate = extrapolate if extrapolate == "periodic" else bool(extrapolate)
        self.axis = axis % c.ndim

    @classmethod
    def construct_fast(cls, t: Tensor, c: Tensor, k: int, extrapolate: bool | str = True, axis: int = 0) -> Self:
        """The spline of knots and coefficients that need no check, the interpolation axis in front."""
        self = cls.__new__(cls)
        self.t, self.c, self.k, self.extrapolate, self.axis = t, c, k, extrapolate, axis
        return self

    @classmethod
    def basis_element(cls, t: Tensor, extrapolate: bool | str = True) -> Self:
        """The B-spline with the knots `t`, of degree ``len(t) - 2``."""
        (t,) = as_data(t)
        k = len(t) - 2
        knots = torch.cat(((t[:1] - 1).expand(k), t, (t[-1:] + 1).expand(k)))
        return cls.construct_fast(knots, torch.eye(len(knots), dtype=t.dtype, device=t.device)[k], k, extrapolate)

    @property
    def tck(self) -> tuple[Tensor, Tensor, int]:
        """Knots, coefficients and degree."""
        return self.t, self.c, self.k

    def __call__(self, x: Tensor | float, nu: int = 0, extrapolate: Extrapolate = None) -> Tensor:
        """The values, or derivatives of order `nu`, at points of any shape."""
        extrapolate = self.extrapolate if extrapolate is None else extrapolate
        if nu < 0:
            raise ArgumentError("BSpline", "nu", "an order of at least 0", str(nu), ".antiderivative()")
        first, last = self._ends()
        points = as_points(x, self.t)
        x = points.reshape(-1)
        if extrapolate == "periodic":
            x, extrapolate = first + torch.remainder(x - first, last - first), False
        place = interval(self.t, self.k, x)
        near = place[..., None] + torch.arange(-self.k, 1, device=x.device)
        coefficients = self.c[near]
        value = de_boor(self.t, coefficients, self.k, x, place, nu)
        unknown = x.isnan() if extrapolate else ~((x >= first) & (x <= last))
        value = torch.where(unknown[(...,) + (None,) * (value.ndim - x.ndim)], math.nan, value)
        return placed(value, points.shape, self.c.shape[1:], self.axis)

    def _ends(self) -> tuple[Tensor, Tensor]:
        """The ends of the base interval."""
        return self.t[self.k], self.t[len(self.t) - self.k - 1]

    def derivative(self, nu: int = 1) -> Self:
        """The spline of the derivative of order `nu`, which is at most the degree."""
        if nu < 0:
            return self.antiderivative(-nu)
        if nu > self.k:
            raise ArgumentError("BSpline.derivative", "nu", f"an order of at most {self.k}", str(nu))
        t, c, k = self._padded()
        for _ in range(nu):
            gaps = checked(t[k + 1 : -1] - t[1 : -k - 1], rule="positive", owner="BSpline.derivative", argument="t")
            c = (c[1 : -1 - k] - c[: -2 - k]) * k / _spread(gaps, c)
            c = torch.cat((c, torch.zeros_like(c[:1]).expand(k, *c.shape[1:])))
            t, k = t[1:-1], k - 1
        return self.construct_fast(t, c, k, self.extrapolate, self.axis)

    def antiderivative(self, nu: int = 1) -> Self:
        """The spline of an antiderivative, zero at the first knot."""
        if nu <= 0:
            return self.derivative(-nu)
        t, c, k = self._padded()
        for _ in range(nu):
            c = torch.cumsum(c[: -k - 1] * _spread(t[k + 1 :] - t[: -k - 1], c), 0) / (k + 1)
            c = torch.cat((torch.zeros_like(c[:1]), c, c[-1:].expand(k + 2, *c.shape[1:])))
            t, k = torch.cat((t[:1], t, t[-1:])), k + 1
        extrapolate = False if self.extrapolate == "periodic" else self.extrapolate
        return self.construct_fast(t, c, k, extrapolate, self.axis)

    def _padded(self) -> tuple[Tensor, Tensor, int]:
        """As many coefficients as knots, as FITPACK has them."""
        missing = max(len(self.t) - len(self.c), 0)
        zeros = torch.zeros_like(self.c[:1]).expand(missing, *self.c.shape[1:])
        return self.t, torch.cat((self.c, zeros)), self.k

    def integrate(self, a: Tensor | float, b: Tensor | float, extrapolate: Extrapolate = None) -> Tensor:
        """The integral from `a` to `b`, differentiable in both; without extrapolation the spline is zero outside."""
        extrapolate = self.extrapolate if extrapolate is None else extrapolate
        first, last = self._ends()
        if extrapolate != "periodic" and not extrapolate:
            a, b = (torch.minimum(torch.maximum(as_points(end, self.t), first), last) for end in (a, b))
        total = self.construct_fast(self.t, self.c, self.k).antiderivative()
        return integral(total, a, b, first, last, extrapolate if extrapolate == "periodic" else True)


def _spread(gaps: Tensor, c: Tensor) -> Tensor:
    return gaps[(...,) + (None,) * (c.ndim - 1)]


def interval(t: Tensor, k: int, x: Tensor) -> Tensor:
    """The index l with ``t[l] <= x < t[l+1]``, of the first or last interval that isn't empty for x outside."""
    n = len(t) - k - 1
    inner = t[k + 1 : n]
    place = count_at_most(inner, x)
    if k == 0:
        return place  # a constant has no interval to divide by, and may be that of the last point alone
    place = torch.minimum(place, count_at_most(inner, t[n], strictly=True))
    return torch.maximum(place, count_at_most(inner, t[k])) + k


def de_boor(t: Tensor, local: Tensor, k: int, x: Tensor, place: Tensor, nu: int = 0) -> Tensor:
    """The value of a spline, or of its derivative of order `nu`, from the k+1 coefficients that act at x.

    Parameters
    ----------
    t : Tensor of shape (n+k+1,)
    local : Tensor of shape (..., k+1, *rest)
        The coefficients ``place-k .. place`` for each x; or, for the values of the basis, the identity.
    k : int
    x, place : Tensor of shape (...)
        The points, and the intervals that they lie in.
    nu : int

    Returns
    -------
    Tensor of shape (..., *rest)
    """
    if nu > k:
        return torch.zeros_like(local.select(x.ndim, 0), dtype=torch.result_type(local, x))
    # knots[..., j] is t[place - k + 1 + j]; the interval of x is between j = k-1 and j = k.
    knots = t[place[..., None] + torch.arange(1 - k, k + 1, device=x.device)]
    d = local.movedim(x.ndim, 0)
    rest = (...,) + (None,) * (local.ndim - x.ndim - 1)
    for degree in range(k, k - nu, -1):
        gaps = [knots[..., j + k] - knots[..., j + k - degree] for j in range(degree)]
        d = torch.stack([degree * (d[j + 1] - d[j]) / gaps[j][rest] for j in range(degree)])
    for r in range(1, k - nu + 1):
        lower = [knots[..., nu + j + r - 1] for j in range(k - nu - r + 1)]
        upper = [knots[..., k + j] for j in range(k - nu - r + 1)]
        weights = [((x - a) / (b - a))[rest] for a, b in zip(lower, upper, strict=True)]
        d = torch.stack([(1 - w) * d[j] + w * d[j + 1] for j, w in enumerate(weights)])
    return d[0]


def basis(t: Tensor, k: int, x: Tensor, nu: int = 0) -> tuple[Tensor, Tensor]:
    """The k+1 B-splines (or their derivatives) that aren't zero at each x, and the index of the first of them."""
    place = interval(t, k, x)
    identity = torch.eye(k + 1, dtype=t.dtype, device=t.device).expand(*x.shape, k + 1, k + 1)
    return de_boor(t, identity, k, x, place, nu), place - k
