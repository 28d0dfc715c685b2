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


def pattern(evidence: GradientEvidence) -> Claims:
    """One row or the border, where most else is right: by chance it is hardly so."""
    if int(wrong_elements(evidence).sum()) > 1 and _is_clear(evidence, least=4):
        yield from _row(evidence)
        yield from _border(evidence)


def clear(evidence: GradientEvidence) -> Claims:
    """Wrong in a part, while enough else is right to be sure of it."""
    if _is_clear(evidence, least=8):
        yield from anywhere(evidence)


def _is_clear(evidence: GradientEvidence, least: int) -> bool:
    wrong = wrong_elements(evidence)
    return wrong.numel() - int(wrong.sum()) >= max(least, wrong.numel() / 2)


def anywhere(evidence: GradientEvidence) -> Claims:
    """Wrong in a part, however few elements there are."""
    wrong = wrong_elements(evidence)
    if wrong.all() or not wrong.any():
        return
    if int(wrong.sum()) == 1:
        yield Claim(
            "wrong in one element",
            f"is wrong in one element only{_example(evidence)}",
            "Look for an index off by one, an excluded end, or a special case for that element.",
        )
    yield from _row(evidence)
    yield from _border(evidence)
    if _is_zero_where_wrong(evidence):
        yield Claim(
            "zero",
            f"is zero in {int(wrong.sum())} of {wrong.numel()} elements, where it shouldn't be, and right elsewhere",
            "Look for a mask, a triangle or a slice that leaves those elements out.",
        )


def _row(evidence: GradientEvidence) -> Claims:
    for axis, position in _lines(wrong_elements(evidence)):
        yield Claim(
            "wrong in one row",
            f"is wrong only at index {position} along axis {axis}{_example(evidence)}",
            "Look for a loop or slice that leaves out or treats apart that index.",
        )


def _border(evidence: GradientEvidence) -> Claims:
    wrong = wrong_elements(evidence)
    for words, border in _borders(wrong.shape):
        if not (wrong & ~border).any():
            yield Claim(
                "wrong at the border",
                f"is wrong {words} only{_example(evidence)}",
                "Look at the padding, its adjoint, and the ends of slices.",
            )


def _is_zero_where_wrong(evidence: GradientEvidence) -> bool:
    wrong = wrong_elements(evidence)
    return not largest(*(trial.got[wrong] for trial in evidence.trials.values()))


def _example(evidence: GradientEvidence) -> str:
    trial = main_trial(evidence)
    index = worst(torch.where(wrong_elements(evidence), trial.got - trial.expected, 0))
    zeros = ", where it is zero" if _is_zero_where_wrong(evidence) else ""
    return f"{zeros}: {number(trial.got[index].item())} instead of {number(trial.expected[index].item())} at {index}"


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
