"""Run a kernel over a batch, item after item or over joblib's workers."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from .border import Array

Kernel = Callable[..., Any]
Index = tuple[int, ...]


def run_items(
    run_one: Callable[[Sequence[Array | None]], list[Any]],
    arrays: Sequence[Array | None],
    core_ranks: Sequence[int],
    batch: Index,
    outputs: Sequence[tuple[Index, np.dtype[Any]]],
) -> list[Any]:
    """Call `run_one` for every item of a batch and gather its results.

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
        Of the gathered results, batch dimensions included.
    """
    gathered = [np.empty(shape, dtype) for shape, dtype in outputs]
    spread = [
        a if a is None else np.broadcast_to(a, batch + a.shape[a.ndim - rank :])
        for a, rank in zip(arrays, core_ranks, strict=True)
    ]
    # The ellipsis keeps items without dimensions arrays; they would become NumPy scalars.
    items = ([a if a is None else a[(*index, ...)] for a in spread] for index in np.ndindex(*batch))
    for index, results in zip(np.ndindex(*batch), _map(run_one, items), strict=True):
        for whole, result in zip(gathered, results, strict=True):
            whole[index] = result
    return gathered


def _map(run_one: Callable[..., list[Any]], items: Iterable[Any]) -> Iterable[list[Any]]:
    """`map`, over joblib's workers where the caller asked for them by ``joblib.parallel_config``."""
    joblib = sys.modules.get("joblib")  # whoever configured it has imported it
    if joblib is None or joblib.parallel.get_active_backend()[1] in (None, 1):
        return map(run_one, items)
    calls = [joblib.delayed(_kept)(run_one, item) for item in items]
    try:
        return joblib.Parallel()(calls)
    except joblib.externals.loky.process_executor.TerminatedWorkerError:
        return joblib.Parallel()(calls)  # a worker was killed, say for its memory: once more, with new workers


def _kept(run_one: Callable[..., list[Any]], item: Any) -> list[Any]:
    """Results that stay while later items are computed: a kernel may fill one buffer of its own again and again."""
    return [np.array(result) for result in run_one(item)]
