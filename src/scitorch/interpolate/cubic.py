"""Cubic splines: of given slopes, shape preserving, and smooth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from scitorch.core.errors import ArgumentError
from scitorch.interpolate.checks import as_data, as_knots, checked, complex_of, finite, in_precision, real_of
from scitorch.interpolate.equations import CURVATURE, NOT_A_KNOT, PARABOLA, SLOPE, STRAIGHT
from scitorch.interpolate.hermite import hermite_pieces
from scitorch.interpolate.piecewise import Extrapolate, PPoly, known
from scitorch.interpolate.smooth import spline_pieces
from scitorch.linalg.banded import banded

Condition = tuple[int, Any] | str


class CubicHermiteSpline(PPoly):
    """The piecewise cubic polynomial with given values and slopes.

    Parameters
    ----------
    x : Tensor of shape (n,)
        Where the values are given; real, strictly increasing.
    y : Tensor
        The values, n of them along `axis`; real or complex.
    dydx : Tensor
        The slopes, in the shape of `y`.
    axis : int, optional
        Along which axis `y` varies with `x`.
    extrapolate : bool or "periodic", optional
        As in `PPoly`; by default True.

    Raises
    ------
    ArgumentError
        For shapes that don't fit, infinities, NaN, or `x` that isn't increasing.

    Notes
    -----
    Differentiable to any order in `x`, `y`, `dydx` and the points of evaluation.

    References
    ----------
    `scipy.interpolate.CubicHermiteSpline`.

    Examples
    --------
    >>> import torch
    >>> spline = CubicHermiteSpline(torch.tensor([0.0, 1.0]), torch.tensor([0.0, 1.0]), torch.tensor([0.0, 0.0]))
    >>> spline(0.5)
    tensor(0.5000)
    """

    def __init__(self, x: Tensor, y: Tensor, dydx: Tensor, axis: int = 0, extrapolate: Extrapolate = None) -> None:
        y, dydx = as_data(y, dydx)
        if y.shape != dydx.shape:
            got = f"{tuple(y.shape)} and {tuple(dydx.shape)}"
            raise ArgumentError(type(self).__name__, "y, dydx", "one shape", got)
        x, y, axis = prepare(type(self).__name__, x, y, axis)
        slopes = finite(dydx.movedim(axis, 0) if axis else dydx, type(self).__name__, "dydx")
        self._hold(x, y, slopes.to(y.dtype), axis, extrapolate)

    def _hold(self, x: Tensor, y: Tensor, slopes: Tensor, axis: int, extrapolate: Extrapolate) -> None:
        """Turn values and slopes, the interpolation axis in front, into coefficients."""
        self._hold_pieces(hermite_pieces(x, _columns(y), _columns(slopes)), x, y, axis, extrapolate)

    def _hold_pieces(self, c: Tensor, x: Tensor, y: Tensor, axis: int, extrapolate: Extrapolate) -> None:
        """Keep the coefficients of columns in the shape of the values."""
        self.c, self.x, self.axis = c.reshape(*c.shape[:2], *y.shape[1:]), x, axis
        self.extrapolate = known(type(self).__name__, extrapolate)


def _columns(y: Tensor) -> Tensor:
    """As a matrix, of which each column is a function."""
    return y.reshape(len(y), math.prod(y.shape[1:]))


class PchipInterpolator(CubicHermiteSpline):
    """The monotonic cubic interpolator: where the data is monotonic, so is it.

    Parameters
    ----------
    x : Tensor of shape (n,)
        Where the values are given; real, strictly increasing.
    y : Tensor
        The values, n of them along `axis`; real.
    axis : int, optional
        Along which axis `y` varies with `x`.
    extrapolate : bool or "periodic", optional
        As in `PPoly`; by default True.

    Raises
    ------
    ArgumentError
        For shapes that don't fit, complex values, infinities, NaN, or `x` that isn't increasing.

    Notes
    -----
    The slope at an inner point is the weighted harmonic mean of the slopes beside it, or zero if these differ in sign.
    Differentiable to any order in `x`, `y` and the points of evaluation; where a slope beside a point is zero the
    function of `y` has a kink, and the slope's derivative is taken to be zero.

    References
    ----------
    `scipy.interpolate.PchipInterpolator`; F. N. Fritsch, J. Butland, SIAM J. Sci. Stat. Comput. 5 (1984), 300-304.

    Examples
    --------
    >>> import torch
    >>> PchipInterpolator(torch.tensor([0.0, 1.0, 2.0]), torch.tensor([0.0, 1.0, 1.0]))(torch.tensor([0.5, 1.5]))
    tensor([0.6875, 1.0000])
    """

    def __init__(self, x: Tensor, y: Tensor, axis: int = 0, extrapolate: Extrapolate = None) -> None:
        x, y, axis = prepare(type(self).__name__, x, y, axis, real=True)
        self._hold(x, y, _monotonic_slopes(x, y), axis, extrapolate)


def _monotonic_slopes(x: Tensor, y: Tensor) -> Tensor:
    h = spread(torch.diff(x), y)
    m = torch.diff(y, dim=0) / h
    if len(y) == 2:
        return torch.cat((m, m))
    flat = (torch.sign(m[1:]) != torch.sign(m[:-1])) | (m[1:] == 0) | (m[:-1] == 0)
    w, v = 2 * h[1:] + h[:-1], h[1:] + 2 * h[:-1]
    # The harmonic mean where it is none would be a division by zero, of which even the gradient that is thrown away
    # would be NaN.
    mean = (w / torch.where(flat, 1, m[:-1]) + v / torch.where(flat, 1, m[1:])) / (w + v)
    inner = torch.where(flat, 0, 1 / torch.where(flat, 1, mean))
    first, last = _end_slope(h[0], h[1], m[0], m[1]), _end_slope(h[-1], h[-2], m[-1], m[-2])
    return torch.cat((first[None], inner, last[None]))


def _end_slope(h: Tensor, next_h: Tensor, m: Tensor, next_m: Tensor) -> Tensor:
    """The one-sided three-point slope, unless it spoils the shape (Moler, Numerical Computing with MATLAB, 3.6)."""
    d = ((2 * h + next_h) * m - h * next_m) / (h + next_h)
    steep = (torch.sign(m) != torch.sign(next_m)) & (d.abs() > 3 * m.abs())
    return torch.where(torch.sign(d) != torch.sign(m), 0, torch.where(steep, 3 * m, d))


class Akima1DInterpolator(CubicHermiteSpline):
    """Akima's cubic interpolator, or the modified one: an outlier among the data disturbs few intervals.

    Parameters
    ----------
    x : Tensor of shape (n,)
        Where the values are given; real, strictly increasing.
    y : Tensor
        The values, n of them along `axis`; real.
    axis : int, optional
        Along which axis `y` varies with `x`.
    method : {"akima", "makima"}, keyword-only, optional
        The modified method overshoots less where data is flat.
    extrapolate : bool or "periodic", keyword-only, optional
        As in `PPoly`; by default False: NaN outside.

    Raises
    ------
    ArgumentError
        For another method, shapes that don't fit, complex values, infinities, NaN, or `x` that isn't increasing.

    Notes
    -----
    The slope at a point is the mean of the slopes beside it, weighted by how much the slopes change on the other side.
    Differentiable to any order in `x`, `y` and the points of evaluation, but for kinks where two neighbouring slopes
    are equal (the weights are absolute values).

    References
    ----------
    `scipy.interpolate.Akima1DInterpolator`; H. Akima, J. ACM 17 (1970), 589-602.

    Examples
    --------
    >>> import torch
    >>> Akima1DInterpolator(torch.arange(4.0), torch.tensor([0.0, 1.0, 4.0, 9.0]))(1.5)
    tensor(2.2500)
    """

    def __init__(
        self, x: Tensor, y: Tensor, axis: int = 0, *, method: str = "akima", extrapolate: Extrapolate = None
    ) -> None:
        if method not in ("akima", "makima"):
            raise ArgumentError(type(self).__name__, "method", '"akima" or "makima"', repr(method))
        x, y, axis = prepare(type(self).__name__, x, y, axis, real=True)
        extrapolate = False if extrapolate is None else extrapolate
        self._hold(x, y, _akima_slopes(x, y, modified=method == "makima"), axis, extrapolate)


def _akima_slopes(x: Tensor, y: Tensor, *, modified: bool) -> Tensor:
    m = torch.diff(y, dim=0) / spread(torch.diff(x), y)
    if len(y) == 2:
        return torch.cat((m, m))
    left, right = 2 * m[0] - m[1], 2 * m[-1] - m[-2]
    m = torch.cat(((2 * left - m[0])[None], left[None], m, right[None], (2 * right - m[-1])[None]))
    weight = torch.diff(m, dim=0).abs()
    if modified:
        weight = weight + 0.5 * (m[1:] + m[:-1]).abs()
    after, before = weight[2:], weight[:-2]
    total = after + before
    # SciPy's bound between what counts as a weight and what as rounding.
    known = total > 1e-9 * total.detach().amax() if total.numel() else total > 0
    weighted = m[1:-2] + before / torch.where(known, total, 1) * (m[2:-1] - m[1:-2])
    return torch.where(known, weighted, (m[3:] + m[:-3]) / 2)


class CubicSpline(CubicHermiteSpline):
    """The cubic interpolator with continuous first and second derivatives.

    Parameters
    ----------
    x : Tensor of shape (n,)
        Where the values are given; real, strictly increasing.
    y : Tensor
        The values, n of them along `axis`; real or complex.
    axis : int, optional
        Along which axis `y` varies with `x`.
    bc_type : str or tuple of two, optional
        What holds at the ends: "not-a-knot" (the first two intervals, and the last two, have one polynomial),
        "periodic" (the first and the last value are equal, and so are the derivatives), "clamped" (zero slope),
        "natural" (zero second derivative), or, for each end, one of the others or ``(order, value)`` with order 1 or 2
        and a tensor of the shape of ``y`` without `axis`.
    extrapolate : bool or "periodic", optional
        As in `PPoly`; by default True, for periodic conditions "periodic".

    Raises
    ------
    ArgumentError
        For unknown conditions, shapes that don't fit, infinities, NaN, or `x` that isn't increasing.

    Notes
    -----
    The slopes solve a tridiagonal system in linear time, and so does the gradient of the data. Differentiable to any
    order in `x`, `y`, the values in `bc_type` and the points of evaluation.

    References
    ----------
    `scipy.interpolate.CubicSpline`; C. de Boor, "A Practical Guide to Splines" (Springer, 2001).

    Examples
    --------
    >>> import torch
    >>> spline = CubicSpline(torch.arange(5.0), torch.arange(5.0) ** 3)
    >>> spline(torch.tensor([1.5, 2.5]))
    tensor([ 3.3750, 15.6250])
    >>> spline(2.0, 1)
    tensor(12.)
    """

    def __init__(
        self,
        x: Tensor,
        y: Tensor,
        axis: int = 0,
        bc_type: str | Sequence[Condition] = "not-a-knot",
        extrapolate: Extrapolate = None,
    ) -> None:
        x, y, axis = prepare(type(self).__name__, x, y, axis)
        start, end = (_condition(bc, y) for bc in _both(bc_type))
        for _, value in (start, end):
            y = y if value is None else y.to(torch.promote_types(y.dtype, value.dtype))
        if start[0] == PERIODIC:
            extrapolate = "periodic" if extrapolate is None else extrapolate
            y = checked(y.movedim(0, -1), rule="periodic", owner="CubicSpline", argument="y").movedim(-1, 0)
        if start[0] == PERIODIC and len(x) > 2:
            self._hold(x, y, _periodic_slopes(x, _columns(y)).reshape(y.shape), axis, extrapolate)
        else:
            self._hold_pieces(_pieces(x, _columns(y), start, end), x, y, axis, extrapolate)


PERIODIC = 0
"""The kind of condition beside those of one end."""
Bound = tuple[int, Tensor | None]


def _both(bc_type: Any) -> tuple[Condition, Condition]:
    if isinstance(bc_type, str):
        return bc_type, bc_type
    if len(bc_type) != 2 or any(isinstance(bc, str) and bc == "periodic" for bc in bc_type):
        expected = 'a condition for each end, or "periodic" alone for both'
        raise ArgumentError("CubicSpline", "bc_type", expected, repr(bc_type))
    return bc_type[0], bc_type[1]


def _condition(bc: Condition, y: Tensor) -> Bound:
    """The kind of a condition, and the value of the derivative unless it is zero."""
    named = {"clamped": SLOPE, "natural": CURVATURE, "not-a-knot": NOT_A_KNOT, "periodic": PERIODIC}
    if isinstance(bc, str) and bc in named:
        return named[bc], None
    if not isinstance(bc, str) and len(bc) == 2 and bc[0] in (1, 2):
        value = bc[1] if isinstance(bc[1], Tensor) else torch.as_tensor(bc[1], dtype=torch.complex128)
        if value.shape == y.shape[1:]:
            real = not value.is_complex() or (not isinstance(bc[1], Tensor) and bool((value.imag == 0).all()))
            return int(bc[0]), (value.real if real else value).to(y.device, y.dtype if real else complex_of(y.dtype))
    expected = f'"not-a-knot", "periodic", "clamped", "natural", or (1 or 2, a tensor of shape {tuple(y.shape[1:])})'
    raise ArgumentError("CubicSpline", "bc_type", expected, repr(bc))


def _pieces(x: Tensor, y: Tensor, start: Bound, end: Bound) -> Tensor:
    """The coefficients of the splines through the columns of y."""
    (first, at_start), (last, at_end) = start, end
    if len(x) == 2:  # without a second interval these conditions ask for the straight line
        first, last = (STRAIGHT if kind in (PERIODIC, NOT_A_KNOT) else kind for kind in (first, last))
    elif len(x) == 3 and first == last == NOT_A_KNOT:
        first = last = PARABOLA
    at_start, at_end = (None if value is None else value.reshape(-1).to(y.dtype) for value in (at_start, at_end))
    return spline_pieces(x, y, at_start, at_end, start=first, end=last)


def _periodic_slopes(x: Tensor, y: Tensor) -> Tensor:
    """Of n-1 slopes in a circle the last one is set apart; the others solve a tridiagonal system that it is part of."""
    dx = torch.diff(x)
    h = dx[:, None]
    m = torch.diff(y, dim=0) / h
    if len(x) == 3:
        return ((m / h).sum(0) / (1 / h).sum(0)).expand(y.shape)
    inner = 3 * (h[1:] * m[:-1] + h[:-1] * m[1:])
    first = 3 * (h[0] * m[-1] + h[-1] * m[0])[None]
    rest = torch.cat((first, inner[:-1]))
    zero = torch.zeros_like(dx[:1])
    ab = torch.stack(
        (
            torch.cat((zero, dx[-1:], dx[:-3])),
            2 * torch.cat((dx[-1:] + dx[:1], dx[:-2] + dx[1:-1]))[: len(rest)],
            torch.cat((dx[1:-1], zero))[: len(rest)],
        )
    )
    corner = torch.zeros_like(rest[:, :1])
    corner = torch.cat((-dx[:1], zero.expand(len(rest) - 2), -dx[-3:-2]))[:, None].to(corner)
    solved = banded(ab, torch.cat((rest, corner), 1), lower=1, upper=1, check_finite=False)
    alone, change = solved[:, :-1], solved[:, -1:]
    last = (inner[-1] - dx[-2] * alone[0] - dx[-1] * alone[-1]) / (
        2 * (dx[-1] + dx[-2]) + dx[-2] * change[0] + dx[-1] * change[-1]
    )
    slopes = torch.cat((alone + last * change, last[None]))
    return torch.cat((slopes, slopes[:1]))


def prepare(owner: str, x: Any, y: Any, axis: int, *, real: bool = False) -> tuple[Tensor, Tensor, int]:
    """Checked knots and finite values in one precision, the interpolation axis in front."""
    (x,), (y,) = as_data(x), as_data(y)
    if real and y.is_complex():
        raise ArgumentError(owner, "y", "real values", "complex ones", "y.real")
    if not -y.ndim <= axis < y.ndim:
        raise ArgumentError(owner, "axis", f"an axis of {y.ndim} dimensions", str(axis))
    if x.ndim != 1 or len(x) < 2 or y.shape[axis] != len(x):
        got = f"shapes {tuple(x.shape)} and {tuple(y.shape)}"
        raise ArgumentError(owner, "x, y", f"at least 2 points, and as many values along axis {axis}", got)
    precision = torch.promote_types(real_of(x.dtype), real_of(y.dtype))
    x = as_knots(owner, "x", x if x.is_complex() else x.to(precision))
    y = in_precision(precision, y)
    axis %= y.ndim
    return x, finite(y.movedim(axis, 0) if axis else y, owner, "y"), axis


def spread(dx: Tensor, like: Tensor) -> Tensor:
    """With dimensions for those of y after the first."""
    return dx[(...,) + (None,) * (like.ndim - 1)]
