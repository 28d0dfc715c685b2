"""scitorch: NumPy, SciPy, C and C++ routines as PyTorch operators whose derivatives are right in every mode."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from .core import Operator, Sample, not_implemented, operator, zero
from .core.registry import registered

if TYPE_CHECKING:
    from . import nn, tutorial
    from .core import errors

__all__ = [
    "Operator",
    "Sample",
    "errors",
    "nn",
    "not_implemented",
    "operator",
    "operators",
    "tutorial",
    "zero",
]

_CATALOGUE = ("tutorial",)  # modules that define operators
_ON_FIRST_USE = {"errors": ".core.errors", "nn": ".nn", "tutorial": ".tutorial"}


def operators() -> dict[str, Operator]:
    """Every operator, scitorch's own and the user's, by ``module.name``.

    Examples
    --------
    >>> import scitorch
    >>> scitorch.operators()["scitorch.tutorial.convolution.correlate_bias"]
    <operator correlate_bias(image, filter, bias): (m,n),(k,l),(1,1)->(m-k+1,n-l+1)>
    """
    for module in _CATALOGUE:
        importlib.import_module(f"scitorch.{module}")
    return registered()


def __getattr__(name: str) -> Any:
    if name in _ON_FIRST_USE:
        return importlib.import_module(_ON_FIRST_USE[name], __name__)
    if name == "__version__":
        from importlib.metadata import version

        return version("scitorch")
    raise AttributeError(f"module 'scitorch' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
