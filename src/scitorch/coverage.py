"""What is differentiable in each public function: the table of `scitorch ops` and of the documentation."""

from __future__ import annotations

import importlib
import inspect
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, is_dataclass
from typing import Any

from scitorch import _CATALOGUE
from scitorch.core import Operator

METHODS = ("__init__", "__call__", "cdf", "icdf")  # of classes: what tensors are given to
GUESSES = {"bracket", "p0", "x0"}  # where a solver begins: its solution doesn't depend on it
MASKS = {"footprint"}  # tensors of truth values, which nothing can be differentiated in


@dataclass(frozen=True)
class Support:
    """One argument of one public function.

    Attributes
    ----------
    module, function, argument : str
    derivative : str
        "rule", "zero" or "not implemented: reason".
    """

    module: str
    function: str
    argument: str
    derivative: str


def supported() -> Iterator[Support]:
    """Every argument of every public function that is a tensor of numbers, module by module."""
    for name in _CATALOGUE:
        yield from _of_module(name)


def _of_module(name: str) -> Iterator[Support]:
    module = importlib.import_module(f"scitorch.{name}")
    for function in module.__all__:
        value = getattr(module, function)
        if inspect.ismodule(value):
            yield from _of_module(f"{name}.{function}")
        if inspect.ismodule(value) or is_dataclass(value):  # what functions return has no arguments
            continue
        for argument, derivative in _arguments(value):
            yield Support(name, function, argument, derivative)


def _arguments(function: Any) -> Iterator[tuple[str, str]]:
    if isinstance(function, Operator):
        yield from function.derivatives.items()
    elif not inspect.isclass(function):
        yield from _parameters(function)
    else:
        methods = (getattr(function, name, None) for name in METHODS)
        found = dict(pair for method in methods if inspect.isfunction(method) for pair in _parameters(method))
        if getattr(getattr(function, "support", None), "is_discrete", False):
            found["value"] = "zero"  # distribution function and quantile are staircases in it
        yield from found.items()


def _parameters(function: Callable[..., Any]) -> Iterator[tuple[str, str]]:
    """What an operator beside the function declares for an argument of that name, or else its annotation says."""
    for name, parameter in inspect.signature(function).parameters.items():
        beneath = {o.derivatives[name] for o in _operators_beside(function) if name in o.derivatives}
        if len(beneath) == 1:
            yield name, beneath.pop()
        elif name in GUESSES:
            yield name, "zero"
        elif name == "args" or (_is_tensor(str(parameter.annotation)) and name not in MASKS):
            yield name, "rule"


def _is_tensor(annotation: str) -> bool:
    return "Tensor" in annotation and not annotation.startswith("Callable")


def _operators_beside(function: Callable[..., Any]) -> Iterator[Operator]:
    module = vars(sys.modules[function.__module__])
    return (value for value in module.values() if isinstance(value, Operator))
