"""Jacobians for solvers, which differentiate them no further: from the graph of the very evaluation of the value."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import BackwardCFunction

ROWS = 500  # up to which all are pulled back at once
GOLDEN = 0.6180339887498949
ROUNDING = 1e-9  # of sums over all values


class Linearised:
    """A function of tensors, and its Jacobian where it was evaluated last.

    Solvers ask for a value and, once they go on from there, for the Jacobian at the same point. The value has a graph
    then: nothing of the function is evaluated again, which by differences were as many times as it has unknowns.

    Parameters
    ----------
    function : callable
        ``function(*points) -> Tensor``. What returns no tensor has values, and no Jacobian.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self._points: Sequence[Tensor] = ()
        self._value: Any = None
        self._jacobian: Tensor | None = None

    def value(self, *points: Tensor) -> Any:
        """What the function returns, without its graph."""
        value = self._at(points)
        return value.detach() if isinstance(value, Tensor) else value

    def jacobian(self, *points: Tensor) -> Tensor:
        """The derivatives of all its elements, in the shape (*value, unknowns)."""
        value = self._at(points)
        if self._jacobian is None:
            many = value.numel() > max(ROWS, sum(p.numel() for p in points))
            made = _by_columns(value, self._points) if many else _by_rows(value, self._points)
            self._jacobian = self._by_forward_mode(points) if made is None else made
        return self._jacobian

    def _at(self, points: Sequence[Tensor]) -> Any:
        if not (self._points and all(map(torch.equal, points, self._points))):
            self._points, self._jacobian = [p.detach().requires_grad_() for p in points], None
            with torch.enable_grad():
                self._value = self._function(*self._points)
        return self._value

    def _by_forward_mode(self, points: Sequence[Tensor]) -> Tensor:
        made: Any = torch.func.jacfwd(self._function, tuple(range(len(points))))(*points)
        pairs = zip(made, points, strict=True)
        return torch.cat([g.reshape(*g.shape[: g.dim() - p.dim()], p.numel()) for g, p in pairs], -1)


def jacobian(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """The Jacobian of a function at one point, in the shape (*value, *x)."""
    made = Linearised(function).jacobian(x)
    return made.view(*made.shape[:-1], *x.shape)


def _by_rows(value: Tensor, points: Sequence[Tensor]) -> Tensor:
    """All elements pulled back at once."""
    m = value.numel()
    made: Any = [None] * len(points)
    if value.requires_grad and m:
        rows = torch.eye(m, dtype=value.dtype, device=value.device).view(m, *value.shape)
        made = torch.autograd.grad(value, points, rows, True, is_grads_batched=True, allow_unused=True)
    pairs = zip(made, points, strict=True)
    parts = [value.new_zeros(m, p.numel()) if g is None else g.reshape(m, p.numel()) for g, p in pairs]
    whole = parts[0] if len(parts) == 1 else torch.cat(parts, 1)
    return whole.view(*value.shape, whole.shape[1])


def _by_columns(value: Tensor, points: Sequence[Tensor]) -> Tensor | None:
    """Forward mode from reverse mode: a pullback is linear, and what pulls it back pushes forward.

    Each unknown by itself, so that nothing is computed of those that it doesn't meet on its way. The columns are
    contiguous, as MINPACK wants them. None where the pullback has no graph, or only a part of one.
    """
    columns = value.new_zeros(sum(p.numel() for p in points), *value.shape)
    if not value.requires_grad:
        return columns.movedim(0, -1)
    try:
        with torch.enable_grad():
            own = _of_pytorch(value)
            u = (value.new_zeros(()).expand_as(value) if own else _weights(value)).requires_grad_()
            pulled = torch.autograd.grad(value, points, u, create_graph=True, allow_unused=True, materialize_grads=True)
            parts = [x for p in pulled for x in p.reshape(-1)]
        for x, column in zip(parts, columns, strict=True):
            made = torch.autograd.grad(x, u, retain_graph=True, allow_unused=True)[0]
            if made is not None:
                column.copy_(made)
    except RuntimeError:  # of a Function whose backward pass has no derivative
        return None
    whole = own or _agree(columns, u.detach(), torch.stack(parts).detach())
    return columns.movedim(0, -1) if whole else None


def _of_pytorch(value: Tensor) -> bool:
    """Whether all of a graph is PyTorch's own, whose backward passes have derivatives or say that they have none."""
    met, left = set[Any](), [value.grad_fn]
    while left:
        node = left.pop()
        if node is None or node in met:
            continue
        if isinstance(node, BackwardCFunction) or "CppNode" in node.name():
            return False
        met.add(node)
        left += [following for following, _ in node.next_functions]
    return True


def _weights(value: Tensor) -> Tensor:
    """Numbers from 1/2 to 3/2 that no derivative is orthogonal to but by chance."""
    k = torch.arange(value.numel(), dtype=value.dtype, device=value.device)
    return (k * GOLDEN).frac_().add_(0.5).view(value.shape)


def _agree(columns: Tensor, u: Tensor, pulled: Tensor) -> bool:
    """Whether the columns are all that was pulled back: of a backward pass that ran NumPy, they have nothing."""
    columns, u = columns.flatten(1), u.flatten()
    scale = torch.linalg.vector_norm(columns, dim=1) * torch.linalg.vector_norm(u) + pulled.abs()
    off = (columns @ u - pulled).abs() > ROUNDING * scale
    return not bool((off & pulled.isfinite()).any())
