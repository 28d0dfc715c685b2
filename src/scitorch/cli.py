"""The command ``scitorch``."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Literal

import typer
from typer.exceptions import TyperException

app = typer.Typer(
    add_completion=False, pretty_exceptions_enable=False, context_settings={"help_option_names": ["-h", "--help"]}
)


def main(arguments: list[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    arguments : list of str, optional
        What follows the command's name; None takes it from the command line.

    Returns
    -------
    int
        The exit code: 0 if all went well, 1 if something is wrong with what was found, 2 if something asked for
        can't be done, and Typer's 130 after an interruption.
    """
    try:
        return app(arguments, prog_name="scitorch", standalone_mode=False) or 0
    except TyperException as error:
        return _complain(error.format_message(), 2)


@app.callback(invoke_without_command=True)
def scitorch(
    context: typer.Context,
    show_version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """NumPy, SciPy, C and C++ routines as PyTorch operators with right derivatives in every mode."""
    if show_version:
        typer.echo(f"scitorch {_version()}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command()
def demo(
    steps: Annotated[int, typer.Option(help="Training steps.")] = 1000,
    size: Annotated[int, typer.Option(help="Width and height that the photograph is brought to, in pixels.")] = 256,
    seed: Annotated[int, typer.Option(help="Same seed, same figures.")] = 0,
    out: Annotated[Path, typer.Option(help="Folder for demo.png and demo.json.")] = Path("scitorch-demo"),
    device: Annotated[str, typer.Option(help="Where the layer lives, as PyTorch names devices.")] = "cpu",
    image: Annotated[
        Path | None, typer.Option(help="A photograph of your own.", show_default="one from matplotlib")
    ] = None,
) -> int:
    """Recover the hidden filter that blurred a photograph, by training a layer made of SciPy; check its derivatives.

    The exit code is 1 if a derivative is wrong in any mode, or if the learned filter is off by 1 % or more.

    A run of fewer steps than the default, or of a smaller size, has no such target for its filter.

    The exit code is 2, with a line on stderr and nothing written, if something asked for can't be done.
    """
    from rich.console import Console

    from scitorch.demo import RequestError, Settings, run

    try:
        report = run(Settings(steps, size, seed, out, device, image), Console())
    except RequestError as error:
        return _complain(str(error), 2)
    for failure in report.failures():
        _complain(failure, 1)
    return 1 if report.failures() else 0


@app.command()
def check(
    target: Annotated[
        str, typer.Argument(metavar="TARGET", help="What to check: file.py:name or package.module:name.")
    ],
    inputs: Annotated[
        list[str] | None,
        typer.Option(
            "--input",
            help="An input, as Python code that is run, with torch, np, math and the names of the target's module. "
            "Once for each input.",
            show_default=False,
        ),
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write the report as a page.", show_default=False)] = None,
    json: Annotated[
        Path | None, typer.Option(help="Write the report as JSON; - is stdout, for it alone.", show_default=False)
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Random projections, and no compiler.")] = False,
    order: Annotated[int, typer.Option(help="Up to which order derivatives are checked.")] = 2,
    seed: Annotated[int, typer.Option(help="Of all random numbers, those of the inputs too.")] = 0,
    compiler: Annotated[
        Literal["aot_eager", "inductor", "none"], typer.Option(help="For torch.compile.")
    ] = "aot_eager",
) -> int:
    """Check the derivatives of a function: in every mode, against numerical ones.

    For example: scitorch check layers.py:smooth --input "torch.randn(8, 8)" --html report.html

    The exit code is 0 if all is right, 1 if something is wrong, 2 if something asked for can't be done.
    """
    from scitorch.checker.command import Request, carry_out
    from scitorch.checker.wording import verdict
    from scitorch.core.errors import ScitorchError

    try:
        report = carry_out(Request(target, inputs or [], html, json, quick, order, seed, compiler))
    except ScitorchError as error:
        return _complain(str(error), 2)
    return 0 if report.ok else _complain(f"{report.name}: {verdict(report)}.", 1)


@app.command()
def bench(
    names: Annotated[
        list[str] | None, typer.Argument(help="Only cases with one of these in their name.", show_default=False)
    ] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Without the large cases, few rounds.")] = False,
    threads: Annotated[int, typer.Option(help="For PyTorch, BLAS and JAX.")] = 1,
    out: Annotated[
        Path | None, typer.Option(help="Folder for benchmarks.md and its pictures.", show_default=False)
    ] = None,
    json: Annotated[
        Path | None, typer.Option(help="Write what was measured; python -m pyperf compares.", show_default=False)
    ] = None,
) -> int:
    """Measure what calls and derivatives take beside the alternatives, in turns, after comparing all results.

    For example: scitorch bench dct expm --quick --out build/bench

    The peers come with pip install "scitorch[bench]"; those that aren't installed are left out.

    The exit code is 2 if something asked for can't be done.
    """
    from rich.console import Console

    from scitorch.bench import Request, RequestError, run

    try:
        run(Request(names or [], quick, threads, out, json), Console())
    except (RequestError, OSError) as error:
        return _complain(str(error), 2)
    return 0


@app.command("compile")
def compile_node() -> int:
    """Compile the part of scitorch that makes calls and backward passes shorter, for this torch and this Python.

    It is kept in the user's cache folder, or in that which SCITORCH_CACHE names, and loaded from then on, unless
    SCITORCH_NODE=0 in the environment. Without it all works the same, some microseconds slower.

    The exit code is 2 if it can't be compiled.
    """
    from scitorch.core.errors import ScitorchError
    from scitorch.native.node import compile_node

    try:
        typer.echo(compile_node())
    except (ScitorchError, OSError) as error:
        return _complain(str(error), 2)
    return 0


@app.command()
def ops() -> None:
    """List the functions, and for each tensor argument what there is for a derivative."""
    from itertools import groupby

    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Column, Table

    from scitorch.coverage import supported

    table = Table(*(Column(name, overflow="fold") for name in ("function", "argument", "derivative")), box=SIMPLE_HEAD)
    for module, rows in groupby(supported(), lambda row: row.module):
        table.add_section()
        table.add_row(f"scitorch.{module}", style="bold")
        for function, arguments in groupby(rows, lambda row: row.function):
            for place, row in enumerate(arguments):
                table.add_row("" if place else function, row.argument, row.derivative)
    Console().print(table)


def _version() -> str:
    try:
        return version("scitorch")
    except PackageNotFoundError:
        return "(not installed)"


def _complain(sentence: str, code: int) -> int:
    """Say on one line of stderr what is wrong; returns the exit code."""
    typer.echo(f"scitorch: {' '.join(sentence.splitlines())}", err=True)
    return code
