"""What is measured: a module for each table, or for each of SciPy's modules in the table of functions."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

from scitorch.bench.case import Case

# In the order of the tables; each has a function `cases`. A new module is added here.
MODULES = (
    "overhead",
    "correlation",
    "fft",
    "signal",
    "ndimage",
    "linalg",
    "special",
    "interpolate",
    "equations",
    "vmap",
    "batches",
    "growth",
)


def cases() -> Iterator[Case]:
    """All cases, those of a table together."""
    for module in MODULES:
        yield from import_module(f"{__name__}.{module}").cases()
