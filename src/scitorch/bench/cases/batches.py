"""What a batch of items takes over cores: ours beside the loop and beside what a user would write.

Over more than one core with ``--threads``.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any

import joblib
import numpy as np
import scipy.integrate
import scipy.linalg
import scipy.ndimage
import torch

from scitorch.bench.case import OURS, Admission, Call
from scitorch.bench.function import Array
from scitorch.core import operator, parallel

ITEMS = 64
LOOP = "SciPy"  # in a loop
SERIAL, THREADED, PROCESSES = f"{OURS}, n_jobs=1", f"{OURS}, threads", f"{OURS}, loky"

Kernel = Callable[[Array], Any]


def root(a: Array) -> Any:
    """Linear algebra, and SciPy holds Python's lock."""
    return scipy.linalg.sqrtm(a)


def smooth(a: Array) -> Array:
    """A filter, and SciPy releases the lock."""
    return scipy.ndimage.gaussian_filter(a, 2.0)


def lorenz(y: Array) -> Array:
    """A solver in Python."""

    def rates(_: float, y: Array) -> list[float]:
        return [10 * (y[1] - y[0]), y[0] * (28 - y[2]) - y[1], y[0] * y[1] - 8 / 3 * y[2]]

    return scipy.integrate.solve_ivp(rates, (0, 0.5), y, rtol=1e-6).y[:, -1]


@dataclass(frozen=True)
class Batch:
    """A kernel over a batch.

    Attributes
    ----------
    name, group, slow, floors, rivals
        As in `Case`.
    kernel : callable
        Of one item.
    signature : str
        Of the operator made of it.
    draw : callable
        Makes the items.
    """

    name: str
    kernel: Kernel
    signature: str
    draw: Callable[[np.random.Generator], Array]
    group: str = "batches"
    slow: bool = True
    floors: tuple[str, ...] = (LOOP, SERIAL, THREADED, PROCESSES)
    rivals: tuple[str, ...] = ()

    def admitted(self) -> Admission:
        """Every way against the loop.

        Returns
        -------
        Admission
        """
        admission, batch = Admission(self.name, 1e-12), self.draw(np.random.default_rng(0))
        for name, call in self._calls(batch).items():
            admission.admit(name, "forward", call, trusted=name in {LOOP, OURS})
        return admission

    def _calls(self, batch: Array) -> dict[str, Call]:
        kernel, cores = self.kernel, _cores()
        ours = operator(self.signature, name=f"bench_{kernel.__name__}")(kernel)
        tensor, threads = torch.tensor(batch), _pool(cores)

        def by_joblib(backend: str) -> Array:
            results: Any = joblib.Parallel(cores, backend)(joblib.delayed(kernel)(item) for item in batch)
            return np.stack(results)

        def under(backend: str | None, n_jobs: int) -> Any:
            with parallel(n_jobs, backend):
                return ours(tensor)

        return {
            LOOP: lambda: np.stack([kernel(item) for item in batch]),
            "joblib, threads": lambda: by_joblib("threading"),
            "joblib, loky": lambda: by_joblib("loky"),
            "futures, threads": lambda: np.stack(list(threads.map(kernel, batch))),
            OURS: lambda: ours(tensor),
            SERIAL: lambda: under(None, 1),
            THREADED: lambda: under("threading", cores),
            PROCESSES: lambda: under("loky", cores),
        }


def cases() -> Iterator[Batch]:
    """A kernel that releases Python's lock, and two that don't."""
    yield Batch(
        f"{ITEMS} items of sqrtm, 40 × 40",
        root,
        "(n,n)->(n,n)",
        lambda rng: 2 * np.eye(40) + 0.1 * rng.normal(size=(ITEMS, 40, 40)),
    )
    yield Batch(
        f"{ITEMS} items of gaussian_filter, 256 × 256",
        smooth,
        "(n,m)->(n,m)",
        lambda rng: rng.normal(size=(ITEMS, 256, 256)),
    )
    yield Batch(f"{ITEMS} items of solve_ivp", lorenz, "(n)->(n)", lambda rng: 1 + rng.normal(size=(ITEMS, 3)))


@cache
def _pool(cores: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(cores)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else torch.get_num_threads()
