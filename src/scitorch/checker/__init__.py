"""The gradient checker: it says what is wrong with a derivative, where, and what it looks like instead.

`check` runs it; `Report` holds the `Row` of every property that was tried and the `Finding` of every mistake;
`GradientCheckError` is what `Report.raise_for_failures` raises.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .checking import check
    from .report import Finding, GradientCheckError, Report, Row

__all__ = ["Finding", "GradientCheckError", "Report", "Row", "check"]


def __getattr__(name: str) -> Any:
    """Load what is asked for: pytest imports this package in every session of whoever has scitorch installed."""
    if name not in __all__:
        raise AttributeError(f"module 'scitorch.checker' has no attribute {name!r}")
    return getattr(importlib.import_module(".checking" if name == "check" else ".report", __name__), name)


def __dir__() -> list[str]:
    return sorted(__all__)
