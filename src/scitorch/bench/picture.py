"""The pictures of a run: who is how far behind, and how time grows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scitorch.bench.case import OURS
from scitorch.bench.cases.growth import BOTH
from scitorch.bench.goals import curve, slope
from scitorch.bench.timing import Measurement

if TYPE_CHECKING:
    from matplotlib.axes import Axes

INK, PALE, GREY = "#1b1f24", "#d8dee4", "#6e7781"
COLOURS = ("#0a66c2", "#c4500a", "#2da44e", "#8250df", "#bf3989", "#9a6700", "#57606a", "#1b7c83", "#a40e26")
STYLE: dict[str, Any] = {
    "font.size": 9,
    "text.color": INK,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.edgecolor": GREY,
    "axes.labelcolor": GREY,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": GREY,
    "ytick.color": INK,
    "svg.hashsalt": "scitorch",
}


def draw_ratios(measurements: Sequence[Measurement], path: Path) -> None:
    """Every way's time divided by ours, value and gradients, a line a case.

    Parameters
    ----------
    measurements : sequence of Measurement
        Cases that have "both".
    path : pathlib.Path
        The file to write; its suffix says in which format.
    """
    from matplotlib import style
    from matplotlib.figure import Figure

    shown = [measurement for measurement in measurements if _peers(measurement)]
    ways = list(dict.fromkeys(way for measurement in shown for way in _peers(measurement)))
    with style.context(["default", STYLE]):
        figure = Figure(figsize=(9.5, 1.6 + 0.23 * len(shown)), dpi=110, layout="constrained")
        axes = figure.subplots()
        for way, colour in zip(ways, COLOURS, strict=False):
            rows = [(row, each) for row, each in enumerate(shown) if (way, "both") in each.benchmarks]
            ratios = [each.ratio(way, OURS, "both") for _, each in rows]
            axes.scatter(ratios, [row for row, _ in rows], s=26, color=colour, label=way, zorder=3)
        axes.axvline(1, color=INK, linewidth=1.2)
        axes.set_xscale("log")
        axes.set_yticks(range(len(shown)), [measurement.case.name for measurement in shown])
        axes.invert_yaxis()
        axes.grid(color=PALE, linewidth=0.6)
        axes.set_xlabel("right of the line: slower than scitorch", loc="right")
        figure.suptitle("Value and gradients: time of each way ÷ scitorch's", weight="bold", x=0.01, ha="left")
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)
        figure.savefig(path)


def _peers(measurement: Measurement) -> list[str]:
    return [way for way, what in measurement.benchmarks if what == "both" and way != OURS]


def draw_growth(measurements: Sequence[Measurement], path: Path) -> None:
    """Times over sizes, both logarithmic, with the exponents.

    Parameters
    ----------
    measurements : sequence of Measurement
        The series.
    path : pathlib.Path
        The file to write; its suffix says in which format.
    """
    from matplotlib import style
    from matplotlib.figure import Figure

    columns = 4
    rows = -(-len(measurements) // columns)
    with style.context(["default", STYLE]):
        figure = Figure(figsize=(3.2 * columns, 2.7 * rows), dpi=110, layout="constrained")
        panels = figure.subplots(rows, columns, squeeze=False).flat
        for axes, measurement in zip(panels, measurements, strict=False):
            _curves(axes, measurement)
        for axes in list(panels):
            axes.set_visible(False)
        figure.savefig(path)


def _curves(axes: Axes, measurement: Measurement) -> None:
    named = {"SciPy": ("SciPy", ""), OURS: (OURS, ""), "with gradient": (OURS, BOTH)}
    for (name, which), colour in zip(named.items(), (GREY, *COLOURS), strict=False):
        sizes, seconds = zip(*curve(measurement, *which), strict=True)
        label = f"{name}, exponent {slope(measurement, *which):.2f}"
        axes.loglog(sizes, [1e3 * t for t in seconds], "o-", markersize=3, linewidth=1.4, color=colour, label=label)
    axes.set_title(measurement.case.name, fontsize=9)
    axes.set_ylabel("ms")
    axes.grid(color=PALE, linewidth=0.6)
    axes.legend(frameon=False, fontsize=7)
