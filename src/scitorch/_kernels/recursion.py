"""Recursive filters, in the compiled library."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
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
            address(signals) + first * signals.strides[0],
            address(results) + first * results.strides[0],
            address(states) + first * per_signal * size,
        )
        kernel(address(coefficients), *places, _SHAPE.pack(end - first, samples, order, *steps))

    _share(run, count, samples)
    return states


_GRADIENT_SHAPE = Struct("11q")  # gradient_shape
_GRADIENT_POINTERS = (*[ctypes.c_void_p] * 7, ctypes.c_char_p)


def section_gradients(
    b: Array, a: Array, g: tuple[Array, Array], x: Array, y: Array, out: Array
) -> tuple[Array, Array, Array]:
    """Fill `out` with x's gradient, and return those of b, a and the first state, given those of y and the last one.

    a is without ``a[0]``, which is 1. The gradients of b and a are those of each signal. `out` as y in
    `filter_section`.
    """
    order = len(a)
    coefficients = np.concatenate([b, np.ones(1, b.dtype), a])
    sums, states = _differentiate("section", coefficients, order, g, x, y, out, 2 * (order + 1))
    return sums[..., : order + 1], sums[..., order + 2 :], states


def cascade_gradients(
    b: Array, a: Array, g: tuple[Array, Array], x: Array, zi: Array, out: Array
) -> tuple[Array, Array, Array]:
    """The same of a cascade, given its states (..., s, 2) before the first sample."""
    sos = np.ones((len(b), 6), b.dtype)
    sos[:, :3], sos[:, 4:] = b, a
    before = np.array(zi, x.dtype, order="C")
    sums, states = _differentiate("cascade", sos, len(sos), g, x, before, out, sos.size)
    sums = sums.reshape(*sums.shape[:-1], *sos.shape)
    return sums[..., :3], sums[..., 4:], states


def _differentiate(
    name: str, coefficients: Array, order: int, g: tuple[Array, Array], x: Array, other: Array, out: Array, count: int
) -> tuple[Array, Array]:
    """`other` is y, or the states before the first sample."""
    states = np.array(g[1], x.dtype, order="C")
    signals = [_signals(array) for array in (g[0], x)]
    other = _signals(other) if name == "section" else other.reshape(len(signals[0]), -1)
    results = out.reshape(-1, out.shape[-1])
    assert np.may_share_memory(results, out)
    items, samples = results.shape
    sums = np.empty((items, count))
    arrays = [*signals, other, results, sums, states.reshape(items, -1)]
    steps = [step // x.itemsize for array in arrays[:4] for step in array.strides]
    kernel = _gradient_kernel(name, x.dtype)

    def run(first: int, end: int) -> None:
        places = [address(array) + first * array.strides[0] for array in arrays]
        if kernel(address(coefficients), *places, _GRADIENT_SHAPE.pack(end - first, samples, order, *steps)):
            raise MemoryError("no memory for the signals between the sections")

    _share(run, items, samples)
    return sums.astype(x.dtype, copy=False).reshape(*out.shape[:-1], count), states


@lru_cache
def _gradient_kernel(name: str, dtype: np.dtype[Any]) -> Any:
    return function(f"{name}_gradients_{NAMES[dtype]}", *_GRADIENT_POINTERS)


def _share(run: Callable[[int, int], None], count: int, samples: int) -> None:
    """Run over the signals, on several threads where it is worth it."""
    width = min(count, threads(count * samples, _WORTH_A_THREAD))
    if width > 1:
        at_once([partial(run, *part) for part in parts(count, width)], nothing)
    else:
        run(0, count)


def _signals(x: Array) -> Array:
    """Signals one below the other, at distances that are multiples of a number's size; a copy where they aren't."""
    if not x.flags.aligned or any(step % x.itemsize for step in x.strides):
        x = x.copy()
    return x.reshape(-1, x.shape[-1])
