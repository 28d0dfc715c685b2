"""What a check found: rows, findings, and the report that holds them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from torch import Tensor

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.console import RenderableType

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
        A short name of the mistake, one of `causes.CAUSES`.
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

    def __reduce__(self) -> tuple[type[GradientCheckError], tuple[Report]]:
        # By itself an exception is rebuilt from its text, and the report would be lost between processes.
        return type(self), (self.report,)


@dataclass(frozen=True)
class Report:
    """All that a check tried and found; made by `scitorch.check`.

    ``str()`` is plain text, a rich console prints a table, a notebook shows the page that `save_html` writes.

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
        __tracebackhide__ = True  # pytest shows the caller's line and the report instead
        if self.findings:
            raise GradientCheckError(self)

    def save_html(self, path: str | PathLike[str]) -> None:
        """Write the report as one self-contained page.

        Parameters
        ----------
        path : str or path
            The file to write; one that is there is overwritten. Its folder must exist.
        """
        from .page import page

        Path(path).write_text(page(self), encoding="utf-8")

    def plot(self) -> Figure:
        """Heat maps of what was expected, what was got, and the difference, for each finding that has values.

        Returns
        -------
        matplotlib.figure.Figure
            One row of three maps for each such finding.

        Raises
        ------
        MissingExtraError
            matplotlib is missing.
        """
        from .figure import figure

        return figure(self)

    def to_dict(self) -> dict[str, Any]:
        """The report in types that JSON knows.

        Returns
        -------
        dict
            The attributes by name, and ``ok``. A complex number is ``{"re": …, "im": …}``; what JSON has no number for
            is the string "nan", "inf" or "-inf"; an array is ``{"shape": …, "dtype": …, "values": …}``, where
            ``values`` is a nested list, or None for more than 4096 elements.
        """
        from .record import record

        return record(self)

    def __str__(self) -> str:
        from .text import text

        return text(self)

    def __rich__(self) -> RenderableType:
        from .terminal import renderable

        return renderable(self)

    def _repr_html_(self) -> str:
        from .page import fragment

        return fragment(self)
