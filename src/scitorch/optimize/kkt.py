"""The conditions of a constrained minimum, written as equations that hold near it, too."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.optimize
import torch
from numpy.typing import NDArray
from torch import Tensor

Array = NDArray[Any]
NEAR = 1e-4  # distance at which a constraint may be active: what the coarsest methods reach
WEAK = 1e-6  # distance and multiplier below which an active constraint is called weakly active
STATIONARY = 1e-3  # of the gradient, left over beside the multipliers


def complementarity(value: Tensor, multiplier: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """Zero where the value is at a limit that its multiplier pushes it to, or inside with no multiplier.

    Where it is strictly so, a neighbourhood of the solution has the same branch, which is smooth.
    """
    at_low = (value - multiplier < low) | (low == high)
    at_high = ~at_low & (value - multiplier > high)
    low, high = torch.where(at_low, low, value), torch.where(at_high, high, value)  # keeps infinities out of gradients
    return torch.where(at_low, value - low, torch.where(at_high, value - high, multiplier))


def strict(value: Array, multiplier: Array, low: Array, high: Array, scale: float) -> bool:
    """Whether no limit is touched without being pushed to."""
    inside = np.minimum(value - low, high - value) > WEAK * (1 + np.abs(value))
    return bool(np.all(inside | (np.abs(multiplier) > WEAK * scale) | (low == high)))


def multipliers(
    x: Array,
    slope: Array,
    box: tuple[Array, Array],
    values: Array,
    jacobian: Array,
    limits: tuple[Array, Array],
    scale: float,
) -> tuple[Array, bool]:
    """The multipliers of the constraints at a minimum, and whether it is one at which nothing is weakly active.

    They are the best fit of the active constraints' gradients to the function's, each with its sign. Gradients are
    small and large beside `scale`.
    """
    free = ~np.logical_or(*_near(x, *box))
    low, high = _near(values, *limits)
    active = low | high
    mu = np.zeros_like(values)
    if active.any() and free.any():
        either = limits[0] == limits[1]
        signs = np.where(high | either, -np.inf, 0)[active], np.where(low | either, np.inf, 0)[active]
        mu[active] = scipy.optimize.lsq_linear(jacobian[active][:, free].T, slope[free], signs, tol=1e-14).x
    left = slope - jacobian.T @ mu
    inner = ~np.logical_or(*(side & push for side, push in zip(_near(x, *box), (left > 0, left < 0), strict=True)))
    stationary = np.abs(left[inner]).max(initial=0) <= STATIONARY * scale
    return mu, bool(stationary) and strict(x, left, *box, scale) and strict(values, mu, *limits, scale)


def strict_in_box(x: Array, slope: Array, box: tuple[Array, Array], scale: float) -> bool:
    """Whether it is a minimum within bounds at which none is weakly active."""
    none = np.zeros(0)
    return multipliers(x, slope, box, none, np.zeros((0, len(x))), (none, none), scale)[1]


def _near(value: Array, low: Array, high: Array) -> tuple[Array, Array]:
    distance = NEAR * (1 + np.abs(value))
    return value - low <= distance, high - value <= distance
