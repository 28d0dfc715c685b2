"""Static arguments: keyword-only parameters that are no tensors and pass through the operator's schema."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from inspect import Parameter
from typing import Any

import numpy as np
import torch

from .errors import ArgumentError, DefinitionError, LostGradientError
from .modes import carries_derivative

_INT_LIMIT = 2**63  # a schema's integers have 64 bits
_SCHEMA = {int: "SymInt", float: "float", bool: "bool", str: "str"}
_KINDS = "int, float, bool, str, a tuple of one of them, or one of these | None"


@dataclass(frozen=True, slots=True)
class StaticArgument:
    """One static argument: its name, element type, form and default."""

    name: str
    kind: type
    optional: bool
    many: bool
    length: int | None
    default: Any

    @property
    def required(self) -> bool:
        """Whether a call must give it."""
        return self.default is Parameter.empty

    @property
    def schema(self) -> str:
        """Its type in the library operator's schema; integers are symbolic while a graph is captured."""
        return f"{_SCHEMA[self.kind]}{'[]' * self.many}{'?' * self.optional}"

    @property
    def type_name(self) -> str:
        """Its annotation as one would write it."""
        inner = self.kind.__name__
        whole = (
            f"tuple[{', '.join([inner] * self.length) if self.length is not None else inner + ', ...'}]"
            if self.many
            else inner
        )
        return whole + " | None" * self.optional

    def convert(self, operator: str, value: Any) -> Any:
        """The value as the kernel will see it; raises `ArgumentError` for another type."""
        if type(value) is self.kind and not self.many and self.kind is not int:
            return value
        if value is None and self.optional:
            return None
        if self.many:
            return self._convert_tuple(operator, value)
        return self._convert_one(operator, value)

    def _convert_tuple(self, operator: str, value: Any) -> tuple[Any, ...]:
        if isinstance(value, str) or not isinstance(value, Sequence):
            raise self._error(operator, value)
        if self.length is not None and len(value) != self.length:
            raise self._error(operator, value)
        return tuple(self._convert_one(operator, item) for item in value)

    def _convert_one(self, operator: str, value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            value = self._from_tensor(operator, value)
        if isinstance(value, np.generic):
            value = value.item()
        if type(value) is self.kind and not (self.kind is int and abs(value) >= _INT_LIMIT):
            return value
        if self.kind is int and isinstance(value, torch.SymInt):
            return value
        if self.kind is float and isinstance(value, (int, float, torch.SymInt, torch.SymFloat)):
            return self._to_float(operator, value)
        if self.kind is bool and isinstance(value, torch.SymBool):
            return bool(value)
        if isinstance(value, self.kind) and type(value) not in (int, bool):
            return self.kind(value)
        raise self._error(operator, value)

    def _to_float(self, operator: str, value: Any) -> Any:
        try:
            return float(value)  # of a symbolic float too, whose value becomes the graph's: a schema takes no other
        except OverflowError:
            raise self._error(operator, value) from None

    def _from_tensor(self, operator: str, tensor: torch.Tensor) -> Any:
        if carries_derivative(tensor):
            raise LostGradientError(
                operator,
                self.name,
                f"a static {self.type_name}",
                "a tensor that requires grad or is being transformed, whose derivative or batch would be lost",
                f"a number for {self.name}, or an operator that takes it as a tensor argument",
            )
        if tensor.numel() != 1:
            raise self._error(operator, tensor)
        return tensor.item()

    def _error(self, operator: str, value: Any) -> ArgumentError:
        if isinstance(value, torch.Tensor):
            got = f"a tensor of shape {tuple(value.shape)}"
        else:
            got = f"{value!r} ({type(value).__name__})"
        return ArgumentError(operator, self.name, self.type_name, got, f"a value of type {self.type_name}")


def parse_static(operator: str, parameter: Parameter, names: Mapping[str, Any]) -> StaticArgument:
    """Read a keyword-only parameter of a kernel; raise `DefinitionError` where its annotation is none we can pass.

    An annotation that is text (``from __future__ import annotations``) means what `names` say.
    """
    annotation = parameter.annotation
    if isinstance(annotation, str):
        try:
            annotation = eval(annotation, dict(names))  # noqa: S307  the kernel's own source
        except Exception as error:
            advice = f"{parameter.name}: int"
            raise DefinitionError(operator, parameter.name, f"an annotation {_KINDS}", str(error), advice) from error
    optional = False
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        members = [m for m in typing.get_args(annotation) if m is not type(None)]
        optional = len(members) < len(typing.get_args(annotation))
        annotation = members[0] if len(members) == 1 else annotation
    many = typing.get_origin(annotation) is tuple
    kinds = [k for k in typing.get_args(annotation) if k is not Ellipsis] if many else [annotation]
    if not kinds or kinds[0] not in _SCHEMA or any(k is not kinds[0] for k in kinds):
        shown = "no annotation" if parameter.annotation is Parameter.empty else repr(parameter.annotation)
        raise DefinitionError(operator, parameter.name, f"an annotation {_KINDS}", shown, f"{parameter.name}: int")
    length = len(kinds) if many and Ellipsis not in typing.get_args(annotation) else None
    argument = StaticArgument(parameter.name, kinds[0], optional, many, length, Parameter.empty)
    if parameter.default is Parameter.empty:
        return argument
    default = argument.convert(operator, parameter.default)
    return StaticArgument(parameter.name, kinds[0], optional, many, length, default)


def bind_static(operator: str, declared: Mapping[str, StaticArgument], given: Mapping[str, Any]) -> tuple[Any, ...]:
    """The values of all static arguments in order, defaults filled in."""
    if not declared.keys() >= given.keys():
        unknown = next(name for name in given if name not in declared)
        names = ", ".join(declared) or "no keyword arguments"
        raise ArgumentError(
            operator, unknown, names, f"the keyword {unknown!r}", "tensor arguments by position, static ones by name"
        )
    values: list[Any] = []
    for name, argument in declared.items():
        if name in given:
            values.append(argument.convert(operator, given[name]))
        elif argument.required:
            raise ArgumentError(operator, name, argument.type_name, "nothing", f"{name}=…")
        else:
            values.append(argument.default)
    return tuple(values)
