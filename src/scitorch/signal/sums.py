"""Convolution and correlation of arrays: by the compiled kernels, else by SciPy's and NumPy's loops.

Where many taps meet many elements Fourier transforms of tiles are faster than direct sums, by an order of magnitude.
"""

from functools import partial
from typing import Any

import numpy as np
import scipy.signal
from numpy.typing import NDArray

from scitorch._kernels import correlation

from . import blocks, tiles

Array = NDArray[Any]


def convolve_full(in1: Array, in2: Array) -> Array:
    """``out[i, j] = Σ in1[i-p, j-q] in2[p, q]`` wherever the two overlap; leading dimensions broadcast."""
    if 0 in in1.shape or 0 in in2.shape:
        shape = (in1.shape[-2] + in2.shape[-2] - 1, in1.shape[-1] + in2.shape[-1] - 1)
        return np.zeros((*_batch(in1, in2), *shape), in1.dtype)
    if in1.shape[-1] == in2.shape[-1] == 1 < max(in1.shape[-2], in2.shape[-2]):
        return convolve_full(in1.swapaxes(-1, -2), in2.swapaxes(-1, -2)).swapaxes(-1, -2)
    large, small = (in1, in2) if _items(in1) >= _items(in2) else (in2, in1)
    outputs = in1.shape[-2] + in2.shape[-2] - 1, in1.shape[-1] + in2.shape[-1] - 1
    if tile := _tile(outputs, small.shape[-2:], in1, in2):
        return _each(partial(tiles.convolve, tile=tile), large, small)
    if correlation.available(in1, in2):
        # SciPy multiplies the elements of `in2` with the zeros around `in1`, and NumPy's loop over rows doesn't.
        as_scipy = small is in2 and in1.shape[-2] > 1 < in2.shape[-2]
        if as_scipy or (np.isfinite(in1).all() and np.isfinite(in2).all()):
            return correlation.convolve_full(large, small)
    return _convolve_in_loops(in1, in2)


def _convolve_in_loops(in1: Array, in2: Array) -> Array:
    if in1.shape[-2] == 1 or in2.shape[-2] == 1:
        return _convolve_rows(in1, in2)
    if in1.shape[-1] == 1 or in2.shape[-1] == 1:
        return _convolve_rows(in1.swapaxes(-1, -2), in2.swapaxes(-1, -2)).swapaxes(-1, -2)
    return _each(_convolve_matrices, in1, in2)


def _tile(outputs: tuple[int, ...], taps: tuple[int, ...], in1: Array, in2: Array) -> tiles.Sides | None:
    if in1.dtype.kind != "f":
        return None
    return tiles.pay(outputs, taps, in1, in2, compiled=correlation.available(in1, in2))


def _items(x: Array) -> int:
    return x.shape[-2] * x.shape[-1]


def correlate_valid(in1: Array, in2: Array) -> Array:
    """``out[i, j] = Σ in1[i+p, j+q] conj(in2[p, q])`` where the second lies within; leading dimensions broadcast."""
    if 0 in in1.shape or 0 in in2.shape:
        shape = (in1.shape[-2] - in2.shape[-2] + 1, in1.shape[-1] - in2.shape[-1] + 1)
        return np.zeros((*_batch(in1, in2), *shape), in1.dtype)
    if in1.shape[-1] == 1 < in1.shape[-2]:
        return correlate_valid(in1.swapaxes(-1, -2), in2.swapaxes(-1, -2)).swapaxes(-1, -2)
    outputs, taps = (in1.shape[-2] - in2.shape[-2] + 1, in1.shape[-1] - in2.shape[-1] + 1), in2.shape[-2:]
    if _items(in2) > outputs[0] * outputs[1]:
        if tile := _tile(taps, outputs, in1, in2):
            return _each(partial(tiles.correlate_lags, tile=tile), in1, in2)
    elif tile := _tile(outputs, taps, in1, in2):
        return _each(partial(tiles.correlate, tile=tile), in1, in2)
    if correlation.available(in1, in2):
        return correlation.correlate_valid(in1, in2)
    return _correlate_in_loops(in1, in2)


def _correlate_in_loops(in1: Array, in2: Array) -> Array:
    if in1.shape[-2] == 1:
        return _correlate_rows(in1, in2)
    return _each(_correlate_matrices, in1, in2)


def _batch(in1: Array, in2: Array) -> tuple[int, ...]:
    return np.broadcast_shapes(in1.shape[:-2], in2.shape[:-2])


def _each(function: Any, in1: Array, in2: Array) -> Array:
    """A function of two arrays, for each pair of the batch."""
    batch = _batch(in1, in2)
    if not batch:
        return function(in1, in2)
    pairs = [np.broadcast_to(x, (*batch, *x.shape[-2:])) for x in (in1, in2)]
    results = [function(*(x[index] for x in pairs)) for index in np.ndindex(*batch)]
    return np.reshape(results, (*batch, *results[0].shape))


def _convolve_matrices(in1: Array, in2: Array) -> Array:
    large, small = (in1, in2) if in1.shape[-1] >= in2.shape[-1] else (in2, in1)
    if blocks.pay(large.shape, small.shape, large, small):
        return blocks.convolve(large, small)
    return scipy.signal.convolve2d(in1, in2)


def _correlate_matrices(in1: Array, in2: Array) -> Array:
    shape = tuple(np.subtract(in1.shape, in2.shape) + 1)
    if in2.shape[-1] <= shape[-1] and blocks.pay(shape, in2.shape, in1, in2):
        result = np.empty(shape, in1.dtype)
        blocks.correlate(in1, in2.conj(), result)
        return result
    if blocks.pay(in2.shape, shape, in1, in2):
        return blocks.correlate_lags(in1, in2.conj())
    return scipy.signal.correlate2d(in1, in2, mode="valid")


# A batch of rows takes one of several loops in Python around NumPy's loop in C; the shortest is the fastest.


def _convolve_rows(in1: Array, in2: Array) -> Array:
    """Convolution of every row of one with every row of the other, one of the two having a single row."""
    batch = np.broadcast_shapes(in1.shape[:-1], in2.shape[:-1])
    if in1.shape[-1] < in2.shape[-1]:
        in1, in2 = in2, in1
    n, taps = in1.shape[-1], in2.shape[-1]
    rows = in1.size // n
    if in2.size == taps and blocks.pay((rows, n), (1, taps), in1, in2):
        return blocks.convolve(in1.reshape(rows, n), in2.reshape(1, taps)).reshape(*batch, -1)
    if taps < np.prod(batch):
        result = np.zeros((*batch, n + taps - 1), in1.dtype)
        for k in range(taps):
            result[..., k : k + n] += in1 * in2[..., k : k + 1]
        return result
    rows = [np.broadcast_to(x, (*batch, x.shape[-1])) for x in (in1, in2)]
    results = [np.convolve(rows[0][index], rows[1][index]) for index in np.ndindex(*batch)]
    return np.reshape(results, (*batch, n + taps - 1)) if len(results) > 1 else results[0].reshape(*batch, -1)


def _correlate_rows(in1: Array, in2: Array) -> Array:
    """Correlation of single rows."""
    batch = np.broadcast_shapes(in1.shape[:-1], in2.shape[:-1])
    taps, lags = in2.shape[-1], in1.shape[-1] - in2.shape[-1] + 1
    items = int(np.prod(batch))
    if in2.size == taps <= lags and blocks.pay((items, lags), (1, taps), in1, in2):
        result = np.empty((items, lags), in1.dtype)
        blocks.correlate(in1.reshape(items, -1), in2.reshape(1, taps).conj(), result)
        return result.reshape(*batch, lags)
    if items == 1 and lags >= 32 and blocks.pay((1, taps), (1, lags), in1, in2):
        return blocks.correlate_lags(in1.reshape(1, -1), in2.reshape(1, taps).conj()).reshape(*batch, lags)
    if lags <= min(taps, items - 1):
        parts = [np.vecdot(in2, in1[..., k : k + taps]) for k in range(lags)]
        return np.stack(parts, -1)
    if taps < items:
        result = np.zeros((*batch, lags), in1.dtype)
        for k in range(taps):
            result += in1[..., k : k + lags] * np.conj(in2[..., k : k + 1])
        return result
    rows = [np.broadcast_to(x, (*batch, x.shape[-1])) for x in (in1, in2)]
    results = [np.correlate(rows[0][index], rows[1][index], mode="valid") for index in np.ndindex(*batch)]
    return np.reshape(results, (*batch, lags)) if len(results) > 1 else results[0].reshape(*batch, -1)
