"""Jacobians for solvers, which differentiate them no further: from the graph of the very evaluation of the value."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

ROWS = 500  # up to which all are pulled back at once


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
            columns = value.numel() > max(ROWS, sum(p.numel() for p in points))
            self._jacobian = (_by_columns if columns else _by_rows)(value, self._points)
        return self._jacobian

    def _at(self, points: Sequence[Tensor]) -> Any:
        if not (self._points and all(map(torch.equal, points, self._points))):
            self._points, self._jacobian = [p.detach().requires_grad_() for p in points], None
            with torch.enable_grad():
                self._value = self._function(*self._points)
        return self._value


def jacobian(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """The Jacobian of a function at one point, in the shape (*value, *x)."""
    made = Linearised(function).jacobian(x)
    return made.view(*made.shape[:-1], *x.shape)


def _by_rows(value: Tensor, points: Sequence[Tensor]) -> Tensor:
    """All elements pulled back at once."""
    m, made = value.numel(), [None] * len(points)
    if value.requires_grad and m:
        rows = torch.eye(m, dtype=value.dtype, device=value.device).view(m, *value.shape)
        made: Any = torch.autograd.grad(value, points, rows, True, is_grads_batched=True, allow_unused=True)
    parts = [
        value.new_zeros(m, p.numel()) if g is None else g.reshape(m, p.numel())
        for g, p in zip(made, points, strict=True)
    ]
    whole = parts[0] if len(parts) == 1 else torch.cat(parts, 1)
    return whole.view(*value.shape, whole.shape[1])


def _by_columns(value: Tensor, points: Sequence[Tensor]) -> Tensor:
    """Forward mode from reverse mode: a pullback is linear, and what pulls it back pushes forward.

    Each unknown by itself, so that nothing is computed of those that it doesn't meet on its way. The columns are
    contiguous, as MINPACK wants them.
    """
    if not value.requires_grad:
        return value.new_zeros(*value.shape, sum(p.numel() for p in points))
    with torch.enable_grad():
        u = value.new_zeros(()).expand_as(value).requires_grad_()
        pulled = torch.autograd.grad(value, points, u, create_graph=True, allow_unused=True, materialize_grads=True)
        parts = [x for p in pulled for x in p.reshape(-1)]
    columns = value.new_zeros(len(parts), *value.shape)
    for x, column in zip(parts, columns, strict=True):
        made = torch.autograd.grad(x, u, retain_graph=True, allow_unused=True)[0]
        if made is not None:
            column.copy_(made)
    return columns.movedim(0, -1)
