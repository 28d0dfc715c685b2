"""What SciPy refuses, in the words that all errors here have."""

from __future__ import annotations

import functools
from collections.abc import Callable
from traceback import walk_tb
from typing import ParamSpec, TypeVar

import numpy as np

from .errors import RefusedError, ScitorchError

P = ParamSpec("P")
R = TypeVar("R")
REFUSALS = ValueError, TypeError, KeyError, AttributeError


def with_refusals(function: Callable[P, R]) -> Callable[P, R]:
    """The same of a solver, but that SciPy's refusals of its arguments come as `RefusedError`.

    What the user's own functions raise is left as it is, and so is what linear algebra says of numbers.
    """
    own = ".".join(("scipy", *function.__module__.split(".")[1:-1], function.__name__))

    @functools.wraps(function)
    def solver(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except REFUSALS as error:
            if isinstance(error, (ScitorchError, np.linalg.LinAlgError)) or not is_for_us(error):
                raise
            got = f"{type(error).__name__}: {error}"
            expected = f"values and shapes that {own} takes"
            raise RefusedError(
                function.__name__, "arguments", expected, got.rstrip("."), "its documentation"
            ) from error

    return solver


def is_for_us(error: Exception) -> bool:
    """Whether it was raised for us: SciPy and NumPy aside, the innermost function at work is one of this package."""
    names = [str(frame.f_globals.get("__name__", "")) for frame, _ in walk_tb(error.__traceback__)]
    packages = (name.partition(".")[0] for name in reversed(names))
    return next(package for package in packages if package not in ("scipy", "numpy")) == __name__.partition(".")[0]
