"""Convolution and correlation of matrices by Fourier transforms of tiles.

A transform of a whole matrix leaves the cache again and again; one of a tile stays there, and takes as long for each of
its elements whether the matrix is large or not. The results of a tile are its correlation with the taps but for those
that have wrapped around. Tiles overlap by as many rows and columns as the taps have, less one.

Infinities and NaN would spread over a tile, and rounding errors are those of a tile's largest element.
"""

import math
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from typing import Any, NamedTuple

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from scitorch._kernels.threads import nothing, parts, threads
from scitorch.core.pool import at_once

Array = NDArray[Any]

# SciPy's stubs take them for something else.
_rfft2: Any = scipy.fft.rfft2
_irfft2: Any = scipy.fft.irfft2
_fast: Any = scipy.fft.next_fast_len

Sides = tuple[int, ...]

# As measured on one core with AVX-512, in nanoseconds in double precision.
_STEP = 0.16  # of a transform, for each element and each doubling of the tile
_ELEMENT = 1.5  # of what else is done with a tile
_CALL = 12_000.0  # of a tile, however small
_CACHE = 1 << 21  # bytes of a tile beyond which all takes twice as long
_SINGLE = 0.65  # of it in single precision
_PRODUCT = {True: 0.022, False: 0.1}  # of a direct sum, compiled or as a matrix product; in single precision half

_WORTH_A_THREAD = 400_000  # elements
_SIZES = (32, 48, 64, 96, 128, 192, 256, 320, 384, 512, 576, 768, 1024)


class Plan(NamedTuple):
    """A size of tiles and what it is estimated to take, in nanoseconds in double precision."""

    rows: int
    columns: int
    cost: float


@lru_cache
def plan(outputs: Sides, taps: Sides) -> Plan:
    """The tiles of which a correlation of so many outputs is made in the shortest time."""
    return min((_plan(outputs, taps, rows, columns) for rows in _sides(outputs[0], taps[0])
                for columns in _sides(outputs[1], taps[1])), key=lambda plan: plan.cost)  # fmt: skip


def _sides(outputs: int, taps: int) -> list[int]:
    """Lengths worth a trial: those that hold more than the taps, and the one that holds all."""
    whole = _fast(outputs + taps - 1, real=True)
    return [*(size for size in _SIZES if taps <= size < whole), whole]


def _plan(outputs: Sides, taps: Sides, rows: int, columns: int) -> Plan:
    tiles = math.prod(-(-n // (size - k + 1)) for n, k, size in zip(outputs, taps, (rows, columns), strict=True))
    elements = rows * columns
    each = _CALL + elements * (2 * _STEP * math.log2(elements) + _ELEMENT)
    if elements * 8 > _CACHE:
        each *= 2
    return Plan(rows, columns, (tiles + 0.5) * each)


def pay(outputs: Sides, taps: Sides, *operands: Array, compiled: bool) -> Sides | None:
    """The tiles' size, where they are estimated to be faster than direct sums and all elements are finite."""
    products = math.prod(outputs) * math.prod(taps)
    if products < 1 << 22 or min(taps) < 2:
        return None
    single = operands[0].dtype == np.float32
    chosen = plan(outputs, taps)
    if chosen.cost * (_SINGLE if single else 1) > products * _PRODUCT[compiled] * (0.5 if single else 1):
        return None
    with np.errstate(all="ignore"):
        finite = all(np.isfinite(x.sum()) for x in operands)
    return (chosen.rows, chosen.columns) if finite else None


def correlate(signal: Array, taps: Array, tile: Sides, around: Sides = (0, 0)) -> Array:
    """``out[i, j] = Σ signal[i+p, j+q] taps[p, q]``, the signal with so many rows and columns of zeros on each side."""
    outputs = tuple(n - k + 1 + 2 * zeros for n, k, zeros in zip(signal.shape, taps.shape, around, strict=True))
    out = np.empty(outputs, signal.dtype)
    spectrum = _rfft2(taps, tile).conj()

    def run(top: int, left: int, bottom: int, right: int) -> None:
        size = bottom - top + taps.shape[0] - 1, right - left + taps.shape[1] - 1
        product = _rfft2(_window(signal, (top - around[0], left - around[1]), size), tile)
        product *= spectrum
        results = _irfft2(product, tile, overwrite_x=True)
        out[top:bottom, left:right] = results[: bottom - top, : right - left]

    share([partial(run, *place) for place in _places(outputs, taps.shape, tile)], math.prod(tile))
    return out


def convolve(signal: Array, taps: Array, tile: Sides) -> Array:
    """Full convolution."""
    return correlate(signal, taps[::-1, ::-1], tile, (taps.shape[0] - 1, taps.shape[1] - 1))


def _window(x: Array, place: Sides, size: Sides) -> Array:
    """A part of a matrix and of the zeros around it."""
    ends = [first + length for first, length in zip(place, size, strict=True)]
    inside = tuple(slice(max(0, first), min(end, n)) for first, end, n in zip(place, ends, x.shape, strict=True))
    if min(place) >= 0 and ends[0] <= x.shape[0] and ends[1] <= x.shape[1]:
        return x[inside]
    window = np.zeros(size, x.dtype)
    window[tuple(slice(s.start - first, s.stop - first) for s, first in zip(inside, place, strict=True))] = x[inside]
    return window


def correlate_lags(signal: Array, other: Array, tile: Sides) -> Array:
    """``Σ signal[i+p, j+q] other[i, j]``, of few lags p and q: one transform back for all tiles."""
    lags = _lags(signal, other)
    spectra: list[Array] = []

    def run(top: int, left: int, bottom: int, right: int) -> None:
        window = signal[top : bottom + lags[0] - 1, left : right + lags[1] - 1]
        product = _rfft2(other[top:bottom, left:right], tile)
        np.conjugate(product, out=product)
        product *= _rfft2(window, tile)
        spectra.append(product)

    share([partial(run, *place) for place in _places(other.shape, lags, tile)], math.prod(tile))
    return _irfft2(sum(spectra), tile)[: lags[0], : lags[1]].astype(signal.dtype, copy=False)


def _lags(signal: Array, other: Array) -> Sides:
    return signal.shape[0] - other.shape[0] + 1, signal.shape[1] - other.shape[1] + 1


def _places(outputs: tuple[int, ...], taps: tuple[int, ...], tile: Sides) -> Iterator[tuple[int, ...]]:
    """Top, left, bottom and right of each tile's outputs."""
    down, across = (size - k + 1 for size, k in zip(tile, taps, strict=True))
    for top in range(0, outputs[0], down):
        for left in range(0, outputs[1], across):
            yield top, left, min(top + down, outputs[0]), min(left + across, outputs[1])


def share(tasks: list[Callable[[], None]], elements: int) -> None:
    """Run them, each of which transforms so many elements, on several threads where it is worth it."""
    width = min(len(tasks), threads(len(tasks) * elements, _WORTH_A_THREAD))

    def run(first: int, end: int) -> None:
        for task in tasks[first:end]:
            task()

    if width < 2:
        run(0, len(tasks))
    else:
        at_once([partial(run, *part) for part in parts(len(tasks), width)], nothing)
