"""From data to cubic pieces: the slopes of the smooth spline, its coefficients. Operators that are linear in the data.

With the difference quotients m over intervals of lengths h, continuous second derivatives ask of the slopes s that

    h[i] s[i-1] + 2 (h[i-1] + h[i]) s[i] + h[i-1] s[i+1] = 3 (h[i] m[i-1] + h[i-1] m[i])

and each end adds an equation between the slopes, the quotients and the value given there. That is `A s = B y + v`, of
which the gradient in y and v comes by solving the transposed system. How it depends on the knots is said for NumPy
arrays and for tensors alike (`xp`): the kernels compute with it, the rule for the knots differentiates it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg.lapack
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from scitorch.core import Sample, operator
from scitorch.linalg.banded import banded

Array = NDArray[Any]
Parts = tuple[Tensor, ...]

SLOPE, CURVATURE, NOT_A_KNOT, PARABOLA, STRAIGHT = 1, 2, 3, 4, 5
"""What an end's equation says: the first or second derivative, one polynomial in two intervals, or in all there are."""


@operator("(n),(n,r),(r),(r)->(n,r)", real=("x",))
def smooth_slopes(
    x: Array, y: Array, at_start: Array | None = None, at_end: Array | None = None, *, start: int, end: int
) -> Array:
    """Slopes of the cubic splines through columns of values.

    Parameters
    ----------
    x : Tensor of shape (..., n)
        Knots, strictly increasing, at least two.
    y : Tensor of shape (..., n, r)
    at_start, at_end : Tensor of shape (..., r), optional
        The derivatives that the conditions ask for; by default zero.
    start, end : int
        The conditions.

    Returns
    -------
    Tensor of shape (..., n, r)

    Notes
    -----
    The data's gradients are `pull_slopes`, and the knots' that of the equations. To any order in all arguments.

    References
    ----------
    `scipy.interpolate.CubicSpline`.

    Examples
    --------
    >>> import torch
    >>> x = torch.arange(4.0)
    >>> smooth_slopes(x, x[:, None] ** 3, start=NOT_A_KNOT, end=NOT_A_KNOT)[:, 0]
    tensor([ 0.,  3., 12., 27.])
    """
    matrix, right = _equations(np, x, y, at_start, at_end, start, end)
    return _solve(*matrix, right)


@operator("(n),(n,r)->(n,r),(r),(r)", real=("x",))
def pull_slopes(x: Array, slopes: Array, *, start: int, end: int) -> tuple[Array, Array, Array]:
    """Gradients of `smooth_slopes` in its data.

    Parameters
    ----------
    x : Tensor of shape (..., n)
    slopes : Tensor of shape (..., n, r)
        The gradient of the slopes.
    start, end : int

    Returns
    -------
    Tensor of shape (..., n, r)
        What the values get.
    Tensors of shape (..., r)
        What the derivatives at the ends get.

    Notes
    -----
    The transpose of `smooth_slopes`, linear in the slopes.

    References
    ----------
    As for `smooth_slopes`.

    Examples
    --------
    >>> import torch
    >>> pull_slopes(torch.arange(3.0), torch.ones(3, 1), start=SLOPE, end=SLOPE)
    (tensor([[-0.7500],
            [ 0.0000],
            [ 0.7500]]), tensor([0.7500]), tensor([0.7500]))
    """
    (upper, main, lower), (left, right), (first, last) = _system(np, x, start, end)
    w = _solve(lower, main, upper, slopes)
    before, after = left[:, None] * w, right[:, None] * w
    quotients = np.zeros((len(x) - 1, w.shape[1]), w.dtype)
    quotients[:-1] += before[1:-1]
    quotients[1:] += after[1:-1]
    for place, part in (
        (0, before[0]),
        (min(1, len(x) - 2), after[0]),
        (max(-2, 1 - len(x)), before[-1]),
        (-1, after[-1]),
    ):
        quotients[place] += part
    quotients /= np.diff(x)[:, None]
    y = np.zeros_like(w)
    y[1:] += quotients
    y[:-1] -= quotients
    return y, first * w[0], last * w[-1]


def _system(xp: Any, x: Any, start: int, end: int) -> tuple[Any, Any, Any]:
    """The matrix, the factors of the two quotients beside each knot, those of the values at the ends.

    The matrix is its upper, main and lower diagonal. The first knot, as the second one, has the first two quotients
    beside it; so has the last knot the last two.
    """
    h = x[..., 1:] - x[..., :-1]
    before, after = h[..., :-1], h[..., 1:]
    first = _end_equation(start, h[..., :1], h[..., :2][..., -1:])
    last = _end_equation(end, h[..., -1:], h[..., -2:][..., :1])
    upper, main, lower, left, right = (
        xp.concatenate(parts, axis=-1)
        for parts in (
            (first[1], before),
            (first[0], 2 * (before + after), last[0]),
            (after, last[1]),
            (first[2], 3 * after, last[3]),
            (first[3], 3 * before, last[2]),
        )
    )
    return (upper, main, lower), (left, right), (first[4], -last[4] if end == CURVATURE else last[4])


def _end_equation(kind: int, h: Any, beyond: Any) -> tuple[Any, ...]:
    """Factors of the slope at an end and of the next one, of the quotient at the end and of the next one, of the value.

    `h` is the length of the interval at the end and `beyond` that of the next one.
    """
    one, zero = h / h, 0 * h
    if kind == SLOPE:
        return one, zero, zero, zero, one
    if kind == CURVATURE:
        return 2 * h, h, 3 * h, zero, -0.5 * h**2
    if kind == NOT_A_KNOT:
        both = h + beyond
        return beyond, both, (h + 2 * both) * beyond / both, h**2 / both, zero
    if kind == PARABOLA:  # through three points: both conditions would say the same
        return one, one, 2 * one, zero, zero
    assert kind == STRAIGHT
    return one, zero, one, zero, zero


def _equations(
    xp: Any, x: Any, y: Any, at_start: Any, at_end: Any, start: int, end: int
) -> tuple[tuple[Any, Any, Any], Any]:
    """The matrix, and the right-hand side."""
    matrix, (left, right), (first, last) = _system(xp, x, start, end)
    m = (y[..., 1:, :] - y[..., :-1, :]) / (x[..., 1:] - x[..., :-1])[..., None]
    before = xp.concatenate((m[..., :1, :], m[..., :-1, :], m[..., -2:, :][..., :1, :]), axis=-2)
    after = xp.concatenate((m[..., :2, :][..., -1:, :], m[..., 1:, :], m[..., -1:, :]), axis=-2)
    side = left[..., None] * before + right[..., None] * after
    others = 0 * x[..., 1:]
    if at_start is not None:
        side = side + xp.concatenate((first, others), axis=-1)[..., None] * at_start[..., None, :]
    if at_end is not None:
        side = side + xp.concatenate((others, last), axis=-1)[..., None] * at_end[..., None, :]
    return matrix, side


_GTSV = {np.dtype(np.float32): scipy.linalg.lapack.sgtsv, np.dtype(np.float64): scipy.linalg.lapack.dgtsv}


def _solve(upper: Array, main: Array, lower: Array, right: Array) -> Array:
    """The solution for all columns; their real and imaginary parts are columns of their own."""
    parts = np.ascontiguousarray(right).view(main.dtype)
    *_, solution, info = _GTSV[main.dtype](lower, main, upper, parts)
    if info:
        raise np.linalg.LinAlgError("singular matrix")
    return np.ascontiguousarray(solution).view(right.dtype)


def _on_knots(
    g: Tensor, x: Tensor, y: Tensor, at_start: Tensor | None, at_end: Tensor | None, start: int, end: int
) -> Tensor:
    """What the knots get, of the gradient of the slopes."""

    def slopes(x: Tensor) -> Tensor:
        (upper, main, lower), right = _equations(torch, x, y, at_start, at_end, start, end)
        bands = torch.stack((F.pad(upper, (1, 0)), main, F.pad(lower, (0, 1))), -2)
        return banded(bands, right, lower=1, upper=1, check_finite=False)

    result, pull = torch.func.vjp(slopes, x)
    return pull(g.expand_as(result))[0]


@smooth_slopes.vjp("y", "at_start", "at_end")
def _slopes_vjp(g: Tensor, x: Tensor, start: int, end: int) -> dict[str, Tensor]:
    return dict(zip(("y", "at_start", "at_end"), pull_slopes(x, g, start=start, end=end), strict=True))


smooth_slopes.vjp(x=_on_knots)


@pull_slopes.vjp("slopes")
def _pull_vjp(g: Parts, x: Tensor, start: int, end: int) -> dict[str, Tensor]:
    return {"slopes": smooth_slopes(x, *g, start=start, end=end)}


@pull_slopes.vjp("x")
def _pull_vjp_x(g: Parts, x: Tensor, slopes: Tensor, start: int, end: int) -> dict[str, Tensor]:
    # Both sides of ⟨slopes, S(x) g⟩ are one function of the knots.
    return {"x": _on_knots(slopes, x, *g, start=start, end=end)}


@operator("(n),(n,r),(n,r)->(4,n-1,r)", real=("x",))
def hermite_pieces(x: Array, y: Array, slopes: Array) -> Array:
    """Coefficients of the cubic pieces of given values and slopes, as `sample_pieces` takes them.

    Parameters
    ----------
    x : Tensor of shape (..., n)
        Strictly increasing.
    y, slopes : Tensor of shape (..., n, r)

    Returns
    -------
    Tensor of shape (..., 4, n-1, r)

    Notes
    -----
    With ``h``, ``Δ`` the differences of `x` and `y`, and ``s``, ``s'`` the slopes at both ends of an interval, the
    highest two are ``(s + s')/h² - 2Δ/h³`` and ``3Δ/h² - (2s + s')/h``. To any order in all arguments.

    References
    ----------
    `scipy.interpolate.CubicHermiteSpline`.

    Examples
    --------
    >>> import torch
    >>> hermite_pieces(torch.tensor([0.0, 1.0]), torch.tensor([[0.0], [1.0]]), torch.zeros(2, 1)).flatten()
    tensor([-2.,  3.,  0.,  0.])
    """
    h, c = np.diff(x)[:, None], np.empty((4, len(x) - 1, y.shape[1]), y.dtype)
    m = np.diff(y, axis=0) / h
    bend = (slopes[:-1] + slopes[1:] - 2 * m) / h
    np.divide(bend, h, out=c[0])
    np.subtract((m - slopes[:-1]) / h, bend, out=c[1])
    c[2], c[3] = slopes[:-1], y[:-1]
    return c


@hermite_pieces.vjp("y", "slopes")
def _hermite_vjp(g: Tensor, x: Tensor) -> dict[str, Tensor]:
    h = torch.diff(x)[..., None]
    cubic, square = g[..., 0, :, :] / h, g[..., 1, :, :]
    change = (3 * square - 2 * cubic) / h**2
    after = (cubic - square) / h
    return {
        "y": F.pad(g[..., 3, :, :] - change, (0, 0, 0, 1)) + F.pad(change, (0, 0, 1, 0)),
        "slopes": F.pad(g[..., 2, :, :] + after - square / h, (0, 0, 0, 1)) + F.pad(after, (0, 0, 1, 0)),
    }


@hermite_pieces.vjp("x")
def _hermite_vjp_x(g: Tensor, x: Tensor, y: Tensor, slopes: Tensor) -> dict[str, Tensor]:
    h, dy = torch.diff(x)[..., None], torch.diff(y, dim=-2)
    first, second = slopes[..., :-1, :], slopes[..., 1:, :]
    cubic = (3 * dy / h - first - second) * 2 / h**3
    square = (2 * first + second - 6 * dy / h) / h**2
    product = g[..., 0, :, :] * cubic.conj() + g[..., 1, :, :] * square.conj()
    on_h = (product.real if product.is_complex() else product).sum(-1)
    return {"x": F.pad(on_h, (1, 0)) - F.pad(on_h, (0, 1))}


def _data(rng: np.random.Generator, n: int, *batch: int, columns: int = 1) -> tuple[Array, Array]:
    return np.cumsum(0.5 + rng.uniform(size=n)), rng.normal(size=(*batch, n, columns))


smooth_slopes.samples(
    lambda rng: [
        Sample(*_data(rng, 4), start=NOT_A_KNOT, end=NOT_A_KNOT),
        Sample(*_data(rng, 3, 2, columns=2), rng.normal(size=2), rng.normal(size=(2, 2)), start=SLOPE, end=CURVATURE),
        Sample(*_data(rng, 3), start=PARABOLA, end=PARABOLA),
        Sample(
            _data(rng, 4)[0], rng.normal(size=(4, 1)) * (1 + 2j), rng.normal(size=1), start=CURVATURE, end=NOT_A_KNOT
        ),
        Sample(*_data(rng, 2), None, rng.normal(size=1), start=STRAIGHT, end=CURVATURE),
    ]
)
pull_slopes.samples(
    lambda rng: [
        Sample(*_data(rng, 4, 2, columns=2), start=NOT_A_KNOT, end=CURVATURE),
        Sample(_data(rng, 3)[0], rng.normal(size=(3, 1)) * (1 + 2j), start=PARABOLA, end=SLOPE),
        Sample(*_data(rng, 2), start=STRAIGHT, end=CURVATURE),
    ]
)
hermite_pieces.samples(
    lambda rng: [
        Sample(*_data(rng, 3, 2, columns=2), rng.normal(size=(3, 2))),
        Sample(_data(rng, 3)[0], rng.normal(size=(3, 1)) * (1 + 2j), rng.normal(size=(3, 1)) * (1 - 1j)),
    ]
)
