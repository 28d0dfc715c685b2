"""Special points that the caller names: value and gradient are limits there, not NaN."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from scitorch.checker.comparison import SINGLE, Mismatch, agrees, tolerance
from scitorch.checker.run import Outcome, Run, filled, refused
from scitorch.checker.subject import Subject, Values
from scitorch.checker.target import Target

STEPS = (1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8)  # of the point's scale, on the way to it
ENOUGH = 4  # of them, where the limit is found by then: in shorter ones rounding may be all there is
SETTLED = 5e-5
AGREEING = 1e-2


def special_points(run: Run) -> Iterator[Outcome]:
    """Value and gradient at each point that was named, against their limits along lines to it."""
    for i, point in enumerate(run.special):
        try:
            subject = _at(run, point)
            outputs = subject.outputs()
            cotangents = run.random_like(outputs)
            gradients = filled(subject.pull(cotangents), subject.values)
        except Exception as error:  # noqa: BLE001  whatever a function may raise at a special point
            yield refused(error, f"point {i}")
            continue
        yield from _limits(run, i, subject, cotangents, (*outputs, *gradients))


def _at(run: Run, point: Sequence[Any]) -> Subject:
    values = [value if isinstance(value, Tensor) else torch.as_tensor(value) for value in point]
    if len(values) == len(run.subject.values):  # the differentiable arguments alone
        moved = zip(values, run.subject.values, strict=True)
        return run.subject.at([v.detach().to(w.dtype).broadcast_to(_shape(v, w)).clone() for v, w in moved])
    return Target(run.target.function, list(point), {}).wide()


def _shape(value: Tensor, like: Tensor) -> torch.Size:
    try:
        return torch.broadcast_shapes(value.shape, like.shape) if value.ndim < like.ndim else value.shape
    except RuntimeError:  # a point of another shape is a point, too
        return value.shape


def _limits(run: Run, i: int, subject: Subject, cotangents: Values, found: Sequence[Tensor]) -> Iterator[Outcome]:
    whats = [*["the value"] * len(cotangents), *[f"the gradient of {name}" for name in subject.arguments]]
    names = [*[""] * len(cotangents), *subject.arguments]
    limits = _approached(run, subject, cotangents)
    if limits is None:
        yield Outcome("skipped", f"point {i}", "the function can't be evaluated near this point")
        return
    for what, name, got, (limit, exists) in zip(whats, names, found, limits, strict=True):
        expected = torch.where(exists, limit, torch.nan)
        within = tolerance(expected, torch.zeros(()), SINGLE) + 1e-4
        if not agrees(expected, got, within):
            nan = "NaN" if bool(torch.isnan(got)[exists].any()) else "another number"
            mismatch = Mismatch("special points", name, expected, got, within)
            sentence = f"At special point {i}, {what} is {nan}, though it has a limit there."
            advice = (
                "Write the rule so that the limit comes out (torch.where on both sides of a division), or test for it."
            )
            cause = "NaN at a special point" if nan == "NaN" else "wrong limit at a special point"
            yield run.wrong_values(mismatch, cause, sentence, advice, f"point {i}")
            return
    yield Outcome("right", f"point {i}")


def _approached(run: Run, subject: Subject, cotangents: Values) -> list[tuple[Tensor, Tensor]] | None:
    """For each output and gradient its limit along random lines, and where one exists: where all lines agree."""
    # Each from both ends, so that what jumps at the point disagrees; the first two with one sign in all elements, since
    # the other side may lie outside of the domain.
    onesided = [[r if r.is_complex() else r.abs() for r in run.random_like(subject.values)] for _ in range(2)]
    directions = [[s * r for r in d] for d in (*onesided, run.random_like(subject.values)) for s in (1.0, -1.0)]
    lines = [line for d in directions if (line := _along(subject, d, cotangents)) is not None]
    return [_agreeing(parts) for parts in zip(*lines, strict=True)] if lines else None


def _along(subject: Subject, direction: Sequence[Tensor], cotangents: Values) -> list[Tensor] | None:
    """The limits along one line; None if the function can't be evaluated there."""
    try:
        path = [_near(subject, direction, step, cotangents) for step in STEPS]
    except Exception:  # noqa: BLE001  outside of its domain a function may raise whatever it likes
        return None
    if any(part.numel() and not torch.isfinite(part).any() for part in path[-1]):
        return None
    return [_extrapolated(parts) for parts in zip(*path, strict=True)]


def _near(subject: Subject, direction: Sequence[Tensor], step: float, cotangents: Values) -> list[Tensor]:
    moved = [v + step * d * v.abs().clamp(min=1.0) for v, d in zip(subject.values, direction, strict=True)]
    near = subject.at(moved)
    return [*near.outputs(), *filled(near.pull(cotangents), near.values)]


def _extrapolated(parts: Sequence[Tensor]) -> Tensor:
    """Where a sequence converges, element by element, the first that is near enough; NaN where it doesn't."""
    limit = torch.full_like(parts[0], torch.nan)
    for count in range(ENOUGH, len(parts) + 1):
        limit = torch.where(torch.isnan(limit), _last(parts[:count]), limit)
    return limit


def _last(parts: Sequence[Tensor]) -> Tensor:
    """The last of a sequence, where it has settled; NaN elsewhere."""
    before, last = parts[-2], parts[-1]
    settled = (last - before).abs() <= SETTLED * (1 + last.abs())
    closer = (last - before).abs() <= 0.9 * (before - parts[-3]).abs() + 1e-9 * (1 + last.abs())
    return torch.where(settled & closer, last, torch.nan)


def _agreeing(parts: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Of the limits along several lines the first that is finite, and where all finite ones agree with it."""
    stacked = torch.stack(list(parts))
    finite = torch.isfinite(stacked)
    first = torch.where(finite, stacked, 0.0).gather(0, finite.to(torch.int64).argmax(0, keepdim=True))[0]
    near = (stacked - first).abs() <= AGREEING * (1e-2 + first.abs())
    return first, finite.any(0) & (near | ~finite).all(0)
