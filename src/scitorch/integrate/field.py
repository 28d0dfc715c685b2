"""The user's right-hand side: at one point for SciPy, and at all points of a trajectory at once for derivatives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from scitorch.core.closure import Replaced
from scitorch.core.errors import MissingDerivativeError

STATES = 50  # up to which Jacobians are made


@dataclass(eq=False, slots=True)
class Field:
    """A function of time and state, in double precision.

    Attributes
    ----------
    mapped : bool
        Whether `torch.vmap` can map it: it cannot where Python asks for the value of a tensor.
    in_torch : bool
        Whether it returned tensors so far.
    """

    name: str
    argument: str
    fun: Callable[..., Any]
    single: bool = False
    mapped: bool = True
    in_torch: bool = True

    def at(self, t: Tensor, y: Tensor, args: tuple[Any, ...]) -> Any:
        """The value at one point, for the solver."""
        if not self.single:
            value = self.fun(t, y, *args)
            return value if type(value) is Tensor and value.dtype is y.dtype else self._as_tensor(value, y)
        with Replaced((), (), double=True):
            return self._as_tensor(self.fun(t, y, *args), y)

    def _as_tensor(self, value: Any, y: Tensor) -> Any:
        if isinstance(value, (tuple, list)) and any(isinstance(x, Tensor) for x in value):
            value = torch.stack([torch.as_tensor(x, dtype=y.dtype, device=y.device) for x in value])
        self.in_torch = self.in_torch and isinstance(value, Tensor)
        return value.to(y.dtype) if isinstance(value, Tensor) else value

    def along(self, t: Tensor, y: Tensor, args: tuple[Any, ...]) -> Tensor:
        """The values at times (p) and states (p, n)."""
        return self._each(lambda t, y: self._tensor_at(t, y, args), t, y)

    def _tensor_at(self, t: Tensor, y: Tensor, args: tuple[Any, ...]) -> Tensor:
        if self.in_torch:
            value = self.at(t, y, args)
            if isinstance(value, Tensor):
                return value
        expected, got = "a function of torch operations", "one that returns no tensor"
        raise MissingDerivativeError(self.name, self.argument, expected, got, "torch operations on what it is given")

    def _each(self, function: Callable[..., Tensor], *points: Tensor) -> Tensor:
        """A function at each point: mapped, or one after the other where it can't be."""
        if self.mapped and points[0].shape[0]:
            try:
                return torch.vmap(function)(*points)
            except RuntimeError:  # raised again below, unless it was about being mapped
                self.mapped = False
        if points[0].shape[0] == 0:
            return torch.zeros_like(points[-1])
        return torch.stack([function(*point) for point in zip(*points, strict=True)])

    def jacobians(self, function: Callable[[Tensor], Tensor], y: Tensor) -> Tensor:
        """The Jacobians (p, n, n) of a function that takes each of the states (p, n) by itself."""
        pull: Any = torch.func.vjp(function, y)[1]
        rows = torch.eye(y.shape[1], dtype=y.dtype, device=y.device)[:, None, :].expand(-1, *y.shape)
        if self.mapped:
            return torch.vmap(lambda g: pull(g)[0])(rows).movedim(0, 1)
        return torch.stack([pull(g)[0] for g in rows], 1)
