"""The figures of a run, what they amount to, and the files they are kept in."""

from __future__ import annotations

import json
import math
import platform
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from errno import EISDIR
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from scitorch.demo.corruption import NOISE, Scene
from scitorch.demo.modes import Outcome
from scitorch.demo.photograph import SAMPLE
from scitorch.demo.settings import TARGET, RequestError, Settings
from scitorch.demo.training import Recovery

PICTURE, FIGURES = "demo.png", "demo.json"


@dataclass(frozen=True)
class Report:
    """Everything that a run found out.

    Attributes
    ----------
    settings : Settings
        What was asked for.
    scene : Scene
        The pictures and the hidden filter.
    recovery : Recovery
        The learned filter.
    outcomes : list of Outcome
        The layer in every mode.
    """

    settings: Settings
    scene: Scene
    recovery: Recovery
    outcomes: list[Outcome]

    @property
    def error(self) -> float:
        """Relative error of the learned filter."""
        return self.recovery.errors[-1]

    def failures(self) -> list[str]:
        """What went wrong, a sentence each; empty if all is well."""
        sentences = [
            f"{outcome.mode}: {outcome.reason or f'the relative error is {outcome.error:.1e}'}."
            for outcome in self.outcomes
            if outcome.verdict != "ok"
        ]
        if self.settings.has_target and not self.error < TARGET:
            sentences.append(f"The filter error {self.error:.2e} is not below {TARGET:g}.")
        return sentences

    def figures(self, seconds: float) -> dict[str, Any]:
        """The figures as JSON has them.

        Parameters
        ----------
        seconds : float
            The whole run took.

        Returns
        -------
        dict
            All but ``seconds`` and ``versions`` is the same whenever the settings are.
        """
        hidden, learned = self.scene, self.recovery
        return {
            "photograph": str(self.settings.image or SAMPLE),
            "steps": self.settings.steps,
            "size": self.settings.size,
            "seed": self.settings.seed,
            "device": self.settings.device,
            "noise": NOISE,
            "filter": {"hidden": hidden.filter.tolist(), "learned": learned.filter.tolist()},
            "offset": {"hidden": hidden.offset, "learned": learned.offset},
            "filter_error": self.error,
            "filter_error_target": TARGET if self.settings.has_target else None,
            "losses": learned.losses,
            "filter_errors": learned.errors,
            "modes": [_mode(outcome) for outcome in self.outcomes],
            "failures": self.failures(),
            "seconds": {
                "training": learned.seconds,
                "modes": {outcome.mode: outcome.seconds for outcome in self.outcomes},
                "total": seconds,
            },
            "versions": _versions(),
        }


@contextmanager
def drafts(folder: Path) -> Generator[Path]:
    """A folder to draft files in, which goes when the run ends, however it ends.

    Parameters
    ----------
    folder : pathlib.Path
        Where the files belong; made if need be, and found out at once if it can't be written to.

    Yields
    ------
    pathlib.Path
        The folder of the drafts, inside it.
    """
    with writing_to(folder):
        folder.mkdir(parents=True, exist_ok=True)
        if taken := [name for name in (PICTURE, FIGURES) if (folder / name).is_dir()]:
            raise IsADirectoryError(EISDIR, f"{taken[0]} in it is a folder")
        draft = TemporaryDirectory(prefix=".draft-", dir=folder)
    with draft as path:
        yield Path(path)


@contextmanager
def writing_to(folder: Path) -> Generator[None]:
    """Say in one line why files cannot be written.

    Parameters
    ----------
    folder : pathlib.Path
        Where they belong.

    Yields
    ------
    None

    Raises
    ------
    RequestError
        In place of any `OSError`.
    """
    try:
        yield
    except OSError as error:
        raise RequestError(
            f"--out: expected a folder to write to, got {folder} ({error.strerror or error})."
        ) from error


def publish(draft: Path, folder: Path) -> None:
    """Move the finished drafts to their places.

    Parameters
    ----------
    draft, folder : pathlib.Path
        Where they are, and where they belong.
    """
    for file in sorted(draft.iterdir()):
        file.replace(folder / file.name)


def write_figures(path: Path, figures: dict[str, Any]) -> None:
    """Write figures as JSON.

    Parameters
    ----------
    path : pathlib.Path
        The file.
    figures : dict
        What goes into it.
    """
    path.write_text(json.dumps(figures, indent=1, allow_nan=False) + "\n", encoding="utf-8")


def _mode(outcome: Outcome) -> dict[str, Any]:
    """An outcome without its time; an error that is no number is null, as JSON has no other word for it."""
    row = asdict(outcome)
    del row["seconds"]
    return row | {"error": outcome.error if math.isfinite(outcome.error) else None}


def _versions() -> dict[str, str]:
    packages = ("scitorch", "torch", "numpy", "scipy", "matplotlib", "pillow")
    return {"python": platform.python_version()} | {package: _version(package) for package in packages}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
