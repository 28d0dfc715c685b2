"""Forward mode, and second and higher derivatives: in every nesting they are derivatives of the first-order gradient.

With G(x) the gradient for fixed incoming gradients, found right before, the derivative of G along a direction v is
known numerically. It is symmetric, so it is what the backward pass of G gives for v (double backward), the forward
pass of G along v (forward over reverse), and the backward pass of the tangent along v (reverse over forward).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor
from torch.func import jvp, vjp

from scitorch.checker import upstream
from scitorch.checker.comparison import agrees, inner, relative_error, tolerance
from scitorch.checker.diagnosis import diagnose
from scitorch.checker.evidence import Mismatch
from scitorch.checker.reference import Reference
from scitorch.checker.run import Outcome, Run, filled, refused
from scitorch.checker.subject import Values

Derived = Callable[[Run, Values], Sequence[Tensor | None]]


def forward(run: Run) -> Iterator[Outcome]:
    """The tangents of the outputs, one argument moving at a time."""
    for index, name in enumerate(run.subject.arguments):
        direction = run.directions(index)
        try:
            got = run.subject.push(direction)
        except Exception as error:  # noqa: BLE001  whatever forward mode may raise
            yield refused(error, name)
            continue
        yield _tangents(run, name, direction, got)


def _tangents(run: Run, name: str, direction: Values, got: Sequence[Tensor | None]) -> Outcome:
    expected, errors = run.reference.push(direction)
    for e, error, g in zip(expected, errors, filled(got, run.outputs), strict=True):
        if mismatch := run.compare("forward mode", name, e, g, error):
            run.wrong_forward.add(name)
            if _transposed(run, direction, got):
                return Outcome("wrong", name, "the same mistake as in the gradient", relative_error(e, g))
            if not g.any():
                sentence = f"Forward mode gives zeros for {name}: the tangent is dropped without an error."
                advice = "Write the forward rule (jvp), or raise; torch.library.custom_op has none."
                return run.wrong_values(mismatch, "forward mode is zero", sentence, advice)
            return _diagnosed(run, mismatch, "wrong forward mode", f"The forward rule of {name} is wrong")
    return Outcome("right", name)


def _transposed(run: Run, direction: Values, got: Sequence[Tensor | None]) -> bool:
    """Whether forward mode is the transpose of reverse mode, and so has no mistake of its own."""
    if not run.wrong or run.backward_raises:
        return False
    pushed, pulled = inner(run.cotangents, filled(got, run.outputs)), inner(direction, run.filled_gradients)
    return agrees(pushed, pulled, tolerance(pushed, torch.zeros(()), run.precision))


def _diagnosed(run: Run, mismatch: Mismatch, cause: str, what: str) -> Outcome:
    found = diagnose(mismatch)
    sentence = f"{what}: {found.sentence[0].lower()}{found.sentence[1:]}"
    return run.wrong_values(mismatch, cause, sentence, found.advice)


def double_backward(run: Run) -> Iterator[Outcome]:
    """Second derivatives by plain autograd, of each argument's gradient."""
    count = len(run.subject.arguments)

    def got(run: Run, direction: Values) -> Sequence[Tensor | None]:
        moved = [bool(d.any()) for d in direction]
        derived = run.subject.gradient(run.cotangents)
        return derived.pull([d if m else None for d, m in zip(direction, moved, strict=True)])

    for index in range(count):
        outcome = _second(run, "double backward", index, got)
        yield outcome
        if outcome.status == "right":
            yield _by_incoming(run, index)
    yield from _higher(run)


def _by_incoming(run: Run, index: int) -> Outcome:
    """The derivative of a gradient by the incoming gradients: linear, it gives back the tangents."""
    name = run.subject.arguments[index]
    direction = run.directions(index)
    try:
        got = filled(run.subject.pull_of_pull(run.cotangents, direction), run.outputs)
    except Exception as error:  # noqa: BLE001  whatever a second derivative may raise
        return refused(error, name)
    expected, errors = run.reference.push(direction)
    for e, error, g in zip(expected, errors, got, strict=True):
        if mismatch := run.compare("double backward", name, e, g, error):
            return _wrong_second(run, mismatch, "the incoming gradient")
    return Outcome("right", name, "by the incoming gradient")


def forward_over_reverse(run: Run) -> Iterator[Outcome]:
    """`jvp` of `vjp`."""

    def got(run: Run, direction: Values) -> Values:
        pull = lambda *values: vjp(run.subject.function, *values)[1](run.cotangents)  # noqa: E731  a function of values
        return jvp(pull, run.subject.values, direction)[1]

    for index in range(len(run.subject.arguments)):
        yield _second(run, "forward over reverse", index, got)


def reverse_over_forward(run: Run) -> Iterator[Outcome]:
    """`vjp` of `jvp`."""
    if run.wrong_forward:
        yield Outcome("skipped", "", "forward mode is wrong")
        return

    def got(run: Run, direction: Values) -> Values:
        tangent = lambda *values: jvp(run.subject.function, values, direction)[1]  # noqa: E731  a function of values
        return vjp(tangent, *run.subject.values)[1](run.cotangents)

    for index in range(len(run.subject.arguments)):
        yield _second(run, "reverse over forward", index, got)


def _second(run: Run, kind: str, index: int, derived: Derived) -> Outcome:
    """One second derivative along a direction of one argument, against differences of the gradient."""
    name, names = run.subject.arguments[index], run.subject.arguments
    if run.wrong:
        return Outcome("skipped", name, f"the gradient of {', '.join(sorted(run.wrong))} is wrong")
    direction = run.directions(index)
    try:
        got = filled(derived(run, direction), run.subject.values)
    except Exception as error:  # noqa: BLE001  whatever a second derivative may raise
        return refused(error, name)
    expected, errors = Reference(run.subject.gradient(run.cotangents)).push(direction)
    for other, e, error, g in zip(names, expected, errors, got, strict=True):
        if mismatch := run.compare(kind, name, e, g, error):
            return _wrong_second(run, mismatch, other)
    return Outcome("right", name)


def _wrong_second(run: Run, mismatch: Mismatch, other: str) -> Outcome:
    name = mismatch.argument
    if fault := upstream.fault(run.subject, mismatch.property):
        sentence = f"PyTorch's own {fault} has a wrong derivative in this mode; yours is built on it."
        return run.wrong_values(mismatch, "upstream", sentence, "Nest the other way (jacrev inside), or avoid it.")
    if not mismatch.got.any():
        first, rule = (f"The gradient of {name}", "backward pass") if name else ("Forward mode", "forward rule")
        sentence = (
            f"{first} is right, but its derivative by {other} is zero without an error: the {rule} is a constant to "
            "autograd (NumPy, .detach() or .data in it)."
        )
        advice = "Make the backward an operator with a rule of its own, or raise (once_differentiable)."
        return run.wrong_values(mismatch, "wrong second order", sentence, advice)
    first = f"The gradient of {name}" if name else "Forward mode"
    what = f"{first} is right, but its derivative by {other} is wrong"
    return _diagnosed(run, mismatch, "wrong second order", what)


def forward_over_forward(run: Run) -> Iterator[Outcome]:
    """`jvp` of `jvp`, against differences of forward mode."""
    if run.wrong_forward:
        yield Outcome("skipped", "", "forward mode is wrong")
        return
    first, second = run.directions(), run.directions()
    tangent = lambda *values: jvp(run.subject.function, values, first)[1]  # noqa: E731  a function of values
    try:
        got = jvp(tangent, run.subject.values, second)[1]
    except Exception as error:  # noqa: BLE001  whatever nested forward mode may raise
        yield refused(error)
        return
    expected, errors = Reference(run.subject.derived(tangent)).push(second)
    for e, error, g in zip(expected, errors, got, strict=True):
        if mismatch := run.compare("forward over forward", "", e, g, error):
            yield _wrong_second(run, mismatch, "a second direction")
            return
    yield Outcome("right")


def _higher(run: Run) -> Iterator[Outcome]:
    """Third and higher derivatives in reverse mode: each against differences of the one before."""
    derived, cotangents = run.subject.gradient(run.cotangents), run.directions()
    for order in range(3, run.order + 1):
        if run.wrong:
            yield Outcome("skipped", "", f"order {order}: a lower one is wrong")
            return
        derived = derived.gradient(cotangents)
        direction = run.directions()
        try:
            got = filled(derived.pull(direction), run.subject.values)
        except Exception as error:  # noqa: BLE001  whatever a higher derivative may raise
            yield refused(error, f"order {order}")
            return
        expected, errors = Reference(derived).push(direction)
        for name, e, error, g in zip(run.subject.arguments, expected, errors, got, strict=True):
            if mismatch := run.compare(f"derivative of order {order}", name, e, g, error):
                yield _diagnosed(run, mismatch, "wrong higher order", f"The derivative of order {order} is wrong")
                return
        yield Outcome("right", f"order {order}")
