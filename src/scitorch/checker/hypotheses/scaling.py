"""The gradient times a number, zero, conjugated, rounded, or no number at all."""

import math
from collections.abc import Iterable

import torch
from torch import Tensor

from scitorch.checker.evidence import GradientEvidence
from scitorch.checker.hypotheses.claims import (
    Claim,
    Claims,
    elsewhere,
    largest,
    main_trial,
    number,
    relative_difference,
)

# A few units in the last place of single precision, as a sum or a product of such numbers gives.
NOISE = 2e-6
# Half a unit in the last place, and that of a small term.
LEAST_NOISE = 1e-8
# What remains of it after a cancellation.
AMPLIFIED_NOISE = 2e-5


def not_finite(evidence: GradientEvidence) -> Claims:
    """NaN or infinity was got for a finite gradient."""
    for trial in evidence.trials.values():
        bad = ~trial.got.isfinite() & trial.expected.isfinite()
        if bad.any():
            index = tuple(bad.nonzero()[0].tolist())
            yield Claim(
                "not finite",
                f"is {trial.got[index].item()} at {index}, not finite in {int(bad.sum())} of {bad.numel()} elements, "
                f"where it should be finite (there: {number(trial.expected[index].item())})",
                "Look for a division by zero, a logarithm or root of zero, or 0 · ∞, and treat that point apart "
                "(torch.where on the input of the bad operation, not on its result).",
            )
            return


def noise(evidence: GradientEvidence) -> Claims:
    """Differences as small as single precision's rounding."""
    difference = relative_difference(evidence)
    if 1e-9 < difference < NOISE:
        yield _noise(difference)


def amplified_noise(evidence: GradientEvidence) -> Claims:
    """Differences that single precision leaves after a cancellation, the more so if all that was got is of it."""
    difference = relative_difference(evidence)
    single = all(_is_single(trial.got) for trial in evidence.trials.values())
    if 1e-9 < difference < (10 * AMPLIFIED_NOISE if single else AMPLIFIED_NOISE):
        yield _noise(difference, ", as a cancellation leaves it")


def _is_single(tensor: Tensor) -> bool:
    single = torch.complex64 if tensor.is_complex() else torch.float32
    return torch.equal(tensor.to(single).to(tensor.dtype), tensor)


def _noise(difference: float, after: str = "") -> Claim:
    return Claim(
        "float32 noise",
        f"differs by {difference:.1e} relative, the size of single precision's rounding (2⁻²³ ≈ 1.2e-7){after}: "
        "a step is computed in float32"
        if difference > LEAST_NOISE
        else f"differs by {difference:.1e} relative: less than single precision leaves, more than double does",
        "Compute in float64 throughout: look for a cast, a buffer or a constant that is float32, or an approximation.",
    )


def zero(_evidence: GradientEvidence) -> Claims:
    """Nothing comes through."""
    yield Claim(
        "zero",
        "is zero everywhere, where it shouldn't be",
        "Look for a path that is cut: detach(), no_grad, a copy through NumPy, a rule that returns zeros, "
        "or an argument that the rule forgets.",
        lambda trial: torch.zeros_like(trial.expected),
    )


def sign(_evidence: GradientEvidence) -> Claims:
    """Minus the gradient."""
    yield Claim(
        "wrong sign",
        "has the wrong sign: it is −1 times what it should be",
        "Negate the rule's result.",
        lambda trial: -trial.expected,
    )


def conjugate(evidence: GradientEvidence) -> Claims:
    """The gradient's conjugate."""
    if main_trial(evidence).expected.is_complex():
        yield Claim(
            "missing conjugate",
            "is the complex conjugate of what it should be",
            "PyTorch's gradient of a holomorphic f is g · conj(f′): conjugate the derivative, not the result.",
            lambda trial: trial.expected.conj(),
        )


def factor(evidence: GradientEvidence) -> Claims:
    """A number, the same at other inputs: for a norm's gradient, say, any other vector along it has a ratio."""
    ratio = fitted_ratio(evidence)
    memorable = is_memorable(ratio, evidence)
    several = main_trial(evidence).expected.numel() > 1
    varied = several and not _is_uniform(evidence)
    if not ratio or not (memorable or several or evidence.inputs):
        return
    meanings = [words for value, words in (*_named_factors(evidence), *_mixed_sizes(evidence)) if _equal(ratio, value)]
    yield Claim(
        "constant factor",
        f"is {number(ratio)} times what it should be" + (f" ({meanings[0]}?)" if meanings else ""),
        f"Divide the rule's result by {number(ratio)}; look where that number comes from.",
        lambda trial: ratio * trial.expected,
        confirm=None if memorable and varied else lambda: _is_constant(ratio, evidence),
    )


def varying_factor(evidence: GradientEvidence) -> Claims:
    """A number that is another one at other inputs."""
    ratio = fitted_ratio(evidence)
    if ratio:
        yield Claim(
            "input-dependent factor",
            f"is {number(ratio)} times what it should be, and another multiple of it at other inputs",
            "Look for a factor that depends on the inputs and is missing, doubled, or taken at the wrong point.",
            lambda trial: ratio * trial.expected,
        )


def fitted_ratio(evidence: GradientEvidence) -> complex | float:
    """The factor that fits all trials best; 0 where there is none."""
    return fit([(trial.expected, trial.got) for trial in evidence.trials.values()])


def fit(pairs: Iterable[tuple[Tensor, Tensor]]) -> complex | float:
    """The number that brings the first of each pair nearest to the second."""
    size, product = 0.0, 0.0
    for expected, got in pairs:
        size += expected.abs().square().sum().item()
        product += (expected.conj() * got).sum().item()
    ratio = product / size if size else 0.0
    return ratio.real if abs(ratio.imag) <= 1e-9 * abs(ratio) else ratio


def _is_uniform(evidence: GradientEvidence) -> bool:
    """Whether all elements are the same, so that a function of them looks like a number."""
    argument = evidence.inputs.get(evidence.argument)
    return argument is not None and bool((argument == argument.reshape(-1)[0]).all())


def _is_constant(ratio: complex, evidence: GradientEvidence) -> bool:
    if not evidence.inputs:
        return True
    inputs, cotangents = elsewhere(evidence), main_trial(evidence).cotangents
    expected, got = evidence.pull_at(inputs, cotangents), evidence.rule_at(inputs, cotangents)
    return largest(got - ratio * expected) <= min(1e-4 * largest(got), 0.1 * largest(got - expected))


def is_memorable(ratio: complex, evidence: GradientEvidence) -> bool:
    """Whether it is a small fraction, or has a name."""
    fractions = (p / q for p in range(1, 13) for q in range(1, 13) if min(p, q) < 4)
    return any(_equal(ratio, value) for value in (*fractions, *(value for value, _ in _named_factors(evidence))))


def _equal(ratio: complex, value: float) -> bool:
    return isinstance(ratio, float) and abs(abs(ratio) - value) <= 1e-6 * value


def _named_factors(evidence: GradientEvidence) -> Iterable[tuple[float, str]]:
    for value, what in _sizes(evidence):
        if value > 1:
            yield value, f"{what}: a sum for a mean"
            yield 1 / value, f"1 / {what}: a mean for a sum"
            yield math.sqrt(value), f"the root of {what}: a normalisation left out"
            yield 1 / math.sqrt(value), f"1 / the root of {what}: a normalisation too many"
    yield 2, "a power's exponent, or a symmetric term counted twice"
    yield 1 / 2, "the exponent of a square left out, or a symmetric term counted once"
    yield math.log(10), "ln 10: log10 and log confused"
    yield 1 / math.log(10), "1 / ln 10: log and log10 confused"
    yield math.log(2), "ln 2: log2 and log confused"
    yield 1 / math.log(2), "1 / ln 2: log and log2 confused"
    yield 180 / math.pi, "180 / π: degrees and radians confused"
    yield math.pi / 180, "π / 180: degrees and radians confused"
    for value, what in ((2 * math.pi, "2π"), (math.pi, "π"), (math.sqrt(2 * math.pi), "√(2π)"), (math.e, "e")):
        yield value, what
        yield 1 / value, f"1 / {what}"


def _mixed_sizes(evidence: GradientEvidence) -> Iterable[tuple[float, str]]:
    """Ratios of sizes, which are memorable only if they are small fractions: most numbers are near one."""
    sizes = list(_sizes(evidence))
    for value, what in sizes:
        if value > 1:
            yield (value - 1) / value, f"(n − 1) / n for {what}: Bessel's correction left out"
            yield value / (value - 1), f"n / (n − 1) for {what}: Bessel's correction where there is none"
        yield from ((value / other, f"{what} over {its}: divided by the wrong one") for other, its in sizes if other)


def _sizes(evidence: GradientEvidence) -> Iterable[tuple[int, str]]:
    shapes = [("the argument", main_trial(evidence).expected.shape)]
    shapes += [("the output", output.shape) for output in evidence.outputs]
    for what, shape in shapes:
        yield shape.numel(), f"the number of elements of {what}"
        yield from ((size, f"the size of axis {axis} of {what}") for axis, size in enumerate(shape))
