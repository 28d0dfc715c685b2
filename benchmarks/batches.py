"""What a batch takes: ours beside the loop and beside what a user would write, side by side in one run.

    python benchmarks/batches.py [--rounds 9] [--items 64]

Every way gets the same arrays and gives one array; blocks take turns, so that a drift of the machine touches all alike.
Medians over the rounds, after one call of each that isn't counted. Then how time grows with the batch.
"""

import argparse
import os
import statistics
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter

import joblib
import numpy as np
import scipy.integrate
import scipy.linalg
import scipy.ndimage
import torch

import scitorch
from scitorch import operator

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
THREADS = ThreadPoolExecutor(CORES)


def sqrtm(a):
    """Linear algebra, and SciPy holds Python's lock."""
    return scipy.linalg.sqrtm(a)


def gaussian(a):
    """A filter, and SciPy releases the lock."""
    return scipy.ndimage.gaussian_filter(a, 2.0)


def lorenz(y):
    """A solver in Python."""

    def rates(_, y):
        return [10 * (y[1] - y[0]), y[0] * (28 - y[2]) - y[1], y[0] * y[1] - 8 / 3 * y[2]]

    return scipy.integrate.solve_ivp(rates, (0, 0.5), y, rtol=1e-6).y[:, -1]


CASES = {
    "sqrtm 40²": (sqrtm, "(n,n)->(n,n)", lambda rng, n: 2 * np.eye(40) + 0.1 * rng.normal(size=(n, 40, 40))),
    "gaussian 256²": (gaussian, "(n,m)->(n,m)", lambda rng, n: rng.normal(size=(n, 256, 256))),
    "solve_ivp": (lorenz, "(n)->(n)", lambda rng, n: 1 + rng.normal(size=(n, 3))),
}


def ways(kernel: Callable, signature: str, batch: np.ndarray) -> dict[str, Callable[[], object]]:
    """The ways to run a kernel over a batch."""
    ours, tensor = operator(signature, name=f"batch_{kernel.__name__}")(kernel), torch.from_numpy(batch)

    def under(backend, n_jobs):
        with scitorch.parallel(n_jobs, backend):
            return ours(tensor)

    def by_joblib(backend):
        jobs = (joblib.delayed(kernel)(item) for item in batch)
        return np.stack(joblib.Parallel(CORES, backend)(jobs))

    return {
        "loop": lambda: np.stack([kernel(item) for item in batch]),
        "joblib threading": lambda: by_joblib("threading"),
        "joblib loky": lambda: by_joblib("loky"),
        "futures, threads": lambda: np.stack(list(THREADS.map(kernel, batch))),
        "scitorch, n_jobs=1": lambda: under(None, 1),
        "scitorch": lambda: ours(tensor),
        "scitorch, threads": lambda: under("threading", CORES),
        "scitorch, loky": lambda: under("loky", CORES),
    }


def medians(timed: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Median milliseconds of each."""
    times = {name: [] for name in timed}
    for counted in [False] + [True] * rounds:
        for name, call in timed.items():
            begun = perf_counter()
            call()
            if counted:
                times[name].append(1e3 * (perf_counter() - begun))
    return {name: statistics.median(values) for name, values in times.items()}


def compared(items: int, rounds: int) -> Iterator[tuple[str, dict[str, float]]]:
    """For each case what each way takes, its values compared first."""
    for name, (kernel, signature, draw) in CASES.items():
        timed = ways(kernel, signature, draw(np.random.default_rng(0), items))
        expected = timed["loop"]()
        for call in timed.values():
            np.testing.assert_allclose(np.asarray(call()), expected, rtol=1e-12, atol=1e-12)
        yield name, medians(timed, rounds)


def slope(rounds: int) -> float:
    """The exponent with which our time grows with the batch: 1 is linear."""
    kernel, signature, draw = CASES["sqrtm 40²"]
    sizes = [16, 32, 64, 128, 256, 512]
    timed = {str(n): ways(kernel, signature, draw(np.random.default_rng(0), n))["scitorch"] for n in sizes}
    return np.polyfit(np.log(sizes), np.log(list(medians(timed, rounds).values())), 1)[0]


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--items", type=int, default=64)
    arguments = parser.parse_args()
    print(f"{arguments.items} items on {CORES} cores, ms, median of {arguments.rounds} (times as fast as the loop)\n")
    for name, table in compared(arguments.items, arguments.rounds):
        print(f"{name}")
        for way, taken in table.items():
            print(f"    {way:20s}{taken:10.1f}   ({table['loop'] / taken:.2f})")
    print(f"\ntime of sqrtm grows with the batch to the power {slope(arguments.rounds):.2f}")


if __name__ == "__main__":
    main()
