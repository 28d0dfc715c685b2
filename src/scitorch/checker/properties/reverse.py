"""Reverse mode, first order: every argument's gradient, whatever the incoming gradient and whoever asks."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from scitorch.checker.comparison import agrees, relative_error, tolerance
from scitorch.checker.diagnosis import diagnose, diagnose_gradient
from scitorch.checker.evidence import Cotangents, GradientEvidence, Mismatch, Trial
from scitorch.checker.reference import Reference
from scitorch.checker.run import Outcome, Run, filled, refused

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
            if gradients[index] is None:
                outcome = _detached(run, index)
        yield outcome


def _raising(run: Run, error: Exception) -> Iterator[Outcome]:
    """A backward pass that raises: what it raises for which argument."""
    for index, name in enumerate(run.subject.arguments):
        wanted = [i == index for i in range(len(run.subject.arguments))]
        try:
            run.subject.pull(run.cotangents, wanted)
        except Exception as own:  # noqa: BLE001  as above
            error, run.wrong = own, run.wrong | {name}
            if isinstance(own, NotImplementedError):
                yield refused(own, name)
                continue
            text = " ".join(str(own).split())
            shape = "invalid gradient" in text or "expected shape" in text
            cause = "missing sum over a broadcast axis" if shape else "backward raises"
            sentence = (
                f"The gradient of {name} has the wrong shape: {text}."
                if shape
                else f"The backward pass raises {type(own).__name__}: {text}."
            )
            advice = (
                f"Sum the gradient over the axes along which {name} was broadcast."
                if shape
                else "Run the reproduction and mend the backward pass."
            )
            yield run.wrong_statement("gradient", name, cause, sentence, advice)


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
    if all(agrees(t.expected, t.got, t.tolerance) for t in trials.values()):
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
            expected = _inner(cotangents, tangents)
            error = _inner([g.abs() for g in cotangents], [e.abs() for e in errors])
            products = (direction[index].conj() * got).real
            largest = max(largest, relative_error(expected, products.sum()))
            # Rounding in the sum is of the size of its terms.
            size = products.abs().sum() * run.precision[1] * 10
            if not agrees(expected, products.sum(), tolerance(expected, error, run.precision) + size):
                return _examined(run, index)
    return Outcome("right", name, "random projections", largest)


def _inner(left: Cotangents | list[Tensor], right: Cotangents | list[Tensor]) -> Tensor:
    terms = [(a.conj() * b).real.sum() for a, b in zip(left, right, strict=True)]
    return torch.stack(terms).sum().to(torch.float64)


def _examined(run: Run, index: int) -> Outcome:
    """The diagnosis of a gradient whose projection is wrong."""
    x = run.subject.values[index]
    if x.numel() <= MANY:
        return _diagnosed(run, index, _trials(run, index))
    reals = x.numel() * (2 if x.is_complex() else 1)
    which = torch.randperm(reals, generator=run.generator)[:PART]
    expected, error = run.reference.elements(index, which, run.cotangents)
    got = _reals(run.filled_gradients[index])[which]
    mismatch = run.compare("gradient", run.subject.arguments[index], expected, got, error)
    if mismatch is None:
        sentence = f"A random projection of the gradient is wrong, though {PART} elements drawn at random are right."
        advice = "Check a smaller argument, of which every element is looked at."
        return run.wrong_statement("gradient", run.subject.arguments[index], "wrong in one element", sentence, advice)
    found = diagnose(mismatch)
    return run.wrong_values(mismatch, found.cause, found.sentence, found.advice)


def _reals(x: Tensor) -> Tensor:
    return (torch.view_as_real(x.resolve_conj()) if x.is_complex() else x).reshape(-1)


def _diagnosed(run: Run, index: int, trials: Mapping[str, Trial]) -> Outcome:
    name = run.subject.arguments[index]
    found = diagnose_gradient(_evidence(run, index, trials))
    shown = next(t for t in trials.values() if not agrees(t.expected, t.got, t.tolerance)) if _any_wrong(trials) else None
    shown = shown or trials["random"]
    mismatch = Mismatch("gradient", name, shown.expected, shown.got, shown.tolerance)
    return run.wrong_values(mismatch, found.cause, found.sentence, found.advice)


def _any_wrong(trials: Mapping[str, Trial]) -> bool:
    return any(not agrees(t.expected, t.got, t.tolerance) for t in trials.values())


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


def _detached(run: Run, index: int) -> Outcome:
    name = run.subject.arguments[index]
    expected, _ = run.reference.pull(index, run.cotangents)
    mismatch = Mismatch("gradient", name, expected, torch.zeros_like(expected), torch.zeros_like(expected))
    sentence = f"No gradient reaches {name}, though the result depends on it: the graph is cut on the way."
    advice = "Look for .detach(), .data, .numpy(), .item(), torch.tensor(…), no_grad or a backward that returns None."
    return run.wrong_values(mismatch, "detached", sentence, advice)


def incoming(run: Run) -> Iterator[Outcome]:
    """Incoming gradients that are expanded, strided or missing."""
    variants = {"expanded": _expanded, "strided": _strided}
    for kind, variant in variants.items():
        yield from _same_gradients(run, f"{kind} incoming gradient", *variant(run))
    if len(run.outputs) > 1:
        for i in range(len(run.outputs)):
            given = tuple(g if k == i else None for k, g in enumerate(run.cotangents))
            zeros = tuple(torch.zeros_like(g) if k != i else g for k, g in enumerate(run.cotangents))
            yield from _same_gradients(run, "undefined incoming gradient", given, zeros)


def _expanded(run: Run) -> tuple[Cotangents, Cotangents]:
    scalars = [torch.ones((), dtype=out.dtype, device=out.device).expand(out.shape) for out in run.outputs]
    return tuple(scalars), tuple(s.contiguous() for s in scalars)


def _strided(run: Run) -> tuple[Cotangents, Cotangents]:
    """Every second element of a larger array, last dimension first where there are two."""
    gapped = [g.mT.contiguous().mT if g.ndim > 1 else torch.stack([g, g], -1)[..., 0] for g in run.cotangents]
    return tuple(gapped), run.cotangents


def _same_gradients(run: Run, kind: str, given: tuple[Tensor | None, ...], plain: Cotangents) -> Iterator[Outcome]:
    try:
        expected = filled(run.subject.pull(plain), run.subject.values)
        got = filled(run.subject.pull(given), run.subject.values)
    except Exception as error:  # noqa: BLE001  whatever a backward pass may raise
        yield refused(error) if isinstance(error, NotImplementedError) else run.wrong_statement(
            "incoming gradient",
            "",
            "backward raises",
            f"With an {kind} the backward pass raises {type(error).__name__}: {' '.join(str(error).split())}.",
            "Take whatever strides come (.contiguous()), and treat None as zero.",
        )
        return
    for name, e, g in zip(run.subject.arguments, expected, got, strict=True):
        if mismatch := run.compare("incoming gradient", name, e, g):
            yield run.wrong_values(
                mismatch,
                "incoming gradient's layout",
                f"With an {kind} the gradient of {name} is not what it is for the same numbers in an ordinary array.",
                "Don't read memory as if it were contiguous; treat None as zero.",
            )
            return
    yield Outcome("right", "", kind)


def subsets(run: Run) -> Iterator[Outcome]:
    """The gradients that are asked for don't depend on which others are."""
    count = len(run.subject.arguments)
    if count < 2:
        yield Outcome("skipped", "", "one argument")
        return
    sizes = range(1, count)
    choices = itertools.islice(itertools.chain.from_iterable(itertools.combinations(range(count), n) for n in sizes), SUBSETS)
    for choice in choices:
        try:
            got = run.subject.pull(run.cotangents, [i in choice for i in range(count)])
        except Exception as error:  # noqa: BLE001  whatever a backward pass may raise
            names = ", ".join(run.subject.arguments[i] for i in choice)
            yield refused(error, names) if isinstance(error, NotImplementedError) else run.wrong_statement(
                "subsets of requires_grad",
                names,
                "depends on requires_grad",
                f"If only {names} requires grad, backward raises {type(error).__name__}: {' '.join(str(error).split())}.",
                "Test ctx.needs_input_grad before computing what it doesn't ask for.",
            )
            return
        for i in choice:
            name, value = run.subject.arguments[i], run.subject.values[i]
            alone = torch.zeros_like(value) if got[i] is None else got[i]
            if mismatch := run.compare("subsets of requires_grad", name, run.filled_gradients[i], alone):
                asked = ", ".join(run.subject.arguments[k] for k in choice)
                yield run.wrong_values(
                    mismatch,
                    "depends on requires_grad",
                    f"The gradient of {name} is another one if only {asked} requires grad.",
                    "Make each argument's gradient independent of ctx.needs_input_grad of the others.",
                )
                return
    yield Outcome("right", "", f"{min(2**count - 2, SUBSETS)} subsets")
