"""The problems of a batch, solved one after the other.

Threads would be wrong for them. The functions of the problems hold Python's lock most of the time, so that two threads
take longer than one (docs/equations.md has figures); and PyTorch has `functional_call` give a module other parameters
for all threads, and forward mode its levels, so that one problem would meet what another one has set.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import Tensor

from .errors import ScitorchError, SequentialWarning
from .parallel import asked, progress_bar
from .pool import busy

if TYPE_CHECKING:
    from .implicit import Equation, Outputs

Result = TypeVar("Result")


def in_turn(name: str, solve: Callable[[int], Result], count: int) -> list[Result]:
    """The results for all problems; an error names the one that it happened in."""
    _say_if_parallel(name, count)
    results: list[Result] = []
    with progress_bar(name, count) as step:
        for k in range(count):
            try:
                results.append(solve(k))
            except Exception as error:
                _name_item(name, k, error)
                raise
            if step is not None:
                step(1)
    return results


def _say_if_parallel(name: str, count: int) -> None:
    wish = None if busy() or count < 2 else asked()
    if wish is not None and wish[1] > 1:
        expected = "n_jobs=1, for problems that are solved one after the other"
        error = ScitorchError(name, "parallel", expected, f"n_jobs={wish[1]}, which has no effect on them")
        warnings.warn(str(error), SequentialWarning, stacklevel=2)


def _name_item(name: str, k: int, error: Exception) -> None:
    """In the error itself if it is the solver's; else it is a function's own, which is left as it is."""
    if isinstance(error, ScitorchError) and error.operator == name:
        error.item = (k, *(error.item or ()))
    else:
        error.add_note(f"{name}: in item {k} of the batch")


@dataclass(frozen=True, slots=True)
class Batch:
    """So many equations, along the first dimension of everything that is mapped."""

    item: Equation | Batch
    dims: tuple[int | None, ...]
    together: None = None

    @property
    def name(self) -> str:
        """What errors call it."""
        return self.item.name

    def outputs(self, theta: Sequence[Tensor]) -> Outputs:
        """What the solver returns for each."""
        size = next(t.shape[0] for t, d in zip(theta, self.dims, strict=True) if d is not None)
        if self.item.together is not None:
            return self.item.outputs_together(size, self.dims, theta)

        def one(k: int) -> Outputs:
            return self.item.outputs([t if d is None else t[k] for t, d in zip(theta, self.dims, strict=True)])

        items = in_turn(self.name, one, size)
        return tuple(torch.stack(_of_one_length(parts)) for parts in zip(*items, strict=True))

    def as_solved(self) -> AbstractContextManager[None]:
        """As of one."""
        return self.item.as_solved()

    def residual(self, y: Tensor, *theta: Tensor) -> Tensor:
        """F of each."""
        return torch.vmap(self.item.residual, (0, *self.dims))(y, *theta)

    def linear(self, y: Tensor, ok: Tensor, b: Tensor, transposed: bool, *theta: Tensor) -> Tensor:
        """The solution of each linear system."""
        dims = (0, 0, 0, None, *self.dims)
        return torch.vmap(self.item.linear, dims)(y, ok, b, transposed, *theta)


def _of_one_length(parts: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """The same, where a solver returns as many rows as it took steps: with the last row repeated."""
    if len({len(part) if part.dim() else 0 for part in parts}) == 1:
        return parts
    rows = torch.arange(max(map(len, parts)), device=parts[0].device)
    return tuple(part[rows.clamp(max=len(part) - 1)] for part in parts)
