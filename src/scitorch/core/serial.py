"""The problems of a batch, solved one after the other.

Threads would be wrong for them. The functions of the problems hold Python's lock most of the time, so that two threads
take longer than one (docs/equations.md has figures); and PyTorch has `functional_call` give a module other parameters
for all threads, and forward mode its levels, so that one problem would meet what another one has set.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TypeVar

from .errors import ScitorchError, SequentialWarning
from .parallel import asked, progress_bar
from .pool import busy

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
