"""Terms of a rule that are left out: what a mean or a norm contributes, some of a sum, a whole axis."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from scitorch.checker.evidence import GradientEvidence, Trial
from scitorch.checker.hypotheses.claims import Claim, Claims, argument_shape, axes_in_words, listed

# Up to so many elements of the argument and of the output the whole Jacobian is looked at.
MOST = 64
# Relative to the largest entry: what differs by less is the same.
SAME = 1e-6


def left_out_of_a_normalisation(evidence: GradientEvidence) -> Claims:
    """What is missing is, in each slice along some axes, a multiple of ones, the argument or the result."""
    for axes in _along(argument_shape(evidence)):
        for parts in _parts(evidence):
            if torch.Size(argument_shape(evidence)[axis] for axis in axes).numel() < len(parts) + 2:
                continue
            slices = "" if len(axes) == len(argument_shape(evidence)) else ", another one in each slice,"
            yield Claim(
                "missing term",
                f"is off by a multiple{slices} of {listed(list(parts))} along {axes_in_words(axes)}",
                "A term is missing or wrong: what the function takes off, adds up or divides by along "
                f"{axes_in_words(axes)} (a mean, a sum, a norm, a standard deviation) depends on the argument, too.",
                lambda trial, axes=axes, parts=parts: _off_by_multiples(trial, axes, list(parts.values())),
            )


def _along(shape: torch.Size) -> Iterator[tuple[int, ...]]:
    """Each axis, the last first, then all."""
    yield from ((axis,) for axis in reversed(range(len(shape))))
    if len(shape) > 1:
        yield tuple(range(len(shape)))


def _parts(evidence: GradientEvidence) -> Iterator[Mapping[str, Tensor]]:
    argument = evidence.inputs[evidence.argument]
    ones, own = {"ones": torch.ones_like(argument)}, {evidence.argument: argument}
    results = [{"the result": out} for out in evidence.outputs if out.shape == argument.shape]
    yield ones
    yield from results
    yield own
    yield from (ones | result for result in results)
    yield ones | own


def _off_by_multiples(trial: Trial, axes: tuple[int, ...], parts: list[Tensor]) -> Tensor:
    """What is expected and the nearest multiples to what is wrong with what was got."""
    rest = [axis for axis in range(trial.got.ndim) if axis not in axes]
    order = [*rest, *axes]
    size = torch.Size(trial.got.shape[axis] for axis in axes).numel()

    def as_slices(array: Tensor) -> Tensor:
        return array.permute(order).reshape(-1, size)

    basis = torch.stack([as_slices(part) for part in parts], -1).to(trial.got.dtype)
    off = as_slices(trial.got - trial.expected)[..., None]
    fitted = (basis @ (torch.linalg.pinv(basis) @ off))[..., 0]
    back = fitted.reshape([trial.got.shape[axis] for axis in order])
    return trial.expected + back.permute([order.index(axis) for axis in range(len(order))])


@dataclass(frozen=True)
class _Jacobians:
    """The true one and the one under test (outputs x elements), and their common size."""

    true: Tensor
    own: Tensor
    size: Tensor

    def is_nothing(self, matrix: Tensor) -> Tensor:
        return matrix.abs() <= SAME * self.size


def _jacobians(evidence: GradientEvidence) -> _Jacobians | None:
    """None where they are too large, or there are several outputs."""
    elements = argument_shape(evidence).numel()
    if len(evidence.outputs) != 1 or not 1 < elements <= MOST or evidence.outputs[0].numel() > MOST:
        return None
    output = evidence.outputs[0]
    units = torch.eye(output.numel(), dtype=output.dtype).reshape(-1, *output.shape)
    true, own = (torch.stack([f((unit,)).reshape(-1) for unit in units]) for f in (evidence.pull, evidence.rule))
    return _Jacobians(true, own, true.abs().amax())


def contributions_left_out(evidence: GradientEvidence) -> Claims:
    """Of what several output elements contribute to one input element only a part arrives."""
    jacobians = _jacobians(evidence)
    if jacobians is None:
        return
    missing = jacobians.is_nothing(jacobians.own) & ~jacobians.is_nothing(jacobians.true)
    kept = ~jacobians.is_nothing(jacobians.own)
    # An input element to which nothing at all arrives is another mistake: a mask, a slice, an end.
    nothing_arrives = bool((missing.any(0) & ~kept.any(0)).any())
    if not missing.any() or (nothing_arrives and not (kept.any() and _is_diagonal(missing))):
        return
    if jacobians.is_nothing((jacobians.own - jacobians.true) * ~missing).all():
        total = int((missing | kept).sum())
        yield Claim(
            "contributions left out",
            f"adds up only {total - int(missing.sum())} of the {total} contributions of output elements to input "
            f"elements{_which(missing, kept)}",
            "Add up what every output element contributes (index_add, scatter_add or accumulate=True where an index "
            "occurs more than once), each input's every use among them.",
        )


def _which(missing: Tensor, kept: Tensor) -> str:
    if _is_diagonal(missing):
        return ": the output element at the input element's own place is left out"
    places = torch.arange(missing.shape[0])[:, None]
    lost, last = torch.where(missing, places, -1).amax(0), torch.where(kept, places, -1).amax(0)
    several = missing.any(0)
    if (kept.sum(0)[several] == 1).all() and (last > lost)[several].all():
        return ": where there are several the last is written over the others"
    return ""


def _is_diagonal(entries: Tensor) -> bool:
    return len(entries) > 1 and torch.equal(entries, torch.eye(len(entries), dtype=torch.bool))


def mixed_along_another_axis(evidence: GradientEvidence) -> Claims:
    """The rule mixes elements along other axes than the function does."""
    shape = argument_shape(evidence)
    jacobians = _jacobians(evidence)
    if jacobians is None or evidence.outputs[0].shape != shape or len(shape) < 2:
        return
    truly, mixed = (_mixed_axes(~jacobians.is_nothing(m), shape) for m in (jacobians.true, jacobians.own))
    too_many, too_few = [a for a in mixed if a not in truly], [a for a in truly if a not in mixed]
    words = {"mixes elements along {}, which the function doesn't": too_many}
    words |= {"doesn't mix elements along {}, which the function does": too_few}
    if too_many or too_few:
        yield Claim(
            "mixes along another axis",
            ", and ".join(form.format(axes_in_words(axes)) for form, axes in words.items() if axes),
            "Look at the axes of sums, means and products in the rule, and whether they keep the reduced axis.",
        )


def _mixed_axes(depends: Tensor, shape: torch.Size) -> list[int]:
    """The axes along which an output element depends on input elements that are elsewhere on that axis alone."""
    places = torch.stack(torch.unravel_index(torch.arange(shape.numel()), shape))
    apart = places[:, :, None] != places[:, None, :]
    return [axis for axis in range(len(shape)) if (depends & apart[axis] & (apart.sum(0) == 1)).any()]
