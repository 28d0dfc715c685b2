"""What may happen to the incoming gradient: ignored, changed, or used as if it were something simpler."""

import math
from collections.abc import Iterator
from itertools import combinations, permutations

import torch
from torch import Tensor

from scitorch.checker.evidence import GradientEvidence, Trial
from scitorch.checker.hypotheses.claims import (
    Claim,
    Claims,
    argument_shape,
    axes_in_words,
    is_complex,
    largest,
    largest_got,
    main_trial,
    wrong_elements,
)
from scitorch.checker.hypotheses.geometry import ADVICE, Rearrangement, flips, shifts, transpositions

MULTIPLY = "Put the incoming gradient g into the rule: the result must be Jᵀ g, for any g."


def ignored(evidence: GradientEvidence) -> Claims:
    """The same whatever comes in."""
    gots = [trial.got for trial in evidence.trials.values()]
    if (
        len(gots) > 1
        and largest_got(evidence)
        and all(largest(got - gots[0]) <= 1e-7 * largest_got(evidence) for got in gots)
    ):
        ones = evidence.trials.get("ones")
        right = ones is not None and bool(((ones.got - ones.expected).abs() <= ones.tolerance).all())
        for_ones = ": always the one for an incoming gradient of ones" if right else ""
        yield Claim("ignores the incoming gradient", f"is the same for every incoming gradient{for_ones}", MULTIPLY)


def seeded_with_ones(evidence: GradientEvidence) -> Claims:
    """The gradient of the outputs' sum, multiplied by the incoming gradient afterwards."""
    ones = evidence.trials.get("ones")
    if ones is None or len(evidence.outputs) != 1 or not largest(ones.expected):
        return
    # To one number every incoming gradient is a multiple of ones: what is wrong then is a conjugate.
    if evidence.outputs[0].numel() == 1 or _only_flipped(evidence):
        return
    uses = {
        "multiplied by the incoming gradient element by element": lambda g: g,
        "multiplied by the incoming gradient's sum": lambda g: g.sum(),
        "multiplied by the incoming gradient's mean": lambda g: g.mean(),
        "multiplied by the incoming gradient's first element": lambda g: g.reshape(-1)[0],
    }
    for words, use in uses.items():
        yield Claim(
            "right only for an incoming gradient of ones",
            f"is the one for an incoming gradient of ones, {words} afterwards",
            "Give the incoming gradient to the vector-Jacobian product (grad_outputs=g) instead of ones.",
            lambda trial, use=use: ones.expected * use(trial.cotangents[0]),
        )


def _only_flipped(evidence: GradientEvidence) -> bool:
    """Whether it is right for the incoming gradient reversed: of a permutation, more is said by that."""
    trial = main_trial(evidence)
    seeded = evidence.trials["ones"].expected * trial.cotangents[0] - trial.got if _is_elementwise(evidence) else None
    if seeded is None or largest(seeded) > 1e-6 * largest_got(evidence):
        return False
    pulled = (evidence.pull((way.apply(trial.cotangents[0]),)) for way in flips(evidence.outputs[0].shape))
    return any(largest(gradient - trial.got) <= 1e-6 * largest_got(evidence) for gradient in pulled)


def _is_elementwise(evidence: GradientEvidence) -> bool:
    return evidence.outputs[0].shape == argument_shape(evidence)


def right_for_ones(evidence: GradientEvidence) -> Claims:
    """Whatever the mistake is, ones don't show it."""
    ones = evidence.trials.get("ones")
    if ones is None or largest(ones.expected) <= 10 * largest(ones.tolerance):
        return
    if ((ones.got - ones.expected).abs() <= ones.tolerance).all() and wrong_elements(evidence).any():
        yield Claim(
            "right only for an incoming gradient of ones",
            "is right for an incoming gradient of ones, as a plain sum() gives it, and wrong for others",
            "Look how the rule spreads the incoming gradient: it mixes up, drops or averages its elements.",
        )


def not_linear(evidence: GradientEvidence) -> Claims:
    """Twice the incoming gradient doesn't give twice the gradient."""
    if _stays_in_place(evidence):
        return
    trial = main_trial(evidence)
    small = 1e-4 * largest(trial.got)
    for factor in (2.0, -1.0):
        scaled = evidence.rule(tuple(factor * cotangent for cotangent in trial.cotangents))
        if largest(scaled - factor * trial.got) > small:
            yield Claim(
                "not linear in the incoming gradient",
                f"isn't linear in the incoming gradient: with g times {factor:g} it is {_growth(scaled, trial.got)}",
                "The result must be Jᵀ g: g to the first power, without clipping, rounding or normalising.",
            )
            return


def _stays_in_place(evidence: GradientEvidence) -> bool:
    """Whether few elements are wrong, and the same whatever comes in: then where says more than how."""
    first, *others = (~((trial.got - trial.expected).abs() <= trial.tolerance) for trial in evidence.trials.values())
    return 2 * int(first.sum()) <= first.numel() and all(torch.equal(first, other) for other in others)


def _growth(scaled: Tensor, got: Tensor) -> str:
    ratio = ((scaled * got.conj()).sum() / got.abs().square().sum()).real.item()
    if largest(scaled - ratio * got) > 1e-4 * largest(scaled):
        return "no multiple of what it was"
    if ratio > 1:
        return f"times {ratio:.6g}, as for a power {math.log2(ratio):g} of g"
    return "the same, as for |g| or an even power of g" if abs(ratio - 1) < 1e-4 else f"times {ratio:.6g}"


def conjugated(evidence: GradientEvidence) -> Claims:
    """A conjugate missing before the rule, or before and after it."""
    if not is_complex(evidence):
        return
    advice = "PyTorch's gradient of a holomorphic f is g · conj(f′): conjugate the derivative, and nothing else."

    def conjugated_incoming(trial: Trial) -> Tensor:
        return evidence.pull(tuple(cotangent.conj() for cotangent in trial.cotangents))

    yield Claim(
        "missing conjugate",
        "lacks a conjugate: the derivative isn't conjugated (g · f′ instead of g · conj(f′))",
        advice,
        lambda trial: conjugated_incoming(trial).conj(),
    )
    yield Claim("missing conjugate", "is the one for the conjugate incoming gradient", advice, conjugated_incoming)


def outputs_mixed_up(evidence: GradientEvidence) -> Claims:
    """Another output's incoming gradient, or none of it."""
    outputs = evidence.outputs
    for k in range(len(outputs) if len(outputs) > 1 else 0):
        yield Claim(
            "ignores an output",
            f"leaves out output {k}",
            f"Add what the incoming gradient of output {k} contributes.",
            lambda trial, k=k: evidence.pull(
                tuple(torch.zeros_like(g) if i == k else g for i, g in enumerate(trial.cotangents))
            ),
        )
    shapes = [(output.shape, output.dtype) for output in outputs]
    for order in permutations(range(len(outputs))) if 1 < len(outputs) < 5 else ():
        if any(k != i for i, k in enumerate(order)) and all(shapes[k] == shapes[i] for i, k in enumerate(order)):
            yield Claim(
                "swapped outputs",
                f"takes the outputs' incoming gradients in the wrong order: {order}",
                "The incoming gradients come in the order of the outputs.",
                lambda trial, order=order: evidence.pull(tuple(trial.cotangents[k] for k in order)),
            )


def transposed_or_flipped(evidence: GradientEvidence) -> Claims:
    """The incoming gradient's elements mixed up."""
    for k, output in enumerate(evidence.outputs):
        for way in (*transpositions(output.shape), *flips(output.shape)):
            yield _rearranged(evidence, k, way)


def mixed_up_on_both_sides(evidence: GradientEvidence) -> Claims:
    """The incoming gradient's elements mixed up, and the result's in the same way."""
    for k, output in enumerate(evidence.outputs):
        for way in (*transpositions(output.shape), *flips(output.shape)):
            for after in (*transpositions(argument_shape(evidence)), *flips(argument_shape(evidence))):
                if after.words == way.words:
                    yield _rearranged(evidence, k, way, after)


def shifted(evidence: GradientEvidence) -> Claims:
    """The incoming gradient by a few elements off."""
    for k, output in enumerate(evidence.outputs):
        for way in shifts(output.shape, most=2):
            yield _rearranged(evidence, k, way)


def _rearranged(evidence: GradientEvidence, k: int, way: Rearrangement, after: Rearrangement | None = None) -> Claim:
    def predict(trial: Trial) -> Tensor:
        incoming = tuple(way.apply(g) if i == k else g for i, g in enumerate(trial.cotangents))
        result = evidence.pull(incoming)
        return after.apply(result) if after else result

    which = f" of output {k}" if len(evidence.outputs) > 1 else ""
    both = ", and the result too" if after else ""
    words = f"is right for the incoming gradient{which} {way.words}{both}"
    return Claim(way.cause, words, ADVICE[way.cause], predict)


def edge_left_out(evidence: GradientEvidence) -> Claims:
    """The incoming gradient without its first or last index along an axis."""
    for k, output in enumerate(evidence.outputs):
        for axis, size in enumerate(output.shape):
            for position, words in ((0, "first"), (-1, "last")) if size > 1 else ():
                yield Claim(
                    "wrong at the border",
                    f"leaves out the incoming gradient's {words} index along axis {axis}",
                    "Look at the ends of slices and ranges.",
                    lambda trial, k=k, axis=axis, position=position: evidence.pull(
                        tuple(
                            g - _slice_only(g, (axis,), position) if i == k else g
                            for i, g in enumerate(trial.cotangents)
                        )
                    ),
                )


def missing_sum(evidence: GradientEvidence) -> Claims:
    """One slice along an axis where all should be summed."""
    for k, output in enumerate(evidence.outputs):
        for axes in _axes_to_sum(argument_shape(evidence), output.shape):
            for position, words in ((0, "first"), (-1, "last")):
                yield Claim(
                    "missing sum over a broadcast axis",
                    f"takes only the {words} slice along {axes_in_words(axes)} of the output "
                    f"instead of the sum over all {math.prod(output.shape[axis] for axis in axes)}",
                    "Sum the gradient over the axes along which the argument was broadcast (Tensor.sum_to_size).",
                    lambda trial, k=k, axes=axes, position=position: evidence.pull(
                        tuple(_slice_only(g, axes, position) if i == k else g for i, g in enumerate(trial.cotangents))
                    ),
                )


def _axes_to_sum(argument: torch.Size, output: torch.Size) -> Iterator[tuple[int, ...]]:
    """Sets of axes along which the argument was broadcast: by the rules of broadcasting, then any."""
    if argument.numel() >= output.numel():
        return
    aligned = (1,) * (len(output) - len(argument)) + tuple(argument)
    wide = [axis for axis, size in enumerate(output) if size > 1][-4:]
    broadcast = [axis for axis in wide if len(argument) <= len(output) and aligned[axis] == 1]
    seen: set[tuple[int, ...]] = set()
    for axes in (broadcast, wide):
        for count in range(1, len(axes) + 1):
            for some in combinations(axes, count):
                if some not in seen:
                    seen.add(some)
                    yield some


def _slice_only(cotangent: Tensor, axes: tuple[int, ...], position: int) -> Tensor:
    kept = torch.zeros(cotangent.shape, dtype=torch.bool)
    kept[tuple(position if axis in axes else slice(None) for axis in range(cotangent.ndim))] = True
    return torch.where(kept, cotangent, 0)
