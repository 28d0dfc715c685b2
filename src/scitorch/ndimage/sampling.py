"""Values and derivatives of an image's spline at given points, and the transpose of both.

A spline of order n is a sum over taps: in each direction n + 1 B-spline coefficients near the point, with weights that
are B-splines of the distance. The weights' derivatives are exact, so that three operators, one that samples, one that
gives slopes and one that scatters, are each other's derivatives to any order.
"""

import math
from collections.abc import Iterator
from functools import reduce
from operator import add
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from scitorch._kernels.sampling import Spline
from scitorch.core import Sample, operator

from . import taps

Array = NDArray[Any]


@operator("(n),(d,p)->(p)", real=("coefficients", "coordinates"))
def spline_sample(
    coefficients: Array,
    coordinates: Array,
    *,
    shape: tuple[int, ...],
    order: int,
    mode: str,
    cval: float,
    derivative: tuple[int, ...],
) -> Array:
    """Values of a spline, or of one of its partial derivatives, at given points.

    Parameters
    ----------
    coefficients : Tensor of shape (..., n)
        B-spline coefficients of an image of that `shape`, flattened.
    coordinates : Tensor of shape (..., d, p)
        In pixels; one row an axis.
    shape : tuple of d int
    order : int
        From 0 to 5.
    mode : str
        What lies beyond the border, as in `scipy.ndimage.map_coordinates`.
    cval : float
        What lies there for the modes "constant" and "grid-constant".
    derivative : tuple of d int
        How often it is differentiated along each axis; all 0 for the value.

    Returns
    -------
    Tensor of shape (..., p)

    Notes
    -----
    ``sum(coefficients[k] * prod(B(x[a] - k[a]) for a))``, with ``B`` the B-spline of this order.
    With ``g`` the incoming gradient, ``coefficients`` gets `spline_scatter` of ``g``, and
    ``coordinates`` gets `spline_slopes`: ``g`` times the samples differentiated once more along each axis.

    A derivative is that of the polynomial piece to the right of a knot. In mode "constant" the
    jump at the border isn't differentiated.

    References
    ----------
    M. Unser, "Splines: a perfect fit for signal and image processing", IEEE Signal Processing
    Magazine 16 (1999) 22-38; `scipy.ndimage.map_coordinates`.

    Examples
    --------
    >>> import torch
    >>> line, points = torch.tensor([0.0, 1.0, 4.0]), torch.tensor([[0.5, 1.5]])
    >>> options = {"shape": (3,), "order": 1, "mode": "nearest", "cval": 0.0}
    >>> spline_sample(line, points, **options, derivative=(0,))
    tensor([0.5000, 2.5000])
    >>> spline_sample(line, points, **options, derivative=(1,))
    tensor([1., 3.])
    """
    spline = Spline(shape, order, mode, derivative)
    return taps.sample(spline, coefficients, coordinates, cval).astype(coefficients.dtype, copy=False)


@operator("(p),(n),(d,p)->(d,p)", real=("values", "coefficients", "coordinates"))
def spline_slopes(
    values: Array,
    coefficients: Array,
    coordinates: Array,
    *,
    shape: tuple[int, ...],
    order: int,
    mode: str,
    cval: float,
    derivative: tuple[int, ...],
) -> Array:
    """Partial derivatives of a spline along each axis, times values: the gradient of its samples in the coordinates.

    Parameters
    ----------
    values : Tensor of shape (..., p)
    coefficients : Tensor of shape (..., n)
    coordinates : Tensor of shape (..., d, p)
    shape : tuple of d int
    order : int
    mode : str
    cval : float
    derivative : tuple of d int
        How often the spline is differentiated along each axis before.

    Returns
    -------
    Tensor of shape (..., d, p)

    Notes
    -----
    ``values`` times `spline_sample`, differentiated once more along each axis in turn, in one pass over the points.
    Linear in ``values`` and in ``coefficients``; all gradients are those of `spline_sample` again.

    References
    ----------
    As for `spline_sample`.

    Examples
    --------
    >>> import torch
    >>> line, points = torch.tensor([0.0, 1.0, 4.0]), torch.tensor([[0.5, 1.5]])
    >>> options = {"shape": (3,), "order": 1, "mode": "nearest", "cval": 0.0, "derivative": (0,)}
    >>> spline_slopes(torch.tensor([1.0, 2.0]), line, points, **options)
    tensor([[1., 6.]])
    """
    spline = Spline(shape, order, mode, derivative)
    return taps.slopes(spline, values, coefficients, coordinates, cval).astype(coefficients.dtype, copy=False)


@operator("(p),(d,p)->(...)", shape=lambda shape: (math.prod(shape),), real=("values", "coordinates"))
def spline_scatter(
    values: Array,
    coordinates: Array,
    *,
    shape: tuple[int, ...],
    order: int,
    mode: str,
    derivative: tuple[int, ...],
) -> Array:
    """Transpose of `spline_sample`: values at points, added to the coefficients that they depend on.

    Parameters
    ----------
    values : Tensor of shape (..., p)
    coordinates : Tensor of shape (..., d, p)
    shape : tuple of d int
    order : int
    mode : str
    derivative : tuple of d int

    Returns
    -------
    Tensor of shape (..., n)
        Of ``n = prod(shape)`` coefficients.

    Notes
    -----
    With ``g`` the incoming gradient, ``values`` gets `spline_sample` of ``g``, and
    ``coordinates`` gets ``values`` times that, differentiated once more along each axis.

    References
    ----------
    As for `spline_sample`.

    Examples
    --------
    >>> import torch
    >>> options = {"shape": (3,), "order": 1, "mode": "nearest", "derivative": (0,)}
    >>> spline_scatter(torch.tensor([1.0]), torch.tensor([[0.25]]), **options)
    tensor([0.7500, 0.2500, 0.0000])
    """
    spline = Spline(shape, order, mode, derivative)
    return taps.scatter(spline, values, coordinates).astype(values.dtype, copy=False)


@spline_sample.vjp("coefficients")
def _(g: Tensor, coordinates: Tensor, shape: Any, order: int, mode: str, derivative: Any) -> dict[str, Tensor]:
    options = {"shape": shape, "order": order, "mode": mode, "derivative": derivative}
    return {"coefficients": spline_scatter(g, coordinates, **options)}


@spline_sample.vjp("coordinates")
def _(
    g: Tensor,
    coefficients: Tensor,
    coordinates: Tensor,
    shape: Any,
    order: int,
    mode: str,
    cval: float,
    derivative: Any,
) -> dict[str, Tensor]:
    options = {"shape": shape, "order": order, "mode": mode, "cval": cval, "derivative": derivative}
    return {"coordinates": spline_slopes(g, coefficients, coordinates, **options)}


@spline_scatter.vjp("values")
def _(g: Tensor, coordinates: Tensor, shape: Any, order: int, mode: str, derivative: Any) -> dict[str, Tensor]:
    options = {"shape": shape, "order": order, "mode": mode, "derivative": derivative}
    return {"values": spline_sample(g, coordinates, cval=0.0, **options)}


@spline_scatter.vjp("coordinates")
def _(
    g: Tensor, values: Tensor, coordinates: Tensor, shape: Any, order: int, mode: str, derivative: Any
) -> dict[str, Tensor]:
    options = {"shape": shape, "order": order, "mode": mode, "cval": 0.0, "derivative": derivative}
    return {"coordinates": spline_slopes(values, g, coordinates, **options)}


@spline_slopes.vjp("values")
def _(
    g: Tensor,
    values: Tensor,
    coefficients: Tensor,
    coordinates: Tensor,
    shape: Any,
    order: int,
    mode: str,
    cval: float,
    derivative: Any,
) -> dict[str, Tensor]:
    options = {"shape": shape, "order": order, "mode": mode, "cval": cval, "derivative": derivative}
    return {"values": (g * spline_slopes(torch.ones_like(values), coefficients, coordinates, **options)).sum(-2)}


@spline_slopes.vjp("coefficients")
def _(
    g: Tensor, values: Tensor, coordinates: Tensor, shape: Any, order: int, mode: str, derivative: Any
) -> dict[str, Tensor]:
    options = {"shape": shape, "order": order, "mode": mode}
    scattered = (
        spline_scatter(part * values, coordinates, **options, derivative=once_more)
        for part, once_more in _once_more(g, derivative)
    )
    return {"coefficients": reduce(add, scattered)}


@spline_slopes.vjp("coordinates")
def _(
    g: Tensor,
    values: Tensor,
    coefficients: Tensor,
    coordinates: Tensor,
    shape: Any,
    order: int,
    mode: str,
    cval: float,
    derivative: Any,
) -> dict[str, Tensor]:
    options = {"shape": shape, "order": order, "mode": mode, "cval": cval}
    slopes = (
        spline_slopes(part * values, coefficients, coordinates, **options, derivative=once_more)
        for part, once_more in _once_more(g, derivative)
    )
    return {"coordinates": reduce(add, slopes)}


def _once_more(g: Tensor, derivative: tuple[int, ...]) -> Iterator[tuple[Tensor, tuple[int, ...]]]:
    """What comes in for each axis, beside the derivative once more along it."""
    for axis, part in enumerate(g.unbind(-2)):
        yield part, taps.raised(derivative, axis)


def _image_and_points(rng: np.random.Generator, *batch: int) -> tuple[Array, Array]:
    # Away from the knots, at multiples of 1/2, where the derivatives of low orders jump.
    points = rng.integers(-7, 13, size=(*batch, 2, 3)) / 2 + rng.uniform(0.1, 0.4, size=(*batch, 2, 3))
    return rng.normal(size=6), points


_SHAPE: dict[str, Any] = {"shape": (3, 2), "derivative": (0, 0)}

spline_sample.samples(
    lambda rng: [
        Sample(*_image_and_points(rng), **_SHAPE, order=3, mode="reflect", cval=0.0),
        Sample(*_image_and_points(rng, 2), **_SHAPE, order=2, mode="grid-constant", cval=0.5),
        Sample(rng.normal(size=6), rng.uniform(0.1, 0.9, size=(2, 3)), **_SHAPE, order=5, mode="constant", cval=2.0),
    ]
)
spline_sample.special_points(
    lambda rng: [
        Sample(
            rng.normal(size=3),
            np.array([[-1.0, 0, 1, 2, 3]]),
            shape=(3,),
            order=k,
            mode=mode,
            cval=1.0,
            derivative=(0,),
        )
        for k, mode in [(0, "nearest"), (1, "constant"), (3, "wrap")]
    ]
)
spline_slopes.samples(
    lambda rng: [
        Sample(rng.normal(size=3), *_image_and_points(rng), **_SHAPE, order=3, mode="mirror", cval=0.0),
        Sample(
            rng.normal(size=3),
            *_image_and_points(rng, 2),
            shape=(3, 2),
            derivative=(1, 0),
            order=4,
            mode="grid-constant",
            cval=0.5,
        ),
    ]
)
spline_scatter.samples(
    lambda rng: [
        Sample(rng.normal(size=3), _image_and_points(rng)[1], **_SHAPE, order=4, mode="mirror"),
        Sample(rng.normal(size=3), _image_and_points(rng, 2)[1], **_SHAPE, order=3, mode="grid-wrap"),
    ]
)
