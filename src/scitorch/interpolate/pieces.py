"""Piecewise polynomials at given points, and the gradients of that: operators that are each other's derivatives."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from scitorch.core import Sample, operator, zero
from scitorch.interpolate import loops

Array = NDArray[Any]
Parts = tuple[Tensor, ...]


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
    return loops.locate(knots, x)


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
    ``Σ c[j, i] (x - breaks[i])^(k-1-j)`` with i the interval of x, or its derivative. All gradients come from one pass,
    `pull_pieces`; ``c`` alone gets `scatter_pieces`. To any order.

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
    return loops.sample(c, breaks, x, nu)


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
    return loops.scatter(values, breaks, x, k, nu)


@operator("(p,r),(k,m,r),(n),(p)->(k,m,r),(n),(p)", dtype=(None, "real", "real"), real=("breaks", "x"))
def pull_pieces(values: Array, c: Array, breaks: Array, x: Array, *, nu: int) -> tuple[Array, Array, Array]:
    """Gradients of `sample_pieces` in all its arguments, in one pass.

    Parameters
    ----------
    values : Tensor of shape (..., p, r)
        The gradient of the samples.
    c : Tensor of shape (..., k, m, r)
    breaks : Tensor of shape (..., m+1)
    x : Tensor of shape (..., p)
    nu : int
        The order of the derivative that was sampled.

    Returns
    -------
    Tensor of shape (..., k, m, r)
        What the coefficients get, as from `scatter_pieces`.
    Tensor of shape (..., m+1)
        What the breaks get: from the points of the interval on their right, the negative of what these get.
    Tensor of shape (..., p)
        What the points get: the values times the next derivative.

    Notes
    -----
    Linear in the values and, but for the first result, in the coefficients. Its own gradients are samples and passes
    like it. To any order.

    References
    ----------
    As for `sample_pieces`.

    Examples
    --------
    >>> import torch
    >>> c = torch.tensor([[[1.0], [2.0]], [[0.0], [1.0]]])
    >>> breaks, x = torch.tensor([0.0, 1.0, 2.0]), torch.tensor([0.5, 1.5])
    >>> pull_pieces(torch.ones(2, 1), c, breaks, x, nu=0)[1:]
    (tensor([-1., -2.,  0.]), tensor([1., 2.]))
    """
    return loops.pull(values, c, breaks, x, nu)


count_knots.vjp(knots=zero, x=zero)


@sample_pieces.vjp("breaks", "x")
def _sample_vjp(g: Tensor, c: Tensor, breaks: Tensor, x: Tensor, nu: int) -> dict[str, Tensor]:
    gc, gbreaks, gx = pull_pieces(g, c, breaks, x, nu=nu)
    return {"c": gc, "breaks": gbreaks, "x": gx}


@sample_pieces.vjp("c")  # alone; with the others it comes along
def _sample_vjp_c(g: Tensor, c: Tensor, breaks: Tensor, x: Tensor, nu: int) -> dict[str, Tensor]:
    return {"c": scatter_pieces(g, breaks, x, k=c.shape[-3], nu=nu)}


@scatter_pieces.vjp("breaks", "x")
def _scatter_vjp(g: Tensor, values: Tensor, breaks: Tensor, x: Tensor, nu: int) -> dict[str, Tensor]:
    _, gbreaks, gx = pull_pieces(values, g, breaks, x, nu=nu)
    return {"breaks": gbreaks, "x": gx}


scatter_pieces.vjp(values=lambda g, breaks, x, nu: sample_pieces(g, breaks, x, nu=nu))


def _at_left(values: Tensor, breaks: Tensor, x: Tensor) -> Tensor:
    """For each point, the value of the break that its interval begins with."""
    return sample_pieces(values[..., None, :-1, None], breaks, x, nu=0)[..., 0]


sample_pieces.jvp(
    c=lambda tangent, breaks, x, nu: sample_pieces(tangent, breaks, x, nu=nu),
    breaks=lambda tangent, c, breaks, x, nu: (
        -_at_left(tangent, breaks, x)[..., None] * sample_pieces(c, breaks, x, nu=nu + 1)
    ),
    x=lambda tangent, c, breaks, x, nu: tangent[..., None] * sample_pieces(c, breaks, x, nu=nu + 1),
)


@pull_pieces.vjp("c", "breaks", "x")
def _pull_vjp(g: Parts, values: Tensor, c: Tensor, breaks: Tensor, x: Tensor, nu: int) -> dict[str, Tensor]:
    moved = values * (g[2] - _at_left(g[1], breaks, x))[..., None]
    _, breaks_first, x_first = pull_pieces(values, g[0], breaks, x, nu=nu)
    gc, breaks_next, x_next = pull_pieces(moved, c, breaks, x, nu=nu + 1)
    return {"c": gc, "breaks": breaks_first + breaks_next, "x": x_first + x_next}


@pull_pieces.vjp("values")
def _pull_vjp_values(g: Parts, c: Tensor, breaks: Tensor, x: Tensor, nu: int) -> dict[str, Tensor]:
    along = (g[2] - _at_left(g[1], breaks, x))[..., None]
    return {"values": sample_pieces(g[0], breaks, x, nu=nu) + along * sample_pieces(c, breaks, x, nu=nu + 1)}


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
pull_pieces.samples(
    lambda rng: [
        Sample(rng.normal(size=(3, 2)), rng.normal(size=(3, 3, 2)), *_points(rng), nu=0),
        Sample(rng.normal(size=(2, 3, 1)), rng.normal(size=(4, 3, 1)), *_points(rng, 2), nu=1),
        Sample(rng.normal(size=(3, 1)) * (1 + 1j), rng.normal(size=(2, 3, 1)) * (1 - 2j), *_points(rng), nu=0),
    ]
)
