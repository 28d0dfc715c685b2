"""Sums over the taps of a spline, of arrays: by the compiled kernels, else by SciPy and NumPy."""

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import scipy.ndimage
from numpy.typing import NDArray

from scitorch._kernels import sampling
from scitorch._kernels.sampling import Spline

Array = NDArray[Any]


def sample(spline: Spline, coefficients: Array, coordinates: Array, cval: float) -> Array:
    """The spline's values, or its derivative's, at the points.

    Where a coordinate is NaN, or beyond what an integer holds, the value is SciPy's, whatever that is.
    """
    if max(spline.derivative) > spline.order:
        return np.zeros(coordinates.shape[1])
    differentiated = any(spline.derivative)
    if sampling.available(spline):
        found, regular = sampling.sample(spline, coefficients, coordinates, cval)
        if not (regular or differentiated):
            others = ~(abs(coordinates) < sampling.EXACT).all(0)
            found[others] = _scipys(spline, coefficients, coordinates[:, others], cval)
        return found
    return (_derived if differentiated else _scipys)(spline, coefficients, coordinates, cval)


def slopes(spline: Spline, values: Array, coefficients: Array, coordinates: Array, cval: float) -> Array:
    """The spline differentiated once more along each axis, times the values."""
    if max(spline.derivative) > spline.order:
        return np.zeros(coordinates.shape) * values
    if sampling.available(spline):
        return sampling.slopes(spline, values, coefficients, coordinates, cval)
    axes = (spline._replace(derivative=raised(spline.derivative, axis)) for axis in range(len(coordinates)))
    return np.stack([values * sample(once_more, coefficients, coordinates, cval) for once_more in axes])


def raised(derivative: Sequence[int], axis: int) -> tuple[int, ...]:
    """Once more along that axis."""
    return tuple(times + (k == axis) for k, times in enumerate(derivative))


def scatter(spline: Spline, values: Array, coordinates: Array) -> Array:
    """Values at points, added to the coefficients that they depend on."""
    size = math.prod(spline.shape)
    if max(spline.derivative) > spline.order:
        return np.zeros(size)
    if sampling.available(spline):
        return sampling.scatter(spline, values, coordinates)
    total = np.zeros(size + 1)  # the last one collects what falls on no coefficient
    for block in _blocks(len(values)):
        inside, taps = _taps(coordinates[:, block], spline)
        added = np.where(inside, values[block], 0)
        for places, weights in taps:
            np.add.at(total, places, weights * added)
    return total[:size]


def _scipys(spline: Spline, coefficients: Array, coordinates: Array, cval: float) -> Array:
    image = coefficients.reshape(spline.shape)
    options: dict[str, Any] = {"order": spline.order, "mode": spline.mode, "cval": cval}
    return scipy.ndimage.map_coordinates(image, coordinates, **options, prefilter=False)


def _derived(spline: Spline, coefficients: Array, coordinates: Array, cval: float) -> Array:
    total = np.empty(coordinates.shape[1])
    extended = np.append(coefficients, cval)
    for block in _blocks(len(total)):
        inside, taps = _taps(coordinates[:, block], spline)
        total[block] = np.where(inside, sum(extended[places] * weights for places, weights in taps), 0)
    return total


def _blocks(count: int) -> Iterator[slice]:
    """So many points at a time that what is computed about them stays in the processor's cache."""
    return (slice(start, start + 8192) for start in range(0, count, 8192))


_ENDLESS = ("grid-constant", "nearest")  # their coefficients go on without end, so that no coordinate is folded


def _taps(coordinates: Array, spline: Spline) -> tuple[Array, Iterator[tuple[Array, Array]]]:
    """Which points aren't beyond a constant border; for each tap the places in the flattened image, and the weights.

    The place after the last is that of taps beyond the border of "grid-constant".
    """
    shape, order, mode, derivative = spline
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
    # SciPy keeps points next to the border from being rounded to the -1 that means a constant.
    mirrored = np.where(below > -1e-15, 1e-15, -below) - 1 if gap else -below
    found = np.where(low, np.where(near, mirrored, below + period), np.where(far, period - above - gap, above))
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
