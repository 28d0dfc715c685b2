"""What a run of the demo is asked to do, and the mistakes that a person can make in asking."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

DEFAULT_STEPS = 1000
DEFAULT_SIZE = 256
SMALLEST, LARGEST = 48, 4096  # a patch and some room to move it; beyond, the filtering alone takes minutes
TARGET = 1e-2  # the relative error that the learned filter must stay below


class RequestError(ValueError):
    """Something asked for that cannot be done; its text is one line, for the person who asked."""


@dataclass(frozen=True)
class Settings:
    """The options of one run.

    Attributes
    ----------
    steps : int
        Training steps.
    size : int
        The photograph is cropped to a square and resized to ``size`` × ``size`` pixels.
    seed : int
        Of the hidden filter, the noise, the layer's start and the order of the patches.
    out : pathlib.Path
        Folder for ``demo.png`` and ``demo.json``; made if need be.
    device : str
        Where the layer lives, as PyTorch names devices.
    image : pathlib.Path or None
        A photograph; None takes the one in matplotlib's sample data.

    Raises
    ------
    RequestError
        An option is out of its range, or PyTorch cannot compute in float64 on the device.
    """

    steps: int = DEFAULT_STEPS
    size: int = DEFAULT_SIZE
    seed: int = 0
    out: Path = Path("scitorch-demo")
    device: str = "cpu"
    image: Path | None = None

    def __post_init__(self) -> None:
        if self.steps < 1:
            raise RequestError(f"--steps: expected at least 1, got {self.steps}.")
        if not SMALLEST <= self.size <= LARGEST:
            raise RequestError(f"--size: expected {SMALLEST} to {LARGEST} pixels, got {self.size}.")
        if not 0 <= self.seed < 2**63:
            raise RequestError(f"--seed: expected 0 to 2**63 - 1, got {self.seed}.")
        _check_device(self.device)

    @property
    def has_target(self) -> bool:
        """Whether the run is long and large enough that the filter error must be below `TARGET`."""
        return self.steps >= DEFAULT_STEPS and self.size >= DEFAULT_SIZE


def _check_device(device: str) -> None:
    try:
        torch.zeros((), dtype=torch.float64, device=device).item()
    except Exception as error:  # every backend has an error type of its own for being absent
        reason = str(error).strip().partition("\n")[0]
        raise RequestError(
            f"--device: expected a device that computes in float64 here, got {device!r} ({reason})."
        ) from error
