"""One thread for small linear algebra.

NumPy and SciPy each bring an OpenBLAS with threads of its own, which wait in a busy loop beside torch's. Small matrices
suffer: `expm` of a 40 x 40 matrix takes 20 times as long, and far longer where other processes want the cores too.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from typing import Any

Get = Callable[[], int | None]
Set = Callable[[int], Any]
Library = tuple[Get, Set]


class _Count:
    """How many are inside, and what is to be set again when the last one leaves."""

    depth = 0
    before: tuple[tuple[Set, int], ...] = ()

    def enter(self, libraries: list[Library]) -> None:
        self.depth += 1
        if self.depth == 1:
            before = ((set_threads, get() or 1) for get, set_threads in libraries)
            self.before = tuple((set_threads, count) for set_threads, count in before if count > 1)
            for set_threads, _ in self.before:
                set_threads(1)

    def leave(self) -> None:
        self.depth = max(0, self.depth - 1)  # a child that was forked inside has begun to count anew
        if self.depth == 0:
            for set_threads, count in self.before:
                set_threads(count)
            self.before = ()


class _CountOfThread(_Count, threading.local):
    """The same, of each thread."""


class OneThread:
    """``with one_thread:`` lets BLAS use one thread; the first one in sets the limit, the last one out lifts it.

    It takes 2 µs. `threadpoolctl.threadpool_limits` looks for the libraries each time, which takes longer than a small
    batch; here they are looked for again only when modules have been imported since.
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()  # a signal's handler may come here too
        self._modules = 0
        self._libraries: tuple[list[Library], list[Library]] = [], []
        # The limit holds for the process, but that of OpenMP for the calling thread alone.
        self._counts = _Count(), _CountOfThread()

    def __enter__(self) -> None:
        with self._lock:
            if self._modules != len(sys.modules):
                self._libraries, self._modules = _loaded(), len(sys.modules)
            for count, libraries in zip(self._counts, self._libraries, strict=True):
                if libraries:
                    count.enter(libraries)

    def __exit__(self, *_: object) -> None:
        with self._lock:
            for count in self._counts:
                count.leave()


def _loaded() -> tuple[list[Library], list[Library]]:
    """Every BLAS that is loaded: those with threads of their own, those on OpenMP threads."""
    from threadpoolctl import ThreadpoolController

    found: tuple[list[Library], list[Library]] = [], []
    for library in ThreadpoolController().lib_controllers:
        if library.user_api == "blas":
            openmp = getattr(library, "threading_layer", "") == "openmp"
            found[openmp].append(_methods(library) if openmp else _functions(library) or _methods(library))
    return found


def _methods(library: Any) -> Library:
    return library.get_num_threads, library.set_num_threads


def _functions(library: Any) -> Library | None:
    """OpenBLAS's own functions: a third of the methods' time, which also let none but one thread set the limit."""
    names = library.check_symbols if library.internal_api == "openblas" else ()
    for name in names:
        get, put = (getattr(library.dynlib, n, None) for n in (name, name.replace("_get_", "_set_")))
        if get is not None and put is not None:
            return get, put
    return None


one_thread = OneThread()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=one_thread.__init__)  # whoever held the lock is not there
