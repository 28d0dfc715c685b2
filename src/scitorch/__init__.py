"""scitorch: NumPy, SciPy, C and C++ routines as PyTorch operators whose derivatives are right in every mode."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch.autograd import gradcheck, gradgradcheck

    from . import (
        fft,
        integrate,
        interpolate,
        linalg,
        native,
        ndimage,
        nn,
        optimize,
        signal,
        sparse,
        special,
        stats,
        tutorial,
    )
    from .checker import check
    from .core import Operator, Sample, errors, not_implemented, operator, parallel, zero

__all__ = [
    "Operator",
    "Sample",
    "check",
    "errors",
    "fft",
    "gradcheck",
    "gradgradcheck",
    "integrate",
    "interpolate",
    "linalg",
    "native",
    "ndimage",
    "nn",
    "not_implemented",
    "operator",
    "operators",
    "optimize",
    "parallel",
    "signal",
    "sparse",
    "special",
    "stats",
    "tutorial",
    "zero",
]

# Modules that define operators.
_CATALOGUE = (
    "fft",
    "integrate",
    "interpolate",
    "linalg",
    "ndimage",
    "optimize",
    "signal",
    "sparse",
    "special",
    "stats",
    "tutorial",
)
_MODULES = {"errors": ".core.errors"} | {name: f".{name}" for name in (*_CATALOGUE, "native", "nn")}
# Where the other public names are; what isn't named here is the core's.
_HOMES = {"check": "scitorch.checker", "gradcheck": "torch.autograd", "gradgradcheck": "torch.autograd"}


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
    return importlib.import_module("scitorch.core.registry").registered()


def __getattr__(name: str) -> Any:
    """Load what is asked for: `import scitorch` alone costs nothing, and the command line answers at once."""
    if name in _MODULES:
        return importlib.import_module(_MODULES[name], __name__)
    if name in __all__:
        return getattr(importlib.import_module(_HOMES.get(name, "scitorch.core")), name)
    if name == "__version__":
        return importlib.import_module("importlib.metadata").version("scitorch")
    raise AttributeError(f"module 'scitorch' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
