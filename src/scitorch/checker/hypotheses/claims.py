"""What a hypothesis hands to the engine, and what all hypotheses ask of the evidence."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from scitorch.checker.evidence import GradientEvidence, Trial


@dataclass(frozen=True)
class Claim:
    """A mistake that may have been made, and what it would give.

    Attributes
    ----------
    cause : str
        One of `scitorch.checker.causes.BY_NUMBERS`.
    predicate : str
        A sentence without its subject, which the engine puts before it.
    advice : str
    predict : callable, optional
        What would have been got in a trial; None where the hypothesis has seen to it itself.
    trials : sequence of str
        The trials it speaks about; empty for all.
    confirm : callable, optional
        What has to hold besides; asked last, since it calls the function elsewhere.
    """

    cause: str
    predicate: str
    advice: str
    predict: Callable[[Trial], Tensor] | None = None
    trials: Sequence[str] = ()
    confirm: Callable[[], bool] | None = None


Claims = Iterator[Claim]
Hypothesis = Callable[[GradientEvidence], Claims]


def main_trial(evidence: GradientEvidence) -> Trial:
    """The trial with random incoming gradients, or the only one."""
    return evidence.trials.get("random") or next(iter(evidence.trials.values()))


def argument_shape(evidence: GradientEvidence) -> torch.Size:
    """The shape of the argument, and so of its gradient."""
    return main_trial(evidence).expected.shape


def largest(*tensors: Tensor) -> float:
    """The largest magnitude of any element; 0 if there is none."""
    return max((tensor.abs().max().item() for tensor in tensors if tensor.numel()), default=0.0)


def largest_got(evidence: GradientEvidence) -> float:
    """The largest magnitude in what was got.

    Over all trials, since in a single one the gradient may vanish: softmax's does for ones.
    """
    return largest(*(trial.got for trial in evidence.trials.values()))


def wrong_elements(evidence: GradientEvidence) -> Tensor:
    """True where what was got is wrong in any trial."""
    wrong = [~((trial.got - trial.expected).abs() <= trial.tolerance) for trial in evidence.trials.values()]
    return torch.stack(wrong).any(0)


def relative_difference(evidence: GradientEvidence) -> float:
    """The largest difference between expected and got, relative to the largest expected."""
    size = largest(*(trial.expected for trial in evidence.trials.values()))
    difference = largest(*(trial.got - trial.expected for trial in evidence.trials.values()))
    return difference / size if size else torch.inf


def is_complex(evidence: GradientEvidence) -> bool:
    """Whether anything a conjugate could change is about."""
    return any(tensor.is_complex() for tensor in (*main_trial(evidence).cotangents, main_trial(evidence).expected))


def elsewhere(evidence: GradientEvidence) -> Mapping[str, Tensor]:
    """Other arguments, near enough to stay where the function is defined: signs are kept."""
    generator = torch.Generator().manual_seed(0)

    def moved(value: Tensor) -> Tensor:
        step = 0.1 * torch.rand(value.shape, generator=generator, dtype=torch.double)
        return torch.where(value == 0, step, value * (1 + step))

    return {name: moved(value) for name, value in evidence.inputs.items()}


def number(value: complex) -> str:
    """A number in a sentence."""
    value = complex(value)
    if abs(value.imag) <= 1e-9 * abs(value):
        return f"{value.real:.6g}"
    return f"({value.real:.6g}{value.imag:+.6g}j)"


def listed(items: Sequence[object]) -> str:
    """``1``, ``1 and 2``, ``1, 2 and 3``."""
    words = [str(item) for item in items]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def axes_in_words(axes: Sequence[int]) -> str:
    """``axis 0``, ``axes 0 and 1``."""
    return f"{'axis' if len(axes) == 1 else 'axes'} {listed(axes)}"
