"""The picture of a run: what went in, what was hidden, what was found."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from scitorch.demo.corruption import NOISE
from scitorch.demo.photograph import Array
from scitorch.demo.report import Report
from scitorch.demo.settings import TARGET

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, PALE, GREY, BLUE, ORANGE = "#1b1f24", "#d8dee4", "#6e7781", "#0a66c2", "#c4500a"
STYLE: dict[str, Any] = {
    "font.size": 10,
    "text.color": INK,
    "axes.titlesize": 11.5,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.edgecolor": GREY,
    "axes.labelcolor": GREY,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "xtick.color": GREY,
    "ytick.color": GREY,
}
# Margins and gaps that leave six square panels in a figure of this size.
SIZE = (11.4, 8.13)
SQUARES = {"left": 0.02, "right": 0.935, "bottom": 0.031, "top": 0.859, "wspace": 0.215, "hspace": 0.213}


def draw(report: Report, path: Path) -> None:
    """Draw the picture of a run.

    Parameters
    ----------
    report : Report
        The run.
    path : pathlib.Path
        The PNG file to write.
    """
    from matplotlib import style
    from matplotlib.figure import Figure

    with style.context(["default", STYLE]):
        figure = Figure(figsize=SIZE, dpi=110)
        _fill(figure, report)
        figure.savefig(path, format="png")


def _fill(figure: Figure, report: Report) -> None:
    scene, recovery = report.scene, report.recovery
    (photograph, filtered, training), (true, learned, difference) = figure.subplots(2, 3, gridspec_kw=SQUARES)
    figure.text(0.02, 0.955, "Recovering the filter that blurred a photograph", size=17, weight="bold")
    figure.text(0.02, 0.918, _subtitle(report), size=11, color=GREY)

    grey = {"cmap": "gray", "vmin": scene.photograph.min(), "vmax": scene.photograph.max()}
    _show(photograph, scene.photograph, "photograph", **grey)
    _show(filtered, scene.filtered, "filtered, with noise", **grey)
    _curves(training, report)

    heat = {"cmap": "magma", "vmin": 0.0, "vmax": scene.filter.max()}  # the hidden filter's scale for both
    _colour_bar(_show(true, scene.filter, "true filter, hidden from the model", **heat))
    _colour_bar(_show(learned, recovery.filter, "learned filter", **heat))
    thousandths = 1000 * (recovery.filter - scene.filter)
    bound = np.abs(thousandths).max()
    _colour_bar(_show(difference, thousandths, "1000 × difference", cmap="RdBu_r", vmin=-bound, vmax=bound))


def _subtitle(report: Report) -> str:
    right = sum(outcome.verdict == "ok" for outcome in report.outcomes)
    return (
        f"scitorch.nn.ScipyConv2d, trained for {report.settings.steps} steps against noise of {NOISE:.1%}:  "
        f"filter error {report.error:.2%},  derivatives right in {right} of {len(report.outcomes)} modes"
    )


def _show(axes: Axes, picture: Array, title: str, **options: Any) -> Any:
    """A picture without axes."""
    axes.set_title(title)
    axes.set_axis_off()
    return axes.imshow(picture, interpolation="nearest", **options)


def _colour_bar(image: Any) -> None:
    """A narrow scale, as high as its picture."""
    bar = image.figure.colorbar(image, cax=image.axes.inset_axes((1.025, 0.0, 0.035, 1.0)))
    bar.outline.set_visible(False)
    bar.ax.yaxis.set_major_formatter("{x:g}")


def _curves(axes: Axes, report: Report) -> None:
    """Loss and filter error at each step."""
    recovery = report.recovery
    steps = np.arange(1, len(recovery.losses) + 1)
    for values, colour, name in ((recovery.errors, ORANGE, "filter error"), (recovery.losses, BLUE, "loss")):
        axes.semilogy(steps, values, color=colour, linewidth=1.7, label=f"{name}, last {values[-1]:.1e}")
    axes.axhline(TARGET, color=GREY, linewidth=1, linestyle=(0, (4, 3)))
    axes.annotate("target", (1, TARGET), (-2, 4), ("axes fraction", "data"), "offset points", color=GREY, ha="right")
    axes.legend(loc="upper right", frameon=False, labelcolor="linecolor", handlelength=1.2)
    axes.set_title("training")
    axes.set_xlabel("step", loc="right", labelpad=1)
    axes.set_xlim(1, max(2, len(steps)))
    axes.set_box_aspect(1)
    axes.grid(axis="y", color=PALE, linewidth=0.7)
