"""What layers check of the numbers that they are made with."""

from __future__ import annotations

from operator import index
from typing import Any

from torch.nn import Module

from scitorch.core.errors import ArgumentError, ShapeError


def positive_integer(layer: Module, argument: str, value: Any, least: int = 1) -> int:
    """Check that a size is an integer, of Python or of NumPy, and at least one."""
    name, expected = type(layer).__name__, "a positive integer" if least == 1 else f"an integer of at least {least}"
    try:
        size = index(value)
    except TypeError:
        advice = f"{argument}={least + 2}"
        raise ArgumentError(name, argument, expected, repr(value), advice) from None
    if size < least:
        raise ShapeError(name, argument, expected, str(size), f"{argument}={least} or more")
    return size


def number_between(layer: Module, argument: str, value: Any, low: float, high: float) -> float:
    """Check that a number lies strictly between two others."""
    expected = f"a number between {low:g} and {high:g}, exclusively"
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise ArgumentError(type(layer).__name__, argument, expected, repr(value)) from None
    if not low < number < high:
        raise ArgumentError(type(layer).__name__, argument, expected, repr(value))
    return number
