"""Complex states, solved for as twice as many real ones.

Functions of complex numbers that aren't holomorphic have no derivative but this one, which is PyTorch's.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np
import torch
from torch import Tensor

from scitorch.core.errors import ArgumentError

REAL_ONLY = ("jac", "jac_sparsity", "lband", "uband")


def to_real(z: Tensor) -> Tensor:
    """Real parts of the states (n,), then imaginary ones."""
    return torch.view_as_real(z.resolve_conj()).mT.flatten()


def to_complex(u: Tensor) -> Tensor:
    """The states (..., n) of their parts (..., 2 n)."""
    # Not `torch.complex`, whose derivative leaves negative bits behind that torch.vmap doesn't know.
    return torch.view_as_complex(torch.stack(u.chunk(2, -1), -1))


def of_parts(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of time and complex states as one of their parts, a field as one of parts, too."""

    def call(t: Tensor, u: Tensor, *args: Any) -> Any:
        value = function(t, to_complex(u), *args)
        if isinstance(value, (tuple, list)) and any(isinstance(x, Tensor) for x in value):
            value = torch.stack([torch.as_tensor(x, dtype=torch.complex128, device=u.device) for x in value])
        if isinstance(value, Tensor):
            return to_real(value.to(torch.complex128))
        return np.concatenate([np.real(value), np.imag(value)])

    return call


def event_of_parts(event: Callable[..., Any]) -> Callable[..., Any]:
    """The same of an event, with SciPy's attributes."""

    @wraps(event)
    def call(t: Tensor, u: Tensor, *args: Any) -> Any:
        return event(t, to_complex(u), *args)

    return call


def options_of_parts(solver: str, options: dict[str, Any]) -> dict[str, Any]:
    """SciPy's options for twice as many states."""
    for name in REAL_ONLY:
        if options.get(name) is not None:
            got = type(options[name]).__name__
            raise ArgumentError(solver, name, "None for complex states", got, "leaving it out")
    each = [name for name in ("rtol", "atol") if np.ndim(options.get(name, 0)) == 1]
    return options | {name: np.tile(options[name], 2) for name in each}
