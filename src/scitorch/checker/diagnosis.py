"""What is wrong with a derivative: hypotheses are tried on the numbers, the simplest that explains them is named."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from scitorch.checker.evidence import Cotangents, Diagnosis, GradientEvidence, Mismatch, Trial
from scitorch.checker.hypotheses import arguments, functions, geometry, incoming, locality, scaling, terms
from scitorch.checker.hypotheses.claims import (
    Claim,
    Hypothesis,
    largest,
    largest_got,
    main_trial,
    number,
    relative_difference,
    wrong_elements,
)

# Arithmetic on the two arrays alone, for whatever was compared.
GENERIC: Sequence[Hypothesis] = (
    scaling.not_finite,
    scaling.noise,
    scaling.zero,
    scaling.sign,
    scaling.factor,
    scaling.conjugate,
    geometry.rearranged,
    geometry.symmetrised,
    locality.anywhere,
    functions.chain_factors,
    scaling.amplified_noise,
)

# A few calls of the rule, and of the function only where the numbers ask for it.
CHEAP: Sequence[Hypothesis] = (
    scaling.not_finite,
    scaling.noise,
    locality.kink,  # half a gradient at a kink looks like a factor, and none like a cut
    scaling.zero,
    scaling.sign,
    scaling.factor,
    scaling.conjugate,
    arguments.swapped,
    incoming.ignored,
    incoming.seeded_with_ones,
    incoming.not_linear,
    geometry.rearranged,
    geometry.symmetrised,
    incoming.outputs_mixed_up,  # before functions, since what one of the outputs contributes may be a known one's
    incoming.conjugated,
    locality.pattern,
    arguments.by_jacobian,
    functions.another_slope,
    functions.chain_factors,
    functions.another_value,
    functions.linear_maps,
)

# Each true gradient costs many calls of the function.
COSTLY: Sequence[Hypothesis] = (
    incoming.missing_sum,
    terms.contributions_left_out,
    locality.clear,
    incoming.transposed_or_flipped,
    arguments.mixed_up,
    incoming.mixed_up_on_both_sides,
    incoming.shifted,
    functions.inner_factors,
    arguments.independent_of_inputs,
)

# What says least, and costs nothing.
LAST: Sequence[Hypothesis] = (
    scaling.varying_factor,
    locality.anywhere,
    incoming.edge_left_out,
    terms.left_out_of_a_normalisation,
    scaling.amplified_noise,
    terms.mixed_along_another_axis,
    incoming.right_for_ones,
)

# A mistake times a number that may have been forgotten too; only where another mistake alone explains nothing.
COMPOUND: Sequence[Hypothesis] = (
    geometry.rearranged,
    functions.another_slope,
    functions.linear_maps,
    incoming.seeded_with_ones,
)

# Seconds, after which no further costly hypothesis is tried: each of a large argument's true gradients takes one.
PATIENCE = 10.0

# Whatever mixes up elements gives larger differences; smaller ones a reference found elsewhere may have by itself.
SMALL = 1e-3

NEAR = 1e-2  # relative: a mistake in a formula seldom gives so little, an approximation often

RELATIVE = 1e-5
# A hypothesis that explains less of what is wrong than this, though within the tolerance, is no explanation.
UNEXPLAINED_SHARE = 0.1


def diagnose_gradient(evidence: GradientEvidence) -> Diagnosis:
    """Name the mistake behind a wrong first-order gradient.

    Parameters
    ----------
    evidence : GradientEvidence

    Returns
    -------
    Diagnosis
        Of cause "unexplained" if no hypothesis reproduces what was got, and if nothing is wrong.
    """
    subject, evidence = f"The gradient of {evidence.argument}", _in_double(evidence)
    mixed_up = [(COMPOUND, _residual_times_factor), (COSTLY, _patient())]
    tables = [(CHEAP, _residual), *(mixed_up if relative_difference(evidence) > SMALL else ()), (LAST, _residual)]
    return _named(evidence, subject, tables)


def diagnose(mismatch: Mismatch, inputs: Mapping[str, Tensor] | None = None) -> Diagnosis:
    """Name the mistake behind any two arrays that should agree, by the two alone.

    Parameters
    ----------
    mismatch : Mismatch
    inputs : mapping of str to Tensor, optional
        What both were computed from, where a factor of the chain rule may be to blame.

    Returns
    -------
    Diagnosis
        Of cause "unexplained" if no hypothesis reproduces what was got.
    """
    trial = _comparable(Trial((), mismatch.expected, mismatch.got, mismatch.tolerance))
    evidence = GradientEvidence(
        argument=mismatch.argument,
        inputs={name: _double(value) for name, value in (inputs or {}).items()},
        outputs=(),
        trials={"random": trial},
        pull=_unavailable,
        rule=_unavailable,
        pull_at=_unavailable,
        rule_at=_unavailable,
        expected_of={},
        got_of={},
        one_sided=_unavailable,
    )
    return _named(evidence, "What was got", [(GENERIC, _residual)])


def _unavailable(*_arguments: object) -> Any:
    raise NotImplementedError("A generic hypothesis has no function to ask.")


Verdict = tuple[float, str]  # the residual, and what is to be said besides
Judge = Callable[[Claim, GradientEvidence], Verdict | None]


def _named(evidence: GradientEvidence, subject: str, tables: Sequence[tuple[Sequence[Hypothesis], Judge]]) -> Diagnosis:
    if not wrong_elements(evidence).any():
        return Diagnosis("unexplained", f"{subject} agrees with the reference.", "Nothing to mend.")
    found = (_first(table, evidence, subject, judge) for table, judge in tables)
    return next(filter(None, found), None) or _unexplained(evidence, subject)


def _first(table: Sequence[Hypothesis], evidence: GradientEvidence, subject: str, judge: Judge) -> Diagnosis | None:
    for claim in (claim for hypothesis in table for claim in _claims(hypothesis, evidence)):
        if verdict := judge(claim, evidence):
            residual, addition = verdict
            return Diagnosis(claim.cause, f"{subject} {claim.predicate}{addition}.", claim.advice, residual)
    return None


def _claims(hypothesis: Hypothesis, evidence: GradientEvidence) -> Iterator[Claim]:
    try:
        yield from hypothesis(evidence)
    except Exception:  # noqa: BLE001 - it may call the user's function at other inputs, which may refuse them
        return


def _residual(claim: Claim, evidence: GradientEvidence) -> Verdict | None:
    """What a claim leaves unexplained, relative to the largest that was got; None if that is too much."""
    if claim.predict is None:
        return 0.0, ""
    verdict = _compare(evidence, _predictions(claim, evidence))
    return verdict if verdict and _confirmed(claim) else None


def _patient() -> Judge:
    """The same until patience is at its end, then None."""
    begun: float | None = None

    def judge(claim: Claim, evidence: GradientEvidence) -> Verdict | None:
        nonlocal begun
        begun = begun or time.monotonic()
        return _residual(claim, evidence) if time.monotonic() - begun <= PATIENCE else None

    return judge


def _confirmed(claim: Claim) -> bool:
    try:
        return claim.confirm is None or claim.confirm()
    except Exception:  # noqa: BLE001 - where the user's function can't be asked, what is known so far decides
        return True


def _residual_times_factor(claim: Claim, evidence: GradientEvidence) -> Verdict | None:
    """The same, if a number that somebody may have forgotten may stand before it."""
    if claim.predict is None or main_trial(evidence).got.numel() == 1:
        return None
    predictions = dict(_predictions(claim, evidence))
    if any(predicted.shape != main_trial(evidence).got.shape for predicted in predictions.values()):
        return None
    ratio = scaling.fit((predicted, evidence.trials[name].got) for name, predicted in predictions.items())
    if not scaling.is_memorable(ratio, evidence):
        return None
    verdict = _compare(evidence, ((name, ratio * predicted) for name, predicted in predictions.items()))
    return (verdict[0], f", times {number(ratio)}") if verdict else None


def _predictions(claim: Claim, evidence: GradientEvidence) -> Iterator[tuple[str, Tensor]]:
    """What would have been got, one trial after the other, since most claims fail in the first."""
    assert claim.predict is not None
    for name in claim.trials or evidence.trials:
        trial = evidence.trials[name]
        try:
            yield name, _in_kind(claim.predict(trial), trial.got)
        except Exception:  # noqa: BLE001 - the user's function may refuse other inputs, and shapes need not fit
            yield name, torch.tensor(torch.nan)  # which nothing equals


def _in_kind(predicted: Tensor, got: Tensor) -> Tensor:
    """The real part, where gradients are real."""
    return predicted.real if predicted.is_complex() and not got.is_complex() else predicted.to(got.dtype)


def _compare(evidence: GradientEvidence, predictions: Iterator[tuple[str, Tensor]]) -> Verdict | None:
    size, left, wrong = largest_got(evidence), 0.0, 0.0
    for name, predicted in predictions:
        trial = evidence.trials[name]
        if predicted.shape != trial.got.shape:
            return None
        difference = (predicted - trial.got).abs()
        if not (difference <= RELATIVE * size + trial.tolerance).all():
            return None
        left = max(left, largest(difference[trial.tolerance.isfinite()]))
        wrong = max(wrong, largest(trial.expected - trial.got))
    if not wrong or left > UNEXPLAINED_SHARE * wrong:
        return None
    return (left / size if size else 0.0), ""


def _in_double(evidence: GradientEvidence) -> GradientEvidence:
    """The evidence without graphs and in double precision; where no gradient is expected (NaN), any is right."""
    kinds = [output.dtype for output in evidence.outputs]

    def rule_kind(cotangents: Cotangents) -> Cotangents:
        return tuple(g.to(kind) for g, kind in zip(cotangents, kinds, strict=True))

    return replace(
        evidence,
        inputs={name: _double(value) for name, value in evidence.inputs.items()},
        outputs=tuple(_double(output) for output in evidence.outputs),
        trials={name: _comparable(trial) for name, trial in evidence.trials.items()},
        pull=lambda cotangents: _double(evidence.pull(cotangents)),
        rule=lambda cotangents: _double(evidence.rule(rule_kind(cotangents))),
        pull_at=lambda inputs, cotangents: _double(evidence.pull_at(inputs, cotangents)),
        rule_at=lambda inputs, cotangents: _double(evidence.rule_at(inputs, rule_kind(cotangents))),
        expected_of={name: _double(value) for name, value in evidence.expected_of.items()},
        got_of={name: _double(value) for name, value in evidence.got_of.items()},
    )


def _double(tensor: Tensor) -> Tensor:
    return tensor.detach().to(torch.complex128 if tensor.is_complex() else torch.float64)


def _comparable(trial: Trial) -> Trial:
    expected, got, known = _double(trial.expected), _double(trial.got), trial.expected.isfinite()
    return Trial(
        tuple(_double(g) for g in trial.cotangents),
        torch.where(known, expected, 0),
        torch.where(known, got, 0),
        torch.where(known, _double(trial.tolerance), torch.inf),
    )


def _unexplained(evidence: GradientEvidence, subject: str) -> Diagnosis:
    expected = torch.stack([trial.expected for trial in evidence.trials.values()])
    got = torch.stack([trial.got for trial in evidence.trials.values()])
    wrong, trial = wrong_elements(evidence), main_trial(evidence)
    index = locality.worst(trial.got - trial.expected)
    sizes = expected.norm() * got.norm()
    correlation = ((expected.conj() * got).sum() / sizes).real.item() if sizes else 0.0
    return Diagnosis(
        "unexplained",
        f"{subject} is wrong in {int(wrong.sum())} of {wrong.numel()} elements, most {locality.where(index)} "
        f"({number(trial.got[index].item())} instead of {number(trial.expected[index].item())}), and no mistake that "
        f"was tried explains it; its correlation with what it should be is {correlation:.2f}.",
        "Compare the two arrays: where they agree, and what distinguishes where they don't."
        + (" So near to each other, one may be an approximation." if relative_difference(evidence) < NEAR else ""),
        largest(got - expected) / (largest(got) or 1.0),
    )
