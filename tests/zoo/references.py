"""Where the zoo notes, for an operator, the same function in torch operations alone."""

from collections.abc import Callable
from typing import Any

from scitorch import Operator
from scitorch.core.registry import key_of

REFERENCES: dict[str, Callable[..., Any]] = {}
"""By the operator's name in the registry; called with the same arguments."""


def reference(operator: Operator, function: Callable[..., Any]) -> None:
    REFERENCES[key_of(operator)] = function


def reference_of(operator: Operator) -> Callable[..., Any] | None:
    return REFERENCES.get(key_of(operator))
