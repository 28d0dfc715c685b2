"""What importing takes, in fresh interpreters, in turns."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass

from scitorch.bench.case import Admission
from scitorch.bench.timing import Measurement, Pace, as_benchmark

MODULES = ("torch", "scipy.signal", "scitorch", "scitorch.signal", "scitorch.special", "scitorch.cli")
_TIMED = "import time; t = time.perf_counter(); import {}; print(time.perf_counter() - t)"


@dataclass(frozen=True)
class Startup:
    """The imports, each from nothing: what a module needs is counted in.

    Attributes
    ----------
    name, group, slow, floors, rivals
        As in `Case`.
    """

    name: str = "import"
    group: str = "startup"
    slow: bool = False
    floors: tuple[str, ...] = MODULES
    rivals: tuple[str, ...] = ()

    def admitted(self) -> Admission:
        """Nothing: an interpreter imports once, so there is no call to repeat."""
        return Admission(self.name)


def measure(pace: Pace) -> Measurement:
    """Import in fresh interpreters.

    Parameters
    ----------
    pace : Pace
        How many times.

    Returns
    -------
    Measurement
        A way a module.
    """
    values: dict[str, list[float]] = {module: [] for module in MODULES}
    # The first time, files come from the disk. An import takes a hundred times as long as a round of anything else.
    for counted in [False] + [True] * min(5, pace.rounds // 3):
        for module in MODULES:
            command = [sys.executable, "-c", _TIMED.format(module)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603  the command is ours
            if counted:
                values[module].append(float(done.stdout))
    case = Startup()
    benchmarks = {(name, "import"): as_benchmark(case.name, (name, "import"), taken) for name, taken in values.items()}
    return Measurement(case, benchmarks, {})
