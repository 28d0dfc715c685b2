"""A spline sampled on a grid that an affine map has moved, differentiable in the map."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.ndimage
import torch
from numpy.typing import NDArray
from torch import Tensor

from scitorch.core import Sample, operator

from .sampling import spline_scatter, spline_slopes

Array = NDArray[Any]


@operator(
    "(n),(d,e),(d)->(...)",
    shape=lambda output_shape: (math.prod(output_shape),),
    real=("coefficients", "matrix", "offset"),
)
def affine_sample(
    coefficients: Array,
    matrix: Array,
    offset: Array,
    *,
    shape: tuple[int, ...],
    output_shape: tuple[int, ...],
    order: int,
    mode: str,
    cval: float,
    diagonal: bool,
) -> Array:
    """Values of a spline on a grid that an affine map has moved.

    Parameters
    ----------
    coefficients : Tensor of shape (..., n)
        B-spline coefficients of an image of that `shape`, flattened.
    matrix : Tensor of shape (..., d, e)
        With ``e = 1`` if it is `diagonal`: the diagonal.
    offset : Tensor of shape (..., d)
        In pixels.
    shape : tuple of d int
    output_shape : tuple of e int
        Of d if `diagonal`.
    order : int
    mode : str
    cval : float
    diagonal : bool

    Returns
    -------
    Tensor of shape (..., prod(output_shape))

    Notes
    -----
    The values at ``matrix @ o + offset`` for each place ``o`` of the grid. The rules are those
    of `spline_sample` there: with ``G`` the gradient of the coordinates, ``matrix`` gets the sum
    of ``G oᵀ``, ``offset`` that of ``G``.

    References
    ----------
    `scipy.ndimage.affine_transform`.

    Examples
    --------
    >>> import torch
    >>> options = {"shape": (3,), "output_shape": (2,), "order": 1, "mode": "nearest", "cval": 0.0}
    >>> line, one = torch.tensor([0.0, 2.0, 4.0]), torch.ones(1, 1)
    >>> affine_sample(line, one, torch.tensor([0.5]), **options, diagonal=True)
    tensor([1., 3.])
    """
    linear = matrix[:, 0] if diagonal else matrix
    if diagonal and not linear.all():
        linear = np.diag(linear)  # as a diagonal SciPy would divide the offset by it
    image = coefficients.reshape(shape)
    options: dict[str, Any] = {"offset": offset, "output_shape": output_shape, "order": order, "mode": mode}
    return scipy.ndimage.affine_transform(image, linear, **options, cval=cval, prefilter=False).ravel()


def places_of(output_shape: Sequence[int], like: Tensor) -> Tensor:
    """The indices of every place of a grid, of shape (e, p)."""
    axes = [torch.arange(n, device=like.device, dtype=like.dtype) for n in output_shape]
    return torch.stack(torch.meshgrid(*axes, indexing="ij")).flatten(1)


def moved(matrix: Tensor, offset: Tensor, output_shape: Sequence[int], diagonal: bool) -> Tensor:
    """The coordinates of every place, of shape (..., d, p).

    In SciPy's order of operations, so that what it takes to be within a constant border is within it here too.
    """
    places = places_of(output_shape, matrix)
    if diagonal:
        none = matrix == 0
        ahead = offset[..., None] / torch.where(none, 1, matrix)
        return torch.where(none, matrix * places + offset[..., None], (places + ahead) * matrix)
    points = offset[..., None]
    for axis, row in enumerate(places):
        points = points + matrix[..., axis, None] * row
    return points


@affine_sample.vjp("coefficients")
def _(
    g: Tensor, matrix: Tensor, offset: Tensor, shape: Any, output_shape: Any, order: int, mode: str, diagonal: bool
) -> dict[str, Tensor]:
    points = moved(matrix, offset, output_shape, diagonal)
    options = {"shape": shape, "order": order, "mode": mode, "derivative": (0,) * len(shape)}
    return {"coefficients": spline_scatter(g, points, **options)}


@affine_sample.vjp("matrix", "offset")
def _(
    g: Tensor,
    coefficients: Tensor,
    matrix: Tensor,
    offset: Tensor,
    shape: Any,
    output_shape: Any,
    order: int,
    mode: str,
    cval: float,
    diagonal: bool,
) -> dict[str, Tensor]:
    points = moved(matrix, offset, output_shape, diagonal)
    options = {"shape": shape, "order": order, "mode": mode, "cval": cval, "derivative": (0,) * len(shape)}
    slopes = spline_slopes(g, coefficients, points, **options)
    places = places_of(output_shape, matrix)
    products = (slopes * places).sum(-1, keepdim=True) if diagonal else slopes @ places.mT
    return {"matrix": products, "offset": slopes.sum(-1)}


def _map(rng: np.random.Generator, *batch: int) -> tuple[Array, Array, Array]:
    matrix = np.array([[0.83, 0.31], [-0.27, 0.94]]) + 0.05 * rng.normal(size=(*batch, 2, 2))
    return rng.normal(size=6), matrix, np.array([0.13, 0.21])


_GRID: dict[str, Any] = {"shape": (3, 2), "output_shape": (2, 2)}

affine_sample.samples(
    lambda rng: [
        Sample(*_map(rng), **_GRID, order=3, mode="reflect", cval=0.0, diagonal=False),
        Sample(*_map(rng, 2), **_GRID, order=2, mode="grid-constant", cval=0.5, diagonal=False),
        Sample(
            rng.normal(size=6),
            np.array([[0.7], [1.2]]),
            np.array([0.2, -0.1]),
            **_GRID,
            order=4,
            mode="mirror",
            cval=0.0,
            diagonal=True,
        ),
    ]
)
