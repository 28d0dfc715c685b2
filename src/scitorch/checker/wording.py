"""How every face of a report words its parts."""

from __future__ import annotations

from .report import Finding, Report, Row, Status

STATUSES: tuple[Status, ...] = ("right", "wrong", "raises", "skipped")


def verdict(report: Report) -> str:
    """The result in short, as in "right", "1 mistake", "3 mistakes" or "gradient not checked".

    Parameters
    ----------
    report : Report
        To be summed up.

    Returns
    -------
    str
        A few words.
    """
    count = sum(finding.cause != "not checked" for finding in report.findings)
    if count:
        return f"{count} mistake{'s' if count > 1 else ''}"
    return "gradient not checked" if report.findings else "right"


def counts(report: Report) -> str:
    """How many properties came out how, as in "12 right, 1 skipped".

    Parameters
    ----------
    report : Report
        Its rows are counted.

    Returns
    -------
    str
        Without what did not occur.
    """
    statuses = [row.status for row in report.rows]
    return ", ".join(f"{statuses.count(s)} {s}" for s in STATUSES if s in statuses) or "nothing tried"


def circumstances(report: Report) -> str:
    """Mode, seed and time.

    Parameters
    ----------
    report : Report
        Whose they are.

    Returns
    -------
    str
        One line.
    """
    return f"{report.mode} check, seed {report.seed}, {report.seconds:.1f} s"


def subject(part: Row | Finding) -> str:
    """What a row or finding is about: the property, and the argument if there is one.

    Parameters
    ----------
    part : Row or Finding
        Of a report.

    Returns
    -------
    str
        As in "gradient, x".
    """
    return f"{part.property}, {part.argument}" if part.argument else part.property


def measurements(finding: Finding) -> list[tuple[str, str]]:
    """The numbers of a finding, those that it has.

    Parameters
    ----------
    finding : Finding
        Of a report.

    Returns
    -------
    list of (str, str)
        Name and text.
    """
    facts: list[tuple[str, str]] = []
    if finding.index is not None:
        facts.append(("worst element", f"[{', '.join(map(str, finding.index))}]"))
    facts += [
        (name, number(value))
        for name, value in (("expected", finding.expected), ("got", finding.got))
        if value is not None
    ]
    return [*facts, ("relative error", error(finding.relative_error))] if finding.relative_error is not None else facts


def number(value: complex) -> str:
    """A number with the digits that a comparison needs.

    Parameters
    ----------
    value : float or complex
        Any, NaN too.

    Returns
    -------
    str
        With eight digits at most.
    """
    return f"{value:.8g}"


def error(value: float | None) -> str:
    """A relative error.

    Parameters
    ----------
    value : float or None
        None where there is none.

    Returns
    -------
    str
        With two digits; empty for None.
    """
    return "" if value is None else f"{value:.1e}"
