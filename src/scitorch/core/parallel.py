"""What the user says about batches: how many workers, which kind, whether to show a bar."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from typing import Any

from .errors import ArgumentError

_shown: ContextVar[bool] = ContextVar("scitorch_progress", default=False)


@contextmanager
def parallel(
    n_jobs: int | None = None, backend: Any = None, *, progress: bool | None = None, **options: Any
) -> Generator[None]:
    """Say where batches run inside a ``with``, for operators whose kernel is called for each item.

    Without it a batch goes to threads when measurements of its first items say that this pays.

    Parameters
    ----------
    n_jobs : int, optional
        How many workers; 1 is the plain loop, -1 as many as the backend has. By default -1 if a backend is named.
    backend : str or joblib backend, optional
        "threading" (the default), "loky" for processes, which pay for kernels that hold Python's lock for milliseconds,
        "dask" or "ray" for clusters, or whatever else is registered with joblib.
    progress : bool, optional
        Show a bar on stderr for each batch. By default as around.
    **options
        Passed on to ``joblib.parallel_config``.

    Raises
    ------
    ArgumentError
        `n_jobs` is no number of workers, or the backend is unknown.

    Warns
    -----
    SequentialWarning
        A batch of problems of `scitorch.optimize` or `scitorch.integrate` is met, with more than one worker: those are
        solved one after the other. `progress` holds for them, too.

    Notes
    -----
    It sets ``joblib.parallel_config``, which serves as well; the innermost of both counts, in the thread that sets it.
    An item that fails ends the batch, and the error names its index. If a worker process is killed, what it lost is
    run once more.

    Examples
    --------
    >>> import numpy as np, scitorch, torch
    >>> total = scitorch.operator("(n)->()", name="total")(lambda x: np.sum(x))
    >>> with scitorch.parallel(n_jobs=2):
    ...     total(torch.ones(3, 4))
    tensor([4., 4., 4.])
    """
    with ExitStack() as stack:
        if n_jobs is not None or backend is not None or options:
            stack.enter_context(_configured(n_jobs, backend, options))
        if progress is not None:
            stack.callback(_shown.reset, _shown.set(progress))
        yield


def _configured(n_jobs: int | None, backend: Any, options: dict[str, Any]) -> Any:
    import joblib

    n_jobs = -1 if n_jobs is None else n_jobs
    if type(n_jobs) is not int or n_jobs == 0:
        expected = "a number of workers, or -1 for as many as there are"
        raise ArgumentError("parallel", "n_jobs", expected, repr(n_jobs), "n_jobs=-1")
    try:
        return joblib.parallel_config(backend or "threading", n_jobs=n_jobs, **options)
    except (ValueError, ImportError, TypeError) as error:
        expected = "a backend that joblib knows, and its options"
        raise ArgumentError("parallel", "backend", expected, f"{backend!r} ({error})", 'backend="loky"') from error


def asked() -> tuple[Any, int] | None:
    """The joblib backend and number of workers that the user asks for here, or None."""
    joblib = sys.modules.get("joblib")  # whoever configures it has imported it
    if joblib is None:
        return None
    # Looked up in joblib's own memory: `get_active_backend` alone takes as long as a small batch, and hides what is
    # unset.
    unset = joblib.parallel.default_parallel_config
    config = getattr(joblib.parallel._backend, "config", unset)  # noqa: SLF001  see above
    if config is unset or (config["backend"] is unset["backend"] and config["n_jobs"] is unset["n_jobs"]):
        return None
    backend, n_jobs = joblib.parallel.get_active_backend()
    return backend, backend.effective_n_jobs(backend.default_n_jobs if n_jobs is None else n_jobs)


@contextmanager
def progress_bar(name: str, total: int) -> Generator[Callable[[int], None] | None]:
    """What to tell how many more items are done, if the user wants to see it."""
    if not _shown.get():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=Console(stderr=True), redirect_stdout=False) as bar:
        task = bar.add_task(name, total=total)
        yield lambda count: bar.advance(task, count)
