"""Measure functions and derivatives against mpmath at 50 digits: median and worst relative error, a line for each.

    python benchmarks/accuracy.py              everything
    python benchmarks/accuracy.py kv ellip     what has one of these in its name
    python benchmarks/accuracy.py --write docs/accuracy.md

The cases are in the files accuracy_cases_*.py beside this one, each with a list CASES. Where the reference is too small
or too large for a double, or infinite, a point counts as exact if ours is so, too.
"""

import importlib
import math
import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mpmath
import torch

DIGITS = 50
SMALLEST, LARGEST = 1e-290, 1e290  # beyond, doubles lose digits or overflow on the way


@dataclass(frozen=True)
class Case:
    """One function, or one of its derivatives, at some points.

    `ours` takes tensors, `reference` takes numbers of mpmath; a point is a tuple of arguments. `scale`, of the same
    arguments, is what errors are relative to where the function has zeros (its modulus); by default its own value.
    """

    name: str
    ours: Callable[..., torch.Tensor]
    reference: Callable[..., Any]
    points: Sequence[tuple[Any, ...]]
    scale: Callable[..., Any] | None = None

    def errors(self) -> list[float]:
        """The error at every point."""
        columns = [_column(column) for column in zip(*self.points, strict=True)]
        results = self.ours(*columns).detach().tolist()
        with mpmath.workdps(DIGITS):
            return [self._error(point, result) for point, result in zip(self.points, results, strict=True)]

    def _error(self, point: tuple[Any, ...], result: complex) -> float:
        exact = [x if isinstance(x, int) else mpmath.mpmathify(x) for x in point]
        expected = self.reference(*exact)
        scale = abs(self.scale(*exact) if self.scale else expected)
        if not SMALLEST < scale < LARGEST:
            alike = abs(result) <= SMALLEST if scale <= SMALLEST else abs(result) >= LARGEST
            return 0.0 if alike else math.inf
        error = abs(mpmath.mpmathify(result) - expected) / scale
        return float(error) if error == error else math.inf  # noqa: PLR0124  a NaN is an error without bound


def _column(values: Sequence[Any]) -> torch.Tensor:
    dtype = torch.complex128 if any(isinstance(x, complex) for x in values) else torch.float64
    return torch.tensor(values, dtype=dtype)


def derivative(function: Callable[..., torch.Tensor], argument: int, times: int = 1) -> Callable[..., torch.Tensor]:
    """The derivative of an elementwise function with respect to one of its arguments, by our rules."""

    def differentiated(*arguments: torch.Tensor) -> torch.Tensor:
        arguments = tuple(x.clone().requires_grad_(k == argument) for k, x in enumerate(arguments))
        result = function(*arguments)
        for _ in range(times):
            parts = [result.real, result.imag] if result.is_complex() else [result]
            # Of a holomorphic function torch gives the conjugate of the derivative; of a complex function of a real
            # argument, each part is asked for.
            if arguments[argument].is_complex():
                (result,) = torch.autograd.grad(parts[0].sum(), arguments[argument], create_graph=True)
                result = result.conj()
            else:
                slopes = [torch.autograd.grad(p.sum(), arguments[argument], create_graph=True)[0] for p in parts]
                result = slopes[0] if len(slopes) == 1 else slopes[0] + 1j * slopes[1]
        return result

    return differentiated


def slope_of(reference: Callable[..., Any], argument: int, times: int = 1) -> Callable[..., Any]:
    """The same of mpmath's function: central differences of so many digits that 50 remain."""

    def differentiated(*arguments: Any) -> Any:
        with mpmath.workdps(40 + 60 * times):
            step = mpmath.mpf(10) ** -25 * (abs(arguments[argument]) or 1)

            def moved(steps: float) -> Any:
                shifted = [x + steps * step if k == argument else x for k, x in enumerate(arguments)]
                return reference(*shifted)

            if times == 1:
                return (8 * (moved(1) - moved(-1)) - (moved(2) - moved(-2))) / (12 * step)
            return (16 * (moved(1) + moved(-1)) - (moved(2) + moved(-2)) - 30 * moved(0)) / (12 * step**2)

    return differentiated


def cases() -> Iterator[Case]:
    """All cases of all files."""
    here = Path(__file__).parent
    sys.path.insert(0, str(here))
    for file in sorted(here.glob("accuracy_cases_*.py")):
        yield from importlib.import_module(file.stem).CASES


@dataclass(frozen=True)
class Line:
    """What was measured of one case."""

    name: str
    points: int
    median: float
    worst: float
    at: tuple[Any, ...]


def measured(case: Case) -> Line:
    """The errors of a case, summed up."""
    errors = case.errors()
    worst = max(range(len(errors)), key=errors.__getitem__)
    return Line(case.name, len(errors), statistics.median(errors), errors[worst], case.points[worst])


PAGE = """\
# Accuracy

Relative errors of functions and of their derivatives against mpmath at 50 digits, on ordinary, extreme and special
points, measured by `make accuracy ARGS="--write docs/accuracy.md"`. The docstrings say where less is to be had.

| function and derivative | points | median | worst | at |
| --- | --- | --- | --- | --- |
"""


def main(arguments: Sequence[str]) -> None:
    page = arguments[1] if arguments[:1] == ["--write"] else None
    wanted = arguments[2:] if page else arguments
    print(f"{'':32} {'points':>6} {'median':>9} {'worst':>9}  at")
    lines = []
    for case in cases():
        if not wanted or any(part in case.name for part in wanted):
            lines.append(line := measured(case))
            print(f"{line.name:32} {line.points:6} {line.median:9.1e} {line.worst:9.1e}  {line.at}", flush=True)
    if page:
        rows = [f"| {r.name} | {r.points} | {r.median:.1e} | {r.worst:.1e} | {r.at} |" for r in lines]
        Path(page).write_text(PAGE + "\n".join(rows) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
