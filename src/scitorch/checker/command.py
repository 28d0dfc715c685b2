"""What ``scitorch check`` does."""

from __future__ import annotations

import json
import sys
from contextlib import nullcontext, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import typer

from scitorch.core.errors import ArgumentError

from .lookup import evaluate, find
from .report import Report

STDOUT = Path("-")


@dataclass(frozen=True)
class Request:
    """What is asked for, option by option."""

    target: str
    inputs: list[str]
    html: Path | None
    json: Path | None
    quick: bool
    order: int
    seed: int
    compiler: Literal["aot_eager", "inductor", "none"]

    @property
    def is_for_programs(self) -> bool:
        """Whether stdout is for JSON alone."""
        return self.json == STDOUT

    @property
    def files(self) -> dict[str, Path]:
        """The files to write, by option."""
        files = {"--html": self.html, "--json": None if self.is_for_programs else self.json}
        return {option: path for option, path in files.items() if path is not None}


def carry_out(request: Request) -> Report:
    """Run the check, show its report, write its files.

    Parameters
    ----------
    request : Request
        What is asked for.

    Returns
    -------
    Report
        What was found.

    Raises
    ------
    ScitorchError
        Something asked for can't be done.
    """
    for option, path in request.files.items():
        _check_file(option, path)
    # What the user's code prints must not get in among the JSON.
    with redirect_stdout(sys.stderr) if request.is_for_programs else nullcontext():
        report = _run(request)
    _write(request, report)
    _show(request, report)
    return report


def _run(request: Request) -> Report:
    if not 0 <= request.seed < 2**63:
        raise ArgumentError("check", "--seed", "0 to 2**63 - 1", str(request.seed))
    function, names = find(request.target)
    inputs = evaluate(request.inputs, names, request.seed)
    from . import check

    return check(
        function,
        *inputs,
        mode="quick" if request.quick else "full",
        order=request.order,
        seed=request.seed,
        compiler=None if request.compiler == "none" else request.compiler,
        progress=False if request.is_for_programs else None,
    )


def _check_file(option: str, path: Path) -> None:
    # Before the check, which may take minutes that would be lost.
    if path.is_dir() or not path.parent.is_dir():
        raise ArgumentError("check", option, "a file in a folder that exists", repr(str(path)))


def _write(request: Request, report: Report) -> None:
    contents = {"--html": report.save_html, "--json": lambda path: path.write_text(_json(report), encoding="utf-8")}
    for option, path in request.files.items():
        try:
            contents[option](path)
        except OSError as error:
            raise ArgumentError(
                "check", option, "a file that can be written", f"{str(path)!r} ({error.strerror})"
            ) from error


def _show(request: Request, report: Report) -> None:
    if request.is_for_programs:
        typer.echo(_json(report))
    elif sys.stdout.isatty():
        from rich import print as print_with_colours

        print_with_colours(report)
    else:  # into a file or a pipe: nothing is folded to a terminal's width
        typer.echo(str(report))


def _json(report: Report) -> str:
    return json.dumps(report.to_dict(), indent=1, allow_nan=False)
