"""What is checked, as a function of differentiable tensors alone, and the derivatives under test."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.autograd import forward_ad

Values = tuple[Tensor, ...]


@dataclass(frozen=True)
class Subject:
    """A function of differentiable tensors, at a point.

    Attributes
    ----------
    name : str
    arguments : tuple of str
        Names of the differentiable arguments.
    values : tuple of Tensor
        The point; no tensor requires grad.
    function : callable
        Takes the arguments, returns a tuple of the outputs that can carry a gradient.
    """

    name: str
    arguments: tuple[str, ...]
    values: Values
    function: Callable[..., Values]

    def at(self, values: Sequence[Tensor]) -> Subject:
        """The same function at another point."""
        return replace(self, values=tuple(values))

    def derived(self, function: Callable[..., Values]) -> Subject:
        """Another function of the same arguments, at the same point."""
        return replace(self, function=function)

    def outputs(self) -> Values:
        """The outputs at the point, without a graph."""
        with torch.no_grad():
            return tuple(out.detach() for out in self.function(*_copies(self.values)))

    def pull(
        self, cotangents: Sequence[Tensor | None], wanted: Sequence[bool] | None = None
    ) -> tuple[Tensor | None, ...]:
        """Gradients by plain autograd; None for what the graph doesn't reach, or isn't wanted.

        A cotangent of None leaves that output out of the backward pass.
        """
        wanted = wanted or [True] * len(self.values)
        values = [v.requires_grad_(want) for v, want in zip(_copies(self.values), wanted, strict=True)]
        with torch.enable_grad():
            outputs = self.function(*values)
        pairs = [(o, g) for o, g in zip(outputs, cotangents, strict=True) if g is not None and o.requires_grad]
        if not pairs:
            return (None,) * len(values)
        leaves = [v for v in values if v.requires_grad]
        found = iter(torch.autograd.grad([o for o, _ in pairs], leaves, [g for _, g in pairs], allow_unused=True))
        return tuple(_detached(next(found)) if want else None for want in wanted)

    def gradient(self, cotangents: Sequence[Tensor]) -> Subject:
        """The gradients for these incoming ones as a function of the arguments; where there is none, zeros."""

        def function(*values: Tensor) -> Values:
            with torch.enable_grad():
                leaves = [v if v.requires_grad else v.detach().requires_grad_() for v in values]
                outputs = self.function(*leaves)
                pairs = [(o, g) for o, g in zip(outputs, cotangents, strict=True) if o.requires_grad]
                if not pairs:
                    return tuple(torch.zeros_like(v) for v in leaves)
                found = torch.autograd.grad(
                    [o for o, _ in pairs], leaves, [g for _, g in pairs], create_graph=True, allow_unused=True
                )
            return tuple(torch.zeros_like(v) if g is None else g for v, g in zip(leaves, found, strict=True))

        return self.derived(function)

    def pull_of_pull(self, cotangents: Sequence[Tensor], directions: Sequence[Tensor]) -> tuple[Tensor | None, ...]:
        """The derivative of <directions, gradients> by the incoming gradients: in truth the tangents of the outputs."""
        incoming = [g.clone().requires_grad_() for g in cotangents]
        with torch.enable_grad():
            leaves = [v.requires_grad_() for v in _copies(self.values)]
            outputs = self.function(*leaves)
            reached = [(o, g) for o, g in zip(outputs, incoming, strict=True) if o.requires_grad]
            found = torch.autograd.grad(
                [o for o, _ in reached], leaves, [g for _, g in reached], create_graph=True, allow_unused=True
            )
        pairs = [(f, d) for f, d in zip(found, directions, strict=True) if f is not None and f.requires_grad]
        if not pairs:
            return (None,) * len(incoming)
        return torch.autograd.grad([f for f, _ in pairs], incoming, [d for _, d in pairs], allow_unused=True)

    def push(self, tangents: Sequence[Tensor]) -> tuple[Tensor | None, ...]:
        """Tangents of the outputs by forward mode; None where an output has lost its tangent."""
        with forward_ad.dual_level():
            duals = [forward_ad.make_dual(v, t) for v, t in zip(_copies(self.values), tangents, strict=True)]
            outputs = self.function(*duals)
            return tuple(_detached(forward_ad.unpack_dual(out).tangent) for out in outputs)


def _copies(values: Sequence[Tensor]) -> list[Tensor]:
    """Copies, so that a function which writes into its inputs doesn't move the point.

    A layout that a copy wouldn't have (expanded, every second number) is what is being tried: it is passed as it is.
    """
    copies = [v.detach().clone() for v in values]
    return [c if c.stride() == v.stride() else v.detach() for c, v in zip(copies, values, strict=True)]


def _detached(tensor: Tensor | None) -> Tensor | None:
    return None if tensor is None else tensor.detach()
