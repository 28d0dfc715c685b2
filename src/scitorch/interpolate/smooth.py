"""Cubic pieces of smooth splines: an operator that is linear in the data, and its transpose.

The slopes solve ``A s = B y + v``, see `equations`, and the coefficients are linear in values and slopes. So the
gradient in y and v comes by solving the transposed system.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from scitorch._kernels import spline as compiled
from scitorch.core import Sample, operator
from scitorch.core.errors import ArgumentError
from scitorch.interpolate import equations
from scitorch.interpolate.equations import CURVATURE, NOT_A_KNOT, PARABOLA, SLOPE, STRAIGHT
from scitorch.interpolate.hermite import hermite_pieces
from scitorch.linalg.banded import banded

Array = NDArray[Any]


@operator("(n),(n,r),(r),(r)->(4,n-1,r)", real=("x",))
def spline_pieces(
    x: Array, y: Array, at_start: Array | None = None, at_end: Array | None = None, *, start: int, end: int
) -> Array:
    """Coefficients of the cubic splines through columns of values, as `sample_pieces` takes them.

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
    Tensor of shape (..., 4, n-1, r)

    Notes
    -----
    The data get `pull_spline`, and the knots what the equations of the slopes give. To any order in all arguments.

    References
    ----------
    `scipy.interpolate.CubicSpline`.

    Examples
    --------
    >>> import torch
    >>> x = torch.arange(4.0)
    >>> spline_pieces(x, x[:, None] ** 3, start=NOT_A_KNOT, end=NOT_A_KNOT)[..., 0]
    tensor([[ 1.,  1.,  1.],
            [ 0.,  3.,  6.],
            [ 0.,  3., 12.],
            [ 0.,  1.,  8.]])
    """
    if compiled.available(x.dtype):
        return compiled.spline(x, y, at_start, at_end, equations.both_ends(x, start, end))
    return equations.pieces(x, y, at_start, at_end, start, end)


@operator("(n),(4,m,r)->(n,r),(r),(r)", real=("x",))
def pull_spline(x: Array, c: Array, *, start: int, end: int) -> tuple[Array, Array, Array]:
    """Gradients of `spline_pieces` in its data.

    Parameters
    ----------
    x : Tensor of shape (..., n)
    c : Tensor of shape (..., 4, m, r)
        The gradient of the coefficients, of n-1 pieces.
    start, end : int

    Returns
    -------
    Tensor of shape (..., n, r)
        What the values get.
    Tensors of shape (..., r)
        What the derivatives at the ends get.

    Notes
    -----
    The transpose of `spline_pieces`, linear in the coefficients.

    References
    ----------
    As for `spline_pieces`.

    Examples
    --------
    >>> import torch
    >>> x, c = torch.arange(3.0), torch.zeros(4, 2, 1)
    >>> c[2, 1] = 1  # the slope in the middle
    >>> pull_spline(x, c, start=SLOPE, end=SLOPE)[0][:, 0]
    tensor([-0.7500,  0.0000,  0.7500])
    """
    if c.shape[1] != len(x) - 1:
        raise ArgumentError("pull_spline", "c", f"{len(x) - 1} pieces between {len(x)} knots", f"{c.shape[1]}")
    if compiled.available(x.dtype):
        return compiled.pull(x, c, equations.both_ends(x, start, end))
    return equations.pull(x, c, start, end)


def _on_knots(
    g: Tensor, x: Tensor, y: Tensor, at_start: Tensor | None, at_end: Tensor | None, start: int, end: int
) -> Tensor:
    """What the knots get, of the gradient of the coefficients."""

    def product(x: Tensor) -> Tensor:
        (upper, main, lower), side = equations.equations(torch, x, y, at_start, at_end, start, end)
        bands = torch.stack((F.pad(upper, (1, 0)), main, F.pad(lower, (0, 1))), -2)
        c = hermite_pieces(x, y, banded(bands, side, lower=1, upper=1, check_finite=False)) * g.conj()
        return (c.real if c.is_complex() else c).sum()

    return torch.func.grad(product)(x)


@spline_pieces.vjp("y", "at_start", "at_end")
def _spline_vjp(g: Tensor, x: Tensor, start: int, end: int) -> dict[str, Tensor]:
    return dict(zip(("y", "at_start", "at_end"), pull_spline(x, g, start=start, end=end), strict=True))


spline_pieces.vjp(x=_on_knots)
pull_spline.vjp(
    c=lambda g, x, start, end: spline_pieces(x, *g, start=start, end=end),
    # Both sides of ⟨c, S(x) g⟩ are one function of the knots.
    x=lambda g, x, c, start, end: _on_knots(c, x, *g, start=start, end=end),
)


def _data(rng: np.random.Generator, n: int, *batch: int, columns: int = 1) -> tuple[Array, Array]:
    return np.cumsum(0.5 + rng.uniform(size=n)), rng.normal(size=(*batch, n, columns))


spline_pieces.samples(
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
pull_spline.samples(
    lambda rng: [
        Sample(_data(rng, 4)[0], rng.normal(size=(2, 4, 3, 2)), start=NOT_A_KNOT, end=CURVATURE),
        Sample(_data(rng, 3)[0], rng.normal(size=(4, 2, 1)) * (1 + 2j), start=PARABOLA, end=SLOPE),
        Sample(_data(rng, 2)[0], rng.normal(size=(4, 1, 1)), start=STRAIGHT, end=CURVATURE),
    ]
)
