"""Direct correlation and convolution of batches of matrices, in the compiled library."""

from __future__ import annotations

import ctypes
import math
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

_SHAPE = Struct("13q")  # correlation_shape of kernels/abi.h
_POINTERS = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_char_p)

# As measured: what a core does in the time that handing over to another one takes.
_WORTH_A_THREAD = 4_000_000
_FEW_LAGS = 24  # columns


def available(in1: Array, in2: Array) -> bool:
    """Whether the compiled kernels take such arrays: float32 or float64, and not empty."""
    return in1.dtype == in2.dtype and in1.dtype in NAMES and _kernel("correlate", in1.dtype) is not None


@lru_cache
def _kernel(name: str, dtype: np.dtype[Any]) -> Any:
    return function(f"{name}_{NAMES[dtype]}", *_POINTERS)


def correlate_valid(in1: Array, in2: Array) -> Array:
    """``out[i, j] = Σ in1[i+p, j+q] in2[p, q]`` where the second lies within the first; leading dimensions broadcast.

    Infinities and NaN go where they go in `scipy.signal.correlate2d`.
    """
    (m, n), (k, l) = in1.shape[-2:], in2.shape[-2:]
    name = "lags" if n - l + 1 < min(l, _FEW_LAGS) else "correlate"
    return _over_batch(name, in1, in2, (m - k + 1, n - l + 1))


def convolve_full(in1: Array, in2: Array) -> Array:
    """``out[i, j] = Σ in1[i-p, j-q] in2[p, q]`` wherever the two overlap; leading dimensions broadcast.

    As in `scipy.signal.convolve2d`, the elements of `in2` are multiplied with the zeros around `in1`.
    """
    (m, n), (k, l) = in1.shape[-2:], in2.shape[-2:]
    return _over_batch("convolve", in1, in2, (m + k - 1, n + l - 1))


def _over_batch(name: str, in1: Array, in2: Array, shape: tuple[int, int]) -> Array:
    kernel = _kernel(name, in1.dtype)
    if in1.ndim == in2.ndim == 2:
        out = np.empty(shape, in1.dtype)
        _run(kernel, _rows_together(in1), _rows_together(in2), out)
        return out
    batch = np.broadcast_shapes(in1.shape[:-2], in2.shape[:-2])
    out = np.empty((*batch, *shape), in1.dtype)
    first, second = (_flat(x, batch) for x in (in1, in2))
    if first is not None and second is not None:
        _run(kernel, first, second, out.reshape(-1, *shape))
        return out
    first, second = (_rows_together(np.broadcast_to(x, (*batch, *x.shape[-2:]))) for x in (in1, in2))
    for index in np.ndindex(*batch):
        _run(kernel, first[index], second[index], out[index])
    return out


def _rows_together(x: Array) -> Array:
    """The same, with the elements of each row side by side."""
    size = x.itemsize
    strides = x.strides
    if strides[-1] == size and x.flags.aligned and (strides[-2] % size == 0):
        return x
    return np.array(x, order="C")


def _flat(x: Array, batch: tuple[int, ...]) -> Array | None:
    """The items one after the other at one distance; None if they don't lie so."""
    own = x.shape[:-2]
    if math.prod(own) == 1:
        x = _rows_together(x.reshape(x.shape[-2:]))
        return np.broadcast_to(x, (math.prod(batch), *x.shape))
    if own != batch:
        return None
    x = np.require(x, requirements=("C", "A"))
    return x.reshape(-1, *x.shape[-2:])


def _run(kernel: Any, in1: Array, in2: Array, out: Array) -> None:
    """Call the kernel, on several threads where it is worth it: over the items, or over the rows of the result."""
    counts, strides, products = _layout(in1.shape, in1.strides, in2.shape, in2.strides, out.shape, in1.itemsize)
    # The arrays are kept alive by the caller.
    places = [address(in1), address(in2), address(out)]
    count, rows = counts[0], out.shape[-2]
    width = threads(products, _WORTH_A_THREAD)
    if width == 1:
        _call(kernel, places, _SHAPE.pack(*counts, *strides, 0, rows))
    elif count >= width:
        items = [x.strides[0] for x in (in1, in2, out)]
        at_once([partial(_call, kernel, [place + first * item for place, item in zip(places, items, strict=True)],
                         _SHAPE.pack(end - first, *counts[1:], *strides, 0, rows))
                 for first, end in parts(count, width)], nothing)  # fmt: skip
    else:
        at_once([partial(_call, kernel, places, _SHAPE.pack(*counts, *strides, *part)) for part in parts(rows, width)],
                nothing)  # fmt: skip


@lru_cache
def _layout(
    shape1: tuple[int, ...], strides1: tuple[int, ...], shape2: tuple[int, ...], strides2: tuple[int, ...],
    shape: tuple[int, ...], size: int,
) -> tuple[tuple[int, ...], tuple[int, ...], int]:  # fmt: skip
    """The counts and the strides of correlation_shape, and how many products there are at most."""
    contiguous = (size * shape[-1] * shape[-2], size * shape[-1])
    strides = [
        step // size
        for steps in (strides1[:-1], strides2[:-1], contiguous[-len(shape) + 1 :])
        for step in (*[0] * (2 - len(steps)), *steps)
    ]
    count = shape[0] if len(shape) == 3 else 1
    return (count, *shape1[-2:], *shape2[-2:]), tuple(strides), math.prod(shape) * math.prod(shape2[-2:])


def _call(kernel: Any, places: list[int], shape: bytes) -> None:
    if kernel(*places, shape):
        raise MemoryError("no memory for the padded rows")
