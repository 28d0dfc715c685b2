"""What is aimed at, and whether it was reached."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from scitorch.bench.case import OURS
from scitorch.bench.memory import Memory
from scitorch.bench.timing import Measurement
from scitorch.bench.why import WHY

WORK = 100e-6  # seconds that SciPy takes, from which on the call around it must not show
SCIPY, LOOP, SLOPE, PEAK = 1.1, 1.05, 1.1, 1.1

OVERHEAD = "a call never costs more than through a hand-written Function"
FLOOR = "forward within 1.1 of SciPy's own call, above 0.1 ms of work"
FORWARD = "forward ahead of every peer, above 0.1 ms of work"
BOTH = "forward + backward ahead of every peer, above 0.1 ms of work"
BATCH = "a batch takes at most 1.05 of the loop over its items"
LINEAR = "time at most linear in the batch (exponent at most 1.1)"
MEMORY = "peak memory at most the outputs and what SciPy takes itself (within a tenth)"


@dataclass(frozen=True)
class Outcome:
    """A goal at one case.

    Attributes
    ----------
    goal : str
        One of the above.
    case : str
        Its name, and who is ahead.
    value, bound : float
        What was measured, and what is allowed.
    """

    goal: str
    case: str
    value: float
    bound: float

    @property
    def met(self) -> bool:
        """Whether it was reached."""
        return self.value <= self.bound

    @property
    def reason(self) -> str:
        """Why not, where a profile has shown it."""
        return WHY.get(self.case, "")


def outcomes(measurements: Iterable[Measurement], memories: Iterable[Memory]) -> Iterator[Outcome]:
    """Every goal at every case that it is for.

    Parameters
    ----------
    measurements : iterable of Measurement
        Times.
    memories : iterable of Memory
        Peaks.

    Yields
    ------
    Outcome
    """
    for measurement in measurements:
        if measurement.case.group == "batch":
            yield Outcome(LINEAR, measurement.case.name, slope(measurement, OURS), SLOPE)
        elif measurement.case.group == "overhead":
            yield from (_beside_peer(OVERHEAD, measurement, what) for what in measurement.whats())
        elif measurement.case.group == "batches":
            yield Outcome(BATCH, measurement.case.name, measurement.ratio(OURS, "SciPy", "forward"), LOOP)
        elif works(measurement):
            yield from _of_function(measurement)
    for memory in memories:
        yield Outcome(MEMORY, memory.name, memory.forward_ratio, PEAK)
        yield Outcome(MEMORY, memory.name, memory.both_ratio, PEAK)


def works(measurement: Measurement) -> bool:
    """Whether there is enough work for the goals of functions."""
    key = ("SciPy", "forward")
    return key in measurement.benchmarks and measurement.median(*key) > WORK


def _of_function(measurement: Measurement) -> Iterator[Outcome]:
    yield Outcome(FLOOR, measurement.case.name, measurement.ratio(OURS, "SciPy", "forward"), SCIPY)
    for goal, what in (FORWARD, "forward"), (BOTH, "both"):
        if measurement.best_peer(what):
            yield _beside_peer(goal, measurement, what)


def _beside_peer(goal: str, measurement: Measurement, what: str) -> Outcome:
    peer = measurement.best_peer(what)
    return Outcome(goal, measurement.case.name, measurement.ratio(OURS, peer, what) if peer else 0.0, 1.0)


def slope(measurement: Measurement, way: str, suffix: str = "") -> float:
    """The exponent with which time grows, over the larger half of the sizes.

    Parameters
    ----------
    measurement : Measurement
        Of a series.
    way : str
        Whose.
    suffix : str
        What follows the size in the names of what was done.

    Returns
    -------
    float
        1 is linear.
    """
    found = curve(measurement, way, suffix)
    larger = found[len(found) // 2 - 1 :]
    return float(np.polyfit([math.log(n) for n, _ in larger], [math.log(t) for _, t in larger], 1)[0])


def curve(measurement: Measurement, way: str, suffix: str = "") -> Sequence[tuple[int, float]]:
    """Sizes and medians of a series.

    Parameters
    ----------
    measurement : Measurement
        Of a series.
    way : str
        Whose.
    suffix : str
        What follows the size in the names of what was done.

    Returns
    -------
    list of tuple
    """
    mine = [done for name, done in measurement.benchmarks if name == way and done.endswith(suffix)]
    sizes = [(done.removesuffix(suffix), done) for done in mine]
    return [(int(size), measurement.median(way, done)) for size, done in sizes if size.isdigit()]
