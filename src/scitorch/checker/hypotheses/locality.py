"""Wrong only somewhere: in one element, one row, at the border, or at a kink."""

from collections.abc import Iterator

import torch
from torch import Tensor

from scitorch.checker.evidence import GradientEvidence
from scitorch.checker.hypotheses.claims import (
    Claim,
    Claims,
    largest,
    main_trial,
    number,
    wrong_elements,
)

# Up to so many elements the one-sided differences cost little.
SMALL = 16


def kink(evidence: GradientEvidence) -> Claims:
    """The derivative from the right isn't the one from the left; half a gradient there looks like a factor."""
    if wrong_elements(evidence).all() and main_trial(evidence).expected.numel() > SMALL:
        return
    trial, wrong = main_trial(evidence), wrong_elements(evidence)
    right, left = evidence.one_sided()
    lower, upper = torch.minimum(_real(left), _real(right)), torch.maximum(_real(left), _real(right))
    jump = upper - lower
    slack = 1e-4 * max(largest(left), largest(right))
    kinked = (jump > 1e-2 * (lower.abs() + upper.abs())) & (jump > slack) & jump.isfinite()
    between = (_real(trial.got) >= lower - slack) & (_real(trial.got) <= upper + slack)
    if wrong.any() and (~wrong | (kinked & between)).all():
        index = worst(wrong * jump)
        yield Claim(
            "kink",
            f"has no single value {where(index)}: the function has a kink there, its derivative is "
            f"{number(right[index].item())} from the right and {number(left[index].item())} from the left, "
            f"and {number(trial.got[index].item())} was got",
            "No mistake, if a subgradient is meant; check at inputs away from the kink.",
        )


def _real(tensor: Tensor) -> Tensor:
    return tensor.real if tensor.is_complex() else tensor


def worst(difference: Tensor) -> tuple[int, ...]:
    """The index of the largest magnitude."""
    flat = int(difference.abs().argmax().item())
    return tuple(int(i) for i in torch.unravel_index(torch.tensor(flat), difference.shape))


def where(index: tuple[int, ...]) -> str:
    """A place in a sentence; a number has none."""
    return f"at {index}" if index else "there"


def clear(evidence: GradientEvidence) -> Claims:
    """Wrong in a part, while enough else is right to be sure of it."""
    wrong = wrong_elements(evidence)
    right = wrong.numel() - int(wrong.sum())
    if right >= max(8, wrong.numel() / 2):
        yield from anywhere(evidence)


def anywhere(evidence: GradientEvidence) -> Claims:
    """Wrong in a part, however few elements there are."""
    wrong = wrong_elements(evidence)
    if wrong.all() or not wrong.any():
        return
    trial = main_trial(evidence)
    index = worst(torch.where(wrong, trial.got - trial.expected, 0))
    example = f"{number(trial.got[index].item())} instead of {number(trial.expected[index].item())} at {index}"
    zeros = ", where it is zero" if not largest(torch.where(wrong, trial.got, 0)) else ""
    if int(wrong.sum()) == 1:
        yield Claim(
            "wrong in one element",
            f"is wrong in one element only{zeros}: {example}",
            "Look for an index off by one, an excluded end, or a special case for that element.",
        )
    for axis, position in _lines(wrong):
        yield Claim(
            "wrong in one row",
            f"is wrong only at index {position} along axis {axis}{zeros}: {example}",
            "Look for a loop or slice that leaves out or treats apart that index.",
        )
    for words, border in _borders(wrong.shape):
        if not (wrong & ~border).any():
            yield Claim(
                "wrong at the border",
                f"is wrong {words} only{zeros}: {example}",
                "Look at the padding, its adjoint, and the ends of slices.",
            )


def _lines(wrong: Tensor) -> Iterator[tuple[int, int]]:
    """Each axis along which only one index is wrong, of at least two; the fullest slice first."""
    if wrong.ndim < 2:
        return
    for axis in sorted(range(wrong.ndim), key=lambda axis: wrong.shape[axis], reverse=True):
        others = [a for a in range(wrong.ndim) if a != axis]
        positions = wrong.any(others).nonzero().reshape(-1) if others else wrong.nonzero().reshape(-1)
        if wrong.shape[axis] > 1 and len(positions) == 1:
            yield axis, int(positions[0])


def _borders(shape: torch.Size) -> Iterator[tuple[str, Tensor]]:
    """The ends of each axis, then of all, as narrow as can be."""
    for width in range(1, max(2, max(shape, default=0) // 3 + 1)):
        narrow = f"the first {width} or last {width} indices" if width > 1 else "the first or last index"
        ends: list[Tensor] = []
        for axis, size in enumerate(shape):
            if size > 2 * width:
                position = torch.arange(size).reshape([-1 if a == axis else 1 for a in range(len(shape))])
                ends.append(((position < width) | (position >= size - width)).expand(shape))
                yield f"at the border ({narrow} along axis {axis})", ends[-1]
        if len(ends) > 1:
            yield f"at the border ({narrow} along any axis)", torch.stack(ends).any(0)
