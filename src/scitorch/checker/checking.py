"""The function `check`: runs the properties and collects what they found."""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import torch

from scitorch.core.errors import ArgumentError

from .progress import progress as progress_bar
from .properties import FULL, NEEDS_ORDER_2, QUICK
from .report import Finding, Report, Row
from .run import Mode, Outcome, Property, Run, message, refused
from .target import Target, name_of

# What makes every further comparison meaningless.
SPOILING = {
    "non-deterministic": "two calls with the same inputs differ",
    "mutates its input": "what the function is given doesn't stay as it is",
}

Compiler = Literal["aot_eager", "inductor"]


def check(
    fn: Any,
    *inputs: Any,
    mode: Mode = "full",
    order: int = 2,
    seed: int = 0,
    compiler: Compiler | None = "aot_eager",
    special: Sequence[Sequence[Any]] = (),
    kwargs: Mapping[str, Any] | None = None,
    progress: bool | None = None,
) -> Report:
    """Check the derivatives of anything differentiable, and name what is wrong with them.

    Parameters
    ----------
    fn : callable
        An operator, a `torch.autograd.Function` (the class or its ``apply``), a `torch.library.custom_op`, a module
        (its parameters are checked too), or any function of tensors.
    *inputs : Any
        What to call it with. Differentiated are the tensors that require grad or, if none does, all of floating or
        complex numbers. The reference is computed in float64, whatever their dtype.
    mode : "full" or "quick"
        Quick looks at random projections of the derivatives and compiles nothing.
    order : int
        The highest derivative to check, at least 1. Above 2 only reverse mode is looked at.
    seed : int
        Of the random incoming gradients and directions.
    compiler : "aot_eager", "inductor" or None
        What to compile with, in full mode; None compiles nothing.
    special : sequence of sequences
        Points (one value for each input, or for each differentiable one) at which a limit and not NaN must come out.
    kwargs : mapping, optional
        Keyword arguments of `fn`.
    progress : bool, optional
        Whether to show a progress bar on stderr after a second; by default if that is a terminal.

    Returns
    -------
    Report
        Its ``rows`` say what was tried, its ``findings`` what is wrong, ``ok`` if nothing is.

    Raises
    ------
    ArgumentError
        No input is differentiable, or an option is none of those above.
    CheckError
        The function raises, or returns something other than tensors, or different shapes each time.

    Notes
    -----
    A gradient is held against the transposed Jacobian times random incoming gradients. The Jacobian comes from complex
    steps where the function is analytic and takes complex numbers, else from extrapolated central differences with an
    error estimate, within ten times of which (and 2e-8) they must agree. Second derivatives are held against
    differences of the first.

    References
    ----------
    C. J. F. Ridders, "Accurate computation of F'(x) and F'(x)F''(x)", Advances in Engineering Software 4 (1982).

    Examples
    --------
    >>> import torch
    >>> from scitorch import check
    >>> check(torch.sin, torch.randn(3), mode="quick").ok
    True
    """
    _validate(fn, mode, order, compiler)
    start = time.perf_counter()
    run = Run(Target(fn, inputs, kwargs or {}), mode, order, compiler, tuple(special), seed)
    run.target.validate()
    properties = {
        name: run_property
        for name, run_property in (FULL if mode == "full" else QUICK).items()
        if (order > 1 or name not in NEEDS_ORDER_2) and (special or name != "special points")
    }
    rows: list[Row] = []
    findings: list[Finding] = []
    with progress_bar(len(properties), progress) as step:
        for name, run_property in properties.items():
            step(name)
            if spoilt := [SPOILING[finding.cause] for finding in findings if finding.cause in SPOILING]:
                rows.append(Row(name, "", "skipped", spoilt[0]))
                continue
            _collect(run, name, run_property, rows, findings)
    return Report(run.target.name, mode, seed, rows, _worst_first(findings), time.perf_counter() - start)


def _validate(fn: Any, mode: str, order: int, compiler: str | None) -> None:
    name = name_of(fn)
    if mode not in {"full", "quick"}:
        raise ArgumentError(name, "mode", '"full" or "quick"', repr(mode))
    if not isinstance(order, int) or isinstance(order, bool) or order < 1:
        raise ArgumentError(name, "order", "an integer of at least 1", repr(order))
    if compiler not in {"aot_eager", "inductor", None}:
        raise ArgumentError(name, "compiler", '"aot_eager", "inductor" or None', repr(compiler))


def _collect(run: Run, name: str, run_property: Property, rows: list[Row], findings: list[Finding]) -> None:
    """Add the rows and findings of one property; what raises outside of the code under test is a row too."""
    start = time.perf_counter()
    outcomes = run_property(run)
    while True:
        run.compared = run.unknown = 0
        try:
            with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
                warnings.simplefilter("ignore")  # said once already, when the inputs were tried
                outcome = next(outcomes, None)
        except NotImplementedError as error:
            outcome = refused(error)
        except Exception as error:  # noqa: BLE001  one property that can't be tried doesn't spoil the others
            outcome = Outcome("skipped", "", f"the check itself failed: {message(error)}")
        if outcome is None:
            return
        now = time.perf_counter()
        rows.append(_row(name, _as_far_as_known(run, outcome), now - start))
        findings.extend([outcome.finding] if outcome.finding and not _known(outcome.finding, findings) else [])
        start = now


def _as_far_as_known(run: Run, outcome: Outcome) -> Outcome:
    """A right outcome says of how many numbers it couldn't tell; where that is all of them, it isn't right."""
    if outcome.status != "right" or not run.unknown:
        return outcome
    if run.unknown == run.compared:
        return replace(outcome, status="skipped", detail="there is no reference: differences don't settle on a value")
    missing = f"{run.unknown} of {run.compared} numbers without a reference"
    return replace(outcome, detail=f"{outcome.detail}, {missing}" if outcome.detail else missing)


def _known(finding: Finding, findings: Sequence[Finding]) -> bool:
    """Whether the same mistake was found already, in another nesting."""
    return any(
        (f.cause, f.argument, f.diagnosis) == (finding.cause, finding.argument, finding.diagnosis) for f in findings
    )


def _row(name: str, outcome: Outcome, seconds: float) -> Row:
    return Row(name, outcome.argument, outcome.status, outcome.detail, outcome.relative_error, seconds)


def _worst_first(findings: Sequence[Finding]) -> list[Finding]:
    """Mistakes in values and first-order gradients first, in the order of the properties, then by their size."""
    order = {name: i for i, name in enumerate(FULL)}
    return sorted(findings, key=lambda f: (order.get(f.property, len(order)), -(f.relative_error or 0.0)))
