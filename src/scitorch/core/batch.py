"""Run a kernel over a batch: in a loop, over threads, or over joblib's workers."""

from __future__ import annotations

from concurrent.futures import BrokenExecutor
from typing import Any

from .border import Array
from .items import Items, run_part
from .pace import Pace
from .parallel import asked, progress_bar
from .pool import busy

PARTS = 2  # a worker: sending one overlaps with work on another; joblib looks for each only every 10 ms


def run_items(name: str, items: Items, pace: Pace, *, small: bool) -> list[Array]:
    """Run every item where the user says, or else where it takes least, and give the results.

    Parameters
    ----------
    name : str
        The operator's, for the progress bar.
    items : Items
    pace : Pace
        What such items took before.
    small : bool
        Whether BLAS gains nothing by threads inside of an item.
    """
    wish = None if busy() else asked()
    with progress_bar(name, items.count) as items.step:
        if wish is None:
            pace.run(items, small=small)
        else:
            _run_as_asked(items, *wish, threads=pace.threads)
    return items.gathered


def _run_as_asked(items: Items, backend: Any, workers: int, *, threads: bool | None) -> None:
    """Threads are our own, which start at once where joblib's take 11 ms; all else is joblib's."""
    import joblib

    in_threads = getattr(backend, "uses_threads", False)
    if workers == 1 or items.count < 2 or (in_threads and threads is False):
        items.run_limited()
    elif type(backend) is joblib.parallel.ThreadingBackend:
        items.share(items.chunks(workers))
    else:
        _run_over_joblib(items, backend, workers)


def _run_over_joblib(items: Items, backend: Any, workers: int) -> None:
    """Parts that a killed worker lost are run once more."""
    import joblib

    parts = items.chunks(PARTS * workers)
    try:
        _run_parts(joblib, items, backend, parts)
    except BrokenExecutor:
        _run_parts(joblib, items, backend, parts)


def _run_parts(joblib: Any, items: Items, backend: Any, parts: list[tuple[int, int]]) -> None:
    """Run parts, and take those that are done from the list."""
    return_as = "generator" if backend.supports_return_generator else "list"
    calls = [joblib.delayed(run_part)(*items.part(*bounds)) for bounds in parts]
    for results in joblib.Parallel(return_as=return_as, batch_size=1, pre_dispatch="all")(calls):
        items.take(*parts[0], results)
        del parts[0]
