"""A progress bar for checks that take their time."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from threading import Lock, Timer

PATIENCE = 1.0  # seconds; a check that ends sooner shows nothing


@contextmanager
def progress(total: int, enabled: bool | None = None) -> Generator[Callable[[str], None]]:
    """A progress bar on stderr that shows up after a second and leaves nothing behind.

    Parameters
    ----------
    total : int
        The number of steps.
    enabled : bool, optional
        None shows it if stderr is a terminal.

    Yields
    ------
    callable
        To be told, before each step, the step's name.

    Examples
    --------
    >>> with progress(2, enabled=False) as step:
    ...     step("gradient, x")
    ...     step("gradient, y")
    """
    if not (sys.stderr.isatty() if enabled is None else enabled):
        yield lambda _name: None
        return
    bar = _LateBar(total, enabled)
    # A timer and not a look at the clock in each step: the first step may be the one that takes a minute.
    timer = Timer(PATIENCE, bar.show)
    timer.daemon = True
    timer.start()
    try:
        yield bar.step
    finally:
        timer.cancel()
        bar.close()


class _LateBar:
    """A bar that may be shown by one thread while another steps or closes it."""

    def __init__(self, total: int, enabled: bool | None) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        columns = ("[bold]checking[/]", BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        name = TextColumn("{task.fields[name]}", markup=False)
        # What the checked function prints to stdout must get there, not to this console, which is stderr's.
        console = Console(stderr=True, force_terminal=enabled)
        self._bar = Progress(*columns, name, console=console, transient=True, redirect_stdout=False)
        self._task = self._bar.add_task("checking", total=total, name="")
        self._begun = 0
        self._lock = Lock()
        self._closed = False

    def show(self) -> None:
        with self._lock:
            if not self._closed:
                self._bar.start()

    def step(self, name: str) -> None:
        self._bar.update(self._task, completed=self._begun, name=name)
        self._begun += 1

    def close(self) -> None:
        with self._lock:
            self._closed = True
            self._bar.stop()
