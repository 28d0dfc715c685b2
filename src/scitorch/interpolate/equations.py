"""The equations for the slopes of smooth cubic splines, and their solution in NumPy.

With the difference quotients m over intervals of lengths h, continuous second derivatives ask of the slopes s that

    h[i] s[i-1] + 2 (h[i-1] + h[i]) s[i] + h[i-1] s[i+1] = 3 (h[i] m[i-1] + h[i-1] m[i])

and each end adds an equation between the slopes, the quotients and the value given there. How they depend on the knots
is said once, for arrays and tensors alike (`xp` is `numpy` or `torch`): kernels compute with it, and the rule for the
knots differentiates it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from scitorch.interpolate.hermite import coefficients, shares

Array = NDArray[Any]

SLOPE, CURVATURE, NOT_A_KNOT, PARABOLA, STRAIGHT = 1, 2, 3, 4, 5
"""What an end's equation says: the first or second derivative, one polynomial in two intervals, or in all there are."""


def end_equation(kind: int, h: Any, beyond: Any, *, last: bool) -> tuple[Any, ...]:
    """Factors of the slope at an end and of the next one, of the quotient at the end and of the next one, of the value.

    `h` is the length of the interval at the end and `beyond` that of the next one: numbers, arrays or tensors.
    """
    one, zero = h / h, 0 * h
    if kind == SLOPE:
        return one, zero, zero, zero, one
    if kind == CURVATURE:
        return 2 * h, h, 3 * h, zero, (0.5 if last else -0.5) * h**2
    if kind == NOT_A_KNOT:
        both = h + beyond
        return beyond, both, (h + 2 * both) * beyond / both, h**2 / both, zero
    if kind == PARABOLA:  # through three points: both conditions would say the same
        return one, one, 2 * one, zero, zero
    assert kind == STRAIGHT
    return one, zero, one, zero, zero


def both_ends(x: Array, start: int, end: int) -> tuple[float, ...]:
    """The equations at the ends as the compiled kernels take them."""
    first, last = (np.diff(part.astype(float)).tolist() for part in (x[:3], x[-3:]))
    return *end_equation(start, first[0], first[-1], last=False), *end_equation(end, last[-1], last[0], last=True)


def system(xp: Any, x: Any, start: int, end: int) -> tuple[Any, Any, Any]:
    """The matrix, the factors of the two quotients beside each knot, those of the values at the ends.

    The matrix is its upper, main and lower diagonal. The first knot, as the second one, has the first two quotients
    beside it; so has the last knot the last two.
    """
    h = x[..., 1:] - x[..., :-1]
    before, after = h[..., :-1], h[..., 1:]
    second = min(2, h.shape[-1])
    first = end_equation(start, h[..., 0, None], h[..., second - 1, None], last=False)
    last = end_equation(end, h[..., -1, None], h[..., -second, None], last=True)
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
    return (upper, main, lower), (left, right), (first[4], last[4])


def equations(
    xp: Any, x: Any, y: Any, at_start: Any, at_end: Any, start: int, end: int
) -> tuple[tuple[Any, Any, Any], Any]:
    """The matrix, and the right-hand side."""
    matrix, (left, right), (first, last) = system(xp, x, start, end)
    m = (y[..., 1:, :] - y[..., :-1, :]) / (x[..., 1:] - x[..., :-1])[..., None]
    second = min(2, m.shape[-2])
    before = xp.concatenate((m[..., 0, None, :], m[..., :-1, :], m[..., -second, None, :]), axis=-2)
    after = xp.concatenate((m[..., second - 1, None, :], m[..., 1:, :], m[..., -1, None, :]), axis=-2)
    side = left[..., None] * before + right[..., None] * after
    others = 0 * x[..., 1:]
    if at_start is not None:
        side = side + xp.concatenate((first, others), axis=-1)[..., None] * at_start[..., None, :]
    if at_end is not None:
        side = side + xp.concatenate((others, last), axis=-1)[..., None] * at_end[..., None, :]
    return matrix, side


def pieces(x: Array, y: Array, at_start: Array | None, at_end: Array | None, start: int, end: int) -> Array:
    """The coefficients of the splines."""
    matrix, side = equations(np, x, y, at_start, at_end, start, end)
    return coefficients(x, y, _solution(*matrix, side))


def pull(x: Array, c: Array, start: int, end: int) -> tuple[Array, Array, Array]:
    """The gradients of the values and of those at the ends, of that of the coefficients."""
    (upper, main, lower), (left, right), (first, last) = system(np, x, start, end)
    h = np.diff(x)[:, None]
    change, here, there = shares(c, h)
    slopes = np.zeros((len(x), c.shape[2]), c.dtype)
    slopes[:-1] += here
    slopes[1:] += there
    w = _solution(lower, main, upper, slopes)  # of the transposed system
    before, after, quotients = left[:, None] * w, right[:, None] * w, np.zeros_like(change)
    quotients[:-1] += before[1:-1]
    quotients[1:] += after[1:-1]
    quotients[0] += before[0]
    quotients[:2][-1] += after[0]
    quotients[-2:][0] += before[-1]
    quotients[-1] += after[-1]
    change += quotients / h
    y = np.zeros_like(w)
    y[:-1] += c[3] - change
    y[1:] += change
    return y, first * w[0], last * w[-1]


def _solution(upper: Array, main: Array, lower: Array, right: Array) -> Array:
    """Of all columns; real and imaginary parts are columns of their own."""
    if not right.size:  # LAPACK's routine writes into a first column in any case
        return np.zeros_like(right)
    columns = np.ascontiguousarray(right).view(main.dtype)
    gtsv: Any = scipy.linalg.get_lapack_funcs("gtsv", (main,))
    *_, solution, info = gtsv(lower, main, upper, columns)
    if info:
        raise np.linalg.LinAlgError("singular matrix")
    return np.ascontiguousarray(solution).view(right.dtype)
