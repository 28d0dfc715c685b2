"""A function as it is now, for a derivative that is computed later.

An implicit derivative evaluates the function again. Python looks its variables up at that time: those of a loop that
has gone on since are those of the last round.
"""

from __future__ import annotations

import copy
from dataclasses import fields, is_dataclass
from functools import partial
from types import BuiltinFunctionType, CellType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any
from weakref import WeakSet

CONSTANT = "numpy", "scipy", "scitorch", "torch"  # packages whose global variables nobody gives other values
_taken: WeakSet[FunctionType] = WeakSet()


def snapshot(x: Any) -> Any:
    """A function with the values that its variables have: of the scopes around it, and global ones.

    So are the functions among these, and those in partial functions, methods, tuples and our own objects. Other objects
    are what they are: what happens to their attributes, or in place, happens to the snapshot too.
    """
    return _Camera().take(x)


def names_in(code: CodeType) -> list[str]:
    """Global names and attributes that a function uses, and those within it."""
    within = [name for x in code.co_consts if isinstance(x, CodeType) for name in names_in(x)]
    return [*code.co_names, *within]


class _Camera:
    def __init__(self) -> None:
        self._copies: dict[int, Any] = {}  # by the id of what is kept alive by whoever holds the function
        self._globals: dict[int, dict[str, Any]] = {}

    def take(self, x: Any) -> Any:
        if isinstance(x, FunctionType):
            return self._copies[id(x)] if id(x) in self._copies else self._function(x)
        if isinstance(x, MethodType):
            return MethodType(self.take(x.__func__), self.take(x.__self__))
        if type(x) is partial:
            return partial(
                self.take(x.func), *map(self.take, x.args), **{k: self.take(v) for k, v in x.keywords.items()}
            )
        if type(x) is tuple:
            return tuple(map(self.take, x))
        if is_dataclass(x) and not isinstance(x, type) and _package(type(x).__module__) == "scitorch":
            return self._object(x)
        return x

    def _function(self, f: FunctionType) -> FunctionType:
        package = _package(f.__globals__.get("__name__"))
        if f in _taken or (package in CONSTANT and not (package == "scitorch" and f.__closure__)):
            return f
        cells = tuple(CellType() for _ in f.__closure__ or ())
        namespace = f.__globals__ if package in CONSTANT else self._namespace(f)
        taken = FunctionType(f.__code__, namespace, f.__name__, f.__defaults__, cells)
        taken.__kwdefaults__, taken.__qualname__ = f.__kwdefaults__, f.__qualname__
        taken.__dict__.update(f.__dict__)
        self._copies[id(f)] = taken  # before its variables, which may have the function itself among them
        _taken.add(taken)
        for cell, original in zip(cells, f.__closure__ or (), strict=True):
            if original != _EMPTY:
                cell.cell_contents = self.take(original.cell_contents)
        for name in names_in(f.__code__):
            value = f.__globals__.get(name)
            if (
                namespace is not f.__globals__
                and isinstance(value, FunctionType)
                and value.__globals__ is f.__globals__
            ):
                namespace[name] = self.take(value)
        return taken

    def _namespace(self, f: FunctionType) -> dict[str, Any]:
        """Its global variables, copied if it uses any that are more than names for code."""
        given = f.__globals__
        if all(isinstance(given.get(name), _CODE) for name in names_in(f.__code__) if name in given):
            return given
        return self._globals.setdefault(id(given), dict(given))

    def _object(self, x: Any) -> Any:
        """One of ours, which may hold functions."""
        parts = {field.name: getattr(x, field.name) for field in fields(x)} | getattr(x, "__dict__", {})
        taken = {name: self.take(part) for name, part in parts.items()}
        if all(taken[name] is part for name, part in parts.items()):
            return x
        new = copy.copy(x)
        for name, part in taken.items():
            object.__setattr__(new, name, part)  # some are frozen
        return new


def _package(module: Any) -> str:
    return str(module).partition(".")[0]


_CODE = ModuleType, BuiltinFunctionType, type
_EMPTY = CellType()
