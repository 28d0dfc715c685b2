"""The items of a batch, and calling the kernel for some of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import islice, pairwise, product
from math import prod
from typing import Any

import numpy as np

from .blas import one_thread
from .border import Array
from .errors import ScitorchError
from .pool import at_once

Index = tuple[int, ...]
Arrays = Sequence[Array | None]
RunOne = Callable[[Arrays], list[Any]]


class Items:
    """A batch that is to be run, or a part of one.

    Parameters
    ----------
    run_one : callable
        Takes one item's arrays, gives its checked results.
    arrays : sequence of arrays
        Inputs whose leading dimensions broadcast to `batch`.
    core_ranks : sequence of int
        How many trailing dimensions of each input belong to an item.
    batch : tuple of int
    outputs : sequence of (shape, dtype)
        Of one item's results.
    origin : (int, tuple of int), optional
        Of a part: the position of its first item in a batch of this shape, for errors to name.

    Attributes
    ----------
    gathered : list of arrays
        The results, batch dimensions first.
    step : callable or None
        Is told after each item that 1 is done.
    """

    def __init__(
        self,
        run_one: RunOne,
        arrays: Arrays,
        core_ranks: Sequence[int],
        batch: Index,
        outputs: Sequence[tuple[Index, np.dtype[Any]]],
        origin: tuple[int, Index] | None = None,
    ) -> None:
        self.run_one, self.arrays, self.core_ranks, self.batch, self.outputs = (
            run_one, arrays, core_ranks, batch, outputs,
        )  # fmt: skip
        self.origin = origin or (0, batch)
        self.count = prod(batch)
        self.gathered = [np.empty(batch + shape, dtype) for shape, dtype in outputs]
        self.step: Callable[[int], None] | None = None
        self._end = self.count
        self._spread = [
            a if a is None else np.broadcast_to(a, batch + a.shape[a.ndim - rank :])
            for a, rank in zip(arrays, core_ranks, strict=True)
        ]

    def run(self, first: int = 0, end: int | None = None) -> list[Any]:
        """Run the items from `first` up to `end`; gives the last one's results as the kernel gave them."""
        run_one, spread, gathered, step = self.run_one, self._spread, self.gathered, self.step
        results: list[Any] = []
        position = first
        try:
            for index in islice(product(*map(range, self.batch)), first, end):
                if position >= self._end:
                    break
                # The ellipsis keeps items without dimensions arrays; they would become NumPy scalars.
                results = run_one([a if a is None else a[(*index, ...)] for a in spread])
                for whole, result in zip(gathered, results, strict=True):
                    whole[index] = result
                position += 1
                if step is not None:
                    step(1)
        except BaseException as error:
            self._end = min(self._end, position)  # an earlier item may still fail, and is then the one that is named
            if isinstance(error, ScitorchError) and error.item is None:
                start, batch = self.origin
                error.item = tuple(int(i) for i in np.unravel_index(start + position, batch))
            raise
        return results

    def run_limited(self) -> None:
        """Run all in this thread, with one BLAS thread."""
        with one_thread:
            self.run()

    def share(self, parts: Sequence[tuple[int, int]]) -> None:
        """Run parts at once, in threads."""
        at_once([partial(self.run, first, end) for first, end in parts], self._halt)

    def _halt(self) -> None:
        self._end = 0

    def chunks(self, parts: int, first: int = 0) -> list[tuple[int, int]]:
        """The bounds of so many parts, of equal sizes where that is possible, of the items from `first` on."""
        bounds = np.linspace(first, self.count, min(parts, self.count - first) + 1).astype(int).tolist()
        return list(pairwise(bounds))

    def part(self, first: int, end: int) -> tuple[Any, ...]:
        """The arguments of `run_part` for some of the items."""
        arrays = [
            None if a is None else self._rows(a, a.ndim - rank, first, end)
            for a, rank in zip(self.arrays, self.core_ranks, strict=True)
        ]
        return self.run_one, arrays, self.core_ranks, (end - first,), self.outputs, (first, self.batch)

    def _rows(self, a: Array, leading: int, first: int, end: int) -> Array:
        """What some items need of an array: all of it, a slice, or copies where it broadcasts in part."""
        if leading == 0:
            return a  # the same object for all parts, which joblib maps into memory once
        own, core = a.shape[:leading], a.shape[leading:]
        if prod(own) == 1:
            return a.reshape(core)
        flat = a.reshape(-1, *core)
        if own == self.batch:
            return flat[first:end]
        return flat[np.broadcast_to(np.arange(len(flat)).reshape(own), self.batch).ravel()[first:end]]

    def take(self, first: int, end: int, results: Sequence[Array]) -> None:
        """Put a part's results in their place."""
        for whole, result in zip(self.gathered, results, strict=True):
            whole.reshape(-1, *result.shape[1:])[first:end] = result
        if self.step is not None:
            self.step(end - first)


def run_part(*part: Any) -> list[Array]:
    """The results of `Items.part`; it runs in a worker process."""
    items = Items(*part)
    items.run_limited()
    return items.gathered
