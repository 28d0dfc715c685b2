"""Piecewise polynomials."""

from __future__ import annotations

import math
from typing import Any, Self

import torch
from torch import Tensor

from scitorch.core.errors import ArgumentError
from scitorch.interpolate.checks import as_data, as_knots, as_points, in_precision, real_of
from scitorch.interpolate.pieces import sample_pieces

Extrapolate = bool | str | None


class PPoly:
    """A polynomial for each interval between breakpoints.

    Between ``x[i]`` and ``x[i+1]`` its value is ``sum(c[m, i] * (xp - x[i])**(k-m) for m in range(k+1))``.

    Parameters
    ----------
    c : Tensor of shape (k+1, m, ...)
        Coefficients of degree k and m intervals, the highest power first; real or complex.
    x : Tensor of shape (m+1,)
        Breakpoints, strictly increasing (SciPy takes decreasing ones too).
    extrapolate : bool or "periodic", optional
        Whether the first and the last polynomial go on outside, or NaN comes out there, or the function repeats.
    axis : int, optional
        Where the interpolation axis stands among the dimensions of a result.

    Raises
    ------
    ArgumentError
        For shapes that don't fit, and breakpoints that aren't increasing.

    Notes
    -----
    Differentiable to any order in the coefficients, the breakpoints and the points of evaluation;
    at a breakpoint the derivative is that of the interval on its right.

    References
    ----------
    `scipy.interpolate.PPoly`.

    Examples
    --------
    >>> import torch
    >>> parabolas = PPoly(torch.tensor([[1.0, 0.0], [0.0, 2.0], [0.0, 1.0]]), torch.tensor([0.0, 1.0, 2.0]))
    >>> parabolas(torch.tensor([0.5, 1.5]))
    tensor([0.2500, 2.0000])
    """

    def __init__(self, c: Tensor, x: Tensor, extrapolate: Extrapolate = None, axis: int = 0) -> None:
        self.c, self.x = _held(type(self).__name__, c, x, axis)
        self.extrapolate: bool | str = known(type(self).__name__, extrapolate)
        self.axis = axis

    @classmethod
    def construct_fast(cls, c: Tensor, x: Tensor, extrapolate: Extrapolate = None, axis: int = 0) -> Self:
        """The polynomial of coefficients and breakpoints that need no check, the interpolation axis in front."""
        self = cls.__new__(cls)
        self.c, self.x = c, x
        self.extrapolate = True if extrapolate is None else extrapolate
        self.axis = axis
        return self

    def __call__(self, x: Tensor | float, nu: int = 0, extrapolate: Extrapolate = None) -> Tensor:
        """The values, or derivatives of order `nu`, at points of any shape."""
        extrapolate = self.extrapolate if extrapolate is None else known(type(self).__name__, extrapolate)
        if nu < 0:
            raise ArgumentError(type(self).__name__, "nu", "an order of at least 0", str(nu), ".antiderivative()")
        points = as_points(x, self.x)
        x = points.flatten()
        if extrapolate == "periodic":
            x = self.x[0] + torch.remainder(x - self.x[0], self.x[-1] - self.x[0])
        columns = self.c.reshape(*self.c.shape[:2], math.prod(self.c.shape[2:]))
        value = sample_pieces(columns, self.x, x, nu=nu)
        if extrapolate is False:
            value = torch.where(((x < self.x[0]) | (x > self.x[-1]))[:, None], math.nan, value)
        return placed(value, points.shape, self.c.shape[2:], self.axis)

    def derivative(self, nu: int = 1) -> Self:
        """The piecewise polynomial of the derivative of order `nu`; of the antiderivative, if that is negative."""
        if nu < 0:
            return self.antiderivative(-nu)
        return self.construct_fast(_differentiated(self.c, nu), self.x, self.extrapolate, self.axis)

    def antiderivative(self, nu: int = 1) -> Self:
        """The piecewise polynomial of an antiderivative, continuous, and zero at the first breakpoint."""
        if nu <= 0:
            return self.derivative(-nu)
        c = self.c
        for _ in range(nu):
            c = _integrated(c, self.x)
        extrapolate = False if self.extrapolate == "periodic" else self.extrapolate
        return self.construct_fast(c, self.x, extrapolate, self.axis)

    def integrate(self, a: Tensor | float, b: Tensor | float, extrapolate: Extrapolate = None) -> Tensor:
        """The integral from `a` to `b`, differentiable in both."""
        extrapolate = self.extrapolate if extrapolate is None else known(type(self).__name__, extrapolate)
        return integral(self.antiderivative(), a, b, self.x[0], self.x[-1], extrapolate)


def integral(antiderivative: Any, a: Any, b: Any, first: Tensor, last: Tensor, extrapolate: bool | str) -> Tensor:
    """The difference of an antiderivative, with as many whole periods as lie between."""
    if extrapolate != "periodic":
        return antiderivative(b, extrapolate=extrapolate) - antiderivative(a, extrapolate=extrapolate)
    period = last - first
    start, whole = antiderivative(first), antiderivative(last)

    def total(x: Any) -> Tensor:
        x = as_points(x, first)
        rest = torch.remainder(x - first, period)
        turns = torch.round((x - first - rest) / period)
        return antiderivative(first + rest) - start + turns * (whole - start)

    return total(b) - total(a)


def _held(owner: str, c: Any, x: Any, axis: int) -> tuple[Tensor, Tensor]:
    (c,), (x,) = as_data(c), as_data(x)
    if c.ndim < 2 or not 0 <= axis < c.ndim - 1:
        raise ArgumentError(owner, "c, axis", "at least 2 dimensions, and an axis among the last", f"{c.ndim}, {axis}")
    c = c.movedim((axis, axis + 1), (0, 1))
    if x.ndim != 1 or len(x) < 2 or c.shape[0] == 0 or c.shape[1] != len(x) - 1:
        got = f"shapes {tuple(c.shape)} and {tuple(x.shape)}"
        raise ArgumentError(owner, "c, x", "shapes (k+1, m, ...) and (m+1,)", got)
    real = torch.promote_types(real_of(c.dtype), x.dtype)
    return in_precision(real, c), as_knots(owner, "x", x.to(real))


def known(owner: str, extrapolate: Extrapolate) -> bool | str:
    """What is asked for outside; by default the first and the last polynomial."""
    if extrapolate is None:
        return True
    if extrapolate == "periodic":
        return extrapolate
    if isinstance(extrapolate, str):
        raise ArgumentError(owner, "extrapolate", 'True, False or "periodic"', repr(extrapolate))
    return bool(extrapolate)


def placed(value: Tensor, shape: tuple[int, ...], rest: tuple[int, ...], axis: int) -> Tensor:
    """Values at flat points (an index without dimensions would leave the graph), the points' shape put at the axis."""
    value = value.reshape((*shape, *rest))
    return value.movedim(tuple(range(len(shape))), tuple(range(axis, axis + len(shape)))) if axis else value


def _powers(count: int, c: Tensor) -> Tensor:
    """The exponents from the highest down to 1, to multiply coefficients by."""
    powers = torch.arange(count, 0, -1, dtype=real_of(c.dtype), device=c.device)
    return powers[(...,) + (None,) * (c.ndim - 1)]


def _differentiated(c: Tensor, nu: int) -> Tensor:
    for _ in range(nu):
        if len(c) == 1:
            return torch.zeros_like(c)
        c = c[:-1] * _powers(len(c) - 1, c)
    return c


def _integrated(c: Tensor, x: Tensor) -> Tensor:
    """Coefficients of the antiderivative whose constants make it continuous."""
    c = c / _powers(len(c), c)
    step = torch.diff(x)[(...,) + (None,) * (c.ndim - 2)]
    area = torch.zeros_like(c[0])
    for coefficients in c:
        area = (area + coefficients) * step
    constants = torch.cat((torch.zeros_like(area[:1]), torch.cumsum(area[:-1], 0)))
    return torch.cat((c, constants[None]))
