"""A run: choose the cases, measure one after the other, show and write what was found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from scitorch.bench import machine

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table as RichTable

    from scitorch.bench.case import Case
    from scitorch.bench.memory import Memory
    from scitorch.bench.tables import Table
    from scitorch.bench.timing import Measurement, Pace


class RequestError(ValueError):
    """Something asked for can't be done; the message is one sentence for the command line."""


@dataclass(frozen=True)
class Request:
    """What is asked for.

    Attributes
    ----------
    names : sequence of str
        Cases that have one of these in their name or group; all if there are none.
    quick : bool
        Without the large cases, few rounds.
    threads : int
        For everybody.
    out : pathlib.Path, optional
        The folder for the page and the pictures.
    json : pathlib.Path, optional
        The file for pyperf.
    """

    names: Sequence[str] = ()
    quick: bool = False
    threads: int = 1
    out: Path | None = None
    json: Path | None = None

    def checked(self) -> Request:
        """The same, if it can be done.

        Returns
        -------
        Request

        Raises
        ------
        RequestError
            If it can't.
        """
        if self.threads < 1:
            raise RequestError(f"--threads: expected at least 1, got {self.threads}.")
        needed = ["pyperf", *(["matplotlib"] if self.out else [])]
        if missing := [package for package in needed if not machine.installed(package)]:
            extras = "bench,pictures" if self.out else "bench"
            raise RequestError(f'benchmarks: expected {missing[0]}, got none. Try pip install "scitorch[{extras}]".')
        return self

    def wants(self, case: str, group: str) -> bool:
        """Whether a case is asked for by name."""
        return not self.names or any(name in case or name == group for name in self.names)


@dataclass
class Found:
    """What was measured.

    Attributes
    ----------
    measurements : list of Measurement
        Times.
    memories : list of Memory
        Peaks.
    modes : Table, optional
        Which derivatives are right.
    """

    measurements: list[Measurement] = field(default_factory=list["Measurement"])
    memories: list[Memory] = field(default_factory=list["Memory"])

    modes: Table | None = None

    def of(self, *groups: str) -> list[Measurement]:
        """The times of some groups."""
        return [measurement for measurement in self.measurements if measurement.case.group in groups]


def run(request: Request, console: Console) -> Found:
    """Measure, show, write.

    Parameters
    ----------
    request : Request
        What is asked for.
    console : rich.console.Console
        Where tables and progress go.

    Returns
    -------
    Found
        What was measured.

    Raises
    ------
    RequestError
        If something asked for can't be done.
    """
    request.checked()
    machine.hold_to(request.threads)
    from scitorch.bench.timing import Pace

    pace = Pace(7, 0.4) if request.quick else Pace(40, 8.0)
    found = Found()
    for group, measured in groupby(_timed(request, pace, console), lambda measurement: measurement.case.group):
        found.measurements += measured
        if table := _in_terminal(group, found.of(group)):
            console.print(table)
    _peaks(request, found, console)
    _outcomes(request, found, console)
    if not (found.measurements or found.memories or found.modes):
        asked = " ".join(request.names)
        raise RequestError(f"names: expected parts of the names of cases, got {asked}. Try dct, overhead or memory.")
    last = _last_tables(found)
    for table in last:
        console.print(table.rich())
    _write(request, found, [*_group_tables(found), *last])
    return found


def _chosen(request: Request) -> Iterator[Case]:
    from scitorch.bench.cases import cases

    for case in cases():
        if request.wants(case.name, case.group) and not (request.quick and case.slow):
            yield case


def _timed(request: Request, pace: Pace, console: Console) -> Iterator[Measurement]:
    from scitorch.bench import startup
    from scitorch.bench.timing import measure

    for case in _chosen(request):
        with console.status(case.name):
            yield measure(case, pace)
    case = startup.Startup()
    if request.wants(case.name, case.group):
        with console.status(case.name):
            yield startup.measure(pace)


def _peaks(request: Request, found: Found, console: Console) -> None:
    from scitorch.bench import memory

    names: Iterable[str] = memory.QUICK if request.quick else memory.NAMES
    for name in names:
        if memory.supported() and request.wants(f"memory: {name}", "memory"):
            with console.status(f"memory: {name}"):
                found.memories.append(memory.measure(name))


def _outcomes(request: Request, found: Found, console: Console) -> None:
    from scitorch.bench import modes

    if request.wants(modes.NAME, modes.GROUP) and not (request.quick and not request.names):
        with console.status(modes.NAME):
            found.modes = modes.table()


def _in_terminal(group: str, measurements: Sequence[Measurement]) -> RichTable | None:
    from scitorch.bench import tables

    return tables.in_terminal(group, measurements) if group in tables.GROUPS else None


def _table(group: str, measurements: Sequence[Measurement]) -> Table | None:
    from scitorch.bench import tables

    return tables.of_group(group, measurements) if group in tables.GROUPS else None


def _group_tables(found: Found) -> list[Table]:
    groups = dict.fromkeys(measurement.case.group for measurement in found.measurements)
    made = (_table(group, found.of(group)) for group in groups)
    return [table for table in made if table]


def _last_tables(found: Found) -> list[Table]:
    """What is known only when all is measured."""
    from scitorch.bench import goals, tables

    made: list[Table] = [found.modes] if found.modes else []
    if series := found.of("size", "batch"):
        made.append(tables.of_growth(series))
    if found.memories:
        made.append(tables.of_memory(found.memories))
    if reached := list(goals.outcomes(found.measurements, found.memories)):
        made.append(tables.of_goals(reached))
    return made


def _write(request: Request, found: Found, tables: Sequence[Table]) -> None:
    benchmarks = [each for measurement in found.measurements for each in measurement.benchmarks.values()]
    if request.json and benchmarks:
        import pyperf

        measured_on = {
            "cpu_model_name": machine.processor(),
            "versions": machine.versions(),
            "threads": request.threads,
        }
        for benchmark in benchmarks:
            benchmark.update_metadata({name: value for name, value in measured_on.items() if value})
        request.json.parent.mkdir(parents=True, exist_ok=True)
        pyperf.BenchmarkSuite(benchmarks).dump(str(request.json), replace=True)
    if request.out:
        _write_page(request.out, request.threads, found, tables)


def _write_page(folder: Path, threads: int, found: Found, tables: Sequence[Table]) -> None:
    from scitorch.bench import picture
    from scitorch.bench.page import GROWTH, PAGE, RATIOS, page

    folder.mkdir(parents=True, exist_ok=True)
    pictures: list[str] = []
    if functions := found.of("correlation", "functions", "vmap"):
        picture.draw_ratios(functions, folder / RATIOS)
        pictures.append(RATIOS)
    if series := found.of("size", "batch"):
        picture.draw_growth(series, folder / GROWTH)
        pictures.append(GROWTH)
    text = page(tables, pictures, machine.processor(), threads, machine.versions())
    (folder / PAGE).write_text(text, encoding="utf-8")
