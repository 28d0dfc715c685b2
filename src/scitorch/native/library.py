"""Load a shared library, and call its functions through cffi."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from scitorch.core.errors import DefinitionError

from .declaration import Declaration, Parameter
from .toolchain import missing

MESSAGE_BYTES = 512  # for what an exception in C++ says


@dataclass(frozen=True, slots=True)
class Symbol:
    """A declared function, the name that the library has for it, and whether it is the wrapper of one in C++."""

    declaration: Declaration
    name: str
    wraps: bool = False

    @property
    def c(self) -> str:
        """The declaration for cffi, in plain C."""
        pieces = [piece for p in self.declaration.parameters for piece in plain_c(p)]
        if self.wraps:
            pieces.append("char *scitorch_message")
        returns = "int" if self.wraps else self.declaration.returns
        return f"{returns} {self.name}({', '.join(pieces)});"


def plain_c(parameter: Parameter) -> list[str]:
    """A parameter in plain C; a span is a pointer and a size."""
    if parameter.role in ("whole", "real"):
        return [f"{parameter.type} {parameter.name}"]
    const = "const " * (parameter.role == "input")
    size = [f"size_t scitorch_size_{parameter.name}"] if parameter.span else []
    return [f"{const}{parameter.type} *{parameter.name}", *size]


class Function:
    """A function of a loaded library."""

    def __init__(self, symbol: Symbol, ffi: Any, library: Any) -> None:
        self.declaration, self._wraps = symbol.declaration, symbol.wraps
        self._ffi, self._library = ffi, library  # a library that nobody refers to is unloaded
        self._call = getattr(library, symbol.name)
        self._arrays = [ffi.typeof(f"{p.type}[]") for p in self.declaration.parameters]

    def __call__(self, values: Sequence[Any]) -> tuple[int, str]:
        """Call it with an array or a number for each parameter; gives its code (0 for void) and its message."""
        arguments: list[Any] = []
        for parameter, kind, value in zip(self.declaration.parameters, self._arrays, values, strict=True):
            if isinstance(value, np.ndarray):
                arguments.append(self._ffi.from_buffer(kind, value))
                if parameter.span:
                    arguments.append(value.size)
            else:
                arguments.append(value)
        if not self._wraps:
            return self._call(*arguments) or 0, ""
        message = self._ffi.new("char[]", MESSAGE_BYTES)
        code = self._call(*arguments, message)
        return code, self._ffi.string(message).decode(errors="replace")


def load(path: str | Path, symbols: Sequence[Symbol], asker: str) -> tuple[Function, ...]:
    """The functions of a library."""
    try:
        import cffi
    except ImportError as error:
        raise missing("cffi", "pip install scitorch[native]") from error
    ffi = cffi.FFI()
    ffi.cdef("\n".join(symbol.c for symbol in symbols))
    try:
        library = ffi.dlopen(str(path))
    except OSError as error:
        raise DefinitionError(asker, "source", "a library that can be loaded", str(error)) from error
    for symbol in symbols:
        if not hasattr(library, symbol.name):
            expected = f"a function {symbol.name} in {path}"
            raise DefinitionError(asker, "declaration", expected, "none", 'static taken away, or extern "C" in C++')
    return tuple(Function(symbol, ffi, library) for symbol in symbols)
