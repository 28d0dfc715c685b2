"""Correlation of lines with a few weights, and what its gradients take, in the compiled library."""

from __future__ import annotations

import ctypes
from functools import lru_cache, partial
from struct import Struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scitorch.core.pool import at_once

from .address import address
from .library import NAMES, function
from .threads import nothing, parts, threads

Array = NDArray[Any]

_SHAPE = Struct("6qd")  # lines_shape of kernels/abi.h
_POINTERS = (*[ctypes.c_void_p] * 4, ctypes.c_char_p)
_COLUMNS = 64  # of a block, as in kernels/lines.cpp
_WORTH_A_THREAD = 4_000_000  # products, as in `correlation`


def available(dtype: np.dtype[Any]) -> bool:
    """Whether the compiled kernels take such arrays: float32 or float64."""
    return dtype in NAMES and _kernel("correlate", dtype) is not None


@lru_cache
def _kernel(name: str, dtype: np.dtype[Any]) -> Any:
    return function(f"lines_{name}_{NAMES[dtype]}", *_POINTERS)


def correlate(x: Array, y: Array, weights: Array, places: Array, constant: float) -> None:
    """Fill y with ``y[:, i] = Σ weights[j] x[:, i + j - radius]``, summed in double precision as SciPy does.

    Parameters
    ----------
    x, y : array of shape (m, n, p)
        Without gaps, of one dtype. They may be the same.
    weights : array of shape (2 * radius + 1,)
    places : array of shape (2 * radius,)
        Which ``x[:, i]`` stands in each place before the first and after the last; -1 for the constant.
    constant : float
    """
    _over_columns("correlate", x, y, _doubles(weights), places, constant)


def transposed(x: Array, y: Array, weights: Array, places: Array) -> None:
    """Fill y with the transpose of `correlate`, with a constant of 0."""
    _over_columns("transposed", x, y, _doubles(weights[::-1]), places, 0.0)


def products(g: Array, x: Array, places: Array, constant: float) -> Array:
    """For each weight j ``Σ g[:, i] x[:, i + j - radius]``, in double precision: its gradient in `correlate`."""
    return _over_columns("products", g, x, np.zeros(len(places) + 1), places, constant)


def _doubles(weights: Array) -> Array:
    return np.require(weights, np.float64, ("C", "A"))


def _over_columns(name: str, first: Array, second: Array, weights: Array, places: Array, constant: float) -> Array:
    """Call the kernel for all blocks of columns, on several threads where it is worth it; sums are those of all."""
    (count, samples, inner), radius, kernel = first.shape, len(places) // 2, _kernel(name, first.dtype)
    assert first.flags.c_contiguous
    assert second.flags.c_contiguous

    def run(weights: Array, begin: int, end: int) -> None:
        shape = _SHAPE.pack(count, samples, inner, radius, begin, end, constant)
        if kernel(address(first), address(second), address(weights), address(places), shape):
            raise MemoryError("no memory for a block of columns")

    blocks = count * -(-inner // _COLUMNS)
    width = min(blocks, threads(first.size * len(weights), _WORTH_A_THREAD))
    if width <= 1:
        run(weights, 0, blocks)
        return weights
    results = np.tile(weights, (width, 1)) if name == "products" else [weights] * width
    at_once([partial(run, sums, *part) for sums, part in zip(results, parts(blocks, width), strict=True)], nothing)
    return np.sum(results, 0) if name == "products" else weights
