"""What a solver finds, as constants: for derivatives that are written down afterwards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from scitorch.core import modes
from scitorch.core.implicit import implicit


def constants(
    name: str, solve: Callable[..., Any], uses: Callable[..., Any], guess: Tensor, arguments: tuple[Any, ...]
) -> tuple[Tensor, ...]:
    """What ``solve(*arguments)`` returns after its first two results, without a derivative, in every mode.

    The first result is where the functions were evaluated, the second whether all went well.
    ``uses(first, *arguments)`` evaluates the functions there (before that is known, at `guess`), so that the tensors
    which they use are found.
    """
    if not modes.transforms_active():
        with torch.no_grad(), modes.disable_forward_mode():
            return solve(*arguments)[1:]

    def residual(points: Tensor, *arguments: Any) -> Tensor:
        uses(points, *arguments)
        return torch.zeros_like(points)

    return implicit(name, solve, residual, guess, arguments, lambda _, b, *__: b)[1:]


def double(value: Any, device: torch.device | None = None) -> Tensor:
    """A tensor as it is, or numbers, in double precision."""
    if isinstance(value, Tensor):
        return value.to(device or value.device, torch.float64)
    return torch.as_tensor(value, dtype=torch.float64, device=device)
