"""What the properties hand to the diagnosis: numbers that disagree, and ways to ask for more numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from torch import Tensor

Cotangents = tuple[Tensor, ...]  # one incoming gradient for each differentiable output
Pullback = Callable[[Cotangents], Tensor]


@dataclass(frozen=True)
class Mismatch:
    """Two arrays that should agree and don't.

    Attributes
    ----------
    property, argument : str
        What was compared; of which argument (empty: of the function's value).
    expected, got : Tensor
        In the shape of the argument (of an output, for values and tangents), in float64 or complex128.
    tolerance : Tensor
        Of the same shape: how far `got` may lie from `expected`, the reference's own error included.
    """

    property: str
    argument: str
    expected: Tensor
    got: Tensor
    tolerance: Tensor


@dataclass(frozen=True)
class Trial:
    """One incoming gradient, and what the argument's gradient should be and is."""

    cotangents: Cotangents
    expected: Tensor
    got: Tensor
    tolerance: Tensor


@dataclass(frozen=True)
class GradientEvidence:
    """All that is known about a wrong first-order gradient of one argument.

    Everything is float64 or complex128; gradients follow PyTorch's conjugate convention, the cotangents' too.

    Attributes
    ----------
    argument : str
    inputs : mapping of str to Tensor
        The values of all differentiable arguments, by name, this one among them.
    outputs : tuple of Tensor
        The differentiable outputs.
    trials : dict of str to Trial
        "random", "another random", "ones" (all incoming gradients one).
    pull : callable
        The true gradient of the argument for any incoming gradients, found numerically: costs many calls.
    rule : callable
        The gradient under test for any incoming gradients, as autograd gives it: costs one call.
    pull_at, rule_at : callable
        The same with other values of the arguments (a mapping by name, complete).
    expected_of : mapping of str to Tensor
        The true gradient of every argument for the trial "random".
    got_of : mapping of str to Tensor
        The gradient under test of every argument for the trial "random".
    one_sided : callable
        For the trial "random", the derivatives of <cotangents, outputs> by the argument from the right and from the
        left, found numerically; each of the argument's shape.
    """

    argument: str
    inputs: Mapping[str, Tensor]
    outputs: tuple[Tensor, ...]
    trials: Mapping[str, Trial]
    pull: Pullback
    rule: Pullback
    pull_at: Callable[[Mapping[str, Tensor], Cotangents], Tensor]
    rule_at: Callable[[Mapping[str, Tensor], Cotangents], Tensor]
    expected_of: Mapping[str, Tensor]
    got_of: Mapping[str, Tensor]
    one_sided: Callable[[], tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Diagnosis:
    """A hypothesis that explains the evidence."""

    cause: str
    sentence: str
    advice: str
    residual: float = field(default=0.0)  # what it leaves unexplained, relative to what was got
