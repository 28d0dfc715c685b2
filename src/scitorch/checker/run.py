"""One check under way: what all properties share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import torch
from torch import Tensor

from . import comparison
from .evidence import Cotangents
from .reference import Reference
from .report import Finding, Status
from .reproduction import reproduction
from .subject import Subject, Values
from .target import Target

UNDERFLOW = 1e-22  # of the natural size: a difference that is nothing beside what the derivative is made of

Mode = Literal["full", "quick"]


@dataclass(frozen=True)
class Outcome:
    """How one property of one argument came out; with a finding it is wrong."""

    status: Status
    argument: str = ""
    detail: str = ""
    relative_error: float | None = None
    finding: Finding | None = None


Property = Callable[["Run"], Iterator[Outcome]]


@dataclass
class Run:
    """The settings of a check, the subject in double precision, and what has been found out about it so far.

    Attributes
    ----------
    wrong, wrong_forward : set of str
        Arguments whose first-order gradient, or tangent, is wrong, so that nothing can be held against it.
    compared, unknown : int
        How many elements were compared for the outcome under way, and of how many of them nothing was known.
    """

    target: Target
    mode: Mode
    order: int
    compiler: str | None
    special: Sequence[Sequence[Any]]
    seed: int

    def __post_init__(self) -> None:
        self.generator = torch.Generator().manual_seed(self.seed)
        self.wrong: set[str] = set()
        self.wrong_forward: set[str] = set()
        self.compared = self.unknown = 0

    @cached_property
    def subject(self) -> Subject:
        """The subject in double precision, where the function takes that."""
        return self.target.wide()

    @cached_property
    def outputs(self) -> Values:
        """Its outputs."""
        return self.subject.outputs()

    @cached_property
    def reference(self) -> Reference:
        """Its numerical derivatives."""
        return Reference(self.subject)

    @property
    def precision(self) -> tuple[float, float]:
        """How well two right results agree in the subject's precision."""
        return precision_of((*self.subject.values, *self.outputs))

    @cached_property
    def cotangents(self) -> Cotangents:
        """Random incoming gradients, the same throughout the check."""
        return self.random_like(self.outputs)

    @cached_property
    def gradients(self) -> tuple[Tensor | None, ...]:
        """The gradients under test for `cotangents`; may raise what the backward pass raises."""
        return self.subject.pull(self.cotangents)

    @cached_property
    def backward_raises(self) -> bool:
        """Whether the backward pass raises, so that there are no gradients to compare anything with."""
        try:
            _ = self.gradients
        except Exception:  # noqa: BLE001  the property "gradient" says what it raises
            return True
        return False

    @cached_property
    def filled_gradients(self) -> Values:
        """The same with zeros where there is none."""
        return filled(self.gradients, self.subject.values)

    @cached_property
    def natural_size(self) -> float:
        """How large a derivative is where the function changes by its own size over an argument's size."""
        values = [float(_size(v).median()) for v in self.subject.values if v.numel()]
        outputs = [float(out.abs().nan_to_num(nan=0.0, posinf=0.0).amax()) for out in self.outputs if out.numel()]
        return max(outputs, default=1.0) * max(1.0, 1.0 / min(values, default=1.0))

    def random_like(self, tensors: Sequence[Tensor]) -> Values:
        """Standard normal numbers in the shapes and dtypes of others."""
        return tuple(
            torch.randn(t.shape, dtype=t.dtype, generator=self.generator, device="cpu").to(t.device) for t in tensors
        )

    def directions(self, index: int | None = None) -> Values:
        """A random direction in proportion to the arguments' elements; of one argument alone if an index is given."""
        values = self.subject.values
        found = [r * _size(v) for r, v in zip(self.random_like(values), values, strict=True)]
        return tuple(d if index in {None, i} else torch.zeros_like(d) for i, d in enumerate(found))

    def compare(
        self, name: str, argument: str, expected: Tensor, got: Tensor, error: Tensor | None = None
    ) -> comparison.Mismatch | None:
        """What disagrees, or None; without an error, with another computation of the same."""
        error = comparison.again(expected) if error is None else error
        within = comparison.tolerance(expected, error, self.precision) + UNDERFLOW * self.natural_size
        if self.agrees(expected, got, within):
            return None
        return comparison.Mismatch(name, argument, expected, got, within)

    def agrees(self, expected: Tensor, got: Tensor, within: Tensor) -> bool:
        """Whether two arrays agree; counts the elements of which nothing was known."""
        self.compared += expected.numel()
        self.unknown += comparison.unknown(expected, within)
        return comparison.agrees(expected, got, within)

    def wrong_values(
        self, mismatch: comparison.Mismatch, cause: str, diagnosis: str, advice: str, argument: str | None = None
    ) -> Outcome:
        """The outcome for arrays that disagree."""
        found = comparison.finding(
            mismatch, cause, diagnosis, advice, reproduction(self, mismatch.property, mismatch.argument, mismatch)
        )
        where = mismatch.argument if argument is None else argument
        return Outcome("wrong", where, diagnosis, found.relative_error, found)

    def wrong_statement(self, name: str, argument: str, cause: str, diagnosis: str, advice: str) -> Outcome:
        """The outcome for a mistake that no element is to blame for."""
        found = Finding(name, argument, cause, diagnosis, advice, reproduction(self, name, argument, None))
        return Outcome("wrong", argument, diagnosis, None, found)


def precision_of(tensors: Sequence[Tensor]) -> tuple[float, float]:
    """Relative tolerances for the least precise of some tensors."""
    double = {torch.float64, torch.complex128}
    return comparison.DOUBLE if all(t.dtype in double for t in tensors) else comparison.SINGLE


def filled(gradients: Sequence[Tensor | None], like: Sequence[Tensor]) -> Values:
    """Gradients with zeros where there is none."""
    return tuple(torch.zeros_like(v) if g is None else g for g, v in zip(gradients, like, strict=True))


def refused(error: Exception, argument: str = "") -> Outcome:
    """The outcome for what raises instead of giving a wrong result."""
    return Outcome("raises", argument, message(error))


def message(error: Exception) -> str:
    """The type and the first line of an error, without its full stop."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0].rstrip('.') if lines else 'no message'}"


def _size(x: Tensor) -> Tensor:
    """The elements' sizes, one for zeros among zeros and the typical size for zeros among others."""
    size = x.abs()
    nonzero = size[size > 0]
    return torch.where(size == 0, nonzero.median() if nonzero.numel() else torch.ones_like(size), size)
