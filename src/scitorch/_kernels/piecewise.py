"""Piecewise polynomials, in the compiled library."""

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

_SHAPE = Struct("7q")  # pieces_shape of kernels/abi.h
_POINTER, _COUNT = ctypes.c_void_p, ctypes.c_int64
_ARGUMENTS = {
    "locate": (_POINTER, _COUNT, _POINTER, _COUNT, _POINTER),
    "sample": (*[_POINTER] * 4, ctypes.c_char_p),
    "pull": (*[_POINTER] * 7, ctypes.c_char_p),
}
_WORTH_A_THREAD = 50_000  # values; as measured, of what a core computes while another one is told to


def available(dtype: np.dtype[Any]) -> bool:
    """Whether the compiled kernels take points of such numbers: float32 or float64."""
    return dtype in NAMES and _kernel("locate", dtype) is not None


@lru_cache
def _kernel(name: str, dtype: np.dtype[Any]) -> Any:
    return function(f"{name}_{NAMES[dtype]}", *_ARGUMENTS[name])


def locate(knots: Array, x: Array) -> Array:
    """How many of the sorted knots lie at or below each point, as ``np.searchsorted(knots, x, side="right")``."""
    knots, x = together(knots), together(x)
    kernel, out = _kernel("locate", x.dtype), np.empty(len(x), np.int64)

    def run(first: int, end: int) -> None:
        here, there = address(x) + first * x.itemsize, address(out) + first * out.itemsize
        kernel(address(knots), len(knots), here, end - first, there)

    _share(run, len(x), len(x))
    return out


def sample(c: Array, breaks: Array, x: Array, nu: int) -> Array:
    """The values (p, r) at p points of r polynomials, or of their derivatives.

    `c` of shape (k, m, r), of one interval at least, is real or complex; `breaks` of shape (m+1,) and `x` of shape (p,)
    are of its precision.
    """
    c, breaks, x = together(c), together(breaks), together(x)
    kernel, out = _kernel("sample", x.dtype), np.empty((len(x), c.shape[2]), c.dtype)
    counts = (*c.shape[:2], real_columns(c, x))

    def run(first: int, end: int) -> None:
        here, there = address(x) + first * x.itemsize, address(out) + first * out.strides[0]
        kernel(address(c), address(breaks), here, there, _SHAPE.pack(*counts, nu, end - first, 0, 0))

    _share(run, len(x), out.size)
    return out


def pull(g: Array, c: Array, breaks: Array, x: Array, nu: int) -> tuple[Array, Array, Array]:
    """The gradients of `c`, of `breaks` and of `x` from those (p, r) of their samples."""
    c, breaks, x = together(c), together(breaks), together(x)
    ends, slope = np.zeros(len(breaks)), np.empty_like(x)
    sums = _pull(g, x, breaks, c.shape[:2], nu, (address(c), address(ends), address(slope)))
    return sums, np.subtract(0, ends, out=ends).astype(x.dtype, copy=False), slope


def scatter(g: Array, breaks: Array, x: Array, k: int, nu: int) -> Array:
    """The gradient of the coefficients alone."""
    breaks, x = together(breaks), together(x)
    return _pull(g, x, breaks, (k, len(breaks) - 1), nu, (None, None, None))


# The points of an interval are added in one order, by one thread: a gradient depends on nothing but its inputs.
def _pull(g: Array, x: Array, breaks: Array, shape: tuple[int, int], nu: int, places: tuple[int | None, ...]) -> Array:
    size, c, more = x.itemsize, places[0], places[1:]
    strides = [step // size for step in g.strides]
    if not g.flags.aligned or any(step % size for step in g.strides) or g.itemsize != size:
        g = together(g)  # complex numbers are columns of their own, all at one distance
        strides = [g.strides[0] // size, 1]
    columns = real_columns(g, x)
    sums = np.zeros((*shape, g.shape[1]), np.complex128 if g.itemsize != size else np.float64)
    packed = _SHAPE.pack(*shape, columns, nu, len(x), *strides)
    _kernel("pull", x.dtype)(address(g), c, address(breaks), address(x), address(sums), *more, packed)
    return sums.astype(g.dtype, copy=False)


def together(x: Array) -> Array:
    """The same, with the elements side by side."""
    return x if x.flags.c_contiguous and x.flags.aligned else np.array(x, order="C")


def real_columns(values: Array, x: Array) -> int:
    """Real and imaginary parts are columns of their own."""
    return values.shape[-1] * (values.itemsize // x.itemsize)


def _share(run: Callable[[int, int], None], points: int, values: int) -> None:
    """Run over the points, on several threads where it is worth it."""
    width = min(points, threads(values, _WORTH_A_THREAD))
    if width > 1:
        at_once([partial(run, *part) for part in parts(points, width)], nothing)
    else:
        run(0, points)
