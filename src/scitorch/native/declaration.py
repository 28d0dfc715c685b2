"""Read the declaration of a C or C++ function: what is an input, a result, a size or an option."""

from __future__ import annotations

import re
from dataclasses import dataclass
from keyword import iskeyword
from typing import Any, Literal, NoReturn

import numpy as np

from scitorch.core.errors import DefinitionError

Role = Literal["input", "result", "whole", "real"]

_REAL = {"float": "f4", "double": "f8", "float _Complex": "c8", "double _Complex": "c16"}
_FIXED = {f"{sign}int{bits}_t": f"{sign[:1] or 'i'}{bits // 8}" for sign in ("", "u") for bits in (8, 16, 32, 64)}
# NumPy's names of C's own integers, whose sizes are the platform's; of a plain char so is the sign, so it isn't here.
_PLATFORM = {
    "signed char": np.byte, "unsigned char": np.ubyte, "_Bool": np.bool_,
    "short": np.short, "int": np.intc, "long": np.long, "long long": np.longlong,
    "unsigned short": np.ushort, "unsigned int": np.uintc, "unsigned long": np.ulong,
    "unsigned long long": np.ulonglong, "size_t": np.uintp, "ssize_t": np.intp, "ptrdiff_t": np.intp,
}  # fmt: skip
DTYPES = {name: np.dtype(code) for name, code in (_REAL | _FIXED | _PLATFORM).items()}
_SPELT = {
    "unsigned": "unsigned int", "bool": "_Bool", "float complex": "float _Complex", "double complex": "double _Complex",
    "std::complex<float>": "float _Complex", "std::complex<double>": "double _Complex",
    "long int": "long", "short int": "short", "long long int": "long long", "signed": "int", "signed int": "int",
    "unsigned long int": "unsigned long", "unsigned short int": "unsigned short",
}  # fmt: skip

_FUNCTION = re.compile(r"\s*(?P<returns>[\w\s]+?)\s*\b(?P<name>\w+)\s*\((?P<parameters>.*)\)\s*;?\s*", re.DOTALL)
_SPAN = re.compile(r"std::span\s*<(?P<element>[^*&\[\]]+)>\s*(?P<name>\w+)", re.DOTALL)
_POINTER = re.compile(r"(?P<element>[^*&\[\]]+?)(?:\*(?P<name>[\w\s]+)|\b(?P<array>\w+)\s*\[\s*\])", re.DOTALL)
_SCALAR = re.compile(r"(?P<type>[^*&\[\]]+)\b(?P<name>\w+)", re.DOTALL)
_RESTRICT = re.compile(r"\b(?:restrict|__restrict__|__restrict)\b")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter: its name, what it is for, its type (of elements, for arrays) in C, and whether it is a span."""

    name: str
    role: Role
    type: str
    span: bool = False

    @property
    def dtype(self) -> np.dtype[Any]:
        """NumPy's dtype of the type."""
        return DTYPES[self.type]

    @property
    def shape_of_role(self) -> tuple[str, Role]:
        """What must agree between the variants of a function."""
        return self.name, self.role


@dataclass(frozen=True, slots=True)
class Declaration:
    """A declared function."""

    text: str
    name: str
    returns: Literal["void", "int"]
    parameters: tuple[Parameter, ...]

    def of(self, role: Role) -> tuple[Parameter, ...]:
        """The parameters of one role, in order."""
        return tuple(p for p in self.parameters if p.role == role)


def parse(text: str, function: str) -> Declaration:
    """Read one declaration; `function` is who asks, for messages."""
    match = _FUNCTION.fullmatch(text)
    if match is None:
        _refuse(function, "a declaration such as void f(const double* x, int64_t n, double* y)", repr(text))
    returns = match["returns"].removeprefix("extern").strip()
    if returns not in ("void", "int"):
        _refuse(function, "a function that returns void, or an int that is 0 if all went well", repr(returns))
    pieces = [] if match["parameters"].strip() in ("", "void") else match["parameters"].split(",")
    parameters = tuple(_parameter(piece.strip(), function) for piece in pieces)
    names = [p.name for p in parameters]
    if reserved := next(filter(iskeyword, names), None):
        _refuse(function, "names that Python takes, whatever they are in the source", repr(reserved))
    if len(set(names)) < len(names):
        _refuse(function, "a name of its own for each parameter", f"{', '.join(names)} in {text!r}")
    for role, what in (("input", "a const pointer, for an input"), ("result", "a pointer without const, for a result")):
        if role not in {p.role for p in parameters}:
            _refuse(function, f"at least {what}", repr(text))
    return Declaration(" ".join(text.split()), match["name"], returns, parameters)


def _parameter(text: str, function: str) -> Parameter:
    if match := _SPAN.fullmatch(text):
        constant, element = _element(match["element"], text, function)
        return Parameter(match["name"], "input" if constant else "result", element, span=True)
    if match := _POINTER.fullmatch(_RESTRICT.sub(" ", text)):
        constant, element = _element(match["element"], text, function)
        name = (match["name"] or match["array"]).replace("const ", "").strip()
        if not re.fullmatch(r"[^\W\d]\w*", name):
            _refuse(function, "a named parameter", repr(text))
        return Parameter(name, "input" if constant else "result", element)
    if match := _SCALAR.fullmatch(text):
        _, kind = _element(match["type"], text, function)
        if DTYPES[kind].kind in "iu":
            return Parameter(match["name"], "whole", kind)
        if DTYPES[kind].kind == "f":
            return Parameter(match["name"], "real", kind)
    return _refuse(function, "a pointer, an integer or a floating number with a name", repr(text))


def _element(text: str, parameter: str, function: str) -> tuple[bool, str]:
    """Whether it is const, and the type as C spells it."""
    words = text.split()
    plain = [word for word in words if word not in ("const", "volatile")]
    spelt = " ".join(word if "<" in word else word.removeprefix("std::") for word in plain)
    spelt = _SPELT.get(spelt, spelt)
    if spelt not in DTYPES:
        _refuse(function, f"one of the types {', '.join(DTYPES)}", f"{spelt or 'no type'!r} in {parameter!r}")
    return "const" in words, spelt


def parse_variants(texts: str | tuple[str, ...], function: str) -> tuple[Declaration, ...]:
    """Read one declaration or several of one function for several dtypes, whose parameters have the same names."""
    texts = (texts,) if isinstance(texts, str) else tuple(texts)
    if not texts or not all(isinstance(text, str) for text in texts):
        _refuse(function, "a declaration as text, or several in a tuple", repr(texts))
    variants = tuple(parse(text, function) for text in texts)
    for variant in variants[1:]:
        if [p.shape_of_role for p in variant.parameters] != [p.shape_of_role for p in variants[0].parameters]:
            _refuse(function, f"the parameters of {variants[0].text!r}, with other types alone", repr(variant.text))
    return variants


def _refuse(function: str, expected: str, got: str) -> NoReturn:
    raise DefinitionError(function, "declaration", expected, got)
