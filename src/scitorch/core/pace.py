"""Where the items of a batch run: decided from what items took, not from how many or how large they are."""

from __future__ import annotations

from contextlib import nullcontext
from math import ceil
from time import perf_counter

import numpy as np
import torch

from .blas import one_thread
from .items import Items
from .pool import busy, overhead

# Nothing here is a threshold of work: each says how little a measurement may weigh beside what it is for.
LIMITING = 60e-6  # seconds; a batch that lasts as long doesn't notice the 3 µs of `one_thread`
OVERHEADS = 20  # a batch is worth a trial if it lasts so many times the handing over to threads,
TRIAL = 5  # and a trial tells something if each of its parts lasts so many
WARMING = 2  # items that a thread runs before, if there are so many: the first find no memory to use again
GAIN = 0.9  # what threads must come to, beside the loop
TRUST = 100  # so many times the items that were measured run before others are measured


class Pace:
    """What an operator's items of about one size take, in seconds an item.

    Parameters
    ----------
    threads : bool or None
        Whether the kernel may run in several threads at once, and gains by it; None finds out.

    Attributes
    ----------
    alone, together : float or None
        One after the other, and over threads; None until measured.
    """

    def __init__(self, threads: bool | None) -> None:
        self.threads = threads
        self.alone: float | None = None
        self.together: float | None = None
        self._trust = 0

    @property
    def gains(self) -> bool:
        """Whether threads shorten a batch."""
        return self.alone is not None and self.together is not None and self.together < GAIN * self.alone

    def run(self, items: Items, *, small: bool) -> None:
        """Run all items; `small` says that BLAS gains nothing by threads inside of one."""
        first, alone = 0, self.alone
        if alone is None or self._trust < 0:  # the machine may have got busier since, or idle
            first, alone = self._begin(items)
        left = items.count - first
        self._trust -= left
        if left * alone < LIMITING:
            self._loop(items, first)
            return
        with one_thread if small else nullcontext():
            width, cost = self._width(left, left * alone)
            if width < 2:
                self._loop(items, first)
                return
            if self.together is None:
                first = self._try(items, first, ceil(TRIAL * cost / alone))
            if self.gains and first < items.count:
                self.together = _seconds(items, items.chunks(width, first))
            else:
                self._loop(items, first)

    def _begin(self, items: Items) -> tuple[int, float]:
        """Time two items, for the first may load modules."""
        begun = perf_counter()
        result = items.run(0, 1)
        first, alone = 1, perf_counter() - begun
        if items.count > 1:
            begun = perf_counter()
            other = items.run(1, 2)
            first, alone = 2, min(alone, perf_counter() - begun)
            if any(map(np.may_share_memory, result, other)):
                self.threads = False  # the kernel keeps its results in memory of its own: threads would mix them up
        self.alone, self.together, self._trust = alone, None, TRUST * first
        return first, alone

    def _width(self, count: int, lasts: float) -> tuple[int, float]:
        """How many threads are worth a thought, and what handing over to them costs."""
        width = 1 if self.threads is False or busy() else min(torch.get_num_threads(), count)
        cost = overhead(width, lasts) if width > 1 else 0.0
        return (width, cost) if lasts > OVERHEADS * cost else (1, cost)

    def _try(self, items: Items, first: int, size: int) -> int:
        """Time a part alone, then two parts at once: they take as long as two if the kernel holds Python's lock.

        Gives the first item that is left.
        """
        if not self.threads and items.count - first >= 2 * WARMING + 3:
            # A thread's first results lie in memory that is new to it, whose pages take longer than small kernels do.
            items.share([(first, first + WARMING), (first + WARMING, first + 2 * WARMING)])
            first += 2 * WARMING
        size = min(size, (items.count - first) // 3)
        if self.threads or size == 0:
            self.together = 0.0 if self.threads else None
            return first
        bounds = [first + k * size for k in range(4)]
        self.alone = _seconds(items, [(bounds[0], bounds[1])])
        self.together = _seconds(items, [(bounds[1], bounds[2]), (bounds[2], bounds[3])])
        self._trust += TRUST * 3 * size
        return bounds[3]

    def _loop(self, items: Items, first: int) -> None:
        if first < items.count:
            taken = _seconds(items, [(first, items.count)])
            # A call that was interrupted, by other processes say, tells little.
            self.alone = taken if self.alone is None else min(taken, 1.25 * self.alone)


def _seconds(items: Items, parts: list[tuple[int, int]]) -> float:
    """Seconds an item, of parts that run at once."""
    begun = perf_counter()
    if len(parts) == 1:
        items.run(*parts[0])
    else:
        items.share(parts)
    return (perf_counter() - begun) / (parts[-1][1] - parts[0][0])
