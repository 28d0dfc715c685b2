"""What a call must know about its shapes and dtypes: worked out once for each combination, then looked up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from math import prod
from typing import Any

import torch

from .dtypes import PRECISION, DtypeRule, check_declared, declared_dtype
from .errors import ArgumentError, DefinitionError
from .signature import Shape, Signature

REMEMBERED_PLANS = 256  # per operator; a plan is a few hundred bytes
SMALL = 512**2  # elements; beyond matrices of some 500 to 1000 rows, BLAS's threads shorten a single item


@dataclass(frozen=True, slots=True)
class Plan:
    """Shapes and dtypes of one call.

    Attributes
    ----------
    ready : bool
        Whether the inputs can go to the kernel as they are.
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
    square : bool
        Whether an argument is a square matrix by the signature: linear algebra.
    largest : int
        How many elements the largest argument of one item has; 0 where that is symbolic.
    small : bool
        Whether BLAS gains nothing by threads inside of one item.
    plain : bool
        Whether a call of the kernel is all there is to do: neither a loop nor small linear algebra.
    differentiable : tuple of bool
        Which results can carry a gradient.
    folds_complex : bool
        Whether a real result is made of a complex input, which no complex derivative can describe.
    empty : bool
        Whether the batch has no items, so that every derivative is zero.
    """

    ready: bool
    batch: Shape
    shapes: tuple[Shape | None, ...]
    dtypes: tuple[torch.dtype | None, ...]
    outputs: tuple[Shape, ...]
    output_dtypes: tuple[torch.dtype, ...]
    core_ranks: tuple[int, ...]
    looped: bool
    square: bool = False
    largest: int = 0
    small: bool = field(init=False)
    plain: bool = field(init=False)
    differentiable: tuple[bool, ...] = field(init=False)
    folds_complex: bool = field(init=False)
    empty: bool = field(init=False)

    def __post_init__(self) -> None:
        folds = any(dtype is not None and dtype.is_complex for dtype in self.dtypes) and any(
            dtype.is_floating_point for dtype in self.output_dtypes
        )
        carries = tuple(dtype.is_floating_point or dtype.is_complex for dtype in self.output_dtypes)
        object.__setattr__(self, "differentiable", carries)
        object.__setattr__(self, "folds_complex", folds)
        object.__setattr__(self, "small", self.largest <= SMALL)
        object.__setattr__(self, "plain", not self.looped and not (self.square and self.small))
        object.__setattr__(self, "empty", any(type(n) is int and n == 0 for n in self.batch))


@dataclass(frozen=True)
class Planner:
    """Makes an operator's plans.

    Attributes
    ----------
    operator : str
        Name used in errors.
    signature : Signature
    arguments : tuple of str
        The tensor arguments.
    optional, real : frozenset of str
        Those that may be None, and those that are never complex.
    static : tuple of str
        The static arguments.
    shape_names : tuple of str
        What `shape` asks for.
    shape : callable or None
        Gives the shapes that the signature leaves open.
    dtype : DtypeRule
        The declared dtypes of the results.
    native : bool
        Whether the kernel takes batch dimensions itself.
    remembered : callable
        `make` with a memory.
    """

    operator: str
    signature: Signature
    arguments: tuple[str, ...]
    optional: frozenset[str]
    real: frozenset[str]
    static: tuple[str, ...]
    shape: Callable[..., Any] | None
    shape_names: tuple[str, ...]
    dtype: DtypeRule
    native: bool
    remembered: Callable[..., Plan] = field(init=False)
    _declared: tuple[Any, ...] = field(init=False)
    _sized: tuple[int, ...] = field(init=False)

    def __post_init__(self) -> None:
        count = len(self.signature.outputs)
        declared = self.dtype if isinstance(self.dtype, tuple) else (self.dtype,) * count
        if len(declared) != count:
            expected = f"one dtype or {count}, one a result"
            raise DefinitionError(self.operator, "dtype", expected, str(len(declared)), "one a result")
        for one in declared:
            check_declared(self.operator, one)
        used = self.signature.output_names | self.signature.input_names | set(self.shape_names)
        sized = tuple(k for k, name in enumerate(self.static) if name in used)
        object.__setattr__(self, "_declared", declared)
        object.__setattr__(self, "_sized", sized)
        object.__setattr__(self, "remembered", lru_cache(REMEMBERED_PLANS)(self.make))

    def sizing(self, values: tuple[Any, ...]) -> tuple[Any, ...]:
        """Those static values that shapes depend on; no other is part of what a plan is remembered by."""
        return tuple(values[k] for k in self._sized) if values else ()

    def of(self, values: tuple[Any, ...], tensors: Sequence[torch.Tensor | None]) -> Plan:
        """The plan for these tensors; sizes may be symbolic, and are then not remembered."""
        key = [item for t in tensors for item in ((None, None) if t is None else (t.shape, t.dtype))]
        sizing = self.sizing(values)
        try:
            plan = self.remembered(sizing, *key)
        except TypeError as error:  # a symbolic size cannot be hashed
            if "unhashable" not in str(error):
                raise
            plan = self.make(sizing, *key)
        if not plan.ready:
            got = ", ".join(str(dtype) for dtype in plan.dtypes)
            expected = "tensors of one dtype, float32 or float64 or complex"
            raise ArgumentError(self.operator, ", ".join(self.arguments), expected, got, "the operator's own call")
        return plan

    def make(self, sizing: tuple[Any, ...], *shapes_and_dtypes: Any) -> Plan:
        """Work a plan out from the static values that `sizing` gives, and the shape and dtype of each tensor."""
        shapes = tuple(None if s is None else tuple(s) for s in shapes_and_dtypes[::2])
        dtypes = shapes_and_dtypes[1::2]
        given = zip(self.arguments, dtypes, strict=False)
        if len(shapes) != len(self.arguments) or any(d is None and name not in self.optional for name, d in given):
            return Plan(False, (), shapes, dtypes, (), (), (), False)  # for `prepare` to say what is wrong
        static = dict(zip((self.static[k] for k in self._sized), sizing, strict=True))
        ask = None if self.shape is None else self._asked_shapes
        batch, outputs = self.signature.bind(self.arguments, shapes, static, ask)
        natural = self._natural(dtypes)
        output_dtypes = () if natural is None else self._output_dtypes(natural, dtypes)
        ranks = tuple(len(core) for core in self.signature.inputs)
        looped = bool(batch) and not self.native
        square, largest = self.signature.square, _largest(shapes, ranks)
        return Plan(natural is not None, batch, shapes, dtypes, outputs, output_dtypes, ranks, looped, square, largest)

    def _natural(self, dtypes: Sequence[torch.dtype | None]) -> torch.dtype | None:
        """The common dtype, or None where the arguments need casts first.

        They have one dtype that NumPy has too, and those that are never complex its real counterpart.
        """
        free = {d for name, d in zip(self.arguments, dtypes, strict=True) if d is not None and name not in self.real}
        real = {d for name, d in zip(self.arguments, dtypes, strict=True) if d is not None and name in self.real}
        natural = next(iter(free or real), None)
        if natural not in PRECISION or len(free) > 1 or not real <= {PRECISION[natural]}:
            return None
        return natural

    def _output_dtypes(self, natural: torch.dtype, dtypes: Sequence[Any]) -> tuple[torch.dtype, ...]:
        declared = enumerate(self._declared)
        return tuple(declared_dtype(self.operator, one, natural, dtypes, k) for k, one in declared)

    def _asked_shapes(self, known: Any) -> Sequence[Shape]:
        """What the user's ``shape=`` says, as one shape a result."""
        assert self.shape is not None
        several = len(self.signature.outputs) > 1
        expected = "a tuple of integers" + " for each result" * several
        try:
            said: Any = self.shape(*(known[name] for name in self.shape_names))
        except Exception as error:
            got = f"{type(error).__name__}: {error}"
            raise DefinitionError(self.operator, "shape", expected, got, "checking shape=") from error
        shapes = said if several else (said,)
        fits = isinstance(shapes, (tuple, list)) and len(shapes) == len(self.signature.outputs)
        if not fits or not all(isinstance(s, (tuple, list)) and all(map(_is_size, s)) for s in shapes):
            raise DefinitionError(self.operator, "shape", expected, repr(said), "shape=lambda x: (x[0],)")
        return [tuple(s) for s in shapes]


def _largest(shapes: Sequence[Shape | None], ranks: Sequence[int]) -> int:
    """Elements of the largest argument of one item; 0 for symbolic sizes, which have none as long as nothing runs."""
    cores = [shape[len(shape) - rank :] for shape, rank in zip(shapes, ranks, strict=True) if shape is not None]
    return max(map(prod, cores), default=0) if all(type(n) is int for core in cores for n in core) else 0


def _is_size(n: Any) -> bool:
    return isinstance(n, torch.SymInt) or (type(n) is int and n >= 0)
