"""Sums over the taps of a spline at points, in the compiled library."""

from __future__ import annotations

import ctypes
import math
from functools import lru_cache, partial
from struct import Struct
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from scitorch.core.pool import at_once

from .address import address
from .library import function
from .threads import nothing, parts, threads

Array = NDArray[Any]

_ARRAYS, _SHAPE = Struct("5P"), Struct("12q2d")  # spline_arrays and spline_shape of kernels/abi.h
_MODES = {
    "reflect": 0,
    "grid-mirror": 0,
    "mirror": 1,
    "wrap": 2,
    "grid-wrap": 3,
    "constant": 4,
    "nearest": 5,
    "grid-constant": 6,
}
_AXES = 3
_WORTH_A_THREAD = 300_000  # taps: some 100 µs of a core, where handing over to another one takes 20


class Spline(NamedTuple):
    """What a spline is, but for its coefficients, and which of its derivatives is meant."""

    shape: tuple[int, ...]
    order: int
    mode: str
    derivative: tuple[int, ...]


EXACT = 2.0**53
"""Coordinates below it are what the kernels take: SciPy's integers may overflow beyond."""


def available(spline: Spline) -> bool:
    """Whether the compiled kernels take such a spline: of one to three dimensions, and not empty."""
    return 0 < len(spline.shape) <= _AXES and math.prod(spline.shape) > 0 and _kernel("sample") is not None


@lru_cache
def _kernel(name: str) -> Any:
    return function(f"spline_{name}", ctypes.c_char_p, ctypes.c_char_p)


def sample(spline: Spline, coefficients: Array, coordinates: Array, cval: float) -> tuple[Array, bool]:
    """The samples, and whether they are SciPy's: for coordinates that are no finite numbers below 2^53 they aren't.

    What lies beyond a constant border is `cval`, or zero for a derivative.
    """
    beyond = 0.0 if any(spline.derivative) else cval
    out = np.empty(coordinates.shape[1])
    found = _run("sample", spline, coordinates, coefficients=coefficients, out=out, constants=(cval, beyond))
    return out, not found


def slopes(spline: Spline, values: Array, coefficients: Array, coordinates: Array, cval: float) -> Array:
    """Samples of the spline differentiated once more along each axis, times the values: of the coordinates' shape."""
    out = np.empty(coordinates.shape)
    arrays = {"coefficients": coefficients, "values": values, "out": out}
    _run("slopes", spline, coordinates, **arrays, constants=(cval, 0.0))
    return out


def scatter(spline: Spline, values: Array, coordinates: Array) -> Array:
    """Values at points, added to the coefficients that the samples there depend on."""
    total = np.zeros(math.prod(spline.shape))
    _run("scatter", spline, coordinates, values=values, total=total, constants=(0.0, 0.0))
    return total


def _run(name: str, spline: Spline, coordinates: Array, *, constants: tuple[float, float], **arrays: Array) -> int:
    """Over the points: on several threads where it is worth it, and no two would write to one place."""
    arrays = {key: np.require(array, np.float64, ("C", "A")) for key, array in arrays.items()}
    coordinates = np.require(coordinates, np.float64, ("C", "A"))
    names = ("coefficients", "values", "out", "total")
    first, *others = (address(arrays[key]) if key in arrays else 0 for key in names)
    places = _ARRAYS.pack(first, address(coordinates), *others)
    axes, points = coordinates.shape
    none = (0,) * (_AXES - axes)
    rest = (axes, spline.order, _MODES[spline.mode], *spline.shape, *none, *spline.derivative, *none, *constants)
    kernel = _kernel(name)
    found: list[int] = []

    def part(begin: int, end: int) -> None:
        found.append(kernel(places, _SHAPE.pack(points, begin, end, *rest)))

    width = 1 if name == "scatter" else threads(points * (spline.order + 1) ** axes, _WORTH_A_THREAD)
    if width > 1:
        at_once([partial(part, *bounds) for bounds in parts(points, width)], nothing)
    else:
        part(0, points)
    return max(found)
