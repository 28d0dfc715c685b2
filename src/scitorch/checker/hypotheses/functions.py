"""Gradients of other functions than the one that was computed, and factors of the chain rule."""

from collections.abc import Callable, Iterable, Iterator
from itertools import combinations

import torch
from torch import Tensor

from scitorch.checker.evidence import GradientEvidence, Trial
from scitorch.checker.hypotheses.claims import Claim, Claims, argument_shape, axes_in_words, largest
from scitorch.checker.hypotheses.library import suited

ANOTHER = "gradient of another function"
FACTOR = "input-dependent factor"
RESULT = "the result"
LOOK = "Differentiate the function that the forward pass computes, at the point where it is evaluated."


Substitutes = Iterable[tuple[str, Tensor]]  # what may stand for the derivative, in words and in numbers


def another_slope(evidence: GradientEvidence) -> Claims:
    """The incoming gradient times some function's derivative at the argument, or times the result."""
    name, argument = evidence.argument, evidence.inputs[evidence.argument]
    for k, output in enumerate(evidence.outputs):
        simplest = "a sum" if output.ndim < argument.ndim else "the identity"
        itself = f"the incoming gradient itself, as if the function were {simplest}", torch.ones_like(argument)
        own = "the incoming gradient times the function's own result: the value in place of the derivative"
        yield from _elementwise(evidence, k, [itself, *_slopes(name, argument), (own, output)])


def another_value(evidence: GradientEvidence) -> Claims:
    """The incoming gradient times some function's value, or times a derivative at the wrong point."""
    name, argument = evidence.argument, evidence.inputs[evidence.argument]
    for k, output in enumerate(evidence.outputs):
        yield from _elementwise(evidence, k, [*_values(name, argument), *_slopes_at_result(name, output)])


def _elementwise(evidence: GradientEvidence, k: int, substitutes: Substitutes) -> Claims:
    argument, output = evidence.inputs[evidence.argument], evidence.outputs[k]
    suitable = [(words, factor) for words, factor in substitutes if factor.shape in (argument.shape, output.shape)]
    for spread in _spreads(output.shape, argument.shape):
        for words, factor in suitable:
            yield Claim(
                ANOTHER,
                f"is {words}",
                LOOK,
                lambda trial, spread=spread, factor=factor: _reduced(
                    spread(trial.cotangents[k]) * factor.conj(), argument.shape
                ),
            )


def _slopes(name: str, argument: Tensor) -> Iterator[tuple[str, Tensor]]:
    for known in suited(argument):
        formula = known.formula.format(name)
        yield f"the gradient of {known.name}({name}): g · {formula}", known.slope(argument)


def _values(name: str, argument: Tensor) -> Iterator[tuple[str, Tensor]]:
    for known in suited(argument):
        value = name if known.name == "identity" else f"{known.name}({name})"
        yield f"the incoming gradient times {value}, a value and no derivative", known.value(argument)
        if known.slope_by_result:
            yield (
                f"{known.name}'s derivative written for its result, but given {name}",
                known.slope_by_result(argument),
            )


def _slopes_at_result(name: str, output: Tensor) -> Iterator[tuple[str, Tensor]]:
    for known in suited(output):
        yield f"the derivative of {known.name} taken at the result instead of at {name}", known.slope(output)
        if known.slope_by_result:
            yield f"the gradient of {known.name}, by its result", known.slope_by_result(output)


def _spreads(output: torch.Size, argument: torch.Size) -> Iterator[Callable[[Tensor], Tensor]]:
    """Ways to lay an incoming gradient over the argument: as it is, or along the axes that were reduced."""
    missing = len(argument) - len(output)
    if missing <= 0:
        yield lambda g: g
        return
    for new in combinations(range(len(argument)), missing):
        kept = [size for axis, size in enumerate(argument) if axis not in new]
        shape = [1 if axis in new else size for axis, size in enumerate(argument)]
        if kept == list(output):
            yield lambda g, shape=shape: g.reshape(shape)


def _reduced(product: Tensor, shape: torch.Size) -> Tensor:
    """Bring to the argument's shape: spread or summed."""
    wide = torch.broadcast_shapes(product.shape, shape)
    return product.expand(wide).sum_to_size(shape)


def chain_factors(evidence: GradientEvidence) -> Claims:
    """A factor of the chain rule too few or too many."""
    shape = argument_shape(evidence)
    points = [(name, value) for name, value in evidence.inputs.items() if _covers(value, shape)]
    results = [(RESULT, output) for output in evidence.outputs if _covers(output, shape)]
    for name, value in (*points, *results):
        for formula, factor in _factors(name, value):
            if not largest(factor - 1):
                continue
            yield Claim(
                FACTOR,
                f"lacks the factor {formula}",
                "Multiply by it: the chain rule asks for every inner derivative.",
                lambda trial, factor=factor: trial.expected / factor.conj(),
            )
            yield Claim(
                FACTOR,
                f"has the factor {formula} too many",
                "Leave it out: that factor is no part of the derivative.",
                lambda trial, factor=factor: trial.expected * factor.conj(),
            )
    for name, value in points:
        for known in suited(value):
            yield Claim(
                ANOTHER,
                f"has {known.name}({name}) where its derivative should be",
                LOOK,
                lambda trial, known=known, value=value: (
                    trial.expected * (known.value(value) / known.slope(value)).conj()
                ),
            )


def _covers(value: Tensor, shape: torch.Size) -> bool:
    try:
        return torch.broadcast_shapes(value.shape, shape) == shape
    except RuntimeError:
        return False


def _factors(name: str, value: Tensor) -> Iterator[tuple[str, Tensor]]:
    yield name, value
    yield f"{name}²", value**2
    yield f"|{name}|", value.abs().to(value.dtype)
    for known in suited(value):
        # Of a result nearly everything is a function (of arctan2's, the tangent is the ratio of the arguments), so
        # there only what derivatives are written by it.
        if name != RESULT:
            yield known.formula.format(name), known.slope(value)
            yield f"{known.name}({name})", known.value(value)
        elif known.slope_by_result:
            yield f"of {known.name}'s derivative, by the result", known.slope_by_result(value)


def linear_maps(evidence: GradientEvidence) -> Claims:
    """The incoming gradient through an inverse transform, or a running sum, which are no adjoints."""
    shape = argument_shape(evidence)
    for k, output in enumerate(evidence.outputs):
        for words, transform in (*_running(output.shape), *_transforms(output.ndim, shape)):
            yield Claim(
                ANOTHER,
                f"is the incoming gradient through {words}, whatever the inputs",
                "The rule must be the adjoint of the derivative: an inverse is the adjoint of unitary maps only, and "
                "what follows the transform (a magnitude, say) has a derivative too.",
                lambda trial, k=k, transform=transform: transform(trial.cotangents[k]),
            )


def _running(shape: torch.Size) -> Iterator[tuple[str, Callable[[Tensor], Tensor]]]:
    for axis in range(len(shape)):
        where = f"along {axes_in_words((axis,))}"
        yield f"a cumulative sum {where}", lambda g, axis=axis: g.cumsum(axis)
        yield f"a reversed cumulative sum {where}", lambda g, axis=axis: g.flip(axis).cumsum(axis).flip(axis)


def _transforms(ndim: int, shape: torch.Size) -> Iterator[tuple[str, Callable[[Tensor], Tensor]]]:
    fft = torch.fft
    last, two = shape[-1:], shape[-2:]
    for norm in ("backward", "ortho", "forward"):
        how = "" if norm == "backward" else f' with norm="{norm}"'
        if ndim > 0:
            yield f"irfft{how}", lambda g, norm=norm: fft.irfft(g, *last, norm=norm)
            yield f"ifft{how}", lambda g, norm=norm: fft.ifft(g, norm=norm)
            yield f"fft{how}", lambda g, norm=norm: fft.fft(g, norm=norm)
        if ndim > 1:
            yield f"irfft2{how}", lambda g, norm=norm: fft.irfft2(g, two, norm=norm)
            yield f"ifft2{how}", lambda g, norm=norm: fft.ifft2(g, norm=norm)
            yield f"fft2{how}", lambda g, norm=norm: fft.fft2(g, norm=norm)
        if ndim > 2:
            yield f"irfftn{how}", lambda g, norm=norm: fft.irfftn(g, shape, norm=norm)
            yield f"ifftn{how}", lambda g, norm=norm: fft.ifftn(g, norm=norm)
            yield f"fftn{how}", lambda g, norm=norm: fft.fftn(g, norm=norm)


def inner_factors(evidence: GradientEvidence) -> Claims:
    """A factor that belongs to the result, too few or too many: the outer function's derivative."""
    for k, output in enumerate(evidence.outputs):
        for known in suited(output):
            if known.slope_by_result is None:
                continue
            factor = known.slope_by_result(output).conj()
            words = f"derivative of the outer function, {known.name}"
            for verdict, apply in (("lacks the", lambda g, f: g / f), ("has twice the", lambda g, f: g * f)):
                yield Claim(
                    FACTOR,
                    f"{verdict} {words}",
                    "Multiply the incoming gradient by the outer function's derivative once, before the inner's rule.",
                    lambda trial, k=k, apply=apply, factor=factor: _with_incoming(
                        evidence, trial, k, apply(trial.cotangents[k], factor)
                    ),
                )


def _with_incoming(evidence: GradientEvidence, trial: Trial, k: int, cotangent: Tensor) -> Tensor:
    return evidence.pull(tuple(cotangent if i == k else g for i, g in enumerate(trial.cotangents)))
