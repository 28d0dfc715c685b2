"""Derivatives of a plain function of one number by differences, with an estimate of their error."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

Curve = Callable[[float], Tensor]  # a real float64 vector along a line

EPS = torch.finfo(torch.float64).eps

# Steps shrink by 4, so that one extrapolation cancels the next even power of the step with weight 1/(16^j - 1).
SHRINK = 4.0
COLUMNS = 5  # further extrapolations only amplify rounding
LEVELS = 26  # from 5e-2 down to 4e-17 of the scale: steps that stay within the domain of an ill-scaled function
GOOD = 1e-7  # relative error that is good enough to stop at
PROBES = (1e-5, 1e-9)  # of the largest step: far below the steps that converge at once
SHORTEST = 64.0  # roundings of the argument
LADDERS = 3  # 64 times shorter each; yet shorter steps are lost in the rounding of the argument
# Parts of the largest step and the order of the differences over them; and how much of the largest value may be noise,
# since what changes more is steep or has a kink. The first: some roundings apart even in float32. The others: where all
# values are what remains of large ones, so that shorter steps are lost in their rounding; two, of which the smaller
# counts, since what a smooth curve contributes shrinks with the step, and rounding doesn't.
NOISE_STEPS = ((((1e-5, 3),), 2e-6), (((1e-3, 5), (3e-4, 5)), 1e-9))
CANCELLED = 1e-6  # of the largest value: terms of that size may have cancelled in any other


@dataclass(frozen=True)
class Line:
    """A curve and the steps that may be taken along it.

    Attributes
    ----------
    curve : callable
        Takes a number, returns a vector.
    step : float
        The largest step.
    noise : Tensor
        How far off each element of the curve's values may be.
    rounding : float
        How far off the argument may be after a step.
    taken : callable
        The step of which nothing is lost in rounding, next to a given one; where there is such.
    """

    curve: Curve
    step: float
    noise: Tensor
    rounding: float = 0.0
    taken: Callable[[float], float] | None = None

    @property
    def shortest(self) -> float:
        """Shorter steps are lost in the rounding of the argument."""
        return SHORTEST * self.rounding

    def exact(self, h: float) -> float:
        """The step next to `h` that is taken exactly, as far as there is such."""
        return self.taken(h) if self.taken else h

    def difference(self, h: float) -> Tensor:
        """The central difference over a step."""
        return (self.curve(h) - self.curve(-h)) / (2 * h)

    def error(self, h: float, slope: Tensor) -> Tensor:
        """What rounding, of values and of the argument, does to a difference."""
        inexact = 0.0 if self.taken else self.rounding / h
        return self.noise / h + inexact * slope.abs().nan_to_num(nan=0.0, posinf=0.0)


def derivative(line: Line) -> tuple[Tensor, Tensor]:
    """The derivative at 0 and its estimated error, of every element of the curve.

    Central differences on a shrinking ladder of steps, extrapolated to step zero (Ridders 1982). Every element takes
    its own best entry of the table; an entry's error is how far it lies from its two parents, plus the rounding
    error of the difference. Steps that leave the function's domain give NaN and are passed over.

    Steps much longer than the function's own scale can agree with each other and all be wrong (softmax of hundreds
    is flat but for a short stretch). So a difference over a much shorter step must confirm what came out; where it
    doesn't, a ladder of shorter steps decides.

    References
    ----------
    C. J. F. Ridders, "Accurate computation of F'(x) and F'(x)F''(x)", Advances in Engineering Software 4 (1982).
    """
    best, error = _ladder(line)
    doubted = _doubted(line, best, error)
    for _ in range(LADDERS):
        if not doubted.any():
            break
        step = line.step / SHRINK**3
        # Steps that are too long are taken for noise, too.
        line = replace(line, step=step, noise=torch.minimum(line.noise, noise_of(line.curve, step, line.curve(0.0))))
        closer, its_error = _ladder(line)
        best, error = torch.where(doubted, closer, best), torch.where(doubted, its_error, error)
        doubted &= _doubted(line, best, error)
    return best, torch.where(doubted, torch.inf, error)


def _doubted(line: Line, best: Tensor, error: Tensor) -> Tensor:
    found = torch.zeros_like(best, dtype=torch.bool)
    for part in PROBES:
        h = line.exact(max(line.step * part, line.shortest))
        allowed = 10 * (error + line.error(h, best)) + GOOD * best.abs()
        found |= (line.difference(h) - best).abs() > allowed
    return found


def _ladder(line: Line) -> tuple[Tensor, Tensor]:
    best = torch.full_like(line.noise, torch.nan)
    error = torch.full_like(line.noise, torch.inf)
    parents: list[Tensor] = []
    stale = 0
    for level in range(LEVELS):
        h = line.exact(line.step / SHRINK**level)
        row = [line.difference(h)]
        for j, parent in enumerate(parents[: COLUMNS - 1], 1):
            row.append(row[-1] + (row[-1] - parent) / (SHRINK ** (2 * j) - 1))
        rounding = line.error(h, row[0])
        improved = False
        for column in range(1, len(row)):
            distance = torch.maximum((row[column] - row[column - 1]).abs(), (row[column] - parents[column - 1]).abs())
            distance = distance.nan_to_num(nan=torch.inf) + rounding
            better = distance < error
            improved |= bool((distance < error / 2).any())
            best, error = torch.where(better, row[column], best), torch.where(better, distance, error)
        parents = row
        stale = 0 if improved else stale + 1
        if (stale >= 2 and _good(best, error, rounding)) or h < line.shortest * SHRINK:
            break
    return best, error


def _good(best: Tensor, error: Tensor, rounding: Tensor) -> bool:
    size = best.abs().nan_to_num(nan=0.0).amax() if best.numel() else 0.0
    return bool((error <= GOOD * size + 2 * rounding).all())


def noise_of(curve: Curve, step: float, value: Tensor) -> Tensor:
    """How far off the values of a curve are, element by element: rounding, in whatever precision it happens.

    High differences over steps so small that a smooth curve contributes nothing (Hamming's difference table); of
    order n, white noise of size 1 has such of size sqrt(binomial(2n, n)). A function that goes through float32 inside
    shows its steps here.

    References
    ----------
    J. J. Moré and S. M. Wild, "Estimating computational noise", SIAM J. Sci. Comput. 33 (2011).
    """
    value = value.abs().nan_to_num(nan=0.0, posinf=0.0)
    largest = float(value.amax()) if value.numel() else 0.0
    found = (EPS * value).clamp(min=CANCELLED * EPS * largest)
    for kinds, most in NOISE_STEPS:
        spreads = torch.stack([_spread(curve, step * part, order) for part, order in kinds])
        found = torch.maximum(found, (2 * spreads.amin(0)).clamp(max=most * largest))
    return found


def _spread(curve: Curve, h: float, order: int) -> Tensor:
    values = torch.stack([curve(k * h) for k in range(-3, 4)])
    square = values.diff(n=order, dim=0).square().mean(0) / math.comb(2 * order, order)
    return square.sqrt().nan_to_num(nan=0.0, posinf=0.0)


def one_sided(curve: Curve, step: float, value: Tensor) -> tuple[Tensor, Tensor]:
    """The derivatives at 0 from the right and from the left, of every element of the curve.

    Second-order one-sided differences at a step where neither truncation (step²) nor rounding (1/step) matters for
    telling two slopes apart.
    """
    h = step * 2e-4
    right = (-3 * value + 4 * curve(h) - curve(2 * h)) / (2 * h)
    left = (3 * value - 4 * curve(-h) + curve(-2 * h)) / (2 * h)
    return right, left
