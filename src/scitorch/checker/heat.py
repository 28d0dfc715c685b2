"""Heat maps as SVG, coloured by the page's style sheet, so that they follow its light and dark themes."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from itertools import groupby
from math import isinf, isnan

from .grid import Grid

STEPS = 16  # shades on each side of zero
WIDTH, HIGHEST_CELL = 256, 26  # pixels
NUMBERED = (8, 5)  # a map of at most so many rows and columns has its numbers written into it
NUMBERED_CELL = (26, 54)
STRONG = 10  # from this shade on, writing needs the other colour
# Of each theme: at zero, then the anchors towards negative and towards positive numbers.
PALETTES = {
    "light": ("#f5f6f7", ("#9ecae8", "#3b8bc6", "#0b3c73"), ("#f6b394", "#d6533f", "#7d0a20")),
    "dark": ("#262b32", ("#1f5686", "#4795d1", "#b5dcfa"), ("#843a2c", "#dd6a50", "#ffcdb8")),
}


def heat_map(grid: Grid) -> str:
    """A heat map and its scale.

    Parameters
    ----------
    grid : Grid
        What is shown.

    Returns
    -------
    str
        An SVG element.
    """
    rows, columns = len(grid.cells), len(grid.cells[0])
    height, width = _cell_size(rows, columns)
    label = f"{grid.title}: {rows} by {columns} cells from {_short(grid.lower)} to {_short(grid.bound)}"
    return _svg(
        columns * width,
        rows * height,
        label,
        f'<g transform="scale({width},{height})" shape-rendering="crispEdges">{"".join(_cells(grid))}</g>'
        + "".join(_numbers(grid, height, width))
        + _mark(grid, height, width),
    )


def scale(grid: Grid) -> str:
    """The scale of a heat map: a strip of its colours, with the numbers at its ends.

    Parameters
    ----------
    grid : Grid
        What is shown.

    Returns
    -------
    str
        HTML.
    """
    first = 0 if grid.is_modulus else -STEPS
    colours = "".join(f'<path class="{_shade(i)}" d="{_run(i - first, 0, 1)}"/>' for i in range(first, STEPS + 1))
    count = STEPS + 1 - first
    strip = (
        f'<svg class="strip" viewBox="0 0 {count} 1" preserveAspectRatio="none" aria-hidden="true" '
        f'shape-rendering="crispEdges">{colours}</svg>'
    )
    ends = [_short(grid.lower), *([] if grid.is_modulus else ["0"]), _short(grid.bound)]
    rows, columns = len(grid.cells), len(grid.cells[0])
    width = columns * _cell_size(rows, columns)[1]
    return f'<div class="scale" style="width:{width}px">{strip}{"".join(f"<span>{end}</span>" for end in ends)}</div>'


def shades(theme: str) -> Iterator[tuple[str, str]]:
    """The colours of a theme.

    Parameters
    ----------
    theme : str
        "light" or "dark".

    Yields
    ------
    (str, str)
        A class and its colour.
    """
    zero, negative, positive = PALETTES[theme]
    yield "z", zero
    for sign, anchors in (("n", negative), ("p", positive)):
        yield from ((f"{sign}{i}", _between((zero, *anchors), i / STEPS)) for i in range(1, STEPS + 1))


def _between(anchors: tuple[str, ...], share: float) -> str:
    """The colour at a share of the way along the anchors."""
    place = share * (len(anchors) - 1)
    i = min(int(place), len(anchors) - 2)
    low, high = (bytes.fromhex(anchor[1:]) for anchor in anchors[i : i + 2])
    return "#" + bytes(round(a + (place - i) * (b - a)) for a, b in zip(low, high, strict=True)).hex()


def _svg(width: int, height: int, label: str, content: str) -> str:
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    return f'<svg {size} role="img" aria-label="{escape(label)}">{content}</svg>'


def _is_numbered(rows: int, columns: int) -> bool:
    return rows <= NUMBERED[0] and columns <= NUMBERED[1]


def _cell_size(rows: int, columns: int) -> tuple[int, int]:
    if _is_numbered(rows, columns):
        return NUMBERED_CELL
    cell = min(WIDTH // max(rows, columns), HIGHEST_CELL)
    # A map of one row, or of few, would be a line: it gets higher cells.
    return (HIGHEST_CELL if rows < 3 else cell), (HIGHEST_CELL if columns < 3 else cell)


def _level(value: float, bound: float) -> int:
    return 0 if bound == 0 else max(-STEPS, min(STEPS, round(STEPS * value / bound)))


def _shade(level: int) -> str:
    return f"p{level}" if level > 0 else f"n{-level}" if level else "z"


def _class(value: float, bound: float) -> str:
    if isnan(value):
        return "nan"
    return "inf" if isinf(value) else _shade(_level(value, bound))


def _cells(grid: Grid) -> Iterator[str]:
    """One path for each colour: a thousandth of the size of a rectangle for each cell."""
    paths: dict[str, list[str]] = {}
    strokes: dict[str, list[str]] = {"nan": [], "inf": []}
    for y, row in enumerate(grid.cells):
        x = 0
        for name, run in groupby(_class(value, grid.bound) for value in row):
            length = len(list(run))
            paths.setdefault(name, []).append(_run(x, y, length))
            if name in strokes:
                strokes[name] += (_stroke(name, i, y) for i in range(x, x + length))
            x += length
    yield from (f'<path class="{name}" d="{"".join(runs)}"/>' for name, runs in paths.items())
    yield from (f'<path class="{name}-line" d="{"".join(lines)}"/>' for name, lines in strokes.items() if lines)


def _run(x: int, y: int, length: int) -> str:
    return f"M{x} {y}h{length}v1h-{length}z"


def _stroke(name: str, x: int, y: int) -> str:
    """The diagonals that tell NaN (a cross) and infinities (one line) from numbers without colour."""
    rising = f"M{x} {y + 1}l1 -1"
    return f"{rising}M{x} {y}l1 1" if name == "nan" else rising


def _numbers(grid: Grid, height: int, width: int) -> Iterator[str]:
    if not _is_numbered(len(grid.cells), len(grid.cells[0])):
        return
    for y, row in enumerate(grid.cells):
        for x, value in enumerate(row):
            odd = isnan(value) or isinf(value)
            strong = not odd and abs(_level(value, grid.bound)) >= STRONG
            name = "odd" if odd else "strong" if strong else "weak"
            place = f'x="{width * x + width / 2:g}" y="{height * y + height / 2 + 4:g}"'
            yield f'<text class="{name}" {place}>{_short(value)}</text>'


def _mark(grid: Grid, height: int, width: int) -> str:
    """A frame around the worst element, dark within light, to be seen on any colour."""
    if grid.mark is None:
        return ""
    y, x = grid.mark
    # Around a small cell and not over it, so that its colour is still seen.
    out = 2 if min(height, width) < 16 else 0
    corner = f'x="{width * x - out}" y="{height * y - out}"'
    frame = f'{corner} width="{width + 2 * out}" height="{height + 2 * out}"'
    return f'<rect class="halo" {frame}/><rect class="mark" {frame}/>'


def _short(value: float) -> str:
    """A number of three digits, of two where that gets too long for a cell, with a proper minus."""
    text = _tidy(f"{value:.3g}")
    return text if len(text) < 8 else _tidy(f"{value:.2g}")


def _tidy(number: str) -> str:
    return number.replace("e-0", "e-").replace("e+0", "e").replace("e+", "e").replace("-", "−")
