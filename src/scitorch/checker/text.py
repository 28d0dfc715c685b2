"""A report as plain text: for logs, for pytest, for an issue."""

from __future__ import annotations

from collections.abc import Iterator
from textwrap import indent

from .report import Finding, Report, Row
from .wording import circumstances, counts, error, measurements, subject, verdict

HEADINGS = ("property", "argument", "status", "error", "seconds", "detail")
RIGHT_ALIGNED = (3, 4)
GAP = "  "


def text(report: Report) -> str:
    """The report in full, nothing cut off.

    Parameters
    ----------
    report : Report
        To be shown.

    Returns
    -------
    str
        A summary, a table of the rows, then each finding.
    """
    total = len(report.findings)
    findings = (_finding(finding, f"{i} of {total}") for i, finding in enumerate(report.findings, 1))
    summary = f"{report.name}: {verdict(report)} ({counts(report)}; {circumstances(report)})"
    return "\n\n".join([summary, "\n".join(_table([HEADINGS, *map(_cells, report.rows)])), *findings])


def _cells(row: Row) -> tuple[str, ...]:
    return row.property, row.argument, row.status, error(row.relative_error), f"{row.seconds:.2f}", row.detail


def _table(lines: list[tuple[str, ...]]) -> Iterator[str]:
    *widths, _ = (max(map(len, column)) for column in zip(*lines, strict=True))
    # A detail of several lines, such as an error's message, goes on below its own beginning.
    margin = "\n" + " " * (sum(widths) + len(GAP) * len(widths))
    for *cells, detail in lines:
        aligned = (
            cell.rjust(width) if column in RIGHT_ALIGNED else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
        )
        yield GAP.join([*aligned, margin.join(detail.splitlines())]).rstrip()


def _finding(finding: Finding, place: str) -> str:
    facts = [("diagnosis", finding.diagnosis), ("advice", finding.advice), *measurements(finding)]
    width = max(len(name) for name, _ in facts)
    lines = [f"Mistake {place}: {subject(finding)} ({finding.cause})"]
    lines += [f"  {name.ljust(width)}  {fact}" for name, fact in facts if fact]
    if finding.reproduction:
        lines += ["  reproduction", indent(finding.reproduction.strip("\n"), " " * 6)]
    return "\n".join(lines)
