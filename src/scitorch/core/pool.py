"""Threads that stay, for the items of batches."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from functools import lru_cache
from statistics import median
from time import perf_counter

from .blas import one_thread

Task = Callable[[], object]

STARTING = 2e-3  # seconds; what lasts as long doesn't notice that threads are started and timed

_here = threading.local()
_overheads: dict[int, float] = {}


def busy() -> bool:
    """Whether this thread works for a batch already: a batch inside is looped over, or threads would wait for it."""
    return getattr(_here, "busy", False)


def at_once(tasks: Sequence[Task], halt: Task) -> None:
    """Run tasks at once, the first in this thread; the first one's error is raised when all have ended.

    Parameters
    ----------
    tasks : sequence of callables
    halt : callable
        Makes the tasks end early, after an interrupt.
    """
    first, *others = tasks
    futures = [(_submit(task, len(others)), task) for task in others]
    try:
        _work(first)
        for future, task in futures:
            # No thread has come to it yet: they are busy for others, so do it here. Nobody ever waits for a thread.
            if future is None or future.cancel():
                _work(task)
            else:
                future.result()
    except BaseException:
        halt()
        wait([future for future, _ in futures if future is not None and not future.cancel()])
        raise


def overhead(width: int, lasts: float) -> float:
    """Seconds that handing over to so many threads takes, measured once; infinite for what doesn't outlast measuring.

    Nothing starts threads before: they are in the way of a process that wants to fork.
    """
    if width not in _overheads:
        if lasts < STARTING:
            return math.inf
        _overheads[width] = median(_handed_over(width) for _ in range(9))
    return _overheads[width]


def _handed_over(width: int) -> float:
    begun = perf_counter()
    at_once([lambda: None] * width, lambda: None)
    return perf_counter() - begun


@lru_cache
def _threads(count: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(count, "scitorch-batch")


def _submit(task: Task, count: int) -> Future[None] | None:
    # In the caller's context, where NumPy keeps its error state.
    context = copy_context()
    try:
        return _threads(count).submit(lambda: context.run(_work, task))
    except RuntimeError:  # the interpreter ends, or the system gives no more threads
        return None


def _work(task: Task) -> None:
    before, _here.busy = busy(), True
    try:
        with one_thread:
            task()
    finally:
        _here.busy = before


def _forget_threads() -> None:
    _threads.cache_clear()
    _overheads.clear()
    _here.busy = False


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_threads)  # threads are not there after a fork
