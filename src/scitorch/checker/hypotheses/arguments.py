"""The right gradient at the wrong place: another argument's, or with an argument mixed up."""

from collections.abc import Callable, Iterator
from itertools import combinations

import torch
from torch import Tensor

from scitorch.checker.evidence import GradientEvidence
from scitorch.checker.hypotheses.claims import Claim, Claims, elsewhere, largest, main_trial
from scitorch.checker.hypotheses.geometry import ADVICE, flips, transpositions


def swapped(evidence: GradientEvidence) -> Claims:
    """Another argument's gradient."""
    if evidence.trials.get("random") is None:
        return
    for other, theirs in evidence.expected_of.items():
        if other != evidence.argument and theirs.shape == evidence.got_of[evidence.argument].shape:
            yield Claim(
                "swapped arguments",
                f"is the gradient of {other}",
                "Return the gradients in the order of the arguments.",
                lambda trial, theirs=theirs: theirs,
                trials=("random",),
            )


def mixed_up(evidence: GradientEvidence) -> Claims:
    """The rule takes an argument transposed, flipped or unconjugated, or two of them in the wrong order."""
    for name, value in sorted(evidence.inputs.items(), key=lambda item: item[0] == evidence.argument):
        for cause, words, advice, changed in _changes(value):
            yield _at(evidence, cause, f"is right for {name} {words}", advice, {name: changed})
    yield from _exchanged(evidence)
    yield from _at_result(evidence)


def _changes(value: Tensor) -> Iterator[tuple[str, str, str, Tensor]]:
    if value.is_complex():
        yield "missing conjugate", "conjugated", "Conjugate it once, or once less.", value.conj().resolve_conj()
    for way in (*transpositions(value.shape), *flips(value.shape)):
        yield way.cause, way.words, ADVICE[way.cause], way.apply(value).contiguous()


def _exchanged(evidence: GradientEvidence) -> Claims:
    for one, other in combinations(evidence.inputs, 2):
        if _alike(evidence.inputs[one], evidence.inputs[other]):
            yield _at(
                evidence,
                "swapped arguments",
                f"is right for {one} and {other} exchanged",
                "Unpack the saved tensors in the order in which they were saved.",
                {one: evidence.inputs[other], other: evidence.inputs[one]},
            )


def _alike(one: Tensor, other: Tensor) -> bool:
    return one.shape == other.shape and one.dtype == other.dtype


def _at_result(evidence: GradientEvidence) -> Claims:
    for output in evidence.outputs:
        if _alike(output, evidence.inputs[evidence.argument]):
            yield _at(
                evidence,
                "gradient of another function",
                f"is the derivative taken at the result instead of at {evidence.argument}",
                "Save the argument, not the result, or write the derivative by the result.",
                {evidence.argument: output},
            )


def _at(evidence: GradientEvidence, cause: str, predicate: str, advice: str, changed: dict[str, Tensor]) -> Claim:
    inputs = {**evidence.inputs, **changed}
    return Claim(cause, predicate, advice, lambda trial: evidence.pull_at(inputs, trial.cotangents))


# The Jacobian has a row for each element of the output, and each row costs a gradient.
MOST_ROWS = 64


def by_jacobian(evidence: GradientEvidence) -> Claims:
    """The Jacobian used in the wrong way: not transposed, or its diagonal only."""
    size = evidence.inputs[evidence.argument].numel()
    if len(evidence.outputs) != 1 or not 1 < size == evidence.outputs[0].numel() <= MOST_ROWS:
        return
    rows = _rows(evidence)  # conj(J)
    uses: dict[str, tuple[str, str, Callable[[Tensor], Tensor]]] = {
        "transposed": (
            "is the Jacobian times the incoming gradient, J g, instead of Jᵀ g",
            "Transpose: reverse mode needs Jᵀ g.",
            lambda g: rows.conj() @ g,
        ),
        "only the diagonal of the Jacobian": (
            "takes only the Jacobian's diagonal, as if each output element depended on its own input element alone",
            "Add what the other elements contribute: softmax's is s · (g − Σ g s), for example.",
            lambda g: rows.diagonal() * g,
        ),
    }
    for cause, (predicate, advice, use) in uses.items():
        yield Claim(
            cause,
            predicate,
            advice,
            lambda trial, use=use: use(trial.cotangents[0].reshape(-1).to(rows.dtype)).reshape(trial.expected.shape),
        )


def _rows(evidence: GradientEvidence) -> Tensor:
    output = evidence.outputs[0]
    units = torch.eye(output.numel(), dtype=output.dtype)
    return torch.stack([evidence.pull((unit.reshape(output.shape),)).reshape(-1) for unit in units])


def independent_of_inputs(evidence: GradientEvidence) -> Claims:
    """The rule gives the same wherever it is asked; the derivative doesn't."""
    trial, inputs = main_trial(evidence), elsewhere(evidence)
    if largest(evidence.rule_at(inputs, trial.cotangents) - trial.got) > 1e-9 * largest(trial.got):
        return
    change = largest(evidence.pull_at(inputs, trial.cotangents) - trial.expected)
    if change > 1e-3 * largest(trial.expected):
        yield Claim(
            "does not depend on the inputs",
            "doesn't depend on the inputs, though the derivative does",
            "The function isn't linear: save its inputs (or its result) and use them in the rule.",
        )
