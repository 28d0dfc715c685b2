"""Values and derivatives of an image's spline at given points, and the transpose of both.

A spline of order n is a sum over taps: in each direction n + 1 B-spline coefficients near the point, with weights that
are B-splines of the distance. The weights' derivatives are exact, so that two operators, one that samples and one that
scatters, are each other's derivatives to any order.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import scipy.ndimage
import torch
from numpy.typing import NDArray
from torch import Tensor

from scitorch.core import Sample, operator

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
    ``coordinates`` gets ``g`` times the samples differentiated once more along each axis.

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
    if not any(derivative):
        image = coefficients.reshape(shape)
        return scipy.ndimage.map_coordinates(image, coordinates, order=order, mode=mode, cval=cval, prefilter=False)
    total = np.zeros(coordinates.shape[-1])
    if max(derivative) > order:
        return total
    extended = np.append(coefficients, cval)
    for block in _blocks(len(total)):
        inside, taps = _taps(coordinates[:, block], shape, order, mode, derivative)
        total[block] = sum(extended[places] * weights for places, weights in taps) * inside
    return total.astype(coefficients.dtype)


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
    size = math.prod(shape)
    total = np.zeros(size + 1)  # the last one collects what falls on no coefficient
    if max(derivative) <= order:
        for block in _blocks(len(values)):
            inside, taps = _taps(coordinates[:, block], shape, order, mode, derivative)
            added = values[block] * inside
            for places, weights in taps:
                np.add.at(total, places, weights * added)
    return total[:size].astype(values.dtype)


def sample_gradient(coefficients: Tensor, coordinates: Tensor, derivative: Sequence[int], **options: Any) -> Tensor:
    """The samples differentiated once more along each axis: of shape (..., d, p)."""
    raised = [tuple(n + (k == axis) for k, n in enumerate(derivative)) for axis in range(len(derivative))]
    return torch.stack([spline_sample(coefficients, coordinates, **options, derivative=d) for d in raised], -2)


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
    options = {"shape": shape, "order": order, "mode": mode, "cval": cval}
    return {"coordinates": g[..., None, :] * sample_gradient(coefficients, coordinates, derivative, **options)}


@spline_scatter.vjp("values")
def _(g: Tensor, coordinates: Tensor, shape: Any, order: int, mode: str, derivative: Any) -> dict[str, Tensor]:
    options = {"shape": shape, "order": order, "mode": mode, "derivative": derivative}
    return {"values": spline_sample(g, coordinates, cval=0.0, **options)}


@spline_scatter.vjp("coordinates")
def _(
    g: Tensor, values: Tensor, coordinates: Tensor, shape: Any, order: int, mode: str, derivative: Any
) -> dict[str, Tensor]:
    options = {"shape": shape, "order": order, "mode": mode, "cval": 0.0}
    return {"coordinates": values[..., None, :] * sample_gradient(g, coordinates, derivative, **options)}


def _blocks(count: int) -> Iterator[slice]:
    """So many points at a time that what is computed about them stays in the processor's cache."""
    return (slice(start, start + 8192) for start in range(0, count, 8192))


_ENDLESS = ("grid-constant", "nearest")  # their coefficients go on without end, so that no coordinate is folded


def _taps(
    coordinates: Array, shape: Sequence[int], order: int, mode: str, derivative: Sequence[int]
) -> tuple[Array, Iterator[tuple[Array, Array]]]:
    """Which points aren't beyond a constant border; for each tap the places in the flattened image, and the weights.

    The place after the last is that of taps beyond the border of "grid-constant".
    """
    inside = np.ones(coordinates.shape[-1], bool)
    axes: list[list[tuple[Array, Array]]] = []
    for x, n, times in zip(coordinates.astype(float), shape, derivative, strict=True):
        found, slope = _folded(x, n, mode)
        inside &= np.isfinite(found) & ((found > -1) | (mode in _ENDLESS))
        found = np.where(inside, found, 0)
        knot = np.floor(found if order % 2 else found + 0.5)
        fraction = found - knot + (0 if order % 2 else 0.5)
        weights = _weights(fraction, order, times)
        # Taps that all lie beyond the border are alike, however far away; so a short table tells what they stand for.
        start = np.clip(knot - order // 2, -order - 1, n).astype(np.int64) + order + 1
        table = _tap(np.arange(-order - 1, n + order + 1), n, mode)
        table[table < 0] = -1 - math.prod(shape)  # negative still when other axes are added
        axes.append([(table[start + k], w * slope**times) for k, w in enumerate(weights)])
    if mode != "grid-constant":
        return inside, _products(axes, shape)
    return inside, ((np.where(place < 0, math.prod(shape), place), w) for place, w in _products(axes, shape))


def _products(axes: Sequence[Any], shape: Sequence[int]) -> Iterator[tuple[Array, Array]]:
    """Every combination of one tap an axis: its place in the flattened image, and its weight."""
    if len(axes) == 1:
        yield from axes[0]
        return
    for place, weight in _products(axes[:-1], shape[:-1]):
        base = place * shape[-1]
        for index, factor in axes[-1]:
            yield base + index, weight * factor


def _weights(u: Array, order: int, times: int) -> list[Array]:
    """B-spline weights of the order + 1 taps at the fraction u of an interval, differentiated so many times.

    Tap i has w[i] = N(order + u - i), where N is the B-spline on [0, order + 1]. The recursion of Cox and de Boor
    gives those of order n from those of order n - 1, and N'(s) of order n is N(s) - N(s - 1) of order n - 1.
    """
    if times > order:
        return [np.zeros_like(u)] * (order + 1)
    weights, none = [np.ones_like(u)], np.zeros_like(u)
    for n in range(1, order - times + 1):
        pairs = itertools.pairwise([none, *weights, none])
        weights = [((n + u - i) * a + (1 - u + i) * b) / n for i, (a, b) in enumerate(pairs)]
    for _ in range(times):
        weights = [a - b for a, b in itertools.pairwise([none, *weights, none])]
    return weights


def _folded(x: Array, n: int, mode: str) -> tuple[Array, Array]:
    """Where SciPy samples for the coordinate x of an axis of length n, and the derivative of that in x.

    Step by step as SciPy's C code does, because order 0 jumps where these steps round; -1 means a constant.
    """
    low, high, one = x < 0, x > n - 1, np.ones_like(x)
    if mode in _ENDLESS or not (low | high).any():
        return x, one
    if mode == "constant" or n == 1:
        return np.where(low | high, -1.0 if mode == "constant" else 0.0, x), np.where(low | high, 0, one)
    if mode in ("wrap", "grid-wrap"):
        period, gap = (n - 1, 0) if mode == "wrap" else (n, 1)
        up, down = np.trunc((-gap - x) / period) + 1, np.trunc(x / period)
        return x + period * np.where(low, up, np.where(high, -down, 0)), one
    gap = int(mode != "mirror")  # a reflection repeats the pixel at the border
    period = 2 * (n - 1 + gap)
    below = np.where(x < -period, x + period * np.trunc(-x / period), x)
    above = x - period * np.trunc(x / period)
    near, far = below >= 1 - n - gap, above >= n
    found = np.where(low, np.where(near, -below - gap, below + period), np.where(far, period - above - gap, above))
    turned = np.where(low, near, far)
    return np.where(low | high, found, x), np.where((low | high) & turned, -one, one)


def _tap(index: Array, n: int, mode: str) -> Array:
    """The coefficient that stands for that index; -1 for none."""
    if mode == "grid-constant":
        return np.where((index < 0) | (index >= n), -1, index)
    if n == 1:
        return np.zeros_like(index)
    if mode == "grid-wrap":
        return index % n
    if mode == "nearest":
        return np.clip(index, 0, n - 1)
    # SciPy mirrors the coefficients for "constant" and "wrap", which have no exact filter.
    gap = int(mode in ("reflect", "grid-mirror"))
    period = 2 * (n - 1 + gap)
    index = index % period
    return np.where(index < n, index, period - gap - index)


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
spline_scatter.samples(
    lambda rng: [
        Sample(rng.normal(size=3), _image_and_points(rng)[1], **_SHAPE, order=4, mode="mirror"),
        Sample(rng.normal(size=3), _image_and_points(rng, 2)[1], **_SHAPE, order=3, mode="grid-wrap"),
    ]
)
