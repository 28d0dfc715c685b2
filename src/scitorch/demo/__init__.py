"""The demo behind ``scitorch demo``: find the filter that blurred a photograph, by training a layer made of SciPy.

It has four parts: a photograph and what happens to it (`photograph`, `corruption`), the training (`training`), the
layer's derivatives in every mode (`modes`), and what a person gets to see (`terminal`, `picture`, `report`).
"""

from __future__ import annotations

from time import perf_counter

from rich.console import Console

from scitorch.demo.corruption import corrupt
from scitorch.demo.modes import MODES, check_modes
from scitorch.demo.photograph import read_photograph, require_pictures
from scitorch.demo.picture import draw
from scitorch.demo.report import FIGURES, PICTURE, Report, drafts, publish, write_figures, writing_to
from scitorch.demo.settings import RequestError, Settings
from scitorch.demo.terminal import conclusion, introduction, modes_table, training_bar, watch_modes
from scitorch.demo.training import new_layer, recover

__all__ = ["RequestError", "Settings", "run"]


def run(settings: Settings, console: Console) -> Report:
    """Run the demo: corrupt a photograph, learn the filter, check the layer in every mode, write picture and figures.

    Parameters
    ----------
    settings : Settings
        What is asked for. The same settings give the same figures on the same machine, times aside.
    console : rich.console.Console
        Where progress and results are shown.

    Returns
    -------
    Report
        What was found out.

    Raises
    ------
    RequestError
        Something asked for cannot be done. Nothing is written then.

    Notes
    -----
    The checks reset what `torch.compile` has cached in this process.
    """
    started = perf_counter()
    require_pictures()
    scene = corrupt(read_photograph(settings.image, settings.size), settings.seed)
    with drafts(settings.out) as draft:
        console.print(introduction(settings))
        with training_bar(console, settings.steps) as watch:
            recovery = recover(scene, settings, watch)
        outcomes = watch_modes(console, check_modes(new_layer(3, 2, settings), MODES), len(MODES))
        report = Report(settings, scene, recovery, outcomes)
        with writing_to(settings.out):
            draw(report, draft / PICTURE)
            write_figures(draft / FIGURES, report.figures(perf_counter() - started))
            publish(draft, settings.out)
    console.print(modes_table(outcomes), conclusion(report, perf_counter() - started))
    return report
