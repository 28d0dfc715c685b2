"""When two arrays agree, and where they disagree most."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from .evidence import Mismatch
from .report import Finding

# Of the reference, whose own error comes on top (10 times its estimate, since an estimate it is). The second figure is
# of the largest element: rounding in a sum that a small element is the rest of.
DOUBLE = (2e-8, 1e-9)
SINGLE = (2e-3, 2e-4)
AGAIN = 1e-7  # relative: an ill-conditioned function amplifies the rounding of another order of steps


def tolerance(expected: Tensor, error: Tensor, precision: tuple[float, float] = DOUBLE) -> Tensor:
    """How far what is under test may lie from `expected`, element by element."""
    size = expected.abs().nan_to_num(nan=0.0, posinf=0.0)
    largest = size.amax() if size.numel() else 0.0
    relative, of_largest = precision
    return 10 * error.abs().nan_to_num(nan=torch.inf) + relative * size + of_largest * largest


def again(expected: Tensor) -> Tensor:
    """How far another computation of the same, in another order, may be off, element by element."""
    return AGAIN * expected.abs().nan_to_num(nan=0.0, posinf=0.0)


def agrees(expected: Tensor, got: Tensor, within: Tensor) -> bool:
    """Whether two arrays agree; where no number is expected, none is asked for."""
    if expected.shape != got.shape:
        return False
    unknown = ~torch.isfinite(expected)
    return bool(((got - expected).abs() <= within).logical_or(unknown).all())


def unknown(expected: Tensor, within: Tensor) -> int:
    """Of how many elements nothing is known, so that anything agrees: where differences didn't settle on a value."""
    return int((~torch.isfinite(expected) | ~torch.isfinite(within.expand(expected.shape))).sum())


def relative_error(expected: Tensor, got: Tensor) -> float:
    """The largest difference, in proportion to the largest expected element (if all are zero: the largest got)."""
    if expected.shape != got.shape or not expected.numel():
        return 0.0 if expected.shape == got.shape else float("inf")
    scale = _largest(expected) or _largest(got)
    difference = _difference(expected, got).amax()
    return float(difference / scale) if scale else float(difference)


def worst(mismatch: Mismatch) -> tuple[int, ...]:
    """The index of the element that disagrees most."""
    difference = _difference(mismatch.expected, mismatch.got)
    flat = int(difference.argmax()) if difference.numel() else 0
    return tuple(int(i) for i in torch.unravel_index(torch.tensor(flat), mismatch.expected.shape))


def finding(mismatch: Mismatch, cause: str, diagnosis: str, advice: str, reproduction: str = "") -> Finding:
    """A finding about two arrays, at the element where they disagree most."""
    index = worst(mismatch)
    expected, got = mismatch.expected[index].item(), mismatch.got[index].item()
    scale = _largest(mismatch.expected) or _largest(mismatch.got) or 1.0
    return Finding(
        mismatch.property,
        mismatch.argument,
        cause,
        diagnosis,
        advice,
        reproduction,
        index=index,
        expected=expected,
        got=got,
        relative_error=abs(got - expected) / scale,
        expected_values=mismatch.expected,
        got_values=mismatch.got,
    )


def inner(left: Sequence[Tensor], right: Sequence[Tensor]) -> Tensor:
    """The real inner product of two lists of arrays."""
    terms = [(a.conj() * b).real.sum() for a, b in zip(left, right, strict=True)]
    return torch.stack(terms).sum().to(torch.float64)


def _largest(x: Tensor) -> float:
    size = x.abs().to(torch.float64).nan_to_num(nan=0.0, posinf=0.0)
    return float(size.amax()) if size.numel() else 0.0


def _difference(expected: Tensor, got: Tensor) -> Tensor:
    """Absolute differences in float64; a NaN where a number belongs is the worst of all."""
    difference = (got - expected).abs().to(torch.float64).nan_to_num(nan=torch.inf)
    return torch.where(torch.isfinite(expected), difference, 0.0)
