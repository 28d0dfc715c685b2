"""Interpolating splines of any degree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from scitorch.core.errors import ArgumentError
from scitorch.interpolate.bsplines import BSpline, basis
from scitorch.interpolate.checks import as_data, as_knots, checked, finite, in_precision, real_of
from scitorch.linalg.banded import banded
from scitorch.linalg.systems import solve_general

Derivatives = list[tuple[int, Tensor]]
OWNER = "make_interp_spline"


def make_interp_spline(
    x: Tensor,
    y: Tensor,
    k: int = 3,
    t: Tensor | None = None,
    bc_type: str | Sequence[Any] | None = None,
    axis: int = 0,
    check_finite: bool = True,
) -> BSpline:
    """The spline of degree k through given points.

    Parameters
    ----------
    x : Tensor of shape (n,)
        Where the values are given; real, strictly increasing.
    y : Tensor
        The values, n of them along `axis`; real or complex.
    k : int, optional
        The degree.
    t : Tensor, optional
        Knots, as many as values, conditions at the ends, and k+1. By default they follow from `x`.
    bc_type : str or tuple of two, optional
        "not-a-knot" (None), "periodic", "clamped" (zero slope), "natural" (zero second derivative), or for each end
        None, one of the last two, or a list of ``(order, value)`` pairs.
    axis : int, optional
        Along which axis `y` varies with `x`.
    check_finite : bool, optional
        Whether to raise for infinities and NaN in `y`; in `x` and `t` they always raise.

    Returns
    -------
    BSpline

    Raises
    ------
    ArgumentError
        For shapes, knots, points or conditions that don't fit.
    KernelError
        If the knots leave the spline undetermined.

    Notes
    -----
    The coefficients solve a banded system (for periodic conditions a full one, of cubic cost) whose matrix is made of
    the basis at `x`; all of it is differentiable to any order in `x`, `y`, `t` and the values in `bc_type`.

    References
    ----------
    `scipy.interpolate.make_interp_spline`; C. de Boor, "A Practical Guide to Splines" (Springer, 2001), chapter 13.

    Examples
    --------
    >>> import torch
    >>> spline = make_interp_spline(torch.arange(6.0), torch.arange(6.0) ** 2, k=2)
    >>> spline(torch.tensor([1.5, 2.5]))
    tensor([2.2500, 6.2500])
    """
    x, y, axis = _data(x, y, axis, check_finite)
    periodic = isinstance(bc_type, str) and bc_type == "periodic"
    sides = [None, None] if bc_type is None or periodic or _is(bc_type, "not-a-knot") else _sides(bc_type)
    if k < 0 or (k < 2 and t is None and any(side is not None for side in sides)) or (k == 0 and t is not None):
        raise ArgumentError(OWNER, "k, t, bc_type", "a degree of at least 0 that leaves room for these", f"k={k}")
    if periodic:
        y = checked(y.movedim(0, -1), rule="periodic", owner=OWNER, argument="y").movedim(-1, 0)
    if k < 2 and t is None:
        return BSpline.construct_fast(torch.cat((x[:k], x, x[-1:])), y, k, axis=axis)
    if periodic and t is not None:
        raise ArgumentError(OWNER, "t", "None for periodic conditions", "knots")
    if periodic:
        knots = _periodic_knots(x, k)
        return BSpline.construct_fast(knots, _solve_periodic(x, y, knots, k), k, "periodic", axis)
    left, right = (_derivatives(side, y, k) for side in sides)
    if t is None:
        t = _not_a_knot(x, k) if not left and not right and sides == [None, None] else _augmented(x, k)
    else:
        (t,) = as_data(t)
        t = as_knots(OWNER, "t", t.to(x.dtype), "sorted")
    if len(t) - k - 1 != len(x) + len(left) + len(right):
        got = f"{len(t)} knots for {len(x)} values and {len(left)} + {len(right)} conditions"
        raise ArgumentError(OWNER, "t, bc_type", f"{k + 1} knots more than values and conditions", got)
    # No value may lie outside the base interval, whose ends are knots.
    checked(torch.stack((t[k], x[0], x[-1], t[-k - 1])), rule="sorted", owner=OWNER, argument="x")
    return BSpline.construct_fast(t, _solve(x, y, t, k, left, right), k, axis=axis)


def _data(x: Any, y: Any, axis: int, check_finite: bool) -> tuple[Tensor, Tensor, int]:
    (x,), (y,) = as_data(x), as_data(y)
    if x.ndim != 1 or len(x) == 0 or not -y.ndim <= axis < y.ndim or y.shape[axis] != len(x):
        got = f"shapes {tuple(x.shape)} and {tuple(y.shape)}"
        raise ArgumentError(OWNER, "x, y", f"one dimension, and as many values along axis {axis}", got)
    precision = torch.promote_types(real_of(x.dtype), real_of(y.dtype))
    x = as_knots(OWNER, "x", x if x.is_complex() else x.to(precision))
    y = in_precision(precision, y.movedim(axis, -1))
    y = finite(y, OWNER, "y") if check_finite else y
    return x, y.movedim(-1, 0), axis % y.ndim


def _is(bc: Any, name: str) -> bool:
    return isinstance(bc, str) and bc == name


def _sides(bc_type: Any) -> list[Any]:
    sides = [bc_type, bc_type] if isinstance(bc_type, str) else list(bc_type)
    if len(sides) != 2:
        raise ArgumentError(OWNER, "bc_type", "one condition for both ends, or two", repr(bc_type))
    return sides


def _derivatives(side: Any, y: Tensor, k: int) -> Derivatives:
    """The orders and values of the derivatives that are given at an end."""
    zero = torch.zeros_like(y[0])
    if side is None:
        return []
    named = {"clamped": [(1, zero)], "natural": [(2, zero)]}
    if isinstance(side, str):
        if side not in named:
            raise ArgumentError(OWNER, "bc_type", '"clamped", "natural", "periodic" or "not-a-knot"', repr(side))
        side = named[side]
    pairs = [(int(order), torch.as_tensor(value, dtype=y.dtype, device=y.device)) for order, value in side]
    if not all(0 <= order <= k and value.numel() == zero.numel() for order, value in pairs):
        expected = f"orders from 0 to {k} and values of shape {tuple(zero.shape)}"
        raise ArgumentError(OWNER, "bc_type", expected, repr(side))
    return [(order, value.reshape(zero.shape)) for order, value in pairs]


def _not_a_knot(x: Tensor, k: int) -> Tensor:
    """Knots at the points, or for even degrees between them, but for those next to the ends."""
    inner = x if k % 2 else (x[1:] + x[:-1]) / 2
    skipped = (k + 1) // 2
    return torch.cat((x[:1].expand(k + 1), inner[skipped : len(inner) - skipped], x[-1:].expand(k + 1)))


def _augmented(x: Tensor, k: int) -> Tensor:
    return torch.cat((x[:1].expand(k), x, x[-1:].expand(k)))


def _periodic_knots(x: Tensor, k: int) -> Tensor:
    """The points (for even degrees, those between) and k more on each side, as on a circle."""
    if k % 2 == 0:
        x = torch.cat((x[:1], (x[1:-1] + x[:-2]) / 2, x[-1:]))
    steps = torch.diff(x)
    turns = torch.arange(k, device=x.device) % len(steps)
    before = x[0] - torch.cumsum(steps.flip(0)[turns], 0)
    return torch.cat((before.flip(0), x, x[-1] + torch.cumsum(steps[turns], 0)))


def _solve(x: Tensor, y: Tensor, t: Tensor, k: int, left: Derivatives, right: Derivatives) -> Tensor:
    """The coefficients, from rows of the basis at the points between rows of its derivatives at the ends."""
    n = len(t) - k - 1
    ends = [(x[:1], left), (x[-1:], right)]
    rows, firsts = zip(*([basis(t, k, x)] + [basis(t, k, p, nu) for p, given in ends for nu, _ in given]), strict=True)
    # The first block holds the values; conditions at the left end come before them, those at the right end after.
    order = [*range(1, 1 + len(left)), 0, *range(1 + len(left), len(rows))]
    values = torch.cat([rows[b] for b in order])
    columns = torch.cat([firsts[b] for b in order])[:, None] + torch.arange(k + 1, device=x.device)
    bands = k + torch.arange(n, device=x.device)[:, None] - columns
    if n:
        # Schoenberg and Whitney: between its knots each B-spline has a point of its own.
        inside = torch.where((bands >= 0) & (bands <= 2 * k), 1.0, values.detach().abs().le(0).double() - 0.5)
        checked(inside.flatten().to(x.dtype), rule="positive", owner=OWNER, argument="t")
    spot = torch.where((bands >= 0) & (bands <= 2 * k), bands, 0)
    ab = values.new_zeros((2 * k + 1, n)).index_put((spot, columns), values, accumulate=True)
    given = [torch.stack([v for _, v in block]) if block else y[:0] for block in (left, right)]
    flat = torch.cat((given[0], y, given[1])).reshape(n, -1)
    return banded(ab, flat, lower=k, upper=k, check_finite=False).reshape(n, *y.shape[1:])


def _solve_periodic(x: Tensor, y: Tensor, t: Tensor, k: int) -> Tensor:
    """The coefficients of a spline on a circle, of which the first k come again at the end."""
    n = len(x) - 1
    values, first = basis(t, k, x[:-1])
    columns = (first[:, None] + torch.arange(k + 1, device=x.device)) % n
    rows = torch.arange(n, device=x.device)[:, None].expand(columns.shape)
    matrix = values.new_zeros((n, n)).index_put((rows, columns), values, accumulate=True)
    flat = y[:-1].reshape(n, -1)
    solution = solve_general(matrix, flat)
    return solution[torch.arange(n + k, device=x.device) % n].reshape(n + k, *y.shape[1:])
