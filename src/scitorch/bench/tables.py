"""The tables of a run, for a terminal and for a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table as RichTable

from scitorch.bench import goals
from scitorch.bench.case import OURS
from scitorch.bench.cases.growth import BOTH
from scitorch.bench.goals import Outcome, curve, slope
from scitorch.bench.memory import Memory
from scitorch.bench.shares import described
from scitorch.bench.timing import Measurement
from scitorch.bench.why import WHY

MILLI, MICRO = 1e3, 1e6
WHY_ABOVE, SHARES = "why above", "where the time goes, with gradients"
# Titles of the groups, in their order, what is said of each, and the unit.
GROUPS = {
    "overhead": ("What a call costs", "The sine of ten values in each mode, µs a call.", MICRO),
    "correlation": ("The tutorial's correlation", "Forward / forward and backward in all inputs, ms.", MILLI),
    "functions": ("The catalogue", "Forward / forward and backward in all inputs that the case names, ms.", MILLI),
    "vmap": ("Mapping over a thousand items", "`torch.func.vmap`; forward / forward and backward, ms.", MILLI),
    "batches": ("Batches over cores", "SciPy is the loop over the items; ms.", MILLI),
    "startup": ("Import", "A module from nothing, with all it needs, ms.", MILLI),
}


@dataclass(frozen=True)
class Table:
    """A table, however it is to be shown.

    Attributes
    ----------
    title, note : str
        Above it.
    head : sequence of str
        Names of the columns.
    rows : sequence of sequences of str
        The cells.
    """

    title: str
    note: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]

    def markdown(self) -> str:
        """As a section of a page."""
        lines = [self.head, ["---"] * len(self.head), *self.rows]
        table = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
        return f"## {self.title}\n\n{self.note}\n\n{table}\n"

    def rich(self) -> RichTable:
        """For a terminal, without what wants a page's width."""
        shown = [place for place, name in enumerate(self.head) if name not in (WHY_ABOVE, SHARES)]
        table = RichTable(title=f"{self.title}: {self.note}", title_justify="left", title_style="bold", box=SIMPLE_HEAD)
        for place in shown:
            words = place == 0 or self.head[place] == "missed"
            table.add_column(self.head[place], overflow="fold", justify="left" if words else "right")
        for row in self.rows:
            table.add_row(*(escape(row[place]).replace("**", "") for place in shown))
        return table


def of_group(group: str, measurements: Sequence[Measurement]) -> Table:
    """The cases of a group, a row each; a ratio above its goal is bold.

    Parameters
    ----------
    group : str
        Its name.
    measurements : sequence of Measurement
        All of the group.

    Returns
    -------
    Table
    """
    title, note, unit = GROUPS[group]
    ways = list(dict.fromkeys(way for measurement in measurements for way in measurement.ways()))
    if group == "startup":
        rows = [
            [measurement.case.name, *(_cell(measurement, way, unit) for way in ways)] for measurement in measurements
        ]
        return Table(title, note, ["", *ways], rows)
    split = any(measurement.shares for measurement in measurements)
    head = ["case", *ways, "spread", *_RATIOS.get(group, _RATIOS["functions"]), *[SHARES] * split, WHY_ABOVE]
    rows = [
        [
            measurement.case.name,
            *(_cell(measurement, way, unit) for way in ways),
            _spread(measurement),
            *_ratio_cells(group, measurement),
            *[described(measurement.shares)] * split,
            WHY.get(measurement.case.name, ""),
        ]
        for measurement in measurements
    ]
    return Table(title, note, head, rows)


_RATIOS = {
    "overhead": ("÷ hand-written Function",),
    "batches": ("÷ loop", "÷ best peer"),
    "functions": ("forward ÷ SciPy", "forward ÷ best peer", "both ÷ best peer"),
}


def _ratio_cells(group: str, measurement: Measurement) -> list[str]:
    if group == "overhead":
        return _beside_function(measurement)
    return _ratios(measurement, goals.LOOP if group == "batches" else goals.SCIPY)[: len(_RATIOS.get(group, "123"))]


def in_terminal(group: str, measurements: Sequence[Measurement]) -> RichTable:
    """The same for a terminal of any width: a line a way, below its case.

    Parameters
    ----------
    group : str
        Its name.
    measurements : sequence of Measurement
        All of the group.

    Returns
    -------
    rich.table.Table
    """
    title, note, unit = GROUPS[group]
    table = RichTable(title=f"{title}: {note}", title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    for place, name in enumerate(("way", "median", "spread", "÷ scitorch")):
        table.add_column(name, overflow="fold", justify="left" if place == 0 else "right")
    for measurement in measurements:
        table.add_section()
        table.add_row(escape(measurement.case.name), style="bold")
        for way in measurement.ways():
            table.add_row(
                f"  {way}", _cell(measurement, way, unit), _spread(measurement, way), _times(measurement, way)
            )
    return table


def _times(measurement: Measurement, way: str) -> str:
    """How long a way takes beside ours."""
    timed = {what for mine, what in measurement.benchmarks if mine == OURS}
    both = [what for what in measurement.whats() if (way, what) in measurement.benchmarks and what in timed]
    return " / ".join(f"{measurement.ratio(way, OURS, what):.2f}" for what in both)


def _cell(measurement: Measurement, way: str, unit: float) -> str:
    """Medians, or why there are none."""
    found: list[str] = []
    for what in measurement.whats():
        key = way, what
        if key in measurement.benchmarks:
            found.append(_digits(measurement.median(way, what) * unit))
        elif key in measurement.refused:
            found.append(measurement.refused[key])
    return " / ".join(found) or "-"


def _spread(measurement: Measurement, way: str = OURS) -> str:
    """The largest of a way, relative."""
    spreads = [measurement.spread(mine, what) for mine, what in measurement.benchmarks if mine == way]
    return f"{max(spreads):.0%}" if spreads else ""


def _beside_function(measurement: Measurement) -> list[str]:
    found: list[str] = []
    for what in measurement.whats():
        peer = measurement.best_peer(what)
        found.append(_ratio(measurement.ratio(OURS, peer, what), 1.0, judged=True) if peer else "no peer")
    return [" / ".join(found)]


def _ratios(measurement: Measurement, bound: float) -> list[str]:
    judged = goals.works(measurement)
    cells = [_ratio(measurement.ratio(OURS, "SciPy", "forward"), bound, judged)]
    for what in ("forward", "both"):
        peer = measurement.best_peer(what)
        cells.append(f"{_ratio(measurement.ratio(OURS, peer, what), 1.0, judged)} ({peer})" if peer else "no peer")
    return cells


def _ratio(value: float, bound: float, judged: bool) -> str:
    return f"**{value:.2f}**" if judged and value > bound else f"{value:.2f}"


def _digits(value: float) -> str:
    """Three of them."""
    return f"{value:.3g}" if value < 1000 else f"{value:.0f}"


def of_growth(measurements: Sequence[Measurement]) -> Table:
    """How time grows: the exponent over the larger half of the sizes.

    Parameters
    ----------
    measurements : sequence of Measurement
        The series.

    Returns
    -------
    Table
    """
    head = ["function", "from", "to", "SciPy, ms", "scitorch, ms", "with gradient, ms", "exponents of the three"]
    rows: list[list[str]] = []
    for measurement in measurements:
        curves = [("SciPy", ""), (OURS, ""), (OURS, BOTH)]
        sizes = [size for size, _ in curve(measurement, OURS)]
        ends = [_digits(curve(measurement, *which)[-1][1] * MILLI) for which in curves]
        slopes = ", ".join(f"{slope(measurement, *which):.2f}" for which in curves)
        rows.append([measurement.case.name, str(sizes[0]), str(sizes[-1]), *ends, slopes])
    return Table("Growth", "Times at the largest size, and the exponents with which they grow to it.", head, rows)


def of_memory(memories: Sequence[Memory]) -> Table:
    """Peaks.

    Parameters
    ----------
    memories : sequence of Memory
        What was measured.

    Returns
    -------
    Table
    """
    head = [
        "case",
        "inputs",
        "result",
        "SciPy",
        "scitorch",
        "with gradients",
        "÷ SciPy",
        "÷ outputs and SciPy's own",
        WHY_ABOVE,
    ]
    rows = [
        [
            memory.name,
            *(f"{size / 1e6:.1f}" for size in (memory.inputs, memory.value, memory.scipy, memory.forward, memory.both)),
            _ratio(memory.forward_ratio, goals.PEAK, judged=True),
            _ratio(memory.both_ratio, goals.PEAK, judged=True),
            WHY.get(f"memory: {memory.name}", ""),
        ]
        for memory in memories
    ]
    return Table("Memory", "MB at the peak of a call beside its inputs; results are counted.", head, rows)


def of_goals(outcomes: Sequence[Outcome]) -> Table:
    """How many cases reach each goal, and which don't.

    Parameters
    ----------
    outcomes : sequence of Outcome
        All of them.

    Returns
    -------
    Table
    """
    rows: list[list[str]] = []
    for goal in dict.fromkeys(outcome.goal for outcome in outcomes):
        mine = [outcome for outcome in outcomes if outcome.goal == goal]
        missed = [outcome for outcome in mine if not outcome.met]
        named = "; ".join(f"{outcome.case} ({outcome.value:.2f})" for outcome in missed)
        rows.append([goal, f"{len(mine) - len(missed)} of {len(mine)}", named])
    return Table("Goals", "Why a case misses one stands in its row.", ["goal", "reached", "missed"], rows)
