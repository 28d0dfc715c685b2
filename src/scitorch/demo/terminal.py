"""What a run of the demo shows in the terminal."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from scitorch.demo.corruption import NOISE, WIDTH
from scitorch.demo.modes import Outcome
from scitorch.demo.photograph import SAMPLE
from scitorch.demo.report import FIGURES, PICTURE, Report
from scitorch.demo.settings import TARGET, Settings


@contextmanager
def training_bar(console: Console, steps: int) -> Generator[Callable[[float, float], None]]:
    """A progress bar with the time, the loss and the filter's error.

    Parameters
    ----------
    console : rich.console.Console
        Where it is drawn.
    steps : int
        Of the training.

    Yields
    ------
    callable
        To be told the loss and the error after each step.
    """
    columns = ("[bold]training[/]", BarColumn(bar_width=None), MofNCompleteColumn(), TimeElapsedColumn())
    figures = TextColumn("loss {task.fields[loss]:.1e}  filter error {task.fields[error]:.1e}")
    with Progress(*columns, figures, console=console, expand=True) as progress:
        task = progress.add_task("training", total=steps, loss=float("nan"), error=float("nan"))
        yield lambda loss, error: progress.update(task, advance=1, loss=loss, error=error)


def watch_modes(console: Console, outcomes: Iterable[Outcome], total: int) -> list[Outcome]:
    """Collect the outcomes of the modes behind a progress bar.

    Parameters
    ----------
    console : rich.console.Console
        Where the bar is drawn.
    outcomes : iterable of Outcome
        As they come.
    total : int
        How many will come.

    Returns
    -------
    list of Outcome
        All of them.
    """
    columns = ("[bold]checking[/]", BarColumn(bar_width=None), MofNCompleteColumn(), TimeElapsedColumn())
    last = TextColumn("{task.fields[mode]:<25}")
    collected: list[Outcome] = []
    with Progress(*columns, last, console=console, expand=True) as progress:
        task = progress.add_task("checking", total=total, mode="")
        for outcome in outcomes:
            collected.append(outcome)
            progress.update(task, advance=1, mode=outcome.mode)
    return collected


def modes_table(outcomes: Iterable[Outcome]) -> Table:
    """The outcomes of the modes as a table.

    Parameters
    ----------
    outcomes : iterable of Outcome
        Its rows.

    Returns
    -------
    rich.table.Table
        For a console to print.
    """
    table = Table(title="nn.ScipyConv2d against torch.nn.functional.conv2d", title_style="bold", box=SIMPLE_HEAD)
    table.add_column("mode")
    for heading in ("order", "max relative error", "seconds"):
        table.add_column(heading, justify="right")
    table.add_column("verdict")
    for outcome in outcomes:
        table.add_row(*_row(outcome))
    return table


def _row(outcome: Outcome) -> tuple[str, ...]:
    error = "" if outcome.verdict == "raises" else f"{outcome.error:.1e}"
    style = "green" if outcome.verdict == "ok" else "bold red"
    return outcome.mode, str(outcome.order), error, f"{outcome.seconds:.2f}", f"[{style}]{outcome.verdict}[/]"


def introduction(settings: Settings) -> Table:
    """What the run is about to do.

    Parameters
    ----------
    settings : Settings
        Of the run.

    Returns
    -------
    rich.table.Table
        For a console to print.
    """
    return _facts(
        ("photograph", str(settings.image or SAMPLE)),
        ("corrupted by", f"a hidden {WIDTH} x {WIDTH} filter, an offset, and noise of {NOISE:.1%}"),
    )


def conclusion(report: Report, seconds: float) -> Table:
    """What the run found out.

    Parameters
    ----------
    report : Report
        Of the run.
    seconds : float
        It took.

    Returns
    -------
    rich.table.Table
        For a console to print.
    """
    settings, right = report.settings, sum(outcome.verdict == "ok" for outcome in report.outcomes)
    target = f"target: below {TARGET:g}" if settings.has_target else "no target for so short or small a run"
    return _facts(
        ("derivatives", f"right in {right} of {len(report.outcomes)} modes"),
        ("filter error", f"{report.error:.2e} ({target})"),
        ("offset", f"{report.recovery.offset:.4f} (hidden: {report.scene.offset:g})"),
        ("time", f"{seconds:.1f} s, of which training {report.recovery.seconds:.1f} s"),
        ("written", f"{settings.out / PICTURE} and {FIGURES}"),
    )


def _facts(*facts: tuple[str, str]) -> Table:
    table = Table.grid(padding=(0, 2))
    for name, fact in facts:
        table.add_row(f"[bold]{name}[/]", escape(fact))
    return table
