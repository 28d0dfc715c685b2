"""A report on a terminal that knows colours."""

from __future__ import annotations

from collections.abc import Iterator

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from .report import Finding, Report, Status
from .wording import circumstances, counts, error, measurements, subject, verdict

STYLES: dict[Status, str] = {"right": "green", "wrong": "bold red", "raises": "yellow", "skipped": "dim"}


def renderable(report: Report) -> RenderableType:
    """The report for a rich console.

    Parameters
    ----------
    report : Report
        To be shown.

    Returns
    -------
    rich.console.RenderableType
        A summary, a table of the rows, then each finding.
    """
    # Text and not markup, throughout: names and messages may hold square brackets.
    summary = Text.assemble(
        (report.name, "bold"), ": ", (verdict(report), STYLES["right" if report.ok else "wrong"]), "\n"
    ).append(f"{counts(report)}; {circumstances(report)}", "dim")
    total = len(report.findings)
    findings = (_finding(finding, f"{i} of {total}") for i, finding in enumerate(report.findings, 1))
    return Group(summary, _table(report), *findings)


def _table(report: Report) -> Table:
    table = Table(box=SIMPLE_HEAD)
    for heading in ("property", "argument", "status"):
        table.add_column(heading, overflow="fold")
    table.add_column("error", justify="right", no_wrap=True)
    table.add_column("detail", overflow="fold")
    for row in report.rows:
        status, figure = Text(row.status, STYLES[row.status]), Text(error(row.relative_error))
        table.add_row(Text(row.property), Text(row.argument), status, figure, Text(_first_line(row.detail)))
    return table


def _first_line(detail: str) -> str:
    """An error's first line says what it is; the rest would push the table apart, and is in the plain text."""
    first, _, rest = detail.partition("\n")
    return f"{first} …" if rest else first


def _finding(finding: Finding, place: str) -> RenderableType:
    return Group(*_lines(finding, place), "")


def _lines(finding: Finding, place: str) -> Iterator[RenderableType]:
    yield Text.assemble((f"Mistake {place}: ", STYLES["wrong"]), (subject(finding), "bold"), f" ({finding.cause})")
    facts = Table.grid(padding=(0, 2))
    facts.add_column(no_wrap=True, style="dim")
    facts.add_column(overflow="fold")
    for name, fact in (("diagnosis", finding.diagnosis), ("advice", finding.advice), *measurements(finding)):
        if fact:
            facts.add_row(name, Text(fact))
    yield Padding(facts, (0, 0, 0, 2))
    if finding.reproduction:
        yield Text("  reproduction", "dim")
        # Without a frame, so that what is copied from the terminal runs.
        yield Padding(Text(finding.reproduction.strip("\n"), "cyan", overflow="fold"), (0, 0, 0, 6))
