"""Time several ways of computing the same, in turns, with pyperf's timer, statistics and files."""

from __future__ import annotations

import statistics
import timeit
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from scitorch.bench.case import OURS, Call, Case, Key
from scitorch.bench.shares import shares

if TYPE_CHECKING:
    import pyperf

BLOCK = 0.02  # seconds: long against the clock, short against the machine's moods
LONG = 1.0  # seconds a call, from which on a way gets but FEW rounds, and none for learning how long it takes
FEW, LEAST = 2, 5
SURELY = 4 * LONG  # a first call that takes longer isn't compiling alone


@dataclass(frozen=True)
class Pace:
    """How much is measured.

    Attributes
    ----------
    rounds : int
        At most so many a case.
    limit : float
        Seconds for the rounds of a case; five are made in any case, two of a call that takes more than a second.
    """

    rounds: int
    limit: float


@dataclass(frozen=True)
class Measurement:
    """What was measured of a case.

    Attributes
    ----------
    case : Case
        Which one.
    benchmarks : dict
        A `pyperf.Benchmark` for each way and what it did, in seconds a call; all have their values in the order of the
        rounds.
    refused : dict
        "wrong" or "raises" for each way that wasn't timed.
    shares : dict
        Where the time of ours goes, with gradients: each owner's part.
    """

    case: Case
    benchmarks: Mapping[Key, pyperf.Benchmark]
    refused: Mapping[Key, str]
    shares: Mapping[str, float] = field(default_factory=dict[str, float])

    def median(self, way: str, what: str) -> float:
        """Seconds a call."""
        return self.benchmarks[way, what].median()

    def spread(self, way: str, what: str) -> float:
        """The median absolute deviation, relative to the median."""
        return self.benchmarks[way, what].median_abs_dev() / self.median(way, what)

    def ratio(self, way: str, other: str, what: str) -> float:
        """How long one takes beside another in the same round: the median over the rounds."""
        rounds = zip(*(self.benchmarks[name, what].get_values() for name in (way, other)), strict=False)
        return statistics.median(mine / theirs for mine, theirs in rounds)

    def ways(self) -> list[str]:
        """All that took part, refused ones too."""
        return list(dict.fromkeys(way for way, _ in (*self.benchmarks, *self.refused)))

    def whats(self) -> list[str]:
        """What was done, such as "forward" and "both"."""
        return list(dict.fromkeys(what for _, what in self.benchmarks))

    def best_peer(self, what: str) -> str | None:
        """Who is fastest beside us, of those that we are held against."""
        peers = [way for way, done in self.benchmarks if done == what and self._is_peer(way)]
        return min(peers, key=lambda way: self.median(way, what)) if peers else None

    def _is_peer(self, way: str) -> bool:
        return way != OURS and way not in self.case.floors and (not self.case.rivals or way in self.case.rivals)


def measure(case: Case, pace: Pace) -> Measurement:
    """Compare the ways of a case, then time them in turns.

    Parameters
    ----------
    case : Case
        What to measure.
    pace : Pace
        How long.

    Returns
    -------
    Measurement
    """
    admission = case.admitted()
    benchmarks = in_turns(case.name, admission.calls, pace, admission.seconds)
    ours = admission.calls.get((OURS, "both"))
    return Measurement(case, benchmarks, admission.refused, shares(ours) if ours else {})


def in_turns(
    name: str, calls: Mapping[Key, Call], pace: Pace, first: Mapping[Key, float]
) -> dict[Key, pyperf.Benchmark]:
    """Time calls side by side.

    Parameters
    ----------
    name : str
        What the benchmarks' names begin with.
    calls : mapping
        What to time; each has been called before.
    pace : Pace
        How long.
    first : mapping
        Seconds that their first calls took.

    Returns
    -------
    dict
        A `pyperf.Benchmark` of each.

    Notes
    -----
    pyperf's own runner times one benchmark after the other, each in processes of its own: minutes lie between two ways
    of the same, in which a shared machine changes its mind by more than they differ. Here blocks of calls of all ways
    take turns, so that a drift touches all alike and a ratio is of neighbours in time. The clock, the statistics and
    the files are pyperf's.
    """
    import pyperf

    once = {key: seconds for key, seconds in first.items() if seconds > SURELY}
    for key, call in calls.items():
        if key not in once:
            once[key] = timeit.timeit(call, timer=pyperf.perf_counter, number=1)
    loops = {key: max(1, round(BLOCK / seconds)) for key, seconds in once.items()}
    spent = sum(loops[key] * seconds for key, seconds in once.items())
    values: dict[Key, list[float]] = {key: [] for key in calls}
    for turn in range(max(LEAST, min(pace.rounds, int(pace.limit / spent)))):
        for key, call in calls.items():
            if turn < FEW or once[key] < LONG:
                taken = timeit.timeit(call, timer=pyperf.perf_counter, number=loops[key])
                values[key].append(taken / loops[key])
    return {key: as_benchmark(name, key, values[key], loops[key]) for key in calls}


def as_benchmark(name: str, key: Key, values: list[float], loops: int = 1) -> pyperf.Benchmark:
    """Values as pyperf has them.

    Parameters
    ----------
    name : str
        Of the case.
    key : tuple of str
        The way, and what it did.
    values : list of float
        Seconds a call, in the order of the rounds.
    loops : int
        How many calls each is the mean of.

    Returns
    -------
    pyperf.Benchmark
    """
    import pyperf

    metadata: dict[str, Any] = {"name": f"{name}: {', '.join(key)}", "loops": loops, "unit": "second"}
    return pyperf.Benchmark([pyperf.Run(values, metadata=metadata, collect_metadata=False)])
