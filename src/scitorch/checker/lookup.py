"""From what a person types to what is checked: a function by its file or module, and inputs by expressions."""

from __future__ import annotations

import importlib
import importlib.util
import math
import sys
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from scitorch.core.errors import ArgumentError

FORM = "file.py:name or package.module:name"


def find(target: str) -> tuple[Any, dict[str, Any]]:
    """Load what a target names.

    Parameters
    ----------
    target : str
        ``file.py:name`` or ``package.module:name``; the name may have dots.

    Returns
    -------
    object, dict
        What it names, and the names of its module, for expressions.

    Raises
    ------
    ArgumentError
        There is no such file, module or name, or it can't be imported.
    """
    place, _, name = target.rpartition(":")
    if not place or not name:
        raise ArgumentError("check", "TARGET", FORM, repr(target))
    module = _load_file(Path(place)) if place.endswith(".py") else _load_module(place)
    found, where = module, place
    for part in name.split("."):
        found, where = _attribute(found, part, where), part
    return found, vars(module)


def evaluate(expressions: Sequence[str], names: dict[str, Any], seed: int) -> list[Tensor]:
    """Compute the inputs; this runs them as Python, as it is the user who typed them.

    Parameters
    ----------
    expressions : sequence of str
        One for each input.
    names : dict
        What they may use besides torch, np and math.
    seed : int
        Of PyTorch's and NumPy's random numbers, so that the same command checks the same numbers.

    Returns
    -------
    list of Tensor
        Their values.

    Raises
    ------
    ArgumentError
        There is none, or one fails, or gives no tensor.
    """
    if not expressions:
        raise ArgumentError("check", "--input", "one for each input", "none", '--input "torch.randn(3, 4)"')
    torch.manual_seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002  an expression may draw from NumPy's global generator
    return [_value(expression, {"torch": torch, "np": np, "math": math, **names}) for expression in expressions]


def _value(expression: str, names: dict[str, Any]) -> Tensor:
    try:
        code = compile(expression.strip(), "--input", "eval")
        value = eval(code, names)  # noqa: S307  running what the user typed is what --input is for
    except (Exception, SystemExit) as error:
        raise ArgumentError(
            "check", "--input", "an expression that gives a tensor", f"{_said(error)} from {expression!r}"
        ) from error
    if not isinstance(value, Tensor):
        got = f"{type(value).__name__} from {expression!r}"
        raise ArgumentError("check", "--input", "a tensor", got, f"torch.as_tensor({expression})")
    return value


def _load_file(path: Path) -> ModuleType:
    if not path.is_file():
        near = _near(path.name, (file.name for file in path.parent.glob("*.py")))
        raise ArgumentError("check", "TARGET", "a file", f"{str(path)!r}, which is none", near)
    path = path.resolve()
    sys.path.insert(0, str(path.parent))
    # Under its own name, so that what it defines can be pickled, unless a module of that name is loaded already.
    name = path.stem if path.stem not in sys.modules else f"checked_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        advice = f"{FORM.split(' or ')[1]}, from the folder that holds the package" if _is_relative(error) else ""
        raise ArgumentError("check", "TARGET", "a file that imports", f"{_said(error)} from {path}", advice) from error
    return module


def _load_module(name: str) -> ModuleType:
    sys.path.insert(0, str(Path.cwd()))
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise _unimportable(name, error) from error
        near = _near(error.name, _siblings(error.name))
        raise ArgumentError("check", "TARGET", "a module", f"{error.name!r}, which is none", near) from error
    except (Exception, SystemExit) as error:
        raise _unimportable(name, error) from error


def _unimportable(name: str, error: BaseException) -> ArgumentError:
    return ArgumentError("check", "TARGET", "a module that imports", f"{_said(error)} from {name}")


def _siblings(name: str) -> list[str]:
    """The modules that there are where this one isn't."""
    package, _, _ = name.rpartition(".")
    if not package:
        return [module.name for module in iter_modules()]
    path = getattr(sys.modules[package], "__path__", None)
    return [f"{package}.{module.name}" for module in iter_modules(path)] if path is not None else []


def _attribute(owner: Any, name: str, where: str) -> Any:
    try:
        return getattr(owner, name)
    except AttributeError as error:
        near = _near(name, (other for other in dir(owner) if not other.startswith("_")))
        raise ArgumentError("check", "TARGET", "a name", f"{name!r}, which {where} hasn't", near) from error


def _near(name: str, names: Iterable[str]) -> str:
    return " or ".join(get_close_matches(name, list(names)))


def _is_relative(error: BaseException) -> bool:
    return isinstance(error, ImportError) and "relative import" in str(error)


def _said(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".removesuffix(": ")
