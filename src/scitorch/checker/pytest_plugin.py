"""The fixture `check_gradients`, for the tests of whoever has scitorch and pytest installed.

pytest imports this module in each of their sessions: hence nothing else of scitorch, nor torch, before the fixture is
used.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .report import Report


@pytest.fixture
def check_gradients() -> Callable[..., Report]:
    """`scitorch.check` that fails the test if it finds a mistake.

    Returns
    -------
    callable
        Takes what `scitorch.check` takes and returns its report.

    Examples
    --------
    >>> def test_the_derivative_of_my_layer(check_gradients):
    ...     check_gradients(my_layer, torch.randn(3, 4))
    """
    return _check


def _check(*arguments: Any, **options: Any) -> Report:
    __tracebackhide__ = True
    from . import check

    report = check(*arguments, **options)
    report.raise_for_failures()
    return report
