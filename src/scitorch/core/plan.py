"""What a call must know about its shapes and dtypes: worked out once for each combination, then looked up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, reduce
from typing import Any, cast

import torch

from .errors import ArgumentError, DefinitionError
from .signature import Shape, Signature

DtypeRule = str | torch.dtype | Callable[..., Any] | tuple[Any, ...] | None

REMEMBERED_PLANS = 256  # per operator; a plan is a few hundred bytes

_SYMBOLIC = (torch.SymInt, torch.SymFloat)
_REAL = {torch.float32: torch.float32, torch.float64: torch.float64}
_COMPLEX = {torch.float32: torch.complex64, torch.float64: torch.complex128}
_PRECISION = {**_REAL, torch.complex64: torch.float32, torch.complex128: torch.float64}
_HALF = {
    torch.float16: torch.float32,
    torch.bfloat16: torch.float32,
    torch.complex32: torch.complex64,
}
_WHOLE = {torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64}

ACCEPTED = (*_PRECISION, *_HALF, *_WHOLE)


@dataclass(frozen=True, slots=True)
class Plan:
    """Shapes and dtypes of one call.

    Attributes
    ----------
    ready : bool
        Whether the inputs have one precision that NumPy has too, so that they can go to the kernel as they are.
    batch : tuple of int
        The broadcast leading dimensions.
    shapes, dtypes : tuples
        Of the tensor arguments; None for an argument that is None.
    outputs, output_dtypes : tuples
        Of the results.
    core_ranks : tuple of int
        How many trailing dimensions of each argument are no batch dimensions.
    looped : bool
        Whether the kernel is called for each item of the batch.
    differentiable : tuple of bool
        Which results can carry a gradient.
    folds_complex : bool
        Whether a real result is made of a complex input, which no complex derivative can describe.
    """

    ready: bool
    batch: Shape
    shapes: tuple[Shape | None, ...]
    dtypes: tuple[torch.dtype | None, ...]
    outputs: tuple[Shape, ...]
    output_dtypes: tuple[torch.dtype, ...]
    core_ranks: tuple[int, ...]
    looped: bool
    differentiable: tuple[bool, ...] = field(init=False)
    folds_complex: bool = field(init=False)

    def __post_init__(self) -> None:
        carries = tuple(dtype.is_floating_point or dtype.is_complex for dtype in self.output_dtypes)
        folds = any(dtype is not None and dtype.is_complex for dtype in self.dtypes) and any(
            dtype.is_floating_point for dtype in self.output_dtypes
        )
        object.__setattr__(self, "differentiable", carries)
        object.__setattr__(self, "folds_complex", folds)


class Planner:
    """Makes an operator's plans from its signature, ``shape=`` and ``dtype=``."""

    def __init__(
        self,
        operator: str,
        signature: Signature,
        arguments: Sequence[str],
        static: Sequence[str],
        shape: Callable[..., Any] | None,
        shape_names: Sequence[str],
        dtype: DtypeRule,
        *,
        native: bool,
        optional: frozenset[str],
    ) -> None:
        self._operator = operator
        self._native = native
        self._optional = optional
        self._signature = signature
        self._arguments = tuple(arguments)
        self._static = tuple(static)
        self._core_ranks = tuple(len(core) for core in signature.inputs)
        self._shape = shape
        self._shape_names = tuple(shape_names)
        self._dtypes = dtype if isinstance(dtype, tuple) else (dtype,) * len(signature.outputs)
        if len(self._dtypes) != len(signature.outputs):
            raise DefinitionError(
                operator, "dtype", f"one dtype or {len(signature.outputs)}, one an output", str(len(self._dtypes))
            )
        self.remembered = lru_cache(REMEMBERED_PLANS)(self.make)

    def of(self, values: tuple[Any, ...], tensors: Sequence[torch.Tensor | None]) -> Plan:
        """The plan for these tensors; sizes may be symbolic, and are then not remembered."""
        key = [item for t in tensors for item in ((None, None) if t is None else (t.shape, t.dtype))]
        if any(isinstance(value, _SYMBOLIC) for value in values):
            plan = self.make(values, *key)
        else:
            plan = self._remembered_or_made(values, key)
        if not plan.ready:
            got = ", ".join(str(dtype) for dtype in plan.dtypes)
            expected = "tensors of one precision, float32 or float64"
            raise ArgumentError(self._operator, ", ".join(self._arguments), expected, got, "the operator's own call")
        return plan

    def _remembered_or_made(self, values: tuple[Any, ...], key: Sequence[Any]) -> Plan:
        try:
            return self.remembered(values, *key)
        except TypeError as error:  # a symbolic size cannot be hashed
            if "unhashable" not in str(error):
                raise
            return self.make(values, *key)

    def make(self, values: tuple[Any, ...], *shapes_and_dtypes: Any) -> Plan:
        """Work a plan out from static values and the shape and dtype of each tensor."""
        shapes = tuple(None if s is None else tuple(s) for s in shapes_and_dtypes[::2])
        dtypes = shapes_and_dtypes[1::2]
        given = zip(self._arguments, dtypes, strict=False)
        if len(shapes) != len(self._arguments) or any(d is None and name not in self._optional for name, d in given):
            return Plan(False, (), shapes, dtypes, (), (), (), False)  # for `prepare` to say what is wrong
        static = dict(zip(self._static, values, strict=True))
        ask = None if self._shape is None else self._asked_shapes
        batch, outputs = self._signature.bind(self._arguments, shapes, static, ask)
        present = [dtype for dtype in dtypes if dtype is not None]
        precisions = {_PRECISION.get(dtype) for dtype in present}
        ready = len(precisions) == 1 and None not in precisions
        output_dtypes = self._output_dtypes(dtypes) if ready else ()
        looped = bool(batch) and not self._native
        return Plan(ready, batch, shapes, dtypes, outputs, output_dtypes, self._core_ranks, looped)

    def _asked_shapes(self, known: Any) -> Sequence[Shape]:
        """What the user's ``shape=`` says, as one shape an output."""
        assert self._shape is not None
        said = self._shape(*(known[name] for name in self._shape_names))
        shapes: Any = (said,) if len(self._signature.outputs) == 1 else said
        sizes = (int, torch.SymInt)
        fits = isinstance(shapes, (tuple, list)) and len(cast("Any", shapes)) == len(self._signature.outputs)
        if not fits or not all(
            isinstance(s, (tuple, list)) and all(isinstance(n, sizes) for n in cast("Any", s)) for s in shapes
        ):
            expected = "a tuple of integers" + " for each output" * (len(self._signature.outputs) > 1)
            raise DefinitionError(self._operator, "shape", expected, repr(said), "shape=lambda x: (x[0],)")
        return [tuple(s) for s in shapes]

    def _output_dtypes(self, dtypes: Sequence[torch.dtype | None]) -> tuple[torch.dtype, ...]:
        natural = reduce(torch.promote_types, [dtype for dtype in dtypes if dtype is not None])
        return tuple(self._output_dtype(rule, natural, dtypes, k) for k, rule in enumerate(self._dtypes))

    def _output_dtype(self, rule: Any, natural: torch.dtype, dtypes: Sequence[Any], k: int) -> torch.dtype:
        if callable(rule):
            rule = rule(*dtypes)
            rule = rule[k] if isinstance(rule, tuple) else rule
        named = {
            None: natural,
            "real": _PRECISION[natural],
            "complex": _COMPLEX[_PRECISION[natural]],
            "integer": torch.int64,
            "bool": torch.bool,
        }
        dtype = rule if isinstance(rule, torch.dtype) else named.get(rule)
        if dtype is None:
            raise DefinitionError(
                self._operator,
                "dtype",
                '"real", "complex", "integer", "bool", a torch.dtype or a function of the input dtypes',
                repr(rule),
            )
        return dtype


def compute_precision(tensors: Sequence[torch.Tensor]) -> tuple[torch.dtype, torch.dtype | None]:
    """The real dtype to compute in, and the half precision to give results back in (or None).

    The common dtype is `torch.result_type`'s: tensors without dimensions do not widen those with.
    """
    common = _result_type(tensors)
    if common in _WHOLE:
        common = torch.get_default_dtype()
    half = common if common in _HALF else None
    return _PRECISION[_HALF.get(common, common)], half


def _result_type(tensors: Sequence[torch.Tensor]) -> torch.dtype:
    dtypes = {tensor.dtype for tensor in tensors}
    if not dtypes:
        return torch.get_default_dtype()
    if len(dtypes) == 1:
        return dtypes.pop()
    groups = [[t.dtype for t in tensors if (t.dim() == 0) is flat] for flat in (False, True)]
    parts = [torch.empty((0,) * (k == 0), dtype=reduce(torch.promote_types, g)) for k, g in enumerate(groups) if g]
    return torch.result_type(parts[0], parts[-1])


def compute_dtype(dtype: torch.dtype, precision: torch.dtype) -> torch.dtype:
    """The dtype in which an input of `dtype` goes to the kernel: complex stays complex, all else is real."""
    return _COMPLEX[precision] if dtype.is_complex else precision


def restored_dtype(dtype: torch.dtype, half: torch.dtype) -> torch.dtype:
    """The dtype in which a result of `dtype` goes back to callers who work in half precision."""
    if dtype.is_complex:
        return torch.complex32 if half is torch.float16 else dtype  # there is no complex bfloat16
    return half if dtype.is_floating_point and not half.is_complex else dtype
