"""What every interpolator asks of its data: checks of values that raise in every mode, and common dtypes.

A check of values is an operator, the identity with a kernel that may refuse: it works where a Python `if` on a tensor
cannot, inside `torch.compile` and `torch.func`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from scitorch.core import Sample, operator, zero
from scitorch.core.errors import ArgumentError
from scitorch.interpolate.pieces import count_knots

Array = NDArray[Any]

# Tables, since Dynamo doesn't know `torch.dtype.to_real`.
_REAL = {torch.complex32: torch.float16, torch.complex64: torch.float32, torch.complex128: torch.float64}
_COMPLEX = {real: whole for whole, real in _REAL.items()} | {torch.bfloat16: torch.complex64}


def real_of(dtype: torch.dtype) -> torch.dtype:
    """The precision of a real or complex dtype."""
    return _REAL.get(dtype, dtype)


def complex_of(dtype: torch.dtype) -> torch.dtype:
    """The complex dtype of that precision."""
    return _COMPLEX.get(dtype, dtype)


def in_precision(precision: torch.dtype, x: Tensor) -> Tensor:
    """The tensor in a precision, as real or complex as it was."""
    return x.to(complex_of(precision) if x.is_complex() else precision)


_RULES: dict[str, tuple[str, Any]] = {
    "finite": ("finite values", lambda x: True),
    "increasing": ("strictly increasing values", lambda x: np.all(np.diff(x) > 0)),
    "sorted": ("values that do not decrease", lambda x: np.all(np.diff(x) >= 0)),
    "monotonic": ("strictly increasing or decreasing values", lambda x: abs(np.sign(np.diff(x)).sum()) == x.size - 1),
    "positive": ("positive values", lambda x: np.all(x > 0)),
    "periodic": ("equal first and last values", lambda x: abs(x[0] - x[-1]) <= 8 * np.finfo(x.dtype).eps * abs(x[0])),
}


@operator("(n)->(n)")
def checked(x: Array, *, rule: str, owner: str = "", argument: str = "x") -> Array:
    """The same values, if they obey a rule."""
    expected, obeyed = _RULES[rule]
    if not np.isfinite(x).all():
        raise ArgumentError(owner, argument, "finite values", "infinities or NaN", "torch.nan_to_num")
    if not obeyed(x):
        raise ArgumentError(owner, argument, expected, "others")
    return x


@operator("(n),(n),(n)->(n)", batch="native")
def within(x: Array, least: Array, greatest: Array, *, owner: str = "") -> Array:
    """The same values, if they lie between bounds."""
    if not np.all(np.isnan(x) | ((least <= x) & (x <= greatest))):
        advice = "bounds_error=False, with a fill_value"
        raise ArgumentError(owner, "xi", "points within the grid", "some outside", advice)
    return np.broadcast_arrays(x, least, greatest)[0]


checked.vjp(x=lambda g: g)
within.vjp(x=lambda g: g, least=zero, greatest=zero)


def as_data(*values: Any) -> list[Tensor]:
    """Tensors of floating-point numbers in their common dtype, from tensors, numbers or lists."""
    tensors = [torch.as_tensor(value) for value in values]
    dtype = tensors[0].dtype
    for tensor in tensors[1:]:
        dtype = torch.promote_types(dtype, tensor.dtype)
    if not (dtype.is_floating_point or dtype.is_complex):
        dtype = torch.get_default_dtype()
    return [tensor.to(dtype) for tensor in tensors]


def as_knots(owner: str, argument: str, x: Tensor, rule: str = "increasing") -> Tensor:
    """One dimension of real values that obey a rule."""
    if x.is_complex():
        raise ArgumentError(owner, argument, "real values", "complex ones", f"{argument}.real")
    if x.ndim != 1:
        raise ArgumentError(owner, argument, "one dimension", f"shape {tuple(x.shape)}")
    return checked(x, rule=rule, owner=owner, argument=argument)


def finite(y: Tensor, owner: str, argument: str) -> Tensor:
    """The same finite values, whatever their shape: all are looked at at once."""
    if y.ndim == 1:
        return checked(y, rule="finite", owner=owner, argument=argument)
    return checked(y.reshape(-1), rule="finite", owner=owner, argument=argument).reshape(y.shape)


def as_points(x: Any, like: Tensor) -> Tensor:
    """Where to evaluate: a real tensor in a dtype that holds the knots too."""
    x = x if isinstance(x, Tensor) else torch.as_tensor(x, dtype=like.dtype, device=like.device)
    # As `torch.result_type`, which Dynamo doesn't know.
    return x.to(torch.promote_types(x.dtype, like.dtype) if x.ndim else like.dtype)


def count_at_most(knots: Tensor, x: Tensor, *, strictly: bool = False) -> Tensor:
    """How many of the sorted knots lie at or below each x (strictly below it); no derivative is lost, it has none."""
    knots, flat = knots.detach().to(x.dtype), x.detach().reshape(-1)
    if x.device.type == "cpu" and not strictly:
        return count_knots(knots, flat).reshape(x.shape)
    # Under torch.func.vmap searchsorted warns of memory that it laid out itself, unless both are batched (which they
    # are once both batches are added) and contiguous (which `contiguous` doesn't see to there, but `cat` does).
    both = knots.new_zeros(()) + flat.new_zeros(())
    places = torch.searchsorted(torch.cat((knots + both,)), torch.cat((flat + both,)), right=not strictly)
    return places.reshape(x.shape)


def _knots(rng: np.random.Generator, *shape: int) -> Array:
    return np.cumsum(1 + rng.uniform(size=shape), axis=-1)


checked.samples(
    lambda rng: [
        Sample(_knots(rng, 3), rule="increasing", owner="CubicSpline"),
        Sample(_knots(rng, 2, 3), rule="sorted"),
    ]
)
checked.samples(lambda rng: [Sample(rng.normal(size=3) + 1j * rng.normal(size=3), rule="finite", argument="y")])
within.samples(lambda rng: [Sample(rng.uniform(size=(2, 3)), -9 * np.ones(3), 99 * np.ones(3), owner="interpn")])
