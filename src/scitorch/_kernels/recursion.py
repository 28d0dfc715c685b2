"""Recursive filters, in the compiled library."""

from __future__ import annotations

import ctypes
from functools import lru_cache, partial
from struct import Struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scitorch.core.pool import at_once

from .library import NAMES, function
from .threads import nothing, parts, threads

Array = NDArray[Any]

_SHAPE = Struct("7q")  # filter_shape of kernels/abi.h
_POINTERS = (*[ctypes.c_void_p] * 4, ctypes.c_char_p)
_WORTH_A_THREAD = 100_000  # samples; as measured, of what a core filters while another one is told to


def available(dtype: np.dtype[Any]) -> bool:
    """Whether the compiled kernels take such arrays: float32 or float64."""
    return dtype in NAMES and _kernel("section", dtype) is not None


@lru_cache
def _kernel(name: str, dtype: np.dtype[Any]) -> Any:
    return function(f"{name}_{NAMES[dtype]}", *_POINTERS)


def filter_section(b: Array, a: Array, x: Array, zi: Array, y: Array) -> Array:
    """Fill y with the filtered x and return the state after it, as `scipy.signal.lfilter` along the last axis.

    Leading dimensions of y must lie as if they were one.
    `b` and `a` have one dimension, their length, and ``a[0] != 0``; the leading dimensions of the others are the same.
    """
    return _filter("section", np.concatenate([b / a[0], a / a[0]]), len(b) - 1, x, zi, y)


def filter_cascade(sos: Array, x: Array, zi: Array, y: Array) -> Array:
    """Fill y with the filtered x and return the states after it, of shape (..., s, 2), as `scipy.signal.sosfilt`.

    `sos` has two dimensions, and ones for ``sos[:, 3]``.
    """
    return _filter("cascade", np.require(sos, requirements=("C", "A")), len(sos), x, zi, y)


def _filter(name: str, coefficients: Array, order: int, x: Array, zi: Array, y: Array) -> Array:
    states = np.array(zi, x.dtype, order="C")
    signals, results = _signals(x), y.reshape(-1, y.shape[-1])
    assert np.may_share_memory(results, y)
    size, kernel = x.itemsize, _kernel(name, x.dtype)
    steps = [step // size for step in (*signals.strides, *results.strides)]
    count, samples = signals.shape
    per_signal = states.size // max(1, count)

    def run(first: int, end: int) -> None:
        places = (
            signals.ctypes.data + first * signals.strides[0],
            results.ctypes.data + first * results.strides[0],
            states.ctypes.data + first * per_signal * size,
        )
        kernel(coefficients.ctypes.data, *places, _SHAPE.pack(end - first, samples, order, *steps))

    width = min(count, threads(count * samples, _WORTH_A_THREAD))
    if width > 1:
        at_once([partial(run, *part) for part in parts(count, width)], nothing)
    else:
        run(0, count)
    return states


def _signals(x: Array) -> Array:
    """Signals one below the other, at distances that are multiples of a number's size; a copy where they aren't."""
    if not x.flags.aligned or any(step % x.itemsize for step in x.strides):
        x = x.copy()
    return x.reshape(-1, x.shape[-1])
