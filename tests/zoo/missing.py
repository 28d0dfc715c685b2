"""Derivatives that are missing: they must raise, and only where the rule named is missing indeed."""

from contextlib import contextmanager

import pytest

from scitorch import errors, not_implemented
from scitorch.core.registry import registered


def is_missing(operator, argument):
    """Whether an operator has no reverse rule for this argument, from which everything else would follow."""
    rule = operator.rules.vjp.get(argument)
    return rule is None or isinstance(rule, not_implemented)


@contextmanager
def right_or_missing():
    """What is inside comes out right, or raises the error that names a rule that isn't there."""
    try:
        yield
    except errors.MissingDerivativeError as error:
        named = [operator for operator in registered().values() if operator.name == error.operator]
        if not any(is_missing(operator, error.argument) for operator in named):
            raise AssertionError(f"{error.operator} does have a rule for {error.argument}") from error


@contextmanager
def raises_missing(operator, argument):
    """What is inside raises the error that names this operator and this argument."""
    with pytest.raises(errors.MissingDerivativeError) as caught:
        yield
    assert (caught.value.operator, caught.value.argument) == (operator.name, argument)
