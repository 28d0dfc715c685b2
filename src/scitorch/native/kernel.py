"""A function of plain pointers and sizes as a kernel: what `operator` takes, and what it makes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from inspect import Parameter as PythonParameter
from inspect import Signature as PythonSignature
from typing import Any, NoReturn

import numpy as np

from scitorch.core.border import Array
from scitorch.core.errors import ArgumentError, DefinitionError, KernelError, ShapeError
from scitorch.core.signature import Shape, Signature

from .declaration import Parameter
from .library import Function

Recipe = tuple[Callable[..., Any], tuple[Any, ...]]
_REMEMBERED = 256  # calls of other shapes, as plans of an operator are


class NativeKernel:
    """A compiled or loaded function, in one variant or several; made by `c_kernel` and `cpp_kernel`.

    It is for `operator`, whose signature says the sizes of the results.
    """

    def __init__(self, variants: Sequence[Function], errors: Mapping[int, str] | None, recipe: Recipe) -> None:
        self.variants, self.errors, self._recipe = tuple(variants), dict(errors or {}), recipe
        declaration = self.variants[0].declaration
        self.__name__ = self.__qualname__ = declaration.name
        self.__doc__ = "; ".join(variant.declaration.text for variant in self.variants)

    def __repr__(self) -> str:
        return f"<kernel {self.__doc__}>"

    def __reduce__(self) -> Recipe:
        return self._recipe

    def __call__(self, *_arrays: Any, **_static: Any) -> NoReturn:
        """Refuse: only an operator's signature tells the sizes of the results."""
        advice = f'operator("(n)->(n)")({self.__name__})'
        raise DefinitionError(
            self.__name__, "kernel", "an operator's signature, for the results' sizes", "a call", advice
        )

    def with_signature(self, signature: Signature, operator: str) -> SizedKernel:
        """The kernel of an operator."""
        return SizedKernel(self, signature, operator)


@dataclass(frozen=True, slots=True)
class Call:
    """What is the same in all calls of the same shapes and dtypes."""

    function: Function
    sizes: Mapping[str, int]
    outputs: tuple[Shape, ...]


class SizedKernel:
    """A `NativeKernel` that knows by a signature which sizes its results have."""

    def __init__(self, native: NativeKernel, signature: Signature, operator: str) -> None:
        self._native, self._signature, self._operator = native, signature, operator
        self.__name__, self.__qualname__, self.__doc__ = native.__name__, native.__qualname__, native.__doc__
        declaration = native.variants[0].declaration
        self._inputs = tuple(p.name for p in declaration.of("input"))
        self._check(len(declaration.of("result")))
        self._whole = tuple(p.name for p in declaration.of("whole") if p.name not in signature.input_names)
        real = [p.name for p in declaration.of("real")]
        static = [
            (p.name, float if p.name in real else int)
            for p in declaration.parameters
            if p.name in (*self._whole, *real)
        ]
        self.__signature__ = PythonSignature(
            [PythonParameter(name, PythonParameter.POSITIONAL_ONLY) for name in self._inputs]
            + [PythonParameter(name, PythonParameter.KEYWORD_ONLY, annotation=kind) for name, kind in static]
        )
        self._remembered = lru_cache(_REMEMBERED)(self._prepare)

    def __reduce__(self) -> tuple[Any, ...]:
        return _sized, (self._native, self._signature.text, self._operator)

    def _check(self, results: int) -> None:
        outputs = self._signature.outputs
        if None in outputs:
            expected = "a signature that says the sizes of the results of a native kernel"
            raise DefinitionError(self._operator, "signature", expected, str(self._signature), "(n)->(n)")
        if results != len(outputs):
            expected = f"{len(outputs)} results in the declaration, for {self._signature}"
            raise DefinitionError(self._operator, "kernel", expected, f"{results} in {self.__doc__}")

    def __call__(self, *arrays: Array, **static: Any) -> Any:
        """Arrays in, arrays out; Python's lock is released meanwhile."""
        shapes, dtypes = tuple([a.shape for a in arrays]), tuple([a.dtype for a in arrays])
        call = self._remembered(shapes, dtypes, tuple([static[name] for name in self._whole]))
        parameters = call.function.declaration.parameters
        given, outputs = iter(arrays), iter(call.outputs)
        results: list[Array] = []
        values: list[Any] = []
        for parameter in parameters:
            if parameter.role == "input":
                values.append(self._plain(parameter, next(given)))
            elif parameter.role == "result":
                results.append(np.zeros(next(outputs), parameter.dtype))
                values.append(results[-1])
            else:
                values.append(call.sizes[parameter.name] if parameter.role == "whole" else static[parameter.name])
        code, message = call.function(values)
        if code or message:
            self._fail(code, message)
        return results.pop() if len(results) == 1 else tuple(results)

    def _fail(self, code: int, message: str) -> NoReturn:
        said = message or self._native.errors.get(code, "")
        got = "an exception" if message else f"code {code}"
        raise KernelError(self._operator, "kernel", "a result", f"{got}{': ' * bool(said)}{said}")

    def _prepare(self, shapes: tuple[Shape, ...], dtypes: tuple[Any, ...], whole: tuple[int, ...]) -> Call:
        """Choose the variant and work the sizes out."""
        static = dict(zip(self._whole, whole, strict=True))
        batch, outputs = self._signature.bind(self._inputs, shapes, static, None)
        if batch:
            expected = f"the core dimensions of {self._signature} alone"
            raise KernelError(self._operator, "kernel", expected, f"batch dimensions {batch}", "batch=None")
        function = self._choose(dtypes)
        named = {
            dimension.text: size
            for core, shape in zip(self._signature.inputs, shapes, strict=True)
            for dimension, size in zip(core, shape, strict=True)
        }
        sizes = named | static
        for parameter in function.declaration.of("whole"):
            self._check_size(parameter, sizes[parameter.name])
        return Call(function, sizes, outputs)

    def _check_size(self, parameter: Parameter, size: int) -> None:
        limits = np.iinfo(parameter.dtype)
        if not limits.min <= size <= limits.max:
            expected = f"a number from {limits.min} to {limits.max}, which {parameter.type} holds"
            advice = f"int64_t {parameter.name}"
            raise ShapeError(self._operator, parameter.name, expected, str(size), advice)

    def _choose(self, dtypes: Sequence[np.dtype[Any]]) -> Function:
        """The variant that takes these dtypes with the fewest conversions, none of which loses precision."""
        fitting = [
            (sum(p.dtype != d for p, d in zip(f.declaration.of("input"), dtypes, strict=True)), k)
            for k, f in enumerate(self._native.variants)
            if all(_takes(p.dtype, d) for p, d in zip(f.declaration.of("input"), dtypes, strict=True))
        ]
        if not fitting:
            got = ", ".join(f"{name} {d}" for name, d in zip(self._inputs, dtypes, strict=True))
            raise ArgumentError(self._operator, "dtype", f"what {self.__doc__} takes", got, "a variant of that type")
        return self._native.variants[min(fitting)[1]]

    def _plain(self, parameter: Parameter, array: Array) -> Array:
        """An input as C takes it: contiguous, aligned, of the declared type; copied only where it is not so."""
        dtype, flags = parameter.dtype, array.flags
        if array.dtype == dtype and flags.c_contiguous and flags.aligned:
            return array
        if dtype.kind in "iub" and array.dtype.kind == "f":
            self._check_whole(parameter, array)
        return np.require(array.astype(dtype, copy=False), requirements=["C", "A"])

    def _check_whole(self, parameter: Parameter, array: Array) -> None:
        """Whole numbers come as floating ones, as all tensors of a call: refuse those that may not be exact."""
        exact = 2 ** (np.finfo(array.dtype).nmant + 1)
        low, high = (
            (0, 1) if parameter.dtype.kind == "b" else (np.iinfo(parameter.dtype).min, np.iinfo(parameter.dtype).max)
        )
        if not np.all((np.rint(array) == array) & (np.abs(array) < exact) & (array >= low) & (array <= high)):
            expected = f"whole numbers that {parameter.type} and {array.dtype} hold exactly"
            raise ArgumentError(self._operator, parameter.name, expected, "others", "rounding them")


def _takes(declared: np.dtype[Any], dtype: np.dtype[Any]) -> bool:
    return np.can_cast(dtype, declared, "safe") or (declared.kind in "iub" and dtype.kind == "f")


def _sized(native: NativeKernel, signature: str, operator: str) -> SizedKernel:
    return SizedKernel(native, Signature(signature, operator), operator)
