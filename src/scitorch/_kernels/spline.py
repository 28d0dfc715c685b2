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
    out = np.empty((4, len(x) - 1, y.shape[1]), y.dtype)
    _call("spline", x, y, ends, (at_start, at_end, out))
    return out


def pull(x: Array, g: Array, ends: Ends) -> tuple[Array, Array, Array]:
    """The gradients of the values and of those at the start and at the end, of that of the coefficients."""
    columns = g.shape[2]
    y, at_start, at_end = (np.empty(shape, g.dtype) for shape in ((len(x), columns), columns, columns))
    _call("pull_spline", x, g, ends, (y, at_start, at_end))
    return y, at_start, at_end


def _call(name: str, x: Array, data: Array, ends: Ends, others: tuple[Array | None, ...]) -> None:
    x, data = together(x), together(data)
    others = tuple(None if array is None else together(array) for array in others)
    columns = real_columns(data, x)
    work = np.empty(3 * len(x) + (2 * len(x) - 1) * columns)
    places = (None if array is None else address(array) for array in others)
    kernel = _kernel(name, x.dtype)
    kernel(address(x), address(data), _ENDS.pack(*ends), *places, address(work), len(x), columns)
