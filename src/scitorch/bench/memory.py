"""What a call takes at its peak beside its inputs, in an interpreter of its own."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from scitorch.bench.case import OURS
from scitorch.bench.cases import cases
from scitorch.bench.function import FunctionCase, torch_calls

# Large enough for arrays to outweigh what an interpreter does by itself.
QUICK = (
    "fft.dct, 10⁶",
    "ndimage.gaussian_filter, 1024 × 1024, σ = 5, float64",
)
NAMES = (
    *QUICK,
    "signal.lfilter, 10⁶ samples, order 4, in b, a and x",
    "signal.sosfilt, 10⁶ samples, 3 sections, in sos and x",
    "signal.fftconvolve, 512 × 512 with 63 × 63",
    "linalg.expm, 500 × 500",
    "special.betainc, 10⁶, in x",
    "interpolate.CubicSpline, 1000 knots, 10⁶ sorted points, in values and points",
)
_STATUS = Path("/proc/self/status")
_RESET = Path("/proc/self/clear_refs")


@dataclass(frozen=True)
class Memory:
    """Bytes that a call took at its peak, its inputs not counted, its outputs counted.

    Attributes
    ----------
    name : str
        Of the case.
    inputs, value, gradients : int
        The sizes of the arrays.
    scipy, forward, both : int
        SciPy's call; ours; ours with all gradients.
    """

    name: str
    inputs: int
    value: int
    gradients: int
    scipy: int
    forward: int
    both: int

    @property
    def forward_ratio(self) -> float:
        """Beside what SciPy's call takes, which has the same output."""
        return self.forward / max(self.scipy, self.value)

    @property
    def both_ratio(self) -> float:
        """Beside the outputs, and what SciPy's call takes for itself."""
        return self.both / (self.value + self.gradients + max(0, self.scipy - self.value))


def measure(name: str) -> Memory:
    """Measure a case in an interpreter of its own.

    Parameters
    ----------
    name : str
        Of the case.

    Returns
    -------
    Memory
    """
    # Large blocks come from the system and go back at once; else the allocator keeps some, and a peak isn't seen.
    environment = os.environ | {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}
    command = [sys.executable, "-m", "scitorch.bench.memory", name]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)  # noqa: S603  ours
    return Memory(**json.loads(done.stdout))


def supported() -> bool:
    """Whether the system tells a peak, and forgets the one before: Linux does."""
    return os.access(_RESET, os.W_OK)


def _here(case: FunctionCase) -> Memory:
    rng = np.random.default_rng(0)
    arrays: Sequence[Any] = [np.ascontiguousarray(x) for x in case.inputs(rng)]
    value = case.scipy(*arrays)
    forward, both = torch_calls(case.ours, arrays, np.ones_like(value))
    size = sum(x.nbytes for x in arrays)
    calls: dict[str, Callable[[], Any]] = {"SciPy": lambda: case.scipy(*arrays), OURS: forward, "both": both}
    peaks = {name: _peak(call) for name, call in calls.items()}
    return Memory(case.name, size, value.nbytes, size, peaks["SciPy"], peaks[OURS], peaks["both"])


def _peak(call: Callable[[], Any]) -> int:
    """After a call that loads and keeps whatever stays."""
    call()
    gc.collect()
    _RESET.write_text("5", encoding="ascii")  # the peak is forgotten
    before = _status("VmRSS")
    result = call()
    peak = _status("VmHWM")
    del result
    return max(0, peak - before)


def _status(entry: str) -> int:
    for line in _STATUS.read_text(encoding="utf-8").splitlines():
        if line.startswith(entry):
            return 1024 * int(line.split()[1])
    raise OSError(f"no {entry} in {_STATUS}")


def main(name: str) -> None:
    """Print what a case takes, as JSON.

    Parameters
    ----------
    name : str
        Of the case.
    """
    (case,) = (case for case in cases() if case.name == name)
    assert isinstance(case, FunctionCase)
    print(json.dumps(asdict(_here(case))))  # noqa: T201  to the process that asked


if __name__ == "__main__":
    main(sys.argv[1])
