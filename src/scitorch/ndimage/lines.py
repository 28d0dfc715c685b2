"""Correlation along one axis of an array (m, n, p), the middle one: by the compiled kernels, else by SciPy's loops."""

from functools import lru_cache
from typing import Any

import numpy as np
import scipy.ndimage
from numpy.typing import NDArray

from scitorch._kernels import lines

from .borders import border_places

Array = NDArray[Any]


def correlate(values: Array, result: Array, weights: Array, mode: str, cval: float) -> None:
    """Fill `result` as `scipy.ndimage.correlate1d` does with an odd number of weights; it may be `values`."""
    if lines.available(values.dtype):
        lines.correlate(values, result, weights, _edges(values.shape[1], len(weights) // 2, mode), cval)
    else:
        scipy.ndimage.correlate1d(values, weights, axis=1, output=result, mode=mode, cval=cval)


def transposed(outgoing: Array, result: Array, weights: Array, mode: str) -> None:
    """Fill `result` with the transpose of `correlate`; it may be `outgoing`.

    A correlation with the reversed weights that reaches beyond the border by the radius; what lies there is added to
    the pixels that stand there.
    """
    n, radius = outgoing.shape[1], len(weights) // 2
    if lines.available(outgoing.dtype):
        lines.transposed(outgoing, result, weights, _edges(n, radius, mode))
        return
    wide = np.pad(outgoing, ((0, 0), (radius, radius), (0, 0)))
    wide = scipy.ndimage.correlate1d(wide, weights[::-1], axis=1, mode="constant")
    result[...] = wide[:, radius : radius + n]
    for k, place in enumerate(border_places(n, radius, radius, mode)):
        if place >= 0 and not radius <= k < radius + n:
            result[:, place] += wide[:, k]


def products(outgoing: Array, values: Array, count: int, mode: str, cval: float) -> Array:
    """The inner products of `outgoing` with the values shifted by each place of so many weights."""
    n, radius = outgoing.shape[1], count // 2
    if lines.available(outgoing.dtype):
        return lines.products(outgoing, values, _edges(n, radius, mode), cval).astype(outgoing.dtype)
    places = border_places(n, radius, radius, mode)
    wide = np.where((places < 0)[:, None], cval, values[:, places])
    return np.array([np.vdot(outgoing, wide[:, lag : lag + n]) for lag in range(count)], outgoing.dtype)


@lru_cache
def _edges(n: int, radius: int, mode: str) -> Array:
    """What stands in the places beyond either border."""
    places = border_places(n, radius, radius, mode)
    return np.concatenate([places[:radius], places[radius + n :]])
