"""Where an array's elements lie, for less than calling a kernel takes.

NumPy's own ways make a dictionary or an object first, which for three arrays takes longer than all else about a call.
"""

from __future__ import annotations

import ctypes
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

_HEADER = object.__basicsize__
_at = ctypes.c_void_p.from_address


def documented(x: Array) -> int:
    """As NumPy says it."""
    return x.ctypes.data


def first_field(x: Array) -> int:
    """The first field of NumPy's array object, which its binary interface has kept there ever since."""
    return _at(id(x) + _HEADER).value or 0


def best() -> Any:
    """The faster one, where it says the same."""
    if sys.implementation.name != "cpython":
        return documented  # another one's objects may lie elsewhere
    trial = np.zeros(3)[1:]
    return first_field if first_field(trial) == documented(trial) else documented


address = best()
