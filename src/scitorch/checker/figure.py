"""A report's heat maps as a figure of matplotlib's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from scitorch.core.errors import ScitorchError

from .grid import Grid, caption, grids
from .report import Report
from .wording import subject, verdict

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

NOT_A_NUMBER = "#e3c000"


class MissingExtraError(ScitorchError, ImportError):
    """Something that only an extra of scitorch's installs."""


def figure(report: Report) -> Figure:
    """Expected, got and difference, for each finding that has values.

    Parameters
    ----------
    report : Report
        To be drawn.

    Returns
    -------
    matplotlib.figure.Figure
        One row of maps for each such finding; a sentence where there is none.

    Raises
    ------
    MissingExtraError
        matplotlib is missing.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError(
            "Report.plot", "matplotlib", "the extra 'pictures'", str(error), 'pip install "scitorch[pictures]"'
        ) from error
    drawn = [(subject(finding), maps) for finding in report.findings if (maps := grids(finding))]
    drawing = Figure(figsize=(10.5, 0.5 + 3.3 * max(1, len(drawn))), layout="constrained")
    drawing.suptitle(f"{report.name}: {verdict(report)}", x=0.02, ha="left", weight="bold", parse_math=False)
    if not drawn:
        drawing.text(0.5, 0.5, "No finding has values to draw.", ha="center", color="grey")
        return drawing
    bands = drawing.subfigures(len(drawn), 1, squeeze=False)[:, 0]
    for band, (title, maps) in zip(bands, drawn, strict=True):
        heading = "\n".join([title, *caption(maps)])
        band.suptitle(heading, x=0.02, ha="left", size="medium", parse_math=False)
        for axes, grid in zip(band.subplots(1, 3), maps, strict=False):
            _show(axes, grid, caption(maps))
        for axes in band.axes[len(maps) : 3]:
            axes.set_axis_off()
    return drawing


def _show(axes: Axes, grid: Grid, said: list[str]) -> None:
    from matplotlib import colormaps

    colours = colormaps["RdBu_r"].with_extremes(bad=NOT_A_NUMBER)
    bound = grid.bound or 1.0  # all zero: the middle colour
    image = axes.imshow(
        grid.cells, cmap=colours, vmin=-bound, vmax=bound, interpolation="nearest", aspect=_aspect(grid)
    )
    axes.set_title("\n".join([grid.title, *(note for note in grid.notes if note not in said)]), size="small")
    axes.set_xticks([])
    axes.set_yticks([])
    if grid.mark is not None:
        y, x = grid.mark
        for colour, width in (("white", 3.0), ("black", 1.2)):  # to be seen on any colour
            axes.plot([x], [y], "o", fillstyle="none", color=colour, markersize=8, markeredgewidth=width, clip_on=False)
    assert axes.figure is not None
    bar = axes.figure.colorbar(image, ax=axes, shrink=0.8)
    bar.ax.set_ylim(grid.lower if grid.bound else -1.0, bound)


def _aspect(grid: Grid) -> Literal["equal"] | float:
    rows, columns = len(grid.cells), len(grid.cells[0])
    return "equal" if 1 / 4 <= rows / columns <= 4 else columns / rows / (4 if columns > rows else 1 / 4)
