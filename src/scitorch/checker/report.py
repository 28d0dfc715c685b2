"""What a check found: rows, findings, and the report that holds them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from torch import Tensor

Status = Literal["right", "wrong", "raises", "skipped"]


@dataclass(frozen=True)
class Row:
    """One property of one argument (or, where `argument` is empty, of the whole function), tried.

    Attributes
    ----------
    property, argument : str
        What was tried, and on which argument.
    status : "right", "wrong", "raises" or "skipped"
        "raises" is a clear refusal (no forward mode, say), which is no mistake.
    detail : str
        The error raised, the reason for skipping, or what was compared.
    relative_error : float, optional
        The largest that was seen.
    seconds : float
        How long it took.
    """

    property: str
    argument: str
    status: Status
    detail: str = ""
    relative_error: float | None = None
    seconds: float = 0.0


@dataclass(frozen=True)
class Finding:
    """One mistake, named.

    Attributes
    ----------
    property, argument : str
        The row's.
    index : tuple of int, optional
        The worst element; None where no element is to blame.
    expected, got : float or complex, optional
        At that element.
    relative_error : float, optional
        At that element, against the largest expected value.
    cause : str
        A short name of the mistake, one of `diagnosis.CAUSES`.
    diagnosis, advice : str
        One sentence each: what the mistake is, what to do.
    reproduction : str
        A few lines of Python that show it.
    expected_values, got_values : Tensor, optional
        Whole, for pictures.
    """

    property: str
    argument: str
    cause: str
    diagnosis: str
    advice: str
    reproduction: str = ""
    index: tuple[int, ...] | None = None
    expected: float | complex | None = None
    got: float | complex | None = None
    relative_error: float | None = None
    expected_values: Tensor | None = field(default=None, repr=False, compare=False)
    got_values: Tensor | None = field(default=None, repr=False, compare=False)


class GradientCheckError(AssertionError):
    """A check found mistakes; ``report`` has them."""

    def __init__(self, report: Report) -> None:
        super().__init__(str(report))
        self.report = report


@dataclass(frozen=True)
class Report:
    """All that a check tried and found; made by `scitorch.check`.

    Attributes
    ----------
    name : str
        What was checked.
    mode : "full" or "quick"
    seed : int
    rows : sequence of Row
        Every property that was tried.
    findings : sequence of Finding
        What is wrong, worst first.
    seconds : float
    """

    name: str
    mode: str
    seed: int
    rows: Sequence[Row]
    findings: Sequence[Finding]
    seconds: float

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings

    def raise_for_failures(self) -> None:
        """Raise `GradientCheckError`, an `AssertionError`, if anything is wrong."""
        if self.findings:
            raise GradientCheckError(self)
