"""A case: one thing computed in several ways, let in to be timed if their results agree."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Protocol

import numpy as np
import torch

Call = Callable[[], Any]
Key = tuple[str, str]  # a way, and what it does: "forward", "both", or a size

OURS = "scitorch"


class Case(Protocol):
    """What a benchmark is to the harness.

    Attributes
    ----------
    name : str
        Unique, and the same from release to release, so that results can be compared.
    group : str
        The table it stands in.
    slow : bool
        Left out of a quick run.
    floors : tuple of str
        Ways that show what is possible at all: no peers, ours isn't held against them.
    rivals : tuple of str
        The peers that ours is held against; empty for all of them.
    """

    @property
    def name(self) -> str: ...  # noqa: D102  described at the class
    @property
    def group(self) -> str: ...  # noqa: D102  described at the class
    @property
    def slow(self) -> bool: ...  # noqa: D102  described at the class
    @property
    def floors(self) -> tuple[str, ...]: ...  # noqa: D102  described at the class
    @property
    def rivals(self) -> tuple[str, ...]: ...  # noqa: D102  described at the class

    def admitted(self) -> Admission:
        """Make all calls that are to be timed, their results compared."""
        ...


class DisagreementError(AssertionError):
    """SciPy and scitorch do not agree: there is nothing to be timed."""


@dataclass
class Admission:
    """The ways of a case that may be timed, and why others may not.

    Attributes
    ----------
    name : str
        Of the case.
    agreement : float
        The largest difference allowed, relative to the largest element.
    calls : dict
        What is timed.
    refused : dict
        "wrong" or "raises" for each of the others.
    seconds : dict
        What the call took that was compared, all that it does only once counted in.
    """

    name: str
    agreement: float = 1e-8
    calls: dict[Key, Call] = field(default_factory=dict[Key, Call])
    refused: dict[Key, str] = field(default_factory=dict[Key, str])
    seconds: dict[Key, float] = field(default_factory=dict[Key, float])
    _expected: dict[str, list[Any]] = field(default_factory=dict[str, list[Any]])

    def admit(self, way: str, what: str, call: Call, *, trusted: bool = False) -> None:
        """Let a way in, if it gives what the first trusted one gave.

        Parameters
        ----------
        way, what : str
            Its name, and what the call does.
        call : callable
            Takes nothing; returns tensors or arrays, or one of them.
        trusted : bool
            Whether it must be right: if it isn't, nothing is measured.

        Raises
        ------
        DisagreementError
            If a trusted one isn't right.
        """
        begun = perf_counter()
        try:
            got = _arrays(call())
        except Exception:
            if trusted:
                raise
            self.refused[way, what] = "raises"
            return
        taken = perf_counter() - begun
        if what not in self._expected:
            if not trusted:
                raise DisagreementError(f"{self.name}, {what}: nothing to hold {way} against")
            self._expected[what] = got
        if problem := self._problem(self._expected[what], got):
            if trusted:
                raise DisagreementError(f"{self.name}, {what} of {way}: {problem}")
            self.refused[way, what] = "wrong"
            return
        self.calls[way, what] = call
        self.seconds[way, what] = taken

    def _problem(self, expected: list[Any], got: list[Any]) -> str:
        """What is wrong; nothing if all is right."""
        if len(expected) != len(got):
            return f"{len(expected)} results and {len(got)}"
        for left, right in zip(expected, got, strict=True):
            if left.shape != right.shape:
                return f"shapes {left.shape} and {right.shape}"
            error = np.abs(left - right).max() / max(np.abs(left).max(), np.finfo(float).tiny)
            if not error < self.agreement:
                return f"relative error {error:.1e}"
        return ""


def _arrays(results: Any) -> list[Any]:
    parts: Sequence[Any] = results if isinstance(results, tuple | list) else (results,)
    return [np.asarray(x.detach() if isinstance(x, torch.Tensor) else x) for x in parts]
