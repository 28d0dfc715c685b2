"""A report as a page: one file, without scripts, that asks for nothing from anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from importlib.metadata import PackageNotFoundError, version
from math import isinf, isnan

import torch

from .grid import Grid, caption, grids
from .heat import heat_map, scale
from .report import Finding, Report, Row, Status
from .style import style
from .wording import circumstances, counts, error, measurements, subject, verdict

SYMBOLS: dict[Status, str] = {"right": "✓", "wrong": "✗", "raises": "!", "skipped": "-"}
LONG = 160  # characters of a row's detail; more is folded behind its first line


def page(report: Report) -> str:
    """The report as a whole page.

    Parameters
    ----------
    report : Report
        To be shown.

    Returns
    -------
    str
        HTML. Its policy forbids a browser to load anything.
    """
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(report.name)}: {verdict(report)}</title>\n"
        "<style>html { background: #fff; } body { margin: 0; }\n"
        "@media (prefers-color-scheme: dark) { html { background: #14171b; } }</style>\n"
        f"</head>\n<body>\n{fragment(report)}\n</body>\n</html>\n"
    )


def fragment(report: Report) -> str:
    """The report as a part of someone else's page, a notebook's.

    Parameters
    ----------
    report : Report
        To be shown.

    Returns
    -------
    str
        HTML whose style sheet touches nothing but itself.
    """
    total = len(report.findings)
    parts = [_header(report), *(_finding(f, i, total) for i, f in enumerate(report.findings, 1)), _table(report)]
    return f'<div class="scitorch-report">\n<style>{style()}</style>\n{"".join(parts)}{_footer()}</div>'


def _header(report: Report) -> str:
    result, symbol = ("right", SYMBOLS["right"]) if report.ok else ("wrong", SYMBOLS["wrong"])
    return (
        f'<header><p class="kind">Gradient check</p>\n<h1>{escape(report.name)}</h1>\n'
        f'<p class="verdict {result}"><span aria-hidden="true">{symbol}</span> {verdict(report).capitalize()}</p>\n'
        f'<p class="facts">{escape(counts(report))} · {escape(circumstances(report))}</p></header>\n'
    )


def _finding(finding: Finding, number: int, total: int) -> str:
    advice = f'<p class="advice">{escape(finding.advice)}</p>\n' if finding.advice else ""
    facts = "".join(f"<div><dt>{name}</dt><dd>{escape(value)}</dd></div>" for name, value in measurements(finding))
    return (
        f'<section class="finding" id="mistake-{number}">\n<p class="kind">Mistake {number} of {total} · '
        f"{escape(subject(finding))} · {escape(finding.cause)}</p>\n"
        f"<h2>{escape(finding.diagnosis)}</h2>\n{advice}"
        + (f'<dl class="facts">{facts}</dl>\n' if facts else "")
        + _maps(finding)
        + _reproduction(finding)
        + "</section>\n"
    )


def _maps(finding: Finding) -> str:
    maps = grids(finding)
    if not maps:
        return ""
    shared = caption(maps)
    figures = "".join(
        f"<figure><figcaption>{escape(grid.title)}</figcaption>{heat_map(grid)}{scale(grid)}"
        f"{_notes([note for note in grid.notes if note not in shared])}</figure>\n"
        for grid in maps
    )
    return f'<div class="maps">{figures}</div>\n{_notes([*shared, *_legend(maps)])}'


def _legend(maps: list[Grid]) -> Iterator[str]:
    yield "framed: the worst element"
    values = [value for grid in maps for row in grid.cells for value in row]
    if any(map(isnan, values)):
        yield "crossed: NaN"
    if any(map(isinf, values)):
        yield "struck through: infinite"


def _notes(notes: list[str]) -> str:
    sentence = "; ".join(notes)
    return f'<p class="note">{escape(sentence[0].upper() + sentence[1:])}.</p>' if notes else ""


def _reproduction(finding: Finding) -> str:
    if not finding.reproduction:
        return ""
    code = escape(finding.reproduction.strip("\n"))
    return f'<p class="kind">Reproduction</p>\n<pre tabindex="0"><code>{code}</code></pre>\n'


def _table(report: Report) -> str:
    headings = "".join(
        f'<th scope="col"{number}>{name}</th>'
        for name, number in (
            ("property", ""),
            ("argument", ""),
            ("status", ""),
            ("error", ' class="number"'),
            ("seconds", ' class="number"'),
            ("detail", ""),
        )
    )
    rows = "".join(map(_row, report.rows))
    return (
        '<section>\n<h2>What was tried</h2>\n<div class="wide" tabindex="0"><table>\n'
        f"<thead><tr>{headings}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table></div>\n</section>\n"
    )


def _row(row: Row) -> str:
    return "<tr>" + "".join(_cells(row)) + "</tr>\n"


def _cells(row: Row) -> Iterator[str]:
    yield f'<th scope="row">{escape(row.property)}</th><td><code>{escape(row.argument)}</code></td>'
    symbol = f'<span aria-hidden="true">{SYMBOLS[row.status]}</span>'
    yield f'<td><span class="status {row.status}">{symbol} {row.status}</span></td>'
    yield f'<td class="number">{error(row.relative_error)}</td><td class="number">{row.seconds:.2f}</td>'
    yield f"<td>{_detail(row.detail)}</td>"


def _detail(detail: str) -> str:
    first, _, rest = detail.partition("\n")
    if not rest and len(first) <= LONG:
        return escape(detail)
    summary = first if len(first) <= LONG else first[:LONG] + " …"
    return f"<details><summary>{escape(summary)}</summary><pre>{escape(detail)}</pre></details>"


def _footer() -> str:
    try:
        ours = version("scitorch")
    except PackageNotFoundError:
        ours = "(not installed)"
    return f"<footer>scitorch {escape(ours)}, PyTorch {escape(torch.__version__)}</footer>\n"
