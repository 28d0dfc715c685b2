"""Arrays rearranged: transposed, flipped, shifted."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, permutations

import torch
from torch import Tensor

from scitorch.checker.evidence import GradientEvidence
from scitorch.checker.hypotheses.claims import Claim, Claims, argument_shape, axes_in_words

# More axes than this are rarely mixed up, and their orders are many.
MOST_AXES = 4

ADVICE = {
    "transposed": "Transpose: for Y = A X the gradients are Aᵀ G and G Xᵀ.",
    "flipped": "A convolution's adjoint is a correlation, and the reverse: flip the one that isn't flipped.",
    "shifted": "Check the offsets: the adjoint of a shift by k is a shift by −k, and padding on the left cuts there.",
}


@dataclass(frozen=True)
class Rearrangement:
    """A way to mix up an array's elements.

    Attributes
    ----------
    cause : str
    words : str
        As in "is transposed: axes 0 and 1 exchanged".
    apply : callable
        The array to the rearranged one, of the same shape.
    tells : callable
        Whether it can be told from a mere mistake at the edge, for this array.
    """

    cause: str
    words: str
    apply: Callable[[Tensor], Tensor]
    tells: Callable[[Tensor], bool] = lambda _: True


def transpositions(shape: Sequence[int]) -> Iterator[Rearrangement]:
    """Every other order of axes that keeps the shape, and the elements read column by column."""
    if len(shape) > MOST_AXES or len(shape) < 2:
        return
    axes = range(len(shape))
    orders = [
        order
        for order in permutations(axes)
        if all(shape[a] == shape[b] for a, b in enumerate(order))
        and all(shape[a] > 1 for a, b in enumerate(order) if a != b)
        and order != tuple(axes)
    ]
    for order in sorted(orders, key=lambda order: sum(a != b for a, b in enumerate(order))):
        moved = [a for a, b in enumerate(order) if a != b]
        words = f"{axes_in_words(moved)} exchanged" if len(moved) == 2 else f"its axes in the order {order}"
        yield Rearrangement("transposed", f"transposed: {words}", lambda array, order=order: array.permute(order))
    if len([size for size in shape if size > 1]) > 1:
        yield Rearrangement("transposed", "transposed in memory: its elements read in column-major order", _reread)


def _reread(array: Tensor) -> Tensor:
    return array.permute(*reversed(range(array.ndim))).reshape(array.shape)


def flips(shape: Sequence[int]) -> Iterator[Rearrangement]:
    """Every way to reverse axes; all of them first, since convolutions reverse all."""
    axes = [axis for axis, size in enumerate(shape) if size > 1][-MOST_AXES:]
    for count in (len(axes), *range(1, len(axes))):
        for some in combinations(axes, count) if count else ():
            words = f"flipped along {axes_in_words(some)}"
            yield Rearrangement("flipped", words, lambda array, some=some: array.flip(some))


def shifts(shape: Sequence[int], most: int) -> Iterator[Rearrangement]:
    """Shifts by at most so much along one axis, cyclic or with zeros coming in; half-way along all axes (fftshift)."""
    for axis, size in enumerate(shape):
        for k in (k for distance in range(1, min(most, size - 1) + 1) for k in (distance, -distance)):
            where = f"shifted by {k} along axis {axis}"
            yield Rearrangement("shifted", f"{where}, cyclically", lambda array, k=k, axis=axis: array.roll(k, axis))
            yield Rearrangement(
                "shifted",
                f"{where}, with zeros coming in",
                lambda array, k=k, axis=axis: _shifted(array, k, axis),
                lambda array, k=k, axis=axis: not torch.allclose(array.roll(k, axis), array),
            )
    if any(size > 2 for size in shape) and len(shape) > 1:
        halves = {axis: size // 2 for axis, size in enumerate(shape)}
        for words, by in (("fftshift", halves), ("ifftshift", {axis: -half for axis, half in halves.items()})):
            yield Rearrangement(
                "shifted",
                f"shifted half-way along every axis ({words})",
                lambda array, by=by: array.roll(tuple(by.values()), tuple(by)),
            )


def _shifted(array: Tensor, k: int, axis: int) -> Tensor:
    index = torch.arange(array.shape[axis])
    kept = index >= k if k > 0 else index < array.shape[axis] + k
    return array.roll(k, axis) * kept.reshape([-1 if a == axis else 1 for a in range(array.ndim)])


def rearrangements(shape: Sequence[int], most: int) -> Iterator[Rearrangement]:
    """All of them, the simplest first."""
    yield from transpositions(shape)
    yield from flips(shape)
    yield from shifts(shape, most)


def rearranged(evidence: GradientEvidence) -> Claims:
    """The gradient itself, its elements mixed up."""
    for way in rearrangements(argument_shape(evidence), most=32):
        if any(way.tells(trial.expected) for trial in evidence.trials.values()):
            yield Claim(
                way.cause, f"is {way.words}", ADVICE[way.cause], lambda trial, way=way: way.apply(trial.expected)
            )


def symmetrised(evidence: GradientEvidence) -> Claims:
    """The symmetric part: what the gradient is if the argument only ever moves symmetrically."""
    shape = argument_shape(evidence)
    if len(shape) < 2 or shape[-1] != shape[-2] or shape[-1] == 1:
        return
    words = "is the symmetric part of what it should be, as if the argument could only move symmetrically"
    advice = (
        "Right for symmetric arguments alone (torch.linalg.cholesky, eigh): check it as a function of (a + a.mT) / 2."
    )
    for factor, more in ((0.5, ""), (1.0, ", times 2")):
        yield Claim(
            "symmetric part",
            words + more,
            advice,
            lambda trial, factor=factor: factor * (trial.expected + trial.expected.mH),
        )
