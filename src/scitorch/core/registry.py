"""All operators by name: defining, replacing, finding them again after pickling."""

from __future__ import annotations

import importlib
import pickle
import re
import warnings

from . import dispatch
from .definition import Definition
from .errors import RedefinitionWarning

_operators: dict[str, Definition] = {}


def registered() -> dict[str, Definition]:
    """Every operator defined so far, by ``module.name``, in alphabetical order."""
    return dict(sorted(_operators.items()))


def key_of(operator: Definition) -> str:
    """The name under which an operator is found: its module's and its own."""
    return f"{operator.module}.{operator.qualname}"


def add(operator: Definition) -> None:
    """Put an operator in the registry; one that was there before goes on working outside it."""
    key = key_of(operator)
    if key in _operators:
        warnings.warn(
            f"operator {key} is defined again; the new definition takes its place in scitorch.operators()",
            RedefinitionWarning,
            stacklevel=4,
        )
    _operators[key] = operator


def library_name(operator: Definition) -> str:
    """A free name below ``torch.ops.scitorch``, the same in every process that defines the same operators in order.

    It never ends in an underscore: a DTensor takes such an operator for an in-place one and returns its input.
    """
    module = operator.module.removeprefix("scitorch.")
    stem = re.sub(r"\W+|_+", "_", f"{module}_{operator.qualname}", flags=re.ASCII).strip("_") or "operator"
    name, count = stem, 1
    while dispatch.taken(name):
        count += 1
        name = f"{stem}_{count}"
    return name


def find(module: str, qualname: str) -> Definition:
    """The operator of that name; imports its module if need be (unpickling in another process)."""
    key = f"{module}.{qualname}"
    if key not in _operators:
        importlib.import_module(module)
    if key not in _operators:
        raise pickle.UnpicklingError(f"{key}: no operator of this name is defined. Try importing the module first.")
    return _operators[key]


def reference(operator: Definition) -> tuple[str, str]:
    """How an operator is pickled: by name, as functions are."""
    if _operators.get(key_of(operator)) is not operator:
        raise pickle.PicklingError(
            f"{key_of(operator)}: cannot pickle an operator whose name belongs to a newer one. Try the newer one."
        )
    return operator.module, operator.qualname
