"""Reverse mode, first order: every argument's gradient, whatever the incoming gradient and whoever asks."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from scitorch.checker.comparison import agrees, inner, relative_error, tolerance
from scitorch.checker.diagnosis import diagnose, diagnose_gradient
from scitorch.checker.evidence import Cotangents, GradientEvidence, Mismatch, Trial
from scitorch.checker.reference import Reference
from scitorch.checker.run import Outcome, Run, filled, message, refused

SECONDS = 20.0  # that the numerical gradient of one argument may take
MANY = 4096  # elements: of more, a diagnosis looks at a part
PART = 256
SUBSETS = 32


def gradient(run: Run) -> Iterator[Outcome]:
    """Each argument's gradient against differences, for random incoming gradients and for ones."""
    try:
        gradients = run.gradients
    except NotImplementedError as error:
        yield refused(error)
        return
    except Exception as error:  # noqa: BLE001  whatever a backward pass may raise
        yield from _raising(run, error)
        return
    for index, name in enumerate(run.subject.arguments):
        outcome = _projected(run, index) if run.mode == "quick" or _too_long(run, index) else _whole(run, index)
        if outcome.status == "wrong":
            run.wrong.add(name)
            seen = _seen(run, index)
            if gradients[index] is None or _is_cut(run, seen):
                outcome = _detached(run, seen)
        yield outcome


def _raising(run: Run, error: Exception) -> Iterator[Outcome]:
    """A backward pass that raises: for which argument, and what."""
    alone = False
    for index, name in enumerate(run.subject.arguments):
        try:
            run.subject.pull(run.cotangents, [i == index for i in range(len(run.subject.arguments))])
        except Exception as own:  # noqa: BLE001  as above
            alone = True
            run.wrong.add(name)
            yield _raised(run, name, own)
    if not alone:
        run.wrong.update(run.subject.arguments)
        yield _raised(run, "", error)


def _raised(run: Run, name: str, error: Exception) -> Outcome:
    if isinstance(error, NotImplementedError):
        return refused(error, name)
    text = message(error)
    if "invalid gradient" in text:  # PyTorch's words for a gradient that doesn't fit its argument
        sentence = f"The gradient of {name or 'an argument'} has a wrong shape. {text}."
        advice = "Sum the gradient over the axes along which the argument was broadcast."
        return run.wrong_statement("gradient", name, "missing sum over a broadcast axis", sentence, advice)
    sentence = f"The backward pass raises. {text}."
    return run.wrong_statement("gradient", name, "backward raises", sentence, "Run the lines below, and mend it.")


def _too_long(run: Run, index: int) -> bool:
    start = time.perf_counter()
    run.subject.outputs()
    once = time.perf_counter() - start
    return run.subject.values[index].numel() * 20 * once > SECONDS


def _whole(run: Run, index: int) -> Outcome:
    """Every element, for three incoming gradients."""
    trials = _trials(run, index)
    name = run.subject.arguments[index]
    error = max(relative_error(t.expected, t.got) for t in trials.values())
    if all(run.agrees(t.expected, t.got, t.tolerance) for t in trials.values()):
        return Outcome("right", name, f"{run.subject.values[index].numel()} elements", error)
    return _diagnosed(run, index, trials)


def _trials(run: Run, index: int) -> dict[str, Trial]:
    ones = tuple(torch.ones_like(out) for out in run.outputs)
    incoming = {"random": run.cotangents, "another random": run.random_like(run.outputs), "ones": ones}
    return {name: _trial(run, index, cotangents) for name, cotangents in incoming.items()}


def _trial(run: Run, index: int, cotangents: Cotangents) -> Trial:
    expected, error = run.reference.pull(index, cotangents)
    got = filled(run.subject.pull(cotangents), run.subject.values)[index].to(expected.dtype)
    return Trial(cotangents, expected, got, tolerance(expected, error, run.precision))


def _projected(run: Run, index: int) -> Outcome:
    """Random projections: two directions, each with three incoming gradients."""
    name = run.subject.arguments[index]
    ones = tuple(torch.ones_like(out) for out in run.outputs)
    incoming = [run.cotangents, run.random_like(run.outputs), ones]
    pulled = [filled(run.subject.pull(g), run.subject.values)[index] for g in incoming]
    largest = 0.0
    for _ in range(2):
        direction = run.directions(index)
        tangents, errors = run.reference.push(direction)
        for cotangents, got in zip(incoming, pulled, strict=True):
            expected = inner(cotangents, tangents)
            error = inner([g.abs() for g in cotangents], [e.abs() for e in errors])
            products = (direction[index].conj() * got).real
            largest = max(largest, relative_error(expected, products.sum()))
            # Rounding in the sum is of the size of its terms.
            size = products.abs().sum() * run.precision[1] * 10
            if not run.agrees(expected, products.sum(), tolerance(expected, error, run.precision) + size):
                return _examined(run, index)
    return Outcome("right", name, "random projections", largest)


def _examined(run: Run, index: int) -> Outcome:
    """The diagnosis of a gradient whose projection is wrong."""
    if run.subject.values[index].numel() <= MANY:
        return _diagnosed(run, index, _trials(run, index))
    seen = _seen(run, index)
    mismatch = run.compare("gradient", run.subject.arguments[index], seen.expected, seen.got, seen.error)
    if mismatch is None:
        sentence = f"A random projection of the gradient is wrong, though {PART} elements drawn at random are right."
        advice = "Check a smaller argument, of which every element is looked at."
        return run.wrong_statement("gradient", run.subject.arguments[index], "wrong in one element", sentence, advice)
    found = diagnose(mismatch)
    return run.wrong_values(mismatch, found.cause, found.sentence, found.advice)


@dataclass(frozen=True)
class _Seen:
    """What is looked at of one argument's gradient: all of it or, of a large one, some elements."""

    index: int
    expected: Tensor
    error: Tensor
    got: Tensor
    part: Callable[[Tensor], Tensor]


def _seen(run: Run, index: int) -> _Seen:
    x, gradient = run.subject.values[index], run.filled_gradients[index]
    if x.numel() <= MANY:
        expected, error = run.reference.pull(index, run.cotangents)
        return _Seen(index, expected, error, gradient.to(expected.dtype), lambda g: g)
    generator = torch.Generator().manual_seed(run.seed)
    which = torch.randperm(_reals(x).numel(), generator=generator)[:PART]
    expected, error = run.reference.elements(index, which, run.cotangents)
    return _Seen(index, expected, error, _reals(gradient)[which], lambda g: _reals(g)[which])


def _reals(x: Tensor) -> Tensor:
    return (torch.view_as_real(x.resolve_conj()) if x.is_complex() else x).reshape(-1)


def _diagnosed(run: Run, index: int, trials: Mapping[str, Trial]) -> Outcome:
    found = diagnose_gradient(_evidence(run, index, trials))
    wrong = (t for t in trials.values() if not agrees(t.expected, t.got, t.tolerance))
    shown = next(wrong, trials["random"])
    mismatch = Mismatch("gradient", run.subject.arguments[index], shown.expected, shown.got, shown.tolerance)
    return run.wrong_values(mismatch, found.cause, found.sentence, found.advice)


def _evidence(run: Run, index: int, trials: Mapping[str, Trial]) -> GradientEvidence:
    subject, names = run.subject, run.subject.arguments

    def true_at(values: Mapping[str, Tensor], cotangents: Cotangents) -> Tensor:
        moved = subject.at([values[n].to(v.dtype) for n, v in zip(names, subject.values, strict=True)])
        return Reference(moved).pull(index, cotangents)[0]

    def rule_at(values: Mapping[str, Tensor], cotangents: Cotangents) -> Tensor:
        moved = subject.at([values[n].to(v.dtype) for n, v in zip(names, subject.values, strict=True)])
        return filled(moved.pull(cotangents), moved.values)[index]

    true = (run.reference.pull(i, run.cotangents)[0] for i in range(len(names)))
    return GradientEvidence(
        argument=names[index],
        inputs=dict(zip(names, subject.values, strict=True)),
        outputs=run.outputs,
        trials=trials,
        pull=lambda cotangents: run.reference.pull(index, cotangents)[0],
        rule=lambda cotangents: filled(subject.pull(cotangents), subject.values)[index],
        pull_at=true_at,
        rule_at=rule_at,
        expected_of=dict(zip(names, true, strict=True)),
        got_of=dict(zip(names, run.filled_gradients, strict=True)),
        one_sided=lambda: run.reference.one_sided(index, run.cotangents),
    )


def _is_cut(run: Run, seen: _Seen) -> bool:
    """Whether the gradient becomes right if no tensor is detached on the way."""

    def function(*values: Tensor) -> tuple[Tensor, ...]:
        with Undetached():
            return run.subject.function(*values)

    try:
        with torch.random.fork_rng(devices=[]):
            gradient = run.subject.derived(function).pull(run.cotangents)[seen.index]
    except Exception:  # noqa: BLE001  what expects a detached tensor may raise whatever it likes
        return False
    within = tolerance(seen.expected, seen.error, run.precision)
    return gradient is not None and agrees(seen.expected, seen.part(gradient), within)


class Undetached(TorchFunctionMode):
    """Within it `.detach()`, `.data`, `.item()` and `torch.tensor(x)` give the tensor itself."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return args[0] if func in CUTS and isinstance(args[0], Tensor) else func(*args, **(kwargs or {}))


CUTS = (torch.Tensor.detach, torch.detach, torch.Tensor.item, torch.tensor, torch.Tensor.data.__get__)  # pyright: ignore[reportAttributeAccessIssue]  a getter


def _detached(run: Run, seen: _Seen) -> Outcome:
    name = run.subject.arguments[seen.index]
    within = tolerance(seen.expected, seen.error, run.precision)
    mismatch = Mismatch("gradient", name, seen.expected, seen.got, within)
    how = "Only a part of the gradient reaches" if seen.got.any() else "No gradient reaches"
    sentence = f"{how} {name}, though the result depends on it: the graph is cut on the way."
    advice = "Look for .detach(), .data, .numpy(), .item(), torch.tensor(…), no_grad or a backward that returns None."
    return run.wrong_values(mismatch, "detached", sentence, advice)


def incoming(run: Run) -> Iterator[Outcome]:
    """Incoming gradients that are expanded, strided or missing."""
    if run.wrong:
        yield Outcome("skipped", "", "the gradient is wrong for plain ones")
        return
    yield _same_gradients(run, "expanded", *_expanded(run))
    yield _same_gradients(run, "strided", *_strided(run))
    if len(run.outputs) > 1:
        for i in range(len(run.outputs)):
            given = tuple(g if k == i else None for k, g in enumerate(run.cotangents))
            zeros = tuple(g if k == i else torch.zeros_like(g) for k, g in enumerate(run.cotangents))
            yield _same_gradients(run, "undefined", given, zeros)


def _expanded(run: Run) -> tuple[Cotangents, Cotangents]:
    scalars = [torch.ones((), dtype=out.dtype, device=out.device).expand(out.shape) for out in run.outputs]
    return tuple(scalars), tuple(s.contiguous() for s in scalars)


def _strided(run: Run) -> tuple[Cotangents, Cotangents]:
    """Transposed in memory where there are two dimensions, else every second number of a larger array."""
    gapped = [g.mT.contiguous().mT if g.ndim > 1 else torch.stack([g, g], -1)[..., 0] for g in run.cotangents]
    return tuple(gapped), run.cotangents


def _same_gradients(run: Run, kind: str, given: tuple[Tensor | None, ...], plain: Cotangents) -> Outcome:
    try:
        expected = filled(run.subject.pull(plain), run.subject.values)
        got = filled(run.subject.pull(given), run.subject.values)
    except NotImplementedError as error:
        return refused(error)
    except Exception as error:  # noqa: BLE001  whatever a backward pass may raise
        sentence = f"With {kind} incoming gradients the backward pass raises. {message(error)}."
        advice = "Take whatever strides come (.contiguous()), and treat None as zero."
        return run.wrong_statement("incoming gradient", "", "incoming gradient's layout", sentence, advice)
    for name, e, g in zip(run.subject.arguments, expected, got, strict=True):
        if mismatch := run.compare("incoming gradient", name, e, g):
            sentence = (
                f"With {kind} incoming gradients that of {name} isn't what it is for the same numbers laid out plainly."
            )
            advice = "Don't read memory as if it were contiguous, and treat None as zero."
            return run.wrong_values(mismatch, "incoming gradient's layout", sentence, advice)
    return Outcome("right", "", kind)


def subsets(run: Run) -> Iterator[Outcome]:
    """The gradients that are asked for don't depend on which others are."""
    count = len(run.subject.arguments)
    if count == 1:
        yield Outcome("skipped", "", "there is one argument")
        return
    if run.backward_raises:
        yield Outcome("skipped", "", "the backward pass raises")
        return
    every = itertools.chain.from_iterable(itertools.combinations(range(count), n) for n in range(1, count))
    for choice in itertools.islice(every, SUBSETS):
        outcome = _subset(run, choice)
        if outcome.status != "right":
            yield outcome
            return
    yield Outcome("right", "", f"{min(2**count - 2, SUBSETS)} subsets")


def _subset(run: Run, choice: tuple[int, ...]) -> Outcome:
    names = run.subject.arguments
    asked = " and ".join(names[i] for i in choice)
    try:
        got = filled(run.subject.pull(run.cotangents, [i in choice for i in range(len(names))]), run.subject.values)
    except NotImplementedError as error:
        return refused(error, asked)
    except Exception as error:  # noqa: BLE001  whatever a backward pass may raise
        sentence = f"If only {asked} requires grad, the backward pass raises. {message(error)}."
        advice = "Ask ctx.needs_input_grad before computing what nobody wants."
        return run.wrong_statement("subsets of requires_grad", asked, "depends on requires_grad", sentence, advice)
    for i in choice:
        if mismatch := run.compare("subsets of requires_grad", names[i], run.filled_gradients[i], got[i]):
            sentence = f"The gradient of {names[i]} is another one if only {asked} requires grad."
            advice = f"Compute the gradient of {names[i]} without regard to ctx.needs_input_grad of the others."
            return run.wrong_values(mismatch, "depends on requires_grad", sentence, advice)
    return Outcome("right", asked)
