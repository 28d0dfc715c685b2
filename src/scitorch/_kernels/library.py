"""The compiled library, if there is one."""

from __future__ import annotations

import ctypes
import os
import warnings
from functools import cache
from importlib.util import find_spec
from typing import Any

import numpy as np

ABI = 4  # of kernels/abi.h
VARIABLE = "SCITORCH_KERNELS"  # the path of another library; empty for none

NAMES = {np.dtype(np.float32): "f32", np.dtype(np.float64): "f64"}


class MissingKernelsWarning(UserWarning):
    """SciPy's loops run in place of compiled kernels."""


@cache
def library() -> ctypes.CDLL | None:
    """The library, or None, which is said once."""
    path = os.environ.get(VARIABLE)
    if path == "":
        return None
    if path is None:
        # A library that isn't a Python module: only its place is asked for, wherever the package is installed.
        spec = find_spec(f"{__package__}.native")
        if spec is None or spec.origin is None:
            _say("they weren't built as scitorch was installed; install a C++ compiler and scitorch anew")
            return None
        path = spec.origin
    try:
        found = ctypes.CDLL(path)
    except OSError as error:
        _say(f"{path} cannot be loaded ({error})")
        return None
    if found.scitorch_abi() != ABI:
        _say(f"{path} was built from other sources; install scitorch anew")
        return None
    return found


def _say(why: str) -> None:
    message = f"scitorch's compiled kernels are missing: {why}. SciPy's slower loops run in their place."
    warnings.warn(message, MissingKernelsWarning, stacklevel=2)


@cache
def function(name: str, *argument_types: Any) -> Any:
    """One of its functions, or None; Python's lock is released while it runs."""
    found = library()
    if found is None:
        return None
    result = getattr(found, f"scitorch_{name}")
    result.argtypes, result.restype = argument_types, ctypes.c_int
    return result
