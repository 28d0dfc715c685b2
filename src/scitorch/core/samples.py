"""Sample inputs that an operator brings with it, for its tests and for the checker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np


class Sample:
    """Arguments of one call: arrays and numbers (or None) by position, static arguments by name.

    Examples
    --------
    >>> Sample(1.5, 2.0, num=3)
    Sample(1.5, 2.0, num=3)
    """

    __slots__ = ("arguments", "static")

    def __init__(self, *arguments: Any, **static: Any) -> None:
        self.arguments = arguments
        self.static = static

    def __repr__(self) -> str:
        parts = [_short(x) for x in self.arguments] + [f"{k}={v!r}" for k, v in self.static.items()]
        return f"Sample({', '.join(parts)})"


MakeSamples = Callable[[np.random.Generator], Sequence[Sample]]


def _short(x: Any) -> str:
    return f"array{x.shape}" if isinstance(x, np.ndarray) and x.ndim else repr(x)
