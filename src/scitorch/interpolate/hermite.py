"""Cubic pieces from values and slopes."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from scitorch.core import Sample, operator

Array = NDArray[Any]


def coefficients(x: Array, y: Array, slopes: Array) -> Array:
    """Of the pieces (4, n-1, r) with values and slopes (n, r), as `sample_pieces` takes them."""
    h, c = np.diff(x)[:, None], np.empty((4, len(x) - 1, y.shape[1]), y.dtype)
    m = np.diff(y, axis=0) / h
    bend = (slopes[:-1] + slopes[1:] - 2 * m) / h
    np.divide(bend, h, out=c[0])
    np.subtract((m - slopes[:-1]) / h, bend, out=c[1])
    c[2], c[3] = slopes[:-1], y[:-1]
    return c


def shares(g: Any, h: Any) -> tuple[Any, Any, Any]:
    """What the change of the values, the slope at the start and that at the end of each interval get.

    `g` is the gradient of the coefficients and `h` the lengths, of one dimension more: arrays or tensors.
    """
    bend, bow = g[..., 0, :, :] / h, g[..., 1, :, :]
    return (3 * bow - 2 * bend) / h**2, g[..., 2, :, :] + (bend - 2 * bow) / h, (bend - bow) / h


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
    return coefficients(x, y, slopes)


@hermite_pieces.vjp("y", "slopes")
def _hermite_vjp(g: Tensor, x: Tensor) -> dict[str, Tensor]:
    change, here, there = shares(g, torch.diff(x)[..., None])
    return {
        "y": F.pad(g[..., 3, :, :] - change, (0, 0, 0, 1)) + F.pad(change, (0, 0, 1, 0)),
        "slopes": F.pad(here, (0, 0, 0, 1)) + F.pad(there, (0, 0, 1, 0)),
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


def _data(rng: np.random.Generator, n: int, *batch: int, columns: int) -> tuple[Array, Array]:
    return np.cumsum(0.5 + rng.uniform(size=n)), rng.normal(size=(*batch, n, columns))


hermite_pieces.samples(
    lambda rng: [
        Sample(*_data(rng, 3, 2, columns=2), rng.normal(size=(3, 2))),
        Sample(_data(rng, 3, columns=1)[0], rng.normal(size=(3, 1)) * (1 + 2j), rng.normal(size=(3, 1)) * (1 - 1j)),
    ]
)
