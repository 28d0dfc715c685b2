"""Cubic splines from their data, in the compiled library."""

from __future__ import annotations

import ctypes
from functools import lru_cache
from struct import Struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .address import address
from .library import NAMES, function
from .piecewise import real_columns, together

Array = NDArray[Any]
Ends = tuple[float, ...]
"""The equations at the start and at the end, as kernels/abi.h has them."""

_ENDS = Struct("10d")
_POINTER, _COUNT = ctypes.c_void_p, ctypes.c_int64
_ARGUMENTS = (_POINTER, _POINTER, ctypes.c_char_p, *[_POINTER] * 4, _COUNT, _COUNT)


def available(dtype: np.dtype[Any]) -> bool:
    """Whether the compiled kernels take knots of such numbers: float32 or float64."""
    return dtype in NAMES and _kernel("spline", dtype) is not None


@lru_cache
def _kernel(name: str, dtype: np.dtype[Any]) -> Any:
    return function(f"{name}_{NAMES[dtype]}", *_ARGUMENTS)


def spline(x: Array, y: Array, at_start: Array | None, at_end: Array | None, ends: Ends) -> Array:
    """The coefficients (4, n-1, r) of the splines with values `y` of shape (n, r), at two knots or more."""
    x, y = together(x), together(y)
    given = [None if value is None else together(value) for value in (at_start, at_end)]
    out = np.empty((4, len(x) - 1, y.shape[1]), y.dtype)
    places = [None if value is None else address(value) for value in given]
    _call("spline", x, y, ends, *places, address(out), real_columns(y, x))
    return out


def pull(x: Array, g: Array, ends: Ends) -> tuple[Array, Array, Array]:
    """The gradients of the values and of those at the start and at the end, of that of the coefficients."""
    x, g = together(x), together(g)
    y, at_start, at_end = (
        np.empty((len(x), g.shape[2]), g.dtype),
        np.empty(g.shape[2], g.dtype),
        np.empty(g.shape[2], g.dtype),
    )
    _call("pull_spline", x, g, ends, address(y), address(at_start), address(at_end), real_columns(g, x))
    return y, at_start, at_end


def _call(name: str, x: Array, data: Array, ends: Ends, first: Any, second: Any, third: Any, columns: int) -> None:
    work = np.empty(3 * len(x) + (2 * len(x) - 1) * columns)
    places = (address(x), address(data), _ENDS.pack(*ends), first, second, third, address(work))
    _kernel(name, x.dtype)(*places, len(x), columns)
